"""The SQL of limits: how lines stand, what was offered and answered, which cuts were approved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Connection, Pool
from usance.risk.limits import Standing

Row: TypeAlias = Mapping[str, Any]
Where: TypeAlias = Connection | Pool

RAISE, TEMPORARY = 1, 2
TAKEN, DECLINED, FELL_BACK, OVERTAKEN = 1, 2, 3, 4
ENDED = f"({FELL_BACK}, {OVERTAKEN})"

LINES = f"""
SELECT l.borrower_id, l.product_id, l.limit_amount, l.held + coalesce(u.used, 0) AS used,
    coalesce(n.others, 0)::bigint AS others, t.tier, coalesce(u.late, false) AS late,
    EXISTS (SELECT FROM case_file f WHERE f.cell = l.cell AND f.borrower_id = l.borrower_id
        AND f.kind IN (2, 6) AND f.state IN (1, 2)) AS objected,
    coalesce(o.offered, false) AS offered,
    coalesce(o.running, false) OR EXISTS (SELECT FROM limit_measure m WHERE m.cell = l.cell
        AND m.borrower_id = l.borrower_id AND m.product_id = l.product_id
        AND m.limit_from = l.limit_amount) AS pending,
    greatest(l.opened_on - date '0001-01-01' + 1, o.offered_on, o.answered_on) AS told_on,
    coalesce(o.temporary_on, 0) AS temporary_on
FROM line l
LEFT JOIN tier t ON t.cell = l.cell AND t.borrower_id = l.borrower_id
LEFT JOIN LATERAL (
    SELECT sum(c.unpaid_principal - c.credit) FILTER (WHERE c.status = 1
        AND (c.product_id = l.product_id OR l.contract_id <> 0 AND c.parent_id = l.contract_id)
        )::bigint AS used, bool_or(c.status = 1 AND c.late_from <> 0 AND c.late_from < $1
        OR c.status = 3) AS late
    FROM contract c WHERE c.cell = l.cell AND c.borrower_id = l.borrower_id
) u ON true
LEFT JOIN LATERAL (
    SELECT sum(n.limit_amount) AS others FROM line n WHERE n.cell = l.cell
        AND n.borrower_id = l.borrower_id AND n.product_id <> l.product_id AND n.status = 1
) n ON true
LEFT JOIN LATERAL (
    SELECT max(o.offered_on) AS offered_on, max(a.answered_on) AS answered_on,
        max(o.offered_on) FILTER (WHERE o.kind = {TEMPORARY}) AS temporary_on,
        bool_or(o.kind = {RAISE} AND a.state IS NULL AND o.valid_until >= $1) AS offered,
        bool_or(o.kind = {TEMPORARY} AND NOT EXISTS (SELECT FROM limit_answer e
            WHERE e.cell = o.cell AND e.borrower_id = o.borrower_id AND e.offer_id = o.offer_id
                AND e.state IN {ENDED})) AS running
    FROM limit_offer o LEFT JOIN limit_answer a USING (cell, borrower_id, offer_id)
    WHERE o.cell = l.cell AND o.borrower_id = l.borrower_id AND o.product_id = l.product_id
) o ON true
WHERE l.status = 1
"""
"""Open lines as of a day ($1, an ordinal): of a case, 2 is an appeal and 6 a human review."""
LOOKED_AT = (
    " AND (l.cell, l.borrower_id) IN (SELECT cell, borrower_id FROM tier"
    " WHERE evaluated_on = $2 AND tier = ANY($3::int[])) ORDER BY l.borrower_id, l.product_id"
)
OF_ONE = " AND l.cell = $2 AND l.borrower_id = $3 ORDER BY l.product_id"
CHANGED = """
SELECT borrower_id, (detail -> 'line' ->> 'product')::int AS product_id,
    max(business_date) - date '0001-01-01' + 1 AS changed_on
