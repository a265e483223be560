"""Invariants of lateness and tiers that are queries, as those of ``verify_sql``."""

from usance.risk.standing_first import ACTION
from usance.risk.tiering_sql import STEPS_DIGEST

LATENESS = """
WITH own AS (
    SELECT cell, contract_id, number, booked_on, was, late_from,
        lag(late_from) OVER steps AS before, lead(number) OVER steps IS NULL AS last
    FROM lateness WHERE number >= 0
    WINDOW steps AS (PARTITION BY cell, contract_id ORDER BY booked_on, number)
), wrong AS (
    SELECT contract_id || ' number ' || number AS key, 'late from ' || before AS expected,
        'late from ' || was AS found
    FROM own WHERE was <> before
    UNION ALL
    SELECT c.contract_id::text, 'late from ' || c.late_from,
        coalesce('late from ' || o.late_from, 'nothing')
    FROM contract c LEFT JOIN own o ON o.cell = c.cell AND o.contract_id = c.contract_id AND o.last
    WHERE c.late_from <> coalesce(o.late_from, 0)
    UNION ALL
    SELECT o.contract_id || ' number ' || o.number, 'a contract', 'none'
    FROM own o LEFT JOIN contract c ON c.cell = o.cell AND c.contract_id = o.contract_id
    WHERE c.contract_id IS NULL
)
SELECT key, expected, found FROM wrong ORDER BY key COLLATE "C", expected LIMIT 1
"""

STEPS = """
WITH step AS (
    SELECT cell, borrower_id, changed_on, tier_from, tier_to, decision_id,
        lag(tier_to, 1, -1::smallint) OVER steps AS before,
        lead(changed_on) OVER steps IS NULL AS last
    FROM tier_change
    WINDOW steps AS (PARTITION BY cell, borrower_id ORDER BY changed_on)
), wrong AS (
    SELECT borrower_id || ' day ' || changed_on AS key, 'from ' || before AS expected,
        'from ' || tier_from AS found
    FROM step WHERE tier_from <> before
    UNION ALL
    SELECT coalesce(t.borrower_id, s.borrower_id)::text,
        coalesce('tier ' || s.tier_to || ' since ' || s.changed_on, 'nothing'),
        coalesce('tier ' || t.tier || ' since ' || t.since, 'nothing')
    FROM tier t FULL JOIN (SELECT * FROM step WHERE last) s
        ON s.cell = t.cell AND s.borrower_id = t.borrower_id
    WHERE (t.tier, t.since) IS DISTINCT FROM (s.tier_to, s.changed_on)
    UNION ALL
    SELECT s.borrower_id || ' day ' || s.changed_on, 'a decision about its tier', 'none'
    FROM step s LEFT JOIN decision d ON d.cell = s.cell AND d.borrower_id = s.borrower_id
        AND d.decision_id = s.decision_id AND d.kind = 'tier' AND NOT d.shadow
    WHERE s.decision_id <> 0 AND d.decision_id IS NULL
)
SELECT key, expected, found FROM wrong ORDER BY key COLLATE "C", expected LIMIT 1
"""

LOOKS = f"""
WITH said AS (
    SELECT operation_id, {STEPS_DIGEST} AS digest FROM tier_change GROUP BY operation_id
), told AS (
    SELECT operation_id, digest, (detail ->> 'changed')::int AS changed FROM operation
    WHERE action = '{ACTION}'
)
SELECT operation_id::text, coalesce(encode(t.digest, 'hex'), 'an operation'),
    coalesce(encode(s.digest, 'hex'), 'no step')
FROM said s FULL JOIN told t USING (operation_id)
WHERE s.digest IS DISTINCT FROM t.digest AND NOT (s.digest IS NULL AND t.changed = 0)
ORDER BY operation_id LIMIT 1
"""

TIER_INVARIANTS: list[tuple[str, str, str, str]] = [
    ("INV-LATE-01", "Each change of lateness begins where the last one ended, at what stands now.",
     "lateness", LATENESS),
    ("INV-TIER-01", "A tier is where its steps lead, and each step has its decision.",
     "tier_change", STEPS),
    ("INV-TIER-02", "Every step of a tier is what its operation found, and none is missing.",
     "tier_change", LOOKS),
]  # fmt: skip
