"""The SQL of monitors of scorecards: what was decided on closed days, and what came of it."""

from usance.risk.portfolio import OVER_30

LOCK = "SELECT one FROM warning_feed FOR UPDATE SKIP LOCKED"
"""One process at a time."""
DAYS = """
SELECT DISTINCT business_date FROM decision
WHERE score IS NOT NULL AND business_date <= $1
    AND business_date > coalesce((SELECT max(day) FROM monitor_day WHERE monitor = $2), '-infinity')
ORDER BY business_date
"""
SCORED = """
SELECT decision_id FROM decision
WHERE business_date = $1 AND score IS NOT NULL AND decision_id > $2 ORDER BY decision_id LIMIT $3
"""
CAME = f"""
WITH first AS (
    SELECT DISTINCT ON (cell, borrower_id) cell, borrower_id, score, business_date FROM decision
    WHERE scorecard_digest = $1 AND score IS NOT NULL AND business_date <= $2
    ORDER BY cell, borrower_id, decision_id
), came AS (
    SELECT width_bucket(score - 1, $3::int[]) AS band,
        1 / (1 + $5::int * power(2.0::float8, (score - $4::int) / $6::float8)) AS expected,
        EXISTS (SELECT FROM late_band b WHERE b.cell = f.cell
            AND b.contract_id BETWEEN f.borrower_id << 12 AND (f.borrower_id << 12) + 4095
            AND b.band >= {OVER_30} AND b.since > f.business_date AND b.since <= $2) AS bad
    FROM first f
)
SELECT band, count(*) AS people, round(avg(expected) * 10000)::int AS expected,
    count(*) FILTER (WHERE bad) AS bad
FROM came GROUP BY band ORDER BY band
"""
"""People by the band of their first score by the scorecard $1 up to the day $2: how many should
turn out bad by its odds, and who was more than thirty days late, or written off, since."""
