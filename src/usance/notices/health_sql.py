"""The SQL of how sending fares: breakers, weights of providers, and what a breaker stopped."""

from usance.notices.outbox import DROPPED, GOING, STOPPED, WAITS
from usance.notices.queue_sql import EARLIER

SUMS = """coalesce(sum(sent + failed), 0)::int AS sent, coalesce(sum(failed), 0)::int AS failed,
    coalesce(sum(bounced), 0)::int AS bounced, coalesce(sum(complained), 0)::int AS complained,
    coalesce(sum(length), 0)::bigint AS length"""
LATELY = f"""
SELECT asked.kind, asked.name, coalesce(b.state, 'closed') AS state,
    coalesce(b.because, '') AS because, now.*, before.sent / $5::int AS usual,
    before.sent AS before_sent, before.failed AS before_failed,
    before.bounced AS before_bounced, before.complained AS before_complained,
    before.length AS before_length
FROM unnest($1::text[], $2::text[]) AS asked (kind, name)
LEFT JOIN breaker b ON b.kind = asked.kind AND b.name = asked.name
CROSS JOIN LATERAL (
    SELECT coalesce(max(floor(extract(epoch FROM c.at) / 60)), 0)::bigint AS minute
    FROM breaker_change c WHERE c.kind = asked.kind AND c.name = asked.name
        AND c.state = 'closed' AND c.actor <> $6
) AS by_somebody
CROSS JOIN LATERAL (
    SELECT {SUMS} FROM sending_slot s WHERE s.kind = asked.kind AND s.name = asked.name
        AND s.slot > greatest($3::bigint - $4::bigint, by_somebody.minute - 1)
        AND s.slot <= $3::bigint
) AS now
CROSS JOIN LATERAL (
    SELECT {SUMS} FROM generate_series(1, $5::int) AS days
    JOIN sending_slot u ON u.kind = asked.kind AND u.name = asked.name
        AND u.slot > $3::bigint - 1440 * days - $4::bigint
        AND u.slot <= $3::bigint - 1440 * days
) AS before
ORDER BY asked.kind, asked.name
"""
"""What happened to those of $1, $2 in the $4 minutes through the minute $3, but nothing from before
a person (not $6) closed the breaker; and in the same minutes of $5 days."""
MOVE = """
INSERT INTO breaker AS b (kind, name, state, because, since) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (kind, name) DO UPDATE SET state = excluded.state, because = excluded.because,
    since = excluded.since
WHERE b.state = $6
RETURNING 1
"""
"""From the state $6 that it was seen in; of two who see it at once, one moves it."""
NOTE = """
INSERT INTO breaker_change (kind, name, state, because, at, actor, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
TAKE = "SELECT state FROM breaker WHERE kind = $1 AND name = $2 FOR UPDATE"
OF_BREAKER = """
state = {stopped} AND CASE $1 WHEN 'template' THEN template_id = $2 ELSE stopped_by = $2 END
"""
GO_ON = f"""
WITH again AS (
    UPDATE notice SET state = {WAITS}, not_before = $3, because = ''
    WHERE {OF_BREAKER.format(stopped=STOPPED)} RETURNING 1
) SELECT count(*) FROM again
"""
FALLEN = f"SET state = {DROPPED}, done_at = $3, because = 'PERSON'"
LET_FALL = f"""
WITH fallen AS (
    UPDATE notice {FALLEN} WHERE {OF_BREAKER.format(stopped=STOPPED)}
    RETURNING cell, borrower_id, notice_id
), with_them AS (
    UPDATE notice n {FALLEN} FROM fallen WHERE n.cell = fallen.cell
        AND n.borrower_id = fallen.borrower_id AND n.bundle = fallen.notice_id
        AND n.bundle <> 0 AND n.state = {WAITS}
) SELECT count(*) FROM fallen
"""
"""With a message falls what was to go in it."""
SEEN_LATELY = """
SELECT DISTINCT kind, name FROM sending_slot WHERE slot > $1
UNION SELECT kind, name FROM breaker WHERE state = 'warning'
"""
BREAKERS = f"""
SELECT kind, name, state, because, since, CASE state WHEN 'open' THEN (
        SELECT count(*) FROM notice WHERE state = {STOPPED} AND CASE kind WHEN 'template'
        THEN template_id = name ELSE stopped_by = name END) ELSE 0 END AS stopped
