"""Invariants of automated decisions that are queries, as those of ``verify_sql``.

What a decision was made of is sealed; that it is what its fingerprint says, and comes out the same
when it is made again, needs the keys: ``usance decision replay --all`` proves it.
"""

from usance.risk.deciding import ACTION
from usance.risk.decision_store import DIGEST, REVIEW_DIGEST
from usance.risk.reviewing import ACTIONS

REVIEWED = ", ".join(f"'{action}'" for action in ACTIONS.values())

DECIDED = f"""
WITH said AS (
    SELECT d.operation_id, min(d.decision_id) AS decision_id, {DIGEST} AS digest,
        min(d.borrower_id) AS borrower_id, max(d.borrower_id) AS last_borrower,
        min(d.actor) AS actor, max(d.actor) AS last_actor, min(d.business_date) AS on
    FROM decision d GROUP BY d.operation_id
), told AS (
    SELECT operation_id, actor, borrower_id, business_date, digest FROM operation
    WHERE action = '{ACTION}'
)
SELECT coalesce('decision ' || s.decision_id, 'operation ' || o.operation_id),
    coalesce('by ' || o.actor || ': ' || encode(o.digest, 'hex'), 'an operation'),
    coalesce('by ' || s.actor || ': ' || encode(s.digest, 'hex'), 'no decision')
FROM said s FULL JOIN told o ON o.operation_id = s.operation_id
WHERE (o.actor, o.actor, o.borrower_id, o.borrower_id, o.business_date, o.digest)
    IS DISTINCT FROM
    (s.actor, s.last_actor, s.borrower_id, s.last_borrower, s.on, s.digest)
ORDER BY 1 LIMIT 1
"""

WORDS = """
SELECT 'decision ' || d.decision_id, 'the words that were told',
    coalesce(encode(w.digest, 'hex'), 'none')
FROM decision d LEFT JOIN decision_words w ON w.digest = d.words_digest
    AND w.digest = sha256(convert_to(w.body, 'UTF8'))
WHERE w.digest IS NULL ORDER BY d.decision_id LIMIT 1
"""

BESIDE = """
SELECT 'decision ' || d.decision_id, 'beside a decision of its operation', 'decision '
    || d.of_decision_id
FROM decision d LEFT JOIN decision o ON o.cell = d.cell AND o.borrower_id = d.borrower_id
    AND o.decision_id = d.of_decision_id
WHERE d.shadow <> (d.of_decision_id <> 0) OR d.shadow AND (o.decision_id IS NULL OR o.shadow
    OR (o.operation_id, o.kind) <> (d.operation_id, d.kind))
ORDER BY d.decision_id LIMIT 1
"""

REVIEWS = f"""
WITH said AS (
    SELECT r.operation_id, min(r.decision_id) AS decision_id, {REVIEW_DIGEST} AS digest,
        min(r.borrower_id) AS borrower_id, min(r.actor) AS actor, min(r.state) AS state,
        max(r.state) AS last_state
    FROM decision_review r GROUP BY r.operation_id
), told AS (
    SELECT operation_id, actor, borrower_id, digest,
        array_position(ARRAY[{REVIEWED}], action) AS state
    FROM operation WHERE action IN ({REVIEWED})
)
SELECT coalesce('decision ' || s.decision_id, 'operation ' || o.operation_id),
    coalesce('by ' || o.actor || ': ' || encode(o.digest, 'hex'), 'an operation'),
    coalesce('by ' || s.actor || ': ' || encode(s.digest, 'hex'), 'no review')
FROM said s FULL JOIN told o ON o.operation_id = s.operation_id
WHERE (o.actor, o.borrower_id, o.state, o.state, o.digest)
    IS DISTINCT FROM (s.actor, s.borrower_id, s.state, s.last_state, s.digest)
UNION ALL
SELECT 'decision ' || r.decision_id, 'reviews numbered from 1, of a decision that is acted on',
    'number ' || r.number
FROM decision_review r LEFT JOIN decision d ON d.cell = r.cell AND d.borrower_id = r.borrower_id
    AND d.decision_id = r.decision_id AND NOT d.shadow
WHERE d.decision_id IS NULL OR r.number > 1 AND NOT EXISTS (SELECT FROM decision_review b
    WHERE b.cell = r.cell AND b.borrower_id = r.borrower_id AND b.decision_id = r.decision_id
    AND b.number = r.number - 1)
ORDER BY 1 LIMIT 1
"""

DECISION_INVARIANTS: list[tuple[str, str, str, str]] = [
    ("INV-DECIDE-01", "Every decision is what its operation decided, and none is missing.",
     "decision", DECIDED),
    ("INV-DECIDE-02", "The words that a decision was told in are kept as they were.",
     "decision_words", WORDS),
    ("INV-DECIDE-03", "What is decided in the shadow stands beside what was decided.", "decision",
     BESIDE),
    ("INV-DECIDE-04", "What became of a decision is what its operations say.", "decision_review",
     REVIEWS),
]  # fmt: skip
