"""What a recipient chose: by which ways, in which hours, and what they do not want to be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from usance.core.identifiers import cell_of_borrower
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.notices import own_sql
from usance.notices.documents import PURPOSES, WAYS
from usance.notices.gate import SECURITY
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool

DAY = 24 * 60
SHORTEST = 60
"""Hours shorter than this would leave no room for anything."""


class Preferences(Struct, frozen=True):
    """``ways``: channels in their order; empty: the house's. ``refused``: (purpose, channel).

    ``opens``, ``closes``: minutes of the day, None: those of the law. ``zone``: where they are,
    empty: where the book is. ``digest_at``: the minute of the day at which what can wait is told
    together, None: at once.
    """

    ways: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    opens: int | None = None
    closes: int | None = None
    zone: str = ""
    digest_at: int | None = None


@rule("R-PREFER-01")
def check(wanted: Preferences) -> None:
    """Raise the first thing that cannot be chosen."""
    for way in wanted.ways:
        if way not in WAYS:
            raise Refused("R-PREFER-01", f"a way is one of {', '.join(WAYS)}", "ways")
    if len(set(wanted.ways)) < len(wanted.ways):
        raise Refused("R-PREFER-01", "each way stands once", "ways")
    for purpose, channel in wanted.refused:
        if purpose not in PURPOSES or channel not in WAYS:
            raise Refused("R-PREFER-01", "a purpose and a channel are switched off", "refused")
        if purpose == SECURITY:
            detail = "what protects you cannot be switched off"
            raise Refused("R-PREFER-01", detail, "refused")
    _check_hours(wanted.opens, wanted.closes)
    _check_digest(wanted)
    if wanted.zone:
        _check_zone(wanted.zone)


@rule("R-PREFER-01")
def _check_hours(opens: int | None, closes: int | None) -> None:
    if opens is None and closes is None:
        return
    if opens is None or closes is None or not 0 <= opens < closes <= DAY:
        raise Refused("R-PREFER-01", "hours begin before they end, within a day", "hours")
    if closes - opens < SHORTEST:
        raise Refused("R-PREFER-01", "at least one hour a day must be left", "hours")


@rule("R-PREFER-02")
def _check_digest(wanted: Preferences) -> None:
    """Together at a moment of the day, which lies within one's own hours."""
    at = wanted.digest_at
    if at is None:
        return
    if not 0 <= at < DAY:
        raise Refused("R-PREFER-02", "told together at a minute of the day", "digest_at")
    if wanted.opens is not None and wanted.closes is not None and not (
        wanted.opens <= at < wanted.closes
    ):  # fmt: skip
        detail = "what is told together comes within your own hours"
        raise Refused("R-PREFER-02", detail, "digest_at")


@rule("R-PREFER-01")
def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise Refused("R-PREFER-01", "no time zone is called so", "zone") from error


def preferences_in(row: Any) -> Preferences:
    """A row; the house's own where there is none."""
    if row is None:
        return Preferences()
    return Preferences(
        tuple(msgspec.json.decode(row["ways"])),
        tuple(tuple(each) for each in msgspec.json.decode(row["refused"])),
        row["opens"], row["closes"], row["zone"], row["digest_at"],
    )  # fmt: skip


async def chosen_by(
    where: Connection | Pool, borrower_id: int, member_id: int = 0
) -> Preferences:
    """What somebody chose."""
    place = cell_of_borrower(borrower_id), borrower_id, member_id
    return preferences_in(await where.fetchrow(own_sql.PREFERENCE, *place))


async def write(
    connection: Connection, borrower_id: int, member_id: int, wanted: Preferences, clock: Clock
) -> None:
    """Keep what was checked."""
    await connection.execute(
        own_sql.CHOOSE, cell_of_borrower(borrower_id), borrower_id, member_id,
        as_json(wanted.ways), as_json(wanted.refused), wanted.opens, wanted.closes, wanted.zone,
        clock.now(), wanted.digest_at,
    )  # fmt: skip


def as_json(value: Sequence[object]) -> str:
    """A row's JSON."""
    return msgspec.json.encode(value).decode()


@rule("R-PREFER-01", "R-PREFER-02")
async def choose(
    pool: Pool, clock: Clock, borrower_id: int, wanted: Preferences, asking: Asking
) -> Answer:
    """A borrower's own choice, in force from the next notice on. Raises ``Refused``.

    What waits to be told together is asked about anew. It is locked before its borrower, as those
    who send do.
    """
    check(wanted)

    async def make(change: Change) -> dict[str, Any]:
        place = cell_of_borrower(borrower_id), borrower_id
        await change.connection.execute(own_sql.ASK_ANEW, *place, clock.now())
        if await change.connection.fetchval(own_sql.LOCK_BORROWER, *place) is None:
            raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
        await write(change.connection, borrower_id, 0, wanted, clock)
        hashed = digest([("notice_preference", [(borrower_id, 0)])])
        said = msgspec.to_builtins(wanted)
        await change.note("ChooseNotices", hashed, said, borrower_id=borrower_id)
        return dict(said)

    return await once(pool, asking, make)
