"""IIIF Presentation 3 manifests of a batch, through the kept library iiif-prezi3; images are level-0 tiles."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import iiif_prezi3

from central.digitization.queries import Page

MISSING = (1000, 1400)  # of a canvas without an image: its size says nothing


class Shown(Protocol):
    """A page as a manifest shows it."""

    @property
    def place(self) -> int:
        """From 1."""

    @property
    def page(self) -> Page:
        """What is recorded of it."""


def manifest(
    *,
    ident: str,
    label: str,
    shown: Sequence[Shown],
    image_of: Callable[[str], str],
    facts: Sequence[tuple[str, str, str]],
    canvas_base: str,
) -> dict[str, Any]:
    """The manifest as plain JSON values.

    `image_of(page id)` is the id of the page's image service; `facts` are (English label, Chinese label, value) of the whole.
    A page without an image (a placeholder) is a canvas without a painting, so that the count and the order are the volume's own.
    """
    made = iiif_prezi3.Manifest(
        id=ident, label={"none": [label]}, behavior=["paged"] if len(shown) > 2 else ["individuals"], viewingDirection="left-to-right"
    )
    made.metadata = [_fact(*fact) for fact in facts]
    for one in shown:
        page = one.page
        width, height = (page.width, page.height) if page.width > 0 and page.height > 0 else MISSING
        base = f"{canvas_base}{page.id}"
        canvas = iiif_prezi3.Canvas(id=base, label={"none": [str(one.place)]}, width=width, height=height)
        canvas.metadata = [_fact(*fact) for fact in _page_facts(page)]
        if page.sha256 is not None:
            service = iiif_prezi3.ServiceV3(id=image_of(page.id), type="ImageService3", profile="level0")
            body = iiif_prezi3.AnnotationBody(
                id=f"{image_of(page.id)}/full/max/0/default.jpg",
                type="Image",
                format="image/jpeg",
                width=width,
                height=height,
                service=[service],
            )
            painting = iiif_prezi3.Annotation(id=f"{base}/image", motivation="painting", body=body, target=base)
            canvas.items = [iiif_prezi3.AnnotationPage(id=f"{base}/page", items=[painting])]
        made.add_item(canvas)
    plain: dict[str, Any] = json.loads(made.jsonld())
    return plain


def _fact(english: str, chinese: str, value: str) -> Any:
    return {"label": {"en": [english], "zh": [chinese]}, "value": {"none": [value]}}


def _page_facts(page: Page) -> list[tuple[str, str, str]]:
    made = [("Captured", "采集时间", page.t), ("Station", "工位", page.station), ("Verdict of the checks", "检查结论", page.verdict)]
    if page.sha256 is None:
        return [("No image", "无图像", page.reason or "placeholder")]
    made.append(("SHA-256 of the master", "母版 SHA-256", page.sha256))
    if page.reason:
        made.append(("Reason", "原因", page.reason))
    return made
