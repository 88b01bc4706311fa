"""Separator sheets and camera cards: printed by the centre, rasterised, scanned askew and dirty, read by the bench's own check."""

from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest

from central.cli import main
from central.digitization.process.sheets import BadSheet, VolumeSheet, sheets_pdf
from scanner_line.cards import parse_card
from scanner_line.checks.codes import read_code
from scanner_line.checks.images import Gray
from tests.ready_fonts import lay_fonts, ready_fonts
from wire.separators import Separator, parse

DPI = 200  # what DA/T 31 asks for at the least
CHINESE = "全宗 7·永久·业扩 2024-0001/甲"


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    return ready_fonts()


def scans(pdf: bytes, *, tilt_deg: float = 0.0, noise: float = 0.0) -> list[Gray]:
    """The pages as a scanner would give them, in grey."""
    made = []
    document = pypdfium2.PdfDocument(pdf)
    for number in range(len(document)):
        page = np.array(document[number].render(scale=DPI / 72).to_pil().convert("L"))
        turn = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), tilt_deg, 0.95)
        page = cv2.warpAffine(page, turn, page.shape[::-1], borderValue=90)
        if noise:
            page = np.clip(page * 0.7 + 30 + np.random.default_rng(number).normal(0, noise, page.shape), 0, 255)
        made.append(page.astype(np.uint8))
    document.close()
    return made


def test_what_is_printed_is_read_back_askew_and_dirty(files: dict[str, Path]) -> None:
    volumes = [VolumeSheet("2024-0001", 120, "高压客户档案"), VolumeSheet(CHINESE), VolumeSheet("卷" * 120, 100_000, "x" * 500)]
    pdf = sheets_pdf(volumes, fonts=files, closing=True, cards=[("left", None), ("overhead", "i2c/10:0000")])
    asked = [Separator(True, volume.number, volume.declared) for volume in volumes] + [Separator(False)]
    for pages in (scans(pdf), scans(pdf, tilt_deg=7, noise=18), scans(pdf, tilt_deg=176, noise=18)):
        texts = [read_code(page) for page in pages]
        assert [parse(text) for text in texts[:4]] == asked
        cards = [parse_card(text) for text in texts[4:]]
        assert [(card and card.side, card and card.serial) for card in cards] == [("left", None), ("overhead", "i2c/10:0000")]


def test_the_bars_alone_are_enough(files: dict[str, Path]) -> None:
    page = scans(sheets_pdf([VolumeSheet("2024-0001", 120)], fonts=files), tilt_deg=2, noise=10)[0]
    page[:, : int(page.shape[1] * 0.8)] = 200  # everything but the strip at the sheet's edge is lost
    assert parse(read_code(page)) == Separator(True, "2024-0001", 120)


@pytest.mark.parametrize(
    "volume", [VolumeSheet(""), VolumeSheet("x" * 121), VolumeSheet("7", 0), VolumeSheet("7", 100_001), VolumeSheet("a\nb")]
)
def test_no_sheet_is_printed_that_no_bench_would_take(files: dict[str, Path], volume: VolumeSheet) -> None:
    with pytest.raises(BadSheet, match="visible characters"):
        sheets_pdf([volume], fonts=files)


def test_the_command_prints_what_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = tmp_path / "central.toml", tmp_path / "out.pdf"
    lay_fonts(tmp_path / "data")
    config.write_text(f'[central]\nsite = "demo"\ndata = "{tmp_path}/data"\n')
    words = [
        "sheets",
        "--config",
        str(config),
        "--volume",
        "A:12",
        "--volume",
        f"{CHINESE}",
        "--closing",
        "--card",
        "left:7",
        "--to",
        str(out),
    ]
    assert main(words) == 0
    assert "2 volumes, 2 other sheets" in capsys.readouterr().out
    assert read_code(scans(out.read_bytes())[0]) == "MUNIMENT BATCH OPEN VOLUME=A PAGES=12"
    assert main(["sheets", "--config", str(config), "--card", "under", "--to", str(out)]) == 2
    assert "left, right, overhead" in capsys.readouterr().err
