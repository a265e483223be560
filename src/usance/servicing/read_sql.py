"""The SQL of the read models. Money is unpaid or moved minor units; $1 and on as each one says."""

from usance.contract.records import GOODWILL, WAIVER
from usance.identity.access_sql import LOOK_AT

BOOK = "SELECT name, currency, opened_on, business_date, demo FROM book"

PRODUCTS = "SELECT product_id, code, name_zh, name_en, settings FROM product ORDER BY product_id"

# -- overview --------------------------------------------------------------------------------------

BALANCES = """
SELECT product_id, status, count(*) AS contracts, count(DISTINCT borrower_id) AS borrowers,
       sum(unpaid_principal)::bigint AS principal, sum(unpaid_interest)::bigint AS interest,
       sum(unpaid_fee)::bigint AS fee, sum(unpaid_penalty)::bigint AS penalty,
       sum(credit)::bigint AS credit, sum(suspense)::bigint AS suspense
FROM contract WHERE status <> 2 GROUP BY product_id, status ORDER BY product_id, status"""

AGES = """
SELECT product_id, age, count(*) AS contracts, sum(unpaid_principal)::bigint AS principal
FROM (SELECT product_id, unpaid_principal,
             CASE WHEN late_from = 0 OR late_from >= $1 THEN 0
                  WHEN $1 - late_from <= 30 THEN 1 WHEN $1 - late_from <= 60 THEN 2
                  WHEN $1 - late_from <= 90 THEN 3 ELSE 4 END AS age
      FROM contract WHERE status = 1) aged
GROUP BY product_id, age ORDER BY product_id, age"""
"""$1: business date as an ordinal."""

COUNTS = """
SELECT (SELECT count(*) FROM borrower) AS borrowers,
       (SELECT count(*) FROM line WHERE status = 1) AS lines,
       count(*) AS contracts, count(*) FILTER (WHERE status = 1) AS active
FROM contract"""

CASH = """
SELECT booked_on, account, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
FROM ledger_day WHERE booked_on > $1 AND account = ANY($2) GROUP BY booked_on, account
ORDER BY booked_on, account"""
"""Turnover of closed days. $1: day before the first; $2: clearing accounts."""

LATE_SHARES = """
WITH paid AS (
  SELECT cell, contract_id, effective_on,
         CASE WHEN kind = 9 THEN -amount ELSE amount END AS amount
  FROM event WHERE kind IN (3, 4, 7, 9, 16) AND reversed_by = 0
), asked AS (
  SELECT d.cell, d.contract_id, d.original_due_on AS due_on, 0 AS issued_on,
         d.principal + d.interest + d.fee AS own,
         sum(d.principal + d.interest + d.fee)
           OVER (PARTITION BY d.cell, d.contract_id ORDER BY d.n) AS through
  FROM due d JOIN contract c USING (cell, contract_id) WHERE c.kind = 1
  UNION ALL
  SELECT d.cell, d.contract_id, d.original_due_on, s.issued_on - date '0001-01-01' + 1,
         d.required, s.required - s.plans_due
  FROM due d JOIN statement s USING (cell, contract_id) WHERE s.cycle = d.n AND d.kind = 2
), aged AS (
  SELECT a.due_on, a.own, later.days,
         greatest(least(a.own, a.through - coalesce(
           (SELECT sum(p.amount) FROM paid p
            WHERE p.cell = a.cell AND p.contract_id = a.contract_id
              AND p.effective_on - date '0001-01-01' + 1 > a.issued_on
              AND p.effective_on - date '0001-01-01' + 1 <= a.due_on + later.days), 0)), 0)
           AS unpaid
  FROM asked a CROSS JOIN (VALUES (0), (30), (60), (90)) AS later (days)
  WHERE a.due_on >= $1 AND a.due_on + later.days < $2
)
SELECT to_char(date '0001-01-01' + due_on - 1, 'YYYY-MM') AS month, days,
       sum(own)::bigint AS asked, sum(unpaid)::bigint AS unpaid
FROM aged GROUP BY month, days ORDER BY month, days"""
"""$1: first due day, $2: business date (ordinals). What of a month's dues was still unpaid
at the end of its due day, and 30, 60 and 90 days later."""

CLOSES = """
SELECT business_date, started_at, finished_at, digest, woken, events, statements, notices, transfers
FROM day_close WHERE business_date < $1 ORDER BY business_date DESC LIMIT $2"""

# -- borrowers -------------------------------------------------------------------------------------

