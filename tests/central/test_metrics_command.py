"""`muniment-central metrics` on series as people have them, each figure worked out again here from the formulas' definition."""

import csv
import io
import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from central.cli import main
from central.environment.metrics import en15757
from central.environment.metrics.series import Asked, summarise
from central.environment.metrics.within import Box

START = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pi(t: float, rh: float) -> float:
    return math.exp((95220 - 134.9 * rh) / (8.314 * (t + 273.15)) + 0.0284 * rh - 28.023) / 365


def write(path: Path, rows: list[tuple[Any, ...]], header: str = "time,temp_c,rh_pct") -> str:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return str(path)


def asked(capsysbinary: pytest.CaptureFixture[bytes], *arguments: str) -> dict[str, Any]:
    assert main(["metrics", *arguments, "--json"]) == 0

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    made: dict[str, Any] = json.loads(capsysbinary.readouterr().out, parse_constant=refuse)
    return made


def test_rows_and_summary_have_the_contracts_names_and_the_formulas_values(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    climate = [(18 + k % 5, 40 + k % 7 * 3) for k in range(200)]
    rows = [((START + k * HOUR).isoformat(), t, rh) for k, (t, rh) in enumerate(climate)]
    told = asked(capsysbinary, write(tmp_path / "a.csv", rows), "--limits", "18:20:40:50")
    assert [row["time"] for row in told["rows"]] == [row[0] for row in rows]
    names = "time temp_c rh_pct dew_point_c absolute_humidity_g_m3 mixing_ratio_g_kg emc_pct pi_years lifetime_multiplier mould_index"
    assert set(names.split()) <= set(told["rows"][0])
    assert [row["pi_years"] for row in told["rows"]] == pytest.approx([pi(t, rh) for t, rh in climate], rel=1e-8)
    summary = told["summary"]
    assert summary["twpi_years"] == pytest.approx(200 / sum(1 / pi(t, rh) for t, rh in climate))
    boltzmann = sum(math.exp(-10_000 / (t + 273.15)) for t, _rh in climate) / 200
    assert summary["mkt_c"] == pytest.approx(-10_000 / math.log(boltzmann) - 273.15)
    assert summary["coverage"] == 1
    assert summary["within_limits"] == sum(18 <= t <= 20 and 40 <= rh <= 50 for t, rh in climate) / 200
    assert summary["en15757"]["valid"] is False and "not yet valid" in summary["en15757"]["why"]
    for metric in summary["metrics"].values():
        assert metric["en"] and metric["zh"] and metric["coverage"] == 1
        assert metric["low"] <= metric["value"] <= metric["high"]


def test_a_gap_is_not_bridged_and_each_value_weighs_by_its_time(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    # ten hours at 20 °C, a gap of ninety, ten hours at 30 °C: the gap carries no weight
    hours = [*range(10), *range(100, 110)]
    rows = [((START + k * HOUR).isoformat(), 20 if k < 50 else 30, 50) for k in hours]
    told = asked(capsysbinary, write(tmp_path / "a.csv", rows))
    assert told["summary"]["twpi_years"] == pytest.approx(2 / (1 / pi(20, 50) + 1 / pi(30, 50)))
    assert told["summary"]["coverage"] == pytest.approx(20 / 110)
    assert told["summary"]["gaps"] == [{"from": "2025-01-01T10:00:00+00:00", "to": "2025-01-05T04:00:00+00:00"}]
    # half-hours beside hours: not the count of values but their time weighs
    rows = [((START + k * HOUR).isoformat(), 20, 50) for k in range(10)]
    rows += [((START + (10 + k / 2) * HOUR).isoformat(), 30, 50) for k in range(12)]
    told = asked(capsysbinary, write(tmp_path / "b.csv", rows), "--interval", "1800")
    assert told["summary"]["twpi_years"] == pytest.approx(16 / (10 / pi(20, 50) + 6 / pi(30, 50)))


@pytest.mark.parametrize(
    "text",
    [
        '\ufeffRH_PCT;note;Time;temp_C\r\n50,5;x;2025-01-01 00:00;20,25\r\n51;"a;b";2025/1/1 1:00;20,5\r\n',
        "time\ttemp_c\trh_pct\n1735689600000\t20.25\t50.5\n1735693200\t20.5\t51\n",
        'time,temp_c,rh_pct,other\n2025-01-01T08:00:00+08:00,"20,25",50.5,1,\n2025-01-01T01:00:00Z,20.5,51\n',
    ],
)
def test_files_as_programs_write_them(text: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    told = asked(capsysbinary, str(path))
    assert [(row["temp_c"], row["rh_pct"]) for row in told["rows"]] == [(20.25, 50.5), (20.5, 51)]
    assert [datetime.fromisoformat(row["time"]).timestamp() for row in told["rows"]] == [1735689600, 1735693200]
    assert told["refused_count"] == 0


def test_what_cannot_be_used_is_listed_and_nothing_is_invented(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    bad = [
        ("yesterday", 20, 50),
        ((START + 1 * HOUR).isoformat(), "warm", 50),
        ((START + 2 * HOUR).isoformat(), 20, 100.5),
        ((START + 3 * HOUR).isoformat(), "nan", 50),
        ((START + 4 * HOUR).isoformat(), 20, ""),
        ((START + 5 * HOUR).isoformat(), "20", "5", "0,5"),
        ((START + 6 * HOUR).isoformat(), "inf", 50),
    ]
    good = [((START + k * HOUR).isoformat(), 20, 50) for k in (0, 7, 8, 9)]
    told = asked(capsysbinary, write(tmp_path / "a.csv", [*bad, *good]))
    assert [row["line"] for row in told["refused"]] == [2, 3, 4, 5, 6, 7, 8]
    by_time = {row["time"]: row for row in told["rows"]}
    for k in (1, 2, 3, 4, 6):
        row = by_time[(START + k * HOUR).isoformat()]
        assert row["pi_years"] is None and row["dew_point_c"] is None and row["emc_pct"] is None
    assert told["summary"]["twpi_years"] == pytest.approx(pi(20, 50)) and told["summary"]["values"] == 4
    assert told["summary"]["coverage"] == pytest.approx(0.4)
    assert any("sorted" in note for note in told["notes"])


def test_of_two_rows_of_one_time_the_last_counts(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    rows = [(START.isoformat(), 10, 50), ((START + HOUR).isoformat(), 20, 50), (START.isoformat(), 20, 50)]
    told = asked(capsysbinary, write(tmp_path / "a.csv", rows))
    assert [row["temp_c"] for row in told["rows"]] == [20, 20] and len(told["notes"]) == 2


def test_the_hour_that_clocks_show_twice_is_taken_twice(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    local = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]  # Berlin, the night of 26 October 2025
    rows = [(f"2025-10-26 {clock}", 20, 50) for clock in local]
    told = asked(capsysbinary, write(tmp_path / "a.csv", rows), "--timezone", "Europe/Berlin")
    times = [datetime.fromisoformat(row["time"]) for row in told["rows"]]
    assert [later - earlier for earlier, later in pairwise(times)] == [HOUR / 2] * 5
    assert told["summary"]["coverage"] == 1


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        (b"", []),
        (b"time,temp\n1,2\n", []),
        (b"time,temp_c,rh_pct\n", []),
        (b"time,temp_c,rh_pct\nnever,1,2\n", []),
        (b"time,temp_c,rh_pct,time\n", []),
        (b"\x00\xff" * 50_000, []),
        (b"time,temp_c,rh_pct\n2025-01-01T00:00:00Z,20,50\n", ["--limits", "1:2:3"]),
        (b"time,temp_c,rh_pct\n2025-01-01T00:00:00Z,20,50\n", ["--limits", "20:10:3:4"]),
        (b"time,temp_c,rh_pct\n2025-01-01T00:00:00Z,20,50\n", ["--timezone", "Mars/Olympus"]),
        (b"time,temp_c,rh_pct\n2025-01-01T00:00:00Z,20,50\n", ["--pressure", "0"]),
        (b"time,temp_c,rh_pct\n2025-01-01T00:00:00Z,20,50\n", ["--tolerance", "nan:1"]),
    ],
)
def test_wrong_input_exits_with_2_and_says_why(
    content: bytes, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    try:
        status = main(["metrics", str(path), *arguments])
    except SystemExit as stopped:  # argparse's own way
        status = int(str(stopped.code))
    assert status == 2 and capsys.readouterr().err.strip()
    assert main(["metrics", str(tmp_path / "none.csv")]) == 2


def test_one_value_is_enough_and_the_table_is_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.csv", [(START.isoformat(), -10, 60)])
    assert main(["metrics", path, "--lang", "zh", "--limits=-20:-5::", "--set-point=-10:60"]) == 0
    out = capsys.readouterr().out
    assert "twpi_years" in out and "近似值" in out and "尚无效" in out and "nan" not in out.lower()


def test_standard_input_and_no_configuration(tmp_path: Path) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("time", "temp_c", "rh_pct"), ("2025-01-01T00:00:00Z", 0, 0), ("2025-01-01T01:00:00Z", 25, 100)])
    command = [sys.executable, "-m", "central.cli", "metrics", "-", "--json"]
    done = subprocess.run(command, input=text.getvalue(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    dry, damp = json.loads(done.stdout)["rows"]
    assert dry["time"] == "2025-01-01T00:00:00Z" and dry["dew_point_c"] is None and dry["lifetime_multiplier"] is None
    assert dry["absolute_humidity_g_m3"] == 0 and damp["dew_point_c"] == pytest.approx(25) and damp["mould_index"] > 0


def test_the_band_of_en_15757_is_that_of_a_brute_force() -> None:
    day_ms, step_ms = 86_400_000, 6 * 3_600_000
    times = [k * step_ms for k in range(396 * 4) if k % 97 != 5]  # thirteen months with gaps of one value
    rh = [50 + 15 * math.sin(t / (365 * day_ms) * 2 * math.pi) + 16 * math.sin(t / 7.3e7) ** 3 for t in times]
    found = summarise(times, [20.0] * len(times), rh, interval_ms=step_ms).en15757
    assert found.valid and found.band is not None
    residuals = []
    end = times[-1] + step_ms
    for t, v in zip(times, rh, strict=True):
        if times[0] + 15 * day_ms <= t <= end - 15 * day_ms:
            window = [
                (w, later - s)
                for s, w, later in zip(times, rh, [*times[1:], end], strict=True)
                if abs(s - t) < 15 * day_ms or s == t - 15 * day_ms
            ]
            residuals.append(v - sum(w * d for w, d in window) / sum(d for _w, d in window))
    residuals.sort()
    for share, value in ((0.07, found.band.p7_pct), (0.93, found.band.p93_pct)):
        assert value == pytest.approx(residuals[round(share * (len(residuals) - 1))], abs=0.3)
    assert found.band.lower_pct == min(found.band.p7_pct, -10) and found.band.upper_pct == max(found.band.p93_pct, 10)
    assert found.band.outside == pytest.approx(
        sum(not found.band.lower_pct <= r <= found.band.upper_pct for r in residuals) / len(residuals), abs=0.01
    )


def test_the_band_needs_thirteen_months_and_small_residuals_are_safe() -> None:
    hour = 3_600_000
    for hours, valid in ((394 * 24, False), (395 * 24, True)):
        times = [k * hour for k in range(hours)]
        found = en15757.band(times, [50 + k % 3 for k in range(hours)], [hour] * hours)
        assert found.valid is valid
    assert found.band is not None and (found.band.lower_pct, found.band.upper_pct, found.band.outside) == (-10, 10, 0)
    sparse = [k * hour for k in range(396 * 24) if k % 24 < 12]
    assert (
        en15757.band(sparse, [50.0] * len(sparse), [hour] * len(sparse)).why == "not yet valid: data covers 50% of the time, 75% are needed"
    )


def test_quantiles_of_equal_weights_are_the_usual_linear_ones() -> None:
    values = sorted([3.0, 1.5, 9.25, 4.0, 7.0, 7.5])
    for share in (0.0, 0.07, 0.31, 0.5, 0.93, 1.0):
        place = share * (len(values) - 1)
        low = min(int(place), len(values) - 2)
        linear = values[low] + (place - low) * (values[low + 1] - values[low])
        assert en15757.weighted_quantile([(v, 5) for v in values], share) == pytest.approx(linear)


def test_swing_is_judged_on_days_with_enough_data_and_around_the_set_point() -> None:
    hour = 3_600_000
    times = [k * hour for k in range(24 * 3 + 6)]  # three days, and six hours
    temps = [20.0 + (k % 24) / 10 + k // 24 for k in range(len(times))]
    found = summarise(times, temps, [50.0] * len(times), asked=Asked(set_point_c=21.0, swing_c=2.0))
    assert found.swing_c.days == 3 and found.swing_c.mean == pytest.approx(2.3) and found.swing_c.max == pytest.approx(2.3)
    assert found.swing_c.from_set_point == pytest.approx(3.3)  # the third day goes up to 24.3 °C
    assert found.swing_c.within == pytest.approx(1 / 3)  # 20-22.3, 21-23.3, 22-24.3 °C around 21 °C
    assert found.swing_pct.max == 0


def test_limits_are_alternatives_and_the_tolerance_leaves_some_open() -> None:
    hour = 3_600_000
    climates = [(21, 25), (10, 45), (21, 45), (15.1, 30), (20.9, 29.5)]
    times = [k * hour for k in range(len(climates))]
    film = [Box(None, 21, 20, 30), Box(None, 15, 20, 40), Box(None, 10, 20, 50)]
    found = summarise(times, [t for t, _ in climates], [rh for _, rh in climates], boxes=film).within
    assert found is not None
    assert found.share == pytest.approx(4 / 5)  # 21 °C with 45 % is in none of the pairs
    assert found.low == pytest.approx(0) and found.high == pytest.approx(4 / 5) and found.open == pytest.approx(4 / 5)


def test_the_activation_energy_can_be_another_than_papers(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = write(tmp_path / "a.csv", [((START + k * HOUR).isoformat(), t, 50) for k, t in enumerate((10, 10, 20))])
    told = asked(capsysbinary, path, "--activation", "70")
    cold = math.exp(70_000 / 8.314 * (1 / 283.15 - 1 / 293.15))
    assert [row["lifetime_multiplier"] for row in told["rows"]] == pytest.approx([cold, cold, 1.0], rel=1e-8)
    assert told["summary"]["lifetime_multiplier"] == pytest.approx(3 / (2 / cold + 1))
    assert told["summary"]["activation_kj_mol"] == 70
    bounds = told["summary"]["metrics"]["lifetime_multiplier"]
    assert bounds["low"] < bounds["value"] < bounds["high"]


def test_what_fails_on_the_way_exits_with_1(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [((START + k * HOUR).isoformat(), 20, 50) for k in range(2000)])
    with Path("/dev/full").open("wb") as full:  # every write to it fails as on a full disk
        command = [sys.executable, "-m", "central.cli", "metrics", path, "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "could not be written: No space left on device" in done.stderr and "Traceback" not in done.stderr
