"""Invariants that are queries: each gives (key, expected, found) of the first row that is wrong."""

from usance.contract.records import RECOVERY, REPAYMENT, REVERSAL, STATEMENT
from usance.ledger import chart

LAST = (
    "(SELECT coalesce(max(business_date), '0001-01-01') FROM day_close "
    "WHERE finished_at IS NOT NULL)"
)
KNOWN = ", ".join(str(account) for account in chart.ACCOUNTS)
SIDES = """
SELECT contract_id, event_seq, booked_on, product_id, cell, debit AS account, amount FROM transfer
UNION ALL
SELECT contract_id, event_seq, booked_on, product_id, cell, credit, -amount FROM transfer
"""
"""Every transfer twice: positive on its debit account, negative on its credit account."""

# What a contract stands at, its account, and the sign with which the account holds it.
STANDS_ON = (
    ("c.unpaid_principal", chart.PRINCIPAL, 1),
    ("c.unpaid_interest", chart.INTEREST_ASKED, 1),
    ("c.unpaid_fee", chart.FEE_ASKED, 1),
    ("c.unpaid_penalty", chart.PENALTY_ASKED, 1),
    ("c.credit", chart.CREDIT_BALANCES, -1),
    ("c.non_accrual * c.unpaid_interest", chart.INTEREST_SUSPENSE, -1),
    ("c.non_accrual * c.unpaid_penalty", chart.PENALTY_SUSPENSE, -1),
)
STATE_ROWS = ", ".join(
    f"('{name.replace('c.', '')}', {account}, {sign}, {name})" for name, account, sign in STANDS_ON
)
RECEIVABLE = f"{chart.PRINCIPAL}, {chart.INTEREST_ASKED}, {chart.FEE_ASKED}, {chart.PENALTY_ASKED}"

BALANCES = f"""
WITH booked AS (
    SELECT contract_id, account, sum(amount) AS amount FROM ({SIDES}) AS side
    WHERE contract_id <> 0 GROUP BY contract_id, account
), stands AS (
    SELECT c.contract_id, c.status, v.name, v.account,
        CASE WHEN c.status = 3 AND v.account IN ({RECEIVABLE}) THEN 0
            ELSE v.amount END AS expected,
        coalesce(v.sign * b.amount, 0) AS found
    FROM contract c CROSS JOIN LATERAL (VALUES {STATE_ROWS}) AS v(name, account, sign, amount)
    LEFT JOIN booked b ON b.contract_id = c.contract_id AND b.account = v.account
)
SELECT contract_id || ' ' || name, expected, found FROM stands
WHERE expected <> found AND (status = 3) = $OFF ORDER BY contract_id, name LIMIT 1
"""

DUES = """
WITH asked AS (
    SELECT c.contract_id, c.unpaid_principal, c.unpaid_interest, c.unpaid_fee, c.unpaid_penalty,
        sum(d.principal - d.paid_principal) AS principal,
        sum(CASE WHEN NOT ahead THEN d.interest - d.paid_interest
            ELSE d.asked_interest - d.paid_interest END) AS interest,
        sum(CASE WHEN NOT ahead THEN d.fee - d.paid_fee
            ELSE d.asked_fee - d.paid_fee END) AS fee,
        sum(d.penalty - d.paid_penalty) AS penalty
    FROM contract c JOIN due d ON d.cell = c.cell AND d.contract_id = c.contract_id,
    LATERAL (SELECT c.kind = 1 AND d.phase = 0 AS ahead) AS place
    GROUP BY c.cell, c.contract_id
)
SELECT contract_id || ' ' || name, expected, found FROM asked, LATERAL (VALUES
    ('principal', unpaid_principal, principal), ('interest', unpaid_interest, interest),
    ('fee', unpaid_fee, fee), ('penalty', unpaid_penalty, penalty)) AS v(name, expected, found)
WHERE expected <> found ORDER BY contract_id, name LIMIT 1
"""

