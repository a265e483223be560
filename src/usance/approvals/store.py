"""The tables ``proposal``, ``approval`` and ``delegation``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from usance.approvals.proposal import Approval, Proposal
from usance.approvals.rules import APPROVED, EXPIRED, WAITING, YES
from usance.platform.database import Connection, Pool
from usance.platform.locks import GIVING

Row: TypeAlias = Mapping[str, Any]
COLUMNS = (
    "proposal_id, author, act, body, weight, approvers, policy, borrower_id, contract_id,"
    " created_at, expires_at, digest, state, outcome, operation_id"
)


async def take_turn(connection: Connection) -> None:
    """Wait until nobody else gives anything; until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", GIVING)


async def insert(connection: Connection, p: Proposal) -> None:
    """A proposal begins to wait."""
    await connection.execute(
        "INSERT INTO proposal (proposal_id, author, act, body, weight, approvers, policy,"
        " borrower_id, contract_id, created_at, expires_at, digest)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        p.proposal_id, p.author, p.act, p.body, p.weight, p.approvers, p.policy, p.borrower_id,
        p.contract_id, p.created_at, p.expires_at, p.digest,
    )  # fmt: skip


async def locked(connection: Connection, proposal_id: int) -> Proposal | None:
    """One proposal with its decisions, locked until the transaction ends."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM proposal WHERE proposal_id = $1 FOR UPDATE", proposal_id
    )
    return await with_decisions(connection, row)


async def one(pool: Pool, proposal_id: int) -> Proposal | None:
    """One proposal with its decisions."""
    async with pool.acquire() as connection:
        row = await connection.fetchrow(
            f"SELECT {COLUMNS} FROM proposal WHERE proposal_id = $1", proposal_id
        )
        return await with_decisions(connection, row)


async def with_decisions(connection: Connection, row: Row | None) -> Proposal | None:
    """The proposal of a row; None for none."""
    if row is None:
        return None
    decisions = await connection.fetch(
        "SELECT approver, decision, reason, decided_at, on_behalf_of FROM approval"
        " WHERE proposal_id = $1 ORDER BY decided_at",
        row["proposal_id"],
    )
    return proposal_of(row, tuple(Approval(*each) for each in decisions))


def proposal_of(row: Row, decisions: tuple[Approval, ...] = ()) -> Proposal:
    """A row as a proposal."""
    known = dict(row) | {"outcome": json.loads(row["outcome"]), "decisions": decisions}
    return Proposal(**known)


async def page(
    pool: Pool, states: Sequence[int], before: int, count: int, author: str = ""
) -> list[Proposal]:
    """The newest proposals in these states before an id, of everybody or of one author."""
    rows = await pool.fetch(
        f"SELECT {COLUMNS} FROM proposal WHERE state = ANY($1::int[]) AND proposal_id < $2"
        " AND ($4 = '' OR author = $4) ORDER BY proposal_id DESC LIMIT $3",
        *(states, before, count, author),
    )
    return [proposal_of(row) for row in rows]


async def waiting_of(pool: Pool, acts: Sequence[str], now: datetime) -> list[Proposal]:
    """The proposals of some kinds of acts that wait for a decision, oldest first."""
    rows = await pool.fetch(
        f"SELECT {COLUMNS} FROM proposal WHERE state = {WAITING} AND expires_at > $2"
        " AND act = ANY($1::text[]) ORDER BY proposal_id",
        *(acts, now),
    )
    return [proposal_of(row) for row in rows]


async def carried_out(pool: Pool, operations: Sequence[int]) -> dict[int, Proposal]:
    """The proposals that became these operations, with their decisions, by operation."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            f"SELECT {COLUMNS} FROM proposal WHERE operation_id = ANY($1::bigint[])"
            " AND operation_id <> 0",
            operations,
        )
        found = [await with_decisions(connection, row) for row in rows]
    return {each.operation_id: each for each in found if each is not None}


async def waiting(pool: Pool, now: datetime) -> int:
    """How many proposals wait for a decision."""
    count: int = await pool.fetchval(
        f"SELECT count(*) FROM proposal WHERE state = {WAITING} AND expires_at > $1", now
    )
    return count


async def decide(
    connection: Connection, proposal_id: int, approval: Approval, digest: bytes, operation_id: int
) -> None:
    """Write down a decision; the primary key keeps one person from deciding twice."""
    await connection.execute(
        "INSERT INTO approval (proposal_id, approver, decision, reason, on_behalf_of, digest,"
        " decided_at, operation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        proposal_id, approval.approver, approval.decision, approval.reason, approval.on_behalf_of,
        digest, approval.decided_at, operation_id,
    )  # fmt: skip


async def move(connection: Connection, proposal_id: int, state: int) -> None:
    """The proposal is in another state now."""
    await connection.execute(
        "UPDATE proposal SET state = $2 WHERE proposal_id = $1", proposal_id, state
    )