FROM breaker ORDER BY state = 'open' DESC, state = 'warning' DESC, kind, name LIMIT 500
"""
HISTORY = """
SELECT change_id, kind, name, state, because, at, actor, reason FROM breaker_change
ORDER BY change_id DESC LIMIT $1
"""
PROVIDERS = """
SELECT w.channel, w.name, w.weight, w.resting, w.changed_at,
    coalesce(sum(s.errors) FILTER (WHERE s.slot >= $1::bigint - 1), 0)::int AS errors,
    coalesce(sum(s.answered), 0)::int AS answered, coalesce(sum(s.slow), 0)::int AS slow
FROM provider_weight w LEFT JOIN sending_slot s ON s.kind = 'provider'
    AND s.name = w.channel || ' ' || w.name
    AND s.slot > $1::bigint - $2::bigint AND s.slot <= $1::bigint
GROUP BY w.channel, w.name ORDER BY w.channel, w.name
"""
LOCK_WEIGHTS = """
SELECT channel, name, resting FROM provider_weight ORDER BY channel, name FOR UPDATE
"""
FORGET_CHANNELS = "DELETE FROM provider_weight WHERE channel = ANY($1::text[])"
ENTER_PROVIDERS = """
INSERT INTO provider_weight (channel, name, weight, resting)
SELECT channel, name, resting, resting
FROM unnest($1::text[], $2::text[], $3::smallint[]) AS given (channel, name, resting)
ON CONFLICT DO NOTHING
"""
WEIGH = """
UPDATE provider_weight SET weight = $3, because = $4, changed_at = $5
WHERE channel = $1 AND name = $2
"""
IN_VAIN = f"""EXISTS (
    SELECT FROM notice earlier WHERE {EARLIER} AND earlier.state = {STOPPED}
)"""
"""Whether a notice ``n`` waits behind one that a breaker stopped: then it is not late."""
WAITING = f"""
SELECT count(*) FILTER (WHERE due) AS due,
    count(*) FILTER (WHERE state = {WAITS} AND NOT due) AS held,
    count(*) FILTER (WHERE state = {GOING}) AS going,
    count(*) FILTER (WHERE state = {STOPPED}) AS stopped,
    coalesce(extract(epoch FROM $1 - min(not_before) FILTER (WHERE due)), 0)::int AS lag
FROM notice n CROSS JOIN LATERAL (
    SELECT n.state = {WAITS} AND n.not_before <= $1 AND n.bundle = 0
        AND NOT {IN_VAIN} AS due
) AS stands WHERE state IN ({WAITS}, {GOING}, {STOPPED})
"""
LAG = f"""
SELECT coalesce(extract(epoch FROM now() - min(not_before)), 0)::float8 FROM notice n
WHERE state IN ({WAITS}, {GOING}) AND not_before <= now() AND bundle = 0 AND NOT {IN_VAIN}
"""
GRAPH = """
SELECT slot / 10 AS ten, kind, name, sum(sent)::int AS sent, sum(failed)::int AS failed,
    sum(bounced)::int AS bounced, sum(complained)::int AS complained
FROM sending_slot WHERE slot > $1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
CLEAR = "DELETE FROM sending_slot WHERE slot < $1"
CLEAR_COUNTERS = """
DELETE FROM notice_counter WHERE subject IN (
    SELECT subject FROM notice_counter WHERE changed_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
CLEAR_WATCHED = """
DELETE FROM breaker WHERE kind = ANY($1::text[]) AND state = 'closed' AND since < $2
"""
CLEAR_CHANGES = "DELETE FROM breaker_change WHERE kind = ANY($1::text[]) AND at < $2"
WARNINGS = """
SELECT name FROM breaker WHERE kind = $1 AND state = 'warning' ORDER BY name LIMIT 1000
"""
WATCHED_COUNTS = """
SELECT subject, counts -> $2 AS counter FROM notice_counter
WHERE subject = ANY($1::bytea[]) AND counts ? $2
"""
COUNT_ANEW = "UPDATE notice_counter SET counts = counts - $2::text WHERE subject = $1"
