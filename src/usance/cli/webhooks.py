"""``usance webhooks send``: feeds and sends webhooks in a process of its own."""

from __future__ import annotations

import asyncio
import signal

from usance.cli.house import opened, run


def send(*, until_idle: bool = False) -> None:
    """Send webhooks as fast as their receivers take them, beside the processes that serve.

    Parameters
    ----------
    until_idle
        End when nothing is due any more, instead of on a signal.
    """
    run(_send(until_idle=until_idle))


async def _send(*, until_idle: bool) -> None:
    from usance.core.refusals import Refused
    from usance.notices.pushes import receipts_of_pushes
    from usance.notices.receipts import ReceiptDesk
    from usance.platform.clock import SystemClock
    from usance.platform.key_client import open_keys
    from usance.servicing import read
    from usance.webhooks.endpoints import Endpoints
    from usance.webhooks.policy import Reach
    from usance.webhooks.worker import Worker

    async with opened() as (settings, pool):
        book = await read.book(pool)
        if book is None:
            raise Refused("R-BOOK-01", "there is no book yet; make one first")
        keys = open_keys(settings)
        reach = Reach(settings.webhooks_allow_http or book.demo, settings.webhooks_networks)
        desk = ReceiptDesk(pool, SystemClock(), {})
        worker = Worker(Endpoints(pool, keys, reach=reach), settled=receipts_of_pushes(desk))
        if until_idle:
            await worker.drain()
            return
        worker.start()
        await told_to_stop()
        await worker.stop()


async def told_to_stop() -> None:
    """Wait for a signal."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    await stop.wait()
