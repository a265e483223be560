"""Invariants of consents that are queries, as those of ``verify_sql``."""

from usance.consents.store import DIGEST, SAID_ACTIONS

CONSENTS = f"""
WITH told AS (
    SELECT operation_id, actor, borrower_id, digest FROM operation WHERE action IN ({SAID_ACTIONS})
)
SELECT coalesce(e.record_id || ' event ' || e.number, 'operation ' || o.operation_id),
    coalesce('by ' || o.actor || ': ' || encode(o.digest, 'hex'), 'an operation'),
    CASE WHEN e.record_id IS NULL THEN 'no event'
    ELSE 'by ' || e.actor || ': ' || encode({DIGEST}, 'hex') END
FROM consent_event e FULL JOIN told o ON o.operation_id = e.operation_id
WHERE (o.actor, o.borrower_id, o.digest) IS DISTINCT FROM (e.actor, e.borrower_id, {DIGEST})
ORDER BY e.record_id, e.number LIMIT 1
"""

STANDING = """
WITH said AS (
    SELECT cell, borrower_id, record_id, count(*) AS events, max(number) AS last
    FROM consent_event GROUP BY cell, borrower_id, record_id
)
SELECT coalesce(c.record_id, s.record_id), coalesce(s.events || ' events, ' || e.state || ' at '
    || e.at, 'events'), coalesce(c.events || ' events, ' || c.state || ' at ' || c.at, 'none')
FROM consent c FULL JOIN said s USING (cell, borrower_id, record_id)
LEFT JOIN consent_event e ON e.cell = s.cell AND e.borrower_id = s.borrower_id
    AND e.record_id = s.record_id AND e.number = s.last
WHERE c.events IS DISTINCT FROM s.events OR s.last <> s.events
    OR (c.grantor_kind, c.grantor_id, c.counterparty_kind, c.counterparty_id, c.document_id,
        c.version, c.document_digest, c.language, c.scopes, c.channels, c.method, c.state, c.at,
        c.valid_until, c.linked_id, c.operation_id)
    IS DISTINCT FROM (e.grantor_kind, e.grantor_id, e.counterparty_kind, e.counterparty_id,
        e.document_id, e.version, e.document_digest, e.language, e.scopes, e.channels, e.method,
        e.state, e.at, e.valid_until, e.linked_id, e.operation_id)
ORDER BY 1 LIMIT 1
"""

CONSENT_DOCUMENTS = """
SELECT d.document_id || ' version ' || d.version, coalesce(encode(o.digest, 'hex'),
    encode(d.digest, 'hex')), encode(sha256(convert_to(d.body, 'UTF8')), 'hex')
FROM consent_document d LEFT JOIN operation o ON o.operation_id = d.operation_id
    AND o.action = 'AdoptConsentDocument' AND o.actor = d.adopted_by
LEFT JOIN operation r ON r.operation_id = d.retired_by AND r.action = 'RetireConsentDocument'
CROSS JOIN LATERAL (SELECT d.body::jsonb AS said) b
WHERE d.digest <> sha256(convert_to(d.body, 'UTF8'))
    OR CASE WHEN d.operation_id = 0 THEN d.adopted_by <> 'usance'
        ELSE o.digest IS DISTINCT FROM d.digest END
    OR (said ->> 'document_id', said ->> 'version', said ->> 'purpose', said ->> 'two_sided',
        said ->> 'effective_on') IS DISTINCT FROM (d.document_id, d.version::text, d.purpose,
        d.two_sided::text, d.effective_on::text)
    OR d.retired_on::text IS DISTINCT FROM r.detail ->> 'retired_on'
    OR EXISTS (SELECT FROM consent_event e WHERE e.document_id = d.document_id
        AND e.version = d.version AND e.document_digest <> d.digest)
UNION ALL
SELECT e.document_id || ' version ' || e.version, encode(e.document_digest, 'hex'), 'no document'
FROM consent_event e LEFT JOIN consent_document d USING (document_id, version)
WHERE d.document_id IS NULL
UNION ALL
SELECT 'operation ' || o.operation_id, encode(o.digest, 'hex'), 'no document'
FROM operation o LEFT JOIN consent_document d USING (operation_id)
WHERE o.action = 'AdoptConsentDocument' AND d.document_id IS NULL
ORDER BY 1 LIMIT 1
"""
"""A document that came with the book has no operation; agreements to it name its digest."""

CONSENT_INVARIANTS: list[tuple[str, str, str, str]] = [
    ("INV-CONSENT-01", "Everything that was said of a consent is what its operation noted.",
     "consent_event", CONSENTS),
    ("INV-CONSENT-02", "A consent stands where the last thing that was said of it left it.",
     "consent", STANDING),
    ("INV-CONSENT-03", "A consent document is what was adopted, and what was agreed to.",
     "consent_document", CONSENT_DOCUMENTS),
]  # fmt: skip