async def finish(
    connection: Connection, proposal_id: int, state: int, outcome: dict[str, Any], operation_id: int
) -> bool:
    """What came of an approved proposal; False when somebody else was first."""
    tag: str = await connection.execute(
        "UPDATE proposal SET state = $2, outcome = $3, operation_id = $4"
        f" WHERE proposal_id = $1 AND state = {APPROVED}",
        *(proposal_id, state, json.dumps(outcome), operation_id),
    )
    return tag == "UPDATE 1"


async def overdue(connection: Connection, now: datetime) -> list[int]:
    """Proposals that have waited too long, expired by this."""
    rows = await connection.fetch(
        f"UPDATE proposal SET state = {EXPIRED} WHERE proposal_id IN (SELECT proposal_id"
        f" FROM proposal WHERE state = {WAITING} AND expires_at <= $1"
        " ORDER BY proposal_id LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING proposal_id",
        now,
    )
    return [row["proposal_id"] for row in rows]


async def approved(pool: Pool) -> list[int]:
    """Proposals that may happen and have not yet."""
    rows = await pool.fetch(
        f"SELECT proposal_id FROM proposal WHERE state = {APPROVED} ORDER BY proposal_id LIMIT 100"
    )
    return [row["proposal_id"] for row in rows]


async def of_borrower(connection: Connection, borrower_id: int) -> list[Row]:
    """Every proposal about a borrower, newest first."""
    rows: list[Row] = await connection.fetch(
        f"SELECT {COLUMNS} FROM proposal WHERE borrower_id = $1 ORDER BY proposal_id DESC",
        borrower_id,
    )
    return rows


async def waits_for(connection: Connection, borrower_id: int) -> bool:
    """Whether an act on a borrower may still happen, other than the erasure itself."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM proposal WHERE borrower_id = $1 AND act <> 'EraseBorrower'"
        f" AND (state = {APPROVED} OR state = {WAITING} AND expires_at > now()))",
        borrower_id,
    )
    return found


async def forget_reasons(connection: Connection, borrower_id: int) -> None:
    """Decisions on a borrower keep no words; the hash of what was said stays in the audit event."""
    await connection.execute(
        "UPDATE approval SET reason = '' FROM proposal p"
        " WHERE p.proposal_id = approval.proposal_id AND p.borrower_id = $1",
        borrower_id,
    )


async def active(connection: Connection, staff: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """Of these members of staff, those whose accounts are active, with their roles."""
    rows = await connection.fetch(
        "SELECT staff_id, ARRAY(SELECT role FROM staff_role r WHERE r.staff_id = s.staff_id)"
        " AS roles FROM staff s WHERE staff_id = ANY($1::bigint[]) AND active",
        staff,
    )
    return {row["staff_id"]: row["roles"] for row in rows}


async def yes_of(connection: Connection, proposal_id: int) -> list[Row]:
    """Who agreed, and in whose place."""
    rows: list[Row] = await connection.fetch(
        "SELECT approver, on_behalf_of FROM approval"
        f" WHERE proposal_id = $1 AND decision = {YES}",
        proposal_id,
    )
    return rows


async def insert_delegation(
    connection: Connection, delegation_id: int, pair: tuple[int, int], reason: str,
    days: tuple[datetime, datetime],
) -> None:  # fmt: skip
    """Somebody decides in another's place from one moment until another."""
    await connection.execute(
        "INSERT INTO delegation (delegation_id, from_staff, to_staff, reason, from_at, until_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        *(delegation_id, *pair, reason, *days),
    )


async def end_delegation(
    connection: Connection, delegation_id: int, from_staff: int, now: datetime
) -> bool:
    """Whoever gave a delegation takes it back; False when there is none to take."""
    tag: str = await connection.execute(
        "UPDATE delegation SET revoked_at = $3 WHERE delegation_id = $1 AND from_staff = $2"
        " AND revoked_at IS NULL AND until_at > $3",
        *(delegation_id, from_staff, now),
    )
    return tag == "UPDATE 1"


async def delegations(pool: Pool, staff_id: int, now: datetime) -> list[Row]:
    """Delegations from or to a member of staff that have not ended."""
    rows: list[Row] = await pool.fetch(
        "SELECT delegation_id, from_staff, to_staff, reason, from_at, until_at FROM delegation"
        " WHERE $1 IN (from_staff, to_staff) AND revoked_at IS NULL AND until_at > $2"
        " ORDER BY delegation_id",
        *(staff_id, now),
    )
    return rows


async def stands_in_for(connection: Connection | Pool, staff_id: int, now: datetime) -> list[int]:
    """In whose place a member of staff may decide now."""
    rows = await connection.fetch(
        "SELECT from_staff FROM delegation WHERE to_staff = $1 AND revoked_at IS NULL"
        " AND from_at <= $2 AND until_at > $2 ORDER BY delegation_id",
        *(staff_id, now),
    )
    return [row["from_staff"] for row in rows]