BORROWERS = """
SELECT b.borrower_id, b.status, b.registered_on, coalesce(sum(c.unpaid_principal), 0)::bigint
         AS principal, count(c.contract_id) FILTER (WHERE c.status = 1) AS contracts,
       coalesce(min(nullif(c.late_from, 0)) FILTER (WHERE c.status = 1), 0) AS late_from
FROM (SELECT * FROM borrower WHERE borrower_id > $1 ORDER BY borrower_id LIMIT $2) b
LEFT JOIN contract c ON c.cell = b.cell AND c.borrower_id = b.borrower_id AND c.status <> 2
GROUP BY b.borrower_id, b.status, b.registered_on ORDER BY b.borrower_id"""

LATE_BORROWERS = """
SELECT b.borrower_id, b.status, b.registered_on, late.principal, late.contracts, late.late_from
FROM (SELECT cell, borrower_id, sum(unpaid_principal)::bigint AS principal,
             count(*) AS contracts, min(nullif(late_from, 0)) AS late_from
      FROM contract WHERE status = 1 GROUP BY cell, borrower_id) late
JOIN borrower b USING (cell, borrower_id)
WHERE late.late_from < $1 AND (late.late_from, b.borrower_id) > ($2, $3)
ORDER BY late.late_from, b.borrower_id LIMIT $4"""
"""Oldest first. $1: business date; $2, $3: where the page before ended (ordinal, id)."""

LINES = """
SELECT l.product_id, l.limit_amount, l.held, l.status, l.contract_id, l.opened_on,
       coalesce((SELECT sum(c.unpaid_principal - c.credit) FROM contract c
                 WHERE c.cell = l.cell AND c.borrower_id = l.borrower_id AND c.status = 1
                   AND (c.product_id = l.product_id
                        OR l.contract_id <> 0 AND c.parent_id = l.contract_id)), 0)::bigint AS used
FROM line l WHERE l.cell = $1 AND l.borrower_id = $2 ORDER BY l.product_id"""

CONTRACTS = """
SELECT {contract} FROM contract
WHERE cell = $1 AND borrower_id = $2 AND ($3 OR status <> 2) AND contract_id < $4
ORDER BY contract_id DESC LIMIT $5"""
"""``{contract}``: the columns in the order of the hand. $3: also contracts that are closed."""

OFFERS = """
SELECT offer_id, borrower_id, product_id, document, cost, principal, parent_id, valid_until, status,
       contract_id
FROM offer WHERE cell = $1 AND borrower_id = $2 ORDER BY offer_id DESC LIMIT $3"""

AUTHORISATIONS = """
SELECT authorisation_id, contract_id, amount, captured, status, merchant, authorised_on, expires_on
FROM authorisation WHERE cell = $1 AND borrower_id = $2 ORDER BY authorisation_id DESC LIMIT $3"""

# -- a contract ------------------------------------------------------------------------------------

CONTRACT = """
SELECT {contract} FROM contract WHERE cell = $1 AND contract_id = $2"""

DUES = """
SELECT {due} FROM due WHERE cell = $1 AND contract_id = $2 AND n < $3 ORDER BY n DESC LIMIT $4"""

EVENTS = """
SELECT seq, kind, effective_on, booked_on, amount, of_seq, component, days, principal, interest,
       fee, penalty, credit, cycle, reversed_by, operation_id, recorded_at
FROM event WHERE cell = $1 AND contract_id = $2 AND seq < $3 AND ($5 OR kind <> 12)
ORDER BY seq DESC LIMIT $4"""
"""$5: also the ends of days that moved money."""

TRANSFERS = """
SELECT event_seq, number, debit, credit, amount, effective_on, booked_on
FROM transfer WHERE cell = $1 AND contract_id = $2 AND event_seq < $3
ORDER BY event_seq DESC, number LIMIT $4"""

STATEMENTS = """
SELECT * FROM statement WHERE cell = $1 AND contract_id = $2 AND number < $3
ORDER BY number DESC LIMIT $4"""

# -- operations and bank files ---------------------------------------------------------------------

EVENT_BOOKED = """
SELECT amount, booked_on, business_date FROM event, book
WHERE cell = $1 AND contract_id = $2 AND seq = $3
"""
GIVEN = f"""
SELECT coalesce(sum(amount), 0)::bigint FROM event, book
WHERE cell = $1 AND contract_id BETWEEN $2 AND $3 AND kind IN ({GOODWILL}, {WAIVER})
    AND reversed_by = 0 AND booked_on > business_date - $4::int"""