GENERAL_LEDGER = f"""
WITH contracts AS (
    SELECT product_id, v.account, sum(v.sign * CASE
        WHEN c.status = 3 AND v.account IN ({RECEIVABLE}) THEN 0
        ELSE v.amount END) AS amount
    FROM contract c CROSS JOIN LATERAL (VALUES {STATE_ROWS}) AS v(name, account, sign, amount)
    GROUP BY product_id, v.account
), ledger AS (
    SELECT product_id, account, sum(amount) AS amount FROM (
        SELECT product_id, account, debit - credit AS amount FROM ledger_day
        UNION ALL
        SELECT product_id, account, amount FROM ({SIDES}) AS side WHERE booked_on > {LAST}
    ) AS all_days GROUP BY product_id, account
)
SELECT 'product ' || product_id || ' account ' || account, coalesce(c.amount, 0),
    coalesce(l.amount, 0)
FROM contracts c FULL JOIN ledger l USING (product_id, account)
WHERE account IN ({', '.join(str(account) for _, account, _ in STANDS_ON)})
    AND coalesce(c.amount, 0) <> coalesce(l.amount, 0) ORDER BY product_id, account LIMIT 1
"""

TURNOVER = f"""
WITH moved AS (
    SELECT booked_on, product_id, account, sum(greatest(amount, 0)) AS debit,
        sum(greatest(-amount, 0)) AS credit
    FROM ({SIDES}) AS side WHERE booked_on <= {LAST} GROUP BY 1, 2, 3
)
SELECT booked_on || ' product ' || product_id || ' account ' || account,
    coalesce(m.debit, 0) || ' / ' || coalesce(m.credit, 0),
    coalesce(l.debit, 0) || ' / ' || coalesce(l.credit, 0)
FROM moved m FULL JOIN ledger_day l USING (booked_on, product_id, account)
WHERE (m.debit, m.credit) IS DISTINCT FROM (l.debit, l.credit)
ORDER BY booked_on, product_id, account LIMIT 1
"""

ORDINAL = "(({}) - date '0001-01-01' + 1)::int8"
EVENT_BYTES = " || ".join(
    f"int8send({ORDINAL.format('e.' + name) if name.endswith('_on') else f'e.{name}::int8'})"
    for name in (
        "cell", "contract_id", "seq", "kind", "effective_on", "booked_on", "amount", "of_seq",
        "component", "days", "pinned", "principal", "interest", "fee", "penalty", "credit",
        "cycle", "operation_id",
    )
)  # fmt: skip
TRANSFER_BYTES = " || ".join(
    f"int8send({ORDINAL.format('t.' + name) if name.endswith('_on') else f't.{name}::int8'})"
    for name in (
        "cell", "contract_id", "event_seq", "number", "debit", "credit", "amount", "effective_on",
        "booked_on", "product_id",
    )
)  # fmt: skip
BORROWER_BYTES = f"""int8send(b.cell::int8) || int8send(b.borrower_id) || int8send(1)
    || int8send({ORDINAL.format('b.registered_on')})"""

