"""Why something may not be done to a volume, in words that say what to do; English and Chinese."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "no-such-act": ("There is no such act.", "没有这种操作。"),
    "no-such-volume": ("There is no such volume.", "没有这个案卷。"),
    "elsewhere": ("The volume stands at another step by now: load the page anew.", "案卷已在其他环节：请刷新页面。"),
    "held": ("The volume is held: release it first.", "案卷已暂停：请先恢复。"),
    "not-held": ("The volume is not held.", "案卷未暂停。"),
    "by-itself": (
        "This step follows from the bench and the acceptance by itself; to leave it out, skip it with a reason.",
        "本环节随工位与验收自动推进；如需略过，请写明理由跳过。",
    ),
    "by-people": ("This step is ended by people.", "本环节由人员完成。"),
    "begun": ("The step has begun already.", "本环节已开始。"),
    "not-begun": ("Begin the step first.", "请先开始本环节。"),
    "done": ("The volume is filed: nothing is left to do.", "案卷已归档：无需操作。"),
    "reason": ("Give a reason.", "请填写理由。"),
    "not-earlier": ("Choose a step before the present one.", "请选择当前环节之前的环节。"),
    "count": ("Count the pages and give the number.", "请清点页数并填写。"),
    "note": ("The count differs from the one before: say why in a note.", "页数与上一环节不符：请在备注中说明原因。"),
    "same-person": ("A second person must count: the first count is yours.", "须由另一人复点：第一次清点是您完成的。"),
    "discrepancies": ("Resolve the open discrepancies before the volume is filed.", "归档前请先处理未决差异。"),
    "resolved": ("That discrepancy is resolved already, or is of another volume.", "该差异已处理，或不属于本案卷。"),
    "taken": ("A volume of this number is registered already.", "该案卷号已登记。"),
    "in-use": (
        "Work on this volume has begun, or a bench captures it: it can no longer be withdrawn.",
        "案卷已开始处理或已有采集批次：不能撤回登记。",
    ),
    "linked": ("That batch belongs to a volume already, or there is no such batch.", "该批次已属于某个案卷，或不存在。"),
    "nothing-to-undo": ("There is nothing to undo: something else has happened since.", "没有可撤销的操作：之后已有其他变化。"),
    "not-yours": ("Only who did it can undo it.", "只有操作者本人可以撤销。"),
    "too-late": ("It is too late to undo that; send the volume back to an earlier step instead.", "已超过撤销时限；请改用退回前面环节。"),
    "not-allowed": ("Your roles do not allow that.", "您的角色无此权限。"),
    "changed": ("Somebody changed the volume at the same moment: load the page anew.", "案卷同时被他人更改：请刷新页面。"),
}


def both(code: str) -> str:
    """The words in both languages, as the console takes them apart."""
    english, chinese = WORDS[code]
    return f"{english} / {chinese}"
