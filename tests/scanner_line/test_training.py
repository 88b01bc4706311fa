"""Training at a real bench: nothing of it reaches book, outbox or folder; the real station stands still meanwhile."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scanner_line.errors import TrainingError
from scanner_line.lesson import OF_REAL_SHEETS
from scanner_line.sim.pages import Volume, render_page
from scanner_line.sim.photograph import Shot, photograph
from scanner_line.training import CAMERAS, spoil_jpeg
from tests.scanner_line.bench import check_books, records
from tests.scanner_line.real_bench import RunningBench, running_bench


async def pressed(bench: RunningBench) -> str:
    return await bench.bench.training.station.press("pedal")


async def asked_by_the_centre(bench: RunningBench) -> str:
    return await bench.bench.station.press("centre")


def test_a_training_with_real_sheets_counts_nowhere_and_the_real_bench_waits(tmp_path: Path) -> None:
    with running_bench(tmp_path, sides=("left", "right")) as bench:
        training, real = bench.bench.training, bench.bench.station
        bench.tap()
        with pytest.raises(TrainingError, match="close the batch first"):
            bench.do(training.start())
        bench.do(real.close_batch(confirmed=True))
        before = records(tmp_path)
        bench.do(training.start(material=CAMERAS))
        with pytest.raises(TrainingError, match="on already"):
            bench.do(training.start())
        assert [bench.do(pressed(bench)) for _ in range(2)] == ["captured", "captured"]
        practice = training.station
        batch = practice.facts.batch
        assert batch is not None
        assert batch.counts.captured == 4
        assert records(tmp_path) == before, "nothing was handed to anybody"
        assert bench.do(asked_by_the_centre(bench)) == "rejected"
        view = training.view()
        assert view["on"]
        bench.do(training.stop())
        score = training.view()["score"]
        assert score["mended"] <= score["total"]
        assert {one["kind"] for one in score["defects"]} <= set(OF_REAL_SHEETS)
        assert not (tmp_path / "training").exists()
        with pytest.raises(TrainingError, match="no training"):
            bench.do(training.stop())
        assert bench.do(pressed(bench)) == "captured"
    assert check_books(tmp_path) == {"captured": 2, "rejected": 1}
    (refused,) = [one for one in records(tmp_path, "press") if one["outcome"] == "rejected"]
    assert refused["why"] == "the bench is in training"


@pytest.mark.parametrize("defect", [kind for kind in OF_REAL_SHEETS if kind != "camera"])
def test_each_defect_is_put_into_a_real_picture(defect: str) -> None:
    page = photograph(render_page(Volume(2), 3, height_px=700), Shot(600, 800))
    spoilt = spoil_jpeg(page, defect, seed=3)
    before, after = (np.asarray(Image.open(BytesIO(one)).convert("L"), float) for one in (page, spoilt))
    assert before.shape == after.shape
    assert np.abs(before - after).mean() > 1.0
