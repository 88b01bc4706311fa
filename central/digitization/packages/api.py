"""Packages of batches, and IIIF: manifests of batches, level-0 tiles of pages."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response, send_file

from central.digitization import queries as line
from central.digitization.packages import iiif, queries, tiling
from central.digitization.packages.making import FOLDER, TILES
from central.digitization.packages.projection import RECIPIENTS_MAX
from central.digitization.packages.sealing import check_recipients
from central.digitization.packages.worker import progress_of
from central.store.engine import reading
from central.web import acting, files, paging
from central.web.fields import IDENT
from central.web.operation import JSON, Operation, operation
from central.web.problems import Problem, bad_field, not_found
from central.web.state import config, engine, state

LATE = {202: "recorded; takes effect when ingest is back"}
WAITING_MAX = 100
LD_JSON = 'application/ld+json;profile="http://iiif.io/api/presentation/3/context.json"'
IMAGE_LD_JSON = 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'
TYPES = {"tar": "application/x-tar", "xml": "application/xml", "pdf": "application/pdf"}
REGION = re.compile(r"full|\d{1,6},\d{1,6},\d{1,6},\d{1,6}")
SIZE = re.compile(r"max|\d{1,6},\d{1,6}")
Recipient = Annotated[str, msgspec.Meta(min_length=1, max_length=100, description="an age recipient: a public key that begins with age1")]


class NewPackage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for; with recipients it is encrypted for them, and nobody else can open it, the centre neither."""

    kind: Literal["bagit", "mets", "iiif", "pdf", "eep"]
    recipients: Annotated[list[Recipient], msgspec.Meta(max_length=RECIPIENTS_MAX)] = []


class PackageNow(msgspec.Struct, frozen=True):
    """A package, and how far it has come while it is made."""

    package: queries.Package
    pages_done: int | None
    pages: int | None


class Packages(msgspec.Struct, frozen=True):
    """Packages, the one asked for last first."""

    items: list[PackageNow]
    next: str | None


@dataclass(frozen=True)
class Placed:
    """A page with its place, as a manifest takes it."""

    place: int
    page: line.Page


def _now(package: queries.Package) -> PackageNow:
    found = progress_of(Path(config().data) / FOLDER, package.id) if package.state == "asked" else None
    done, every = found or (None, None)
    return PackageNow(package=package, pages_done=done, pages=every)


def packages_of(batch: str, *, limit: int = 20) -> list[PackageNow]:
    """The packages of a batch for its page, the last first."""
    with reading(engine()) as connection:
        return [_now(one) for one in queries.packages_before(connection, batch=batch, before=None, limit=limit)]


def _batch(ident: str) -> line.Batch:
    with reading(engine()) as connection:
        found = line.batch_named(connection, ident)
    if found is None:
        raise not_found("There is no such batch.")
    return found


def _package_routes(made: Blueprint) -> None:
    @made.get(f"/batches/<{IDENT}:batch>/packages")
    @operation(Operation(right="packages.read", summary="Packages of a batch.", query=paging.Paged, result=Packages))
    def packages_list(batch: str, query: paging.Paged) -> Packages:
        _batch(batch)
        key = paging.decode(query.cursor, int, str)
        before = (int(key[0]), str(key[1])) if key else None
        with reading(engine()) as connection:
            rows = queries.packages_before(connection, batch=batch, before=before, limit=query.limit + 1)
        items, after = paging.cut(rows, query.limit, lambda row: (row.asked_ms, row.id))
        return Packages(items=[_now(one) for one in items], next=after)

    @made.post(f"/batches/<{IDENT}:batch>/packages")
    @operation(
        Operation(
            right="packages.make",
            summary="Ask for a package of an accepted batch; it is made in the background.",
            body=NewPackage,
            result=PackageNow,
            status=201,
            also=LATE | {409: "not accepted, or too many wait"},
        )
    )
    def package_ask(batch: str, body: NewPackage) -> Response:
        found = _batch(batch)
        if found.state != "accepted":
            raise Problem(409, "not-accepted", f"The batch is {found.state}; packages are made of accepted ones. Accept it first.")
        if wrong := check_recipients(body.recipients):
            raise bad_field("recipients", f"{wrong[0][:100]} is no age recipient: a public key that begins with age1")
        with reading(engine()) as connection:
            if queries.waiting(connection) >= WAITING_MAX:
                raise Problem(409, "too-many", f"{WAITING_MAX} packages wait to be made: try again when some are done.")
        ident = str(uuid.uuid4())
        facts = {"package": ident, "batch": batch, "kind": body.kind, "recipients": body.recipients}
        done = acting.perform("package.ask", facts)
        with reading(engine()) as connection:
            package = queries.package_named(connection, ident)
        answer = acting.answer(done, facts if package is None else _now(package))
        answer.status_code = 201 if package is not None else 202
        return answer

    @made.get(f"/packages/<{IDENT}:package>")
    @operation(Operation(right="packages.read", summary="One package.", result=PackageNow))
    def package_show(package: str) -> PackageNow:
        return _now(_package(package))

    @made.get(f"/packages/<{IDENT}:package>/file")
    @operation(
        Operation(
            right="packages.fetch",
            summary="A package's file, with ranges; that it was taken away is recorded.",
            media=("application/x-tar", "application/xml", "application/pdf", "application/octet-stream"),
        )
    )
    def package_file(package: str) -> Response:
        found = _package(package)
        path = Path(config().data) / FOLDER / found.file
        if found.state != "made" or not path.is_file():
            raise not_found("The package's file is not here: ask for it anew." if found.state == "made" else "The package is not made.")
        acting.record_export("package", package=found.id, batch=found.batch, sha256=found.sha256)
        kinds = {
            "bagit": "application/x-tar",
            "iiif": "application/x-tar",
            "mets": "application/xml",
            "pdf": "application/pdf",
            "eep": "application/xml",
        }
        kind = "application/octet-stream" if found.recipients else kinds[found.kind]
        answer = send_file(
            path, mimetype=kind, as_attachment=True, download_name=f"{found.batch[:8]}-{found.kind}-{found.file}", conditional=True
        )
        answer.headers["Cache-Control"] = "private, no-store"
        return answer


