"""Counts what goes to one number, or comes from one place, and tells or stops what is too much."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from usance.core.rules import rule
from usance.notices import health_sql as sql
from usance.notices.breaker_moves import Place, move, open_now, warn_now
from usance.notices.breakers import OPEN, WARNING, Breaker
from usance.notices.counter_rows import Counters, of_contact
from usance.notices.counters import Counter, added, removed
from usance.notices.watches import (
    MANY,
    RECIPIENT,
    WATCHED,
    WatchNumbers,
    is_calm,
    state_of,
)
from usance.platform.database import Connection

ROW = "WATCHED"
"""Stands in a subject's counters beside the ids of the law's rows."""
NOTHING = Counter()


def subject_of(place: Place) -> bytes:
    """Whose counter a breaker goes by."""
    kind, name = place
    found = bytes.fromhex(name)
    return of_contact(found) if kind == RECIPIENT else kind.encode() + b":" + found


@rule("R-BREAKER-05")
async def count(
    connection: Connection, counters: Counters, place: Place, numbers: WatchNumbers, now: datetime
) -> bool:
    """Once more; whether that was once too often, so that its breaker is open now."""
    subject = subject_of(place)
    counter = added(
        counters.of(subject).get(ROW, NOTHING), numbers.window, numbers.slot(now)
    )
    counters.move(subject, ROW, counter)
    state = state_of(numbers.count(counter, now), numbers)
    if state == OPEN:
        await open_now(connection, place, MANY, now)
    elif state == WARNING:
        await warn_now(connection, place, MANY, now)
    return state == OPEN


def uncount(counters: Counters, place: Place, numbers: WatchNumbers, at: datetime) -> None:
    """Once less, where it was counted at a moment."""
    subject = subject_of(place)
    counter = counters.of(subject).get(ROW)
    if counter is not None:
        counters.move(subject, ROW, removed(counter, numbers.window, numbers.slot(at)))


@rule("R-BREAKER-05")
async def calm(
    connection: Connection, kind: str, numbers: WatchNumbers, ends_below: int, now: datetime
) -> None:
    """End warnings of a kind whose counts have come down."""
    names = [row["name"] for row in await connection.fetch(sql.WARNINGS, kind)]
    counts = await counts_of(connection, [(kind, name) for name in names])
    for place, counter in counts.items():
        if is_calm(numbers.count(counter, now), numbers, ends_below):
            await move(connection, place, Breaker(WARNING), Breaker(), now)


async def counts_of(
    connection: Connection, places: Collection[Place]
) -> dict[Place, Counter]:
    """The counter of each."""
    by_subject = {subject_of(each): each for each in places if each[0] in WATCHED}
    found = dict.fromkeys(by_subject.values(), NOTHING)
    for row in await connection.fetch(sql.WATCHED_COUNTS, list(by_subject), ROW):
        slot, counts = msgspec.json.decode(row["counter"])
        found[by_subject[row["subject"]]] = Counter(slot, tuple(counts))
    return found


async def forget(connection: Connection, place: Place) -> None:
    """A person has looked: it is counted anew."""
    await connection.execute(sql.COUNT_ANEW, subject_of(place), ROW)
