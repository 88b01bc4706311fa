"""Packages of a batch: each is valid for validators that are not ours, holds the masters byte by byte, and proves where they come from."""

import base64
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bagit
import iiif_prezi3
import metsrw
import psutil
import pypdfium2
import pytest
from lxml import etree
from PIL import Image
from pyrage import decrypt, x25519

from central.digitization.packages.worker import Worker
from central.digitization.recognition.index import TextIndex
from central.digitization.recognition.lines import Line
from central.digitization.recognition.units import Folding
from central.keys import public_bytes
from central.ledger import verifier
from central.rebuild import rebuild
from central.store.engine import writing
from tests.central.site import Site, digest, running
from tests.ready_fonts import lay_fonts
from tests.sensors.waiting import wait_until
from wire.records import record

LIVE = ("page-1", "page-4", "page-3")  # in order; page-4 was taken for page-2


class Packed:
    """A site with an accepted batch, and its worker."""

    def __init__(self, site: Site) -> None:
        self.site = site
        state = site.app.extensions["muniment"]
        self.worker = Worker(site.centre.config, state.engine, path_of=state.objects.path)
        self.folder = Path(site.centre.config.data) / "packages"
        self.folder.mkdir(exist_ok=True)

    def ask(self, kind: str, *recipients: str) -> dict[str, Any]:
        """Ask for a package and let the worker make it."""
        body = {"kind": kind, "recipients": list(recipients)}
        asked = self.site.call("POST", "/api/v1/batches/batch-1/packages", "archivist", json=body)
        assert (asked.status_code, asked.json["package"]["state"]) == (201, "asked"), asked.json
        assert self.worker.once()
        found: dict[str, Any] = self.site.get(f"/api/v1/packages/{asked.json['package']['id']}", "archivist").json["package"]
        return found

    def fetch(self, package: dict[str, Any]) -> bytes:
        """The file, as the archivist takes it away."""
        answer = self.site.get(f"/api/v1/packages/{package['id']}/file", "archivist")
        assert answer.status_code == 200 and digest(answer.data) == package["sha256"] and len(answer.data) == package["bytes"]
        return answer.data

    def unpack(self, data: bytes, folder: Path) -> Path:
        """The one folder that is in a tar."""
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(folder, filter="data")
        (made,) = folder.iterdir()
        return made


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packed]:
    with running(Path(tmp_path_factory.mktemp("packages"))) as site:
        lay_fonts(Path(site.centre.config.data))
        refused = site.call("POST", "/api/v1/batches/batch-1/packages", "archivist", json={"kind": "bagit"})
        assert (refused.status_code, refused.json["code"]) == (409, "not-accepted"), "what nobody accepted is not packed"
        assert site.call("POST", "/api/v1/batches/batch-1/accept", "archivist", json={"reason": "complete"}).status_code == 200
        accepted = site.centre.one("SELECT max(leaf_idx) FROM acts WHERE kind = 'batch.accept'")
        wait_until(lambda: site.get("/api/v1/ledger/checkpoint", "auditor").json["size"] > accepted)
        yield Packed(site)


def test_a_bag_is_valid_and_holds_the_masters_and_their_proof(packed: Packed, tmp_path: Path) -> None:
    package = packed.ask("bagit")
    bag = packed.unpack(packed.fetch(package), tmp_path)
    assert bagit.Bag(str(bag)).is_valid()
    assert subprocess.run(["sha256sum", "--check", "--quiet", "manifest-sha256.txt"], cwd=bag, check=False).returncode == 0
    assert subprocess.run(["sha256sum", "--check", "--quiet", "metadata/checksum.sha256"], cwd=bag / "data", check=False).returncode == 0
    masters = sorted((bag / "data/objects").iterdir())
    assert [path.read_bytes() for path in masters] == [packed.site.images[page] for page in LIVE]
    assert [path.name for path in masters] == [f"{place:05d}_{page}.jpg" for place, page in enumerate(LIVE, 1)]
    assert len((bag / "data/metadata/metadata.csv").read_text().splitlines()) == 4
    ledger, objects = bag / "data/metadata/submissionDocumentation/ledger.ndjson", bag / "data/objects"
    assert "3 files in" in verifier.verify(ledger, centre_key(packed), objects=objects)
    assert "all pages that entry" in verifier.verify(ledger, objects=objects)
    away = masters[2].rename(tmp_path / masters[2].name)
    with pytest.raises(verifier.BadEntry, match="its files are not the pages of batch batch-1"):
        verifier.verify(ledger, objects=objects)
    away.rename(masters[2])
    lines = ledger.read_text().splitlines()
    silent = _written(tmp_path / "silent", [line for line in lines if '"batch.accept"' not in line])
    assert "is NOT proven" in verifier.verify(silent, objects=objects)
    masters[0].write_bytes(masters[1].read_bytes())
    with pytest.raises(verifier.BadEntry, match="is not the image that the ledger names"):
        verifier.verify(ledger, objects=objects)
    assert not bagit.Bag(str(bag)).is_valid()


