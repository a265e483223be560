"""Invariants that are queries: each gives (key, expected, found) of the first row that is wrong."""

from usance.approvals.store import COLUMNS as PROPOSAL_COLUMNS
from usance.contract.records import RECOVERY, REPAYMENT, REVERSAL, STATEMENT
from usance.day import store as day_sql
from usance.day.verify_consents_sql import CONSENT_INVARIANTS
from usance.day.verify_decisions_sql import DECISION_INVARIANTS
from usance.day.verify_family_sql import FAMILY_INVARIANTS
from usance.day.verify_known_sql import FACT_INVARIANTS
from usance.day.verify_limits_sql import LIMIT_INVARIANTS
from usance.day.verify_policies_sql import POLICY_INVARIANTS
from usance.day.verify_tiers_sql import TIER_INVARIANTS
from usance.identity import access_sql
from usance.ledger import chart
from usance.notices.store import VERSIONS
from usance.platform import schema
from usance.risk import alerts_sql, portfolio_sql
from usance.servicing import columns as sql

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

EVENT_BYTES = sql.row_bytes(schema.event, sql.EVENT, "e")
TRANSFER_BYTES = sql.row_bytes(schema.transfer, sql.TRANSFER, "t")
BORROWER_BYTES = f"""int8send(b.cell::int8) || int8send(b.borrower_id) || int8send(1)
    || {sql.row_bytes(schema.borrower, ("registered_on",), "b")}"""

OPERATIONS = f"""
WITH events AS (
    SELECT operation_id, count(*) AS rows,
        string_agg({EVENT_BYTES}, ''::bytea ORDER BY cell, contract_id, seq) AS bytes
    FROM event e GROUP BY operation_id
), moved AS (
    SELECT e.operation_id, t.* FROM transfer t JOIN event e ON e.cell = t.cell
        AND e.contract_id = t.contract_id AND e.seq = t.event_seq
    UNION ALL
    SELECT o.operation_id, t.* FROM receipt r JOIN transfer t ON t.cell = r.receipt_id % 1024
        AND t.contract_id = 0 AND t.event_seq = -r.receipt_id
    JOIN operation o ON o.form > 1
        AND o.operation_id = CASE t.number WHEN 0 THEN r.held_by ELSE r.operation_id END
), transfers AS (
    SELECT operation_id, count(*) AS rows, string_agg({TRANSFER_BYTES}, ''::bytea
        ORDER BY cell, contract_id, event_seq, number) AS bytes
    FROM moved t GROUP BY operation_id
), hashed AS (
    SELECT o.operation_id, o.action, o.digest, sha256(
        {sql.table_bytes("event", "e.rows", "e.bytes")}
        || {sql.table_bytes("transfer", "t.rows", "t.bytes")}
    ) AS recomputed
    FROM operation o LEFT JOIN events e USING (operation_id)
    LEFT JOIN transfers t USING (operation_id)
    WHERE o.action NOT IN ('RegisterBorrower', 'FinishDay')
        AND o.detail - ARRAY['line', 'cost_sheet'] = '{{}}'
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
its time stamp, which is how a registration of many finds its borrowers. Digests of the first form
left out what receipts moved."""

DAY_ENDS = f"""
WITH said AS (
    SELECT operation_id, business_date AS day, digest, detail ->> 'ledger' AS ledger
    FROM operation WHERE action = 'FinishDay'
), ended AS ({day_sql.ALL_FINISHED})
SELECT coalesce(s.operation_id || ' FinishDay ' || s.day, e.day || ' without its operation'),
    coalesce(encode(e.whole, 'hex'), 'a finished day'), coalesce(encode(s.digest, 'hex'), 'none')
FROM said s FULL JOIN ended e USING (day)
WHERE (s.digest, s.ledger) IS DISTINCT FROM (e.whole, encode(e.ledger, 'hex'))
    AND (s.day IS NOT NULL OR e.day >= (SELECT min(day) FROM said)) ORDER BY day LIMIT 1
"""
"""Days that ended before there was such an operation have none."""

