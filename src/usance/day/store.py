"""The SQL of day close."""

from usance.ledger import chart
from usance.platform import locks, schema
from usance.servicing import columns as sql

TAKE_ALONE = f"SELECT pg_advisory_xact_lock({locks.BOOKING})"
"""Waits for those that are booking (``columns.LOCK``), and lets nobody begin until it commits."""

OPEN_DAY = "SELECT business_date FROM book"
UNFINISHED = "SELECT business_date FROM day_close WHERE finished_at IS NULL ORDER BY business_date"
MOVE_DATE = "UPDATE book SET business_date = $1 + 1 WHERE business_date = $1 RETURNING 1"
BEGIN_CLOSE = "INSERT INTO day_close (business_date, started_at) VALUES ($1, now())"
LOCK_CLOSE = "SELECT finished_at FROM day_close WHERE business_date = $1 FOR UPDATE"
LAST_CLOSE = (
    "SELECT extract(epoch FROM finished_at - started_at)::float8, woken FROM day_close "
    "WHERE finished_at IS NOT NULL ORDER BY business_date DESC LIMIT 1"
)
WAITING = "SELECT count(*) FROM contract WHERE alarm <= $1"
NOT_WOKEN = "SELECT contract_id FROM contract WHERE alarm <= $1 LIMIT 1"

WOKEN = (
    f"{sql.SELECT_CONTRACT} WHERE alarm <= $1 AND cell BETWEEN $2 AND $3 "
    "ORDER BY contract_id LIMIT $4 FOR UPDATE"
)

PLANS_DUE = sql.PLANS_DUE

STREAM_OF = f"""CASE WHEN {chart.INTEREST_ACCRUED} IN (debit, credit) THEN 1 ELSE 2 END"""
WEIGHTS = "(CASE day_count WHEN 2 THEN $3::bigint WHEN 3 THEN $4::bigint ELSE $2::bigint END)"

FOLD = f"""
WITH gone AS (
    DELETE FROM accrual_change WHERE booked_on <= $1 RETURNING *
), summed AS (
    SELECT cell, product_id, stream, day_count, denominator, {WEIGHTS} AS at,
        sum(whole::numeric + slope::numeric * ({WEIGHTS} - from_weight)) AS whole,
        sum(rest::numeric + slope_rest::numeric * ({WEIGHTS} - from_weight)) AS rest,
        sum(slope) AS slope, sum(slope_rest) AS slope_rest
    FROM gone GROUP BY cell, product_id, stream, day_count, denominator
), totals AS (
    INSERT INTO accrual_total AS t (cell, product_id, stream, day_count, denominator, stands_at,
        whole, rest, slope, slope_rest)
    SELECT cell, product_id, stream, day_count, denominator, at, whole, rest, slope, slope_rest
    FROM summed
    ON CONFLICT (cell, product_id, stream, day_count, denominator) DO UPDATE SET
        whole = t.whole + t.slope * (excluded.stands_at - t.stands_at) + excluded.whole,
        rest = t.rest + t.slope_rest * (excluded.stands_at - t.stands_at) + excluded.rest,
        slope = t.slope + excluded.slope, slope_rest = t.slope_rest + excluded.slope_rest,
        stands_at = excluded.stands_at
)
INSERT INTO accrual_posted AS p (cell, product_id, stream, posted, rounding, rounded)
SELECT cell, product_id, stream, 0, sum(rounding), 0 FROM gone GROUP BY cell, product_id, stream
ON CONFLICT (cell, product_id, stream) DO UPDATE SET rounding = p.rounding + excluded.rounding
"""
"""Fold what changed on the day into the totals. $2 to $4: the weights at the end of the day."""

