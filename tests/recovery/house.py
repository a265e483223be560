"""A home with a lived-in book whose log is received, for the tests of backup and recovery."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.reading import Patient
from tests.servicing.books import TestBook, fresh
from usance.core.refusals import Refused
from usance.platform import postgres
from usance.platform.config import Settings
from usance.platform.database import Pool, open_pool
from usance.platform.migrate import migrate
from usance.recovery import store
from usance.recovery.directory import Backup, Directory
from usance.recovery.restore import Recovered, restore
from usance.recovery.store import Newest
from usance.recovery.take import Source, take
from usance.servicing import commands as asked
from usance.servicing import terms
from usance.servicing.service import Book

ACTOR = "operator:test"


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@dataclass(frozen=True, slots=True)
class House:
    """A home and its backup directory."""

    home: Path
    backups: Path

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return {"USANCE_HOME": str(self.home), "USANCE_BACKUP_DIR": str(self.backups)}

    @property
    def directory(self) -> Directory:
        return Directory(self.backups)

    @property
    def cluster(self) -> postgres.Cluster:
        return postgres.locate(self.home)


@dataclass(frozen=True, slots=True)
class Lived:
    """The book of a house, served."""

    house: House
    pool: Pool
    book: TestBook
    loans: list[int]

    async def repay(self, amount: int = 100, loan: int = 0) -> int:
        """Acknowledged when this returns: its operation."""
        command = asked.Repay(contract_id=self.loans[loan], amount=amount)
        return (await self.book.submit(command)).operation_id

    async def back_up(
        self, *, keep: int = 7, incremental: bool = False, tell: Callable[[str], None] = quiet
    ) -> Backup:
        """A backup, with the log received."""
        source = Source(
            self.house.cluster.url(), self.house.cluster, [self.house.settings.master_key_file]
        )
        return await take(
            self.pool, source, self.house.directory, keep=keep, incremental=incremental,
            streamed=True, tell=tell,
        )  # fmt: skip

    async def received(self) -> None:
        """Wait until everything that was acknowledged is safe in the backup directory."""
        await until_received(self.pool)


async def furnish(home: Path) -> None:
    """A small book with a past: some loans and accounts, three closed days, repayments."""
    settings = Settings.from_environment({"USANCE_HOME": str(home)})
    async with postgres.database_url(settings) as url:
        await migrate(url)
        pool = await open_pool(url, 4)
        async with fresh(pool) as book:
            for person in await book.borrowers(4):
                account = await book.line(person, "pay_later")
                await book.do(asked.Purchase(contract_id=account, amount=5_000))
                await book.line(person, "cash_loan")
                await book.do(asked.Repay(contract_id=await book.loan(person), amount=1_000))
            await book.close_days(3)
        await pool.close()


@asynccontextmanager
async def lived(house: House) -> AsyncIterator[Lived]:
    """Serve the book of a house; its server runs meanwhile, and its receiver once backed up."""
    terms.forget()
    async with postgres.database_url(house.settings) as url:
        pool = await open_pool(url, 6)
        book = Book(pool, clock=Patient())
        await book.start()
        try:
            rows = await pool.fetch("SELECT contract_id FROM contract WHERE kind = 1 ORDER BY 1")
            yield Lived(house, pool, TestBook(pool, book), [row[0] for row in rows])
        finally:
            await book.stop()
            await pool.close()


def copied(seed: Path, home: Path) -> Path:
    """A home of its own."""
    home.mkdir()
    subprocess.run(["cp", "-a", f"{seed}/.", home], check=True)
    return home


def new_home(house: House) -> Path:
    """Where it is restored to."""
    return house.home.with_name("restored")


async def restored(house: House, **how: Any) -> tuple[Recovered, Newest]:
    """The newest there is, into a new home."""
    wanted = {"until": None, "name": None, "actor": ACTOR, "again": [], "tell": quiet} | how
    return await restore(house.directory, new_home(house), **wanted)


async def refused(house: House, rule: str, *words: str, **how: Any) -> None:
    """By a rule, naming what it is about; nothing of the new home is left."""
    before = sorted(path.name for path in house.home.parent.iterdir())
    with pytest.raises(Refused, match=rule) as found:
        await restored(house, **how)
    for word in words:
        assert word in found.value.refusal.detail
    assert sorted(path.name for path in house.home.parent.iterdir()) == before


async def backed_up(house: House) -> None:
    """A backup, a log of some segments after it, all received, and nobody serves any more."""
    async with lived(house) as live:
        await live.back_up()
        for _ in range(3):
            await live.repay()
            await live.pool.execute("SELECT pg_switch_wal()")
        for _ in range(20):
            await live.repay()
        await live.received()


async def until_received(pool: Pool) -> None:
    """Wait until what is committed now is safe in the backup directory."""
    written = await pool.fetchval("SELECT pg_current_wal_flush_lsn()")
    for _ in range(1000):
        slot = await store.slot(pool)
        if slot is not None and slot.received is not None and slot.received >= written:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the log is not received")


async def operations(pool: Pool) -> set[int]:
    """All that a book has acknowledged."""
    return {row[0] for row in await pool.fetch("SELECT operation_id FROM operation")}
