"""Binary COPY between PostgreSQL and NumPy, whole columns at a time.

Every supported type has a fixed width and no NULLs, so that a COPY stream is an array of
equal rows: encoding and decoding are a handful of strided copies, whatever the row count.
In arrays, whole numbers, dates and moments are int64 (a date is its ``date.toordinal()``, a
moment is microseconds of Unix time), bytes and UUIDs are rows of uint8. Format: PostgreSQL
documentation, COPY, "Binary Format".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from usance.platform.database import Connection

Columns: TypeAlias = NDArray[Any] | Mapping[str, NDArray[Any]]
"""A structured array, or one array for each column name."""

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
ROWS_AT_ONCE = 4_096
"""Keeps the work within the processor's cache: five times faster than all rows at once."""

LARGE = 1 << 22
"""Bytes of a stream that is decoded in a thread of its own."""

DATE_EPOCH = 730_120
"""date(2000, 1, 1).toordinal(): PostgreSQL's day 0."""
MOMENT_EPOCH = 946_684_800_000_000
"""2000-01-01 UTC in microseconds of Unix time: PostgreSQL's moment 0."""

_WIRE = {
    "bool": "u1",
    "int2": ">i2",
    "int4": ">i4",
    "int8": ">i8",
    "date": ">i4",
    "timestamptz": ">i8",
}
_EPOCH = {"date": DATE_EPOCH, "timestamptz": MOMENT_EPOCH}


class CopyError(ValueError):
    """The data does not fit the columns; the message names the column."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a key of ``_WIRE``, or ``bytea`` or ``uuid`` with a length in bytes."""

    name: str
    kind: str
    length: int = 0

    @property
    def is_bytes(self) -> bool:
        """Whether values are fixed-length bytes."""
        return self.length > 0

    @property
    def wire(self) -> np.dtype[Any]:
        """The value as PostgreSQL sends it."""
        return np.dtype(("u1", (self.length,)) if self.is_bytes else _WIRE[self.kind])

    @property
    def array(self) -> np.dtype[Any]:
        """The value as our arrays hold it."""
        return self.wire if self.is_bytes else np.dtype(np.int64)


@dataclass(frozen=True)
class Layout:
    """An ordered set of columns: what one row looks like on both sides."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The structured dtype of arrays with these columns."""
        return np.dtype([(column.name, column.array) for column in self.columns])

    @cached_property
    def row(self) -> np.dtype[Any]:
        """One row of the stream: field count, then length and value of each field."""
        fields: list[tuple[str, Any]] = [("count", ">i2")]
        for number, column in enumerate(self.columns):
            fields += [(f"length{number}", ">i4"), (f"value{number}", column.wire)]
        return np.dtype(fields)

    @cached_property
    def blank(self) -> NDArray[Any]:
        """A row with the count and all lengths filled in."""
        row = np.zeros(1, self.row)
        row["count"] = len(self.columns)
        for number, column in enumerate(self.columns):
            row[f"length{number}"] = column.wire.itemsize
        return row


def layout(table: sa.Table, names: Iterable[str] | None = None) -> Layout:
    """Layout of some columns of a table, of all of them by default."""
    chosen = table.columns.keys() if names is None else names
    return Layout(tuple(_column(table.columns[name]) for name in chosen))


def encode(layout: Layout, data: Columns) -> bytes:
    """A complete COPY stream; CopyError when a value is out of its column's range."""
    return b"".join(_messages(layout, data))


def decode(layout: Layout, stream: bytes | bytearray) -> NDArray[Any]:
    """A structured array from a complete COPY stream; CopyError when it has other columns."""
    rows = _rows_of(layout, stream)
    array = np.empty(len(rows), layout.dtype)
    for part in _parts(len(rows)):
        _decode_rows(layout, rows[part], array[part])
    return array


async def copy_in(connection: Connection, table: str, data: Columns, columns: Layout) -> int:
    """Append rows to a table; returns how many. ``data`` may have further columns."""
    tag: str = await connection.copy_to_table(
        table, source=_stream(columns, data), columns=columns.names, format="binary"
    )
    return int(tag.split()[1])