SIDES = f"""
SELECT cell, product_id, stream, 0 AS moved, 0 AS posted, 0 AS rounding, 0 AS rounded,
    whole + slope * ({WEIGHTS} - stands_at)
        + (rest + slope_rest * ({WEIGHTS} - stands_at)) / denominator AS run
FROM accrual_total
UNION ALL
SELECT cell, product_id, {STREAM_OF},
    CASE WHEN debit IN ({chart.INTEREST_ACCRUED}, {chart.PENALTY_ACCRUED})
        THEN amount ELSE -amount END, 0, 0, 0, 0
FROM transfer WHERE booked_on = $1 AND contract_id <> 0
    AND (debit IN ({chart.INTEREST_ACCRUED}, {chart.PENALTY_ACCRUED})
        OR credit IN ({chart.INTEREST_ACCRUED}, {chart.PENALTY_ACCRUED}))
UNION ALL
SELECT cell, product_id, stream, 0, posted, rounding, rounded, 0 FROM accrual_posted
"""
"""Target, movement of the day and what is posted, side by side: added up, they need no join."""

TRUE_UP = f"""
WITH due AS (
    SELECT cell, product_id, stream, round(sum(run))::bigint AS target,
        (round(sum(run)) - sum(posted) - sum(moved))::bigint AS run,
        round(sum(rounding) / 100000000)::bigint AS rounded,
        (round(sum(rounding) / 100000000) - sum(rounded))::bigint AS rounding
    FROM ({SIDES}) AS side GROUP BY cell, product_id, stream
), posted AS (
    UPDATE accrual_posted p SET posted = due.target, rounded = due.rounded FROM due
    WHERE p.cell = due.cell AND p.product_id = due.product_id AND p.stream = due.stream
        AND (p.posted <> due.target OR p.rounded <> due.rounded)
)
INSERT INTO transfer (cell, contract_id, event_seq, number, debit, credit, amount,
    effective_on, booked_on, product_id)
SELECT cell, 0, $5::int, product_id * 8 + stream,
    CASE WHEN run > 0 THEN accrued ELSE income END,
    CASE WHEN run > 0 THEN income ELSE accrued END, abs(run), $1, $1, product_id
FROM due, LATERAL (SELECT
    CASE stream WHEN 1 THEN {chart.INTEREST_ACCRUED} ELSE {chart.PENALTY_ACCRUED} END AS accrued,
    CASE stream WHEN 1 THEN {chart.INTEREST_INCOME} ELSE {chart.PENALTY_INCOME} END AS income) AS a
WHERE run <> 0
UNION ALL
SELECT cell, 0, $5::int, product_id * 8 + 4 + stream,
    CASE WHEN rounding > 0 THEN {chart.INTEREST_INCOME} ELSE {chart.ROUNDING} END,
    CASE WHEN rounding > 0 THEN {chart.ROUNDING} ELSE {chart.INTEREST_INCOME} END,
    abs(rounding), $1, $1, product_id
FROM due WHERE rounding <> 0
"""
"""Book target less balance for each cell, product and stream; rounding on its own account."""

TURNOVER = """
INSERT INTO ledger_day (booked_on, product_id, account, debit, credit)
SELECT $1, product_id, account, sum(debit), sum(credit) FROM (
    SELECT product_id, debit AS account, amount AS debit, 0 AS credit
    FROM transfer WHERE booked_on = $1
    UNION ALL
    SELECT product_id, credit, 0, amount FROM transfer WHERE booked_on = $1
) AS side GROUP BY product_id, account
"""

DAY_DIGEST = """
SELECT count(*), coalesce(sum(hash_record_extended(
    (cell, contract_id, event_seq, number, debit, credit, amount, effective_on), 0)::numeric), 0)
FROM transfer WHERE booked_on = $1
"""
EVENT_DIGEST = """
SELECT count(*), coalesce(sum(hash_record_extended(
    (cell, contract_id, seq, kind, effective_on, amount, principal, interest, fee, penalty), 0
    )::numeric), 0), count(*) FILTER (WHERE kind = 11)
FROM event WHERE booked_on = $1
"""