ACCRUED = f"""CASE t.number - t.product_id * 8
    WHEN 1 THEN '{{{chart.INTEREST_ACCRUED},{chart.INTEREST_INCOME}}}'
    WHEN 2 THEN '{{{chart.PENALTY_ACCRUED},{chart.PENALTY_INCOME}}}'
    ELSE '{{{chart.INTEREST_INCOME},{chart.ROUNDING}}}' END::int[]"""
END_OF_DAY = f"""d.finished_at IS NULL OR t.effective_on <> t.booked_on
    OR t.booked_on - date '0001-01-01' + 1 <> t.event_seq
    OR t.number - t.product_id * 8 NOT IN (1, 2, 5, 6)
    OR NOT ARRAY[t.debit, t.credit]::int[] <@ {ACCRUED}"""
OF_RECEIPT = f"""(t.cell, t.product_id, t.amount) IS DISTINCT FROM
        (r.receipt_id % 1024, 0, abs(r.amount))
    OR t.effective_on <> CASE t.number WHEN 0 THEN least(r.value_date, t.booked_on)
        ELSE t.booked_on END
    OR {chart.UNALLOCATED} <> CASE WHEN (t.number = 0) = (r.amount > 0) THEN t.credit
        ELSE t.debit END
    OR CASE WHEN (t.number = 0) = (r.amount > 0) THEN t.debit ELSE t.credit END
        NOT IN ({chart.COLLECTIONS}, {chart.PAYOUTS})
    OR t.number NOT IN (0, 1) OR t.number = 1 AND r.status = 1
    OR o.form > 1 AND o.business_date <> t.booked_on"""
OF_NO_CONTRACT = f"""
WITH wrong AS (
    SELECT t.cell, t.event_seq, t.number, 'the end of a day, or a receipt' AS wanted,
        t.debit || ' -> ' || t.credit || ': ' || t.amount || ' on ' || t.effective_on || ' / '
            || t.booked_on || ', product ' || t.product_id AS found
    FROM transfer t LEFT JOIN receipt r ON r.receipt_id = -t.event_seq
    LEFT JOIN operation o
        ON o.operation_id = CASE t.number WHEN 0 THEN r.held_by ELSE r.operation_id END
    LEFT JOIN day_close d ON d.business_date = t.booked_on
    WHERE t.contract_id = 0 AND (t.cell NOT BETWEEN 0 AND 1023
        OR CASE WHEN t.event_seq > 0 THEN {END_OF_DAY} ELSE {OF_RECEIPT} END)
    UNION ALL
    SELECT r.receipt_id % 1024, -r.receipt_id, n, 'a transfer of receipt ' || r.receipt_id, 'none'
    FROM receipt r CROSS JOIN generate_series(0, 1) AS n
    LEFT JOIN transfer t ON t.cell = r.receipt_id % 1024 AND t.contract_id = 0
        AND t.event_seq = -r.receipt_id AND t.number = n
    WHERE t.cell IS NULL AND (n = 0 OR r.status <> 1)
)
SELECT 'cell ' || cell || ' event ' || event_seq || ' number ' || number, wanted, found
FROM wrong ORDER BY cell, event_seq, number LIMIT 1
"""

EVENT_GAPS = """
WITH broken AS (
    SELECT cell, contract_id, coalesce(c.seq, 0) AS stands_at, count(e.seq) AS events,
        max(e.seq) AS last
    FROM contract c FULL JOIN event e USING (cell, contract_id)
    GROUP BY cell, contract_id, c.seq
    HAVING count(e.seq) <> coalesce(c.seq, 0) OR max(e.seq) IS DISTINCT FROM c.seq
        OR min(e.seq) <> 1
    ORDER BY contract_id, cell LIMIT 1
)
SELECT b.contract_id || ' event ' || coalesce((
        SELECT CASE WHEN p.place <= b.stands_at THEN least(p.seq, p.place) ELSE p.seq END FROM (
            SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM event e
            WHERE e.cell = b.cell AND e.contract_id = b.contract_id) AS p
        WHERE p.seq <> p.place OR p.place > b.stands_at ORDER BY p.seq LIMIT 1),
        b.events + 1),
    b.stands_at || ' events', b.events || ' events, last ' || coalesce(b.last, 0)
FROM broken b
"""
"""The first number that is missing, or the first event that is too much."""

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

