"""The SQL of cases. A case is changed under the lock of its row; nothing here commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from usance.cases import rules
from usance.cases.records import (
    CASE_CHANGES,
    CASE_KEY,
    OUTCOME_CHANGES,
    OUTCOME_KEY,
    Attachment,
    Case,
    Message,
    Outcome,
    Row,
    columns,
)
from usance.core.identifiers import cell_of_borrower, cell_of_contract
from usance.platform import locks
from usance.platform.database import Connection, Pool

Record = TypeVar("Record", Case, Outcome, Message, Attachment)
TABLES: dict[type, str] = {
    Case: "case_file", Outcome: "case_outcome", Message: "case_message",
    Attachment: "case_attachment",
}  # fmt: skip
CASES = ", ".join(columns(Case))
LAST = 2**63 - 1


# -- writing ---------------------------------------------------------------------------------------


async def insert(connection: Connection, record: Record) -> None:
    """A new row."""
    names = columns(type(record))
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    await connection.execute(
        f"INSERT INTO {TABLES[type(record)]} ({', '.join(names)}) VALUES ({places})",
        *(getattr(record, name) for name in names),
    )


async def save_case(connection: Connection, case: Case) -> None:
    """What changes of a case; its row is locked."""
    await _save(connection, case, CASE_KEY, CASE_CHANGES)


async def save_outcome(connection: Connection, outcome: Outcome) -> None:
    """What changes of an outcome; the row of its case is locked."""
    await _save(connection, outcome, OUTCOME_KEY, OUTCOME_CHANGES)


async def _save(
    connection: Connection, record: Case | Outcome, key: Sequence[str], changes: Sequence[str]
) -> None:
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(changes, len(key) + 1))
    where = " AND ".join(f"{name} = ${n}" for n, name in enumerate(key, 1))
    await connection.execute(
        f"UPDATE {TABLES[type(record)]} SET {sets} WHERE {where}",
        *(getattr(record, name) for name in (*key, *changes)),
    )


async def insert_event(
    connection: Connection, case: Case, kind: str, actor: str, at: datetime, operation_id: int,
    detail: Mapping[str, Any],
) -> None:  # fmt: skip
    """The next event of a case."""
    await connection.execute(
        "INSERT INTO case_event (cell, borrower_id, case_id, number, kind, actor, detail,"
        " operation_id, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *(case.cell, case.borrower_id, case.case_id, case.events, kind, actor),
        *(msgspec.json.encode(detail).decode(), operation_id, at),
    )


async def carry_out_alone(connection: Connection, case_id: int, number: int) -> None:
    """Wait until nobody else, in no process, carries this outcome out; until the commit."""
    await connection.execute(
        f"SELECT pg_advisory_xact_lock({locks.CARRYING_OUT}, hashtext($1))", f"{case_id} {number}"
    )


# -- reading one case ------------------------------------------------------------------------------


async def case_of(
    connection: Connection | Pool, case_id: int, borrower_id: int | None = None, *,
    lock: bool = False,
) -> Case | None:  # fmt: skip
    """A case; with ``borrower_id`` only if it is that borrower's. Locked by its whole key."""
    if borrower_id is None:
        borrower_id = await connection.fetchval(
            "SELECT borrower_id FROM case_file WHERE case_id = $1", case_id
        )
        if borrower_id is None:
            return None
    row = await connection.fetchrow(
        f"SELECT {CASES} FROM case_file WHERE cell = $1 AND borrower_id = $2 AND case_id = $3"
        + (" FOR UPDATE" if lock else ""),
        *(cell_of_borrower(borrower_id), borrower_id, case_id),
    )
    return None if row is None else Case(*row)


