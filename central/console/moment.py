"""The small chart of an alarm's page: the course around the moment, the limit, when it held, doors that stood open; as shapes of an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 720.0, 200.0
EDGE = 0.12  # of the height that stays free above and below
GAP_FACTOR = 4  # points further apart than so many usual steps are not joined


@dataclass(frozen=True)
class Drawn:
    """Shapes in a box of WIDTH times HEIGHT; `low` and `high` are the values at its lower and upper edge."""

    path: str
    limit_y: float | None
    held: tuple[float, float]
    doors: list[tuple[float, float]] = field(default_factory=list)
    low: float = 0.0
    high: float = 0.0


def drawn(
    points: Sequence[Sequence[Any]], *, span: tuple[int, int], limit: float | None, held: tuple[int, int], doors: Sequence[Any] = ()
) -> Drawn | None:
    """The shapes of [t_ms, min, mean, max, count] over a span; None where there is no value to draw."""
    values = [(int(point[0]), float(point[2])) for point in points if point[2] is not None]
    length = span[1] - span[0]
    if len(values) < 2 or length <= 0:
        return None
    all_values = [value for _, value in values] + ([limit] if limit is not None else [])
    margin = (max(all_values) - min(all_values) or 1.0) * EDGE
    low, high = min(all_values) - margin, max(all_values) + margin

    def x(t_ms: float) -> float:
        return round(min(max((t_ms - span[0]) / length, 0.0), 1.0) * WIDTH, 1)

    def y(value: float) -> float:
        return round((high - value) / (high - low) * HEIGHT, 1)

    steps = sorted(later[0] - earlier[0] for earlier, later in pairwise(values))
    usual, parts, before = steps[len(steps) // 2], [], None
    for t, value in values:
        parts.append(f"{'L' if before is not None and t - before <= usual * GAP_FACTOR else 'M'}{x(t)} {y(value)}")
        before = t
    open_ = [(x(door["from_ms"]), x(door["to_ms"] if door["to_ms"] is not None else span[1])) for door in doors]
    limit_y = None if limit is None else y(limit)
    return Drawn(" ".join(parts), limit_y, (x(held[0]), x(held[1])), [(a, max(b, a + 2)) for a, b in open_], low, high)