COSTS = """
SELECT o.offer_id || ' offer', 'a confirmed sheet of its own words', CASE
    WHEN s.sheet_id IS NULL THEN 'no sheet' WHEN s.confirmed_at IS NULL THEN 'not confirmed'
    WHEN s.contract_id <> o.contract_id THEN 'of contract ' || s.contract_id
    ELSE 'other words, or read too soon' END
FROM offer o
LEFT JOIN cost_sheet s ON s.cell = o.cell AND s.sheet_id = o.offer_id
    AND s.borrower_id = o.borrower_id
LEFT JOIN cost_words w ON w.digest = s.digest
WHERE o.status = 2
    AND (o.cost ? 'sheet' OR o.offer_id > (SELECT min(sheet_id) FROM cost_sheet WHERE kind <> 3))
    AND (s.confirmed_at IS NULL OR s.contract_id <> o.contract_id OR w.document IS NULL
        OR encode(s.digest, 'hex') IS DISTINCT FROM o.cost ->> 'sheet'
        OR s.confirmed_at < s.shown_at
            + make_interval(secs => (w.document::jsonb ->> 'reading_seconds')::float))
UNION ALL
SELECT encode(digest, 'hex') || ' words', encode(sha256(convert_to(document, 'UTF8')), 'hex'),
    encode(digest, 'hex')
FROM cost_words WHERE digest <> sha256(convert_to(document, 'UTF8'))
ORDER BY 1 LIMIT 1
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

HASHED_BY = "CASE WHEN length(lookup) = 36 THEN substring(lookup FROM 1 FOR 4) END"
DIRECTORY = f"""
SELECT coalesce(d.purpose, wanted.purpose) || ' of ' || coalesce(d.borrower_id, b.borrower_id),
    'one borrower, one entry', CASE WHEN b.borrower_id IS NULL THEN 'no borrower'
    ELSE count(d.borrower_id) || ' entries' END
FROM borrower b JOIN (VALUES ('identity_number'), ('phone'), ('uci-credit')) AS wanted(purpose)
    ON (b.data_key = '') = (wanted.purpose = 'uci-credit')
FULL JOIN (SELECT purpose, borrower_id, {HASHED_BY} AS hashed_by FROM directory) d
    ON d.borrower_id = b.borrower_id AND d.purpose = wanted.purpose
WHERE b.status = 1 OR b.borrower_id IS NULL
GROUP BY 1, b.borrower_id HAVING count(d.borrower_id) = 0 OR b.borrower_id IS NULL
    OR count(d.borrower_id) <> count(DISTINCT coalesce(d.hashed_by, ''))
ORDER BY 1 LIMIT 1
"""
"""A borrower without personal data (``importer``) is known by an account number instead. While the
index key changes, a borrower has an entry under each."""

ERASED = """
SELECT coalesce(b.borrower_id, e.borrower_id), 'erased, with nothing left', CASE
    WHEN e.borrower_id IS NULL THEN 'no erasure' WHEN b.status <> 2 THEN 'status ' || b.status
    WHEN d.entries > 0 THEN d.entries || ' entries in the directory' ELSE 'details or key' END
FROM (SELECT * FROM borrower WHERE status = 2) b FULL JOIN erasure e USING (cell, borrower_id)
CROSS JOIN LATERAL (SELECT count(*) AS entries FROM directory
    WHERE borrower_id = coalesce(b.borrower_id, e.borrower_id)) d