OPERATIONS = f"""
WITH events AS (
    SELECT operation_id, count(*) AS rows,
        string_agg({EVENT_BYTES}, ''::bytea ORDER BY cell, contract_id, seq) AS bytes
    FROM event e GROUP BY operation_id
), transfers AS (
    SELECT e.operation_id, count(*) AS rows, string_agg({TRANSFER_BYTES}, ''::bytea
        ORDER BY t.cell, t.contract_id, t.event_seq, t.number) AS bytes
    FROM transfer t JOIN event e ON e.cell = t.cell AND e.contract_id = t.contract_id
        AND e.seq = t.event_seq GROUP BY e.operation_id
), hashed AS (
    SELECT o.operation_id, o.action, o.digest, sha256(
        convert_to('event:' || coalesce(e.rows, 0) || ':', 'UTF8') || coalesce(e.bytes, '')
        || convert_to('transfer:' || coalesce(t.rows, 0) || ':', 'UTF8') || coalesce(t.bytes, '')
    ) AS recomputed
    FROM operation o LEFT JOIN events e USING (operation_id)
    LEFT JOIN transfers t USING (operation_id)
    WHERE o.action NOT IN ('RegisterBorrower') AND o.detail = '{{}}'
    UNION ALL
    SELECT o.operation_id, o.action, o.digest, sha256(
        convert_to('borrower:' || count(b.*) || ':', 'UTF8') || coalesce(string_agg(
            {BORROWER_BYTES}, ''::bytea ORDER BY b.cell, b.borrower_id), ''))
    FROM operation o LEFT JOIN borrower b ON b.recorded_at = o.recorded_at
        AND o.borrower_id IN (0, b.borrower_id)
    WHERE o.action = 'RegisterBorrower' GROUP BY o.operation_id, o.action, o.digest
)
SELECT operation_id || ' ' || action, encode(recomputed, 'hex'), encode(digest, 'hex')
FROM hashed WHERE digest <> recomputed ORDER BY operation_id LIMIT 1
"""
"""The canonical hash of ``ledger.digest``, computed by the server. Rows of one transaction share
its time stamp, which is how a registration of many finds its borrowers."""

EVENT_GAPS = """
SELECT c.contract_id, c.seq || ' events',
    count(e.seq) || ' events, last ' || coalesce(max(e.seq), 0)
FROM contract c LEFT JOIN event e ON e.cell = c.cell AND e.contract_id = c.contract_id
GROUP BY c.cell, c.contract_id HAVING count(e.seq) <> c.seq OR coalesce(max(e.seq), 0) <> c.seq
ORDER BY c.contract_id LIMIT 1
"""

REVERSALS = f"""
SELECT contract_id || ' event ' || seq, coalesce(by_seq, 0), reversed_by FROM (
    SELECT e.contract_id, e.seq, e.reversed_by, r.seq AS by_seq
    FROM event e LEFT JOIN event r ON r.cell = e.cell AND r.contract_id = e.contract_id
        AND r.of_seq = e.seq AND r.kind = {REVERSAL}
    WHERE e.reversed_by <> 0 OR r.seq IS NOT NULL
) AS both_ways WHERE reversed_by IS DISTINCT FROM by_seq ORDER BY contract_id, seq LIMIT 1
"""

STATEMENTS = f"""
SELECT contract_id || ' event ' || seq, 'event and statement', 'only one of them' FROM (
    SELECT coalesce(e.contract_id, s.contract_id) AS contract_id,
        coalesce(e.seq, s.event_seq) AS seq
    FROM (SELECT * FROM event WHERE kind = {STATEMENT}) AS e
    FULL JOIN statement s ON s.cell = e.cell AND s.contract_id = e.contract_id
        AND s.event_seq = e.seq AND s.issued_on = e.effective_on
        AND (s.principal, s.interest, s.fee, s.penalty)
            = (e.principal, e.interest, e.fee, e.penalty)
    WHERE e.seq IS NULL OR s.event_seq IS NULL
) AS alone ORDER BY contract_id, seq LIMIT 1
"""

HELD = """
SELECT l.borrower_id || ' product ' || l.product_id, coalesce(sum(a.amount - a.captured), 0), l.held
FROM line l LEFT JOIN authorisation a ON a.cell = l.cell AND a.borrower_id = l.borrower_id
    AND a.contract_id = l.contract_id AND a.status = 1
GROUP BY l.cell, l.borrower_id, l.product_id, l.held
HAVING l.held <> coalesce(sum(a.amount - a.captured), 0) ORDER BY l.borrower_id LIMIT 1
"""

