"""How a run of sheets can end: for every status of SANE a code, and words that tell an operator what to do."""

import re
from collections.abc import Mapping

STATUS = re.compile(r"scanimage: sane_(?:start|read|open)?:? ?(.+)")
STATUSES: Mapping[str, str] = {
    "Operation not supported": "unsupported",
    "Operation was canceled": "cancelled",
    "Operation was cancelled": "cancelled",
    "Device busy": "busy",
    "Invalid argument": "invalid",
    "End of file reached": "io-error",
    "Document feeder jammed": "jam",
    "Document feeder out of documents": "empty",
    "Scanner cover is open": "cover-open",
    "Error during device I/O": "io-error",
    "Out of memory": "no-memory",
    "Access to resource has been denied": "access-denied",
}  # sane_strstatus() of sane-backends 1.1 and 1.2, which scanimage prints untranslated with LC_ALL=C
WORDS: Mapping[str, tuple[str, str]] = {
    "one": ("the page was taken", "已扫描一页"),
    "empty": ("the feeder is out of paper: load more and press, or close the batch", "进纸器已无纸：请装纸后再踩踏板，或关闭本批"),
    "count": (
        "as many sheets as one load may have: load more and press, or close the batch",
        "本次装纸数量已满：请装纸后再踩踏板，或关闭本批",
    ),
    "stopped": (
        "stopped: compare the last page shown with the last sheet in the tray, then press to go on",
        "已停止：请核对最后显示的页与出纸盘最后一张，再踩踏板继续",
    ),
    "jam": (
        "paper jam: open the scanner, take the sheet out, lay it back on the feeder together with the rest, press",
        "卡纸：打开扫描仪取出纸张，与剩余纸张一起放回进纸器，再踩踏板",
    ),
    "double-feed": (
        "two sheets may have gone through together: look at the last page shown, part its sheets, scan them again, then press to go on",
        "可能重张进纸：请查看最后一页，分开纸张重新扫描，再踩踏板继续",
    ),
    "cover-open": ("the scanner's cover is open: close it and press", "扫描仪盖板未关：请关好后再踩踏板"),
    "busy": ("the scanner is busy with something else: wait a little and press again", "扫描仪正忙：请稍候再踩踏板"),
    "access-denied": (
        "the scanner may not be used by this station: its user must be in the group `scanner` (see docs/scanners.md)",
        "本工位无权使用该扫描仪：请将运行用户加入 scanner 组（见 docs/scanners.md）",
    ),
    "io-error": (
        "the scanner does not answer properly: check its cable and power, switch it off and on, press",
        "扫描仪通信故障：请检查电源和线缆，重新开机后再踩踏板",
    ),
    "invalid": ("the scanner refuses these settings: check the bench's table in the configuration", "扫描仪拒绝当前设置：请检查工位配置"),
    "cancelled": ("the scan was cancelled at the scanner: press to go on", "扫描在设备上被取消：踩踏板继续"),
    "no-memory": (
        "the scanner's driver ran out of memory: choose a lower resolution, or press again",
        "扫描驱动内存不足：请降低分辨率或重试",
    ),
    "unsupported": (
        "the scanner cannot do what was asked: check source and mode in the configuration",
        "扫描仪不支持该操作：请检查来源和模式设置",
    ),
    "no-answer": ("the scanner did not answer in time and was let go: check it, then press", "扫描仪超时无响应，已断开：请检查后再踩踏板"),
    "crashed": ("the scanner's driver broke down and was started anew: press again", "扫描驱动异常退出，已重启：请再踩踏板"),
    "image": ("what the scanner gave is no page image", "扫描仪返回的不是有效图像"),
}


def code_of(status: str) -> str | None:
    """The code of a status as SANE words it; None for other words."""
    return STATUSES.get(status.strip())


def code_from(errors: str, *, returned: int) -> str:
    """How a run of `scanimage` ended, from what it wrote on standard error and its exit code; negative: a signal killed it."""
    for line in reversed(errors.splitlines()):
        match = STATUS.search(line)
        code = code_of(match[1]) if match else None
        if code is None and ": " in line and line.startswith("scanimage: open of device"):
            code = code_of(line.rsplit(": ", 1)[1])
        if code is not None:
            return code
    if returned < 0 or returned >= 128:
        return "crashed"
    return "stopped" if returned == 0 else "io-error"
