"""The SQL of what happened that somebody is told: by operations, and by the close of a day.

Parts of the planner's statements (``planner_sql.planning``), each up to the rows ``found``. An
operation is read with the events that it wrote, with what it says of a line, and with the debits
that the bank did not carry out; what became of a contract by it is read from the contract as it
stands, so what was undone meanwhile is not told.
"""

from usance.contract import records as r
from usance.identity.access_sql import LOOK_AT
from usance.notices import tellings as t

UNPAID = """d.principal + d.interest + d.fee + d.penalty
        - d.paid_principal - d.paid_interest - d.paid_fee - d.paid_penalty"""
DAY_OF = "(date '0001-01-01' + ({} - 1))"
ORDINAL_OF = "({} - date '0001-01-01' + 1)"
ENDING = f"({r.REPAYMENT}, {r.REFUND}, {r.GOODWILL}, {r.WAIVER}, {r.REVERSAL})"
"""Kinds of events by which a loan may close."""
UNDOING = f"({r.CHARGEBACK}, {r.REVERSAL})"
"""Kinds of events by which it may be open again."""
READ = f"(kind IN (SELECT kind FROM told) OR kind IN {ENDING} OR kind IN {UNDOING})"
CLOSED_LOAN = f"""c.status = {r.CLOSED} AND c.kind = {r.TERM} AND c.parent_id = 0
        AND c.principal > 0"""
"""Paid off: of one whose pay-out came back nothing was ever lent."""
CLOSED_KEY = "'closed:' || c.contract_id || ':' || c.closed_on"

OPS = f"""
ops AS MATERIALIZED (
    SELECT operation_id, xid, action, borrower_id, business_date, detail -> 'line' AS line,
        detail -> 'debits' AS debits
    FROM operation WHERE xid > $6 AND xid <= $7 AND action <> '{LOOK_AT}'
), happened AS MATERIALIZED (
    SELECT e.*, ops.xid, ops.business_date
    FROM ops JOIN LATERAL (
        SELECT cell, contract_id, seq, kind, effective_on, amount, of_seq, operation_id FROM event
        WHERE cell = ops.borrower_id % 1024
            AND contract_id BETWEEN ops.borrower_id << 12 AND (ops.borrower_id << 12) + 4095
            AND operation_id = ops.operation_id AND {READ} OFFSET 0
    ) AS e ON ops.borrower_id <> 0
    UNION ALL
    SELECT e.*, ops.xid, ops.business_date
    FROM ops JOIN LATERAL (
        SELECT cell, contract_id, seq, kind, effective_on, amount, of_seq, operation_id FROM event
        WHERE booked_on = ops.business_date AND operation_id = ops.operation_id AND {READ} OFFSET 0
    ) AS e ON ops.action = 'Debit' AND ops.borrower_id = 0
)
"""
"""Operations with $6 < xid <= $7, and their events. OFFSET 0 keeps the planner at the keys: there
is no index by operation."""

SAID = "h.contract_id, h.business_date, h.xid, h.operation_id, h.seq"
OF_EVENTS = f"""
SELECT h.cell, c.borrower_id, 'event:' || h.contract_id || ':' || h.seq AS key, h.kind, {SAID},
    CASE WHEN h.kind = {r.OPEN} THEN jsonb_build_object(
            'amount', c.principal, 'day', h.effective_on, 'instalments', c.row_count,
            'due_on', {DAY_OF.format('d.due_on')})
        WHEN h.kind IN ({r.CHARGE_OFF}, {r.DRAWING_RETURNED}) THEN jsonb_build_object(
            'product', c.product_id, 'day', h.effective_on,
            'status', CASE h.kind WHEN {r.CHARGE_OFF} THEN 'paused' ELSE 'cancelled' END)
        ELSE jsonb_build_object('amount', h.amount, 'day', h.effective_on) END AS facts
FROM happened h JOIN contract c ON c.cell = h.cell AND c.contract_id = h.contract_id
LEFT JOIN due d ON h.kind = {r.OPEN} AND d.cell = h.cell AND d.contract_id = h.contract_id
    AND d.n = 1
WHERE (h.kind <> {r.OPEN} OR (c.kind = {r.TERM} AND c.parent_id = 0 AND d.n = 1))
    AND (h.kind <> {r.CHARGE_OFF} OR c.kind = {r.LINE}) AND h.kind <> {r.STATEMENT}
"""
"""Statements are told with their day. A charge-off stops an account, and of a loan nothing."""

