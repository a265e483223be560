"""The SQL of asking whether a notice is genuine: buckets, look-up, misses, alarms, reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.notices.asking_policy import AskingPolicy
from usance.notices.buckets import Ask, Taken
from usance.notices.surges import Misses, usual_of
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
Either: TypeAlias = Connection | Pool
AT_ONCE = 5_000
"""Rows that are swept away at a time."""


# -- buckets ---------------------------------------------------------------------------------------

FILL = """
    ON CONFLICT (subject) DO UPDATE
    SET filled_until = greatest(old.filled_until, $4) + (excluded.filled_until - $4)
    WHERE greatest(old.filled_until, $4) + (excluded.filled_until - $4) <= $4 + {within}
    RETURNING 1"""
TAKE = f"""
WITH page_now AS (SELECT filled_until FROM verify_bucket WHERE subject = $2),
asked AS (
    SELECT CASE WHEN (SELECT filled_until FROM page_now) - $4 > $8::interval * $11::int / 100
        THEN $12::int ELSE 1 END AS counts
),
network AS (
    INSERT INTO verify_bucket AS old (subject, filled_until)
    SELECT $1, $4 + $5::interval * counts FROM asked {FILL.format(within="$6::interval")}
),
page AS (
    INSERT INTO verify_bucket AS old (subject, filled_until)
    SELECT $2, $4 + $7::interval FROM network {FILL.format(within="$8::interval")}
),
code AS (
    INSERT INTO verify_bucket AS old (subject, filled_until)
    SELECT $3, $4 + $9::interval FROM page WHERE $3 <> ''::bytea
    {FILL.format(within="$10::interval")}
)
SELECT EXISTS (SELECT FROM network) AS network, EXISTS (SELECT FROM page) AS page,
    EXISTS (SELECT FROM code) OR ($3 = ''::bytea AND EXISTS (SELECT FROM page)) AS code
"""
"""Of an ask, network first: what one network asks too much costs the page nothing. What is refused
writes nothing."""


class Kept:
    """Buckets in the database; ``network``, ``page`` and ``code`` are names of limits."""

    def __init__(self, pool: Pool, policy: AskingPolicy, network: str, page: str) -> None:
        self._pool = pool
        buckets = [policy.bucket(each) for each in (network, page, "code")]
        self._lengths = [length for each in buckets for length in (each.step, each.within)]
        self._strain = policy.strain

    async def take(self, ask: Ask, now: datetime) -> Taken:
        """Count an ask in all of its buckets: one statement."""
        row = await self._pool.fetchrow(
            TAKE, ask.network, ask.page, ask.code, now, *self._lengths, self._strain.above,
            self._strain.counts,
        )  # fmt: skip
        return Taken(row["network"], row["page"], row["code"])


async def sweep(connection: Either, now: datetime, kept: timedelta) -> None:
    """Delete buckets that have leaked out, and minutes that nobody looks at any more."""
    await connection.execute(
        "DELETE FROM verify_bucket WHERE subject IN (SELECT subject FROM verify_bucket"
        " WHERE filled_until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now, AT_ONCE,
    )  # fmt: skip
    await connection.execute("DELETE FROM verify_minute WHERE minute < $1", minute_of(now - kept))


# -- look-up ---------------------------------------------------------------------------------------

NEAR = 2
"""Rows looked at for each key: two notices with one code are told apart by their digits."""
LOOK_UP = """
SELECT wanted.number, found.cell, found.borrower_id, found.notice_id, found.code_hash,
    found.digits_hash
