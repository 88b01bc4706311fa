"""METS with PREMIS of a batch, through the kept library metsrw: structure, files, fixity, and the events of each page."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import metsrw
from lxml import etree
from metsrw.plugins.premisrw import data_to_premis

from central.digitization.packages.contents import Contents, Leaf
from central.digitization.packages.media import PRONOM

_XSI = {"version": "3.0", "xsi_schema_location": "http://www.loc.gov/premis/v3 http://www.loc.gov/standards/premis/v3/premis.xsd"}
NAMESPACE = uuid.UUID("2f3d0e86-1e0f-5a55-b3d1-2f0e4a6a9c1d")  # of event ids, which depend on their facts alone


def mets(contents: Contents, *, folder: str = "objects") -> bytes:
    """The METS document; files are named as they lie in a bag, below `folder`."""
    document = metsrw.METSDocument()
    document.createdate = datetime.fromtimestamp(contents.made_ms / 1000, UTC).replace(microsecond=0, tzinfo=None).isoformat()
    items = [_item(contents, leaf, folder) for leaf in contents.leaves]
    root = metsrw.FSEntry(
        path=folder, label=contents.title, use=None, type="Directory", children=items, file_uuid=_uuid("root", contents.batch.id)
    )
    root.add_dublin_core(_dublin_core(contents))
    document.append_file(root)
    return bytes(document.tostring(fully_qualified=True))


def _item(contents: Contents, leaf: Leaf, folder: str) -> Any:
    page = leaf.page
    digest = {} if page.sha256 is None else {"checksum": page.sha256, "checksumtype": "SHA-256"}
    item = metsrw.FSEntry(path=f"{folder}/{leaf.name}", label=str(leaf.place), type="Item", file_uuid=page.id, **digest)
    if leaf.media is not None:
        item.add_premis_object(_premis(_object(contents, leaf)))
    for event in _events(contents, leaf):
        item.add_premis_event(_premis(event))
    for agent in _agents(contents, leaf):
        item.add_premis_agent(_premis(agent))
    return item


def _premis(data: Any) -> Any:
    return data_to_premis(data, premis_version="3.0")


def _uuid(*facts: object) -> str:
    return str(uuid.uuid5(NAMESPACE, "\n".join(map(str, facts))))


def _dublin_core(contents: Contents) -> Any:
    dcterms = "http://purl.org/dc/terms/"
    root = etree.Element(f"{{{dcterms}}}dublincore", nsmap={"dcterms": dcterms})
    facts = {"title": contents.title, "identifier": contents.batch.id, "created": contents.batch.opened}
    facts |= {"extent": f"{len(contents.leaves)} pages", "isPartOf": f"site {contents.site}"}
    for name, text in facts.items():
        etree.SubElement(root, f"{{{dcterms}}}{name}").text = text
    return root


def _object(contents: Contents, leaf: Leaf) -> Any:
    page, (name, key) = leaf.page, PRONOM[leaf.media or ""]
    derived: list[Any] = [
        (
            "relationship",
            ("relationship_type", "replacement"),
            ("relationship_sub_type", "replaces"),
            ("related_object_identifier", ("related_object_identifier_type", "UUID"), ("related_object_identifier_value", old.id)),
        )
        for old in leaf.earlier
    ]
    return (
        "object",
        _XSI | {"xsi_type": "premis:file"},
        ("object_identifier", ("object_identifier_type", "UUID"), ("object_identifier_value", page.id)),
        (
            "object_characteristics",
            ("composition_level", "0"),
            ("fixity", ("message_digest_algorithm", "SHA-256"), ("message_digest", page.sha256)),
            ("size", str(page.bytes)),
            (
                "format",
                ("format_designation", ("format_name", name)),
                ("format_registry", ("format_registry_name", "PRONOM"), ("format_registry_key", key)),
            ),
            ("creating_application", ("creating_application_name", page.station), ("date_created_by_application", page.t)),
        ),
        ("original_name", leaf.name),
        *derived,
    )


def _event(kind: str, *, page: str, t: str, detail: str, outcome: str, note: str, agents: list[tuple[str, str]]) -> Any:
    linked = [
        ("linking_agent_identifier", ("linking_agent_identifier_type", key), ("linking_agent_identifier_value", value))
        for key, value in agents
    ]
    return (
        "event",
        _XSI,
        ("event_identifier", ("event_identifier_type", "UUID"), ("event_identifier_value", _uuid(kind, page, t))),
        ("event_type", kind),
        ("event_date_time", t),
        ("event_detail_information", ("event_detail", detail)),
        (
            "event_outcome_information",
            ("event_outcome", outcome),
            ("event_outcome_detail", ("event_outcome_detail_note", note)),
        ),
        *linked,
    )


def _events(contents: Contents, leaf: Leaf) -> list[Any]:
    """Capture, digest, quality review, retakes, acceptance; event types of https://id.loc.gov/vocabulary/preservation/eventType.html."""
    page, batch = leaf.page, contents.batch
    station: list[tuple[str, str]] = [("station", page.station)]
    who = [*station, *([("operator", page.operator)] if page.operator else [])]
    if leaf.media is None:
        return [
            _event(
                "metadata extraction", page=page.id, t=page.t, detail="placeholder", outcome="no image", note=page.reason or "", agents=who
            )
        ]
    failed = ", ".join(f"{check.name}: {_english(check.words)}" for check in page.checks if not check.ok)
    made = [
        _event("creation", page=page.id, t=page.t, detail=f"capture by press {page.press}", outcome="captured", note=leaf.name, agents=who),
        _event(
            "message digest calculation",
            page=page.id,
            t=page.t,
            detail="SHA-256",
            outcome="success",
            note=page.sha256 or "",
            agents=station,
        ),
        _event(
            "quality review", page=page.id, t=page.t, detail="page checks at the bench", outcome=page.verdict, note=failed, agents=station
        ),
    ]
    made += [
        _event("replacement", page=old.id, t=page.t, detail=f"retaken for {old.id}", outcome="replaced", note=page.reason or "", agents=who)
        for old in leaf.earlier
    ]
    if batch.decided is not None and batch.decided_by is not None:
        person = [("person", batch.decided_by)]
        note = batch.decided_reason or ""
        made.append(_event("validation", page=page.id, t=batch.decided, detail="acceptance", outcome=batch.state, note=note, agents=person))
    return made


def _english(words: Any) -> str:
    """A check's words, which some stations give by language."""
    return str(words.get("en", "")) if isinstance(words, dict) else str(words or "")


def _agents(contents: Contents, leaf: Leaf) -> list[Any]:
    page, batch = leaf.page, contents.batch
    named = [("station", page.station, "hardware"), ("operator", page.operator, "person"), ("person", batch.decided_by, "person")]
    return [
        (
            "agent",
            _XSI,
            ("agent_identifier", ("agent_identifier_type", key), ("agent_identifier_value", value)),
            ("agent_name", value),
            ("agent_type", kind),
        )
        for key, value, kind in named
        if value is not None
    ]
