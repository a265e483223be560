"""A drill beside the live book: what would be lost, how long it takes, and the proof."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.recovery.house import ACTOR, House, Lived, lived, quiet
from usance.audit.key import open_key
from usance.audit.note import PrivateKey
from usance.audit.sequencer import Sequencer
from usance.core.refusals import Refused
from usance.platform import postgres, wal_receiver
from usance.platform.database import Pool
from usance.recovery import store
from usance.recovery.drill import Drilled, drill
from usance.recovery.proofs import Inclusions, Invariants, Kept, Proof, Proved


async def held(live: Lived, **how) -> Drilled:
    plain = [Invariants((), Kept.at(None))]
    wanted = {"folder": live.house.backups.parent, "proofs": plain, "rpo_max": 60, "rto_max": 300,
              "actor": ACTOR, "tell": quiet} | how  # fmt: skip
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
        (proof,) = found.proofs
        assert (proof.name, proof.ok) == ("verify", True)
        assert "no checkpoint is kept outside" in proof.detail
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


# -- the audit tree -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signs, and where checkpoints are kept outside of the book."""

    key: PrivateKey
    outside: Path

    async def catch_up(self, live: Lived) -> None:
        await Sequencer(live.pool, self.key, self.outside).catch_up()

    @property
    def proofs(self) -> list[Proof]:
        public = self.key.public
        return [Invariants([public], Kept.at(self.outside)), Inclusions(public)]


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    return Signed(open_key(tmp_path / "audit.key"), tmp_path / "kept")


async def test_root_and_events_are_held_against_what_is_kept_outside(
    house: House, signed: Signed
) -> None:
    async with lived(house) as live:
        await live.back_up()
        await signed.catch_up(live)
        await live.repay()
        await signed.catch_up(live)
        await live.received()
        found = await held(live, proofs=signed.proofs)
        verified, included = found.proofs
        assert found.ok, found.sentences()
        assert "the root extends 2 checkpoints kept outside" in verified.detail
        count = await live.pool.fetchval("SELECT max(size) FROM audit_checkpoint")
        assert included.detail == f"{count} events proved to be among the {count} signed"


async def test_a_root_that_is_not_what_was_signed_is_found(house: House, signed: Signed) -> None:
    async with lived(house) as live:
        await live.back_up()
        await signed.catch_up(live)
        await live.received()
        (kept,) = signed.outside.iterdir()
        kept.write_text(kept.read_text().replace("\n", "\nA", 2))
        found = await held(live, proofs=signed.proofs)
        assert not found.ok
        assert "INV-PROOF-06" in found.proofs[0].detail


async def test_an_event_that_was_edited_has_no_proof(house: House, signed: Signed) -> None:
    async with lived(house) as live:
        await live.back_up()
        await signed.catch_up(live)
        await live.pool.execute("UPDATE operation SET actor = 'nobody' WHERE action = 'Repay'")
        await live.received()
        found = await held(live, proofs=signed.proofs[1:])
        assert not found.ok
        assert "R-PROOF-10" in found.proofs[0].detail
        bare = Inclusions(signed.key.public)
        await live.pool.execute("DELETE FROM audit_checkpoint")
        await live.received()
        assert not (await held(live, proofs=[bare])).ok


async def test_a_checkpoint_over_events_that_were_lost_is_told(
    house: House, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal_receiver, "AGAIN_SECONDS", 3600)
    async with lived(house) as live:
        await live.back_up()
        await signed.catch_up(live)
        await live.received()
        os.kill(wal_receiver.running(house.home), signal.SIGKILL)
        await live.repay()
        await signed.catch_up(live)
        found = await held(live, proofs=signed.proofs)
        assert (found.ok, found.lost) == (True, 2)
        assert "1 later ones cover events that were lost" in found.proofs[0].detail


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
