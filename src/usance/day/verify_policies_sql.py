"""Invariants of policies and scorecards that are queries, as those of ``verify_sql``."""

from usance.approvals.rules import APPROVED, DONE, YES
from usance.risk.store import ADOPT, ADOPT_SHIPPED, REGISTER, ROWS

ADOPTED = f"""
WITH told AS (
    SELECT operation_id, actor, action, digest FROM operation
    WHERE action IN ('{ADOPT}', '{ADOPT_SHIPPED}', '{REGISTER}')
), version AS (
    SELECT policy_id || ' version ' || version AS key, '{ADOPT}' AS act, body, digest,
        adopted_by, operation_id FROM policy_version
    UNION ALL
    SELECT name || ' entry ' || version, '{REGISTER}', body, digest, adopted_by, operation_id
    FROM scorecard_version
), wrong AS (
    SELECT key, encode(sha256(convert_to(body, 'UTF8')), 'hex') AS expected,
        encode(digest, 'hex') AS found
    FROM version WHERE digest <> sha256(convert_to(body, 'UTF8'))
    UNION ALL
    SELECT policy_id || ' version ' || version, 'what its body says',
        concat_ws(' ', policy_id, version, effective_on)
    FROM policy_version CROSS JOIN LATERAL (SELECT CASE
        WHEN digest = sha256(convert_to(body, 'UTF8')) THEN body::jsonb END AS b) AS read
    WHERE b IS NOT NULL AND (policy_id, version::text, effective_on::text)
        IS DISTINCT FROM (b ->> 'id', b ->> 'version', b ->> 'effective_on')
    UNION ALL
    SELECT name || ' entry ' || version, 'what its body says', name
    FROM scorecard_version CROSS JOIN LATERAL (SELECT CASE
        WHEN digest = sha256(convert_to(body, 'UTF8')) THEN body::jsonb END AS b) AS read
    WHERE b IS NOT NULL AND name IS DISTINCT FROM b ->> 'name'
    UNION ALL
    SELECT 'operation ' || operation_id, coalesce(encode(t.digest, 'hex'), 'an operation'),
        coalesce(encode(r.digest, 'hex'), 'no version')
    FROM ({ROWS}) AS r FULL JOIN told t USING (operation_id)
    WHERE r.digest IS DISTINCT FROM t.digest
    UNION ALL
    SELECT v.key, 'asked for by ' || coalesce(t.actor, 'nobody'), 'by ' || v.adopted_by
    FROM version v LEFT JOIN told t USING (operation_id)
    WHERE t.actor IS DISTINCT FROM v.adopted_by
        OR (t.action = '{ADOPT_SHIPPED}') <> (v.adopted_by = 'usance')
    UNION ALL
    SELECT v.key, 'agreed with by another than ' || v.adopted_by, 'by nobody'
    FROM version v JOIN told t USING (operation_id)
    WHERE t.action <> '{ADOPT_SHIPPED}' AND NOT EXISTS (
        SELECT FROM proposal p JOIN approval a USING (proposal_id)
        WHERE p.act = v.act AND p.author = v.adopted_by AND a.decision = {YES}
            AND a.approver <> p.author AND a.on_behalf_of <> p.author
            AND (p.operation_id = v.operation_id AND p.state = {DONE} OR p.state = {APPROVED}))
)
SELECT key, expected, found FROM wrong ORDER BY key COLLATE "C", expected LIMIT 1
"""
"""A body that is no JSON any more has another digest; the CASE keeps it from being read. What was
approved is done a moment before its proposal says so."""

POLICY_INVARIANTS: list[tuple[str, str, str, str]] = [
    ("INV-POLICY-01", "A version of a policy or scorecard is what two people adopted.",
     "policy_version", ADOPTED),
]  # fmt: skip