FROM operation WHERE borrower_id = ANY($1::bigint[]) AND detail ? 'line' GROUP BY 1, 2
UNION ALL
SELECT d.borrower_id, p.product_id, max(d.business_date) - date '0001-01-01' + 1
FROM decision d JOIN product p ON p.code = d.product
WHERE d.cell = ANY($2::int[]) AND d.borrower_id = ANY($1::bigint[]) AND d.kind = 'limit'
    AND d.actor = $3 AND d.business_date <= $4 GROUP BY 1, 2
"""
"""When limits were last changed, and when a raise was last decided by the close of a day."""
OFFER = (
    "SELECT o.*, coalesce((SELECT max(a.state) FROM limit_answer a WHERE a.cell = o.cell"
    " AND a.borrower_id = o.borrower_id AND a.offer_id = o.offer_id), 0) AS state"
    " FROM limit_offer o WHERE o.cell = $1 AND o.borrower_id = $2"
)
OFFERED = (
    "jsonb_build_array('offer', o.borrower_id, o.offer_id, o.kind, o.product_id, o.limit_from,"
    " o.limit_to, o.offered_on, o.valid_until, o.decision_id)::text"
)
ANSWERED = (
    "jsonb_build_array('answer', a.borrower_id, a.offer_id, a.state, a.answered_on, a.changed_by,"
    " a.actor)::text"
)
MEASURED = (
    "jsonb_build_array('measure', m.borrower_id, m.measure_id, m.product_id, m.limit_from,"
    " m.limit_to, m.reasons, m.notice, m.not_before, m.decision_id,"
    " (extract(epoch FROM m.approved_at) * 1000000)::bigint)::text"
)
ROWS = (
    f"SELECT o.operation_id, o.borrower_id, {OFFERED} AS said FROM limit_offer o UNION ALL"
    f" SELECT a.operation_id, a.borrower_id, {ANSWERED} FROM limit_answer a UNION ALL"
    f" SELECT m.operation_id, m.borrower_id, {MEASURED} FROM limit_measure m"
)
"""Everything that operations on limits wrote, spelled as JSON."""
DIGEST = "sha256(convert_to(string_agg(said, E'\\n' ORDER BY said), 'UTF8'))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An offer as it is written; ``kind`` RAISE or TEMPORARY, days are ordinals."""

    borrower_id: int
    offer_id: int
    kind: int
    product_id: int
    limit_from: int
    limit_to: int
    offered_on: int
    valid_until: int
    decision_id: int
    operation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of an offer; ``changed_by`` is the operation that changed the limit, 0 for none."""

    borrower_id: int
    offer_id: int
    state: int
    answered_on: int
    changed_by: int
    actor: str
    operation_id: int


@dataclass(frozen=True, slots=True)
class Line:
    """An open line: whose, on which product, and how it stands."""

    borrower_id: int
    product_id: int
    standing: Standing


def line_of(row: Row, most: Mapping[int, int]) -> Line:
    """A row of ``LINES``; ``most`` is what each product allows."""
    standing = Standing(
        row["limit_amount"], row["used"], row["others"], most[row["product_id"]], row["tier"],
        row["late"], row["objected"], row["offered"], row["pending"], row["told_on"],
        row["temporary_on"],
    )  # fmt: skip
    return Line(row["borrower_id"], row["product_id"], standing)


# -- reading ---------------------------------------------------------------------------------------


async def others(connection: Where, borrower_id: int, product_id: int) -> tuple[int, date]:
    """Limits of the borrower's open lines on other products; and the business date."""
    row = await connection.fetchrow(
        "SELECT coalesce(sum(limit_amount), 0)::bigint, (SELECT business_date FROM book)"
        " FROM line WHERE cell = $1 AND borrower_id = $2 AND product_id <> $3 AND status = 1",
        *(cell_of_borrower(borrower_id), borrower_id, product_id),
    )
    return row[0], row[1]


async def looked_at(
    connection: Where, on: int, tiers: Iterable[int], most: Mapping[int, int]
) -> list[Line]:
    """Open lines of everybody whose tier was looked at on a day and is one of these.

    As of the next morning: what was due on the day and was not paid is late.
    """
    rows = await connection.fetch(LINES + LOOKED_AT, on + 1, on, sorted(tiers))
    return [line_of(row, most) for row in rows]


