"""The SQL of templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
COLUMNS = """template_id, version, body, digest, effective_on, retired_on, adopted_by, adopted_at,
    operation_id, retired_by, retired_operation"""


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
        f"SELECT {COLUMNS} FROM notice_template WHERE template_id = $1"
        " ORDER BY version DESC LIMIT 1",
        template_id,
    )
    return row


async def begun(where: Connection | Pool, template_id: str, on: date) -> Row | None:
    """The newest version that had begun on a day, whether it has ended or not."""
    row: Row | None = await where.fetchrow(
        f"SELECT {COLUMNS} FROM notice_template WHERE template_id = $1 AND effective_on <= $2"
        " ORDER BY version DESC LIMIT 1",
        *(template_id, on),
    )
    return row


async def versions(
    pool: Pool, template_id: str, before: int, count: int
) -> Sequence[Row]:
    """Versions of a template, newest first."""
    rows: Sequence[Row] = await pool.fetch(
        f"SELECT {COLUMNS} FROM notice_template WHERE template_id = $1 AND version < $2"
        " ORDER BY version DESC LIMIT $3",
        *(template_id, before, count),
    )
    return rows


async def page(pool: Pool, after: int, count: int) -> Sequence[Row]:
    """The newest version of each template, in the order of their ids, from a place on."""
    rows: Sequence[Row] = await pool.fetch(
        f"SELECT DISTINCT ON (template_id) {COLUMNS} FROM notice_template"
        " ORDER BY template_id, version DESC OFFSET $1 LIMIT $2",
        *(after, count),
    )
    return rows


async def known(connection: Connection) -> frozenset[str]:
    """Ids of all templates."""
    rows = await connection.fetch("SELECT DISTINCT template_id FROM notice_template")
    return frozenset(row["template_id"] for row in rows)


async def retire(
    connection: Connection, template_id: str, on: date, actor: str, operation_id: int
) -> bool:
    """Every version ends on a day, unless it had ended by then; False if all had."""
    tag: str = await connection.execute(
        "UPDATE notice_template SET retired_on = $2, retired_by = $3, retired_operation = $4"
        " WHERE template_id = $1 AND (retired_on IS NULL OR retired_on > $2)",
        *(template_id, on, actor, operation_id),
    )
    return tag != "UPDATE 0"


# -- the proof -------------------------------------------------------------------------------------

ADOPTED = "jsonb_build_array(template_id, version, encode(digest, 'hex'), adopted_by)"
RETIRED = "jsonb_build_array(template_id, version, retired_on, retired_by)"
BOUND = """sha256(string_agg(sha256(convert_to(({row})::text, 'UTF8')), ''::bytea
    ORDER BY template_id COLLATE "C", version))"""
"""SHA-256 over the SHA-256 of each row that an operation wrote, as JSON."""
ADOPT, ADOPT_SET, RETIRE = "AdoptTemplate", "AdoptStartingSet", "RetireTemplate"
"""Actions of the audit events."""


async def digest_of(connection: Connection, operation_id: int) -> bytes:
    """What an audit event says of the rows that it adopted, or else retired."""
    found: bytes = await connection.fetchval(
        f"SELECT coalesce((SELECT {BOUND.format(row=ADOPTED)} FROM notice_template"
        f" WHERE operation_id = $1), (SELECT {BOUND.format(row=RETIRED)}"
        " FROM notice_template WHERE retired_operation = $1))",
        operation_id,
    )
    return found


VERSIONS = f"""
WITH rows AS (
    SELECT operation_id, {BOUND.format(row=ADOPTED)} AS digest, min(adopted_at) AS at
    FROM notice_template GROUP BY operation_id
    UNION ALL
    SELECT retired_operation, {BOUND.format(row=RETIRED)}, NULL
    FROM notice_template WHERE retired_operation <> 0 GROUP BY retired_operation
), told AS (
    SELECT operation_id, digest, action, recorded_at FROM operation
    WHERE action IN ('{ADOPT}', '{ADOPT_SET}', '{RETIRE}')
), wrong AS (
    SELECT template_id || ' version ' || version AS key,
        encode(sha256(convert_to(body, 'UTF8')), 'hex') AS expected, encode(digest, 'hex') AS found
    FROM notice_template WHERE digest <> sha256(convert_to(body, 'UTF8'))
    UNION ALL
    SELECT template_id || ' version ' || version, 'what its body says',
        concat_ws(' ', template_id, version, effective_on, retired_on)
    FROM notice_template WHERE digest = sha256(convert_to(body, 'UTF8'))
        AND (template_id, version::text, effective_on::text,
            CASE retired_operation WHEN 0 THEN retired_on::text END) IS DISTINCT FROM
        (body::jsonb ->> 'id', body::jsonb ->> 'version', body::jsonb ->> 'effective_on',
            CASE retired_operation WHEN 0 THEN body::jsonb ->> 'retired_on' END)
    UNION ALL
    SELECT 'operation ' || operation_id, coalesce(encode(t.digest, 'hex'), 'an operation'),
        coalesce(encode(r.digest, 'hex'), 'no version')
    FROM rows r FULL JOIN told t USING (operation_id)
    WHERE r.digest IS DISTINCT FROM t.digest
        OR r.at IS DISTINCT FROM CASE t.action WHEN '{RETIRE}' THEN NULL ELSE t.recorded_at END
)
SELECT key, expected, found FROM wrong ORDER BY key LIMIT 1
"""
"""A body that is not JSON any more has another digest, so it is not read."""