def test_a_proof_that_was_touched_does_not_hold(packed: Packed, tmp_path: Path) -> None:
    bag = packed.unpack(packed.fetch(packed.ask("bagit")), tmp_path)
    lines = (bag / "data/metadata/submissionDocumentation/ledger.ndjson").read_text().splitlines()
    assert verifier.main([str(_written(tmp_path / "same", lines))]) == 0
    entry = next(number for number, line in enumerate(lines) if json.loads(line)["type"] == "batch")
    for change in (
        {"proof": json.loads(lines[entry])["proof"][1:]},
        {"index": json.loads(lines[entry])["index"] + 1},
        {"lines": [line.replace("bad", "good") for line in json.loads(lines[entry])["lines"]]},
    ):
        changed = [*lines[:entry], json.dumps(json.loads(lines[entry]) | change), *lines[entry + 1 :]]
        assert verifier.main([str(_written(tmp_path / "changed", changed))]) == 1
    entries = [number for number, line in enumerate(lines) if json.loads(line)["type"] in ("batch", "act")]
    moved = [*lines[: entries[0]], *(lines[number] for number in reversed(entries))]
    for changed in (moved, [*lines, lines[entries[0]]], [*lines, lines[0]], [lines[0], *lines]):  # an old record as the newest
        assert verifier.main([str(_written(tmp_path / "moved", changed))]) == 1
    assert verifier.main([str(_written(tmp_path / "unsigned", [line for line in lines if json.loads(line)["type"] != "checkpoint"]))]) == 1


def centre_key(packed: Packed) -> bytes:
    return public_bytes(packed.site.centre.key)


def _written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_mets_file_is_valid_and_tells_each_pages_events(packed: Packed, tmp_path: Path) -> None:
    path = tmp_path / "METS.xml"
    path.write_bytes(packed.fetch(packed.ask("mets")))
    _mets_schema().assertValid(etree.parse(path))
    document = metsrw.METSDocument.fromfile(str(path))
    files = {entry.file_uuid: entry for entry in document.all_files() if entry.type == "Item"}
    assert set(files) == set(LIVE)
    retaken = files["page-4"]
    assert (retaken.checksum, retaken.checksumtype) == (digest(packed.site.images["page-4"]), "SHA-256")
    events = {event.type: event for event in retaken.get_premis_events()}
    assert {"creation", "message digest calculation", "quality review", "replacement", "validation"} <= set(events)
    (fixity,) = retaken.get_premis_objects()
    assert fixity.message_digest == digest(packed.site.images["page-4"])


XLINK = """<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/1999/xlink">
%s</xsd:schema>"""  # of the schema that METS imports from the network


class _Offline(etree.Resolver):
    """Answers METS' import of the link attributes from here."""

    def resolve(self, url: str, _id: str, context: Any) -> Any:
        names = ("href", "role", "arcrole", "title", "show", "actuate", "label", "from", "to", "type")
        made = "".join(f'<xsd:attribute name="{name}" type="xsd:string"/>' for name in names)
        used = "".join(f'<xsd:attribute ref="{name}"/>' for name in names)
        kinds = ("simpleLink", "extendedLink", "locatorLink", "arcLink", "titleLink", "resourceLink")
        made += "".join(f'<xsd:attributeGroup name="{kind}">{used}</xsd:attributeGroup>' for kind in kinds)
        return self.resolve_string(XLINK % made, context) if "xlink" in url else None


def _mets_schema() -> etree.XMLSchema:
    """The METS schema as metsrw carries it."""
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Offline())
    return etree.XMLSchema(etree.parse(Path(metsrw.__file__).parent / "resources/mets.xsd", parser))


