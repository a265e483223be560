"""Fill a fresh book with invented lives: every day its commands, then its close."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from usance.core.days import add_months
from usance.day import close
from usance.demo import asking, paying, shopping, store
from usance.demo.judging import Judge
from usance.demo.measure import Measure, MonthEnds, measure
from usance.demo.people import Inhabitant, settle_people
from usance.demo.store import ACTOR, Standing
from usance.demo.telling import Teller
from usance.demo.town import Act, News, Town
from usance.identity import store as identity
from usance.identity.borrowers import Borrowers
from usance.identity.once import Answer
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.servicing.service import Book
from usance.servicing.setup import create_book

NAME = "Usance demo"
WORKERS = 1
GC_THRESHOLD = 100_000

Progress = Callable[[str], None]


@dataclass(slots=True)
class Filled:
    """What the fill did, and what the book shows."""

    borrowers: int = 0
    days: int = 0
    done: Counter[str] = field(default_factory=Counter)  # by command
    refused: Counter[str] = field(default_factory=Counter)  # by rule
    told: Counter[str] = field(default_factory=Counter)  # notices, by what came of them
    measures: list[Measure] = field(default_factory=list)
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """For the terminal."""
        total = sum(self.done.values())
        head = (
            f"{self.borrowers} borrowers, {self.days} days, {total} operations, "
            f"{sum(self.refused.values())} refused, in {self.seconds:.1f} s"
        )
        return [head, self.told_line(), *(each.line() for each in self.measures)]

    def told_line(self) -> str:
        """What people were told in the last weeks."""
        parts = ", ".join(f"{count:,} {word}" for word, count in self.told.most_common())
        return f"{self.told.total():,} notices: {parts or 'none'}"


async def fill(
    pool: Pool, keys: KeyService, *, borrowers: int = 1000, months: int = 12,
    seed: int = 20250101, now: datetime | None = None, progress: Progress = print,
) -> Filled:  # fmt: skip
    """Live ``months`` months from the open business date of a fresh book on.

    In the last weeks people are told what happens (``telling``), by ``now`` at the latest. The
    business date is ``months`` months later afterwards. Raises ``Refused`` (R-BORR-02) where the
    same people live in the book already.
    """
    started = time.perf_counter()
    first = await store.business_date(pool)
    last = add_months(first, months)
    rng = Random(seed)
    people = settle_people(rng, borrowers, first, last - first)
    book = Book(pool)
    await book.start()
    try:
        with few_collections():
            currency = await identity.currency(pool)
            teller = Teller(
                pool, keys, currency, date.fromordinal(last), Random(seed + 1),
                borrowers, now,
            )  # fmt: skip
            judge = Judge(pool, keys, currency, Random(seed + 2), teller.now)
            registry = Borrowers(pool, keys)
            year = Year(pool, book, registry, Town(rng, people), teller, judge, progress)
            await year.live(first, last)
            await judge.decide([each.borrower_id for each in people if each.borrower_id])
    finally:
        await book.stop()
    filled = year.filled
    filled.measures = await measure(pool, year.ends, last - first)
    filled.told = await store.told(pool)
    filled.seconds = time.perf_counter() - started
    for line in filled.lines():
        progress(line)
    return filled


async def open_demo_book(
    pool: Pool, keys: KeyService, *, today: date, now: datetime | None = None,
    borrowers: int = 1000, months: int = 12, progress: Progress = print,
) -> Filled:  # fmt: skip
    """Make the book of an invented lender, ``months`` before ``today``, and fill it until then."""
    opened_on = date.fromordinal(add_months(today.toordinal(), -months))
    await create_book(pool, name=NAME, opened_on=opened_on, demo=True)
    return await fill(
        pool, keys, borrowers=borrowers, months=months, now=now, progress=progress
    )


@contextmanager
def few_collections() -> Iterator[None]:
    """Thousands of short-lived rows a day are no garbage worth looking for so often."""
    usual = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def nothing_yet() -> asyncio.Future[None]:
    """What is done already."""
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


@dataclass(slots=True)
class Year:
    """The fill under way."""

    pool: Pool
    book: Book
    registry: Borrowers
    town: Town
    teller: Teller
    judge: Judge
    progress: Progress
    filled: Filled = field(default_factory=Filled)
    ends: MonthEnds = field(default_factory=MonthEnds)
    adding_up: asyncio.Future[None] = field(default_factory=nothing_yet)

    async def live(self, first: int, last: int) -> None:
        """Day by day: what people do, then the close."""
        newcomers = [(each.joins_on, each) for each in self.town.people]
        newcomers.reverse()
        for day in range(first, last):
            self.town.today = day
            joining = []
            while newcomers and newcomers[-1][0] <= day:
                joining.append(newcomers.pop()[1])
            await self.live_day(joining)
            await self.close(date.fromordinal(day))
            await self.tell(date.fromordinal(day + 1))
            self.filled.days += 1
            await self.turn_page(day)
        await self.adding_up

    async def close(self, on: date) -> None:
        """As ``day.close``, but a day is added up while people live the next one."""
        await self.adding_up
        await close.move_date(self.pool, on)
        woken = await close.wake_all(self.pool, on, WORKERS, lambda _: None)
        self.adding_up = asyncio.ensure_future(close.add_up(self.pool, on, woken))

    async def tell(self, day: date) -> None:
        """In the last weeks: what the close brought is told on the morning after."""
        if self.teller.tells(day):
            await self.adding_up
            if self.teller.is_near(day):
                await self.judge.look(day - timedelta(days=1))
            await self.teller.live(day)

    async def live_day(self, joining: list[Inhabitant]) -> None:
        """Everything that is asked of the book on one day."""
        acts = await self.welcome(joining)
        if date.fromordinal(self.town.today).day == 1:
            paying.turn_month(self.town)
            acts += asking.months_review(self.town)
        news = await self.news()
        for bill in news.bills:
            paying.receive(self.town, bill)
            asking.think_of_plan(self.town, bill)
        acts += asking.write_off(self.town, news.hopeless)
        acts += await self.agenda()
        acts += shopping.shop(self.town)
        await self.carry_out(acts)

    async def welcome(self, joining: list[Inhabitant]) -> list[Act]:
        """Register newcomers; their lines come next."""
        if not joining:
            return []
        people = [each.person for each in joining]
        numbers = await self.registry.register_many(people, actor=ACTOR)
        for who, borrower_id in zip(joining, numbers, strict=True):
            who.borrower_id = borrower_id
        self.filled.borrowers += len(joining)
        return [act for who in joining for act in asking.join(self.town, who)]

    async def news(self) -> News:
        """What last night's close brought."""
        today = self.town.today
        bills = await store.statements(self.pool, today - 1)
        bills += await store.instalments(self.pool, today + 2)
        late_since = today - asking.HOPELESS_AFTER
        return News(bills, await store.hopeless(self.pool, late_since))

    async def agenda(self) -> list[Act]:
        """What was planned for today, seen from where the contracts stand this morning."""
        deeds = self.town.agenda.pop(self.town.today, [])
        wanted = {deed.contract_id for deed in deeds}
        found = await store.standings(self.pool, wanted, self.town.today)
        return [
            act
            for deed in deeds
            for act in deed.act(found.get(deed.contract_id, Standing(deed.contract_id)))
        ]

    async def carry_out(self, acts: list[Act]) -> None:
        """Post the day; what is answered leads to more, now or later, always in the same order."""
        while acts:
            more: list[Act] = []
            for act, answer in zip(acts, await self.post(acts), strict=True):
                if answer.status >= 400:
                    self.filled.refused[answer.document["rule"]] += 1
                    continue
                self.filled.done[type(act.command).__name__] += 1
                more += (act.then and act.then(answer.document)) or ()
            acts = more

    async def post(self, acts: list[Act]) -> list[Answer]:
        """All commands of the day in two transactions side by side.

        While one waits for the database, the other decides. A borrower's commands stay together
        and in order.
        """
        halves: list[list[int]] = [[], []]
        for place, act in enumerate(acts):
            halves[act.command.borrower() >> 10 & 1].append(place)
        found = await asyncio.gather(
            *(self.submit([acts[place] for place in half]) for half in halves)
        )
        answers: list[Answer | None] = [None] * len(acts)
        for half, given in zip(halves, found, strict=True):
            for place, answer in zip(half, given, strict=True):
                answers[place] = answer
        return [each for each in answers if each is not None]

    async def submit(self, acts: list[Act]) -> list[Answer]:
        """One transaction."""
        if not acts:
            return []
        return await self.book.submit_many([act.command for act in acts], actor=ACTOR)

    async def turn_page(self, day: int) -> None:
        """At a month's end look at the book, and say how far it is."""
        on, tomorrow = date.fromordinal(day), date.fromordinal(day + 1)
        if on.month != tomorrow.month:
            await self.adding_up
            await self.ends.look(self.pool, day)
            total = sum(self.filled.done.values())
            self.progress(f"{on:%Y-%m}: {self.filled.borrowers} borrowers, {total} operations")