async def copy_out(
    connection: Connection, query: str, *arguments: object, columns: Layout
) -> NDArray[Any]:
    """The rows of a query, whose columns must be those of the layout, in its order."""
    parts: list[bytes] = []

    async def collect(part: bytes) -> None:
        parts.append(part)

    await connection.copy_from_query(query, *arguments, output=collect, format="binary")
    stream = b"".join(parts)
    if len(stream) < LARGE:
        return decode(columns, stream)
    return await asyncio.to_thread(decode, columns, stream)  # others go on meanwhile


async def _stream(layout: Layout, data: Columns) -> AsyncIterator[bytes]:
    for message in _messages(layout, data):
        yield message


def _messages(layout: Layout, data: Columns) -> Iterator[bytes]:
    yield HEADER
    for part in _parts(_length(layout, data)):
        yield _encode_rows(layout, data, part)
    yield TRAILER


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, ROWS_AT_ONCE):
        yield slice(start, min(start + ROWS_AT_ONCE, count))


def _encode_rows(layout: Layout, data: Columns, part: slice) -> bytes:
    buffer = bytearray(layout.blank.tobytes()) * (part.stop - part.start)
    rows = np.frombuffer(buffer, layout.row)
    for number, column in enumerate(layout.columns):
        rows[f"value{number}"] = _checked(column, data[column.name][part])
    return bytes(buffer)


def _decode_rows(layout: Layout, rows: NDArray[Any], array: NDArray[Any]) -> None:
    for number, column in enumerate(layout.columns):
        if np.any(rows[f"length{number}"] != column.wire.itemsize):
            raise CopyError(f"column {column.name} is not {column.kind} throughout, or has NULLs")
        array[column.name] = rows[f"value{number}"]
        if column.kind in _EPOCH:
            array[column.name] += _EPOCH[column.kind]


def _checked(column: Column, values: NDArray[Any]) -> NDArray[Any]:
    """Values on PostgreSQL's scale; refuses what would wrap or be cut off silently."""
    if column.is_bytes:
        if values.dtype != np.uint8 or values.shape[1:] != (column.length,):
            raise CopyError(f"column {column.name} needs {column.length} bytes in each row")
        return values
    if values.dtype.kind not in "iub":
        raise CopyError(f"column {column.name} needs whole numbers, not {values.dtype}")
    if column.kind in _EPOCH:
        values = values - _EPOCH[column.kind]
    low, high = (0, 1) if column.kind == "bool" else _range(column.wire)
    if values.size and not (low <= values.min() and values.max() <= high):
        raise CopyError(f"column {column.name} ({column.kind}) takes {low} to {high} only")
    return values


def _range(wire: np.dtype[Any]) -> tuple[int, int]:
    limits = np.iinfo(wire)
    return int(limits.min), int(limits.max)


def _rows_of(layout: Layout, stream: bytes | bytearray) -> NDArray[Any]:
    body = len(stream) - len(HEADER) - len(TRAILER)
    if stream[: len(HEADER)] != HEADER or stream[-2:] != TRAILER:
        raise CopyError("not a complete binary COPY stream")
    count, rest = divmod(body, layout.row.itemsize)
    rows = np.frombuffer(stream, layout.row, count, len(HEADER))
    if rest or np.any(rows["count"] != len(layout.columns)):
        raise CopyError(f"the rows are not {', '.join(layout.names)}, or have NULLs")
    return rows


def _length(layout: Layout, data: Columns) -> int:
    return len(data[layout.columns[0].name])


def _column(column: sa.Column[Any]) -> Column:
    kinds: list[tuple[type[sa.types.TypeEngine[Any]], str]] = [
        (sa.SmallInteger, "int2"),
        (sa.BigInteger, "int8"),
        (sa.Integer, "int4"),
        (sa.Boolean, "bool"),
        (sa.Date, "date"),
        (sa.DateTime, "timestamptz"),
    ]
    if isinstance(column.type, sa.Uuid):
        return Column(column.name, "uuid", 16)
    if isinstance(column.type, sa.LargeBinary) and column.type.length:
        return Column(column.name, "bytea", column.type.length)
    for kind, name in kinds:
        if isinstance(column.type, kind):
            return Column(column.name, name)
    raise CopyError(f"column {column.name} has no fixed width: {column.type!r}")