WHERE b.status IS DISTINCT FROM 2 OR e.borrower_id IS NULL OR d.entries > 0
    OR b.data_key || b.name || b.phone || b.identity_number || b.email <> '' ORDER BY 1 LIMIT 1
"""

RETIRED_KEYS = """
SELECT b.borrower_id, 'a key in use', 'wrapped under retired key ' || k.key_id
FROM borrower b JOIN key_epoch k ON k.kind = 'master' AND k.retired_at IS NOT NULL
    AND substring(b.data_key FROM 1 FOR 4) = decode(lpad(to_hex(k.key_id), 8, '0'), 'hex')
WHERE b.data_key <> '' ORDER BY 1 LIMIT 1
"""

NUMBERING = """
SELECT b.borrower_id, 'contracts to ' || coalesce(max(c.contract_id & 4095), 0),
    'numbered to ' || b.last_contract
FROM borrower b FULL JOIN contract c ON c.cell = b.cell AND c.borrower_id = b.borrower_id
    AND c.contract_id >> 12 = b.borrower_id
GROUP BY b.cell, b.borrower_id, b.last_contract
HAVING b.last_contract IS DISTINCT FROM coalesce(max(c.contract_id & 4095), 0) ORDER BY 1 LIMIT 1
"""

PROPOSALS = """
SELECT coalesce(p.proposal_id, o.operation_id),
    coalesce('by ' || o.actor || ' on ' || o.borrower_id || ': ' || encode(o.digest, 'hex'),
        'an operation'),
    coalesce('by ' || p.author || ' on ' || p.borrower_id || ': ' || encode(p.digest, 'hex'),
        'no proposal')
FROM proposal p FULL JOIN (SELECT * FROM operation WHERE action = 'Propose') o
    ON o.operation_id = p.proposal_id
WHERE (o.actor, o.borrower_id, o.digest) IS DISTINCT FROM (p.author, p.borrower_id, p.digest)
ORDER BY 1 LIMIT 1
"""

DECISIONS = """
SELECT coalesce(a.proposal_id || ' by ' || a.approver,
        'operation ' || o.operation_id || ' by ' || o.actor),
    coalesce(o.action || ' by ' || o.actor || ' of ' || encode(p.digest, 'hex') || ': '
        || o.detail::text, 'proposal and operation'),
    coalesce(a.decision || ' of ' || encode(a.digest, 'hex') || ', for ' || a.on_behalf_of || ': '
        || s.reason, 'no decision')
FROM approval a FULL JOIN (
        SELECT * FROM operation WHERE action IN ('Approve', 'RefuseProposal')
    ) o ON o.operation_id = a.operation_id
    LEFT JOIN proposal p ON p.proposal_id = a.proposal_id
    LEFT JOIN erasure e ON e.borrower_id = o.borrower_id
    CROSS JOIN LATERAL (SELECT encode(sha256(convert_to(a.reason, 'UTF8')), 'hex') AS reason) s
WHERE a.approver = p.author OR p.author = a.on_behalf_of OR (o.action, o.actor, o.digest, p.digest)
    IS DISTINCT FROM (CASE a.decision WHEN 1 THEN 'Approve' WHEN 2 THEN 'RefuseProposal' END,
        a.approver, a.digest, a.digest)
    OR o.detail ->> 'on_behalf_of' <> a.on_behalf_of
    OR o.detail ->> 'reason' <> s.reason AND NOT (a.reason = '' AND e.borrower_id IS NOT NULL)
ORDER BY 1 LIMIT 1
"""
"""Words are forgotten with the person that they were about; operations of before there was a hash
of them in their detail say nothing of them."""

AGREED = """
SELECT p.proposal_id, 'agreed to by ' || p.approvers, 'by ' || count(DISTINCT r.who)
FROM proposal p LEFT JOIN approval a ON a.proposal_id = p.proposal_id AND a.decision = 1
    LEFT JOIN LATERAL (SELECT coalesce(nullif(a.on_behalf_of, ''), a.approver) AS who) r ON true
