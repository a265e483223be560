"""kill -9 of posters, of day closes and of PostgreSQL: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from tests.servicing import killable
from tests.servicing.books import TestBook, fresh
from usance.platform import postgres
from usance.platform.database import open_pool
from usance.platform.migrate import migrate
from usance.servicing import commands as asked

FORK = multiprocessing.get_context("fork")
THROUGH = date(2025, 2, 20)
PEOPLE = 40


async def make(url: str) -> list[int]:
    """A book with people who owe; their contracts."""
    pool = await open_pool(url, 4)
    async with fresh(pool) as book:
        await book.close_days(1)
        people = await book.borrowers(PEOPLE)
        contracts = []
        for who in people:
            account = await book.line(who, "pay_later")
            await book.line(who, "cash_loan")
            await book.do(asked.Purchase(contract_id=account, amount=90_000))
            contracts += [account, await book.loan(who, 1_000_000, 12)]
    await pool.close()
    return contracts


async def administer(cluster: postgres.Cluster, statement: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres"))
    await connection.execute(statement)
    await connection.close()


@pytest.fixture(scope="module")
def home(short_directory: Path) -> Iterator[Path]:
    """The home of a server of its own, which may be killed."""
    place = short_directory / "killed"
    with postgres.using(place) as cluster:
        asyncio.run(administer(cluster, "CREATE DATABASE calm"))
        asyncio.run(migrate(cluster.url("calm")))
        yield place


def kill_server(home: Path) -> None:
    """kill -9 of the postmaster; its children go with it. Then a start, which recovers."""
    cluster = postgres.locate(home)
    pid = postgres.status(cluster)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while postgres.status(cluster) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    postgres.start(home)


class Ward:
    """The processes that are killed, and what their logs say."""

    def __init__(self, url: str, contracts: list[int], log: Path) -> None:
        self.url, self.contracts, self.log = url, contracts, log
        self.rounds = 0
        self.poster = self.start_poster()
        self.closer = self.start_closer()

    def start_poster(self) -> multiprocessing.process.BaseProcess:
        """A poster whose numbers nobody used before."""
        self.rounds += 1
        process = FORK.Process(
            target=killable.post,
            args=(self.url, self.contracts, self.rounds * 1_000_000, str(self.log)),
        )
        process.start()
        return process

    def start_closer(self) -> multiprocessing.process.BaseProcess:
        """A process that closes days from wherever the last one stopped."""
        process = FORK.Process(target=killable.close_days, args=(self.url, THROUGH))
        process.start()
        return process

    def kill_poster(self) -> None:
        """kill -9, and another one."""
        assert self.poster.is_alive(), "the poster ended by itself"
        self.poster.kill()
        self.poster.join()
        self.poster = self.start_poster()

    def kill_closer(self) -> None:
        """kill -9 (or it has closed all days), and another one."""
        self.closer.kill()
        self.closer.join()
        self.closer = self.start_closer()

    def end(self) -> None:
        """The last kill."""
        self.poster.kill()
        self.poster.join()
        self.closer.join(120)
        assert self.closer.exitcode == 0

    def told(self) -> tuple[set[str], set[str]]:
        """Numbers asked for, and acknowledged."""
        lines = self.log.read_text().splitlines()
        numbers = {sign: {x[2:] for x in lines if x.startswith(sign)} for sign in "?="}
        return numbers["?"], numbers["="]


def torment(home: Path, url: str, contracts: list[int], log: Path, kills: int) -> Ward:
    """Kill by turns, at random moments; every eighth time the server itself."""
    rng = random.Random(20250101)
    ward = Ward(url, contracts, log)
    for n in range(1, kills + 1):
        time.sleep(rng.uniform(0.4, 1.4))
        if n % 8 == 0:
            kill_server(home)
        elif n % 2:
            ward.kill_poster()
        else:
            ward.kill_closer()
    time.sleep(1)
    ward.end()
    return ward


def check(url: str, ward: Ward) -> int:
    """Every acknowledged repayment is there once, every other at most once; all invariants hold."""

    async def read() -> tuple[Counter[str], int, list[object], date]:
        pool = await open_pool(url, 3)
        rows = await pool.fetch(
            "SELECT i.key, count(e.seq) FROM idempotency i LEFT JOIN event e USING (operation_id) "
            "WHERE e.kind = 3 GROUP BY i.key"
        )
        keys = Counter({row[0].removeprefix("n"): row[1] for row in rows})
        events = await pool.fetchval("SELECT count(*) FROM event WHERE kind = 3")
        book = TestBook(pool, None)  # type: ignore[arg-type]
        findings: list[object] = list(await book.findings())
        today = await book.today()
        await pool.close()
        return keys, events, findings, today

    keys, events, findings, today = asyncio.run(read())
    tried, acknowledged = ward.told()
    assert findings == []
    assert set(keys.values()) == {1}
    assert acknowledged <= set(keys)
    assert set(keys) <= tried
    assert events == len(keys)
    assert today > THROUGH
    return len(acknowledged)


def undisturbed_digests(url: str) -> list[tuple[date, bytes]]:
    """Digests of all days, when nobody is killed and nobody posts."""
    killable.close_days(url, THROUGH)
    return digests(url)


def digests(url: str) -> list[tuple[date, bytes]]:
    """Of all closed days."""

    async def read() -> list[tuple[date, bytes]]:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch("SELECT business_date, digest FROM day_close ORDER BY 1")
        await connection.close()
        return [tuple(row) for row in rows]

    return asyncio.run(read())


def torment_book(home: Path, name: str, log: Path, kills: int) -> None:
    """Posting and closing under kills on a fresh book."""
    cluster = postgres.locate(home)
    asyncio.run(administer(cluster, f"CREATE DATABASE {name} TEMPLATE calm"))
    url = cluster.url(name)
    contracts = asyncio.run(make(url))
    ward = torment(home, url, contracts, log, kills)
    done = check(url, ward)
    print(f"{kills} kills, {done} repayments acknowledged")
    assert done > kills


def close_under_kills(home: Path, name: str, kills: int) -> None:
    """A day close that is killed again and again gives the digests of an undisturbed one."""
    cluster = postgres.locate(home)
    asyncio.run(administer(cluster, f"CREATE DATABASE {name} TEMPLATE calm"))
    asyncio.run(make(cluster.url(name)))
    asyncio.run(administer(cluster, f"CREATE DATABASE {name}_twin TEMPLATE {name}"))
    wanted = undisturbed_digests(cluster.url(f"{name}_twin"))
    rng = random.Random(7)
    for _ in range(kills):
        process = FORK.Process(target=killable.close_days, args=(cluster.url(name), THROUGH))
        process.start()
        time.sleep(rng.uniform(0.05, 0.35))
        process.kill()
        process.join()
    killable.close_days(cluster.url(name), THROUGH)
    assert digests(cluster.url(name)) == wanted


def test_nothing_is_lost_or_doubled(home: Path, tmp_path: Path) -> None:
    torment_book(home, "posting", tmp_path / "log", 32)


def test_a_killed_close_gives_the_same_digests(home: Path) -> None:
    close_under_kills(home, "closing", 20)


@pytest.mark.soak
def test_five_hundred_kills(home: Path, tmp_path: Path) -> None:
    torment_book(home, "posting_long", tmp_path / "log", 400)
    close_under_kills(home, "closing_long", 100)