ACCOUNTS_OF_LINES = """
SELECT coalesce(l.borrower_id, c.borrower_id) || ' contract '
    || coalesce(c.contract_id, l.contract_id), 'an account with one line', CASE
    WHEN l.borrower_id IS NULL THEN 'no line' WHEN c.contract_id IS NULL THEN 'no account'
    ELSE 'line ' || l.status || ', account ' || c.status END
FROM (SELECT * FROM line WHERE contract_id <> 0) AS l
FULL JOIN (SELECT * FROM contract WHERE kind = 2) AS c ON c.cell = l.cell
    AND c.contract_id = l.contract_id AND c.borrower_id = l.borrower_id
    AND c.product_id = l.product_id
WHERE c.contract_id IS NULL OR (l.borrower_id IS NULL AND c.status = 1)
    OR (l.status = 2) <> (c.status = 2) AND c.status <> 3 AND l.borrower_id IS NOT NULL
ORDER BY 1 LIMIT 1
"""

OFFERS = """
SELECT coalesce(o.offer_id, c.contract_id) || CASE WHEN o.offer_id IS NULL THEN ' contract'
    ELSE ' offer' END, 'offer and contract', CASE WHEN o.offer_id IS NULL THEN 'no offer'
    ELSE 'no contract' END
FROM (SELECT * FROM offer WHERE status = 2 OR contract_id <> 0) AS o
FULL JOIN (
    SELECT c.cell, c.contract_id, c.borrower_id, c.product_id, c.parent_id, e.amount AS principal
    FROM contract c JOIN event e ON e.cell = c.cell AND e.contract_id = c.contract_id AND e.seq = 1
    WHERE c.kind = 1
) AS c ON c.cell = o.cell
    AND c.contract_id = o.contract_id AND c.borrower_id = o.borrower_id
    AND c.product_id = o.product_id AND c.parent_id = o.parent_id AND c.principal = o.principal
    AND o.status = 2
WHERE o.offer_id IS NULL OR c.contract_id IS NULL ORDER BY 1 LIMIT 1
"""

CONVERSION = f"""
SELECT 'borrower ' || (contract_id >> 12), 0, sum(amount) FROM ({SIDES}) AS side
WHERE account = {chart.CONVERSION} GROUP BY contract_id >> 12 HAVING sum(amount) <> 0
ORDER BY 1 LIMIT 1
"""

RECEIPTS = f"""
WITH booked AS (
    SELECT -event_seq AS receipt_id, -sum(amount) AS amount FROM ({SIDES}) AS side
    WHERE account = {chart.UNALLOCATED} GROUP BY event_seq
)
SELECT 'receipt ' || coalesce(r.receipt_id, b.receipt_id), CASE r.status WHEN 1 THEN r.amount
    ELSE 0 END, coalesce(b.amount, 0)
FROM receipt r FULL JOIN booked b USING (receipt_id)
WHERE coalesce(CASE r.status WHEN 1 THEN r.amount ELSE 0 END, 0) <> coalesce(b.amount, 0)
    OR r.receipt_id IS NULL ORDER BY 1 LIMIT 1
"""

RECEIPT_ROWS = f"""
SELECT 'file ' || coalesce(r.file_id, c.file_id) || ' row ' || coalesce(r.row, c.row),
    coalesce(r.outcome, 'no row'), CASE WHEN c.receipt_id IS NULL THEN 'no receipt'
    ELSE 'receipt ' || c.receipt_id || ' of ' || c.amount END
FROM (SELECT * FROM bank_file_row WHERE outcome IN ('already_paid', 'unmatched', 'refused')) AS r
FULL JOIN receipt c ON c.file_id = r.file_id AND c.row = r.row AND abs(c.amount) = r.amount
LEFT JOIN event e ON c.status = 2 AND e.contract_id = c.contract_id AND e.seq = c.event_seq
    AND e.cell = (c.contract_id >> 12) % 1024
    AND e.kind IN ({REPAYMENT}, {RECOVERY}) AND e.amount = c.amount
WHERE r.file_id IS NULL OR c.receipt_id IS NULL OR (c.status = 2 AND e.seq IS NULL)
ORDER BY 1 LIMIT 1
"""

