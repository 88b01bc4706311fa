"""How a page of the console declares who may see it."""

from __future__ import annotations

from collections.abc import Callable

from central.web.operation import Operation, View, operation


def access(right: str) -> Callable[[View], View]:
    """A page for those with this right."""
    return operation(Operation(right=right, summary="A page of the console.", media=("text/html",)))