async def borrower(
    connection: Connection | Pool, borrower_id: int, *, lock: bool = False
) -> Row | None:
    """The wrapped data key, the status and the language of a borrower."""
    row: Row | None = await connection.fetchrow(
        "SELECT data_key, status, language FROM borrower WHERE cell = $1 AND borrower_id = $2"
        + (" FOR UPDATE" if lock else ""),
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return row


async def outcomes(connection: Connection | Pool, case: Case) -> list[Outcome]:
    """The outcomes of a case, oldest first."""
    rows = await connection.fetch(
        f"SELECT {', '.join(columns(Outcome))} FROM case_outcome"
        " WHERE cell = $1 AND borrower_id = $2 AND case_id = $3 ORDER BY number",
        *(case.cell, case.borrower_id, case.case_id),
    )
    return [Outcome(*row) for row in rows]


async def messages(
    connection: Connection | Pool, case: Case, ways: Sequence[int], after: int, limit: int
) -> list[Message]:
    """Messages of a case after a number, oldest first."""
    rows = await connection.fetch(
        f"SELECT {', '.join(columns(Message))} FROM case_message WHERE cell = $1"
        " AND borrower_id = $2 AND case_id = $3 AND way = ANY($4::smallint[]) AND number > $5"
        " ORDER BY number LIMIT $6",
        *(case.cell, case.borrower_id, case.case_id, ways, after, limit),
    )
    return [Message(*row) for row in rows]


async def attachments(
    connection: Connection | Pool, case: Case, ways: Sequence[int]
) -> list[Attachment]:
    """The attachments of a case without their content, oldest first."""
    names = ", ".join("''::bytea" if n == "content" else n for n in columns(Attachment))
    rows = await connection.fetch(
        f"SELECT {names} FROM case_attachment WHERE cell = $1 AND borrower_id = $2"
        " AND case_id = $3 AND way = ANY($4::smallint[]) ORDER BY number",
        *(case.cell, case.borrower_id, case.case_id, ways),
    )
    return [Attachment(*row) for row in rows]


async def attachment(
    connection: Connection | Pool, case: Case, number: int, ways: Sequence[int]
) -> Attachment | None:
    """One attachment with its content."""
    row = await connection.fetchrow(
        f"SELECT {', '.join(columns(Attachment))} FROM case_attachment WHERE cell = $1"
        " AND borrower_id = $2 AND case_id = $3 AND number = $4 AND way = ANY($5::smallint[])",
        *(case.cell, case.borrower_id, case.case_id, number, ways),
    )
    return None if row is None else Attachment(*row)


async def events(
    connection: Connection | Pool, case: Case, after: int = 0, limit: int = 1000
) -> list[Row]:
    """What was done to a case, oldest first."""
    rows: list[Row] = await connection.fetch(
        "SELECT number, kind, actor, detail, operation_id, at FROM case_event"
        " WHERE cell = $1 AND borrower_id = $2 AND case_id = $3 AND number > $4"
        " ORDER BY number LIMIT $5",
        *(case.cell, case.borrower_id, case.case_id, after, limit),
    )
    return rows


async def assigned_to(connection: Connection | Pool, case: Case) -> set[str]:
    """Everybody to whom the case was ever given."""
    rows = await connection.fetch(
        "SELECT DISTINCT detail->>'to' AS handler FROM case_event WHERE cell = $1"
        " AND borrower_id = $2 AND case_id = $3 AND kind = 'assigned'",
        *(case.cell, case.borrower_id, case.case_id),
    )
    return {row["handler"] for row in rows}


async def open_cases(connection: Connection | Pool, borrower_id: int) -> int:
    """How many cases of a borrower are under way."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM case_file WHERE cell = $1 AND borrower_id = $2 AND state IN (1, 2)",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return found


async def opened_since(
    connection: Connection | Pool, borrower_id: int, actor: str, since: datetime
) -> int:
    """How many cases of a borrower somebody has opened since a moment, whatever became of them."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM case_file WHERE cell = $1 AND borrower_id = $2 AND opened_by = $3"
        " AND opened_at > $4",
        *(cell_of_borrower(borrower_id), borrower_id, actor, since),
    )
    return found


async def attached_since(
    connection: Connection | Pool, borrower_id: int, actor: str, since: datetime
) -> int:
    """How many bytes somebody has attached to cases of a borrower since a moment."""
    found: int = await connection.fetchval(
        "SELECT coalesce(sum(size), 0) FROM case_attachment WHERE cell = $1 AND borrower_id = $2"
        " AND actor = $3 AND at > $4",
        *(cell_of_borrower(borrower_id), borrower_id, actor, since),
    )
    return found


# -- what a case is about --------------------------------------------------------------------------


