"""A worker process for the tests that kill it: feeds and sends with a short lease."""

from __future__ import annotations

import asyncio

import msgspec

from tests.servicing.books import KEYS
from usance.platform.database import open_pool
from usance.webhooks import worker
from usance.webhooks.endpoints import Endpoints
from usance.webhooks.policy import Reach, default_policy

QUICK = msgspec.structs.replace(
    default_policy(), lease_seconds=2, answer_seconds=1, connect_seconds=1, retry_seconds=(1,) * 60
)
LOOPBACK = Reach(allow_http=True, networks=("127.0.0.0/8",))


def work_for_ever(url: str) -> None:
    """Entry of the process."""
    asyncio.run(_work(url))


async def _work(url: str) -> None:
    worker.FEED_SECONDS = worker.LOOK_SECONDS = 0.02
    pool = await open_pool(url, 4)
    worker.Worker(Endpoints(pool, KEYS, reach=LOOPBACK, policy=QUICK)).start()
    await asyncio.Event().wait()
