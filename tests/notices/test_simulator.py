"""A provider through outages, duplicates and silence, and kill -9 of whoever sends.

Every notice is sent at least once and at most once under its key, in each borrower's order; none is
lost. ``USANCE_SEED`` repeats what the provider does and when somebody is killed; the machine's own
timing it cannot repeat. ``make soak`` sends a hundred thousand.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import secrets
import subprocess
import sys
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.notices import sending_worker
from tests.notices.house import house
from tests.notices.sending_worker import LIMITS, PROVIDER, SPEED, TOKEN, QuickClock
from tests.servicing.books import KEYS
from tests.webhooks.receiver import Received, receiving, status
from usance.bench.sending import person
from usance.identity.borrowers import Borrowers
from usance.notices.delivery import Delivery
from usance.notices.health_policy import health_policy
from usance.notices.outbox import ARRIVED, FAILED, STOPPED, TAKEN, Telling, tell
from usance.notices.providers import HttpProvider
from usance.notices.receipts import ReceiptDesk
from usance.notices.sandbox import ROUGH, Effect, Manners
from usance.notices.sandbox_server import Server, serving
from usance.notices.sending import sending
from usance.platform.clock import FixedClock, SystemClock
from usance.platform.database import Pool, transaction

MORNING = datetime(2026, 3, 2, 0, 5, tzinfo=UTC)
"""Five past eight in Shanghai: thirteen hours until nobody may be written to."""
EACH = 3
"""Notices of a borrower: as many as the carriers' rows let through in a minute."""
SECRET = "s3cret"
MANNERS = msgspec.structs.replace(
    ROUGH, failed=5, bounced=5, complained=0, receipt_ms=(0, 400), late_seconds=60
)
"""Rough, but not so that a breaker opens."""
WORKERS = 3
AT_ONCE = 5_000


@dataclass
class Provider:
    """The sandbox, which is a process of its own."""

    url: str

    async def ask(self, path: str, body: Any = None) -> Any:
        """What it says of itself, or what it is told."""
        return await asyncio.to_thread(self._ask, path, body)

    def _ask(self, path: str, body: Any) -> Any:
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    async def log(self) -> list[Effect]:
        """Everything that it did, in its order."""
        found: list[Effect] = []
        while True:
            page = await self.ask(f"/sandbox/log?after={len(found)}")
            if not page["effects"]:
                return found
            found += msgspec.convert(page["effects"], list[Effect])