FROM unnest($1::bytea[]) WITH ORDINALITY AS wanted (code_hash, number)
CROSS JOIN LATERAL (
    SELECT cell, borrower_id, notice_id, code_hash, digits_hash FROM notice
    WHERE code_hash >= wanted.code_hash AND code_hash <> ''::bytea
    ORDER BY code_hash LIMIT $2
) AS found
"""
"""The next notices by their hash, whether one of them is the one that is asked for or not: so it is
the same work, and the same number of rows, for a code that was never made."""


async def near(connection: Either, hashes: Sequence[bytes]) -> Sequence[Row]:
    """The rows next to each of the hashes; ``number`` counts the hashes from 1."""
    rows: Sequence[Row] = await connection.fetch(LOOK_UP, hashes, NEAR)
    return rows


async def asked(connection: Either, row: Row, now: datetime) -> Row:
    """One more right ask of a notice: how often it was until now, and when first."""
    found: Row = await connection.fetchrow(
        "INSERT INTO notice_asked AS old (cell, borrower_id, notice_id, times, first_at, last_at)"
        " VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT (cell, borrower_id, notice_id) DO UPDATE"
        " SET times = old.times + 1, last_at = $4 RETURNING times, first_at",
        row["cell"], row["borrower_id"], row["notice_id"], now,
    )  # fmt: skip
    return found


async def facts(connection: Either, row: Row) -> Row:
    """What a notice says, with its template."""
    found: Row = await connection.fetchrow(
        "SELECT n.channel, n.state, n.sent_at, n.facts, n.template_id, t.body FROM notice n"
        " LEFT JOIN notice_template t USING (template_id, version)"
        " WHERE n.cell = $1 AND n.borrower_id = $2 AND n.notice_id = $3",
        row["cell"], row["borrower_id"], row["notice_id"],
    )  # fmt: skip
    return found


async def asked_of(connection: Either, borrower_id: int) -> Sequence[Row]:
    """How often notices of a borrower were asked for."""
    rows: Sequence[Row] = await connection.fetch(
        "SELECT notice_id, times, first_at, last_at FROM notice_asked"
        " WHERE cell = $1 AND borrower_id = $2 ORDER BY notice_id",
        cell_of_borrower(borrower_id), borrower_id,
    )  # fmt: skip
    return rows


async def forget(connection: Connection, borrower_id: int) -> None:
    """Nobody asked for notices of this borrower."""
    await connection.execute(
        "DELETE FROM notice_asked WHERE cell = $1 AND borrower_id = $2",
        cell_of_borrower(borrower_id), borrower_id,
    )  # fmt: skip


# -- misses and alarms -----------------------------------------------------------------------------


def minute_of(moment: datetime) -> int:
    """The minute of the epoch."""
    return int(moment.timestamp()) // 60


async def count(
    connection: Either, now: datetime, *, found: int = 0, missed: int = 0, refused: int = 0
) -> None:
    """Add to the minute."""
    await connection.execute(
        "INSERT INTO verify_minute AS old (minute, found, missed, refused) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (minute) DO UPDATE SET found = old.found + $2, missed = old.missed + $3,"
        " refused = old.refused + $4",
        minute_of(now), found, missed, refused,
    )  # fmt: skip


async def missed_between(connection: Either, first: int, end: int) -> int:
    """Misses from one minute on and before another."""
    found: int = await connection.fetchval(
        "SELECT coalesce(sum(missed), 0)::bigint FROM verify_minute"
        " WHERE minute >= $1 AND minute < $2",
        first, end,
    )  # fmt: skip
    return found


async def misses(connection: Either, now: datetime, policy: AskingPolicy) -> Misses:
    """Within the window that ends now, and usually; that is asked only where it could matter."""
    marks, end = policy.alarm, minute_of(now) + 1
    begins = end - marks.minutes
    lately = await missed_between(connection, begins, end)
    if lately < marks.least:
        return Misses(lately)
    minutes = marks.usual_days * 1440
    before = await missed_between(connection, begins - minutes, begins)
    return Misses(lately, usual_of(before, minutes, marks.minutes))


async def by_hour(connection: Either, now: datetime, hours: int) -> Sequence[Row]:
    """Found, missed and refused in the last hours, those without any too, the oldest first."""
    last = minute_of(now) // 60
    rows: Sequence[Row] = await connection.fetch(
        "SELECT hour, coalesce(sum(found), 0)::bigint AS found,"
        " coalesce(sum(missed), 0)::bigint AS missed, coalesce(sum(refused), 0)::bigint AS refused"
        " FROM generate_series($1::bigint, $2::bigint) AS hour"
        " LEFT JOIN verify_minute ON minute >= hour * 60 AND minute < hour * 60 + 60"
        " GROUP BY hour ORDER BY hour",
        last - hours + 1, last,
    )  # fmt: skip
    return rows


ALARM = ("alarm_id, raised_at, missed, usual, mark, peak, calm_at, acknowledged_at,"
         " acknowledged_by, reason")  # fmt: skip


async def raise_alarm(
    connection: Connection, now: datetime, found: Misses, mark: int
) -> int | None:
    """Its number; None where one is up."""
    number: int | None = await connection.fetchval(
        "INSERT INTO verify_alarm (raised_at, missed, usual, mark, peak)"
        " VALUES ($1, $2, $3, $4, $2) ON CONFLICT ((calm_at IS NULL)) WHERE calm_at IS NULL"
        " DO NOTHING RETURNING alarm_id",
        now, found.lately, found.usual, mark,
    )  # fmt: skip
    return number


async def alarm_up(connection: Either) -> Row | None:
    """The alarm that is up."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {ALARM} FROM verify_alarm WHERE calm_at IS NULL"
    )
    return row


