"""The SQL of the feed: what was committed, in order and whole, and the queues that it goes to.

Transactions are read up to the oldest one that is still running (``HORIZON``): everything below has
ended and is seen whole, so a number is passed only when nothing can appear behind it any more.
"""

from usance.identity.access_sql import LOOK_AT

BRING_BACK = """
WITH now AS (
    SELECT pg_snapshot_xmin(pg_current_snapshot()) AS lowest,
        pg_snapshot_xmax(pg_current_snapshot()) AS highest
), fed AS (
    UPDATE webhook_feed SET through = lowest, day_seen = NULL, day_bound = NULL FROM now
    WHERE through > highest RETURNING 1
), listening AS (
    UPDATE webhook_endpoint SET since = lowest FROM now WHERE since > highest RETURNING 1
)
SELECT EXISTS (SELECT FROM fed) OR EXISTS (SELECT FROM listening)
"""
ANYTHING = """
SELECT EXISTS (SELECT FROM operation WHERE xid > greatest(through, since)
        AND xid < pg_snapshot_xmin(pg_current_snapshot()))
    OR EXISTS (SELECT FROM day_close WHERE business_date > day_through
        AND finished_at >= since_at)
FROM webhook_feed, LATERAL (
    SELECT since, since_at FROM webhook_endpoint JOIN machine_client USING (client_id)
    WHERE webhook_endpoint.active AND machine_client.active ORDER BY since LIMIT 1
) AS listening
"""
"""Whether there is something to tell somebody; looks, and locks nothing. No row: nobody listens."""
TAKE_TURN = """
SELECT through, day_through, day_seen, day_bound FROM webhook_feed FOR UPDATE SKIP LOCKED
"""
LISTENING = """
SELECT endpoint_id, types, since, since_at, last_sequence
FROM webhook_endpoint JOIN machine_client USING (client_id)
WHERE webhook_endpoint.active AND machine_client.active
ORDER BY endpoint_id FOR UPDATE OF webhook_endpoint
"""
HORIZON = """
SELECT pg_snapshot_xmin(pg_current_snapshot()) AS lowest,
    pg_snapshot_xmax(pg_current_snapshot()) AS highest
"""
OPERATIONS = f"""
SELECT operation_id, xid, action, borrower_id, business_date FROM operation
WHERE xid > $1 AND xid < $2 AND action <> '{LOOK_AT}'
ORDER BY xid FETCH FIRST $3 ROWS WITH TIES
"""
"""Whole transactions: one is never cut in two. Nobody is told who looked at whom."""

EVENT = """
e.contract_id, e.seq, e.kind, e.effective_on, e.booked_on, e.amount, e.of_seq, e.days,
e.principal, e.interest, e.fee, e.penalty, e.credit, e.operation_id,
o.xid, o.recorded_at AS happened_at, o.business_date, c.product_id,
s.number, s.due_on, s.required, s.balance
"""
REST_OF_EVENT = """
JOIN contract c ON c.cell = e.cell AND c.contract_id = e.contract_id
LEFT JOIN LATERAL (
    SELECT number, due_on, required, balance FROM statement
    WHERE e.kind = 11 AND cell = e.cell AND contract_id = e.contract_id AND event_seq = e.seq
) AS s ON true
"""
EVENTS_OF_BORROWERS = f"""
SELECT {EVENT} FROM operation o
JOIN LATERAL (
    SELECT * FROM event WHERE cell = o.borrower_id % 1024
        AND contract_id BETWEEN o.borrower_id << 12 AND (o.borrower_id << 12) + 4095
        AND operation_id = o.operation_id AND kind = ANY($2) OFFSET 0
) AS e ON true
{REST_OF_EVENT}
WHERE o.operation_id = ANY($1) ORDER BY o.xid, o.operation_id, e.contract_id, e.seq
"""
"""OFFSET 0 keeps the planner at the key of ``event``: there is no index by operation."""
EVENTS_OF_SETS = f"""
SELECT {EVENT} FROM event e JOIN operation o ON o.operation_id = e.operation_id
{REST_OF_EVENT}
WHERE e.booked_on = ANY($3) AND e.operation_id = ANY($1) AND e.kind = ANY($2)
ORDER BY o.xid, o.operation_id, e.contract_id, e.seq
"""
"""Events of work on many contracts, which its operation does not name: all of the day are read."""

CHANGES = """
SELECT change_id, change.xid, recorded_at, change.borrower_id, change.contract_id, product_id,
    old_status, status, old_limit, limit_amount, version,
    coalesce(o.business_date, (SELECT business_date FROM book)) AS business_date,
    CASE WHEN o.candidates = 1 THEN o.operation_id ELSE 0 END AS operation_id
FROM state_change change LEFT JOIN LATERAL (
    SELECT max(business_date) AS business_date, max(operation_id) AS operation_id,
        count(*) AS candidates
    FROM operation WHERE xid = change.xid AND borrower_id IN (0, change.borrower_id)
) AS o ON true
WHERE change.xid > $1 AND change.xid <= $2 ORDER BY change.xid, change_id
"""
"""The operation is named where the transaction has only one that can have been it."""
FORGET_CHANGES = "DELETE FROM state_change WHERE xid <= $1"

FINISHED_DAYS = """
SELECT business_date, finished_at, digest, woken, events, statements, notices, transfers
FROM day_close WHERE business_date > $1 AND (finished_at IS NULL OR finished_at >= $2)
ORDER BY business_date LIMIT 50
"""
NOTICES = """
SELECT n.contract_id, n.n, n.kind, n.days FROM notice_wanted n
JOIN contract c ON c.cell = n.cell AND c.contract_id = n.contract_id
WHERE n.cell BETWEEN $4 AND $5 AND n.send_on = $1::date + 1 AND n.kind = ANY($2)
    AND (n.kind <> 1 OR c.late_from BETWEEN 1 AND $3)
ORDER BY n.contract_id, n.n, n.kind
"""
"""Of overdue notices only those of contracts that are late: of a bill whose minimum was paid, some
is unpaid too."""

PRODUCTS = "SELECT product_id, code FROM product"
CURRENCY = "SELECT currency FROM book"

QUEUE = """
INSERT INTO webhook_delivery (endpoint_id, sequence, type, data, happened_at, business_date,
    operation_id, not_before)
SELECT $1, sequence, type, data, happened_at, business_date, operation_id, $8
FROM unnest($2::bigint[], $3::text[], $4::jsonb[], $5::timestamptz[], $6::date[], $7::bigint[])
    AS given (sequence, type, data, happened_at, business_date, operation_id)
"""
COUNT_ON = "UPDATE webhook_endpoint SET last_sequence = $2 WHERE endpoint_id = $1"
MOVE_ON = """
UPDATE webhook_feed SET through = $1, day_through = $2, day_seen = $3, day_bound = $4
"""
