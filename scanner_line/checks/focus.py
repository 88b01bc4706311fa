"""Judges sharpness and light: the two checks that depend most on what the batch's other pages are like."""

from scanner_line.checks.baseline import Baseline, steepness_of
from scanner_line.checks.kinds import Kind
from scanner_line.checks.measures import Measures
from scanner_line.checks.results import CheckResult
from scanner_line.profile import Profile

INK_SURE = 0.012  # share of the page; with less ink and no sharp edge a person should look before the page is taken again
SMEAR_SURE = 0.12  # from here on it is text out of focus; between the two it may be the next page's text showing through a blank verso
SMEAR_DOUBT = 0.09  # from here on a person should look, however little ink there is: letters have run into grey
SHADE_ALONE = 0.015  # unevenness of a page, while no batch is known, from which it may be text wholly out of focus; blank paper has 0.003
WAYS_MISSING = 2  # directions in which a page of text has no edge: it moved, and is sharp along its movement only
LESS_FINEST, LESS_FINE = 0.05, 0.03  # log10 by which a smeared page has less of the two finest bands than its batch
SMOOTH = -0.325  # log10 of the finest band over the next: less is found only where a picture was smeared, or never was sharp
SOFT_PRIOR = 1.15  # of the prior's steepness, under which a smooth first page of a batch is soft
SPARSE_MORE = 0.96  # of the limit, for a page with little text: fewer edges, more chance
PICTURE_SURE = 0.3  # share of the page under a picture, from which its paper cannot be compared
TOP_BRIGHT = 130.0  # grey level of the brightest of a page that is dark because a dark picture fills it
INK_BLACK = 55.0  # grey level of the ink on a sheet that is white because the sheet is white
INK_BRIGHTER = 35.0  # grey levels by which the ink of a page in a white batch may be brighter than usual
WHITE_PAPER = 240.0  # grey level of a batch's paper that is white as it is
PAPER_LOW = 1.3  # of paper_dark: a page darker than that is to be looked at while the batch is not known


def judge_sharpness(measures: Measures, baseline: Baseline, profile: Profile, *, kind: Kind, shady: bool) -> CheckResult:
    """The sharpness of a page: wholly without edges, less steep than the batch in its worst direction or in all, or soft in a part."""
    limit = profile.sharpness_min
    if kind in ("blank", "separator"):
        return CheckResult("sharpness", None, limit, True, "no text to measure", "没有可测的文字")
    if measures.steep is None:
        faint = kind == "sparse" and hardly_inked(measures) and not _smeared(measures, baseline)
        if not shady or kind == "picture" or (faint and measures.smear < SMEAR_DOUBT):
            return CheckResult("sharpness", None, limit, True, "no text to measure", "没有可测的文字")
        if hardly_inked(measures):
            return CheckResult("sharpness", 0.0, limit, False, "hardly any ink: blank, or out of focus?", "几乎没有墨迹：空白还是失焦？")
        return CheckResult("sharpness", 0.0, limit, False, "no sharp edge on the whole page: take it again", "整页没有清晰的边缘，请重拍")
    value = _worst(measures, baseline)
    if kind == "text" and sum(found is None for found in measures.steep) >= WAYS_MISSING:
        return CheckResult(
            "sharpness", 0.0, limit, False, "smeared one way: was the page moving? take it again", "单向模糊：页面是否移动？请重拍"
        )
    if value < limit:
        return CheckResult("sharpness", value, limit, False, "less sharp than the other pages: take it again", "比其他页模糊，请重拍")
    close, closest = _closeness(measures, baseline, profile, kind=kind)
    if close < closest:
        return CheckResult(
            "sharpness", close, closest, False, "a little less sharp than the other pages: look at the focus", "比其他页略模糊，请检查对焦"
        )
    if kind != "picture" and measures.part is not None and measures.part < profile.sharpness_part:
        words, words_zh = "one part of the page is out of focus: flatten it", "页面局部失焦，请压平页面"
        return CheckResult(
            "sharpness", measures.part, profile.sharpness_part, False, words, words_zh, where=measures.where.get("sharpness")
        )
    return CheckResult("sharpness", value, limit, True, "as sharp as the other pages", "与其他页同样清晰")