WHERE p.state IN (2, 3, 4) GROUP BY 1, p.approvers HAVING count(DISTINCT r.who) < p.approvers
ORDER BY 1 LIMIT 1
"""
"""Approved, done or failed; a right counts once, whoever used it."""

DONE_BY = """
SELECT proposal_id, act || ' by ' || author || ', once', coalesce(action || ' by ' || actor
    || ', for ' || times || ' proposals', 'no operation')
FROM (
    SELECT p.proposal_id, p.act, p.author, o.action, o.actor,
        count(*) OVER (PARTITION BY p.operation_id) AS times
    FROM proposal p LEFT JOIN operation o ON o.operation_id = p.operation_id WHERE p.state = 3
) AS done WHERE (action, actor) IS DISTINCT FROM (act, author) OR times > 1 ORDER BY 1 LIMIT 1
"""

LOOKS = f"""
WITH looks AS (
    SELECT operation_id, {access_sql.DIGEST} AS digest FROM access a GROUP BY operation_id
), told AS (
    SELECT operation_id, digest FROM operation WHERE detail ? 'looks'
        AND action IN ('{access_sql.LOOK_AT}', '{access_sql.OPEN}', '{access_sql.BIND}')
)
SELECT operation_id, coalesce(encode(o.digest, 'hex'), 'an operation'),
    coalesce(encode(l.digest, 'hex'), 'no look')
FROM looks l FULL JOIN told o USING (operation_id)
WHERE l.digest IS DISTINCT FROM o.digest ORDER BY operation_id LIMIT 1
"""
"""What opened a borrower before looks were bound says nothing of ``looks``."""

ALL_PROPOSALS = f"SELECT {PROPOSAL_COLUMNS} FROM proposal ORDER BY proposal_id"

CLEARING = f"""
SELECT account, sum(amount)::bigint FROM ({SIDES}) AS side
WHERE account IN ({chart.COLLECTIONS}, {chart.LOANS_OUT}, {chart.PAYOUTS}, {chart.CONVERSION},
    {chart.MERCHANTS}, {chart.UNALLOCATED}) GROUP BY account ORDER BY account
