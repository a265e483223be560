"""The SQL of tiers: who is looked at, where they stood, where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usance.core.identifiers import cell_of_borrower
from usance.platform import schema_tiers
from usance.platform.database import Connection, Pool
from usance.platform.pgcopy import Column, Layout, copy_in, copy_out, layout

Rows = NDArray[Any]

TOUCHED = """
SELECT DISTINCT borrower_id FROM (
    SELECT contract_id >> 12 AS borrower_id FROM event WHERE booked_on = $1::date
    UNION ALL SELECT contract_id >> 12 FROM lateness WHERE booked_on = $1::date
    UNION ALL SELECT x.borrower_id FROM bank_file_row x
        JOIN bank_file f ON f.file_id = x.file_id
        JOIN operation o ON o.operation_id = f.operation_id
        WHERE x.outcome IN ('failed', 'returned') AND x.borrower_id <> 0
            AND o.business_date = $1::date
    UNION ALL SELECT borrower_id FROM tier
        WHERE next_on <= $1::date - date '0001-01-01' + 1
) AS touched
WHERE NOT EXISTS (SELECT FROM tier t WHERE t.borrower_id = touched.borrower_id
    AND t.cell = (touched.borrower_id % 1024)
    AND t.evaluated_on >= $1::date - date '0001-01-01' + 1)
AND touched.borrower_id NOT IN (
    SELECT r.borrower_id FROM decision_review r
    JOIN decision d USING (cell, borrower_id, decision_id)
    WHERE d.kind = 'tier' AND r.state = 1 AND NOT EXISTS (SELECT FROM decision_review n
        WHERE n.cell = r.cell AND n.borrower_id = r.borrower_id
            AND n.decision_id = r.decision_id AND n.number > r.number))
"""
"""Whom something happened to on a day, and whose time has come; not who has been looked at, nor
whose tier a person looks at (R-DECIDE-06)."""
NOWHERE = """
SELECT DISTINCT c.borrower_id FROM contract c
WHERE c.opened_on <= $1::date - date '0001-01-01' + 1
    AND NOT EXISTS (SELECT FROM tier t WHERE t.cell = c.cell AND t.borrower_id = c.borrower_id)
"""
BORROWER = Layout((Column("borrower_id", "int8"),))
TIER = layout(schema_tiers.tier)
STANDING = f"SELECT {', '.join(TIER.names)} FROM tier"
CHANGE = layout(schema_tiers.tier_change)
KEYS = """
SELECT borrower_id, data_key FROM borrower
WHERE (cell, borrower_id) IN (SELECT * FROM unnest($1::smallint[], $2::bigint[]))
    AND status = 1
"""
STEPS_DIGEST = """sha256(convert_to(coalesce(string_agg(jsonb_build_array(borrower_id,
    changed_on, tier_from, tier_to, score, decision_id)::text, E'\\n' ORDER BY borrower_id), ''),
    'UTF8'))"""
DIGEST = f"SELECT {STEPS_DIGEST} FROM tier_change WHERE operation_id = $1"
CHANGES = """
SELECT changed_on, tier_from, tier_to, score, decision_id FROM tier_change
WHERE cell = $1 AND borrower_id = $2 AND changed_on <= $3 ORDER BY changed_on DESC
"""
LATENESS = """
SELECT contract_id, number, booked_on, was, late_from FROM lateness
WHERE cell = $1 AND contract_id >= $2 AND contract_id < $3 ORDER BY contract_id, booked_on, number
"""
ONE = "SELECT * FROM tier WHERE cell = $1 AND borrower_id = $2"


async def touched(connection: Connection, on: date) -> NDArray[np.int64]:
    """Borrowers who are looked at on a day, in order."""
    rows = await copy_out(connection, TOUCHED, on, columns=BORROWER)
    found: NDArray[np.int64] = np.sort(rows["borrower_id"])
    return found


async def nowhere(connection: Connection, on: date) -> NDArray[np.int64]:
    """Borrowers with a contract of the day or earlier who stand nowhere yet, in order."""
    rows = await copy_out(connection, NOWHERE, on, columns=BORROWER)
    found: NDArray[np.int64] = np.sort(rows["borrower_id"])
    return found


async def standings(connection: Connection, borrowers: NDArray[np.int64]) -> Rows:
    """Where some stand; who does not stand anywhere yet is left out."""
    ids = borrowers.tolist()
    where = " WHERE (cell, borrower_id) IN (SELECT * FROM unnest($1::smallint[], $2::bigint[]))"
    cells = [cell_of_borrower(each) for each in ids]
    rows = await copy_out(connection, STANDING + where, cells, ids, columns=TIER)
    return rows[np.argsort(rows["borrower_id"])]


async def stand(connection: Connection, data: dict[str, Any], changes: dict[str, Any]) -> None:
    """Where they stand now, and the steps that some took."""
    kinds = ", ".join(f"{c.name} {c.kind} NOT NULL" for c in TIER.columns)
    await connection.execute(f"CREATE TEMP TABLE staged_tier ({kinds}) ON COMMIT DROP")
    await copy_in(connection, "staged_tier", data, TIER)
    sets = ", ".join(f"{name} = excluded.{name}" for name in TIER.names[2:])
    await connection.execute(
        f"INSERT INTO tier SELECT {', '.join(TIER.names)} FROM staged_tier"
        f" ON CONFLICT (cell, borrower_id) DO UPDATE SET {sets}"
    )
    await copy_in(connection, "tier_change", changes, CHANGE)


async def stand_first(connection: Connection, row: Sequence[int]) -> bool:
    """Where somebody begins, in the order of the columns; False who stands somewhere already."""
    places = ", ".join(f"${n}" for n in range(1, len(TIER.names) + 1))
    tag: str = await connection.execute(
        f"INSERT INTO tier ({', '.join(TIER.names)}) VALUES ({places}) ON CONFLICT DO NOTHING",
        *row,
    )
    return tag.endswith("1")


async def step_once(connection: Connection, row: Sequence[int]) -> None:
    """One step of one borrower, in the order of the columns."""
    places = ", ".join(f"${n}" for n in range(1, len(CHANGE.names) + 1))
    await connection.execute(
        f"INSERT INTO tier_change ({', '.join(CHANGE.names)}) VALUES ({places})", *row
    )


async def digest_of(connection: Connection, operation_id: int) -> bytes:
    """Over the steps that an operation wrote."""
    found: bytes = await connection.fetchval(DIGEST, operation_id)
    return found


async def keys_of(connection: Connection, borrowers: list[int]) -> dict[int, bytes]:
    """The wrapped keys of borrowers who were not erased."""
    cells = [cell_of_borrower(each) for each in borrowers]
    return {row[0]: row[1] for row in await connection.fetch(KEYS, cells, borrowers)}


async def one(connection: Connection | Pool, borrower_id: int) -> Any:
    """Where a borrower stands; None where nothing was found yet."""
    return await connection.fetchrow(ONE, cell_of_borrower(borrower_id), borrower_id)


async def changes_of(
    connection: Connection | Pool, borrower_id: int, on: date = date.max
) -> list[Any]:
    """Every step until the end of a day, the newest first."""
    found: list[Any] = await connection.fetch(
        CHANGES, cell_of_borrower(borrower_id), borrower_id, on.toordinal()
    )
    return found


async def lateness_of(connection: Connection, borrower_id: int) -> list[Any]:
    """What was late on a borrower's contracts, as the book learnt of it."""
    found: list[Any] = await connection.fetch(
        LATENESS, cell_of_borrower(borrower_id), borrower_id << 12, (borrower_id + 1) << 12
    )
    return found
