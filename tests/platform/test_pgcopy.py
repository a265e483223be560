"""Binary COPY carries every value unchanged, and refuses what does not fit."""

from __future__ import annotations

import datetime
import uuid

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from usance.platform.database import Pool, transaction
from usance.platform.pgcopy import (
    ROWS_AT_ONCE,
    Column,
    CopyError,
    Layout,
    copy_in,
    copy_out,
    decode,
    encode,
    layout,
)

TABLE = sa.Table(
    "everything",
    sa.MetaData(),
    sa.Column("small", sa.SmallInteger),
    sa.Column("middle", sa.Integer),
    sa.Column("large", sa.BigInteger),
    sa.Column("yes", sa.Boolean),
    sa.Column("due_on", sa.Date),
    sa.Column("moment", sa.DateTime(timezone=True)),
    sa.Column("digest", sa.LargeBinary(4)),
    sa.Column("id", sa.Uuid),
)
LAYOUT = layout(TABLE)
CREATE = """CREATE TABLE everything (small int2, middle int4, large int8, yes bool, due_on date,
    moment timestamptz, digest bytea, id uuid)"""
UTC_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

ROWS = st.lists(
    st.tuples(
        st.integers(-(2**15), 2**15 - 1),
        st.integers(-(2**31), 2**31 - 1),
        st.integers(-(2**63), 2**63 - 1),
        st.booleans(),
        st.dates().map(datetime.date.toordinal),
        st.integers(-(2**55), 2**55),
        st.binary(min_size=4, max_size=4),
        st.uuids().map(lambda value: value.bytes),
    ),
    max_size=20,
)


def array_of(rows: list[tuple]) -> np.ndarray:
    array = np.zeros(len(rows), LAYOUT.dtype)
    for position, row in enumerate(rows):
        for column, value in zip(LAYOUT.columns, row, strict=True):
            cell = np.frombuffer(value, np.uint8) if column.is_bytes else value
            array[column.name][position] = cell
    return array


@given(ROWS)
def test_encode_and_decode_are_inverse(rows: list[tuple]) -> None:
    array = array_of(rows)
    assert (decode(LAYOUT, encode(LAYOUT, array)) == array).all()


async def test_postgres_reads_and_writes_the_same_values(pool: Pool) -> None:
    moment = datetime.datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=datetime.UTC)
    day, key = datetime.date(2024, 2, 29), uuid.UUID(int=2**127 + 5)
    microseconds = (moment - UTC_EPOCH) // datetime.timedelta(microseconds=1)
    ours = (-3, 70_000, -(2**62), True, day.toordinal(), microseconds, b"\0ab\0", key.bytes)
    theirs = (-3, 70_000, -(2**62), True, day, moment, b"\0ab\0", key)
    await pool.execute(CREATE)
    async with transaction(pool) as connection:
        assert await copy_in(connection, "everything", array_of([ours]), LAYOUT) == 1
        await connection.execute("INSERT INTO everything VALUES ($1,$2,$3,$4,$5,$6,$7,$8)", *theirs)
        back = await copy_out(connection, "SELECT * FROM everything", columns=LAYOUT)
        assert (back == array_of([ours, ours])).all()
        records = await connection.fetch("SELECT * FROM everything")
    assert [tuple(record) for record in records] == [theirs, theirs]


@pytest.mark.parametrize("count", [0, 1, ROWS_AT_ONCE, 3 * ROWS_AT_ONCE + 1])
async def test_any_number_of_rows_through_the_database(pool: Pool, count: int) -> None:
    columns = layout(TABLE, ["large", "due_on"])
    data = {"large": np.arange(count), "due_on": np.arange(count) + 700_000}
    await pool.execute(CREATE)
    async with transaction(pool) as connection:
        assert await copy_in(connection, "everything", data, columns) == count
        query = "SELECT large, due_on FROM everything WHERE large >= $1 ORDER BY large"
        back = await copy_out(connection, query, 0, columns=columns)
    assert (back["large"] == data["large"]).all()
    assert (back["due_on"] == data["due_on"]).all()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Column("c", "int2"), 2**15),
        (Column("c", "int4"), -(2**31) - 1),
        (Column("c", "bool"), 2),
        (Column("c", "date"), 2**40),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(column: Column, value: int) -> None:
    with pytest.raises(CopyError, match=r"column c .* takes"):
        encode(Layout((column,)), {"c": np.array([1, value])})


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (Column("c", "int8"), np.array([1.5])),
        (Column("c", "bytea", 4), np.array([1])),
        (Column("c", "bytea", 4), np.zeros((1, 5), np.uint8)),
    ],
)
def test_values_of_another_kind_are_refused(column: Column, values: np.ndarray) -> None:
    with pytest.raises(CopyError, match="column c needs"):
        encode(Layout((column,)), {"c": values})


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1::int8, 2::int8",
        "SELECT 1::int4",
        "SELECT NULL::int8",
        "SELECT 1::int8 UNION ALL SELECT NULL",
        "SELECT 12::numeric",
    ],
)
async def test_a_query_with_other_columns_is_refused(pool: Pool, query: str) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(CopyError):
            await copy_out(connection, query, columns=Layout((Column("c", "int8"),)))


def test_a_cut_stream_is_refused() -> None:
    stream = encode(LAYOUT, np.zeros(3, LAYOUT.dtype))
    for broken in (stream[:-2], stream[:-5], stream[1:], stream[:30] + stream[-2:], b""):
        with pytest.raises(CopyError):
            decode(LAYOUT, broken)


async def test_a_refused_copy_writes_nothing(pool: Pool) -> None:
    await pool.execute(CREATE)
    good_then_bad = np.zeros(ROWS_AT_ONCE + 1, np.int64)
    good_then_bad[-1] = 2**15
    with pytest.raises(CopyError):
        async with transaction(pool) as connection:
            await copy_in(
                connection, "everything", {"small": good_then_bad}, layout(TABLE, ["small"])
            )
    assert await pool.fetchval("SELECT count(*) FROM everything") == 0


def test_a_column_without_a_fixed_width_is_refused() -> None:
    for kind in (sa.Text(), sa.Numeric(), sa.LargeBinary()):
        table = sa.Table("t", sa.MetaData(), sa.Column("c", kind))
        with pytest.raises(CopyError, match="no fixed width"):
            layout(table)