OPERATIONS = f"""
SELECT operation_id, actor, action, borrower_id, contract_id, business_date, recorded_at, detail
FROM operation WHERE operation_id < $1 AND action <> '{LOOK_AT}'
ORDER BY operation_id DESC LIMIT $2"""
"""What was done; who only looked stands among the looks, and among all audit events."""

OPERATIONS_OF_BORROWER = f"""
SELECT operation_id, actor, action, borrower_id, contract_id, business_date, recorded_at, detail
FROM operation WHERE borrower_id = $1 AND operation_id < $2 AND action <> '{LOOK_AT}'
ORDER BY operation_id DESC LIMIT $3"""

OPERATION = """
SELECT operation_id, actor, action, borrower_id, contract_id, business_date, recorded_at, detail
FROM operation WHERE operation_id = $1"""

FILES = """
SELECT file_id, name, value_date, rows, operation_id, recorded_at FROM bank_file
WHERE file_id < $1 ORDER BY file_id DESC LIMIT $2"""

FILE = """
SELECT file_id, name, value_date, rows, operation_id, recorded_at FROM bank_file
WHERE file_id = $1"""

FILE_OUTCOMES = """
SELECT outcome, count(*) AS rows, sum(amount)::bigint AS amount FROM bank_file_row
WHERE file_id = $1 GROUP BY outcome ORDER BY outcome"""

FILE_ROWS = """
SELECT r.row, r.reference, r.borrower_id, r.contract_id, r.amount, r.result, r.outcome, r.detail,
       c.receipt_id
FROM bank_file_row r LEFT JOIN receipt c ON c.file_id = r.file_id AND c.row = r.row
WHERE r.file_id = $1 AND r.row > $2 ORDER BY r.row LIMIT $3"""
"""``receipt_id``: where the money of a row waits (or waited) that no contract took."""

WAITING = "SELECT count(*) FROM contract WHERE alarm <= $1"

SHEETS = """
SELECT s.sheet_id, s.kind, s.contract_id, w.document AS text, s.digest, s.language, s.shown_at,
       s.nonce, s.confirmed_at, s.how, s.recorded_at
FROM cost_sheet s JOIN cost_words w USING (digest) WHERE s.cell = $1 AND s.borrower_id = $2"""

OPEN_OFFERS = """
SELECT o.offer_id, o.product_id, o.principal, o.valid_until, o.parent_id, s.shown_at, s.confirmed_at
FROM offer o JOIN cost_sheet s ON s.cell = o.cell AND s.sheet_id = o.offer_id
WHERE o.cell = $1 AND o.borrower_id = $2 AND o.status = 1 AND o.valid_until >= $3
ORDER BY o.offer_id DESC LIMIT 20"""

OFFER = """
SELECT offer_id, borrower_id, product_id, document, cost, principal, parent_id, valid_until, status,
       contract_id
FROM offer WHERE cell = $1 AND borrower_id = $2 AND offer_id = $3"""

EVENTS_OF_CYCLE = """
SELECT seq, kind, effective_on, booked_on, amount, of_seq, component, days, principal, interest,
       fee, penalty, credit, cycle, reversed_by, operation_id, recorded_at
FROM event WHERE cell = $1 AND contract_id = $2 AND kind = 2 AND cycle = $3
ORDER BY seq LIMIT 500"""

# -- over all contracts of one borrower: $2 and $3 are the ids that can be theirs ------------------

OWN_EVENTS = """
SELECT contract_id, seq, kind, effective_on, booked_on, amount, principal, interest, fee, penalty,
       credit, reversed_by, recorded_at
FROM event WHERE cell = $1 AND contract_id BETWEEN $2 AND $3 AND kind <> 12
ORDER BY booked_on DESC, contract_id DESC, seq DESC OFFSET $4 LIMIT $5"""
"""Without ends of days that only time made."""

OWN_STATEMENTS = """
SELECT * FROM statement WHERE cell = $1 AND contract_id BETWEEN $2 AND $3
ORDER BY issued_on DESC, contract_id DESC LIMIT $4"""

OWN_PARTS = """
SELECT e.contract_id, c.product_id, e.amount, e.principal, e.interest, e.fee, e.penalty, e.credit,
       e.booked_on
FROM event e JOIN contract c USING (cell, contract_id)
WHERE e.cell = $1 AND e.contract_id BETWEEN $2 AND $3 AND e.operation_id = $4
  AND e.kind IN (3, 16) ORDER BY e.contract_id, e.seq"""
"""$4: an operation; its repayments and recoveries."""
