"""A process that spends as fast as it may, for the tests that kill it and start it again."""

from __future__ import annotations

import asyncio
import os
import struct
import time
from datetime import timedelta

from usance.allowance.leases import Allowance, TooOften
from usance.allowance.policy import Rates
from usance.allowance.rules import MILLION, Rate
from usance.platform.clock import SystemClock
from usance.platform.database import open_pool

RATES = Rates(timedelta(milliseconds=300), {"every": Rate(400 * MILLION, 120)}, {})


def spend_for_ever(url: str, path: str) -> None:
    """Entry of the process: every request let through leaves its moment in a file at once."""
    asyncio.run(_spend(url, path))


async def _spend(url: str, path: str) -> None:
    pool = await open_pool(url, 2)
    allowance = Allowance(pool, SystemClock(), RATES)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        try:
            await allowance.spend(1, "GET /v1/book")
            os.write(file, struct.pack("<d", time.time()))
        except TooOften:
            await asyncio.sleep(0.002)
