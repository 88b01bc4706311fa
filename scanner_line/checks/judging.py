"""Compares one page's measures with its batch and the profile, in words an operator can act on."""

import math

from scanner_line.checks.baseline import Baseline
from scanner_line.checks.duplicate import bits_apart, match
from scanner_line.checks.exposure import Box
from scanner_line.checks.focus import SHADE_ALONE, hardly_inked, judge_exposure, judge_sharpness, very_soft
from scanner_line.checks.kinds import PICTURE_SHARE, Kind
from scanner_line.checks.measures import Measures
from scanner_line.checks.results import CHECK_NAMES, CheckResult, Judgement, verdict_of
from scanner_line.profile import Profile

SMEAR_MIN = 0.05  # share of the page darker than its surroundings from which "no sharp edge" need not mean "blank"
SMEAR_ANY = 0.001  # the same, from which its unevenness counts: stains and shade are smoother than text ever gets
SHADE = 0.6  # of the unevenness of the batch's text pages, from which a page without an edge may be text out of focus
FAINT = 0.35  # of the batch's usual ink: less may be text that shows through
NEIGHBOURS = 2  # pages before this one that are compared whatever their hash says: one a camera
FAR_MAX = 3  # earlier pages laid over this one, at most
SPARSE_TILES = 4
TINT_TIMES = 6.0  # how far half of the batch's own pages lie from its paper's colour
GLARE = ("a burnt spot on the page: move the lamp or the glass", "页面有反光：请调整灯光或压平玻璃")
FINGER = ("a finger on the page: take it again", "页面有手指，请重拍")
MOIRE = ("a pattern of stripes over the page: change the distance or turn the page a little", "页面有摩尔纹：请改变距离或略微转动页面")
SIDES = {"l": ("left", "左"), "r": ("right", "右"), "t": ("top", "上"), "b": ("bottom", "下")}


def judge_page(measures: Measures, baseline: Baseline, profile: Profile, *, page: str | None = None) -> Judgement:
    """Judge one page against the batch. `page` is its id when the batch already holds it: only pages before it can be its double."""
    blank = measures.ink < profile.blank_ink and not _shady(measures, baseline)
    kind = kind_of(measures, blank=blank)
    results = {
        result.name: result
        for result in (
            judge_sharpness(measures, baseline, profile, kind=kind, shady=_shady(measures, baseline)),
            judge_exposure(measures, baseline, profile, kind=kind),
            _skew(measures, profile, kind=kind),
            _crop(measures, baseline),
            _blank(measures, profile, blank=blank),
            _duplicate(measures, baseline, profile, page=page, blank=blank),
            _share(measures, "glare", measures.glare, profile.glare_max, GLARE),
            _share(measures, "finger", measures.finger, profile.finger_max, FINGER),
            _share(measures, "moire", measures.moire, profile.moire_max, MOIRE),
            _consistency(measures, baseline, profile, kind=kind),
            _code(measures),
        )
    }
    checks = tuple(results.get(name) or _not_done(name) for name in CHECK_NAMES)
    return Judgement(verdict_of(checks, fatal=profile.fatal - _bearable(measures, results, baseline, profile)), checks, kind)


def kind_of(measures: Measures, *, blank: bool) -> Kind:
    """What kind of page it is."""
    if measures.code is not None:
        return "separator"
    if blank:
        return "blank"
    if measures.picture > PICTURE_SHARE:
        return "picture"
    return "sparse" if measures.text_tiles < SPARSE_TILES else "text"


def _bearable(measures: Measures, results: dict[str, CheckResult], baseline: Baseline, profile: Profile) -> frozenset[str]:
    """Checks that fail by so little that a person should look before the page is taken again."""
    bearable = set()
    ink = baseline.ink_reference()
    faint = hardly_inked(measures) if measures.steep is None else ink is not None and measures.ink < FAINT * ink
    if faint or not very_soft(measures, baseline, profile):
        bearable.add("sharpness")
    if measures.skew is None or abs(measures.skew) <= profile.skew_bad_deg:
        bearable.add("skew")
    burnt = measures.clipped > profile.clipped_max and measures.inked is not None
    if not burnt and measures.paper >= profile.paper_dark:
        bearable.add("exposure")  # only unlike its batch: another paper, perhaps
    return frozenset(bearable)


def unreadable(why: str) -> Judgement:
    """The judgement on a file that is no page image: bad, with the reason as the words of a failed exposure."""
    failed = CheckResult("exposure", None, None, False, f"the image cannot be read: {why}", f"图像无法读取：{why}")
    return Judgement("bad", tuple(failed if name == "exposure" else _not_done(name) for name in CHECK_NAMES), "unreadable")


def _shady(measures: Measures, baseline: Baseline) -> bool:
    """Whether the page is dark where text would be, though it may have no edge."""
    usual = baseline.shade_reference()
    least = SHADE_ALONE if usual is None else SHADE * usual
    return measures.smear >= SMEAR_MIN or (measures.smear >= SMEAR_ANY and measures.shade >= least)


def _not_done(name: str) -> CheckResult:
    return CheckResult(name, None, None, True, "not checked", "未检查")


