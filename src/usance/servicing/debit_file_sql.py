"""The SQL of bank debit-result files."""

from usance.platform import locks

ALONE = f"SELECT pg_advisory_xact_lock({locks.BANK_FILES})"
"""One portion of one file at a time, so that a reference in two files is seen by the later one."""

BEGIN = """
INSERT INTO bank_file (name, digest, value_date, rows, operation_id)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (digest) DO NOTHING RETURNING file_id
"""
KNOWN = "SELECT file_id, operation_id FROM bank_file WHERE digest = $1"

AUDIT = """
INSERT INTO operation (operation_id, actor, action, business_date, digest, detail)
SELECT $1, $2, 'LoadDebitFile', business_date, $3, $4 FROM book
"""
CURRENCY = "SELECT currency FROM book"

BUSINESS_DATE = "SELECT business_date FROM book"
ASKED_TODAY = """
SELECT c.contract_id FROM contract c
WHERE (c.cell, c.contract_id) IN (
        SELECT ((each >> 12) % 1024)::smallint, each FROM unnest($1::bigint[]) AS each)
    AND c.status = 1 AND c.credit = 0 AND c.alarm >= $2 AND EXISTS (
        SELECT FROM due d WHERE d.cell = c.cell AND d.contract_id = c.contract_id
        AND d.n BETWEEN c.first_open AND c.running
        AND CASE c.kind WHEN 2 THEN d.n < c.running ELSE d.due_on <= $2 END
        AND d.principal + d.interest + d.fee + d.penalty
            > d.paid_principal + d.paid_interest + d.paid_fee + d.paid_penalty)
ORDER BY c.contract_id FOR UPDATE OF c
"""
"""Contracts on which something is asked today, as ``debits.check_asked`` finds; locked."""

ENTERED = "SELECT coalesce(max(row), 0) FROM bank_file_row WHERE file_id = $1"

EARLIER = """
SELECT reference, outcome, amount, detail FROM bank_file_row
WHERE reference = ANY($1::text[]) AND outcome = ANY($2::text[]) ORDER BY file_id, row
"""
ENTER = """
INSERT INTO bank_file_row (file_id, row, reference, borrower_id, contract_id, amount, result,
    outcome, detail)
SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::text[], $8::text[], $9::jsonb[])
"""
OUTCOMES = """
SELECT row, reference, outcome, amount, detail FROM bank_file_row WHERE file_id = $1 ORDER BY row
"""
