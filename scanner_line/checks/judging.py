"""Compares one page's measures with its batch and the profile, in words an operator can act on."""

from scanner_line.checks.baseline import Baseline
from scanner_line.checks.duplicate import bits_apart, match
from scanner_line.checks.measures import Measures
from scanner_line.checks.results import CHECK_NAMES, CheckResult, Judgement, verdict_of
from scanner_line.profile import Profile

SMEAR_MIN = 0.05  # share of the page darker than its surroundings from which "no sharp edge" need not mean "blank"
SHADE = 0.6  # of the unevenness of the batch's text pages, from which a page without an edge may be text out of focus
INK_SURE = 0.012  # share of the page; with less ink and no sharp edge a person should look before the page is taken again
SMEAR_SURE = 0.12  # from here on it is text out of focus; between the two it may be the next page's text showing through a blank verso
FAINT = 0.35  # of the batch's usual ink: less may be text that shows through
NEIGHBOURS = 2  # pages before this one that are compared whatever their hash says: one a camera
FAR_MAX = 3  # earlier pages laid over this one, at most
SIDES = {"l": ("left", "左"), "r": ("right", "右"), "t": ("top", "上"), "b": ("bottom", "下")}


def judge_page(measures: Measures, baseline: Baseline, profile: Profile, *, page: str | None = None) -> Judgement:
    """Judge one page against the batch. `page` is its id when the batch already holds it: only pages before it can be its double."""
    blank = measures.ink < profile.blank_ink and not _shady(measures, baseline)
    results = {
        result.name: result
        for result in (
            _sharpness(measures, baseline, profile, blank=blank),
            _exposure(measures, baseline, profile),
            _skew(measures, profile),
            _crop(measures, baseline),
            _blank(measures, profile, blank=blank),
            _duplicate(measures, baseline, profile, page=page, blank=blank),
            _share("glare", measures.glare, profile.glare_max, ("a burnt spot on the page", "页面有反光")),
            _share("finger", measures.finger, profile.finger_max, ("a finger on the page", "页面有手指")),
            _consistency(measures, baseline, profile),
            _code(measures),
        )
    }
    checks = tuple(results.get(name) or _not_done(name) for name in CHECK_NAMES)
    return Judgement(verdict_of(checks, fatal=profile.fatal - _bearable(measures, results, baseline, profile)), checks)


def _bearable(measures: Measures, results: dict[str, CheckResult], baseline: Baseline, profile: Profile) -> frozenset[str]:
    """Checks that fail by so little that a person should look before the page is taken again."""
    bearable = set()
    sharpness = results["sharpness"].value
    ink = baseline.ink_reference()
    faint = _hardly_inked(measures) if measures.steep is None else ink is not None and measures.ink < FAINT * ink
    if faint or (sharpness is not None and sharpness >= profile.sharpness_bad):
        bearable.add("sharpness")
    if measures.skew is not None and abs(measures.skew) <= profile.skew_bad_deg:
        bearable.add("skew")
    if measures.clipped <= profile.clipped_max and measures.paper >= profile.paper_dark:
        bearable.add("exposure")  # only unlike its batch: another paper, perhaps
    return frozenset(bearable)


def unreadable(why: str) -> Judgement:
    """The judgement on a file that is no page image: bad, with the reason as the words of a failed exposure."""
    failed = CheckResult("exposure", None, None, False, f"the image cannot be read: {why}", f"图像无法读取：{why}")
    return Judgement("bad", tuple(failed if name == "exposure" else _not_done(name) for name in CHECK_NAMES))


def _shady(measures: Measures, baseline: Baseline) -> bool:
    """Whether the page is dark where text would be, though it may have no edge."""
    usual = baseline.shade_reference()
    return measures.smear >= SMEAR_MIN or (usual is not None and measures.shade >= SHADE * usual)


def _hardly_inked(measures: Measures) -> bool:
    return measures.smear < SMEAR_SURE or measures.ink < INK_SURE


def _not_done(name: str) -> CheckResult:
    return CheckResult(name, None, None, True, "not checked", "未检查")