async def of_borrower(
    connection: Where, borrower_id: int, on: int, most: Mapping[int, int]
) -> list[Line]:
    """Open lines of one borrower as of a day."""
    cell = cell_of_borrower(borrower_id)
    rows = await connection.fetch(LINES + OF_ONE, on, cell, borrower_id)
    return [line_of(row, most) for row in rows]


async def last_told(
    connection: Where, borrowers: Sequence[int], actor: str, on: date
) -> dict[tuple[int, int], int]:
    """By borrower and product the day of the last change, or of the last decision of an actor."""
    cells = [cell_of_borrower(each) for each in borrowers]
    found: dict[tuple[int, int], int] = {}
    for row in await connection.fetch(CHANGED, list(borrowers), cells, actor, on):
        key = row["borrower_id"], row["product_id"]
        found[key] = max(found.get(key, 0), row["changed_on"])
    return found


async def lock_lines(connection: Connection, borrower_id: int) -> None:
    """Nobody else changes the borrower's lines until the transaction ends."""
    await connection.execute(
        "SELECT FROM line WHERE cell = $1 AND borrower_id = $2 ORDER BY product_id FOR UPDATE",
        *(cell_of_borrower(borrower_id), borrower_id),
    )


async def offer(connection: Where, borrower_id: int, offer_id: int) -> Row | None:
    """An offer of the borrower with its last ``state``, 0 without an answer."""
    cell = cell_of_borrower(borrower_id)
    row: Row | None = await connection.fetchrow(
        f"{OFFER} AND o.offer_id = $3", cell, borrower_id, offer_id
    )
    return row


async def offers(connection: Where, borrower_id: int) -> Sequence[Row]:
    """Every offer of the borrower, the newest first."""
    found: Sequence[Row] = await connection.fetch(
        f"{OFFER} ORDER BY o.offer_id DESC", cell_of_borrower(borrower_id), borrower_id
    )
    return found


async def running_out(connection: Where, on: int, count: int) -> Sequence[Row]:
    """More for a while whose last day is over by the close of a day, the oldest first."""
    found: Sequence[Row] = await connection.fetch(
        f"SELECT o.* FROM limit_offer o WHERE o.kind = {TEMPORARY} AND o.valid_until <= $1"
        " AND NOT EXISTS (SELECT FROM limit_answer e WHERE e.cell = o.cell"
        f" AND e.borrower_id = o.borrower_id AND e.offer_id = o.offer_id AND e.state IN {ENDED})"
        " ORDER BY o.offer_id LIMIT $2", *(on, count),
    )  # fmt: skip
    return found


async def measures(connection: Where, borrower_id: int) -> list[dict[str, Any]]:
    """Cuts that were approved, the newest first."""
    rows = await connection.fetch(
        "SELECT * FROM limit_measure WHERE cell = $1 AND borrower_id = $2"
        " ORDER BY measure_id DESC", *(cell_of_borrower(borrower_id), borrower_id),
    )  # fmt: skip
    return [
        dict(row) | {"reasons": json.loads(row["reasons"]), "notice": json.loads(row["notice"])}
        for row in rows
    ]


