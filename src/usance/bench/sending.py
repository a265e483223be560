"""The bench of sending: from taking a notice to noting that a provider took it.

The provider is the sandbox, a process of its own; every notice passes the gate, is rendered and
handed over by HTTP, one request each.
"""

import asyncio
import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from usance.bench.day import databases
from usance.bench.house import answering, command_line, environment, free_port
from usance.identity.borrowers import Borrowers
from usance.identity.people import Person
from usance.notices.deciding import House
from usance.notices.delivery import Delivery
from usance.notices.gate import Gate
from usance.notices.legal import law
from usance.notices.outbox import TAKEN, Telling, tell
from usance.notices.providers import HttpProvider
from usance.notices.sending import sending
from usance.platform.clock import FixedClock
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool, open_pool, transaction
from usance.platform.migrate import migrate
from usance.servicing.setup import create_book

NOON = datetime(2026, 6, 16, 4, tzinfo=UTC)
OPENED_ON = date(2026, 6, 16)
EACH = 3
"""Notices of one person: as many as the carriers' rows let through in a minute."""
LANES = 2
PHONE = "400-820-8820"
TOKEN = "bench"  # noqa: S105 - of a sandbox that ends with the bench
AT_ONCE = 5_000


async def measured(notices: int) -> float:
    """Seconds in which all of them are sent; each must have arrived at the provider once."""
    keys = LocalKeyService(b"i" * 32, {1: b"m" * 32})
    async with databases() as make:
        url = await make("sent", None)
        await migrate(url)
        pool = await open_pool(url, LANES + 1)
        await create_book(pool, name="bench", opened_on=OPENED_ON)
        await planned(pool, keys, notices)
        await pool.execute("VACUUM ANALYZE")
        await pool.execute("CHECKPOINT")
        with sandbox() as port:
            await answering(port)
            seconds = await sent(pool, keys, port)
            await checked(pool, port, notices)
        await pool.close()
    return seconds


async def sent(pool: Pool, keys: LocalKeyService, port: int) -> float:
    """Send until nothing is due; seconds."""
    clock = FixedClock(NOON)
    provider = HttpProvider("sandbox", f"http://127.0.0.1:{port}", TOKEN, clock)
    house = House(keys, Gate(law()), "CN", PHONE, sending(), {"sms": ["sandbox"]})
    delivery = Delivery(pool, clock, house, {"sms": [provider]}, LANES)
    started = time.perf_counter()
    await delivery.look()
    seconds = time.perf_counter() - started
    await provider.close()
    return seconds


async def planned(pool: Pool, keys: LocalKeyService, notices: int) -> None:
    """Borrowers, and what each of them is told: that payments came."""
    people = await Borrowers(pool, keys).register_many(
        [person(n) for n in range(-(-notices // EACH))], actor="bench"
    )
    told = [
        Telling(who, f"paid:{n}", "paid", {"amount": 5_000 + n, "day": "2026-06-16"})
        for n in range(EACH) for who in people
    ][:notices]  # fmt: skip
    for start in range(0, notices, AT_ONCE):
        async with transaction(pool) as connection:
            await tell(connection, told[start : start + AT_ONCE], NOON)


def person(number: int) -> Person:
    """Somebody with a number of their own."""
    return Person(f"Li {number}", f"+8613{number:09}", identity_number(number), "", "zh-CN")


def identity_number(number: int) -> str:
    """A made-up mainland identity number with its right check digit."""
    body = f"110101{1950 + number // 1_000 % 50}0101{number % 1_000:03}"
    body = f"{110_101 + number // 50_000}{body[6:]}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = sum(int(each) * weight for each, weight in zip(body, weights, strict=True)) % 11
    return body + "10X98765432"[check]


@contextmanager
def sandbox(*words: str) -> Iterator[int]:
    """The provider of the sandbox in a process of its own; its port."""
    port = free_port()
    command = command_line("sandbox", "messages", "--port", str(port), "--token", TOKEN, *words)
    with tempfile.TemporaryDirectory(prefix="usance-bench-") as home:
        process = subprocess.Popen(
            command, env=environment(str(Path(home))), stdout=subprocess.DEVNULL
        )
        try:
            yield port
        finally:
            process.terminate()
            process.wait(20)


async def checked(pool: Pool, port: int, notices: int) -> None:
    """All were taken, and each has one effect."""
    taken = await pool.fetchval(
        "SELECT count(*) FROM notice WHERE state = $1 AND channel = 'sms'", TAKEN
    )
    counts = await asyncio.to_thread(asked, port, "/sandbox/counts")
    assert taken == notices == counts["keys"] == counts["effects"], (taken, counts)


def asked(port: int, path: str) -> dict[str, int]:
    """What the sandbox says of itself."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        found: dict[str, int] = json.load(answer)
    return found
