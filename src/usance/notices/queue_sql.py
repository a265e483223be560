"""The SQL of what waits to be sent: taken, decided, settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from usance.contract import records as r
from usance.notices.gate import DIGEST
from usance.notices.outbox import ARRIVED, FAILED, GOING, STOPPED, TAKEN, WAITS
from usance.notices.providers import UNKNOWN
from usance.platform.database import Connection

Row: TypeAlias = Mapping[str, Any]

SAID = f"CASE n.state WHEN {GOING} THEN '{UNKNOWN}' ELSE n.said END"
"""What a carrier said last: of one whose lease ended in somebody's hand, nobody knows."""
BEFORE = """earlier.cell = n.cell AND earlier.borrower_id = n.borrower_id
        AND earlier.purpose = n.purpose AND earlier.member_id = n.member_id
        AND earlier.notice_id < n.notice_id AND earlier.bundle = 0
        AND (n.purpose <> 'security' OR earlier.template_id = n.template_id)"""
NOT_TOGETHER = f"earlier.because <> '{DIGEST}'"
EARLIER = f"{BEFORE} AND ({NOT_TOGETHER} OR n.because = '{DIGEST}')"
"""Whether ``n`` waits for an earlier one; a code waits for nothing but codes of its kind, and
nothing waits for what is to go together later but what goes with it."""
WAITING = f"""
SELECT n.cell, n.borrower_id, n.notice_id, n.key, n.template_id, n.purpose, n.audience, n.scope,
    n.member_id, n.contract_id, n.facts, n.box, n.business_date, n.until, n.fence, n.attempts,
    n.channel, n.provider, {SAID} AS said, n.because, n.counted_at,
    n.code_hash, n.digits_hash
FROM notice n"""
IN_A_LANE = f"earlier.state IN ({WAITS}, {GOING}, {STOPPED})"
CLAIM = f"""{WAITING} WHERE n.state IN ({WAITS}, {GOING}) AND n.not_before <= $1 AND n.bundle = 0
    AND NOT EXISTS (SELECT FROM notice earlier WHERE {EARLIER} AND {IN_A_LANE})
ORDER BY n.not_before LIMIT $2 FOR UPDATE SKIP LOCKED
"""
"""Of each person's notices of a purpose only the earliest: that is their order."""
COMPANIONS = f"""{WAITING} JOIN unnest($2::smallint[], $3::bigint[], $4::text[], $5::bigint[])
    AS first (cell, borrower_id, purpose, notice_id) ON n.cell = first.cell
    AND n.borrower_id = first.borrower_id AND n.purpose = first.purpose
    AND n.notice_id > first.notice_id
WHERE n.state = {WAITS} AND n.member_id = 0 AND n.because = '{DIGEST}' AND n.not_before <= $1
    AND n.bundle = 0
    AND NOT EXISTS (SELECT FROM notice earlier WHERE {BEFORE} AND {NOT_TOGETHER} AND {IN_A_LANE})
ORDER BY n.notice_id FOR UPDATE OF n
"""
"""What waits to go together with notices that were claimed; nobody else takes it meanwhile, since
it waits for those."""
BUNDLE = """
INSERT INTO notice (cell, borrower_id, key, template_id, purpose, audience, scope, member_id,
    contract_id, facts, box, business_date, not_before, until)
VALUES ($1, $2, $3, $4, $5, $6, '', 0, $7, $8, ''::bytea, $9, $10, $11) RETURNING notice_id
"""
BUNDLED = """
SELECT n.bundle, n.facts, t.body FROM notice n
JOIN notice_template t ON t.template_id = n.template_id AND t.version = n.version
JOIN unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS given (cell, borrower_id, bundle)
    ON n.cell = given.cell AND n.borrower_id = given.borrower_id AND n.bundle = given.bundle
WHERE n.bundle <> 0 ORDER BY n.notice_id
"""
"""What goes in messages that were asked for before."""
OF_BUNDLES = """FROM unnest($1::smallint[], $2::bigint[], $3::bigint[])
    AS given (cell, borrower_id, notice_id)
JOIN notice d ON d.cell = given.cell AND d.borrower_id = given.borrower_id
    AND d.notice_id = given.notice_id
WHERE n.cell = d.cell AND n.borrower_id = d.borrower_id AND n.bundle = d.notice_id
    AND n.bundle <> 0"""