NOTICES_FOR = "SELECT count(*) FROM notice_wanted WHERE send_on = $1"
SIGN_OFF = """
UPDATE day_close SET finished_at = clock_timestamp(), digest = $2, woken = woken + $3,
    transfers = $4, events = $5, statements = $6, notices = $7
WHERE business_date = $1
"""
"""Not ``now()``, which is when the adding up began: how long a close took would lack it."""

LEDGER_DAY = ("booked_on", "product_id", "account", "debit", "credit")
DAY_CLOSE = (
    "business_date", "started_at", "finished_at", "woken", "events", "statements", "notices",
    "transfers", "digest",
)  # fmt: skip
FINISHED = f"""
WITH moved AS (
    SELECT event_seq, count(*) AS rows, string_agg({sql.row_bytes(schema.transfer, sql.TRANSFER,
        "t")}, ''::bytea ORDER BY cell, event_seq, number) AS bytes
    FROM transfer t WHERE cell = ANY(ARRAY(SELECT generate_series(0, 1023)::smallint))
        AND contract_id = 0 AND event_seq {{days}} GROUP BY event_seq
), turned AS (
    SELECT booked_on, count(*) AS rows, string_agg({sql.row_bytes(schema.ledger_day, LEDGER_DAY,
        "l")}, ''::bytea ORDER BY product_id, account) AS bytes
    FROM ledger_day l WHERE booked_on {{dates}} GROUP BY booked_on
), closed AS (
    SELECT business_date, {sql.row_bytes(schema.day_close, DAY_CLOSE, "d")} AS bytes
    FROM day_close d WHERE finished_at IS NOT NULL AND business_date {{dates}}
)
SELECT business_date AS day, sha256({sql.table_bytes("ledger_day", "u.rows", "u.bytes")}) AS ledger,
    sha256({sql.table_bytes("transfer", "m.rows", "m.bytes")}
        || {sql.table_bytes("ledger_day", "u.rows", "u.bytes")}
        || {sql.table_bytes("day_close", "1", "d.bytes")}) AS whole
FROM closed d LEFT JOIN moved m ON m.event_seq = d.business_date - date '0001-01-01' + 1
LEFT JOIN turned u ON u.booked_on = d.business_date
"""
"""Of finished days: the hash of their turnover, and of all that their end wrote (accrual, turnover,
the close itself)."""
FINISHED_DAY = FINISHED.format(days="= $1::date - date '0001-01-01' + 1", dates="= $1")
ALL_FINISHED = FINISHED.format(days="> 0", dates="IS NOT NULL")

EXPIRE_HOLDS = """
WITH gone AS (
    UPDATE authorisation SET status = 4 WHERE status = 1 AND expires_on <= $1
    RETURNING cell, borrower_id, contract_id, amount - captured AS held
), summed AS (
    SELECT cell, borrower_id, contract_id, sum(held) AS held FROM gone GROUP BY 1, 2, 3
)
UPDATE line SET held = line.held - summed.held, version = version + 1 FROM summed
WHERE line.cell = summed.cell AND line.borrower_id = summed.borrower_id
    AND line.contract_id = summed.contract_id
"""

# -- for the proof --------------------------------------------------------------------------------

BUSINESS_DATE = "SELECT business_date FROM book"
COUNT_CONTRACTS = "SELECT count(*) FROM contract"
ALL_TERMS = "SELECT terms_id, digest, numbers FROM terms ORDER BY terms_id"
TOTALS = """
SELECT cell, product_id, stream, day_count, denominator, stands_at, whole, rest, slope, slope_rest
FROM accrual_total
"""
CHANGES = """
SELECT cell, product_id, stream, day_count, denominator, from_weight, whole, rest, slope, slope_rest
FROM accrual_change
"""

