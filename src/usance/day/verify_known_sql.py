"""Invariants of facts that are queries, as those of ``verify_sql``."""

from usance.consents.rules import GIVEN
from usance.risk.facts_policy import CONSENT, fact_policy
from usance.risk.facts_store import DIGEST

WRITES = "'RecordFact', 'TakeBureauReport'"
GROUNDS = ", ".join(
    f"('{each.source}', date '{each.effective_on}', '{each.scope}', {each.both_sides},"
    f" {each.ground == CONSENT})"
    for each in fact_policy().rows
)

FACTS = f"""
WITH written AS (
    SELECT f.operation_id, min(f.borrower_id) AS borrower_id, {DIGEST} AS digest
    FROM fact f GROUP BY f.operation_id
), noted AS (
    SELECT operation_id, borrower_id, digest FROM operation WHERE action IN ({WRITES})
), ground (source, effective_on, scope, both_sides, agreed) AS (VALUES {GROUNDS}
), asked AS (
    SELECT f.*, g.scope, g.both_sides, g.agreed FROM fact f LEFT JOIN LATERAL (
        SELECT * FROM ground g WHERE g.source = f.source
        AND g.effective_on <= (f.recorded_at AT TIME ZONE 'UTC')::date
        ORDER BY g.effective_on DESC LIMIT 1) g ON true
), given AS (
    SELECT borrower_id, record_id, number, scopes, at FROM consent_event WHERE state = {GIVEN}
)
SELECT coalesce('operation ' || n.operation_id, 'facts of operation ' || w.operation_id),
    coalesce(encode(n.digest, 'hex'), 'an operation'), coalesce(encode(w.digest, 'hex'), 'no fact')
FROM written w FULL JOIN noted n USING (operation_id)
WHERE (w.borrower_id, w.digest) IS DISTINCT FROM (n.borrower_id, n.digest)
UNION ALL
SELECT 'fact ' || a.fact_id, CASE WHEN a.agreed IS NULL THEN 'a source that tells facts'
    ELSE 'an agreement to ' || a.scope END, 'none'
FROM asked a
LEFT JOIN given m ON (m.borrower_id, m.record_id, m.number)
    = (a.borrower_id, a.consent_id, a.consent_number)
LEFT JOIN given o ON (o.borrower_id, o.record_id, o.number)
    = (a.other_id, a.other_consent_id, a.other_consent_number)
WHERE a.agreed IS NULL OR a.agreed AND (
    m.record_id IS NULL OR NOT jsonb_exists(m.scopes, a.scope) OR m.at > a.recorded_at
    OR a.both_sides AND (o.record_id IS NULL OR NOT jsonb_exists(o.scopes, a.scope)
        OR o.at > a.recorded_at))
ORDER BY 1 LIMIT 1
"""
"""A fact rests on what had been agreed to when it was recorded; what ended since, ends its use."""

PULLS = """
SELECT p.pull_id, 'asked for, and ended as an operation says', 'state ' || p.state
FROM bureau_pull p
LEFT JOIN operation a ON a.operation_id = p.operation_id AND a.action = 'AskBureau'
    AND a.borrower_id = p.borrower_id
LEFT JOIN operation e ON e.operation_id = p.ended_by AND e.borrower_id = p.borrower_id
    AND e.action = CASE p.state WHEN 2 THEN 'TakeBureauReport' WHEN 3 THEN 'FailBureauPull' END
WHERE a.operation_id IS NULL OR (p.state = 1) <> (e.operation_id IS NULL)
    OR (p.state = 1) <> (p.ended_by = 0)
    OR p.state = 2 AND e.detail ->> 'answer_hash' <> encode(p.answer_hash, 'hex')
    OR p.state = 2 AND NOT EXISTS (SELECT FROM fact f WHERE f.operation_id = p.ended_by
        AND f.pull_id = p.pull_id)
ORDER BY p.pull_id LIMIT 1
"""

FACT_INVARIANTS: list[tuple[str, str, str, str]] = [
    ("INV-FACT-01", "Each fact is what its operation noted, and rests on an agreement where one is"
     " asked for.", "fact", FACTS),
    ("INV-FACT-02", "A report of a bureau was asked for, and ended as its operation says.",
     "bureau_pull", PULLS),
]  # fmt: skip
