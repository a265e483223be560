"""The SQL of the register of versions. Nothing here commits, and no row is ever changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from usance.core.rules import rule
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
POLICY = (
    "policy_id, version, body, digest, features, effective_on, adopted_by, adopted_at, operation_id"
)
CARD = (
    "name, version, body, digest, role, share, report, effective_on, adopted_by, adopted_at,"
    " operation_id"
)
ADOPT, ADOPT_SHIPPED, REGISTER = "AdoptPolicy", "AdoptShippedPolicies", "AdoptScorecard"
"""Actions of the audit events."""


# -- policies --------------------------------------------------------------------------------------


async def insert_policy(
    connection: Connection, version: tuple[str, int, str, bytes, str, date], actor: str,
    operation_id: int,
) -> bool:  # fmt: skip
    """A version (id, number, body, digest, features, its first day); False if it is there."""
    tag: str = await connection.execute(
        "INSERT INTO policy_version (policy_id, version, body, digest, features, effective_on,"
        " adopted_by, operation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        *(*version, actor, operation_id),
    )
    return tag.endswith(" 1")


async def policy_in_force(where: Connection | Pool, policy_id: str, on: date) -> bytes | None:
    """The digest of the version that decides on a day; its words are much longer."""
    digest: bytes | None = await where.fetchval(
        "SELECT digest FROM policy_version WHERE policy_id = $1 AND effective_on <= $2"
        " ORDER BY effective_on DESC, version DESC LIMIT 1",
        *(policy_id, on),
    )
    return digest


async def policy_by_digest(where: Connection | Pool, digest: bytes) -> Row | None:
    """The version with these words."""
    row: Row | None = await where.fetchrow(
        f"SELECT {POLICY} FROM policy_version WHERE digest = $1", digest
    )
    return row


async def policy_ids(connection: Connection) -> set[str]:
    """Every policy of which there is a version."""
    rows = await connection.fetch("SELECT DISTINCT policy_id FROM policy_version")
    return {row["policy_id"] for row in rows}


async def policy_versions(where: Connection | Pool, policy_id: str = "") -> Sequence[Row]:
    """Every version of one policy or of all, the newest first."""
    rows: Sequence[Row] = await where.fetch(
        f"SELECT {POLICY} FROM policy_version WHERE $1 IN ('', policy_id)"
        ' ORDER BY policy_id COLLATE "C", version DESC',
        policy_id,
    )
    return rows


# -- scorecards ------------------------------------------------------------------------------------


async def insert_scorecard(
    connection: Connection, version: tuple[str, int, str, bytes, str, int, str, date], actor: str,
    operation_id: int,
) -> bool:  # fmt: skip
    """A version (name, number, body, digest, role, share, report, its first day).

    False if the number is taken.
    """
    tag: str = await connection.execute(
        "INSERT INTO scorecard_version (name, version, body, digest, role, share, report,"
        " effective_on, adopted_by, operation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT DO NOTHING",
        *(*version, actor, operation_id),
    )
    return tag.endswith(" 1")


async def scorecards(where: Connection | Pool, name: str = "") -> Sequence[Row]:
    """Every version under one name or all, the newest first."""
    rows: Sequence[Row] = await where.fetch(
        f"SELECT {CARD} FROM scorecard_version WHERE $1 IN ('', name)"
        ' ORDER BY name COLLATE "C", version DESC',
        name,
    )
    return rows


async def scorecard_roles(where: Connection | Pool, name: str) -> Sequence[Row]:
    """Which tables of points had which role under a name, and from when on."""
    rows: Sequence[Row] = await where.fetch(
        "SELECT version, digest, role, share, effective_on FROM scorecard_version WHERE name = $1",
        name,
    )
    return rows


async def scorecard_by_digest(where: Connection | Pool, digest: bytes) -> Row | None:
    """A version with this table of points."""
    row: Row | None = await where.fetchrow(
        f"SELECT {CARD} FROM scorecard_version WHERE digest = $1 ORDER BY name, version LIMIT 1",
        digest,
    )
    return row


# -- the proof -------------------------------------------------------------------------------------

ROWS = """
SELECT operation_id, sha256(string_agg(row, ''::bytea ORDER BY name COLLATE "C", version)) AS digest
FROM (
    SELECT operation_id, policy_id AS name, version, sha256(convert_to(jsonb_build_array(
        policy_id, version, encode(digest, 'hex'), features, effective_on, adopted_by,
        (extract(epoch FROM adopted_at) * 1000000)::bigint)::text, 'UTF8')) AS row
    FROM policy_version
    UNION ALL
    SELECT operation_id, name, version, sha256(convert_to(jsonb_build_array(
        name, version, encode(digest, 'hex'), role, share, report, effective_on, adopted_by,
        (extract(epoch FROM adopted_at) * 1000000)::bigint)::text, 'UTF8'))
    FROM scorecard_version
) AS written GROUP BY operation_id
"""
"""Of each operation the SHA-256 over the SHA-256 of each of its rows, as JSON."""


@rule("R-POLICY-15", "R-SCORE-06")
async def digest_of(connection: Connection, operation_id: int) -> bytes:
    """What an audit event says of the rows that it wrote."""
    found: bytes = await connection.fetchval(
        f"SELECT digest FROM ({ROWS}) AS rows WHERE operation_id = $1", operation_id
    )
    return found
