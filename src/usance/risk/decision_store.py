"""The SQL of decisions. A decision is written once; nothing here commits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Connection, Pool
from usance.risk.stored import PAUSED, Stored, plain

Row: TypeAlias = Mapping[str, Any]
LAST = 2**63 - 1
NAMES = (
    "borrower_id", "decision_id", "kind", "shadow", "of_decision_id", "product", "contract_id",
    "policy_id", "policy_version", "policy_digest", "scorecard_digest", "words_digest", "snapshot",
    "row_taken", "tried", "outcome", "reasons", "score", "fingerprint", "actor", "business_date",
    "decided_at", "latency_us", "operation_id",
)  # fmt: skip
COLUMNS = ", ".join(f"d.{name}" for name in NAMES)
REVIEW = """LEFT JOIN LATERAL (SELECT state, case_id FROM decision_review r WHERE r.cell = d.cell
 AND r.borrower_id = d.borrower_id AND r.decision_id = d.decision_id
 ORDER BY number DESC LIMIT 1) v ON true"""
READ = f"SELECT {COLUMNS}, coalesce(v.state, 0) AS state, coalesce(v.case_id, 0) AS case_id"
FROM = f" FROM decision d {REVIEW}"
DIGEST = """sha256(convert_to(string_agg(jsonb_build_array(d.borrower_id, d.decision_id, d.kind,
d.shadow, d.of_decision_id, d.product, d.contract_id, d.policy_id, d.policy_version,
encode(d.policy_digest, 'hex'), encode(d.scorecard_digest, 'hex'), encode(d.words_digest, 'hex'),
d.row_taken, d.tried, d.outcome, d.reasons, d.score, encode(d.fingerprint, 'hex'), d.actor,
d.business_date, (extract(epoch FROM d.decided_at) * 1000000)::bigint, d.latency_us)::text,
E'\\n' ORDER BY d.decision_id), 'UTF8'))"""
"""Over the decisions ``d`` of one operation: SHA-256 of them, spelled as JSON. Of what they were
made of only the salted fingerprint, because its ciphertext changes with the person's key."""
REVIEW_DIGEST = """sha256(convert_to(string_agg(jsonb_build_array(r.borrower_id, r.decision_id,
r.number, r.state, r.case_id, r.actor, (extract(epoch FROM r.at) * 1000000)::bigint)::text,
E'\\n' ORDER BY r.decision_id, r.number), 'UTF8'))"""
"""The same over reviews ``r``."""


# -- writing ---------------------------------------------------------------------------------------


async def insert(connection: Connection, decisions: Sequence[Stored]) -> bytes:
    """New decisions of one operation. The digest for its audit event."""
    values = [decisions[0].cell, *(_value(each, name) for each in decisions for name in NAMES)]
    digest: bytes = await connection.fetchval(insertion(len(decisions)), *values)
    return digest


@cache
def insertion(count: int) -> str:
    """The statement that writes so many decisions of one borrower, and answers with their digest.

    $1: the cell; then the values of each decision.
    """
    width = len(NAMES)
    rows = ", ".join(
        "($1, " + ", ".join(f"${2 + row * width + n}" for n in range(width)) + ")"
        for row in range(count)
    )
    return (
        f"WITH d AS (INSERT INTO decision (cell, {', '.join(NAMES)}) VALUES {rows} RETURNING *)"
        f" SELECT {DIGEST} FROM d"
    )


async def insert_many(connection: Connection, decisions: Sequence[Stored]) -> bytes:
    """New decisions of one operation about many borrowers. The digest for its audit event."""
    places = ", ".join(f"${n}" for n in range(1, len(NAMES) + 2))
    await connection.executemany(
        f"INSERT INTO decision (cell, {', '.join(NAMES)}) VALUES ({places})",
        [(each.cell, *(_value(each, name) for name in NAMES)) for each in decisions],
    )
    digest: bytes = await connection.fetchval(
        f"SELECT {DIGEST} FROM decision d WHERE operation_id = $1", decisions[0].operation_id
    )
    return digest


def _value(stored: Stored, name: str) -> Any:
    value = getattr(stored, name)
    return plain(value) if name in ("tried", "outcome", "reasons") else value


