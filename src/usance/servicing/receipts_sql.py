"""The SQL of unallocated receipts."""

from usance.ledger import chart

HOLD = f"""
WITH kept AS (
    INSERT INTO receipt (file_id, row, amount, value_date, held_by)
    SELECT $1::bigint, row, amount, value_date, $2::bigint
    FROM unnest($3::int[], $4::bigint[], $5::date[]) AS given (row, amount, value_date)
    RETURNING receipt_id, amount, value_date
)
INSERT INTO transfer (cell, contract_id, event_seq, number, debit, credit, amount, effective_on,
    booked_on, product_id)
SELECT receipt_id % 1024, 0, -receipt_id, 0,
    CASE WHEN amount > 0 THEN {chart.COLLECTIONS} ELSE {chart.UNALLOCATED} END,
    CASE WHEN amount > 0 THEN {chart.UNALLOCATED} ELSE {chart.COLLECTIONS} END,
    abs(amount), least(value_date, business_date), business_date, 0
FROM kept, book
RETURNING cell, contract_id, event_seq, number, debit, credit, amount, effective_on, booked_on,
    product_id
"""
"""Keep receipts and book them: money that came in, or (below 0) that the bank took back."""

LOAD = """
SELECT receipt_id, amount, value_date, status, contract_id, event_seq FROM receipt
WHERE receipt_id = $1 FOR UPDATE
"""
OF_REFERENCES = """
SELECT r.reference, c.receipt_id, c.amount, c.value_date, c.status, c.contract_id, c.event_seq
FROM bank_file_row r JOIN receipt c ON c.file_id = r.file_id AND c.row = r.row
WHERE r.reference = ANY($1::text[]) AND c.amount > 0
ORDER BY c.receipt_id FOR UPDATE OF c
"""

SETTLE = """
UPDATE receipt SET status = $2, contract_id = $3, event_seq = $4, operation_id = $5
WHERE receipt_id = $1
"""
SHOWN = """
SELECT c.receipt_id, c.file_id, c.row, c.amount, c.value_date, r.reference, r.borrower_id,
    r.contract_id, r.outcome, r.detail, f.name, c.status, c.contract_id AS paid_contract_id,
    c.event_seq, c.operation_id
FROM receipt c JOIN bank_file f ON f.file_id = c.file_id
JOIN bank_file_row r ON r.file_id = c.file_id AND r.row = c.row
"""
OF_DIGEST = """
SELECT c.receipt_id FROM bank_file f JOIN receipt c ON c.file_id = f.file_id AND c.row = 1
WHERE f.digest = $1
"""
"""The receipt of a file with one row."""

OPEN = f"{SHOWN} WHERE c.status = 1 AND c.receipt_id > $1 ORDER BY c.receipt_id LIMIT $2"
ALL = f"{SHOWN} WHERE c.receipt_id < $1 ORDER BY c.receipt_id DESC LIMIT $2"
ONE = f"{SHOWN} WHERE c.receipt_id = $1"
"""``borrower_id`` and ``contract_id`` are whom the bank's row names; ``paid_contract_id`` is what
the money was allocated to (0: nothing)."""
