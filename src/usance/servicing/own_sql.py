"""The SQL of reads over all contracts of one borrower. $2 and $3: the ids that can be theirs."""

EVENTS = """
SELECT contract_id, seq, kind, effective_on, booked_on, amount, principal, interest, fee, penalty,
       credit, reversed_by, recorded_at
FROM event WHERE cell = $1 AND contract_id BETWEEN $2 AND $3 AND kind <> 12
ORDER BY booked_on DESC, contract_id DESC, seq DESC OFFSET $4 LIMIT $5"""
"""Without ends of days that only time made."""

STATEMENTS = """
SELECT * FROM statement WHERE cell = $1 AND contract_id BETWEEN $2 AND $3
ORDER BY issued_on DESC, contract_id DESC LIMIT $4"""

PARTS = """
SELECT e.contract_id, c.product_id, e.amount, e.principal, e.interest, e.fee, e.penalty, e.credit,
       e.booked_on
FROM event e JOIN contract c USING (cell, contract_id)
WHERE e.cell = $1 AND e.contract_id BETWEEN $2 AND $3 AND e.operation_id = $4
  AND e.kind IN (3, 16) ORDER BY e.contract_id, e.seq"""
"""$4: an operation; its repayments and recoveries."""