async def keep_words(connection: Connection | Pool, digest: bytes, body: str) -> None:
    """What borrowers are told, once."""
    await connection.execute(
        "INSERT INTO decision_words (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        *(digest, body),
    )


async def forget(connection: Connection, borrower_id: int) -> None:
    """Nothing is left of what decisions about somebody were made of."""
    await connection.execute(
        "UPDATE decision SET snapshot = '' WHERE cell = $1 AND borrower_id = $2",
        *(cell_of_borrower(borrower_id), borrower_id),
    )


async def words(connection: Connection | Pool, digest: bytes) -> str:
    """What was told by a decision."""
    found: str = await connection.fetchval(
        "SELECT body FROM decision_words WHERE digest = $1", digest
    )
    return found


async def insert_reviews(
    connection: Connection, decisions: Sequence[Stored], state: int, case_id: int, actor: str,
    at: datetime, operation_id: int,
) -> bytes:  # fmt: skip
    """What becomes of decisions, each with its next number. The digest for the audit event."""
    await connection.execute(
        "INSERT INTO decision_review (cell, borrower_id, decision_id, number, state, case_id,"
        " actor, at, operation_id) SELECT d.cell, d.borrower_id, d.decision_id, 1 + coalesce("
        "(SELECT max(number) FROM decision_review r WHERE r.cell = d.cell AND r.borrower_id ="
        " d.borrower_id AND r.decision_id = d.decision_id), 0), $3, $4, $5, $6, $7 FROM decision d"
        " WHERE d.cell = $1 AND d.decision_id = ANY($2::bigint[])",
        decisions[0].cell, [each.decision_id for each in decisions], state, case_id, actor, at,
        operation_id,
    )  # fmt: skip
    digest: bytes = await connection.fetchval(
        f"SELECT {REVIEW_DIGEST} FROM decision_review r WHERE operation_id = $1", operation_id
    )
    return digest


# -- reading ---------------------------------------------------------------------------------------


