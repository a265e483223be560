"""The SQL of early warning: what was committed, what borrowers are asked about, alerts."""

from usance.contract.records import ACTIVE
from usance.platform.following import COMMITTED, bring_back, move_on, take_turn
from usance.risk.alerts import CLOSED, OPEN, TAKEN

FEED = "warning_feed"
TAKE_TURN, MOVE_ON, BRING_BACK = take_turn(FEED), move_on(FEED), bring_back(FEED)
LAST_CLOSED = """
SELECT max(business_date) FROM day_close WHERE finished_at IS NOT NULL AND business_date
    < coalesce((SELECT min(business_date) FROM day_close WHERE finished_at IS NULL), 'infinity')
"""
"""Up to it every day that was begun is closed."""
ANYTHING = f"""
SELECT {COMMITTED}
    OR coalesce(({LAST_CLOSED}) > coalesce(day_through, '-infinity'), false)
FROM warning_feed
"""

TOUCHED = """
WITH ops AS (
    SELECT borrower_id, action, detail -> 'debits' AS debits FROM operation
    WHERE xid > $1 AND xid <= $2 AND (action = ANY($3::text[]) OR detail ? 'debits')
)
SELECT borrower_id FROM ops WHERE borrower_id <> 0 AND action = ANY($3::text[])
UNION
SELECT b.borrower_id FROM ops JOIN bank_file_row b ON b.file_id = (debits ->> 'file_id')::bigint
    AND b.row BETWEEN (debits ->> 'from')::int AND (debits ->> 'through')::int
WHERE debits IS NOT NULL AND b.outcome IN ('failed', 'returned') AND b.borrower_id <> 0
"""
"""Borrowers to whom something happened by operations with $1 < xid <= $2 of the actions $3, or
whose debit failed."""
NEWLY_LATE = """
SELECT DISTINCT contract_id >> 12 AS borrower_id FROM late_band WHERE since = $1
"""
MOVED = f"""
SELECT w.borrower_id,
    (SELECT max(d.first_seen_at) FROM device d WHERE d.cell = w.borrower_id % 1024
        AND d.borrower_id = w.borrower_id AND d.first_seen_at <= $2 AND EXISTS (
            SELECT FROM device o WHERE o.cell = d.cell AND o.borrower_id = d.borrower_id
                AND o.first_seen_at < d.first_seen_at)) AS device,
    (SELECT max(c.ended_at) FROM contact_change c WHERE c.cell = w.borrower_id % 1024
        AND c.borrower_id = w.borrower_id AND c.status = 3 AND c.ended_at <= $2) AS number
FROM unnest($1::bigint[]) AS w (borrower_id)
WHERE EXISTS (SELECT FROM contract c WHERE c.cell = w.borrower_id % 1024
    AND c.borrower_id = w.borrower_id AND c.status = {ACTIVE})
"""
"""Of borrowers with an open contract: when a further device was first seen, when the number was
changed last. The first device is no change."""

TIERS = """
SELECT borrower_id, changed_on, tier_from, tier_to FROM tier_change
WHERE cell = ANY($1::smallint[]) AND borrower_id = ANY($2::bigint[]) AND changed_on <= $3
    AND tier_from >= 0
"""

RAISE = f"""
WITH given AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::smallint[], $5::jsonb[],
        $6::jsonb[], $7::text[], $8::bigint[])
        AS g (borrower_id, alert_id, signal, level, evidence, threshold, policy, usual)
)
INSERT INTO alert AS a (cell, borrower_id, alert_id, signal, level, raised_on, at, evidence,
    threshold, policy, usual, operation_id)
SELECT (borrower_id % 1024)::smallint, borrower_id, alert_id, signal, level, $9, $10, evidence,
    threshold, policy, usual, $11
FROM given g WHERE NOT EXISTS (
    SELECT FROM alert o WHERE o.cell = (g.borrower_id % 1024)::smallint
        AND o.borrower_id = g.borrower_id AND o.signal = g.signal AND o.state = {CLOSED}
        AND (o.closed_at > $12 OR o.evidence = g.evidence) AND o.level >= g.level)
ORDER BY borrower_id, signal
ON CONFLICT (cell, borrower_id, signal) WHERE state <> {CLOSED} DO UPDATE
SET level = excluded.level, evidence = excluded.evidence, threshold = excluded.threshold,
    policy = excluded.policy, operation_id = excluded.operation_id
WHERE a.level < excluded.level
RETURNING borrower_id, alert_id, level, signal
"""
"""Alerts on the business date $9 at the moment $10; none where the same one was closed after $12,
or on just the same facts.
One that is open already only becomes more urgent."""