def test_an_iiif_package_has_a_valid_manifest_and_every_tile_it_names(packed: Packed, tmp_path: Path) -> None:
    site = packed.unpack(packed.fetch(packed.ask("iiif")), tmp_path)
    made = iiif_prezi3.Manifest(**json.loads((site / "manifest.json").read_text()))
    assert [canvas.label["none"] for canvas in made.items] == [["1"], ["2"], ["3"]]
    assert subprocess.run(["sh", "set-address.sh", "https://archive.test/a17/"], cwd=site, check=False).returncode == 0
    manifest = json.loads((site / "manifest.json").read_text())
    assert manifest["id"] == "https://archive.test/a17/manifest.json"
    for page, canvas in zip(LIVE, manifest["items"], strict=True):
        body = canvas["items"][0]["items"][0]["body"]
        image = site / body["service"][0]["id"].removeprefix("https://archive.test/a17/")
        info = json.loads((image / "info.json").read_text())
        assert (info["profile"], info["width"], info["height"]) == ("level0", 900, 1200)
        assert (image / "full/max/0/default.jpg").read_bytes() == packed.site.images[page], "the whole is the master itself"
        (tile,) = info["tiles"]
        for factor in tile["scaleFactors"]:
            for region, size in _regions(900, 1200, tile["width"], factor):
                with Image.open(image / region / size / "0/default.jpg") as cut:
                    assert cut.size == tuple(map(int, size.split(",")))


def _regions(width: int, height: int, tile: int, factor: int) -> Iterator[tuple[str, str]]:
    """What IIIF Image 3, appendix 8, asks for at a scale factor."""
    step = tile * factor
    if step >= width and step >= height:
        return
    for x in range(0, width, step):
        for y in range(0, height, step):
            w, h = min(step, width - x), min(step, height - y)
            yield f"{x},{y},{w},{h}", f"{-(-w // factor)},{-(-h // factor)}"


def test_the_console_serves_tiles_and_the_manifest_and_records_who_sees_them(packed: Packed) -> None:
    site = packed.site
    manifest = site.get("/api/v1/batches/batch-1/iiif/manifest.json", "operator")
    assert len(iiif_prezi3.Manifest(**manifest.json).items) == 3
    service = manifest.json["items"][1]["items"][0]["items"][0]["body"]["service"][0]["id"]
    path = service.removeprefix(site.centre.config.web.public_url)
    before = len(site.acts("object.view"))
    info = site.get(f"{path}/info.json?purpose=acceptance", "operator")
    assert info.json["id"] == service
    tile = site.get(f"{path}/0,0,512,512/512,512/0/default.jpg?purpose=acceptance", "operator")
    assert Image.open(io.BytesIO(tile.data)).size == (512, 512)
    assert len(site.acts("object.view")) == before + 1, "one act covers an image's tiles"
    assert site.get(f"{path}/full/max/0/default.jpg?purpose=acceptance", "operator").data == site.images["page-4"]
    assert site.get(f"{path}/0,0,513,512/512,512/0/default.jpg", "operator").status_code == 404
    assert site.get(f"{path}/..%2f..%2f,0,1,1/max/0/default.jpg", "operator").status_code == 404
    assert site.get(f"{path}/info.json", "auditor").json["code"] == "purpose-required"
    assert site.get(f"{path}/info.json", "facility").status_code == 403


def test_a_pdf_opens_with_every_page_and_says_what_it_is_made_of(packed: Packed) -> None:
    document = pypdfium2.PdfDocument(packed.fetch(packed.ask("pdf")))
    assert len(document) == len(LIVE) + 1
    colophon = document[len(LIVE)].get_textpage().get_text_range()
    assert "batch-1" in colophon and "derived from the masters" in colophon.replace("\r\n", " ")


def test_the_xml_package_holds_every_master_in_the_order_of_the_standard(packed: Packed) -> None:
    root = etree.fromstring(packed.fetch(packed.ask("eep")))
    eep = {"e": "http://www.saac.gov.cn/standards/ERM/encapsulation"}
    assert [child.tag.split("}")[1] for child in root] == ["封装包格式描述", "版本", "被签名对象"]
    assert [child.tag.split("}")[1] for child in root.find(".//e:封装内容", eep)] == ["文件实体块", "业务实体块", "机构人员实体块"]
    documents = root.findall(".//e:文档", eep)
    assert [document.findtext("e:文档序号", None, eep) for document in documents] == ["1", "2", "3"]
    for page, document in zip(LIVE, documents, strict=True):
        assert base64.b64decode(document.findtext(".//e:编码数据", "", eep)) == packed.site.images[page]
    assert [one.text for one in root.findall(".//e:业务行为", eep)] == ["采集", "采集完成", "验收"]
    assert root.findtext(".//e:页数", None, eep) == "3"


def test_recognised_text_lies_over_the_pages_of_a_pdf(packed: Packed) -> None:
    with writing(packed.site.centre.engine) as connection:
        lines = [Line(90, 120, 500, 40, 0.98, "用户档案 2013-0456")]
        index = TextIndex(Folding())
        index.put(connection, digest(packed.site.images["page-4"]), size=(900, 1200), lines=lines, by=("rapidocr", "1"), took_ms=1)
    document = pypdfium2.PdfDocument(packed.fetch(packed.ask("pdf")))
    assert "用户档案 2013-0456" in document[1].get_textpage().get_text_range()
    found = document[1].get_textpage().search("2013-0456").get_next()
    assert found is not None