async def who(connection: Connection, borrower_id: int) -> Row | None:
    """A borrower's status and wrapped key, held until the transaction ends; the book's currency."""
    row: Row | None = await connection.fetchrow(
        "SELECT borrower_id, status, data_key, (SELECT currency FROM book) AS currency"
        " FROM borrower WHERE cell = $1 AND borrower_id = $2 FOR SHARE",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return row


async def one(connection: Connection | Pool, decision_id: int) -> Stored | None:
    """A decision by its number."""
    row = await connection.fetchrow(f"{READ}{FROM} WHERE d.decision_id = $1", decision_id)
    return made(row) if row else None


async def of_operation(connection: Connection | Pool, operation_id: int) -> list[Stored]:
    """What one operation decided, in order, shadows too."""
    rows = await connection.fetch(
        f"{READ}{FROM} WHERE d.operation_id = $1 ORDER BY d.decision_id", operation_id
    )
    return [made(row) for row in rows]


async def of_borrower(
    connection: Connection | Pool, borrower_id: int, before: int = LAST, limit: int = 50, *,
    shadows: bool = False,
) -> list[Stored]:  # fmt: skip
    """Decisions about a borrower before a number, the newest first."""
    rows = await connection.fetch(
        f"{READ}{FROM} WHERE d.cell = $1 AND d.borrower_id = $2 AND d.decision_id < $3"
        " AND ($4 OR NOT d.shadow) ORDER BY d.decision_id DESC LIMIT $5",
        *(cell_of_borrower(borrower_id), borrower_id, before, shadows, limit),
    )
    return [made(row) for row in rows]


async def paused(
    connection: Connection, borrower_id: int, kind: str, product: str, contract_id: int
) -> int:
    """The number of a decision of this kind, on the same, that a person looks at; 0 for none."""
    found: int | None = await connection.fetchval(
        f"SELECT d.decision_id{FROM} WHERE d.cell = $1 AND d.borrower_id = $2 AND d.kind = $3"
        f" AND d.product = $4 AND d.contract_id = $5 AND v.state = {PAUSED} LIMIT 1",
        *(cell_of_borrower(borrower_id), borrower_id, kind, product, contract_id),
    )
    return found or 0


async def reviews(connection: Connection | Pool, stored: Stored) -> Sequence[Row]:
    """What became of a decision, the first first."""
    rows: Sequence[Row] = await connection.fetch(
        "SELECT number, state, case_id, actor, at, operation_id FROM decision_review"
        " WHERE cell = $1 AND borrower_id = $2 AND decision_id = $3 ORDER BY number",
        *(stored.cell, stored.borrower_id, stored.decision_id),
    )
    return rows


async def shadows(connection: Connection | Pool, stored: Stored) -> list[Stored]:
    """What was decided beside a decision."""
    rows = await connection.fetch(
        f"{READ}{FROM} WHERE d.cell = $1 AND d.borrower_id = $2 AND d.of_decision_id = $3"
        " AND d.shadow ORDER BY d.decision_id",
        *(stored.cell, stored.borrower_id, stored.decision_id),
    )
    return [made(row) for row in rows]


async def keys_of(connection: Connection | Pool, borrowers: Sequence[int]) -> dict[int, bytes]:
    """Wrapped data keys of borrowers; of who was forgotten an empty one."""
    rows = await connection.fetch(
        "SELECT borrower_id, data_key FROM borrower WHERE cell = ANY($1::int[])"
        " AND borrower_id = ANY($2::bigint[])",
        *([cell_of_borrower(each) for each in borrowers], list(borrowers)),
    )
    return {row["borrower_id"]: row["data_key"] for row in rows}


async def page(
    connection: Connection | Pool, after: int, count: int, policy_id: str = ""
) -> list[Stored]:
    """Decisions after a number in the order of their numbers, of one policy or of all."""
    rows = await connection.fetch(
        f"{READ}{FROM} WHERE d.decision_id > $1 AND $2 IN ('', d.policy_id)"
        " ORDER BY d.decision_id LIMIT $3",
        *(after, policy_id, count),
    )
    return [made(row) for row in rows]


async def numbered(
    connection: Connection | Pool, decisions: Sequence[int]
) -> list[Stored]:
    """Decisions by their numbers, in order."""
    rows = await connection.fetch(
        f"{READ}{FROM} WHERE d.decision_id = ANY($1::bigint[]) ORDER BY d.decision_id",
        list(decisions),
    )
    return [made(row) for row in rows]


async def pages(
    connection: Connection | Pool, after: int, count: int, policy_id: str = ""
) -> AsyncIterator[list[Stored]]:
    """All of them, so many at a time."""
    while found := await page(connection, after, count, policy_id):
        yield found
        after = found[-1].decision_id


def made(row: Row) -> Stored:
    """A row as a decision."""
    values = dict(row) | {
        "tried": tuple(json.loads(row["tried"])), "outcome": json.loads(row["outcome"]),
        "reasons": tuple(json.loads(row["reasons"])),
    }  # fmt: skip
    return Stored(**values)


# -- what the book knows ---------------------------------------------------------------------------


async def room(connection: Connection, borrower_id: int, product: str) -> int | None:
    """What is left of the limit of an open line, below 0 where more is used; None without one."""
    found: int | None = await connection.fetchval(
        "SELECT l.limit_amount - l.held - coalesce((SELECT sum(c.unpaid_principal - c.credit)"
        " FROM contract c WHERE c.cell = l.cell AND c.borrower_id = l.borrower_id AND c.status = 1"
        " AND (c.product_id = l.product_id OR l.contract_id <> 0"
        " AND c.parent_id = l.contract_id)), 0)::bigint FROM line l JOIN product p"
        " USING (product_id) WHERE l.cell = $1 AND l.borrower_id = $2 AND l.status = 1"
        " AND p.code = $3",
        *(cell_of_borrower(borrower_id), borrower_id, product),
    )
    return found


async def limit_of(connection: Connection | Pool, borrower_id: int, product: str) -> int:
    """The limit of an open line in minor units; 0 without one."""
    found: int | None = await connection.fetchval(
        "SELECT l.limit_amount FROM line l JOIN product p USING (product_id)"
        " WHERE l.cell = $1 AND l.borrower_id = $2 AND l.status = 1 AND p.code = $3",
        *(cell_of_borrower(borrower_id), borrower_id, product),
    )
    return found or 0
