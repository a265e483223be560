"""The SQL of the book as a whole. Days of contracts are ordinals, all others dates."""

from usance.contract.records import ACTIVE, CHARGED_OFF, CLOSED
from usance.ledger import chart
from usance.risk.portfolio import EDGES, WRITTEN_OFF

ORDINAL = "({} - date '0001-01-01' + 1)"
MONTH = "date_trunc('month', date '0001-01-01' + (opened_on - 1))::date"
DAY = ORDINAL.format("$1::date")
LATE = f"CASE WHEN late_from BETWEEN 1 AND {DAY} - 1 THEN {DAY} - late_from ELSE 0 END"
BAND = (
    f"CASE status WHEN {CHARGED_OFF} THEN {WRITTEN_OFF} ELSE "
    + " + ".join(f"({LATE} > {edge})::int" for edge in EDGES) + " END"
)  # fmt: skip

CHANGED_SINCE = """
SELECT DISTINCT cell, contract_id FROM event WHERE booked_on > $1 ORDER BY cell, contract_id
LIMIT $2
"""
"""Contracts whose state has moved since the end of the day $1; every other stands as it did."""

OPENINGS = """
SELECT c.cell, c.contract_id, c.product_id, c.opened_on, o.document
FROM unnest($1::smallint[], $2::bigint[]) AS w (cell, contract_id)
JOIN contract c ON c.cell = w.cell AND c.contract_id = w.contract_id
JOIN contract_opening o ON o.cell = w.cell AND o.contract_id = w.contract_id
"""
EVENTS = """
SELECT e.contract_id, e.seq, e.kind, e.effective_on, e.booked_on, e.amount, e.of_seq, e.component,
    e.days, e.pinned, e.principal, e.interest, e.fee, e.penalty, e.credit
FROM unnest($1::smallint[], $2::bigint[]) AS w (cell, contract_id)
JOIN event e ON e.cell = w.cell AND e.contract_id = w.contract_id AND e.booked_on <= $3
ORDER BY e.contract_id, e.seq
"""

MEASURE = f"""
WITH replayed AS (
    SELECT * FROM unnest($2::smallint[], $3::bigint[], $4::smallint[], $5::int[], $6::smallint[],
        $7::bigint[]) AS r (cell, contract_id, product_id, opened_on, band, principal)
), changed AS (
    SELECT DISTINCT cell, contract_id FROM event WHERE booked_on > $1
), stood AS MATERIALIZED (
    SELECT cell, contract_id, product_id, opened_on, {BAND} AS band, unpaid_principal AS principal
    FROM contract c WHERE status IN ({ACTIVE}, {CHARGED_OFF}) AND opened_on <= {DAY}
        AND NOT EXISTS (SELECT FROM changed e
            WHERE e.cell = c.cell AND e.contract_id = c.contract_id)
    UNION ALL SELECT * FROM replayed
), late AS (
    SELECT cell, contract_id, band FROM stood WHERE band > 0
), ended AS (
    UPDATE late_band b SET until = $1 WHERE until IS NULL AND NOT EXISTS (
        SELECT FROM late l WHERE l.cell = b.cell AND l.contract_id = b.contract_id
            AND l.band = b.band)
), begun AS (
    INSERT INTO late_band (cell, contract_id, since, band)
    SELECT l.cell, l.contract_id, $1, l.band FROM late l
    LEFT JOIN late_band b ON b.cell = l.cell AND b.contract_id = l.contract_id AND b.until IS NULL
    WHERE b.band IS DISTINCT FROM l.band
)
INSERT INTO portfolio_day (day, product_id, opened, band, contracts, principal)
SELECT $1, product_id, {MONTH}, band, count(*), sum(principal) FROM stood GROUP BY 2, 3, 4
"""
"""A closed day, measured: contracts as they stood, added up, and how late each is now. $2 to $7:
what has changed since, as it stood then."""

