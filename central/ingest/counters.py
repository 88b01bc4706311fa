"""Counts what goes wrong, and logs each cause once per source."""

import logging
from collections import Counter

log = logging.getLogger(__name__)
SOURCES_MAX = 1000


class Counters:
    """Counts by cause; bounded, whatever anybody sends."""

    def __init__(self) -> None:
        """All zero."""
        self.counts: Counter[str] = Counter()
        self._told: set[tuple[str, str]] = set()

    def note(self, cause: str, source: str, words: str) -> None:
        """Count; log the first of this cause from this source."""
        self.counts[cause] += 1
        if (cause, source) not in self._told and len(self._told) < SOURCES_MAX:
            self._told.add((cause, source))
            log.warning("%s from %s: %s (logged once, counted from now on)", cause, source, words)

    def clear(self, cause: str, source: str) -> None:
        """The cause is over: its next occurrence is news again."""
        self._told.discard((cause, source))