@contextmanager
def sandbox(seed: int, receipts_to: str) -> Iterator[Provider]:
    """``usance sandbox messages``."""
    words = ["sandbox", "messages", "--port", "0", "--token", TOKEN, "--seed", str(seed),
             "--speed", str(SPEED), "--receipts-to", receipts_to, "--name", PROVIDER,
             "--secret", SECRET]  # fmt: skip
    command = [sys.executable, "-c", "from usance.cli.main import main; main()", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Provider(process.stdout.readline().split(": ")[1].strip())
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def desk(pool: Pool) -> AsyncIterator[str]:
    """Somebody who takes receipts over HTTP, and looks again for those that came early."""
    found = ReceiptDesk(pool, SystemClock(), {PROVIDER: SECRET.encode()})

    async def take(received: Received, _: object) -> bytes:
        headers = {name.lower(): value for name, value in received.headers.items()}
        await found.receive(headers, received.body)
        return status("200 OK")

    async with receiving() as receiver:
        receiver.answer = take
        found.start()
        yield f"http://127.0.0.1:{receiver.port}"
        await found.stop()


@dataclass
class Team:
    """Those who send, one of whom is killed now and then."""

    url: str
    provider: str
    clock: QuickClock
    chance: random.Random
    processes: list[multiprocessing.Process] = field(default_factory=list)
    kills: int = 0

    def start(self) -> multiprocessing.Process:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([sending_worker.__name__])
        process = context.Process(
            target=sending_worker.send_for_ever, args=(self.url, self.provider, self.clock),
            daemon=True,
        )  # fmt: skip
        process.start()
        return process

    async def work(self, most: int) -> None:
        """Send, and be killed, so many times at most."""
        self.processes = [self.start() for _ in range(WORKERS)]
        while self.kills < most:
            await asyncio.sleep(self.chance.uniform(0.3, 1.2))
            place = self.chance.randrange(WORKERS)
            self.processes[place].kill()
            await asyncio.to_thread(self.processes[place].join)
            self.processes[place] = self.start()
            self.kills += 1

    def stop(self) -> None:
        for each in self.processes:
            each.kill()
            each.join()


async def plan(pool: Pool, count: int) -> Sequence[int]:
    """So many notices, some to each borrower."""
    everybody = [person(n) for n in range(-(-count // EACH))]
    people = await Borrowers(pool, KEYS).register_many(everybody, actor="test")
    told = [
        Telling(who, f"k{n}", "paid", {"amount": 100 + n, "day": "2026-03-02"})
        for n in range(EACH) for who in people
    ][:count]  # fmt: skip
    for start in range(0, count, AT_ONCE):
        async with transaction(pool) as connection:
            await tell(connection, told[start : start + AT_ONCE], MORNING)
    return people


async def done(pool: Pool, patience: float) -> None:
    """Wait until nothing waits and nothing is in anybody's hand."""
    end = time.monotonic() + patience
    while left := await pool.fetchval("SELECT count(*) FROM notice WHERE state IN (1, 2)"):
        assert time.monotonic() < end, f"{left} are left"
        await asyncio.sleep(0.2)


async def told(pool: Pool, effects: Sequence[Effect], patience: float) -> None:
    """Wait until every receipt has come; those that came early are looked at as if it were later.

    Nobody knows of a message that was given up, or laid into the inbox, while it was in doubt.
    """
    words = sum(len(set(each.states)) for each in effects)
    heard = "SELECT count(*) FROM notice_step WHERE kind = 'receipt'"
    later = FixedClock(datetime.now(UTC) + timedelta(hours=2))
    moved, last, found = time.monotonic(), 0, -1
    while found < words and time.monotonic() < moved + patience:
        await ReceiptDesk(pool, later, {}).look()
        last, found = found, await pool.fetchval(heard)
        if found > last:
            moved = time.monotonic()
        await asyncio.sleep(0.2)


async def outages(provider: Provider, chance: random.Random, count: int) -> None:
    """Some, each of another sort, each a quarter of a simulated minute to one."""
    for number in range(count):
        await asyncio.sleep(chance.uniform(0.5, 3))
        how = ("refuse", "hang_up", "silence")[number % 3]
        minutes = chance.uniform(0.25, 1)
        await provider.ask("/sandbox/outage", {"minutes": minutes, "how": how})
        await asyncio.sleep(minutes * 60 / SPEED)


@pytest.mark.parametrize(
    ("count", "kills", "breaks"),
    [(3_000, 8, 2), pytest.param(100_000, 400, 40, marks=pytest.mark.soak)],
)
async def test_nothing_is_lost_and_nobody_is_told_twice(
    database: str, pool: Pool, count: int, kills: int, breaks: int
) -> None:
    """R-SEND-01, R-SEND-02, R-DELIVERY-02, R-REPORT-05."""
    seed = os.environ.get("USANCE_SEED") or secrets.token_hex(8)
    print(f"USANCE_SEED={seed}")
    chance = random.Random(seed)
    async with house(pool) as home, desk(pool) as receipts_to:
        with sandbox(chance.randrange(2**31), receipts_to) as provider:
            manners = await provider.ask(
                "/sandbox/manners", msgspec.structs.replace(MANNERS, seed=chance.randrange(2**31))
            )
            assert msgspec.convert(manners, Manners).busy == ROUGH.busy
            people = await plan(pool, count)
            clock = QuickClock(datetime.now(UTC), MORNING)
            team = Team(database, provider.url, clock, chance)
            began = time.monotonic()
            try:
                broken = asyncio.create_task(outages(provider, random.Random(seed), breaks))
                killing = asyncio.create_task(team.work(kills))
                await asyncio.sleep(1)
                await done(pool, 60 + count / 50)
                seconds = time.monotonic() - began
                for each in (broken, killing):
                    each.cancel()
                await asyncio.gather(broken, killing, return_exceptions=True)
            finally:
                team.stop()
            effects = await provider.log()
            await told(pool, effects, 5)
            counts = await provider.ask("/sandbox/counts")
        rows = [dict(each) for each in await home.rows()]
        steps = await steps_of(pool)
    print(Counter((row["state"], row["channel"], row["because"]) for row in rows))
    print(f"{count} notices in {seconds:.1f} s, {team.kills} kills, {counts}, load",
          os.getloadavg())  # fmt: skip
    assert len(rows) == count
    assert len({row["borrower_id"] for row in rows}) == len(people)
    once_each(effects)
    in_order(effects)
    accounted(rows, effects, steps)
    assert team.kills > 2
    assert max(row["fence"] for row in rows) > 1, "nothing was tried again"
    assert sum(each.asked for each in effects) > len(effects), "nothing was asked for twice"


async def steps_of(pool: Pool) -> dict[int, set[str]]:
    """Kinds of steps and words of receipts, by notice."""
    found = defaultdict(set)
    query = """SELECT DISTINCT notice_id, CASE kind WHEN 'receipt' THEN said ELSE kind END AS word,
        trace @> '[["SUPPRESSED", "drop"]]' AS silenced FROM notice_step"""
    for row in await pool.fetch(query):
        found[row["notice_id"]].add(row["word"])
        if row["silenced"]:
            found[row["notice_id"]].add("suppressed")
    return found


def notice_of(effect: Effect) -> tuple[int, int]:
    """Borrower and notice, from the key."""
    _, borrower_id, notice_id = effect.key.split("-")
    return int(borrower_id), int(notice_id)


def once_each(effects: Sequence[Effect]) -> None:
    """One effect a key."""
    twice = [key for key, n in Counter(each.key for each in effects).items() if n > 1]
    assert twice == []


def in_order(effects: Sequence[Effect]) -> None:
    """Of each borrower's notices, which are of one purpose, the earlier was taken earlier."""
    taken = defaultdict[int, list[int]](list)
    for each in sorted(effects, key=lambda effect: effect.number):
        borrower_id, notice_id = notice_of(each)
        taken[borrower_id].append(notice_id)
    assert [each for each in taken.values() if each != sorted(each)] == []


def accounted(
    rows: Sequence[dict[str, Any]], effects: Sequence[Effect], steps: dict[int, set[str]]
) -> None:
    """Every row says what became of it, and so does the provider's log."""
    by_notice = {notice_of(each)[1]: each for each in effects}
    for row in rows:
        effect, heard = by_notice.get(row["notice_id"]), steps[row["notice_id"]]
        told = {name: row[name] for name in ("notice_id", "state", "channel", "said", "because")}
        assert row["state"] in (TAKEN, ARRIVED, FAILED), told
        if row["channel"] == "inbox":  # the number is refused, or one of before came back
            assert heard & {"refused", "suppressed"}, told
            assert effect is None or (row["said"], "suppressed" in heard) == ("unknown", True), told
        elif row["state"] == FAILED and not heard & {"failed", "bounced"}:
            assert row["because"] in ("later", "unknown"), told  # given up after the last attempt
        else:
            assert effect is not None, told
            assert effect.id == row["reference"], told
            ended = {"delivered": ARRIVED, "failed": FAILED, "bounced": FAILED}
            assert row["state"] == ended[effect.states[-1]], (told, effect.states)


async def test_where_every_number_is_wrong_the_breaker_opens(pool: Pool) -> None:
    """R-BREAKER-01, R-BREAKER-02: after as many sends as the policy names, and what is in hand."""
    lanes, least = 3, next(m.least for m in health_policy().marks if m.of == "failed")
    async with house(pool) as home:
        server = Server(TOKEN, Manners(refused=1_000))
        async with serving(server) as url:
            provider = HttpProvider(PROVIDER, url, TOKEN, home.clock, limits=LIMITS)
            home.deciding.carriers = {"sms": [PROVIDER]}
            for who in await home.book.borrowers(2_000):
                await home.tell(Telling(who, "k", "paid", {"amount": 1, "day": "2026-03-02"}))
            delivery = Delivery(pool, home.clock, home.deciding, {"sms": [provider]}, lanes)
            await delivery.look()
            await provider.close()
        state = await pool.fetchval("SELECT state FROM breaker WHERE name = 'sms'")
        stopped = await pool.fetchval("SELECT count(*) FROM notice WHERE state = $1", STOPPED)
        asked = server.sandbox.counts()["answers"]["422"]
    assert state == "open"
    assert least <= asked <= least + lanes * sending().batch
    assert stopped >= 2_000 - asked