PARTS = """
SELECT product_id, opened, band, contracts, principal FROM portfolio_day WHERE day = $1
ORDER BY product_id, opened, band
"""
LAST_MEASURED = "SELECT max(day) FROM portfolio_day WHERE day <= $1"
"""Through an index: the days stand in the key."""
LATE_ON = "since <= {day} AND (until IS NULL OR until > {day})"
MOVES = f"""
WITH first AS (
    SELECT cell, contract_id, band FROM late_band WHERE {LATE_ON.format(day="$1::date")}
), last AS (
    SELECT cell, contract_id, band FROM late_band WHERE {LATE_ON.format(day="$2::date")}
)
SELECT coalesce(f.band, 0) AS before, coalesce(l.band, 0) AS now, count(*) AS contracts
FROM first f FULL JOIN last l USING (cell, contract_id)
JOIN contract c USING (cell, contract_id)
WHERE c.opened_on <= {DAY} AND c.opened_on > 0 GROUP BY 1, 2
"""
"""Of contracts that were there on the day $1, and late on it or on the day $2."""
THERE = "SELECT coalesce(sum(contracts), 0)::bigint FROM portfolio_day WHERE day = $1"

OPENED = f"""
SELECT {MONTH} AS month, count(*) AS contracts FROM contract
WHERE opened_on <= {DAY} AND opened_on >= {ORDINAL.format("$2::date")} GROUP BY 1
"""
REACHED = f"""
WITH first AS (
    SELECT cell, contract_id, min(since) AS since FROM late_band
    WHERE since <= $1 AND band >= $3 GROUP BY 1, 2
)
SELECT {MONTH} AS month,
    ((extract(year FROM since) * 12 + extract(month FROM since))
        - (extract(year FROM {MONTH}) * 12 + extract(month FROM {MONTH})))::int AS age,
    count(*) AS contracts
FROM first JOIN contract c USING (cell, contract_id)
WHERE opened_on >= {ORDINAL.format("$2::date")} GROUP BY 1, 2
"""
"""When contracts opened since $2 were first in the band $3 or a later one, up to $1."""

BY_DAY = """
SELECT day, band, sum(contracts)::bigint AS contracts, sum(principal)::bigint AS principal
FROM portfolio_day WHERE day > $1 AND day <= $2 GROUP BY day, band ORDER BY day, band
"""
LOSSES = f"""
SELECT to_char(booked_on, 'YYYY-MM') AS month,
    sum(CASE account WHEN {chart.LOSSES} THEN debit - credit ELSE 0 END)::bigint AS losses,
    sum(CASE account WHEN {chart.RECOVERIES} THEN credit - debit ELSE 0 END)::bigint AS recoveries
FROM ledger_day WHERE account IN ({chart.LOSSES}, {chart.RECOVERIES})
    AND booked_on > $1 AND booked_on <= $2
GROUP BY 1 ORDER BY 1
"""
"""Of closed days, from the general ledger."""

KEEP = """
INSERT INTO monitor_day (monitor, day, figures) VALUES ($1, $2, $3)
ON CONFLICT (monitor, day) DO UPDATE SET figures = excluded.figures
"""
KEPT = """
SELECT day, figures FROM monitor_day WHERE monitor = $1 AND day > $2 AND day < $3 ORDER BY day
"""

BROKEN = f"""
WITH place AS (SELECT max(day) AS day FROM portfolio_day), stood AS (
    SELECT c.cell, c.contract_id, {BAND.replace("$1::date", "p.day")} AS band
    FROM contract c CROSS JOIN place p
    WHERE c.status <> {CLOSED} AND c.opened_on <= {DAY.replace("$1::date", "p.day")}
), changed AS (
    SELECT DISTINCT e.cell, e.contract_id FROM event e, place p WHERE e.booked_on > p.day
)
SELECT contract_id, coalesce(s.band, 0) AS expected, coalesce(b.band, 0) AS found
FROM (SELECT * FROM stood WHERE band > 0) AS s
FULL JOIN (SELECT * FROM late_band WHERE until IS NULL) AS b USING (cell, contract_id)
WHERE s.band IS DISTINCT FROM b.band
    AND (SELECT day FROM place) IS NOT NULL
    AND NOT EXISTS (SELECT FROM changed e
        WHERE e.cell = s.cell AND e.contract_id = s.contract_id
            OR e.cell = b.cell AND e.contract_id = b.contract_id)
ORDER BY contract_id LIMIT 1
"""
"""Contracts untouched since the day last measured are as late as was noted on it."""
