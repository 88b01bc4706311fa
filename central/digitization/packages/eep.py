"""An XML package after DA/T 48-2009 (电子文件封装包): one document a page, its master in Base64, written as a stream.

Element names and their order are facts of the standard's schema as secondary sources give it: verify against your copy. The package is
not signed (the signature block is optional there); what proves it is the ledger, named in 附注. Facts that are not kept here say 未著录.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree

from central.digitization.packages.contents import Contents, Leaf

NAMESPACE = "http://www.saac.gov.cn/standards/ERM/encapsulation"
VERSION = "2009"
UNKNOWN = "未著录"
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/tiff": "TIFF"}
CHUNK = 57 * 1024  # whole lines of Base64: 57 bytes each, RFC 2045 section 6.8
COMMON = {
    "封装包格式描述": "本封装包按照 DA/T 48-2009 的结构生成",
    "版本": VERSION,
}
UNALTERED = "本封装包包含电子文件数据及其元数据，原始封装，未经修改"  # the value that the standard's schema has for a first package
BASE64_WORDS = "编码数据为计算机文件的 Base64 编码（RFC 2045），反编码后按反编码关键字还原文件扩展名"


def write_eep(target: Path, contents: Contents, *, told: Callable[[int], None]) -> None:
    """Write the package; memory stays bounded by one piece of one master. `told` hears how many pages are done."""
    with target.open("wb") as file, etree.xmlfile(file, encoding="utf-8") as xml:
        xml.write_declaration()
        made = _Writer(xml)
        with made.inside("电子文件封装包", nsmap={None: NAMESPACE}):
            made.texts(COMMON)
            with made.inside("被签名对象", eep版本=VERSION):
                stamp = datetime.fromtimestamp(contents.made_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                made.texts({"封装包类型": "原始型", "封装包类型描述": UNALTERED, "封装包创建时间": stamp, "封装包创建单位": contents.site})
                with made.inside("封装内容"):
                    with made.inside("文件实体块"), made.inside("文件实体"):
                        _file(made, contents, told)
                    with made.inside("业务实体块"):
                        for number, event in enumerate(_events(contents), 1):
                            with made.inside("业务实体"):
                                made.texts({"业务标识符": f"业务{number}", **event})
                    with made.inside("机构人员实体块"):
                        for ident, kind in _people(contents):
                            with made.inside("机构人员实体"):
                                made.texts({"机构人员标识符": ident, "机构人员类型": kind, "机构人员名称": ident})


class _Writer:
    """Elements of the package's namespace into a stream."""

    def __init__(self, xml: Any) -> None:
        self._xml = xml

    def inside(self, name: str, nsmap: dict[None, str] | None = None, **attributes: str) -> AbstractContextManager[Any]:
        opened: AbstractContextManager[Any] = self._xml.element(f"{{{NAMESPACE}}}{name}", attributes, nsmap=nsmap)
        return opened

    def texts(self, facts: dict[str, str]) -> None:
        for name, text in facts.items():
            with self.inside(name):
                self._xml.write(_clean(text))

    def pieces(self, name: str, ident: str, pieces: Iterator[str]) -> None:
        with self.inside(name, 编码数据ID=ident):
            for piece in pieces:
                self._xml.write(piece)


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return "".join(one for one in text if one in "\t\n\r" or (one >= " " and one not in "\ufffe\uffff" and not "\ud800" <= one <= "\udfff"))


def _file(made: _Writer, contents: Contents, told: Callable[[int], None]) -> None:
    batch, note = contents.batch, contents.checkpoint
    made.texts({"聚合层次": "文件"})
    with made.inside("来源"):
        made.texts({"立档单位名称": contents.site})
    made.texts({"电子文件号": batch.id})
    with made.inside("档号"):
        made.texts({"年度": batch.opened[:4], "保管期限": UNKNOWN, "室编案卷号": contents.title, "室编件号": "1"})
    with made.inside("内容描述"):
        made.texts({"题名": contents.title, "责任者": UNKNOWN, "日期": batch.opened[:10], "密级": UNKNOWN})
    with made.inside("形式特征"):
        made.texts({"文件组合类型": "组合文件" if len(contents.leaves) > 1 else "单件", "页数": str(len(contents.leaves))})
    with made.inside("存储位置"):
        made.texts({"脱机载体编号": UNKNOWN})
    with made.inside("权限管理"):
        made.texts({})
    made.texts({"信息系统描述": contents.generator})
    made.texts({"附注": "账本校验点：" + (UNKNOWN if note is None else f"{note.size}, {note.root}")})
    for leaf in contents.leaves:
        if leaf.path is None:
            made.texts({"附注": f"第 {leaf.place} 页无图像：{leaf.page.reason or UNKNOWN}"})
    with made.inside("文件数据"):
        for done, leaf in enumerate(contents.leaves, 1):
            if leaf.path is not None:
                _document(made, leaf, leaf.path)
            told(done)


def _document(made: _Writer, leaf: Leaf, path: Path) -> None:
    page, base = leaf.page, f"修改0-文档{leaf.place}"
    with made.inside("文档"):
        made.texts({"文档标识符": base, "文档序号": str(leaf.place), "题名": str(leaf.place)})
        with made.inside("文档数据", 文档数据ID=f"{base}-文档数据1"), made.inside("编码", 编码ID=f"{base}-文档数据1-编码1"):
            with made.inside("电子属性"):
                facts = {"格式信息": FORMATS[leaf.media or ""], "计算机文件名": leaf.name, "计算机文件大小": str(page.bytes)}
                made.texts(facts | {"文档创建程序": page.station})
            with made.inside("数字化属性"):
                resolution = UNKNOWN if page.dpi is None else f"{page.dpi:g} dpi"
                made.texts({"数字化对象形态": f"SHA-256 {page.sha256}", "扫描分辨率": resolution, "扫描色彩模式": "彩色"})
            made.texts({"编码描述": BASE64_WORDS, "反编码关键字": f"base64-{leaf.name.rsplit('.', 1)[1]}"})
            made.pieces("编码数据", f"{base}-文档数据1-编码1-编码数据1", _base64(path))


def _base64(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield base64.encodebytes(piece).decode("ascii")


def _events(contents: Contents) -> Iterator[dict[str, str]]:
    """What was done with the batch, in the standard's order of elements."""
    batch = contents.batch

    def event(who: str | None, what: str, when: str, words: str) -> dict[str, str]:
        facts = {"机构人员标识符": who or UNKNOWN, "文件标识符": batch.id, "业务状态": "历史行为", "业务行为": what, "行为时间": when}
        return facts | {"行为描述": words}

    yield event(batch.operator, "采集", batch.opened, f"工位 {batch.station}，共 {len(contents.leaves)} 页，重拍 {batch.replaced} 页")
    if batch.closed is not None:
        yield event(batch.operator, "采集完成", batch.closed, "")
    if batch.decided is not None:
        yield event(batch.decided_by, "验收", batch.decided, batch.decided_reason or "")


def _people(contents: Contents) -> list[tuple[str, str]]:
    """(identifier, kind) of everyone an event names, and of the site."""
    named = dict.fromkeys(one for one in (contents.batch.operator, contents.batch.decided_by) if one is not None)
    return [*((one, "个人") for one in named), (contents.site, "单位"), (UNKNOWN, "个人")]