CONTINUOUS = """
SELECT day::text, CASE WHEN day < b.business_date THEN 'closed once' ELSE 'not closed' END,
    count(d.business_date) || ' closes, ' || count(d.finished_at) || ' finished'
FROM book b CROSS JOIN LATERAL (
    SELECT generate_series(b.opened_on, b.business_date - 1, interval '1 day')::date AS day
    UNION SELECT business_date FROM day_close
) AS days LEFT JOIN day_close d ON d.business_date = days.day
GROUP BY days.day, b.business_date, b.opened_on
HAVING count(d.business_date) <> 1 OR days.day NOT BETWEEN b.opened_on AND b.business_date - 1
    OR (count(d.finished_at) = 0 AND EXISTS (SELECT FROM day_close later
        WHERE later.business_date > days.day AND later.finished_at IS NOT NULL))
ORDER BY days.day LIMIT 1
"""

DIRECTORY = """
SELECT coalesce(d.purpose, wanted.purpose) || ' of ' || coalesce(d.borrower_id, b.borrower_id),
    'one borrower, one entry', CASE WHEN b.borrower_id IS NULL THEN 'no borrower'
    ELSE count(d.borrower_id) || ' entries' END
FROM borrower b JOIN (VALUES ('identity_number'), ('phone'), ('uci-credit')) AS wanted(purpose)
    ON (b.data_key = '') = (wanted.purpose = 'uci-credit')
FULL JOIN directory d ON d.borrower_id = b.borrower_id AND d.purpose = wanted.purpose
WHERE b.status = 1 OR b.borrower_id IS NULL
GROUP BY 1, b.borrower_id HAVING count(d.borrower_id) <> 1 OR b.borrower_id IS NULL
ORDER BY 1 LIMIT 1
"""
"""A borrower without personal data (``importer``) is known by an account number instead."""

NUMBERING = """
SELECT b.borrower_id, 'contracts to ' || coalesce(max(c.contract_id & 4095), 0),
    'numbered to ' || b.last_contract
FROM borrower b FULL JOIN contract c ON c.cell = b.cell AND c.borrower_id = b.borrower_id
    AND c.contract_id >> 12 = b.borrower_id
GROUP BY b.cell, b.borrower_id, b.last_contract
HAVING b.last_contract IS DISTINCT FROM coalesce(max(c.contract_id & 4095), 0) ORDER BY 1 LIMIT 1
"""

CLEARING = f"""
SELECT account, sum(amount)::bigint FROM ({SIDES}) AS side
WHERE account IN ({chart.COLLECTIONS}, {chart.LOANS_OUT}, {chart.PAYOUTS}, {chart.CONVERSION},
    {chart.MERCHANTS}, {chart.UNALLOCATED}) GROUP BY account ORDER BY account
"""
"""What stands on the clearing accounts: what the bank and the merchants still have to settle."""