OF_CLOSED = f"""
SELECT DISTINCT ON (h.cell, h.contract_id)
    h.cell, c.borrower_id, {CLOSED_KEY}, {t.LOAN_CLOSED}, {SAID},
    jsonb_build_object('product', c.product_id, 'day', {DAY_OF.format('c.closed_on')})
FROM happened h JOIN contract c ON c.cell = h.cell AND c.contract_id = h.contract_id
WHERE h.kind IN {ENDING} AND {CLOSED_LOAN}
    AND (c.closed_on >= {ORDINAL_OF.format('h.effective_on')}
        OR h.kind = {r.REVERSAL} AND NOT EXISTS (
            SELECT FROM notice n WHERE n.cell = c.cell AND n.borrower_id = c.borrower_id
                AND n.contract_id = c.contract_id AND n.key LIKE 'closed:%'))
ORDER BY h.cell, h.contract_id, h.seq DESC
"""
"""What comes on a loan after the day on which it closed did not close it; but what puts the past
right may."""

OF_REOPENED = f"""
SELECT h.cell, c.borrower_id, 'reopened:' || last.notice_id, {t.LOAN_REOPENED}, {SAID},
    jsonb_build_object('product', c.product_id, 'day', h.effective_on, 'status', 'reopened')
FROM happened h JOIN contract c ON c.cell = h.cell AND c.contract_id = h.contract_id
JOIN LATERAL (
    SELECT n.notice_id, n.key FROM notice n WHERE n.cell = c.cell
        AND n.borrower_id = c.borrower_id AND n.contract_id = c.contract_id
        AND (n.key LIKE 'closed:%' OR n.key LIKE 'reopened:%')
    ORDER BY n.notice_id DESC LIMIT 1
) AS last ON last.key LIKE 'closed:%'
WHERE h.kind IN {UNDOING} AND c.status = {r.ACTIVE}
"""
"""Who was told last that it is settled, and it is not any more."""

OF_RESTORED = f"""
SELECT h.cell, c.borrower_id, 'event:' || h.contract_id || ':' || h.seq, {t.ACCOUNT_RESTORED},
    {SAID}, jsonb_build_object('product', c.product_id, 'day', h.effective_on, 'status', 'active')
FROM happened h JOIN contract c ON c.cell = h.cell AND c.contract_id = h.contract_id
JOIN event e ON e.cell = h.cell AND e.contract_id = h.contract_id AND e.seq = h.of_seq
WHERE h.kind = {r.REVERSAL} AND e.kind = {r.CHARGE_OFF} AND c.kind = {r.LINE}
    AND c.status = {r.ACTIVE}
"""

OF_LINES = f"""
SELECT l.cell, l.borrower_id, 'line:' || o.operation_id,
    CASE WHEN o.line ->> 'status' = 'closed' THEN {t.LINE_CLOSED}
        WHEN o.line ->> 'limit_before' = '0' THEN {t.LINE_OPENED}
        WHEN o.line -> 'limit' <> o.line -> 'limit_before' THEN {t.LIMIT_CHANGED} END,
    l.contract_id, o.business_date, o.xid, o.operation_id, 0,
    jsonb_build_object('product', o.line -> 'product', 'day', o.business_date,
        'limit', o.line -> 'limit', 'limit_before', o.line -> 'limit_before')
FROM ops o JOIN line l ON l.cell = o.borrower_id % 1024 AND l.borrower_id = o.borrower_id
    AND l.product_id = (o.line ->> 'product')::smallint
WHERE o.line IS NOT NULL
"""
"""A line as the operation left it, whatever became of it since."""

OF_DEBITS = f"""
SELECT (b.borrower_id % 1024)::smallint, b.borrower_id, 'debit:' || b.file_id || ':' || b.row,
    CASE b.outcome WHEN 'failed' THEN {t.DEBIT_FAILED} ELSE {t.DEBIT_RETURNED} END,
    b.contract_id, o.business_date, o.xid, o.operation_id, b.row,
    jsonb_build_object('amount', b.amount, 'day', b.detail -> 'value_date',
        'reason', coalesce($8::jsonb ->> b.result, 'other'))
FROM ops o JOIN LATERAL (
    SELECT * FROM bank_file_row WHERE file_id = (o.debits ->> 'file_id')::bigint
        AND row BETWEEN (o.debits ->> 'from')::int AND (o.debits ->> 'through')::int
        AND (outcome = 'failed' OR outcome = 'returned' AND jsonb_exists(detail, 'events')) OFFSET 0
) AS b ON o.debits IS NOT NULL
WHERE EXISTS (
    SELECT FROM contract c WHERE c.cell = b.borrower_id % 1024 AND c.borrower_id = b.borrower_id
        AND b.contract_id IN (0, c.contract_id) AND c.status = {r.ACTIVE}
) AND NOT EXISTS (
    SELECT FROM bank_file_row f WHERE f.reference = b.reference AND f.outcome = b.outcome
        AND (f.file_id, f.row) < (b.file_id, b.row)
)
"""
"""Debits that failed, or came back after they had been booked; once for a reference, and only where
something can still be paid. $8: why, by the bank's code."""