async def history(connection: Where, borrower_id: int) -> Sequence[Row]:
    """Everything that became of the borrower's lines, the newest first, with why.

    ``decision_id``: of the offer that was taken, or what was decided before it on the same day;
    0 where a person did it without one.
    """
    found: Sequence[Row] = await connection.fetch(
        "SELECT o.operation_id, o.action, o.actor, o.business_date,"
        " (o.detail -> 'line' ->> 'product')::int AS product_id,"
        " (o.detail -> 'line' ->> 'limit_before')::bigint AS limit_before,"
        " (o.detail -> 'line' ->> 'limit')::bigint AS limit_amount,"
        " o.detail -> 'line' ->> 'status' AS status, coalesce(a.state, 0) AS state,"
        " coalesce(f.kind, 0) AS kind, coalesce(f.decision_id, (SELECT max(d.decision_id)"
        "  FROM decision d JOIN product p ON p.code = d.product WHERE d.cell = $1"
        "  AND d.borrower_id = $2 AND d.kind = 'limit' AND NOT d.shadow AND d.actor = o.actor"
        "  AND d.business_date = o.business_date AND d.operation_id < o.operation_id"
        "  AND p.product_id = (o.detail -> 'line' ->> 'product')::int), 0) AS decision_id"
        " FROM operation o LEFT JOIN limit_answer a ON a.cell = $1 AND a.borrower_id = $2"
        "  AND a.changed_by = o.operation_id"
        " LEFT JOIN limit_offer f ON f.cell = $1 AND f.borrower_id = $2"
        "  AND f.offer_id = a.offer_id"
        " WHERE o.borrower_id = $2 AND o.detail ? 'line' ORDER BY o.operation_id DESC",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return found


async def tier_steps(
    connection: Where, on: int, borrowers: Sequence[int]
) -> dict[int, int]:
    """By borrower the decision that led to the tier in which they stand by a day."""
    rows = await connection.fetch(
        "SELECT DISTINCT ON (borrower_id) borrower_id, decision_id FROM tier_change"
        " WHERE cell = ANY($1::int[]) AND borrower_id = ANY($2::bigint[]) AND changed_on <= $3"
        " ORDER BY borrower_id, changed_on DESC",
        *([cell_of_borrower(each) for each in borrowers], list(borrowers), on),
    )
    return {row["borrower_id"]: row["decision_id"] for row in rows}


async def proposed_since(
    connection: Where, act: str, borrowers: Sequence[int], since: date
) -> set[int]:
    """Of whom such an act was proposed since a day."""
    rows = await connection.fetch(
        "SELECT DISTINCT p.borrower_id FROM proposal p JOIN operation o"
        " ON o.operation_id = p.proposal_id WHERE p.act = $1 AND p.borrower_id = ANY($2::bigint[])"
        " AND o.business_date > $3", *(act, list(borrowers), since),
    )  # fmt: skip
    return {row["borrower_id"] for row in rows}


async def digest_of(connection: Where, operation_id: int) -> bytes:
    """The digest of what an operation on limits wrote."""
    found: bytes = await connection.fetchval(
        f"SELECT {DIGEST} FROM ({ROWS}) r WHERE operation_id = $1", operation_id
    )
    return found


# -- writing ---------------------------------------------------------------------------------------


async def insert_offer(connection: Connection, offered: Offered) -> None:
    """A new offer."""
    each = offered
    await connection.execute(
        "INSERT INTO limit_offer (cell, borrower_id, offer_id, kind, product_id, limit_from,"
        " limit_to, offered_on, valid_until, decision_id, operation_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        cell_of_borrower(each.borrower_id), each.borrower_id, each.offer_id, each.kind,
        each.product_id, each.limit_from, each.limit_to, each.offered_on, each.valid_until,
        each.decision_id, each.operation_id,
    )  # fmt: skip


async def insert_answer(connection: Connection, answered: Answered) -> None:
    """What came of an offer."""
    each = answered
    await connection.execute(
        "INSERT INTO limit_answer (cell, borrower_id, offer_id, state, answered_on, changed_by,"
        " actor, operation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        cell_of_borrower(each.borrower_id), each.borrower_id, each.offer_id, each.state,
        each.answered_on, each.changed_by, each.actor, each.operation_id,
    )  # fmt: skip


async def insert_measure(connection: Connection, measure: Mapping[str, Any]) -> None:
    """A cut that was approved; ``reasons`` and ``notice`` are written as JSON."""
    await connection.execute(
        "INSERT INTO limit_measure (cell, borrower_id, measure_id, product_id, limit_from,"
        " limit_to, reasons, notice, not_before, decision_id, approved_at, operation_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        cell_of_borrower(measure["borrower_id"]), measure["borrower_id"], measure["measure_id"],
        measure["product_id"], measure["limit_from"], measure["limit_to"],
        json.dumps(measure["reasons"]), json.dumps(measure["notice"]), measure["not_before"],
        measure["decision_id"], measure["approved_at"], measure["operation_id"],
    )  # fmt: skip
