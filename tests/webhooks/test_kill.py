"""kill -9 in the middle of feeding and sending: every event arrives, none is lost or renamed."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest

from tests.webhooks import killable
from tests.webhooks.hooks import house
from tests.webhooks.receiver import Received, receiving, status
from usance.core.identifiers import written
from usance.platform.clock import SystemClock
from usance.platform.database import Pool
from usance.servicing import commands as asked
from usance.webhooks import store


def start(url: str) -> multiprocessing.Process:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([killable.__name__])
    process = context.Process(target=killable.work_for_ever, args=(url,), daemon=True)
    process.start()
    return process


async def kill_again_and_again(url: str, kills: int) -> list[multiprocessing.Process]:
    """Three workers, one of which is killed every moment and another one started."""
    workers = [start(url) for _ in range(3)]
    for kill in range(kills):
        await asyncio.sleep(random.uniform(0.1, 0.4))
        victim = workers[kill % 3]
        victim.kill()
        await asyncio.to_thread(victim.join)
        workers[kill % 3] = start(url)
    return workers


@pytest.mark.parametrize("kills", [24, pytest.param(400, marks=pytest.mark.soak)])
async def test_killed_workers_lose_nothing(database: str, pool: Pool, kills: int) -> None:
    async def moody(_: Received, __: object) -> bytes:
        await asyncio.sleep(random.uniform(0, 0.03))
        return status("500 Oops") if random.random() < 0.1 else status("204 No Content")

    async with house(pool) as home, receiving() as receiver:
        receiver.answer = moody
        home.endpoints.clock = SystemClock()
        endpoint = await home.register(receiver.url, ["repayment.booked", "contract.opened"])
        people = await home.book.borrowers(8)
        loans = []
        for who in people:
            await home.book.line(who, "cash_loan")
            loans.append(await home.book.loan(who))
        stop = asyncio.Event()

        async def paying() -> None:
            while not stop.is_set():
                loan = random.choice(loans)
                await home.book.do(asked.Repay(contract_id=loan, amount=1))
                await asyncio.sleep(0.01)

        payers = [asyncio.create_task(paying()) for _ in range(2)]
        workers = await kill_again_and_again(database, kills)
        stop.set()
        await asyncio.gather(*payers)
        try:
            await settled(pool, endpoint)
        finally:
            for each in workers:
                each.kill()
        wanted = await pool.fetch("SELECT contract_id, seq FROM event WHERE kind IN (1, 3)")
        rows = await home.queued(endpoint)
        fences = await pool.fetchval("SELECT max(fence) FROM webhook_delivery")
    queued = Counter((each["contract_id"], each["event"]) for each in map(said, rows))
    assert queued == Counter((written("contract", c), seq) for c, seq in wanted), "each once"
    bodies = defaultdict(set)
    for each in receiver.received:
        bodies[each.id].add(each.body)
    assert bodies.keys() == {f"w-{endpoint}-{row['sequence']}" for row in rows}, "each arrived"
    assert {len(each) for each in bodies.values()} == {1}, "always the same under the same id"
    assert len(receiver.received) > len(bodies), "no attempt was repeated"
    assert fences > 1, "no kill hit a message on its way"


def said(row: store.Row) -> dict[str, object]:
    found: dict[str, object] = json.loads(row["data"])
    return found


async def settled(pool: Pool, endpoint: int) -> None:
    """Wait until everything that was committed is queued and delivered."""
    query = """SELECT (SELECT count(*) FROM event WHERE kind IN (1, 3)), count(*),
        count(*) FILTER (WHERE state = 1) FROM webhook_delivery WHERE endpoint_id = $1"""
    began = datetime.now(UTC)
    while True:
        events, queued, delivered = await pool.fetchrow(query, endpoint)
        if events == queued == delivered:
            return
        assert (datetime.now(UTC) - began).seconds < 90, (events, queued, delivered)
        await asyncio.sleep(0.1)