def _package(ident: str) -> queries.Package:
    with reading(engine()) as connection:
        found = queries.package_named(connection, ident)
    if found is None:
        raise not_found("There is no such package.")
    return found


def _iiif_routes(made: Blueprint) -> None:
    why = {"Muniment-Purpose": "why, in place of ?purpose="}

    @made.get(f"/batches/<{IDENT}:batch>/iiif/manifest.json")
    @operation(Operation(right="digitization.read", summary="A batch as IIIF Presentation 3 manifest.", media=(LD_JSON.split(";")[0],)))
    def batch_manifest(batch: str) -> Response:
        found = _batch(batch)
        with reading(engine()) as connection:
            pages = [page for page in line.pages_of(connection, batch) if page.seq is not None and not page.replaced]
        root = f"{config().web.public_url}/api/v1"
        base = f"{root}/batches/{batch}/iiif"
        facts = [("Batch", "批次", batch), ("State", "状态", found.state), ("Pages", "页数", str(len(pages)))]
        shown = [Placed(place, page) for place, page in enumerate(pages, 1)]
        plain = iiif.manifest(
            ident=f"{base}/manifest.json",
            label=found.volume or batch,
            shown=shown,
            image_of=lambda page: f"{root}/pages/{page}/iiif",
            canvas_base=f"{base}/canvas/",
            facts=facts,
        )
        return Response(msgspec.json.encode(plain), content_type=LD_JSON)

    @made.get(f"/pages/<{IDENT}:page>/iiif/info.json")
    @operation(
        Operation(
            summary="A page's image information, IIIF Image 3, level 0.",
            query=files.PurposeQuery,
            media=(JSON,),
            right="pages.view",
            purpose=True,
            headers=why,
        )
    )
    def page_info(page: str, query: files.PurposeQuery) -> Response:
        folder = _tiles(page, query)
        info = tiling.info(folder, ident=f"{config().web.public_url}/api/v1/pages/{page}/iiif")
        answer = Response(msgspec.json.encode(info), content_type=IMAGE_LD_JSON)
        answer.headers["Cache-Control"] = files.CACHE
        return answer

    @made.get(f"/pages/<{IDENT}:page>/iiif/<region>/<size>/0/default.jpg")
    @operation(
        Operation(
            summary="A tile of a page's image.",
            query=files.PurposeQuery,
            media=("image/jpeg",),
            right="pages.view",
            purpose=True,
            headers=why,
        )
    )
    def page_tile(page: str, region: str, size: str, query: files.PurposeQuery) -> Response:
        if not REGION.fullmatch(region) or not SIZE.fullmatch(size):
            raise not_found("There is no such tile; info.json names those there are.")
        folder = _tiles(page, query)
        path = folder / region / size / "0" / "default.jpg"
        if (region, size) == ("full", "max"):
            return files.send_object(folder.name)
        if not path.is_file():
            raise not_found("There is no such tile; info.json names those there are.")
        answer = send_file(path, mimetype="image/jpeg", conditional=True, max_age=None)
        answer.headers["Cache-Control"] = files.CACHE
        return answer


def _tiles(page: str, query: files.PurposeQuery) -> Path:
    """The folder of a page's tiles, made if need be; who sees them and why is recorded."""
    with reading(engine()) as connection:
        found = line.image_of(connection, page)
    if found is None:
        raise not_found("There is no such page.")
    sha256, stored = found
    if sha256 is None or not stored:
        raise not_found("The image's bytes have not arrived.")
    acting.record_view(kind="page", ident=page, purpose=files.purpose_of(query), strict_roles=files.STRICT_ROLES)
    folder = Path(config().data) / TILES / sha256
    if not (folder / "info.json").is_file():
        files.check_space(tiling.ROOM_BYTES)
        source: Any = state().objects.path(sha256)
        try:
            with state().decoding:
                tiling.cut(source, folder)  # it waits for a process of its own, and lets others be served meanwhile
        except tiling.TilesRefused as error:
            raise Problem(422, "unreadable-image", f"The image: {error}. Its bytes stay on record.") from error
    return folder


def blueprint() -> Blueprint:
    """The routes."""
    made = Blueprint("packages", __name__, url_prefix="/api/v1")
    _package_routes(made)
    _iiif_routes(made)
    return made
