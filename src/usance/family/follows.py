"""What relatives are told because of what a borrower is told, or is about to do: two statements.

Whoever plans notices of a borrower appends ``FOLLOWS`` to the statement by which that was done, so
one does not come without the other. Both sides' agreements are looked at here and again when it is
sent; a link that is paused has nothing planned.
"""

from __future__ import annotations

AGREED = """EXISTS (
    SELECT FROM consent c JOIN consent_document d USING (document_id, version)
    JOIN consent o ON o.grantor_kind = c.counterparty_kind AND o.grantor_id = c.counterparty_id
        AND o.counterparty_kind = c.grantor_kind AND o.counterparty_id = c.grantor_id
        AND o.document_id = c.document_id
    WHERE c.grantor_kind = 'borrower' AND c.grantor_id = l.borrower_id
        AND c.counterparty_kind = 'member' AND c.counterparty_id = l.member_id
        AND d.purpose = 'family' AND c.state = 1 AND o.state = 1
        AND jsonb_exists(c.scopes, {scope}) AND jsonb_exists(o.scopes, {scope})
        AND (c.valid_until IS NULL OR c.valid_until > {at})
        AND (o.valid_until IS NULL OR o.valid_until > {at})
        AND (d.retired_on IS NULL OR d.retired_on > ({at} AT TIME ZONE 'UTC')::date)
)"""
"""Both sides of a link ``l`` have agreed to a scope, at a moment."""

FOLLOWS = f"""
INSERT INTO notice (cell, borrower_id, key, template_id, purpose, audience, scope, member_id,
    contract_id, facts, box, business_date, not_before, until)
SELECT p.cell, p.borrower_id, f.template_id || ' ' || l.member_id || ' ' ||
    CASE f.scope WHEN 'overdue' THEN p.contract_id || ' ' || coalesce(p.facts ->> 'due_on', '')
    ELSE p.notice_id::text END,
    f.template_id, 'family', 'family_member', f.scope, l.member_id, p.contract_id,
    CASE f.scope WHEN 'overdue' THEN '{{}}'::jsonb
    WHEN 'plan' THEN jsonb_build_object('instalments', p.facts -> 'instalments',
        'day', p.facts -> 'due_on')
    ELSE jsonb_build_object('day', coalesce(p.facts ->> 'day', p.business_date::text)) END,
    '', p.business_date, p.not_before, p.until
FROM planned p
JOIN (VALUES ('drawn', 'family-after-borrowing', 'borrowing'),
    ('drawn', 'family-plan', 'plan'),
    ('overdue-1', 'family-overdue', 'overdue'), ('overdue-7', 'family-overdue', 'overdue'),
    ('overdue-30', 'family-overdue', 'overdue')) AS f (follows, template_id, scope)
    ON f.follows = p.template_id
    AND (f.scope <> 'plan' OR jsonb_exists_all(p.facts, ARRAY['instalments', 'due_on']))
JOIN family_link l ON l.cell = p.cell AND l.borrower_id = p.borrower_id AND l.state = 2
    AND jsonb_exists(l.scopes, f.scope)
WHERE EXISTS (SELECT FROM notice_template t WHERE t.template_id = f.template_id)
    AND {AGREED.format(scope='f.scope', at='p.not_before')}
ON CONFLICT (cell, borrower_id, key) DO NOTHING
"""
"""After ``WITH planned AS (...)``: what was just planned for borrowers, with ``cell, borrower_id,
notice_id, template_id, contract_id, facts, business_date, not_before, until``. Of one late due a
relative hears once. A limit that was opened is nothing borrowed yet, so nobody hears of it."""

BEFORE = f"""
INSERT INTO notice (cell, borrower_id, key, template_id, purpose, audience, scope, member_id,
    facts, box, business_date, not_before, until)
SELECT p.cell, p.borrower_id, 'family-before-borrowing ' || l.member_id || ' ' || p.offer_id,
    'family-before-borrowing', 'family', 'family_member', 'borrowing', l.member_id,
    jsonb_build_object('day', p.business_date::text), '', p.business_date, p.not_before, p.until
FROM offered p
JOIN family_link l ON l.cell = p.cell AND l.borrower_id = p.borrower_id AND l.state = 2
    AND l.tells = 'before' AND jsonb_exists(l.scopes, 'borrowing')
WHERE EXISTS (SELECT FROM notice_template t WHERE t.template_id = 'family-before-borrowing')
    AND {AGREED.format(scope="'borrowing'", at='p.not_before')}
ON CONFLICT (cell, borrower_id, key) DO NOTHING
"""
"""After ``WITH offered AS (...)``: offers that were made, with ``cell, borrower_id, offer_id,
business_date, not_before, until``. Servicing makes offers and must not know of relatives, so
whoever reads what was committed plans this."""
