"""Tampers at random, as a superuser would: one byte of a column, a row gone, swapped or forged.

Every tamper is one statement on one or two rows of a table, planted in a savepoint. What it did is
known, so that a finding can be held to name the row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import asyncpg

TABLES = ("operation", "event", "transfer", "ledger_day", "audit_leaf", "audit_tree",
          "audit_checkpoint")  # fmt: skip
WIDTHS = {"int2": 2, "int4": 4, "int8": 8}
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
LETTERS = "abcdefghijklmnopqrstuvwxyz:-0123456789"
REFUSED = (
    asyncpg.UniqueViolationError, asyncpg.NotNullViolationError, asyncpg.DataError,
    OverflowError, ValueError,
)  # fmt: skip
"""What the server itself does not let in."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    kind: str
    key: bool


@dataclass(frozen=True)
class Tamper:
    """What was done: to which table, how, and the rows as they were (of a forged one: as it is)."""

    table: str
    how: str
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        return f"{self.table}: {self.how} {[dict(row) for row in self.rows]}"


COLUMNS = """
SELECT a.attname, t.typname, coalesce(a.attnum = ANY(i.indkey), false)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


class Vandal:
    """Damages one book."""

    def __init__(self, connection: asyncpg.Connection, rng: Random) -> None:
        self.connection = connection
        self.rng = rng
        self.columns: dict[str, list[Column]] = {}
        self.places: dict[str, list[Any]] = {}

    async def look_around(self) -> None:
        """Which rows there are."""
        for table in TABLES:
            rows = await self.connection.fetch(COLUMNS, table)
            self.columns[table] = [Column(*row) for row in rows]
            order = ", ".join(column.name for column in self.columns[table] if column.key)
            places = await self.connection.fetch(f"SELECT ctid FROM {table} ORDER BY {order}")
            self.places[table] = [row[0] for row in places]

    async def plant(self) -> Tamper:
        """One tamper; what the server refuses is drawn again."""
        for _ in range(500):
            table = self.rng.choice([each for each in TABLES if self.places[each]])
            how = self.rng.choices(
                (self.flip, self.delete, self.swap, self.forge), (6, 2, 1, 1)
            )[0]
            savepoint = self.connection.transaction()
            await savepoint.start()
            try:
                done = await how(table)
            except REFUSED:
                done = None
            if done is not None:
                await savepoint.commit()
                return done
            await savepoint.rollback()
        raise AssertionError("the server refuses everything")

    async def row(self, table: str, place: Any = None) -> tuple[Any, Row]:
        """A row at random (or that one), everything as PostgreSQL writes it."""
        place = place or self.rng.choice(self.places[table])
        names = ", ".join(column.name for column in self.columns[table])
        found = await self.connection.fetchrow(f"SELECT {names} FROM {table} WHERE ctid = $1::tid",
                                               place)  # fmt: skip
        return place, dict(found)

    async def flip(self, table: str) -> Tamper | None:
        """Another byte in one column."""
        place, row = await self.row(table)
        column = self.rng.choice(self.columns[table])
        value = self.changed(column.kind, row[column.name])
        statement = f"UPDATE {table} SET {column.name} = $2 WHERE ctid = $1::tid RETURNING *"
        if column.kind == "xid8":
            statement = statement.replace("$2", "$2::text::xid8")
        after = await self.connection.fetchrow(statement, place, value)
        if dict(after) == row:  # the same value, written in another way
            return None
        return Tamper(table, f"one byte of {column.name}", (row, dict(after)))

    def changed(self, kind: str, value: Any) -> Any:
        """The value with one byte changed."""
        flip = self.rng.randrange(1, 256)
        if kind in WIDTHS:
            return whole(value, WIDTHS[kind], flip << 8 * self.rng.randrange(WIDTHS[kind]))
        if kind == "bool":
            return not value
        if kind == "bytea":
            place = self.rng.randrange(max(len(value), 1))
            return bytes([*value[:place], value[place] ^ flip if value else 1, *value[place + 1:]])
        if kind == "date":
            days = whole(value.toordinal(), 4, flip << 8 * self.rng.randrange(4))
            return date.fromordinal(days)
        if kind == "timestamptz":
            ticks = round((value - EPOCH) / timedelta(microseconds=1))
            ticks = whole(ticks, 8, flip << 8 * self.rng.randrange(8))
            return EPOCH + timedelta(microseconds=ticks)
        if kind == "xid8":
            return str(abs(whole(int(value), 8, flip << 8 * self.rng.randrange(8))))
        place = self.rng.randrange(max(len(value), 1))
        text = value[:place] + self.rng.choice(LETTERS) + value[place + 1 :]
        if kind == "jsonb":
            json.loads(text)
        return text

    async def delete(self, table: str) -> Tamper:
        """A row is gone."""
        place, row = await self.row(table)
        await self.connection.execute(f"DELETE FROM {table} WHERE ctid = $1::tid", place)
        return Tamper(table, "a row deleted", (row,))

    async def swap(self, table: str) -> Tamper | None:
        """Two rows say what the other said; their keys stay."""
        (one, first), (other, second) = await self.row(table), await self.row(table)
        names = [column.name for column in self.columns[table] if not column.key]
        if one == other or all(first[name] == second[name] for name in names):
            return None
        listed = ", ".join(names)
        try:
            await self.connection.execute(
                f"UPDATE {table} AS t SET ({listed}) = (SELECT {listed} FROM {table} s WHERE "
                "s.ctid = CASE WHEN t.ctid = $1::tid THEN $2::tid ELSE $1::tid END) "
                "WHERE t.ctid IN ($1::tid, $2::tid)", one, other,
            )  # fmt: skip
        except asyncpg.UniqueViolationError:  # one after the other is in each other's way
            return None
        return Tamper(table, "two rows swapped", (first, second))

    async def forge(self, table: str) -> Tamper | None:
        """A row that nobody wrote: like another one, under a key of its own."""
        _, row = await self.row(table)
        forged = dict(row)
        keys = [column for column in self.columns[table] if column.key]
        column = self.rng.choice(keys)
        forged[column.name] = self.changed(column.kind, row[column.name])
        if table == "audit_leaf" and self.rng.random() < 0.5:
            forged["leaf_index"] = len(self.places[table])
        if table in ("audit_leaf", "audit_checkpoint"):  # their second key
            name = "operation_id" if table == "audit_leaf" else "size"
            forged[name] += self.rng.randrange(1, 1000)
        names = ", ".join(forged)
        values = ", ".join(
            f"${n}::text::xid8" if name == "xid" else f"${n}" for n, name in enumerate(forged, 1)
        )
        await self.connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({values})",
            *(str(value) if name == "xid" else value for name, value in forged.items()),
        )  # fmt: skip
        return Tamper(table, "a row forged", (forged,))


def whole(value: int, width: int, mask: int) -> int:
    """A signed number of so many bytes with some bits changed."""
    bits = int.from_bytes(value.to_bytes(width, signed=True)) ^ mask
    return int.from_bytes(bits.to_bytes(width), signed=True)


def operation_names(row: Row) -> set[str]:
    """How findings name an operation."""
    return {str(row["operation_id"])}


def event_names(row: Row) -> set[str]:
    return {f"{row['contract_id']} event {row['seq']}"}


def transfer_names(row: Row) -> set[str]:
    where = f"cell {row['cell']}" if row["contract_id"] == 0 else f"{row['contract_id']}"
    return {f"{where} event {row['event_seq']} number {row['number']}"}


def turnover_names(row: Row) -> set[str]:
    return {f"{row['booked_on']} product {row['product_id']} account {row['account']}"}


def leaf_names(row: Row) -> set[str]:
    return {f"leaf {row['leaf_index']}"}


def tree_names(row: Row) -> set[str]:
    return {str(row["one"]).lower()}


def checkpoint_names(row: Row) -> set[str]:
    return {f"checkpoint {row['number']}", f"{row['size']:019}.checkpoint"}


NAMES: dict[str, Callable[[Row], set[str]]] = {
    "operation": operation_names, "event": event_names, "transfer": transfer_names,
    "ledger_day": turnover_names, "audit_leaf": leaf_names, "audit_tree": tree_names,
    "audit_checkpoint": checkpoint_names,
}  # fmt: skip


def is_named(tamper: Tamper, keys: set[str]) -> bool:
    """Whether a finding names (one of) the rows that were tampered with, by its own key."""
    wanted = set().union(*(NAMES[tamper.table](row) for row in tamper.rows))
    return any(has(key, name) for key in keys for name in wanted)


def has(key: str, name: str) -> bool:
    """Whether the words of ``name`` stand in ``key``, side by side."""
    return f" {name} " in f" {key.replace(',', ' ')} "


def is_placed(tamper: Tamper, keys: set[str]) -> bool:
    """Whether a finding names what the row belongs to: its operation, contract, day or cell."""
    found: set[str] = set()
    for row in tamper.rows:
        for name in ("operation_id", "contract_id", "booked_on", "business_date"):
            if row.get(name):
                found.add(str(row[name]))
        if row.get("contract_id") == 0 and "cell" in row:
            found |= {f"cell {row['cell']}", f"receipt {-row['event_seq']}"}
            found.add(f"FinishDay {date.fromordinal(max(row['event_seq'], 1))}")
        if row.get("contract_id"):
            found.add(f"borrower {row['contract_id'] >> 12}")
    return any(has(key, name) for key in keys for name in found)