FINISHED_DIGESTS = """
SELECT business_date, digest FROM day_close WHERE finished_at IS NOT NULL ORDER BY business_date
"""
LAST_FINISHED = "SELECT max(business_date) FROM day_close WHERE finished_at IS NOT NULL"
CELLS_OF = "cell BETWEEN $1 AND $2"
CONTRACTS_OF = f"{sql.SELECT_CONTRACT} WHERE {CELLS_OF} ORDER BY contract_id"
DUES_OF = f"SELECT {', '.join(sql.DUE)} FROM due WHERE {CELLS_OF} ORDER BY contract_id, n"
WANTED = f"{CELLS_OF} AND contract_id = ANY($3::bigint[])"
OPENINGS_OF = f"SELECT contract_id, document FROM contract_opening WHERE {WANTED}"
EVENTS_OF = f"""
SELECT contract_id, seq, kind, effective_on, booked_on, amount, of_seq, component, days, pinned,
    principal, interest, fee, penalty, credit, reversed_by, cycle
FROM event WHERE {WANTED} ORDER BY contract_id, seq
"""
EVENTS_BY = """
SELECT cell, contract_id, seq FROM event WHERE operation_id = $1 ORDER BY contract_id, seq
"""
RECEIPTS_BY = """
SELECT receipt_id % 1024, -receipt_id, CASE WHEN held_by = $1 THEN 0 ELSE 1 END FROM receipt
WHERE held_by = $1 OR operation_id = $1 ORDER BY receipt_id
"""
CONTRACTS_AMONG = f"{sql.SELECT_CONTRACT} WHERE {WANTED} ORDER BY contract_id"
TRANSFERS_AMONG = f"""
SELECT contract_id, event_seq, number, debit, credit, amount FROM transfer WHERE {WANTED}
ORDER BY contract_id, event_seq, number
"""
STATEMENTS_OF = f"""
SELECT contract_id, event_seq, issued_on, due_on, from_on, cycle, principal, interest, fee, penalty,
    required - plans_due, balance, credit FROM statement WHERE {WANTED}
"""
PAIRS_OF = f"""
SELECT contract_id, debit, credit, sum(amount)::bigint FROM transfer WHERE {WANTED}
GROUP BY contract_id, debit, credit
"""
POSTED_AND_BALANCE = f"""
WITH balance AS (
    SELECT cell, product_id, {STREAM_OF} AS stream,
        sum(CASE WHEN debit IN ({chart.INTEREST_ACCRUED}, {chart.PENALTY_ACCRUED})
            THEN amount ELSE -amount END)::bigint AS amount
    FROM transfer WHERE booked_on <= $1
        AND (debit IN ({chart.INTEREST_ACCRUED}, {chart.PENALTY_ACCRUED})
            OR credit IN ({chart.INTEREST_ACCRUED}, {chart.PENALTY_ACCRUED}))
    GROUP BY 1, 2, 3
)
SELECT cell, product_id, stream, coalesce(p.posted, 0), coalesce(b.amount, 0)
FROM accrual_posted p FULL JOIN balance b USING (cell, product_id, stream)
"""
ROUNDING_TOLD = """
SELECT cell, product_id, sum(rounding) FROM (
    SELECT cell, product_id, rounding FROM accrual_posted
    UNION ALL SELECT cell, product_id, rounding FROM accrual_change
) AS told GROUP BY cell, product_id
"""
ROUNDING_BOOKED = f"""
WITH booked AS (
    SELECT cell, product_id,
        sum(CASE WHEN credit = {chart.ROUNDING} THEN amount ELSE -amount END) AS amount
    FROM transfer WHERE {chart.ROUNDING} IN (debit, credit) GROUP BY 1, 2
), told AS (
    SELECT cell, product_id, sum(rounded) AS amount, sum(rounding) AS exact
    FROM accrual_posted GROUP BY 1, 2
)
SELECT 'cell ' || cell || ' product ' || product_id, round(exact / 100000000),
    coalesce(b.amount, 0)
FROM told t FULL JOIN booked b USING (cell, product_id)
WHERE coalesce(t.amount, 0) <> coalesce(b.amount, 0) OR t.amount <> round(exact / 100000000)
ORDER BY cell, product_id LIMIT 1
"""