def _sharpness(measures: Measures, baseline: Baseline, profile: Profile, *, blank: bool) -> CheckResult:
    limit = profile.sharpness_min
    if measures.steep is None:
        if not _shady(measures, baseline):
            return CheckResult("sharpness", None, limit, True, "no text to measure", "没有可测的文字")
        if _hardly_inked(measures):
            return CheckResult("sharpness", 0.0, limit, False, "hardly any ink: blank, or out of focus?", "几乎没有墨迹：空白还是失焦？")
        return CheckResult("sharpness", 0.0, limit, False, "no sharp edge on the whole page: take it again", "整页没有清晰的边缘，请重拍")
    reference = baseline.sharp_reference(measures)
    value = min(found / usual for found, usual in zip(measures.steep, reference, strict=True) if found is not None)
    if value < limit:
        return CheckResult("sharpness", value, limit, False, "less sharp than the other pages: take it again", "比其他页模糊，请重拍")
    return CheckResult("sharpness", value, limit, True, "as sharp as the other pages", "与其他页同样清晰")


def _exposure(measures: Measures, baseline: Baseline, profile: Profile) -> CheckResult:
    usual = baseline.paper_reference(measures)
    if measures.clipped > profile.clipped_max:
        return CheckResult("exposure", measures.clipped, profile.clipped_max, False, "too bright: the paper is burnt", "过曝：纸面已溢出")
    if measures.paper < profile.paper_dark:
        return CheckResult("exposure", measures.paper, profile.paper_dark, False, "too dark", "过暗")
    if usual is not None and measures.paper < usual * profile.paper_ratio_min:
        lowest = round(usual * profile.paper_ratio_min, 1)
        return CheckResult("exposure", measures.paper, lowest, False, "darker than the other pages", "比其他页暗")
    if usual is not None and measures.paper > usual * profile.paper_ratio_max:
        return CheckResult(
            "exposure", measures.paper, round(usual * profile.paper_ratio_max, 1), False, "brighter than the other pages", "比其他页亮"
        )
    return CheckResult("exposure", measures.paper, profile.paper_dark, True, "well lit", "曝光正常")


def _skew(measures: Measures, profile: Profile) -> CheckResult:
    limit = profile.skew_max_deg
    if measures.skew is None:
        return CheckResult("skew", None, limit, True, "no lines to measure", "没有可测的文字行")
    if abs(measures.skew) > limit:
        return CheckResult("skew", measures.skew, limit, False, "the page lies crooked: straighten it", "页面歪斜，请摆正")
    return CheckResult("skew", measures.skew, limit, True, "straight", "端正")


def _crop(measures: Measures, baseline: Baseline) -> CheckResult:
    usual = baseline.usual_touches(measures)
    if usual is None:
        return CheckResult("crop", None, None, True, "not yet known where pages end in this batch", "本批页面边界尚未确定")
    cut = [side for side in measures.touches if side not in usual]
    if not cut:
        return CheckResult("crop", 0.0, 0.0, True, "the whole page is in the picture", "页面完整")
    words = f"the page runs out of the picture: {', '.join(SIDES[side][0] for side in cut)}"
    return CheckResult("crop", float(len(cut)), 0.0, False, words, f"页面超出画面：{'、'.join(SIDES[side][1] for side in cut)}")


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


def _share(name: str, value: float | None, limit: float, failing: tuple[str, str]) -> CheckResult:
    if value is None:
        return CheckResult(name, None, limit, True, "cannot be told on this page", "此页无法判断")
    if value > limit:
        return CheckResult(name, value, limit, False, *failing)
    return CheckResult(name, value, limit, True, "none seen", "未发现")


def _consistency(measures: Measures, baseline: Baseline, profile: Profile) -> CheckResult:
    usual = baseline.typical()
    limit = profile.size_tolerance
    if usual is None:
        return CheckResult("consistency", None, limit, True, "the batch has no common size yet", "本批尚无统一尺寸")
    width, height, mode = usual
    value = max(abs(measures.width - width) / width, abs(measures.height - height) / height)
    if value > limit:
        return CheckResult("consistency", value, limit, False, "another size than the other pages", "尺寸与其他页不同")
    if measures.mode != mode:
        return CheckResult("consistency", value, limit, False, "another colour mode than the other pages", "色彩模式与其他页不同")
    return CheckResult("consistency", value, limit, True, "like the other pages", "与其他页一致")


def _code(measures: Measures) -> CheckResult:
    if measures.code is None:
        return CheckResult("code", None, None, True, "no separator code", "没有分隔码")
    return CheckResult("code", 1.0, None, True, f"separator: {measures.code}", f"分隔页：{measures.code}", measures.code)