def test_an_encrypted_package_opens_for_its_recipient_alone(packed: Packed, tmp_path: Path) -> None:
    mine, other = x25519.Identity.generate(), x25519.Identity.generate()
    package = packed.ask("bagit", str(mine.to_public()))
    sealed = packed.fetch(package)
    assert bagit.Bag(str(packed.unpack(decrypt(sealed, [mine]), tmp_path))).is_valid()
    with pytest.raises(Exception, match="No matching keys"):
        decrypt(sealed, [other])
    assert [path.name for path in packed.folder.iterdir() if package["id"] in path.name] == [f"{package['id']}.tar.age"]
    wrong = packed.site.call("POST", "/api/v1/batches/batch-1/packages", "archivist", json={"kind": "pdf", "recipients": ["age1nonsense"]})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (400, "recipients")


def test_who_takes_a_package_away_is_recorded_and_a_rebuild_gives_equal_rows(packed: Packed) -> None:
    package = packed.ask("mets")
    packed.fetch(package)
    taken = [json.loads(body) for actor, body in packed.site.acts("export") if actor == "archivist"]
    assert taken[-1] | {"what": "package", "package": package["id"]} == taken[-1]
    assert packed.site.get(f"/api/v1/packages/{package['id']}/file", "operator").status_code == 403
    rows = packed.site.centre.rows("SELECT * FROM packages ORDER BY id")
    with packed.site._lock:
        rebuild(packed.site.centre.engine)
    assert packed.site.centre.rows("SELECT * FROM packages ORDER BY id") == rows != []


@pytest.mark.parametrize("kind", ["bagit", "eep"])
def test_texts_that_no_xml_holds_are_no_reason_for_having_no_package(packed: Packed, tmp_path: Path, kind: str) -> None:
    site, strange = packed.site, "=1+1\x00\x0b\x1b<!DOCTYPE x>&\ufffe]]>{site}"
    image = site.images["page-1"]
    facts = {"batch": f"strange-{kind}", "station": "bench-1/bench-1", "operator": strange}
    page = {"page": f"strange-{kind}-1", "press": "press-1", "sha256": digest(image), "bytes": len(image), "width": 900, "height": 1200}
    page |= {"verdict": "good", "reason": strange, "checks": [{"name": strange, "ok": False, "words": {"en": strange}}]}
    whole = {"counts": {}, "volume": strange}
    site.bench.add("capture", record("batch", site.t0, 1, state="open", **facts, **whole), record("page", site.t0, 1, **facts, **page))
    site.bench.add("capture", record("batch", site.t0, 1, state="closed", **facts, **whole))
    site.send()
    assert site.call("POST", f"/api/v1/batches/strange-{kind}/accept", "archivist", json={"reason": strange}).status_code == 200
    asked = site.call("POST", f"/api/v1/batches/strange-{kind}/packages", "archivist", json={"kind": kind, "recipients": []})
    assert packed.worker.once()
    found = site.get(f"/api/v1/packages/{asked.json['package']['id']}", "archivist").json["package"]
    assert found["state"] == "made", found
    if kind == "eep":
        etree.fromstring(packed.fetch(found))
    else:
        etree.parse(packed.unpack(packed.fetch(found), tmp_path) / "data/metadata/submissionDocumentation/METS.xml")


@pytest.mark.parametrize("kind", ["iiif", "pdf"])
def test_a_damaged_image_fails_with_words_and_the_next_package_is_made(packed: Packed, kind: str) -> None:
    path = packed.site.app.extensions["muniment"].objects.path(digest(packed.site.images["page-3"]))
    whole = path.read_bytes()
    mode = path.stat().st_mode
    path.chmod(0o600)
    tiles = Path(packed.site.centre.config.data) / "tiles" / path.name
    if tiles.exists():
        subprocess.run(["rm", "-r", str(tiles)], check=True)
    path.write_bytes(whole[:700])
    try:
        failed = packed.ask(kind)
    finally:
        path.write_bytes(whole)
        path.chmod(mode)
    assert not [file.path for file in psutil.Process().open_files() if file.path.endswith(".ttf")], "what was begun is let go"
    assert failed["state"] == "failed" and "age 3" in failed["words"] and "3" in failed["words_zh"]
    assert packed.ask(kind)["state"] == "made"