async def went_on(connection: Either, alarm_id: int, lately: int) -> None:
    """The most misses within a window since it was raised."""
    await connection.execute(
        "UPDATE verify_alarm SET peak = $2 WHERE alarm_id = $1 AND peak < $2", alarm_id, lately
    )


async def calm(connection: Connection, alarm_id: int, now: datetime) -> bool:
    """It comes down; False where another process was faster."""
    tag: str = await connection.execute(
        "UPDATE verify_alarm SET calm_at = $2 WHERE alarm_id = $1 AND calm_at IS NULL",
        alarm_id, now,
    )  # fmt: skip
    return tag == "UPDATE 1"


async def acknowledge(
    connection: Connection, alarm_id: int, now: datetime, actor: str, reason: str
) -> bool:
    """A person has looked; False where there is no such alarm, or somebody has."""
    tag: str = await connection.execute(
        "UPDATE verify_alarm SET acknowledged_at = $2, acknowledged_by = $3, reason = $4"
        " WHERE alarm_id = $1 AND acknowledged_at IS NULL",
        alarm_id, now, actor, reason,
    )  # fmt: skip
    return tag == "UPDATE 1"


async def alarm(connection: Either, alarm_id: int) -> Row | None:
    """One alarm."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {ALARM} FROM verify_alarm WHERE alarm_id = $1", alarm_id
    )
    return row


async def alarms(connection: Either, before: int, limit: int) -> Sequence[Row]:
    """Alarms, the newest first."""
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT {ALARM} FROM verify_alarm WHERE alarm_id < $1 ORDER BY alarm_id DESC LIMIT $2",
        before, limit,
    )  # fmt: skip
    return rows


async def unacknowledged(connection: Either) -> int:
    """Alarms at which nobody has looked."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM verify_alarm WHERE acknowledged_at IS NULL"
    )
    return found


# -- suspicious messages ---------------------------------------------------------------------------

REPORT = ("report_id, at, channel, way, case_id, data_key, box, findings, state, closed_at,"
          " closed_by, reason")  # fmt: skip
OPEN, CLOSED = 1, 2


async def insert_report(connection: Connection, row: tuple[Any, ...]) -> None:
    """Number, moment, channel, way, case, key, box, findings."""
    await connection.execute(
        "INSERT INTO suspicious_report (report_id, at, channel, way, case_id, data_key, box,"
        " findings) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        *row,
    )


async def report(connection: Either, report_id: int) -> Row | None:
    """One report."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {REPORT} FROM suspicious_report WHERE report_id = $1", report_id
    )
    return row


async def reports(
    connection: Either, before: int, limit: int, *, open_only: bool = False
) -> Sequence[Row]:
    """Reports, the newest first."""
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT {REPORT} FROM suspicious_report WHERE report_id < $1 AND (state = 1 OR NOT $3)"
        " ORDER BY report_id DESC LIMIT $2",
        before, limit, open_only,
    )  # fmt: skip
    return rows


async def close_report(
    connection: Connection, report_id: int, now: datetime, actor: str, reason: str
) -> bool:
    """Somebody has looked; False where there is no such report that is open."""
    tag: str = await connection.execute(
        "UPDATE suspicious_report SET state = 2, closed_at = $2, closed_by = $3, reason = $4"
        " WHERE report_id = $1 AND state = 1",
        report_id, now, actor, reason,
    )  # fmt: skip
    return tag == "UPDATE 1"


async def forget_words(connection: Either, before: datetime) -> None:
    """The words of what was closed long ago cannot be read any more."""
    await connection.execute(
        "UPDATE suspicious_report SET data_key = '', box = ''"
        " WHERE data_key <> '' AND closed_at < $1",
        before,
    )
