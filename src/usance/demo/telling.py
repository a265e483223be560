"""What the town is told in the last days of its year: planned, sent, and what came of it.

Every morning the planner looks at what was committed and at the day that was closed, and what is
due goes to the providers in small batches over the morning; in the evening what was held for it.
A day before the last the e-mail provider begins to refuse nearly everything: a breaker opens.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from msgspec import structs

from usance.cases.policy import case_policy
from usance.consents.service import Consents
from usance.demo import carrying, store, wishes
from usance.demo.carrying import PROVIDER, SECRET, Post
from usance.demo.relatives import FORGOTTEN, Relatives
from usance.family.follows import BEFORE, FOLLOWS
from usance.notices.deciding import House
from usance.notices.delivery import Delivery
from usance.notices.gate import Gate
from usance.notices.health import Health, look_at
from usance.notices.health_policy import Document, health_policy
from usance.notices.legal import law
from usance.notices.planner import Planner
from usance.notices.receipts import ReceiptDesk
from usance.notices.samples import BY_TYPE
from usance.notices.sending import sending
from usance.platform.clock import FixedClock
from usance.platform.crypto import KeyService
from usance.platform.database import Pool, transaction

DAYS = 8
"""So many mornings of the year are told of; what was before is told to nobody."""
MORNING, EVENING = time(9, 30), time(19, 30)
BREATH = timedelta(minutes=2)
"""Between batches."""
A_WHILE = timedelta(hours=1)
"""A morning that is younger is not the last one on which much happens."""
BATCH_LEAST = 8
"""Of a morning on which something goes wrong: it is seen before everything has gone."""
CITY = 200
"""People of whom enough are told by e-mail on any day that a breaker of theirs soon opens."""
BAD_LEAST, BAD_MOST = 2, 6
"""A town's e-mails are few: so many that were refused are enough for the breaker."""
EMAIL = "email"


class Teller:
    """Whoever tells the town, on a clock of its own that never passes ``now``."""

    def __init__(
        self, pool: Pool, keys: KeyService, currency: str, last: date, rng: Random, people: int,
        now: datetime | None = None,
    ) -> None:  # fmt: skip
        home, gate = case_policy().home(currency), Gate(law())
        self._pool, self._keys, self._rng = pool, keys, rng
        self._zone = ZoneInfo(gate.law.zones_of(home)[0].key)
        self._now = now or self._moment(last + timedelta(days=1), MORNING)
        if self._now < self._moment(last, MORNING) + A_WHILE:
            last -= timedelta(days=1)
        self._last = last
        self._first = last - timedelta(days=FORGOTTEN + 1)
        self._bad = last - timedelta(days=1 if people >= CITY else 3)
        self._enough = min(max(people // 100, BAD_LEAST), BAD_MOST)
        self._clock = FixedClock(self._moment(self._first, MORNING))
        self._planner = Planner(pool, self._clock, gate, home, (FOLLOWS,), BEFORE)
        self._receipts = ReceiptDesk(pool, self._clock, {PROVIDER: SECRET})
        self._email, self._sms = Post(rng), Post(rng)
        self._relatives = Relatives(pool, keys, home, self._clock)
        house = House(
            keys, gate, home, BY_TYPE["phone"], sending(),
            {"sms": [PROVIDER], EMAIL: [PROVIDER]}, self._relatives.family.members,
        )  # fmt: skip
        self._delivery = self._by(house)
        batch = max(people // 40, BATCH_LEAST)
        self._bit_by_bit = self._by(replace(house, policy=structs.replace(sending(), batch=batch)))
        weights = {("sms", PROVIDER): 100, (EMAIL, PROVIDER): 100}
        self._health = Health(pool, self._clock, weights, even_days())

    def _by(self, house: House) -> Delivery:
        """Who sends as a house does."""
        carriers = {"sms": [self._sms], EMAIL: [self._email]}
        return Delivery(self._pool, self._clock, house, carriers, 1, even_days())

    @property
    def now(self) -> datetime:
        """When the year ends, at the latest."""
        return self._now

    def tells(self, day: date) -> bool:
        """Whether a business day is one of the last."""
        return day >= self._first

    def is_near(self, day: date) -> bool:
        """Whether much is told on it."""
        return (self._last - day).days <= DAYS

    async def live(self, day: date) -> None:
        """A business day, after the close of the day before."""
        if not self._to(day, MORNING):
            return
        if day == self._first:
            await self._begin()
            return
        left = (self._last - day).days
        if left > DAYS:
            if left == FORGOTTEN and await self._relatives.live(left):
                await self._send()
            return
        if left == DAYS:
            await self._planner.begin_here()
        self._email.is_broken = day >= self._bad
        await self._planner.look()
        await self._send()
        if await self._relatives.live(left):
            await self._send()
        if left == 0:
            await wishes.doubt(self._pool, self._keys, self._clock, self._rng)
        if self._to(day, EVENING):
            await self._send()
        with quiet():
            await self._health.look()

    async def _begin(self) -> None:
        """From here on people are told; some have said how."""
        await self._planner.begin_here()
        await Consents(self._pool, self._keys, self._clock).enter_shipped()
        borrowers = await store.everybody(self._pool)
        await wishes.choose(self._pool, self._clock, borrowers, self._rng)

    async def _send(self) -> None:
        """Batch by batch until nothing is due, or it is now."""
        is_bad, count = self._email.is_broken, 1
        delivery = self._bit_by_bit if is_bad else self._delivery
        with quiet():
            while count and self._clock.now() + BREATH <= self._now:
                count = await delivery.turn()
                if is_bad:
                    await self._watch()
                if count:
                    self._clock.advance(BREATH)
            await carrying.tell(self._receipts, (self._sms, self._email), self._clock.now())

    async def _watch(self) -> None:
        """Look at the e-mails of a small town."""
        policy, now = few_enough(even_days(), self._enough), self._clock.now()
        async with transaction(self._pool) as connection:
            await look_at(connection, {("channel", EMAIL)}, now, policy)

    def _moment(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self._zone).astimezone(UTC)

    def _to(self, day: date, at: time) -> bool:
        """Wait until then; False if it has not come yet."""
        moment = self._moment(day, at)
        if moment > self._now:
            return False
        self._clock.advance(max(moment - self._clock.now(), timedelta(0)))
        return True


def even_days() -> Document:
    """The marks as they are shipped, but for an unusual volume.

    People came by the hundreds and have their statements on one day, so no day is usual yet.
    """
    return structs.replace(health_policy(), volume_least=10**9)


def few_enough(policy: Document, enough: int) -> Document:
    """The marks for a channel that few use."""
    marks = tuple(
        structs.replace(each, least=enough) if each.of == "failed" else each
        for each in policy.marks
    )
    return structs.replace(policy, marks=marks)


@contextmanager
def quiet() -> Iterator[None]:
    """That something goes wrong in an invented town is nobody's news."""
    usual = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(usual)
