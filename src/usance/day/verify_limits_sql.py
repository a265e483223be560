"""Invariants of limits that are queries, as those of ``verify_sql``."""

from usance.risk.cutting import APPROVE
from usance.risk.limit_answers import ACCEPT, DECLINE, END, FOR_A_WHILE
from usance.risk.limit_raises import OFFER
from usance.risk.limit_store import DIGEST, FELL_BACK, ROWS, TAKEN
from usance.risk.limits_policy import limit_policy

ACTIONS = ", ".join(f"'{each}'" for each in (OFFER, ACCEPT, DECLINE, FOR_A_WHILE, END, APPROVE))
CAPS = ", ".join(
    f"('{currency}', {cap.most}::bigint, date '{cap.since}')"
    for currency, cap in limit_policy().caps.items()
)

CAPPED = f"""
SELECT 'borrower ' || l.borrower_id, 'at most ' || c.most, sum(l.limit_amount)
FROM line l, book b JOIN (VALUES {CAPS}) AS c (currency, most, since) USING (currency)
WHERE l.status = 1 GROUP BY l.borrower_id, c.most, c.since
HAVING sum(l.limit_amount) > c.most AND max(l.opened_on) >= c.since
ORDER BY l.borrower_id LIMIT 1
"""
"""A line that was opened before the day of the cap may have been above it then."""

WRITTEN = f"""
WITH said AS (
    SELECT operation_id, min(borrower_id) AS borrower_id, max(borrower_id) AS last_borrower,
        {DIGEST} AS digest
    FROM ({ROWS}) r GROUP BY operation_id
), told AS (
    SELECT operation_id, borrower_id, digest FROM operation WHERE action IN ({ACTIONS})
)
SELECT coalesce('borrower ' || s.borrower_id, 'operation ' || o.operation_id),
    coalesce(encode(o.digest, 'hex'), 'an operation'),
    coalesce(encode(s.digest, 'hex'), 'an offer, an answer or a measure')
FROM said s FULL JOIN told o USING (operation_id)
WHERE (o.borrower_id, o.borrower_id, o.digest)
    IS DISTINCT FROM (s.borrower_id, s.last_borrower, s.digest)
ORDER BY 1 LIMIT 1
"""

RAISED = f"""
SELECT 'offer ' || o.offer_id, 'from ' || o.limit_from || ' to ' || o.limit_to,
    coalesce('operation ' || p.operation_id || ': ' || (p.detail -> 'line' ->> 'limit'), 'none')
FROM limit_answer a JOIN limit_offer o USING (cell, borrower_id, offer_id)
LEFT JOIN operation p ON p.operation_id = a.changed_by AND p.borrower_id = a.borrower_id
    AND p.action = 'ChangeLimit'
WHERE a.state IN ({TAKEN}, {FELL_BACK}) AND (
        (p.detail -> 'line' ->> 'product')::int, (p.detail -> 'line' ->> 'limit_before')::bigint,
        (p.detail -> 'line' ->> 'limit')::bigint)
    IS DISTINCT FROM (o.product_id::int,
        CASE a.state WHEN {TAKEN} THEN o.limit_from ELSE o.limit_to END,
        CASE a.state WHEN {TAKEN} THEN o.limit_to ELSE o.limit_from END)
    OR a.state NOT IN ({TAKEN}, {FELL_BACK}) AND a.changed_by <> 0
UNION ALL
SELECT 'offer ' || o.offer_id, 'a decision about a limit', 'decision ' || o.decision_id
FROM limit_offer o LEFT JOIN decision d ON d.cell = o.cell AND d.borrower_id = o.borrower_id
    AND d.decision_id = o.decision_id AND d.kind = 'limit' AND NOT d.shadow
WHERE d.decision_id IS NULL
ORDER BY 1 LIMIT 1
"""

LIMIT_INVARIANTS: list[tuple[str, str, str, str]] = [
    ("INV-LIMIT-02", "Nobody's open lines come to more than the cap of a person.", "line", CAPPED),
    ("INV-LIMIT-03", "Offers, answers and cuts are what their operations wrote; none is missing.",
     "limit_offer", WRITTEN),
    ("INV-LIMIT-04", "What was taken raised a limit as it was offered, upon a decision.",
     "limit_answer", RAISED),
]  # fmt: skip
