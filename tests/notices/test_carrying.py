"""From end to end over sockets: a bad provider, asked until it knows, and what it tells."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import uvicorn

from tests.notices.test_receipts import SECRET, planted
from tests.web.api_site import Site, opened
from usance.notices.outbox import GOING, TAKEN
from usance.notices.providers import REFUSED, HttpProvider, Order
from usance.notices.providers import TAKEN as YES
from usance.notices.receipt_rules import STATES, WEIGHTS
from usance.notices.sandbox import ROUGH, Effect
from usance.notices.sandbox_receipts import Reporter
from usance.notices.sandbox_server import Server, serving
from usance.platform.clock import SystemClock
from usance.platform.http_courier import Limits

COUNT = 300


@asynccontextmanager
async def listening(site: Site) -> AsyncIterator[str]:
    """The application behind a real port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(site.app, http="httptools", ws="none", lifespan="off",
                                log_config=None, access_log=False)  # fmt: skip
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[bound]))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        with contextlib.suppress(SystemExit):
            await task


async def carry(site: Site, provider: HttpProvider, key: str, lot: random.Random) -> str:
    """What a delivery worker does: asks until it knows, and notes it some time later."""
    order = Order(key, lot.choice(["sms", "voice"]), "+8613812345678", "x", "en", "x")
    for _ in range(60):
        outcome = await provider.carry(order)
        if outcome.said in (YES, REFUSED):
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(lot.random() / 2)  # receipts overtake the note
    if outcome.said == YES:
        await site.pool.execute(
            "UPDATE notice SET state = $1, reference = $2 WHERE key = $3",
            *(TAKEN, outcome.reference, key),
        )
    return outcome.said


def ends_as(effect: Effect) -> int:
    """The state that a notice must come to."""
    return STATES[max(WEIGHTS[each] for each in effect.states)]


async def test_every_notice_has_one_effect_and_comes_to_its_end(
    database: str, tmp_path: Path
) -> None:
    """R-DELIVERY-02, R-DELIVERY-05, R-REPORT-03, R-REPORT-05: with an outage in between."""
    file = tmp_path / "carriers.yaml"
    file.write_text(
        "providers: [{channel: sms, name: one, url: 'https://one.example', token: t,"
        f' receipts_secret: "{SECRET}"}}]'
    )
    file.chmod(0o600)
    environment = {"USANCE_CARRIERS_FILE": str(file)}
    keys, lot = [f"n-{number}" for number in range(COUNT)], random.Random(7)
    async with (
        opened(database, tmp_path, environment=environment) as site, listening(site) as usance
    ):
        for key in keys:
            await planted(site.pool, key, state=GOING)
            await site.pool.execute("UPDATE notice SET reference = '' WHERE key = $1", key)
        site.services.receipts.start()
        reporter = Reporter(usance, "one", SECRET, SystemClock())
        manners = msgspec.structs.replace(ROUGH, seed=3, silent=20, late_seconds=60)
        server = Server("t", manners, speed=60, reporter=reporter)
        async with serving(server) as address:
            limits = Limits(1, 0.3, 9_000)
            provider = HttpProvider("one", address, "t", SystemClock(), limits=limits)
            going = asyncio.gather(*(carry(site, provider, key, lot) for key in keys))
            await asyncio.sleep(0.3)
            server.sandbox.outage(0.5, "silence")
            said = Counter(await going)
            effects = server.sandbox.effects
            wanted = {each.key: ends_as(each) for each in effects}
            for _ in range(400):
                rows = await site.pool.fetch("SELECT key, state FROM notice WHERE reference <> ''")
                if {row["key"]: row["state"] for row in rows} == wanted and not reporter.waiting:
                    break
                await asyncio.sleep(0.05)
            await provider.close()
        await site.services.receipts.stop()
        assert {row["key"]: row["state"] for row in rows} == wanted
        assert said.keys() == {YES, REFUSED}
        assert max(Counter(each.key for each in effects).values()) == 1
        assert len(effects) == said[YES] == len(rows)
        assert max(each.asked for each in effects) > 1
        words = await site.pool.fetch("SELECT said, count(*) FROM notice_step GROUP BY 1")
        told = Counter(word for each in effects for word in each.states)
        assert {row["said"]: row["count"] for row in words} == told