EVENTS = f"""
{OPS}, said AS (
    ({OF_EVENTS}) UNION ALL ({OF_CLOSED}) UNION ALL ({OF_REOPENED}) UNION ALL ({OF_RESTORED})
    UNION ALL ({OF_LINES}) UNION ALL ({OF_DEBITS})
), found AS (
    SELECT said.cell, said.borrower_id, said.key, told.*, said.contract_id, said.business_date,
        said.facts, row_number() OVER (ORDER BY said.xid, said.operation_id, said.kind > 100,
            said.contract_id, said.seq, said.kind) AS place
    FROM said JOIN told ON told.kind = said.kind
)
"""
"""What happened by operations with $6 < xid <= $7."""

DAY = f"""
wanted AS (
    SELECT n.cell, c.borrower_id, told.*, n.contract_id, n.n, {UNPAID} AS unpaid, d.due_on,
        'due:' || n.contract_id || ':' || n.n || ':' || n.kind || ':' || n.days AS key
    FROM notice_wanted n JOIN told ON told.kind = n.kind AND told.days = n.days
    JOIN contract c ON c.cell = n.cell AND c.contract_id = n.contract_id
    JOIN due d ON d.cell = n.cell AND d.contract_id = n.contract_id AND d.n = n.n
    WHERE n.cell BETWEEN $7 AND $8 AND n.send_on = $6::date + 1 AND c.status = {r.ACTIVE}
        AND (n.kind <> {r.OVERDUE_STEP}
            OR c.late_from BETWEEN 1 AND $6::date - date '0001-01-01' + 1)
), found AS (
    SELECT cell, borrower_id, key, template_id, purpose, audience, scope, contract_id,
        not_before, until, $6::date AS business_date, contract_id * 2 + 1 AS place,
        jsonb_build_object('amount', unpaid, 'n', n, 'due_on', {DAY_OF.format('due_on')},
            'days', $6::date + 1 - {DAY_OF.format('due_on')}) AS facts
    FROM wanted WHERE unpaid > 0
    UNION ALL
    SELECT s.cell, c.borrower_id, 'statement:' || s.contract_id || ':' || s.number, template_id,
        purpose, audience, scope, s.contract_id, not_before, until, $6::date, s.contract_id * 2,
        jsonb_build_object('amount', {UNPAID}, 'n', s.cycle, 'due_on', s.due_on,
            'day', s.issued_on, 'product', c.product_id)
    FROM event e JOIN told ON told.kind = e.kind AND e.kind = {r.STATEMENT}
    JOIN statement s ON s.cell = e.cell AND s.contract_id = e.contract_id AND s.event_seq = e.seq
    JOIN contract c ON c.cell = e.cell AND c.contract_id = e.contract_id
    JOIN due d ON d.cell = s.cell AND d.contract_id = s.contract_id AND d.n = s.cycle
    WHERE e.booked_on = $6 AND e.cell BETWEEN $7 AND $8 AND {UNPAID} > 0
    UNION ALL
    SELECT e.cell, c.borrower_id, {CLOSED_KEY}, template_id, purpose, audience, scope,
        e.contract_id, not_before, until, $6::date, e.contract_id * 2,
        jsonb_build_object('product', c.product_id, 'day', {DAY_OF.format('c.closed_on')})
    FROM event e JOIN told ON told.kind = {t.LOAN_CLOSED} AND e.kind = {r.DAY}
    JOIN contract c ON c.cell = e.cell AND c.contract_id = e.contract_id
    WHERE e.booked_on = $6 AND e.cell BETWEEN $7 AND $8 AND {CLOSED_LOAN}
        AND c.closed_on >= {ORDINAL_OF.format('$6::date')}
)
"""
"""What the close of day $6 asks for, in cells $7 to $8, the statements that it issued, and loans
that what was paid too much has closed by it. In ``told`` kinds of events have days -1, what a close
asks for has its own."""
