"""Reads what was committed, in order and whole, and queues messages for the endpoints.

One process at a time has the turn; what it queues, and how far it came, are committed together, so
every message is queued exactly once whatever dies. Where nobody listens nothing is read or written.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import islice
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

import msgspec

from usance.contract import records as r
from usance.core.identifiers import CELLS
from usance.core.money import DECIMALS
from usance.core.rules import rule
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.logs import get_logger
from usance.webhooks import feed_sql as sql
from usance.webhooks import messages, types
from usance.webhooks.messages import Message, Names, Row

logger = get_logger(__name__)

STEP = 500
"""Operations read in one transaction, and messages queued in one statement."""
SETS = frozenset({"CloseDay", "Debit"})
"""Actions without a borrower under which events of many contracts are written."""
PARTS_OF_CELLS = 16

T = TypeVar("T")
Sent: TypeAlias = tuple[int, Message]
"""A message with the transaction that it is of."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far endpoints have been told."""

    through: int
    day_through: date
    day_seen: date | None
    day_bound: int | None


@dataclass(slots=True)
class Listener:
    """An endpoint, locked: what it is told of, and from when on."""

    endpoint_id: int
    types: frozenset[str]
    since: int
    since_at: datetime
    last_sequence: int
    queued: int = 0


@dataclass(slots=True)
class Turn:
    """A step under way."""

    connection: Connection
    names: Names
    now: datetime
    listeners: list[Listener]
    wanted: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = frozenset().union(*(each.types for each in self.listeners))

    @property
    def kinds(self) -> list[int]:
        """Kinds of events that anybody is told of."""
        return [kind for kind, each in types.OF_EVENTS.items() if each.name in self.wanted]


async def take_place(pool: Pool) -> None:
    """Begin anew where the numbers are those of another cluster, as after a logical restore.

    A place that lies ahead of every transaction would be waited for in vain.
    """
    if await pool.fetchval(sql.BRING_BACK):
        logger.error("webhooks had been told of transactions that this database does not have yet")


@rule("R-HOOK-07")
async def step(pool: Pool, clock: Clock) -> int | None:
    """Queue what there is, up to a measure; how many messages. None: nothing (more) to do now."""
    if not await pool.fetchval(sql.ANYTHING):
        return None
    async with transaction(pool) as connection:
        row = await connection.fetchrow(sql.TAKE_TURN)
        if row is None:
            return None  # another process has the turn
        listeners = [listener(each) for each in await connection.fetch(sql.LISTENING)]
        if not listeners:
            return None
        turn = Turn(connection, await names(connection), clock.now(), listeners)
        return await go_on(turn, Place(*row))


async def go_on(turn: Turn, place: Place) -> int:
    """Tell of transactions, then of days that are behind them."""
    lowest, highest = await turn.connection.fetchrow(sql.HORIZON)
    through = await tell_transactions(turn, place.through, lowest)
    place = await tell_days(turn, replace(place, through=through), highest)
    for each in turn.listeners:
        if each.queued:
            await turn.connection.execute(sql.COUNT_ON, each.endpoint_id, each.last_sequence)
    await turn.connection.execute(
        sql.MOVE_ON, place.through, place.day_through, place.day_seen, place.day_bound
    )
    return sum(each.queued for each in turn.listeners)


async def tell_transactions(turn: Turn, through: int, lowest: int) -> int:
    """Everything of the next transactions that have ended; through which one was told."""
    start = max(through, min(each.since for each in turn.listeners) - 1)
    rows = await turn.connection.fetch(sql.OPERATIONS, start, lowest, STEP)
    operations = up_to_a_set(rows)
    end = len(rows) < STEP and len(operations) == len(rows)
    last = max(start, lowest - 1) if end else operations[-1]["xid"]
    events = await events_of(turn, operations)
    changes = await turn.connection.fetch(sql.CHANGES, start, last)
    found = heapq.merge(
        told(events, turn.names, messages.of_event), told(changes, turn.names, messages.of_change),
        key=itemgetter(0),
    )  # fmt: skip
    for part in portions(found):
        await queue(turn, part)
    await turn.connection.execute(sql.FORGET_CHANGES, last)
    return last


def up_to_a_set(operations: Sequence[Row]) -> Sequence[Row]:
    """No more than one transaction on many contracts, and nothing after it."""
    for number, each in enumerate(operations):
        if each["borrower_id"] == 0 and each["action"] in SETS:
            rest = (n for n in range(number, len(operations))
                    if operations[n]["xid"] != each["xid"])  # fmt: skip
            return operations[: next(rest, len(operations))]
    return operations


