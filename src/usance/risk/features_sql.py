"""What features are made of, read from the book as it was known at the end of a business day.

Everything here is chosen by the business date on which it was booked, so a day that is past reads
the same whatever was booked later. What is only stored as it stands now (unpaid amounts, limits,
since when something is late) is led back by what was booked after the day.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from usance.contract import records as r
from usance.core.identifiers import cell_of_borrower, cell_of_contract
from usance.platform.database import Connection, Pool, one_moment
from usance.platform.pgcopy import Column, Layout, copy_out

Rows = NDArray[Any]

YEAR, HALF, QUARTER = 365, 183, 90
SEEN = 400
"""Days of statements and payments that are read: a year and the month before."""

COUNTED = (r.REPAYMENT, r.RECOVERY, r.CHARGEBACK, r.EXTENSION)
READERS = 2
"""Connections that read everybody side by side."""
PAGES = 32_768
"""Of a large table, read at once: 256 MB."""


def _layout(**columns: str) -> Layout:
    return Layout(tuple(Column(name, kind) for name, kind in columns.items()))


class Asked(NamedTuple):
    """A question: what it gives, and its SQL with room for whom it is about."""

    layout: Layout
    sql: str
    whose: str = ""
    """The columns that say whom a row is about; nothing: its contract, with ``x`` for its table."""
    table: str = ""
    """A table so large that it is read by ranges of pages where everybody is asked for."""
    since: bool = False
    """Whether what was said since is looked through, and not what there is of each."""


DAY, ORDINAL = "$1::date", "($1::date - date '0001-01-01' + 1)"
BORROWER, CONTRACT = "(x.cell, x.borrower_id)", "(x.cell, x.contract_id)"
NUMBER = "x.borrower_id"
NAMED = "unnest($2::smallint[], $3::bigint[])"
CONTRACTS = Asked(
    _layout(
        contract_id="int8", borrower_id="int8", product_id="int2", parent_id="int8",
        status="int2", opened_on="int4", late_from="int4", principal="int8", owed="int8",
        credit="int8",
    ),
    f"""
SELECT contract_id, borrower_id, product_id, parent_id, status, opened_on, late_from,
    unpaid_principal, unpaid_principal + unpaid_interest + unpaid_fee + unpaid_penalty, credit
FROM contract x WHERE opened_on <= {ORDINAL} {{scope}}
""", BORROWER,
)  # fmt: skip
LINES = Asked(
    _layout(borrower_id="int8", limit_amount="int8"),
    f"""
SELECT x.borrower_id, coalesce((later.said ->> 'limit_before')::bigint, x.limit_amount)
FROM line x LEFT JOIN (
    SELECT DISTINCT ON (borrower_id, product_id) borrower_id,
        (detail -> 'line' ->> 'product')::int AS product_id, detail -> 'line' AS said
    FROM operation WHERE business_date > {DAY} AND detail ? 'line'
    ORDER BY borrower_id, product_id, operation_id
) later USING (borrower_id, product_id)
WHERE x.opened_on <= {DAY} AND (x.status = 1 OR later.said IS NOT NULL) {{scope}}
""", BORROWER, since=True,
)  # fmt: skip
"""Limits of lines that were open: what was first said of one after the day says what was before."""
STATEMENTS = Asked(
    _layout(contract_id="int8", issued_on="date", due_on="date", required="int8", balance="int8"),
    f"""
SELECT contract_id, issued_on, due_on, required - plans_due, balance FROM statement x
WHERE issued_on <= {DAY} AND issued_on > {DAY} - {SEEN} {{scope}}
""", table="statement",
)  # fmt: skip
EVENTS = Asked(
    _layout(contract_id="int8", kind="int2", effective_on="date", amount="int8"),
    f"""
SELECT contract_id, kind, effective_on, amount FROM event x
WHERE kind IN {COUNTED} AND booked_on <= {DAY} AND effective_on > {DAY} - {SEEN} AND (
    reversed_by = 0 OR NOT EXISTS (
        SELECT FROM event u WHERE u.cell = x.cell AND u.contract_id = x.contract_id
            AND u.seq = x.reversed_by AND u.booked_on <= {DAY})
) {{scope}}
""", table="event",
)  # fmt: skip
MOVES = Asked(
    _layout(contract_id="int8", debit="int2", credit="int2", amount="int8"),
    f"""
SELECT contract_id, debit, credit, amount FROM transfer x
WHERE booked_on > {DAY} AND contract_id <> 0 {{scope}}
""", since=True,
)  # fmt: skip
LATENESS = Asked(
    _layout(contract_id="int8", number="int8", booked_on="date", was="int4", late_from="int4"),
    f"""
SELECT contract_id, number, booked_on, was, late_from FROM lateness x
WHERE booked_on > {DAY} - {YEAR} {{scope}}
""",
)
FIRST_LATE = Asked(
    _layout(contract_id="int8", late_from="int4"),
    f"""
SELECT DISTINCT x.contract_id, x.late_from FROM lateness x
JOIN due d ON d.cell = x.cell AND d.contract_id = x.contract_id AND d.n = 1
    AND x.late_from IN (d.due_on, d.original_due_on)
WHERE x.booked_on <= {DAY} AND x.booked_on > {DAY} - {YEAR} AND x.late_from <> 0 AND
    NOT EXISTS (SELECT FROM lateness t WHERE t.cell = x.cell AND t.contract_id = x.contract_id
        AND t.number < 0 AND t.booked_on <= {DAY}) {{scope}}
""",
)
NOT_PAID = Asked(
    _layout(borrower_id="int8", failed_on="date"),
    f"""