def _skew(measures: Measures, profile: Profile, *, kind: Kind) -> CheckResult:
    limit = profile.skew_max_deg
    if kind == "separator" or (measures.skew is None and measures.edge is None):
        return CheckResult("skew", None, limit, True, "no lines to measure", "没有可测的文字行")
    if measures.skew is not None and abs(measures.skew) > limit:
        return CheckResult("skew", measures.skew, limit, False, "the lines lie crooked: straighten the page", "文字歪斜，请摆正页面")
    if measures.skew is None and measures.edge is not None and abs(measures.edge) > limit:
        return CheckResult("skew", measures.edge, limit, False, "the page's edges lie crooked: straighten it", "页边歪斜，请摆正")
    return CheckResult("skew", measures.edge if measures.skew is None else measures.skew, limit, True, "straight", "端正")


def _crop(measures: Measures, baseline: Baseline) -> CheckResult:
    letters = [side for side in measures.cut if side not in baseline.usual_cuts(measures)]
    usual = baseline.usual_touches(measures)
    pages = [] if usual is None else [side for side in measures.touches if side not in usual]
    for cut, words, words_zh in (
        (letters, "text is cut off at the edge of the picture", "文字在画面边缘被截断"),
        (pages, "the page runs out of the picture", "页面超出画面"),
    ):
        if cut:
            english = f"{words} ({', '.join(SIDES[side][0] for side in cut)}): lay it wholly under the camera"
            chinese = f"{words_zh}（{'、'.join(SIDES[side][1] for side in cut)}），请将整页放入画面"
            return CheckResult("crop", float(len(cut)), 0.0, False, english, chinese, where=_side_box(cut))
    if usual is None:
        return CheckResult("crop", None, None, True, "not yet known where pages end in this batch", "本批页面边界尚未确定")
    return CheckResult("crop", 0.0, 0.0, True, "the whole page is in the picture", "页面完整")


def _side_box(sides: list[str]) -> Box:
    return {"l": (0.0, 0.0, 0.06, 1.0), "r": (0.94, 0.0, 0.06, 1.0), "t": (0.0, 0.0, 1.0, 0.06), "b": (0.0, 0.94, 1.0, 0.06)}[sides[0]]


def _blank(measures: Measures, profile: Profile, *, blank: bool) -> CheckResult:
    words = ("a blank page: it counts as a page", "空白页，按一页计") if blank else ("not blank", "非空白页")
    return CheckResult("blank", measures.ink, profile.blank_ink, True, *words)


def _duplicate(measures: Measures, baseline: Baseline, profile: Profile, *, page: str | None, blank: bool) -> CheckResult:
    limit = profile.duplicate_match
    if blank or measures.code is not None:
        return CheckResult("duplicate", None, limit, True, "blank pages and separators are not compared", "空白页和分隔页不比对")
    best = 0.0
    for other in _candidates(measures, baseline, profile, page):
        best = max(best, match(other.thumb, measures.thumb))
        if best >= limit:
            return CheckResult("duplicate", best, limit, False, "the same page again: was it turned?", "与前面的页相同，是否已翻页？")
    return CheckResult("duplicate", best, limit, True, "not taken before", "没有重复")


def _candidates(measures: Measures, baseline: Baseline, profile: Profile, page: str | None) -> list[Measures]:
    """The pages worth laying over this one: its neighbours, whatever their hash says, and those whose hash is nearest."""
    near: list[Measures] = []
    far: list[tuple[int, int, Measures]] = []
    for distance, (_, other) in enumerate(baseline.before(page)):
        if distance < NEIGHBOURS:
            near.append(other)
            continue
        bits = bits_apart(measures.bits, other.bits)
        if bits <= profile.duplicate_bits:
            far.append((bits, distance, other))
    return near + [other for _, _, other in sorted(far, key=lambda entry: entry[:2])[:FAR_MAX]]


def _share(measures: Measures, name: str, value: float | None, limit: float, failing: tuple[str, str]) -> CheckResult:
    if value is None:
        return CheckResult(name, None, limit, True, "cannot be told on this page", "此页无法判断")
    if value > limit:
        return CheckResult(name, value, limit, False, *failing, where=measures.where.get(name))
    return CheckResult(name, value, limit, True, "none seen", "未发现")


def _consistency(measures: Measures, baseline: Baseline, profile: Profile, *, kind: Kind) -> CheckResult:
    usual = baseline.typical()
    limit = profile.size_tolerance
    if usual is None:
        return CheckResult("consistency", None, limit, True, "the batch has no common size yet", "本批尚无统一尺寸")
    width, height, mode = usual
    value = max(abs(measures.width - width) / width, abs(measures.height - height) / height)
    if value > limit:
        return CheckResult(
            "consistency", value, limit, False, "another size than the other pages: the right book?", "尺寸与其他页不同：是否同一册？"
        )
    if measures.mode != mode:
        return CheckResult("consistency", value, limit, False, "another colour mode than the other pages", "色彩模式与其他页不同")
    tint = baseline.tint_reference(measures)
    if tint is not None and measures.tint is not None and kind in ("text", "sparse"):
        far = math.hypot(measures.tint[0] - tint[0], measures.tint[1] - tint[1])
        if far > max(profile.tint_max, TINT_TIMES * tint[2]):
            words = "the paper has another colour than the other pages: the right book? the same white balance?"
            return CheckResult("consistency", far, profile.tint_max, False, words, "纸色与其他页不同：是否同一册？白平衡是否改变？")
    return CheckResult("consistency", value, limit, True, "like the other pages", "与其他页一致")


def _code(measures: Measures) -> CheckResult:
    if measures.code is None:
        return CheckResult("code", None, None, True, "no separator code", "没有分隔码")
    return CheckResult("code", 1.0, None, True, f"separator: {measures.code}", f"分隔页：{measures.code}", measures.code)