async def contract_exists(connection: Connection | Pool, contract_id: int) -> bool:
    """Whether there is such a contract."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM contract WHERE cell = $1 AND contract_id = $2)",
        *(cell_of_contract(contract_id), contract_id),
    )
    return found


async def event_actor(
    connection: Connection | Pool, contract_id: int, seq: int
) -> str | None:
    """Who made an event of a contract; empty for one that only time made, None for no event."""
    row = await connection.fetchrow(
        "SELECT coalesce(o.actor, '') AS actor FROM event e LEFT JOIN operation o"
        " USING (operation_id) WHERE e.cell = $1 AND e.contract_id = $2 AND e.seq = $3",
        *(cell_of_contract(contract_id), contract_id, seq),
    )
    return None if row is None else str(row["actor"])


async def operation(connection: Connection | Pool, operation_id: int) -> Row | None:
    """Who did an operation, and on whom."""
    row: Row | None = await connection.fetchrow(
        "SELECT actor, borrower_id, contract_id FROM operation WHERE operation_id = $1",
        operation_id,
    )
    return row


async def event_operation(connection: Connection | Pool, contract_id: int, seq: int) -> int:
    """The operation that made an event of a contract; 0 for none."""
    found: int | None = await connection.fetchval(
        "SELECT operation_id FROM event WHERE cell = $1 AND contract_id = $2 AND seq = $3",
        *(cell_of_contract(contract_id), contract_id, seq),
    )
    return found or 0


async def agreed_to(connection: Connection | Pool, operation_id: int) -> set[str]:
    """Who asked a second person for an operation, who decided it, and in whose place."""
    rows = await connection.fetch(
        "SELECT DISTINCT unnest(ARRAY[p.author, a.approver, a.on_behalf_of]) AS who"
        " FROM proposal p LEFT JOIN approval a USING (proposal_id)"
        " WHERE $1::bigint > 0 AND $1 IN (p.operation_id, p.proposal_id)",
        operation_id,
    )
    return {row["who"] or "" for row in rows}


async def notice_exists(connection: Connection | Pool, contract_id: int, n: int) -> bool:
    """Whether the book asked for a notice about a due of a contract."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM notice_wanted WHERE cell = $1 AND contract_id = $2 AND n = $3)",
        *(cell_of_contract(contract_id), contract_id, min(n, 2**15 - 1)),
    )
    return found


# -- lists -----------------------------------------------------------------------------------------


FITS = {
    "state": "state = {0}", "kind": "kind = {0}", "assignee": "assignee = {0}",
    "borrower_id": "cell = {0} % 1024 AND borrower_id = {0}",
    "contract_id": "subject IN (1, 2, 5) AND subject_id = {0}",
    "operation_id": "(subject = 3 AND subject_id = {0} OR case_id IN (SELECT case_id"
                    " FROM case_outcome WHERE operation_id = {0} AND operation_id > 0))",
}  # fmt: skip
"""Which cases of a list are meant, by the name of the filter."""


async def listed(
    connection: Connection | Pool, wanted: Mapping[str, int], before: int, limit: int
) -> list[Case]:
    """Cases that fit all filters (``FITS``), newest first."""
    parts = [f"({FITS[name].format(f'${n}::bigint')})" for n, name in enumerate(wanted, 3)]
    where = " AND ".join(["case_id < $1", *parts])
    rows = await connection.fetch(
        f"SELECT {CASES} FROM case_file WHERE {where} ORDER BY case_id DESC LIMIT $2",
        *(before, limit, *wanted.values()),
    )
    return [Case(*row) for row in rows]


async def by_clock(
    connection: Connection | Pool, until: Mapping[str, date], after: tuple[date, int], limit: int
) -> list[Case]:
    """Cases under way whose end lies on or before a day of their jurisdiction, soonest first."""
    rows = await connection.fetch(
        f"SELECT {CASES} FROM case_file JOIN unnest($1::text[], $2::date[]) AS place"
        " (jurisdiction_of, until) ON jurisdiction = jurisdiction_of WHERE state IN (1, 2)"
        " AND decide_by <= until AND (decide_by, case_id) > ($3, $4)"
        " ORDER BY decide_by, case_id LIMIT $5",
        *(list(until), list(until.values()), *after, limit),
    )
    return [Case(*row) for row in rows]


async def of_borrower(
    connection: Connection | Pool, borrower_id: int, before: int = LAST, limit: int = 50
) -> list[Case]:
    """A borrower's cases, newest first."""
    rows = await connection.fetch(
        f"SELECT {CASES} FROM case_file WHERE cell = $1 AND borrower_id = $2 AND case_id < $3"
        " ORDER BY case_id DESC LIMIT $4",
        *(cell_of_borrower(borrower_id), borrower_id, before, limit),
    )
    return [Case(*row) for row in rows]


# -- what the watch looks for ----------------------------------------------------------------------