def hardly_inked(measures: Measures) -> bool:
    """Whether so little stands on the page that it may be blank, with the next page's text showing through."""
    return measures.smear < SMEAR_SURE or measures.ink < INK_SURE


def very_soft(measures: Measures, baseline: Baseline, profile: Profile) -> bool:
    """Whether the page is out of focus beyond doubt."""
    return measures.steep is None or _worst(measures, baseline) < profile.sharpness_bad


def judge_exposure(measures: Measures, baseline: Baseline, profile: Profile, *, kind: Kind) -> CheckResult:
    """The light of a page: burnt, dark, or unlike its batch."""
    burnt = CheckResult(
        "exposure", measures.clipped, profile.clipped_max, False, "too bright: the paper is burnt", "过曝：纸面已溢出，请减少曝光",
        where=measures.where.get("exposure"),
    )  # fmt: skip
    usual_ink, usual_white = baseline.inked_reference(measures), baseline.clipped_reference(measures)
    usual = baseline.paper_reference(measures)
    white_batch = (usual_white or 0.0) > profile.clipped_max / 2 or (usual or 0.0) > WHITE_PAPER
    if measures.clipped > profile.clipped_max:
        if usual_white is None:
            white_batch = measures.touches == "lrtb" and (measures.inked is None or measures.inked < INK_BLACK)
        if not white_batch:
            return burnt
    palest = 255.0 if usual_ink is None or not white_batch or kind != "text" else usual_ink + INK_BRIGHTER
    if measures.inked is not None and measures.inked > palest:
        words, words_zh = "the ink is paler than on the other pages: expose less", "墨色比其他页浅，请减少曝光"
        return CheckResult("exposure", measures.inked, round(palest, 1), False, words, words_zh)
    if measures.paper < profile.paper_dark and measures.top < TOP_BRIGHT:
        return CheckResult("exposure", measures.paper, profile.paper_dark, False, "too dark: expose more", "过暗，请增加曝光")
    if usual is None:
        if measures.top < PAPER_LOW * profile.paper_dark:
            return CheckResult("exposure", measures.paper, round(PAPER_LOW * profile.paper_dark), False, "rather dark", "偏暗")
    elif measures.picture < PICTURE_SURE:
        lowest, highest = round(usual * profile.paper_ratio_min, 1), round(usual * profile.paper_ratio_max, 1)
        if measures.paper < lowest and measures.top < TOP_BRIGHT + lowest / 2:
            return CheckResult("exposure", measures.paper, lowest, False, "darker than the other pages", "比其他页暗")
        if measures.paper > highest:
            return CheckResult("exposure", measures.paper, highest, False, "brighter than the other pages", "比其他页亮")
    return CheckResult("exposure", measures.paper, profile.paper_dark, True, "well lit", "曝光正常")


def _worst(measures: Measures, baseline: Baseline) -> float:
    """The steepness of the worst direction over the reference's."""
    levels = baseline.sharp_reference(measures).levels
    return min((found / usual for found, usual in zip(measures.steep or (), levels, strict=False) if found is not None), default=0.0)


def _closeness(measures: Measures, baseline: Baseline, profile: Profile, *, kind: Kind) -> tuple[float, float]:
    """The page's mean steepness over the batch's, and the share that it should have; where the detail does not agree that anything is
    smeared, the share is 0."""
    mean, reference = steepness_of(measures), baseline.sharp_reference(measures)
    if mean is None or measures.fine is None or kind == "picture":
        return 1.0, 0.0
    if reference.usual is None or reference.fine is None:
        prior = SOFT_PRIOR * profile.sharpness_prior
        return (mean / prior, 1.0) if measures.fine[0] < SMOOTH else (1.0, 0.0)
    finest, fine = measures.fine[0] - reference.fine[0], measures.fine[1] - reference.fine[1]
    if finest > -LESS_FINEST and fine > -LESS_FINE:
        return 1.0, 0.0
    return mean / reference.usual, round(reference.closest * (SPARSE_MORE if kind == "sparse" else 1.0), 3)


def _smeared(measures: Measures, baseline: Baseline) -> bool:
    """Whether a page with hardly any ink is as uneven as the batch's text pages: then it may be text wholly out of focus."""
    usual = baseline.shade_reference()
    return measures.shade >= SHADE_ALONE if usual is None else measures.shade > 0.5 * usual
