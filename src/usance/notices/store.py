"""The SQL of templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from usance.core.rules import rule
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
VERSION = """SELECT t.template_id, t.version, t.body, t.digest, t.effective_on,
    least(t.retired_on, r.retired_on) AS retired_on, t.adopted_by, t.adopted_at, t.operation_id,
    coalesce(r.retired_by, '') AS retired_by
FROM notice_template t LEFT JOIN LATERAL (
    SELECT retired_on, retired_by FROM notice_retirement e
    WHERE e.template_id = t.template_id AND e.through >= t.version
    ORDER BY retired_on, operation_id LIMIT 1
) AS r ON true"""
"""Versions with their ends: what the document says, or what a retirement says if that is sooner."""


async def insert(
    connection: Connection, version: tuple[str, int, str, bytes, date, date | None], actor: str,
    operation_id: int,
) -> bool:  # fmt: skip
    """A version (id, number, body, digest, its first day, its end); False if it is there."""
    tag: str = await connection.execute(
        "INSERT INTO notice_template (template_id, version, body, digest, effective_on,"
        " retired_on, adopted_by, operation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT DO NOTHING",
        *(*version, actor, operation_id),
    )
    return tag == "INSERT 0 1"


async def newest(where: Connection | Pool, template_id: str) -> Row | None:
    """The version that was adopted last."""
    row: Row | None = await where.fetchrow(
        f"{VERSION} WHERE t.template_id = $1 ORDER BY t.version DESC LIMIT 1", template_id
    )
    return row


async def begun(where: Connection | Pool, template_id: str, on: date) -> Row | None:
    """The newest version that had begun on a day, whether it has ended or not."""
    row: Row | None = await where.fetchrow(
        f"{VERSION} WHERE t.template_id = $1 AND t.effective_on <= $2"
        " ORDER BY t.version DESC LIMIT 1",
        *(template_id, on),
    )
    return row


async def versions(
    pool: Pool, template_id: str, before: int, count: int
) -> Sequence[Row]:
    """Versions of a template, newest first."""
    rows: Sequence[Row] = await pool.fetch(
        f"{VERSION} WHERE t.template_id = $1 AND t.version < $2"
        " ORDER BY t.version DESC LIMIT $3",
        *(template_id, before, count),
    )
    return rows


async def page(pool: Pool, after: int, count: int) -> Sequence[Row]:
    """The newest version of each template, in the order of their ids, from a place on."""
    rows: Sequence[Row] = await pool.fetch(
        f"{VERSION} WHERE t.version = (SELECT max(version) FROM notice_template n"
        ' WHERE n.template_id = t.template_id) ORDER BY t.template_id COLLATE "C"'
        " OFFSET $1 LIMIT $2",
        *(after, count),
    )
    return rows


async def begun_each(pool: Pool, ids: Sequence[str], on: date) -> Sequence[Row]:
    """Of each of these templates the newest version that had begun on a day."""
    rows: Sequence[Row] = await pool.fetch(
        f"SELECT DISTINCT ON (template_id) * FROM ({VERSION}"
        " WHERE t.template_id = ANY($1::text[]) AND t.effective_on <= $2) AS begun"
        " ORDER BY template_id, version DESC",
        *(ids, on),
    )
    return rows


async def known(connection: Connection) -> frozenset[str]:
    """Ids of all templates."""
    rows = await connection.fetch("SELECT DISTINCT template_id FROM notice_template")
    return frozenset(row["template_id"] for row in rows)


async def retire(
    connection: Connection, version: tuple[str, int], on: date, actor: str, operation_id: int
) -> None:
    """Versions of a template up to one end on a day."""
    await connection.execute(
        "INSERT INTO notice_retirement (template_id, through, retired_on, retired_by,"
        " operation_id) VALUES ($1, $2, $3, $4, $5)",
        *(*version, on, actor, operation_id),
    )


# -- the proof -------------------------------------------------------------------------------------

ROWS = """
SELECT operation_id, sha256(string_agg(row, ''::bytea ORDER BY template_id COLLATE "C", version))
    AS digest
FROM (
    SELECT operation_id, template_id, version, sha256(convert_to(jsonb_build_array(
        template_id, version, encode(digest, 'hex'), adopted_by,
        (extract(epoch FROM adopted_at) * 1000000)::bigint)::text, 'UTF8')) AS row
    FROM notice_template
    UNION ALL
    SELECT operation_id, template_id, through, sha256(convert_to(jsonb_build_array(
        template_id, through, retired_on, retired_by)::text, 'UTF8'))
    FROM notice_retirement
) AS written GROUP BY operation_id
"""
"""Of each operation the SHA-256 over the SHA-256 of each of its rows, as JSON."""
ADOPT, ADOPT_SET, RETIRE = "AdoptTemplate", "AdoptStartingSet", "RetireTemplate"
"""Actions of the audit events."""


@rule("R-TEMPLATE-20")
async def digest_of(connection: Connection, operation_id: int) -> bytes:
    """What an audit event says of the rows that it wrote."""
    found: bytes = await connection.fetchval(
        f"SELECT digest FROM ({ROWS}) AS rows WHERE operation_id = $1", operation_id
    )
    return found


VERSIONS = f"""
WITH told AS (
    SELECT operation_id, digest FROM operation
    WHERE action IN ('{ADOPT}', '{ADOPT_SET}', '{RETIRE}')
), wrong AS (
    SELECT template_id || ' version ' || version AS key,
        encode(sha256(convert_to(body, 'UTF8')), 'hex') AS expected, encode(digest, 'hex') AS found
    FROM notice_template WHERE digest <> sha256(convert_to(body, 'UTF8'))
    UNION ALL
    SELECT template_id || ' version ' || version, 'what its body says',
        concat_ws(' ', template_id, version, effective_on, retired_on)
    FROM notice_template CROSS JOIN LATERAL (SELECT CASE
        WHEN digest = sha256(convert_to(body, 'UTF8')) THEN body::jsonb END AS b) AS read
    WHERE b IS NOT NULL AND (template_id, version::text, effective_on::text, retired_on::text)
        IS DISTINCT FROM (b ->> 'id', b ->> 'version', b ->> 'effective_on', b ->> 'retired_on')
    UNION ALL
    SELECT 'operation ' || operation_id, coalesce(encode(t.digest, 'hex'), 'an operation'),
        coalesce(encode(r.digest, 'hex'), 'no version')
    FROM ({ROWS}) AS r FULL JOIN told t USING (operation_id)
    WHERE r.digest IS DISTINCT FROM t.digest
)
SELECT key, expected, found FROM wrong ORDER BY key COLLATE "C" LIMIT 1
"""
"""A body that is no JSON any more has another digest; the CASE keeps it from being read."""