BORROWERS_NOW = f"SELECT count(DISTINCT borrower_id) FROM contract WHERE status = {ACTIVE}"
RAISED_ON = """
SELECT signal, count(*) AS alerts FROM alert WHERE raised_on = $1 AND borrower_id <> 0
GROUP BY signal
"""

COLUMNS = (
    "borrower_id, alert_id, signal, level, raised_on, at, evidence, threshold, policy, usual,"
    " state, owner, taken_at, closed_at, outcome, reason"
)
OWNER = "(SELECT name FROM staff WHERE staff_id = owner) AS owner_name"
ONE = f"SELECT {COLUMNS}, {OWNER} FROM alert WHERE alert_id = $1"
LOCK = f"""
SELECT {COLUMNS} FROM alert
WHERE cell = ($2::bigint % 1024)::smallint AND borrower_id = $2 AND alert_id = $1 FOR UPDATE
"""
LIST = f"""
SELECT {COLUMNS}, {OWNER} FROM alert
WHERE alert_id < $1 AND state = ANY($2::smallint[]) AND ($3 = '' OR signal = $3)
    AND ($4::bigint = 0 OR owner = $4) AND ($5::bigint < 0 OR borrower_id = $5)
ORDER BY alert_id DESC LIMIT $6
"""
OF_BORROWER = f"""
SELECT {COLUMNS} FROM alert WHERE cell = ($1::bigint % 1024)::smallint AND borrower_id = $1
ORDER BY alert_id
"""
FORGET = """
DELETE FROM alert WHERE cell = ($1::bigint % 1024)::smallint AND borrower_id = $1
"""
SUMMARY = f"""
SELECT count(*) FILTER (WHERE state = {OPEN}) AS open,
    count(*) FILTER (WHERE state = {OPEN} AND level = 2) AS urgent,
    count(*) FILTER (WHERE state = {TAKEN}) AS taken FROM alert WHERE state <> {CLOSED}
"""
TAKE = f"""
UPDATE alert SET state = {TAKEN}, owner = $3, taken_at = coalesce(taken_at, $4)
WHERE cell = ($2::bigint % 1024)::smallint AND borrower_id = $2 AND alert_id = $1
"""
CLOSE = f"""
UPDATE alert SET state = {CLOSED}, closed_at = $3, outcome = $4, reason = $5
WHERE cell = ($2::bigint % 1024)::smallint AND borrower_id = $2 AND alert_id = $1
"""
FATIGUE = f"""
SELECT signal, count(*) AS raised, count(*) FILTER (WHERE state = {CLOSED}) AS closed,
    count(*) FILTER (WHERE outcome = 'true') AS true,
    count(*) FILTER (WHERE outcome = 'false') AS false,
    count(*) FILTER (WHERE at <= $2) AS ripe,
    count(*) FILTER (WHERE at <= $2 AND taken_at IS NULL) AS unseen,
    (percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM taken_at - at))
        FILTER (WHERE taken_at IS NOT NULL) / 3600)::int AS seen_after
FROM alert WHERE at > $1 AND at <= $3 GROUP BY signal ORDER BY signal
"""
"""Of alerts since $1; those before $2 should have been looked at."""
FIRST_AT = "SELECT min(at) FROM alert"

BROKEN = f"""
SELECT alert_id, 'what belongs to its state, and the operation that raised it', state::text
FROM alert a LEFT JOIN operation o USING (operation_id)
WHERE o.action IS DISTINCT FROM 'RaiseAlerts' OR state NOT IN ({OPEN}, {TAKEN}, {CLOSED})
    OR (state = {CLOSED}) <> (closed_at IS NOT NULL AND outcome <> '' AND reason <> '')
    OR (state = {OPEN}) <> (owner = 0 AND taken_at IS NULL)
ORDER BY alert_id LIMIT 1
"""
