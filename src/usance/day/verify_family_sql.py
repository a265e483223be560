"""Invariants of relatives that are queries, as those of ``verify_sql``."""

LINKS = """
WITH on_now AS (
    SELECT l.borrower_id, l.member_id, s.scope FROM family_link l
    CROSS JOIN LATERAL jsonb_array_elements_text(l.scopes) AS s (scope)
    WHERE l.state = 2 OR l.state = 3 AND l.accepted_at IS NOT NULL
), agreed AS (
    SELECT c.grantor_kind, c.grantor_id, c.counterparty_kind, c.counterparty_id,
        jsonb_array_elements_text(c.scopes) AS scope
    FROM consent c JOIN consent_document d USING (document_id, version)
    WHERE c.state = 1 AND d.purpose = 'family'
)
SELECT n.member_id || ' ' || n.scope, 'both have agreed',
    CASE WHEN b.scope IS NULL THEN 'the borrower has not' ELSE 'the relative has not' END
FROM on_now n
LEFT JOIN agreed b ON (b.grantor_kind, b.grantor_id, b.counterparty_kind, b.counterparty_id)
    = ('borrower', n.borrower_id, 'member', n.member_id) AND b.scope = n.scope
LEFT JOIN agreed m ON (m.grantor_kind, m.grantor_id, m.counterparty_kind, m.counterparty_id)
    = ('member', n.member_id, 'borrower', n.borrower_id) AND m.scope = n.scope
WHERE b.scope IS NULL OR m.scope IS NULL
ORDER BY 1 LIMIT 1
"""

STATES = """
SELECT member_id, 'a state with what belongs to it', state || ' ' || because FROM family_link
WHERE state NOT IN (1, 2, 3, 4) OR (state = 4) <> (ended_at IS NOT NULL)
    OR state = 2 AND (accepted_at IS NULL OR scopes = '[]' OR channels = '[]')
    OR (state = 3) <> (paused_at IS NOT NULL) AND state <> 4
    OR state = 1 AND accepted_at IS NOT NULL
ORDER BY member_id LIMIT 1
"""

TOLD = """
SELECT n.notice_id, 'a relative of this borrower who had accepted',
    CASE WHEN l.member_id IS NULL THEN 'nobody' ELSE 'accepted ' || coalesce(l.accepted_at::text,
        'never') END
FROM notice n LEFT JOIN family_link l USING (cell, borrower_id, member_id)
JOIN borrower b USING (cell, borrower_id)
WHERE n.member_id <> 0 AND n.scope <> '' AND n.sent_at IS NOT NULL AND b.status = 1
    AND (l.accepted_at IS NULL OR n.sent_at < l.accepted_at)
ORDER BY n.notice_id LIMIT 1
"""

FAMILY_INVARIANTS: list[tuple[str, str, str, str]] = [
    ("INV-FAMILY-01", "A relative who is told something has agreed to it, as the borrower has.",
     "family_link", LINKS),
    ("INV-FAMILY-02", "A link has what belongs to its state.", "family_link", STATES),
    ("INV-FAMILY-03", "Nothing of a borrower went to a relative before they accepted.", "notice",
     TOLD),
]  # fmt: skip
