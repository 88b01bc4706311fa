"""Does in the demonstration what the line's people do around the bench: volumes come in, go from step to step, are accepted and packed.

The bench's simulated operator captures by herself; here her volumes are registered and brought to the bench, earlier batches are
accepted, and their paper is filed. The latest closed batch is left for whoever looks at the demonstration. All of it is asked of the
centre's API as the demonstration's own operator and archivist.
"""

import sys
import threading
from typing import Any
from urllib.error import URLError

from deploy.demo.staff import Centre, Refused

EVERY_S = 4.0
UNIT, CONSIGNMENT = "城东供电所 East district", "2026-11 移交 Handover"
TITLE = "客户用电档案 Customer files"
BEFORE = ("receive", "sort", "repair", "number", "index")  # the steps before capture
# number, unit, declared, how many of the steps before capture are done, how many pages were counted at the receipt
WAITING: tuple[tuple[str, str, int, int, int], ...] = (
    ("D-0201", UNIT, 34, 0, 34),
    ("D-0202", UNIT, 51, 0, 51),
    ("D-0203", UNIT, 28, 1, 28),
    ("W-0117", "城西供电所 West district", 40, 2, 39),
    ("W-0118", "城西供电所 West district", 22, 3, 22),
    ("W-0119", "城西供电所 West district", 64, 4, 64),
)
LEFT_TO_LOOK_AT = 1  # closed batches that nobody decides by herself
PACKED = ("bagit", "pdf")  # of the first accepted batch


class Line:
    """The people around the bench; `tend` does what is due now. Nothing is kept here: what was done is read from the centre."""

    def __init__(self, url: str, users: dict[str, dict[str, str]]) -> None:
        self._operator = Centre(url, users["operator"]["token"])
        self._archivist = Centre(url, users["archivist"]["token"])

    def begin(self) -> None:
        """Volumes that wait at the steps before capture, once."""
        known = {one["number"] for one in self._volumes()}
        for number, unit, declared, steps, counted in WAITING:
            if number not in known:
                self._bring(self._register(number, unit, declared), steps, declared=declared, received=counted)

    def tend(self) -> None:
        """One round over the batches, the oldest first."""
        volumes = {one["number"]: one for one in self._volumes()}
        batches = [one for one in self._archivist.ask("/batches?limit=50")["items"] if one.get("volume")]
        batches.sort(key=lambda one: str(one["opened"] or ""))
        for batch in batches:
            volume = volumes.get(batch["volume"])
            if volume is None:
                made = self._register(batch["volume"], UNIT, batch["declared"] or 22)
                self._bring(made, len(BEFORE), declared=batch["declared"] or 22)
            elif batch["state"] == "accepted" and volume.get("step") == "file":
                self._act("begin", volume["id"], step="file")
                self._act("finish", volume["id"], step="file", note="已归卷 filed")
        closed = [one for one in batches if one["state"] == "closed" and not one["pending"]]
        for batch in closed[:-LEFT_TO_LOOK_AT]:
            self._archivist.ask(f"/batches/{batch['id']}/accept", {"reason": "演示 demonstration"})
        accepted = next((one for one in batches if one["state"] == "accepted"), None)
        if accepted is not None and not self._archivist.ask(f"/batches/{accepted['id']}/packages")["items"]:
            for kind in PACKED:
                self._archivist.ask(f"/batches/{accepted['id']}/packages", {"kind": kind, "recipients": []})

    def work(self, stop: threading.Event) -> None:
        """Tend the line until `stop`; what the centre refuses is said once."""
        said: set[str] = set()
        while not stop.wait(EVERY_S):
            try:
                self.begin()
                self.tend()
            except (Refused, URLError, OSError) as error:
                words = str(error)[:300]
                if isinstance(error, Refused) and words not in said and len(said) < 20:
                    said.add(words)
                    print(f"the line of the demonstration: {words}", file=sys.stderr, flush=True)

    def _volumes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._operator.ask("/process/volumes?limit=200")["items"]
        return found

    def _register(self, number: str, unit: str, declared: int) -> str:
        body = {"number": number, "unit": unit, "consignment": CONSIGNMENT, "declared": declared, "title": TITLE}
        return str(self._operator.ask("/process/volumes", body)["id"])

    def _bring(self, volume: str, steps: int, *, declared: int, received: int | None = None) -> None:
        for step in BEFORE[:steps]:
            self._act("begin", volume, step=step)
            count = declared if received is None else received
            differs = {"note": "缺一页 one page is missing"} if step == "receive" and count != declared else {}
            self._act("finish", volume, step=step, count=count, **differs)

    def _act(self, act: str, volume: str, **more: Any) -> None:
        done = self._operator.ask("/process/steps", {"act": act, "volumes": [volume], **more})
        if done["failed"]:
            raise Refused(f"{act} {more.get('step')}: {done['failed'][0]}")
