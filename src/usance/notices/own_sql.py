"""The SQL of a person's own notices and preferences."""

from usance.notices.gate import DIGEST
from usance.notices.outbox import BUNDLE

SHOWN = """
n.borrower_id, n.notice_id, n.key, n.template_id, n.purpose, n.audience, n.scope, n.member_id,
n.contract_id, n.facts, n.box, n.version, n.state, n.channel, n.because, n.planned_at, n.not_before,
n.sent_at, n.done_at, n.seen_at, n.business_date, t.body
"""
OF = f"""
SELECT {SHOWN} FROM notice n JOIN notice_template t ON t.template_id = n.template_id
    AND t.version = n.version
WHERE n.cell = $1 AND n.borrower_id = $2 AND n.template_id <> '{BUNDLE}'
"""
"""What went together stands here one by one, without the message that it went in."""
PAGE = f"{OF} AND n.member_id = 0 AND n.state IN (3, 4, 5) AND n.notice_id < $3" + (
    " ORDER BY n.notice_id DESC LIMIT $4"
)
"""What the borrower was told: also what did not arrive by its way stands here."""
ONE = f"{OF} AND n.member_id = 0 AND n.state IN (3, 4, 5) AND n.notice_id = $3"
SEE = """
UPDATE notice SET seen_at = $4
WHERE cell = $1 AND borrower_id = $2 AND notice_id = $3 AND seen_at IS NULL
"""
UNSEEN = f"""
SELECT count(*) FROM notice WHERE cell = $1 AND borrower_id = $2 AND member_id = 0
    AND template_id <> '{BUNDLE}' AND state IN (3, 4, 5) AND seen_at IS NULL
"""
ALL = """
SELECT notice_id, template_id, version, purpose, audience, scope, member_id, contract_id, facts,
    state, channel, because, business_date, planned_at, not_before, sent_at, done_at, seen_at,
    bundle
FROM notice WHERE cell = $1 AND borrower_id = $2 AND notice_id < $3
    AND (member_id = 0 OR sent_at IS NOT NULL AND purpose = 'family'
        AND template_id <> 'family-invitation')
ORDER BY notice_id DESC LIMIT $4
"""
"""What went to a relative too; never whether an invitation or a code did, or what did not go: that
would tell what the relative has answered or reported (R-FAMILY-04)."""
STEPS = """
SELECT s.number, s.kind, s.at, s.channel, s.provider, s.said, s.trace
FROM notice_step s JOIN notice n USING (cell, borrower_id, notice_id)
WHERE cell = $1 AND borrower_id = $2 AND notice_id IN ($3, (
        SELECT nullif(own.bundle, 0) FROM notice own
        WHERE own.cell = $1 AND own.borrower_id = $2 AND own.notice_id = $3))
    AND (n.member_id = 0 OR n.sent_at IS NOT NULL AND n.purpose = 'family'
        AND n.template_id <> 'family-invitation')
ORDER BY notice_id = $3 DESC, number
"""
"""Its own, then those of the message that it went in with others."""
PREFERENCE = """
SELECT ways, refused, opens, closes, zone, digest_at, changed_at FROM notice_preference
WHERE cell = $1 AND borrower_id = $2 AND member_id = $3
"""
CHOOSE = """
INSERT INTO notice_preference (cell, borrower_id, member_id, ways, refused, opens, closes, zone,
    changed_at, digest_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (cell, borrower_id, member_id) DO UPDATE SET ways = excluded.ways,
    refused = excluded.refused, opens = excluded.opens, closes = excluded.closes,
    zone = excluded.zone, changed_at = excluded.changed_at, digest_at = excluded.digest_at
"""
ASK_ANEW = f"""
WITH waiting AS (
    SELECT notice_id FROM notice WHERE cell = $1 AND borrower_id = $2 AND state = 1
        AND because = '{DIGEST}' AND bundle = 0 ORDER BY notice_id FOR UPDATE
) UPDATE notice n SET not_before = $3, because = '' FROM waiting
WHERE n.cell = $1 AND n.borrower_id = $2 AND n.notice_id = waiting.notice_id
"""
LOCK_BORROWER = """
SELECT borrower_id FROM borrower WHERE cell = $1 AND borrower_id = $2 AND status = 1 FOR SHARE
"""
WHO = "SELECT * FROM borrower WHERE cell = $1 AND borrower_id = $2 AND data_key <> ''"
NEWEST_FACTS = """
SELECT facts FROM notice
WHERE cell = $1 AND borrower_id = $2 AND member_id = 0 AND template_id = $3
ORDER BY notice_id DESC LIMIT 1
"""
"""Never of what a relative was told: that would say what the relative answered (R-FAMILY-04)."""
NO_CHOICE = {"ways": None, "refused": None, "opens": None, "closes": None, "digest_at": None,
             "zone": "", "suspended": False}  # fmt: skip
"""What joins a row of ``WHO`` where only the words count, not by which way they go."""
FORGET = (
    """UPDATE notice SET box = '', digits_hash = '', contact_hash = '', stopped_by = '',
        state = CASE WHEN state IN (1, 2, 6) THEN 7 ELSE state END,
        because = CASE WHEN state IN (1, 2, 6) THEN 'NOBODY' ELSE because END
    WHERE cell = $1 AND borrower_id = $2""",
    "DELETE FROM notice_preference WHERE cell = $1 AND borrower_id = $2",
)