"""
"""What stands on the clearing accounts: what the bank and the merchants still have to settle."""

BY_DIGEST, END_BY_DIGEST = "INV-AUDIT-02", "INV-AUDIT-03"
"""Say of an operation that one of its rows is wrong; which one, ``verify_rows`` finds out."""

INVARIANTS: list[tuple[str, str, str, str]] = [
    ("INV-TRANSFER-01", "A transfer moves an amount > 0 between two different known accounts.",
     "transfer", f"""SELECT contract_id || ' event ' || event_seq || ' number ' || number,
        'amount > 0, two accounts', debit || ' -> ' || credit || ': ' || amount FROM transfer
        WHERE amount <= 0 OR debit = credit OR debit NOT IN ({KNOWN}) OR credit NOT IN ({KNOWN})
        ORDER BY contract_id, event_seq, number LIMIT 1"""),
    ("INV-TRANSFER-02", "A transfer belongs to an event of its contract, its days and product.",
     "transfer", """SELECT t.contract_id || ' event ' || t.event_seq || ' number ' || t.number,
        coalesce(e.effective_on || ' / ' || e.booked_on, 'an event') || ', product '
            || coalesce(c.product_id, 0),
        t.effective_on || ' / ' || t.booked_on || ', product ' || t.product_id
        FROM transfer t LEFT JOIN event e ON e.cell = t.cell AND e.contract_id = t.contract_id
            AND e.seq = t.event_seq
        LEFT JOIN contract c ON c.cell = t.cell AND c.contract_id = t.contract_id
        WHERE t.contract_id <> 0 AND (t.effective_on, t.booked_on, t.product_id)
            IS DISTINCT FROM (e.effective_on, e.booked_on, c.product_id)
        ORDER BY t.contract_id, t.event_seq, t.number LIMIT 1"""),
    ("INV-TRANSFER-03", "A transfer of no contract belongs to a receipt or to the end of a day.",
     "transfer", OF_NO_CONTRACT),
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
    ("INV-COST-01", "What begins from an offer has a confirmed cost sheet, as its words say.",
     "cost_sheet", COSTS),
    ("INV-EVENT-01", "A contract's events are numbered without a gap.", "event", EVENT_GAPS),
    ("INV-EVENT-02", "No event is booked after the business date or before its effective day.",
     "event", """SELECT contract_id || ' event ' || seq, 'by ' || business_date,
        effective_on || ' / ' || booked_on FROM event, book
        WHERE booked_on > business_date OR effective_on > booked_on
        ORDER BY contract_id, seq LIMIT 1"""),
    ("INV-EVENT-03", "A reversed event and its reversal name one another.", "event", REVERSALS),
    ("INV-STMT-02", "An issued statement and its event say the same.", "statement", STATEMENTS),
    ("INV-AUDIT-01", "Every event has the operation that wrote it, at the same moment.", "event",
     """SELECT e.contract_id || ' event ' || e.seq,
        coalesce('recorded at ' || o.recorded_at, 'an operation'),
        e.operation_id || ' recorded at ' || e.recorded_at
        FROM event e LEFT JOIN operation o USING (operation_id)
        WHERE o.recorded_at IS DISTINCT FROM e.recorded_at
        ORDER BY e.contract_id, e.seq LIMIT 1"""),
    (BY_DIGEST, "Every operation's digest is the hash of the rows that it wrote.",
     "operation", OPERATIONS),
    (END_BY_DIGEST, "The end of a day is bound by its operation.", "operation", DAY_ENDS),
    ("INV-IDEM-01", "An answer that is kept for a key names the operation that was done.",
     "idempotency", """SELECT i.client || ' ' || i.key, 'an operation', i.operation_id
        FROM idempotency i LEFT JOIN operation o USING (operation_id)
        WHERE o.operation_id IS NULL ORDER BY 1 LIMIT 1"""),
    ("INV-DAY-01", "Days are closed one after the other, each once.", "day_close", CONTINUOUS),
    ("INV-DIR-01", "The directory knows every borrower, and nobody else.", "directory", DIRECTORY),
    ("INV-ERASE-01", "Of an erased person nothing is left, and an operation says so.", "borrower",
     ERASED),
    ("INV-KEY-01", "Nothing is wrapped under a retired master key.", "borrower", RETIRED_KEYS),
    ("INV-APPR-02", "Every proposal is what its operation proposed, and none is missing.",
     "proposal", PROPOSALS),
    ("INV-APPR-03", "A decision is another's, as its operation says, and none is missing.",
     "approval", DECISIONS),
    ("INV-APPR-04", "What was approved has as many who agreed as it needs.", "proposal", AGREED),
    ("INV-APPR-05", "What was done is an operation of its own, by its author.", "proposal",
     DONE_BY),
    ("INV-ACCESS-01", "Looks at a person's details are those that their operation noted.",
     "access", LOOKS),
    *CONSENT_INVARIANTS,
    *DECISION_INVARIANTS,
    *FAMILY_INVARIANTS,
    *LIMIT_INVARIANTS,
    *POLICY_INVARIANTS,
    *TIER_INVARIANTS,
    *FACT_INVARIANTS,
    ("INV-WARN-01", "A contract that nothing happened to is as late as was noted of the last day.",
     "late_band", portfolio_sql.BROKEN),
    ("INV-WARN-02", "An alert has what belongs to its state, and an operation raised it.", "alert",
     alerts_sql.BROKEN),
    ("INV-NOTICE-01", "Every version of a template is what its operation adopted or retired.",
     "notice_template", VERSIONS),
    ("INV-NUMBER-01", "A borrower's contracts are numbered as far as the borrower's row says.",
     "borrower", NUMBERING),
]  # fmt: skip