async def events_of(turn: Turn, operations: Sequence[Row]) -> list[Row]:
    """The events that these operations wrote, of the kinds wanted, in order."""
    kinds = turn.kinds
    if not kinds:
        return []
    of_borrowers = [each["operation_id"] for each in operations if each["borrower_id"]]
    sets = [x for x in operations if not x["borrower_id"] and x["action"] in SETS]
    found = list(await turn.connection.fetch(sql.EVENTS_OF_BORROWERS, of_borrowers, kinds))
    if sets:
        days = sorted({each["business_date"] for each in sets})
        numbers = [each["operation_id"] for each in sets]
        found += await turn.connection.fetch(sql.EVENTS_OF_SETS, numbers, kinds, days)
        found.sort(key=itemgetter("xid", "operation_id"))
    return found


def portions(found: Iterable[T]) -> Iterator[list[T]]:
    """As many as are queued in one statement, so that others are served in between."""
    rest = iter(found)
    while portion := list(islice(rest, STEP)):
        yield portion


def told(rows: Iterable[Row], named: Names, say: Any) -> Iterator[Sent]:
    """Rows as messages; those that nobody is told of are left out."""
    for row in rows:
        message = say(row, named)
        if message is not None:
            yield row["xid"], message


async def tell_days(turn: Turn, place: Place, highest: int) -> Place:
    """Days that have finished, in their order, each after all that was committed before it.

    A finished day is told when every transaction that can have been of it has been: when
    transactions are told up to the newest one there was when it was first seen finished.
    """
    earliest = min(each.since_at for each in turn.listeners)
    for row in await turn.connection.fetch(sql.FINISHED_DAYS, place.day_through, earliest):
        day = row["business_date"]
        if row["finished_at"] is None:
            break
        if place.day_seen != day:
            place = replace(place, day_seen=day, day_bound=highest)
        assert place.day_bound is not None
        if place.through < place.day_bound - 1:
            break
        await tell_day(turn, row)
        place = replace(place, day_through=day, day_seen=None, day_bound=None)
    return place


async def tell_day(turn: Turn, closed: Row) -> None:
    """What the close of a day found, contract by contract, and that it is closed."""
    named = {types.OVERDUE.name: r.OVERDUE_STEP, types.DUE_SOON.name: r.REMINDER}
    kinds = [kind for name, kind in named.items() if name in turn.wanted]
    day = closed["business_date"]
    for part in range(PARTS_OF_CELLS if kinds else 0):
        low, high = (CELLS * n // PARTS_OF_CELLS for n in (part, part + 1))
        rows = await turn.connection.fetch(
            sql.NOTICES, day, kinds, day.toordinal(), low, high - 1
        )
        found = (messages.of_notice(row, closed) for row in rows)
        for some in portions(each for each in found if each is not None):
            await queue_of_day(turn, some, closed)
    await queue_of_day(turn, [messages.of_day(closed)], closed)


async def queue_of_day(turn: Turn, found: Sequence[Message], closed: Row) -> None:
    """Queue messages of a closed day for those that listened when it finished."""
    for each in turn.listeners:
        if closed["finished_at"] >= each.since_at:
            await write(turn, each, [m for m in found if m.type in each.types])


async def queue(turn: Turn, found: Sequence[Sent]) -> None:
    """Queue messages for everybody who is told of their type, from when they listen on."""
    for each in turn.listeners:
        mine = [m for xid, m in found if m.type in each.types and xid >= each.since]
        await write(turn, each, mine)


async def write(turn: Turn, to: Listener, found: Sequence[Message]) -> None:
    """Queue messages for one endpoint, numbered on."""
    if not found:
        return
    first = to.last_sequence + 1
    to.last_sequence += len(found)
    to.queued += len(found)
    await turn.connection.execute(
        sql.QUEUE, to.endpoint_id, list(range(first, first + len(found))),
        [m.type for m in found], [msgspec.json.encode(m.data).decode() for m in found],
        [m.happened_at for m in found], [m.business_date for m in found],
        [m.operation_id for m in found], turn.now,
    )  # fmt: skip


def listener(row: Row) -> Listener:
    """A row as it is worked with."""
    chosen = frozenset(msgspec.json.decode(row["types"], type=list[str]))
    return Listener(
        row["endpoint_id"], chosen, row["since"], row["since_at"], row["last_sequence"]
    )


async def names(connection: Connection) -> Names:
    """What numbers of the tables are called outside."""
    currency = await connection.fetchval(sql.CURRENCY)
    products = {row["product_id"]: row["code"] for row in await connection.fetch(sql.PRODUCTS)}
    return Names(currency, DECIMALS[currency], products)