FOLLOW = f"""
UPDATE notice n SET state = d.state, channel = d.channel, provider = d.provider,
    because = d.because, sent_at = d.sent_at, done_at = d.done_at
{OF_BUNDLES} AND d.state IN ({TAKEN}, {ARRIVED}, {FAILED}) AND n.channel <> 'inbox'
"""
"""What went together stands as the message does in which it went."""
LAY = f"""
UPDATE notice n SET state = {TAKEN}, channel = 'inbox', sent_at = $4, because = '{DIGEST}'
{OF_BUNDLES} AND n.state = {WAITS}
"""
"""Their message has no way left: they are in the inbox, as each would be by itself."""

DECIDE = f"""
UPDATE notice n SET state = given.state, not_before = given.not_before, fence = n.fence + 1,
    attempts = given.attempts, version = given.version, facts = given.facts, box = given.box,
    channel = given.channel, provider = given.provider, because = given.because,
    counted_at = given.counted_at, contact_hash = given.contact_hash,
    code_hash = given.code_hash, digits_hash = given.digits_hash, sent_at = given.sent_at,
    said = {SAID}, stopped_by = given.stopped_by, bundle = given.bundle
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::timestamptz[],
        $6::smallint[], $7::smallint[], $8::jsonb[], $9::bytea[], $10::text[], $11::text[],
        $12::text[], $13::timestamptz[], $14::bytea[], $15::bytea[], $16::bytea[],
        $17::timestamptz[], $18::text[], $19::bigint[])
    AS given (cell, borrower_id, notice_id, state, not_before, attempts, version, facts, box,
        channel, provider, because, counted_at, contact_hash, code_hash, digits_hash, sent_at,
        stopped_by, bundle)
WHERE n.cell = given.cell AND n.borrower_id = given.borrower_id AND n.notice_id = given.notice_id
"""
SETTLE = f"""
UPDATE notice n SET state = given.state, not_before = given.not_before, sent_at = given.sent_at,
    reference = given.reference, said = given.said, because = given.said, done_at = given.done_at,
    attempts = n.attempts - given.unbegun
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::int[], $5::smallint[],
        $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[], $10::timestamptz[],
        $11::smallint[])
    AS given (cell, borrower_id, notice_id, fence, state, not_before, sent_at, reference, said,
        done_at, unbegun)
WHERE n.cell = given.cell AND n.borrower_id = given.borrower_id AND n.notice_id = given.notice_id
    AND n.fence = given.fence AND n.state = {GOING}
"""
NOTE = """
INSERT INTO notice_step (cell, borrower_id, notice_id, number, kind, at, channel, provider, said,
    trace)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::text[],
    $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::jsonb[])
ON CONFLICT DO NOTHING
"""
COUNT = """
INSERT INTO sending_slot AS s (kind, name, slot, sent, failed, errors, answered, slow, length)
SELECT kind, name, $3, sent, failed, errors, answered, slow, length
FROM unnest($1::text[], $2::text[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[],
    $9::int[]) AS given (kind, name, sent, failed, errors, answered, slow, length)
ORDER BY kind, name
ON CONFLICT (kind, name, slot) DO UPDATE SET sent = s.sent + excluded.sent,
    failed = s.failed + excluded.failed, errors = s.errors + excluded.errors,
    answered = s.answered + excluded.answered, slow = s.slow + excluded.slow,
    length = s.length + excluded.length
"""
BORROWERS = """
SELECT b.cell, b.borrower_id, b.data_key, b.name, b.phone, b.email, b.language,
    p.ways, p.refused, p.opens, p.closes, p.digest_at, p.zone,
    c.suspended_at IS NOT NULL AS suspended
FROM borrower b
LEFT JOIN notice_preference p ON p.cell = b.cell AND p.borrower_id = b.borrower_id
    AND p.member_id = 0
LEFT JOIN contact c ON c.cell = b.cell AND c.borrower_id = b.borrower_id AND c.kind = 'phone'
WHERE b.cell = ANY($1::smallint[]) AND b.borrower_id = ANY($2::bigint[]) AND b.status = 1
    AND b.data_key <> '' ORDER BY b.cell, b.borrower_id FOR SHARE OF b
"""
"""As they are until the end of the transaction, so that nobody is forgotten in between."""
DUES = f"""
SELECT d.contract_id, d.n, d.principal + d.interest + d.fee + d.penalty - d.paid_principal
    - d.paid_interest - d.paid_fee - d.paid_penalty AS unpaid, c.late_from, c.status = {r.ACTIVE}
    AS active
FROM unnest($1::smallint[], $2::bigint[], $3::smallint[]) AS asked (cell, contract_id, n)
JOIN due d ON d.cell = asked.cell AND d.contract_id = asked.contract_id AND d.n = asked.n
JOIN contract c ON c.cell = d.cell AND c.contract_id = d.contract_id
"""
SUPPRESSED = """
SELECT contact_hash, channel FROM suppression WHERE contact_hash = ANY($1::bytea[])
    AND (until IS NULL OR until > $2)
"""
COUNTERS = """
SELECT subject, counts FROM notice_counter WHERE subject = ANY($1::bytea[])
ORDER BY subject FOR UPDATE
"""
ADD_COUNTERS = """
INSERT INTO notice_counter (subject, counts, changed_at)
SELECT subject, counts, $3 FROM unnest($1::bytea[], $2::jsonb[]) AS given (subject, counts)
ORDER BY subject ON CONFLICT DO NOTHING
"""
MOVE_COUNTERS = """
UPDATE notice_counter c SET counts = given.counts, changed_at = $3
FROM unnest($1::bytea[], $2::jsonb[]) AS given (subject, counts) WHERE c.subject = given.subject
"""
ENTER_COUNTERS = """
INSERT INTO notice_counter (subject, changed_at)
SELECT subject, $2 FROM unnest($1::bytea[]) AS given (subject) ORDER BY subject
ON CONFLICT DO NOTHING
"""
CALLS = """
SELECT cell, borrower_id, notice_id, purpose, audience, scope, member_id, contract_id, channel,
    until, contact_hash, facts
FROM notice JOIN unnest($1::smallint[], $2::bigint[], $3::bigint[])
    AS given (cell, borrower_id, notice_id) USING (cell, borrower_id, notice_id)
"""
OPEN_BREAKERS = """
SELECT kind, name FROM breaker WHERE state = 'open'
    AND (kind IN ('channel', 'template', 'words')
        OR (kind = 'recipient' AND name = ANY($1::text[])))
"""
"""All but those of other recipients than $1."""
WEIGHTS = "SELECT channel, name, weight, resting FROM provider_weight"
BOOK = "SELECT name, currency, business_date FROM book"
UNDER_WAY = f"""
SELECT EXISTS (SELECT FROM notice WHERE cell = $1 AND borrower_id = $2
    AND purpose = ANY($3::text[]) AND state = {GOING} AND not_before > $4)
"""
"""Whether one that goes by consent may be leaving at this moment."""


async def claim(connection: Connection, now: datetime, most: int) -> Sequence[Row]:
    """What may be decided now, each locked."""
    rows: Sequence[Row] = await connection.fetch(CLAIM, now, most)
    return rows


async def write(connection: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> int:
    """One array for each column; how many rows were written."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    if not columns:
        return 0
    tag: str = await connection.execute(statement, *columns)
    return int(tag.rsplit(" ", 1)[1])


def places(rows: Iterable[Row]) -> list[list[int]]:
    """Where notices are, one list for each column."""
    found = [(row["cell"], row["borrower_id"], row["notice_id"]) for row in rows]
    return [list(column) for column in zip(*found, strict=True)]


def minute_of(now: datetime) -> int:
    """The slot of ``sending_slot`` that a moment is in."""
    return int(now.timestamp()) // 60


def later(now: datetime, wait: int, pause: timedelta) -> datetime:
    """When is asked again: after the schedule's pause, or as long as the provider wants."""
    return now + max(pause, timedelta(seconds=wait))
