"""A drill beside the live book: what would be lost, how long it takes, and the proof."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from tests.recovery.house import ACTOR, House, Lived, lived, quiet
from usance.core.refusals import Refused
from usance.platform import postgres, wal_receiver
from usance.platform.database import Pool
from usance.recovery import store
from usance.recovery.drill import Drilled, drill
from usance.recovery.proofs import Proved, invariants


async def held(live: Lived, **how) -> Drilled:
    wanted = {"folder": live.house.backups.parent, "proofs": [invariants], "rpo_max": 60,
              "rto_max": 300, "actor": ACTOR, "tell": quiet} | how  # fmt: skip
    found = await drill(live.pool, live.house.directory, **wanted)
    assert not list(live.house.backups.parent.glob("usance-drill-*")), "nothing is left"
    return found


async def test_a_drill_finds_all_while_the_book_goes_on(house: House) -> None:
    """R-BACKUP-12"""
    async with lived(house) as live:
        backup = await live.back_up()
        await live.repay()
        going_on = asyncio.create_task(serve_on(live))
        found = await held(live)
        going_on.cancel()
        assert found.ok
        assert (found.backup, found.rpo < 5, found.replayed > 0) == (backup.name, True, True)
        assert found.proofs == [Proved("verify", ok=True, detail="every invariant holds")]
        assert [*found.phases] == ["restored", "answering", "verify"]
        assert sum(found.phases.values()) == pytest.approx(found.rto, abs=0.01)
        rows = await live.pool.fetch(
            "SELECT action, detail FROM operation WHERE action ~ 'Drill' ORDER BY operation_id"
        )
        assert [row["action"] for row in rows] == ["BeginDrill", "EndDrill"]
        assert f'"rto_ms":{round(found.rto * 1000)}' in rows[1]["detail"].replace(" ", "")
        assert "the drill succeeded" in found.sentences()


async def serve_on(live: Lived) -> None:
    """The book is in use meanwhile."""
    while True:
        await live.repay()


async def test_what_was_not_received_is_counted_from_the_first(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-BACKUP-12: without a receiver the first lost operation gets older and older."""
    monkeypatch.setattr(wal_receiver, "AGAIN_SECONDS", 3600)
    monkeypatch.setattr(store, "CHUNK", 3)
    async with lived(house) as live:
        await live.back_up()
        await live.repay()
        await live.received()
        os.kill(wal_receiver.running(house.home), signal.SIGKILL)
        began = time.monotonic()
        for _ in range(7):
            await live.repay()
        await asyncio.sleep(1)
        waited = time.monotonic() - began
        found = await held(live, rpo_max=0.5)
        assert (found.ok, found.lost) == (False, 8), "the repayments and the drill's own"
        assert 1 <= found.rpo <= waited + 1
        assert "THE DRILL FAILED" in found.sentences()
        assert (await held(live, rpo_max=60)).ok


async def test_what_is_received_during_the_drill_does_not_count(house: House) -> None:
    async with lived(house) as live:
        await live.back_up()
        late: list[int] = []

        async def looked(pool: Pool) -> Proved:
            newest = await store.newest(pool)
            return Proved("newest", ok=newest.operation_id not in late, detail="")

        async def later() -> None:
            await asyncio.sleep(0.2)
            late.append(await live.repay())

        task = asyncio.create_task(later())
        found = await held(live, proofs=[looked])
        await task
        assert found.ok


async def test_too_slow_or_not_proved_is_a_failure(house: House) -> None:
    """R-BACKUP-12"""

    async def fails(pool: Pool) -> Proved:
        return Proved("audit", ok=False, detail="the root is another")

    async with lived(house) as live:
        await live.back_up()
        assert not (await held(live, rto_max=0.01)).ok
        found = await held(live, proofs=[fails])
        assert not found.ok
        assert "audit: the root is another" in found.sentences()


async def test_a_drill_without_a_backup_or_with_a_damaged_one(house: House) -> None:
    async with lived(house) as live:
        with pytest.raises(Refused, match="R-BACKUP-08"):
            await held(live)
        await live.back_up()
        next((house.backups / "base").glob("*/data/PG_VERSION")).write_text("17\n")
        with pytest.raises(Refused, match="R-BACKUP-04"):
            await held(live)
        assert not list(house.backups.parent.glob("usance-drill-*"))
        assert await live.book.findings() == []
    assert postgres.status(house.cluster) is None