INVARIANTS: list[tuple[str, str, str, str]] = [
    ("INV-TRANSFER-01", "A transfer moves an amount > 0 between two different known accounts.",
     "transfer", f"""SELECT contract_id || ' event ' || event_seq || ' number ' || number,
        'amount > 0, two accounts', debit || ' -> ' || credit || ': ' || amount FROM transfer
        WHERE amount <= 0 OR debit = credit OR debit NOT IN ({KNOWN}) OR credit NOT IN ({KNOWN})
        ORDER BY contract_id, event_seq, number LIMIT 1"""),
    ("INV-TRANSFER-02", "A transfer belongs to an event of its contract and to its days.",
     "transfer", """SELECT t.contract_id || ' event ' || t.event_seq || ' number ' || t.number,
        coalesce(e.effective_on || ' / ' || e.booked_on, 'an event'),
        t.effective_on || ' / ' || t.booked_on
        FROM transfer t LEFT JOIN event e ON e.cell = t.cell AND e.contract_id = t.contract_id
            AND e.seq = t.event_seq
        WHERE t.contract_id <> 0 AND (t.effective_on, t.booked_on)
            IS DISTINCT FROM (e.effective_on, e.booked_on)
        ORDER BY t.contract_id, t.event_seq, t.number LIMIT 1"""),
    ("INV-LEDGER-01", "The turnover of each closed day is the sum of its transfers.",
     "ledger_day", TURNOVER),
    ("INV-LEDGER-02", "What contracts stand at is what the general ledger shows.",
     "ledger_day", GENERAL_LEDGER),
    ("INV-STATE-01", "What a contract stands at is the sum of its transfers.",
     "contract", BALANCES.replace("$OFF", "false")),
    ("INV-STATE-02", "What a contract stands at is what its dues ask and have not been paid.",
     "contract", DUES),
    ("INV-OFF-01", "A contract that was charged off is no receivable.",
     "contract", BALANCES.replace("$OFF", "true")),
    ("INV-ALARM-02", "No contract's alarm is earlier than the days that are still to be closed.",
     "contract", f"""SELECT contract_id, 'after ' || {LAST}, date '0001-01-01' + (alarm - 1)
        FROM contract, book WHERE alarm <= {LAST} - date '0001-01-01' + 1
        ORDER BY contract_id LIMIT 1"""),
    ("INV-CLEAR-01", "Principal turned into instalments leaves nothing on the conversion account.",
     "transfer", CONVERSION),
    ("INV-RECEIPT-01", "Bank money stands unallocated exactly while it waits.", "receipt",
     RECEIPTS),
    ("INV-RECEIPT-02", "Bank money that no contract took is a receipt, an allocated one an event.",
     "receipt", RECEIPT_ROWS),
    ("INV-LINE-01", "A line holds what is authorised and open.", "line", HELD),
    ("INV-LINE-02", "A pay-later account and its line belong together.", "line",
     ACCOUNTS_OF_LINES),
    ("INV-OFFER-01", "An accepted offer has its contract, a loan its accepted offer.", "offer",
     OFFERS),
    ("INV-EVENT-01", "A contract's events are numbered without a gap.", "event", EVENT_GAPS),
    ("INV-EVENT-02", "No event is booked after the business date or before its effective day.",
     "event", """SELECT contract_id || ' event ' || seq, 'by ' || business_date,
        effective_on || ' / ' || booked_on FROM event, book
        WHERE booked_on > business_date OR effective_on > booked_on
        ORDER BY contract_id, seq LIMIT 1"""),
    ("INV-EVENT-03", "A reversed event and its reversal name one another.", "event", REVERSALS),
    ("INV-STMT-02", "An issued statement and its event say the same.", "statement", STATEMENTS),
    ("INV-AUDIT-01", "Every event has the operation that wrote it.", "event",
     """SELECT e.contract_id || ' event ' || e.seq, 'an operation', e.operation_id
        FROM event e LEFT JOIN operation o USING (operation_id) WHERE o.operation_id IS NULL
        ORDER BY e.contract_id, e.seq LIMIT 1"""),
    ("INV-AUDIT-02", "Every operation's digest is the hash of the rows that it wrote.",
     "operation", OPERATIONS),
    ("INV-IDEM-01", "An answer that is kept for a key names the operation that was done.",
     "idempotency", """SELECT i.client || ' ' || i.key, 'an operation', i.operation_id
        FROM idempotency i LEFT JOIN operation o USING (operation_id)
        WHERE o.operation_id IS NULL ORDER BY 1 LIMIT 1"""),
    ("INV-DAY-01", "Days are closed one after the other, each once.", "day_close", CONTINUOUS),
    ("INV-DIR-01", "The directory knows every borrower, and nobody else.", "directory", DIRECTORY),
    ("INV-NUMBER-01", "A borrower's contracts are numbered as far as the borrower's row says.",
     "borrower", NUMBERING),
]  # fmt: skip
