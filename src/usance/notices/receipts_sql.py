"""What ``store.py`` is, for receipts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from usance.notices.outbox import ARRIVED, FAILED, TAKEN
from usance.notices.store import Row
from usance.platform.database import Connection

LOCK = f"""
SELECT cell, borrower_id, notice_id, channel, template_id, state, reference, contact_hash
FROM notice WHERE provider = $1 AND reference = ANY($2::text[]) AND reference <> ''
    AND state IN ({TAKEN}, {ARRIVED}, {FAILED})
ORDER BY cell, borrower_id, notice_id FOR UPDATE
"""
STEPS = """
SELECT cell, borrower_id, notice_id, number, said
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS given (cell, borrower_id, notice_id)
CROSS JOIN LATERAL (
    SELECT coalesce(max(number), 0) AS number,
        array_agg(s.said) FILTER (WHERE kind = 'receipt' AND provider = $4) AS said
    FROM notice_step s WHERE (s.cell, s.borrower_id, s.notice_id)
        = (given.cell, given.borrower_id, given.notice_id)
) AS steps
"""
"""One look into the index for each, however many steps there are."""
CHANGE = f"""
UPDATE notice n SET state = given.state, done_at = $6,
    because = CASE WHEN given.state = {FAILED} THEN given.because ELSE '' END
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::text[])
    AS given (cell, borrower_id, notice_id, state, because)
WHERE (n.cell, n.borrower_id, n.notice_id) = (given.cell, given.borrower_id, given.notice_id)
"""
NOTE = """
INSERT INTO notice_step (cell, borrower_id, notice_id, number, kind, at, channel, provider, said,
    trace)
SELECT cell, borrower_id, notice_id, number, 'receipt', $8, channel, $9, said, trace
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::text[], $6::text[],
    $7::jsonb[]) AS given (cell, borrower_id, notice_id, number, channel, said, trace)
"""
COUNT = """
INSERT INTO sending_slot AS s (kind, name, slot, failed, bounced, complained)
SELECT kind, name, $1, failed, bounced, complained
FROM unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::int[])
    AS given (kind, name, failed, bounced, complained)
ON CONFLICT (kind, name, slot) DO UPDATE SET failed = s.failed + EXCLUDED.failed,
    bounced = s.bounced + EXCLUDED.bounced, complained = s.complained + EXCLUDED.complained
"""
SILENCE = """
INSERT INTO suppression AS s (contact_hash, channel, because, since, until, notice_id)
SELECT contact_hash, channel, because, $6, until, notice_id
FROM unnest($1::bytea[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[])
    AS given (contact_hash, channel, because, until, notice_id)
ON CONFLICT (contact_hash, channel) DO UPDATE SET because = EXCLUDED.because,
    since = EXCLUDED.since, notice_id = EXCLUDED.notice_id,
    until = CASE WHEN EXCLUDED.until IS NULL THEN NULL ELSE greatest(s.until, EXCLUDED.until) END
WHERE s.until IS NOT NULL
"""
"""What holds for good stays as it is."""
KEEP = """
INSERT INTO receipt_waiting (provider, reference, word, error, came_at, look_at)
SELECT $1, reference, word, error, $5, $6
FROM unnest($2::text[], $3::text[], $4::text[]) AS given (reference, word, error)
ON CONFLICT DO NOTHING
"""
DUE = """
SELECT provider, reference, word, error, looks FROM receipt_waiting WHERE look_at <= $1
ORDER BY look_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""


async def lock(connection: Connection, provider: str, references: Sequence[str]) -> Sequence[Row]:
    """Notices that a provider calls so, once they were handed over to it."""
    rows: Sequence[Row] = await connection.fetch(LOCK, provider, references)
    return rows


async def steps(
    connection: Connection, provider: str, ids: Sequence[tuple[int, int, int]]
) -> dict[tuple[int, int, int], tuple[int, frozenset[str]]]:
    """The last step of each notice, and what this provider has said of it."""
    rows = await connection.fetch(STEPS, *columns(ids, 3), provider)
    return {
        (row["cell"], row["borrower_id"], row["notice_id"]):
        (row["number"], frozenset(row["said"] or ()))
        for row in rows
    }  # fmt: skip


async def change(
    connection: Connection, rows: Sequence[tuple[int, int, int, int, str]], now: datetime
) -> None:
    """(cell, borrower, notice, state, because) of notices."""
    await connection.execute(CHANGE, *columns(rows, 5), now)


async def note(
    connection: Connection, provider: str, rows: Sequence[tuple[Any, ...]], now: datetime
) -> None:
    """(cell, borrower, notice, number, channel, word, error) of steps."""
    traced = [(*rest, msgspec.json.encode([error] if error else []).decode())
              for *rest, error in rows]  # fmt: skip
    await connection.execute(NOTE, *columns(traced, 7), now, provider)


async def count(
    connection: Connection, slot: int, rows: Sequence[tuple[str, str, int, int, int]]
) -> None:
    """(kind, name, failed, bounced, complained) within a minute."""
    await connection.execute(COUNT, slot, *columns(sorted(rows), 5))


async def silence(
    connection: Connection, rows: Sequence[tuple[bytes, str, str, datetime | None, int]],
    now: datetime,
) -> None:  # fmt: skip
    """(contact, channel, because, until, notice): nothing more goes there; each contact once."""
    ordered = sorted(rows, key=lambda row: row[:2])
    await connection.execute(SILENCE, *columns(ordered, 5), now)


async def keep(
    connection: Connection, provider: str, rows: Sequence[tuple[str, str, str]], now: datetime,
    look_at: datetime,
) -> None:  # fmt: skip
    """(reference, word, error) that are about nothing yet."""
    await connection.execute(KEEP, provider, *columns(sorted(rows), 3), now, look_at)


async def due(connection: Connection, now: datetime, most: int) -> Sequence[Row]:
    """Receipts that wait and are to be looked at, locked."""
    rows: Sequence[Row] = await connection.fetch(DUE, now, most)
    return rows


async def forget(connection: Connection, rows: Sequence[tuple[str, str, str]]) -> None:
    """(provider, reference, word) that wait no more."""
    await connection.execute(
        "DELETE FROM receipt_waiting WHERE (provider, reference, word) IN"
        " (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))",
        *columns(rows, 3),
    )


async def put_off(
    connection: Connection, rows: Sequence[tuple[str, str, str, datetime]], now: datetime,
    patience: timedelta,
) -> None:  # fmt: skip
    """(provider, reference, word, when to look again); what has waited too long is forgotten."""
    await connection.execute(
        "UPDATE receipt_waiting w SET looks = looks + 1, look_at = given.look_at"
        " FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])"
        " AS given (provider, reference, word, look_at)"
        " WHERE (w.provider, w.reference, w.word)"
        " = (given.provider, given.reference, given.word)",
        *columns(rows, 4),
    )
    await connection.execute("DELETE FROM receipt_waiting WHERE came_at < $1", now - patience)


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows turned around, also none."""
    return [list(each) for each in zip(*rows, strict=True)] or [[] for _ in range(width)]
