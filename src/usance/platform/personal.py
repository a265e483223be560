"""Where the book holds something of a person, as each room enters it here.

So that keys can be changed, a person be told everything and a person be forgotten, without one
room knowing the tables of another. A room enters its parts when it is imported;
``web.personal`` imports every room that has some.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias, TypeVar

from usance.platform.crypto import KeyService
from usance.platform.database import Connection

Function = TypeVar("Function", bound=Callable[..., object])

Part: TypeAlias = Callable[[Connection, int], Awaitable[Any]]
"""(connection, borrower id) -> a part of the export, as JSON takes it."""
OpenedPart: TypeAlias = Callable[[Connection, KeyService, int], Awaitable[Any]]
"""(connection, keys, borrower id) -> a part of the export that is encrypted in the tables."""
Obstacle: TypeAlias = Callable[[Connection, int], Awaitable[str | None]]
"""(connection, borrower id) -> why the person cannot be erased now; None if nothing is in the way.
It looks at the borrower's rows as they are locked by the erasure."""
Forget: TypeAlias = Callable[[Connection, int], Awaitable[None]]
"""(connection, borrower id) -> nothing of the person is left in the room's tables."""
LastUse: TypeAlias = Callable[[Connection, int], Awaitable[date | None]]
"""(connection, borrower id) -> the last day from which records of a relationship must be kept;
None where there was none."""
LookedUp: TypeAlias = Callable[[Connection, int, bytes], Awaitable[list[tuple[str, str]]]]
"""(connection, borrower id, data key) -> (purpose, value) of each further directory entry."""


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """A column of keys that the master key wraps; an empty one wraps nothing.

    ``owner`` is the column whose number the wrapping is bound to, beside the table's name.
    A table with cells is worked on by ranges of them, any other in one go.
    """

    table: str
    column: str
    owner: str
    has_cells: bool

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class SealedFields:
    """Columns that are encrypted under the data key of the row's ``borrower_id``.

    ``row_id`` is the column whose number the ciphertext is bound to; an empty field stays empty.
    """

    table: str
    columns: tuple[str, ...]
    identity: tuple[str, ...]
    row_id: str


WRAPPED: dict[str, WrappedKeys] = {}
SEALED: dict[str, SealedFields] = {}
PARTS: dict[str, Part] = {}
OPENED_PARTS: dict[str, OpenedPart] = {}
OBSTACLES: list[Obstacle] = []
FORGET: list[Forget] = []
LAST_USE: list[LastUse] = []
LOOKED_UP: list[LookedUp] = []
SHOWN_TABLES: set[str] = set()
"""Tables whose rows of a borrower are in the export."""


def wrapped_keys(table: str, column: str, owner: str, *, has_cells: bool) -> None:
    """Enter a column of wrapped keys, so that a rotation wraps them anew."""
    entered = WrappedKeys(table, column, owner, has_cells)
    WRAPPED[entered.name] = entered


def sealed_fields(
    table: str, columns: tuple[str, ...], identity: tuple[str, ...], row_id: str
) -> None:
    """Enter encrypted columns, so that a person's new key takes them along."""
    SEALED[table] = SealedFields(table, columns, identity, row_id)


def part(name: str, *tables: str) -> Callable[[Function], Function]:
    """Enter a ``Part`` of the export, and the tables whose rows it shows."""

    def enter(function: Function) -> Function:
        PARTS[name] = function  # type: ignore[assignment]
        SHOWN_TABLES.update(tables)
        return function

    return enter


def opened_part(name: str, *tables: str) -> Callable[[Function], Function]:
    """Enter an ``OpenedPart`` of the export, and the tables whose rows it shows."""

    def enter(function: Function) -> Function:
        OPENED_PARTS[name] = function  # type: ignore[assignment]
        SHOWN_TABLES.update(tables)
        return function

    return enter


def obstacle(function: Function) -> Function:
    """Enter an ``Obstacle`` to erasure."""
    OBSTACLES.append(function)  # type: ignore[arg-type]
    return function


def forget(function: Function) -> Function:
    """Enter what a room does when a person is erased."""
    FORGET.append(function)  # type: ignore[arg-type]
    return function


def last_use(function: Function) -> Function:
    """Enter a ``LastUse``: retention counts from the latest."""
    LAST_USE.append(function)  # type: ignore[arg-type]
    return function


def looked_up(function: Function) -> Function:
    """Enter what else a borrower is found by, so that a new index key hashes it too."""
    LOOKED_UP.append(function)  # type: ignore[arg-type]
    return function
