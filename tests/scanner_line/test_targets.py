"""Targets: pictures of known sheets, cards and scales, made so that every figure is known beforehand, and what is measured of them."""

import json
import math

import cv2
import numpy as np
import pytest

from scanner_line.errors import ImageRefused, TargetError
from scanner_line.targets import measure_target
from scanner_line.targets.__main__ import main
from scanner_line.targets.colour import PATCHES, delta_e_2000, lab_of, rgb_of
from scanner_line.targets.edge import efficiency, sfr
from scanner_line.targets.result import level_of, levels_of
from scanner_line.targets.sheet import draw_sheet

# Sharma, Wu, Dalal: The CIEDE2000 color-difference formula (2005), from table 1
SHARMA = (
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((50, 2.5, 0), (56, -27, -3), 31.9030),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
)


def png(image):
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture(scope="module")
def sheet():
    """photograph(ppi, blur_px=0, turn_deg=0, tilt=0, noise=0): the sheet as a camera of so many pixels an inch sees it."""
    drawn = np.asarray(draw_sheet(ppi=1000))

    def photograph(ppi, *, blur_px=0.0, turn_deg=0.0, tilt=0.0, noise=0.0, fall=0.0):
        scale = ppi / 1000
        # light is smeared, not grey levels: the picture is made in light and turned to sRGB at the end
        light = (((drawn / 255.0) + 0.055) / 1.055) ** 2.4
        soft = cv2.GaussianBlur(light.astype(np.float32), (0, 0), math.hypot(blur_px, 0.3) / scale)
        height, width = round(160 / 25.4 * ppi), round(220 / 25.4 * ppi)
        warp = np.vstack([cv2.getRotationMatrix2D((drawn.shape[1] / 2, drawn.shape[0] / 2), turn_deg, scale), [0, 0, 1]])
        warp[0, 2] += width / 2 - drawn.shape[1] / 2
        warp[1, 2] += height / 2 - drawn.shape[0] / 2
        lean = np.array([[1, 0, 0], [0, 1, 0], [tilt / width, 0, 1 - tilt / 2]])
        seen = cv2.warpPerspective(soft, lean @ warp, (width, height), flags=cv2.INTER_LINEAR, borderValue=0.2)
        seen = seen * np.linspace(1, 1 - fall, width, dtype=np.float32)
        gray = 255 * (1.055 * np.clip(seen, 0.002, 1) ** (1 / 2.4) - 0.055)
        return np.clip(gray + np.random.default_rng(1).normal(0, noise, gray.shape), 0, 255).astype(np.uint8)

    return photograph


@pytest.mark.parametrize(("one", "other", "expected"), SHARMA)
def test_colour_differences_are_those_published(one, other, expected):
    assert delta_e_2000(np.array(one, float), np.array(other, float)) == pytest.approx(expected, abs=1e-4)


def test_colours_survive_the_way_there_and_back():
    assert lab_of(np.array([255.0, 255.0, 255.0])) == pytest.approx([100, 0, 0], abs=0.02)
    inside = [at for at in range(24) if at != 17]  # cyan lies outside sRGB
    assert lab_of(rgb_of(PATCHES))[inside] == pytest.approx(PATCHES[inside], abs=0.05)


@pytest.mark.parametrize("sigma", [0.8, 1.2, 2.0])
def test_the_slanted_edge_of_a_known_smear_has_the_contrast_that_optics_gives_it(sigma):
    """A Gaussian of s pixels has the contrast exp(-2 (pi s f)^2); a pixel's own width takes sinc(f) more."""
    y, x = np.mgrid[0:120, 0:96].astype(float)
    distance = (x - 48 - (y - 60) * math.tan(math.radians(5))) * math.cos(math.radians(5))
    light = 0.1 + 0.6 * 0.5 * (1 + np.vectorize(math.erf)(distance / (sigma * math.sqrt(2))))
    frequency, contrast = sfr(np.round(255 * (1.055 * light ** (1 / 2.4) - 0.055)))
    assert contrast == pytest.approx(np.exp(-2 * (math.pi * sigma * frequency) ** 2), abs=0.03)
    tenth = math.sqrt(math.log(10) / 2) / (math.pi * sigma)
    assert efficiency(frequency, contrast) == pytest.approx(min(1, tenth / 0.5), abs=0.03)


@pytest.mark.parametrize(("ppi", "turn_deg", "tilt"), [(200, 0, 0), (300, 2, 0), (400, -3, 0.02), (300, 1, 0.05)])
def test_the_sheet_tells_pixels_per_inch_and_whether_it_lies_square(sheet, ppi, turn_deg, tilt):
    result = measure_target(png(sheet(ppi, turn_deg=turn_deg, tilt=tilt, blur_px=0.7)), kind="sheet")
    assert result.ppi == pytest.approx(ppi, rel=0.01 + tilt / 2)
    assert result.noise < 0.5
    assert result.keystone == pytest.approx(0.9 * tilt, abs=0.01)