SELECT x.borrower_id, o.business_date FROM bank_file_row x
JOIN bank_file f ON f.file_id = x.file_id JOIN operation o ON o.operation_id = f.operation_id
WHERE x.outcome IN ('failed', 'returned') AND x.borrower_id <> 0
    AND o.business_date <= {DAY} AND o.business_date > {DAY} - {QUARTER} {{scope}}
""", NUMBER,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Read:
    """What the book knew at the end of day ``on`` (an ordinal, as all days in the rows)."""

    on: int
    contracts: Rows
    lines: Rows
    statements: Rows
    events: Rows
    moves: Rows
    lateness: Rows
    first_late: Rows
    not_paid: Rows


QUESTIONS = {
    "contracts": CONTRACTS, "lines": LINES, "statements": STATEMENTS, "events": EVENTS,
    "moves": MOVES, "lateness": LATENESS, "first_late": FIRST_LATE, "not_paid": NOT_PAID,
}  # fmt: skip


async def read_all(pool: Pool, on: date) -> Read:
    """Of everybody, by several connections that see the same moment."""
    parts: deque[tuple[str, str]] = deque()
    found: dict[str, list[Rows]] = {name: [] for name in QUESTIONS}

    async def work(connection: Connection) -> None:
        while parts:
            name, scope = parts.popleft()
            asked = QUESTIONS[name]
            sql = asked.sql.format(scope=scope)
            found[name].append(await copy_out(connection, sql, on, columns=asked.layout))

    async def beside_it(moment: str) -> None:
        async with one_moment(pool) as connection:
            await connection.execute(f"SET TRANSACTION SNAPSHOT '{moment}'")
            await work(connection)

    async with one_moment(pool) as connection:
        moment = await connection.fetchval("SELECT pg_export_snapshot()")
        for name, asked in QUESTIONS.items():
            parts.extend((name, each) for each in await _ranges(connection, asked.table))
        async with asyncio.TaskGroup() as readers:
            readers.create_task(work(connection))
            for _ in range(min(READERS, pool.get_max_size()) - 1):
                readers.create_task(beside_it(moment))
    return Read(on.toordinal(), **{name: np.concatenate(each) for name, each in found.items()})


async def _ranges(connection: Connection, table: str) -> list[str]:
    """A table as ranges of its pages; one without an end of its own is the whole."""
    if not table:
        return [""]
    size = await connection.fetchval(
        "SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::int", table
    )
    begins = range(0, size + 1, PAGES)
    return [
        f"AND x.ctid >= '({begin},0)'" + (
            f" AND x.ctid < '({begin + PAGES},0)'" if begin != begins[-1] else ""
        )
        for begin in begins
    ]  # fmt: skip


async def read(connection: Connection, on: date, borrowers: list[int]) -> Read:
    """Of some borrowers. Whoever asks while the book goes on asks in a moment of its own."""
    contracts = await _rows(connection, CONTRACTS, on, borrowers)
    ids = contracts["contract_id"].tolist()
    rest = {
        name: await _rows(connection, asked, on, borrowers if asked.whose else ids)
        for name, asked in QUESTIONS.items() if asked is not CONTRACTS
    }
    return Read(on.toordinal(), contracts, **rest)


async def _rows(connection: Connection, asked: Asked, on: date, ids: list[int]) -> Rows:
    if asked.whose == NUMBER:
        sql = asked.sql.format(scope=f"AND {NUMBER} = ANY($2::bigint[])")
        return await copy_out(connection, sql, on, ids, columns=asked.layout)
    whose, cell = asked.whose or CONTRACT, cell_of_borrower if asked.whose else cell_of_contract
    if asked.since:
        sql = asked.sql.format(scope=f"AND {whose} IN (SELECT * FROM {NAMED})")
    else:  # OFFSET 0: each is looked up, however many the planner thinks they are
        inner = asked.sql.format(scope=f"AND {whose} = (named.cell, named.id)")
        sql = (f"SELECT found.* FROM {NAMED} AS named (cell, id)"
               f" CROSS JOIN LATERAL ({inner} OFFSET 0) AS found")  # fmt: skip
    cells = [cell(each) for each in ids]
    return await copy_out(connection, sql, on, cells, ids, columns=asked.layout)


async def read_one(connection: Connection, on: date, borrower_id: int) -> Read:
    """Of one borrower, by one statement: everything as numbers, days as ordinals."""
    row = await connection.fetchrow(OF_ONE, on, cell_of_borrower(borrower_id), borrower_id)
    found = {}
    for (name, asked), rows in zip(QUESTIONS.items(), row, strict=True):
        found[name] = np.zeros(len(rows), asked.layout.dtype)
        for place, column in enumerate(asked.layout.names):
            found[name][column] = [each[place] for each in rows]
    return Read(on.toordinal(), **found)


def _numbers(asked: Asked) -> str:
    """A question about one borrower, each row as an array of numbers."""
    scope = {
        NUMBER: f"AND {NUMBER} = $3", BORROWER: "AND x.cell = $2 AND x.borrower_id = $3",
        "": "AND x.cell = $2 AND x.contract_id IN (SELECT contract_id FROM own)",
    }[asked.whose]  # fmt: skip
    columns = ", ".join(
        f"({each.name} - date '0001-01-01' + 1)::bigint" if each.kind == "date"
        else f"{each.name}::bigint"
        for each in asked.layout.columns
    )
    names = ", ".join(asked.layout.names)
    inner = asked.sql.format(scope=scope)
    return f"ARRAY(SELECT ARRAY[{columns}] FROM ({inner}) AS asked ({names}))"


OF_ONE = (
    "WITH own AS (SELECT contract_id FROM contract WHERE cell = $2::smallint"
    f" AND borrower_id = $3::bigint) SELECT {', '.join(map(_numbers, QUESTIONS.values()))}"
)
