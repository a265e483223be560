"""Lists come in pages: ``next`` of one is the ``cursor`` of the following one, null at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

from usance.core.refusals import Refused
from usance.core.rules import rule

Item = TypeVar("Item")
CURSOR_MAX = 2**63 - 1


class PageQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which page of a list."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, Meta(max_length=40, description="``next`` of the page before")] = ""


class Page(Struct, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next: str | None


@rule("R-DOC-01")
def position(query: PageQuery, start: int, most: int = CURSOR_MAX) -> int:
    """The number that the page before ended with; ``start`` for the first page."""
    if not query.cursor:
        return start
    text = query.cursor
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else -1
    if not 0 <= value <= most:
        raise Refused("R-DOC-01", "not a cursor of this list", "cursor")
    return value


def page(items: Sequence[Item], query: PageQuery, last: int) -> Page[Item]:
    """A page; it has a next one if it is full."""
    return Page(list(items), str(last) if len(items) >= query.limit else None)