@pytest.mark.parametrize("blur_px", [0.8, 1.5])
def test_the_sheet_tells_sharpness(sheet, blur_px):
    result = measure_target(png(sheet(300, blur_px=blur_px)), kind="sheet")
    whole = math.hypot(blur_px, 0.3)
    assert result.sfr10 == pytest.approx(min(1, math.sqrt(math.log(10) / 2) / (math.pi * whole) / 0.5), abs=0.06)


def test_the_sheet_tells_noise_and_uneven_light(sheet):
    quiet = measure_target(png(sheet(300, noise=0.5, fall=0.3)), kind="sheet")
    loud = measure_target(png(sheet(300, noise=6.0)), kind="sheet")
    assert quiet.by_figure["noise"] == {"iso": "A", "fadgi": 4}
    assert loud.by_figure["noise"]["fadgi"] < 4
    assert quiet.uniformity == pytest.approx(0.25, abs=0.06)
    assert loud.uniformity < 0.05


def card(change=lambda lab: lab, *, turn_deg=0.0):
    """A photograph of a 24-patch card whose colours were changed in a known way."""
    image = np.full((900, 1300, 3), 30, np.uint8)
    for number, colour in enumerate(rgb_of(change(PATCHES))):
        row, column = divmod(number, 6)
        x, y = 80 + column * 190, 80 + row * 190
        image[y : y + 165, x : x + 165] = np.round(colour[::-1])
    ground = np.full((1300, 1800, 3), 140, np.uint8)
    ground[200:1100, 250:1550] = image
    warp = cv2.getRotationMatrix2D((900, 650), turn_deg, 1.0)
    return cv2.warpAffine(ground, warp, (1800, 1300), borderValue=(140, 140, 140), flags=cv2.INTER_CUBIC)


@pytest.mark.parametrize("turn_deg", [0.0, 3.0])
def test_a_colour_card_of_a_faultless_camera_reaches_the_highest_level(turn_deg):
    result = measure_target(png(card(turn_deg=turn_deg)), kind="colour")
    assert result.delta_e_mean < 0.6
    assert result.levels == {"iso": "A", "fadgi": 4}


def test_a_colour_card_tells_a_known_cast_and_a_known_tone():
    cast = measure_target(png(card(lambda lab: lab + np.array([0, 0, 6.0]))), kind="colour")
    expected = delta_e_2000(lab_of(rgb_of(PATCHES + np.array([0, 0, 6.0]))), PATCHES).mean()
    assert cast.delta_e_mean == pytest.approx(expected, abs=0.3)
    assert cast.white_balance == pytest.approx(6.0, abs=0.6)
    assert cast.by_figure["white_balance"] == {"iso": "-", "fadgi": 1}
    darker = measure_target(png(card(lambda lab: lab - np.array([5.0, 0, 0]))), kind="colour")
    assert darker.tone == pytest.approx(5.0, abs=0.5)
    assert "tone" in darker.words and "阶调" in darker.words_zh


@pytest.mark.parametrize(("ppi", "turned"), [(300, False), (400, True), (237, False)])
def test_a_ruler_tells_pixels_per_inch(ppi, turned):
    unit = ppi / 25.4
    image = np.full((round(60 * unit), round(170 * unit)), 225, np.uint8)
    big = cv2.resize(image, None, fx=4, fy=4)
    for tick in range(151):
        high = 8 if tick % 10 == 0 else 6 if tick % 5 == 0 else 4
        left, right, bottom = (round(mm * unit * 4) for mm in (9.9 + tick, 10.1 + tick, 20 + high))
        cv2.rectangle(big, (left, round(20 * unit * 4)), (right, bottom), 20, -1)
    image = cv2.resize(big, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_AREA)
    result = measure_target(png(image.T if turned else image), kind="ruler")
    assert result.ppi == pytest.approx(ppi, rel=0.01)


@pytest.mark.parametrize("kind", ["auto", "sheet", "colour", "ruler"])
def test_a_page_is_no_target(photo, kind):
    with pytest.raises(TargetError):
        measure_target(photo(0), kind=kind)


def test_what_is_no_image_or_no_kind_is_refused():
    with pytest.raises(ImageRefused):
        measure_target(b"no image")
    with pytest.raises(TargetError, match="known: auto"):
        measure_target(b"", kind="chart")


def test_levels_follow_the_tables():
    assert level_of("noise", 1.0) == {"iso": "A", "fadgi": 4}
    assert level_of("sfr10", 0.84) == {"iso": "B", "fadgi": 3}
    assert level_of("delta_e_mean", 7.0) == {"iso": "-", "fadgi": 0}
    assert levels_of({"noise": 1.9, "tone": 1.0, "sfr10": None})[0] == {"iso": "B", "fadgi": 3}
    assert levels_of({"noise": None})[0] == {"iso": "-", "fadgi": 0}


def test_the_sheet_is_written_and_measured_from_the_command_line(tmp_path, capsys):
    assert main([str(tmp_path / "sheet.pdf")]) == 0
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF")
    draw_sheet(ppi=300).save(tmp_path / "sheet.png")
    assert main([str(tmp_path / "sheet.png"), "--measure", "sheet"]) == 0
    assert json.loads(capsys.readouterr().out)["ppi"] == pytest.approx(300, abs=1)
    assert main([str(tmp_path / "none.png"), "--measure", "auto"]) == 2
