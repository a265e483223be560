"""The SQL of planning: what was committed, as notices, by statements over many rows.

Each begins with what happened and ends in ``notice``; what follows from it for others (a relative)
is a further part over ``planned``. A notice that is there already is left alone, so each statement
may be run again.
"""

from collections.abc import Iterable

from usance.platform.following import COMMITTED, bring_back, move_on, take_turn

FEED = "notice_feed"
TAKE_TURN, MOVE_ON, BRING_BACK = take_turn(FEED), move_on(FEED), bring_back(FEED)
BEGIN_HERE = """
UPDATE notice_feed SET through = greatest(through, (pg_snapshot_xmin(pg_current_snapshot())::text
        ::numeric - 1)::text::xid8),
    day_through = greatest(day_through, (SELECT max(business_date) FROM day_close
        WHERE finished_at IS NOT NULL))
"""
"""What has ended by now is behind it."""
ANYTHING = f"""
SELECT {COMMITTED}
    OR EXISTS (SELECT FROM day_close WHERE business_date > day_through
        AND finished_at IS NOT NULL)
FROM notice_feed
"""
FINISHED_DAYS = """
SELECT business_date, finished_at, (SELECT business_date FROM book) AS open_day
FROM day_close WHERE business_date > $1 ORDER BY business_date
"""

COLUMNS = (
    "cell, borrower_id, key, template_id, purpose, audience, scope, member_id, contract_id, facts,"
    " box, business_date, not_before, until"
)
TOLD = """
told AS MATERIALIZED (
    SELECT kind, days, told.template_id, not_before, until, body ->> 'purpose' AS purpose,
        body ->> 'audience' AS audience, coalesce(body ->> 'scope', '') AS scope
    FROM unnest($1::smallint[], $2::smallint[], $3::text[], $4::timestamptz[], $5::timestamptz[])
        AS told (kind, days, template_id, not_before, until)
    CROSS JOIN LATERAL (
        SELECT t.body::jsonb AS body FROM notice_template t
        WHERE t.template_id = told.template_id ORDER BY version DESC LIMIT 1
    ) AS template
)
"""
"""$1 to $5: by which template what is told, from when on, and until when it is of use."""


def planning(found: str, follows: Iterable[str]) -> str:
    """A statement that plans what ``found`` selects, and what follows; how many of both."""
    parts = [f"more_{n} AS ({each} RETURNING 1)" for n, each in enumerate(follows)]
    names = ["planned", *(f"more_{n}" for n in range(len(parts)))]
    counts = " + ".join(f"(SELECT count(*) FROM {name})" for name in names)
    planned = f"""planned AS (
        INSERT INTO notice ({COLUMNS})
        SELECT cell, borrower_id, key, template_id, purpose, audience, scope, 0, contract_id,
            facts, ''::bytea, business_date, not_before, until FROM found ORDER BY place
        ON CONFLICT (cell, borrower_id, key) DO NOTHING
        RETURNING cell, borrower_id, notice_id, template_id, contract_id, facts, business_date,
            not_before, until
    )"""
    return f"WITH {TOLD}, {found}, {', '.join([planned, *parts])} SELECT {counts}"


OFFERED = """
ops AS (
    SELECT operation_id, borrower_id, business_date FROM operation
    WHERE xid > $1 AND xid <= $2 AND action = 'MakeOffer'
), offered AS (
    SELECT o.cell, o.borrower_id, o.offer_id, ops.business_date, $3::timestamptz AS not_before,
        $4::timestamptz AS until
    FROM ops JOIN offer o ON o.cell = ops.borrower_id % 1024 AND o.borrower_id = ops.borrower_id
        AND o.operation_id = ops.operation_id AND o.status = 1
)
"""
"""Offers that were made by operations with $1 < xid <= $2, and are open."""


def following(found: str, follows: str) -> str:
    """A statement that plans only what follows from ``found``; how much."""
    return f"WITH {found}, more AS ({follows} RETURNING 1) SELECT count(*) FROM more"


PLAN = """
INSERT INTO notice (cell, borrower_id, key, template_id, purpose, audience, scope, member_id,
    contract_id, facts, box, business_date, not_before, until)
SELECT cell, borrower_id, key, template_id, body ->> 'purpose', body ->> 'audience',
    coalesce(body ->> 'scope', ''), member_id, contract_id, facts, box,
    (SELECT business_date FROM book), not_before, until
FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
        $7::jsonb[], $8::bytea[], $9::timestamptz[], $10::timestamptz[])
    AS given (cell, borrower_id, key, template_id, member_id, contract_id, facts, box, not_before,
        until)
CROSS JOIN LATERAL (
    SELECT t.body::jsonb AS body FROM notice_template t WHERE t.template_id = given.template_id
    ORDER BY version DESC LIMIT 1
) AS template
ON CONFLICT (cell, borrower_id, key) DO NOTHING
"""
"""A template that the book does not have tells nobody anything; whether its version is in force is
asked when it is sent."""