async def run_out(pool: Pool, today: Mapping[str, date], limit: int) -> list[int]:
    """Cases under way with a clock that ran out and is not marked yet."""
    rows = await pool.fetch(
        "SELECT case_id FROM case_file JOIN unnest($1::text[], $2::date[]) AS place"
        " (jurisdiction_of, today) ON jurisdiction = jurisdiction_of WHERE state IN (1, 2)"
        " AND ((decide_by < today AND NOT decided_late) OR (acknowledged_on IS NULL"
        " AND acknowledge_by < today AND NOT acknowledged_late)) ORDER BY decide_by LIMIT $3",
        *(list(today), list(today.values()), limit),
    )
    return [row["case_id"] for row in rows]


async def left_alone(pool: Pool, before: Mapping[str, date], limit: int) -> list[int]:
    """Cases that were decided before a day of their jurisdiction."""
    rows = await pool.fetch(
        "SELECT case_id FROM case_file JOIN unnest($1::text[], $2::date[]) AS place"
        " (jurisdiction_of, since) ON jurisdiction = jurisdiction_of"
        " WHERE state = 3 AND decided_on < since ORDER BY decided_on LIMIT $3",
        *(list(before), list(before.values()), limit),
    )
    return [row["case_id"] for row in rows]


async def under_way(pool: Pool, before: datetime, limit: int) -> list[tuple[int, Outcome]]:
    """Outcomes that wait for approval, or whose being carried out broke off before a moment."""
    rows = await pool.fetch(
        f"SELECT {', '.join(columns(Outcome))} FROM case_outcome WHERE state = {rules.AWAITS}"
        f" OR (state = {rules.CARRIED_OUT} AND decided_at < $1) ORDER BY decided_at LIMIT $2",
        *(before, limit),
    )
    return [(row["case_id"], Outcome(*row)) for row in rows]


# -- statistics ------------------------------------------------------------------------------------


async def counts(pool: Pool, since: date, until: date) -> list[Row]:
    """Cases that came in within days (both included), in sums by kind, state and result."""
    rows: list[Row] = await pool.fetch(
        "SELECT kind, state, result, count(*) AS cases,"
        " count(*) FILTER (WHERE decided_on IS NOT NULL AND NOT decided_late) AS in_time,"
        " count(*) FILTER (WHERE decided_on IS NOT NULL) AS decided"
        " FROM case_file WHERE received_on BETWEEN $1 AND $2"
        " GROUP BY kind, state, result ORDER BY kind, state, result",
        *(since, until),
    )
    return rows


async def medians(pool: Pool, since: date, until: date) -> list[Row]:
    """Median days from coming in to the decision, by kind and (kind 0) of all."""
    rows: list[Row] = await pool.fetch(
        "SELECT coalesce(kind, 0) AS kind,"
        " percentile_disc(0.5) WITHIN GROUP (ORDER BY decided_on - received_on) AS days"
        " FROM case_file WHERE decided_on IS NOT NULL AND received_on BETWEEN $1 AND $2"
        " GROUP BY GROUPING SETS ((kind), ())",
        *(since, until),
    )
    return rows


async def ages(pool: Pool, today: date) -> list[Row]:
    """Cases under way by kind and age: up to 7, 15, 30, 56 days, and older."""
    rows: list[Row] = await pool.fetch(
        "SELECT kind, CASE WHEN days <= 7 THEN 0 WHEN days <= 15 THEN 1 WHEN days <= 30 THEN 2"
        " WHEN days <= 56 THEN 3 ELSE 4 END AS age, count(*) AS cases FROM (SELECT kind,"
        " $1::date - received_on AS days FROM case_file WHERE state IN (1, 2)) AS waiting"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        today,
    )
    return rows


# -- a person is told everything, or forgotten -----------------------------------------------------


async def last_touched(connection: Connection, borrower_id: int) -> date | None:
    """The last day on which a case of the borrower came in, was decided or ended."""
    found: date | None = await connection.fetchval(
        "SELECT max(greatest(received_on, decided_on, ended_on)) FROM case_file"
        " WHERE cell = $1 AND borrower_id = $2",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return found


async def forget(connection: Connection, borrower_id: int) -> None:
    """No words and no files of a borrower's cases are left; what was done to them stays."""
    for table, emptied in {
        "case_file": ("data_key", "text"), "case_message": ("text",),
        "case_attachment": ("name", "content"), "case_outcome": ("reasons", "value", "note"),
    }.items():  # fmt: skip
        sets = ", ".join(f"{column} = ''" for column in emptied)
        await connection.execute(
            f"UPDATE {table} SET {sets} WHERE cell = $1 AND borrower_id = $2",
            *(cell_of_borrower(borrower_id), borrower_id),
        )
