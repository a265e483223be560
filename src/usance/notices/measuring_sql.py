"""The SQL of what notices lead to."""

from usance.contract import records as r

EFFECT = f"""
WITH told AS (
    SELECT n.template_id, n.cell, n.contract_id, (n.facts ->> 'n')::int AS n,
        CASE WHEN n.because = 'R-MEASURE-01' THEN 'held out' ELSE n.channel END AS channel,
        CASE WHEN $3 THEN extract(hour FROM n.sent_at AT TIME ZONE $4)::int ELSE -1 END AS hour,
        n.sent_at, n.seen_at IS NOT NULL AS seen,
        (n.facts ->> 'due_on')::date AS due_on
    FROM notice n
    WHERE n.state IN (3, 4) AND n.member_id = 0 AND n.sent_at >= $1 AND n.sent_at < $2
        AND n.facts ? 'n'
)
SELECT template_id, channel, hour, count(*)::int AS told, count(*) FILTER (WHERE seen)::int AS seen,
    count(*) FILTER (WHERE acted)::int AS acted,
    count(*) FILTER (WHERE over)::int AS over,
    count(*) FILTER (WHERE over AND on_time)::int AS on_time
FROM told CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM event e WHERE e.cell = told.cell AND e.contract_id = told.contract_id
            AND e.kind = {r.REPAYMENT} AND e.reversed_by = 0 AND e.recorded_at > told.sent_at
            AND e.recorded_at <= told.sent_at + interval '72 hours'
    ) AS acted, told.due_on < (SELECT business_date FROM book) AS over, NOT EXISTS (
        SELECT FROM notice_wanted w WHERE w.cell = told.cell
            AND w.contract_id = told.contract_id AND w.n = told.n
            AND w.kind = {r.OVERDUE_STEP}
    ) AS on_time
) AS came
GROUP BY template_id, channel, hour ORDER BY template_id, channel, hour
"""
"""Of bills told from $1 to $2: how many were seen, followed by a payment within three days, and
(where the due day is over) not late. $3: by the hour of the zone $4 in which they went."""
