"""A process that sends, for the simulator that kills it: quick hours, short patience."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from tests.notices.house import PHONE
from tests.servicing.books import KEYS
from usance.notices.deciding import House
from usance.notices.delivery import Delivery
from usance.notices.gate import Gate
from usance.notices.legal import law
from usance.notices.providers import HttpProvider
from usance.notices.sending import sending
from usance.platform.database import open_pool
from usance.platform.http_courier import Limits

SPEED = 30
"""A lease of a minute is over in two seconds."""
LIMITS = Limits(connect_seconds=0.3, answer_seconds=0.4, answer_bytes=10_000)
LAW = law()  # read before the fork
QUICK = msgspec.structs.replace(sending(), retry_seconds=(5, 15, *(30,) * 30))
PROVIDER, TOKEN = "sandbox", "t0ken"


@dataclass(frozen=True)
class QuickClock:
    """From one moment of this machine on, the simulated day passes ``SPEED`` times as fast."""

    began: datetime
    morning: datetime

    def now(self) -> datetime:
        return self.morning + SPEED * (datetime.now(UTC) - self.began)


def send_for_ever(url: str, provider_url: str, clock: QuickClock) -> None:
    """Entry of the process."""
    asyncio.run(_send(url, provider_url, clock))


async def _send(url: str, provider_url: str, clock: QuickClock) -> None:
    pool = await open_pool(url, 3)
    provider = HttpProvider(PROVIDER, provider_url, TOKEN, clock, limits=LIMITS)
    house = House(KEYS, Gate(LAW), "CN", PHONE, QUICK, {"sms": [PROVIDER]})
    delivery = Delivery(pool, clock, house, {"sms": [provider]}, lanes=2)
    delivery.every_seconds = 0.05  # type: ignore[misc]
    delivery.start()
    await asyncio.Event().wait()
