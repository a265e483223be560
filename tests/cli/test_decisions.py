"""``usance decision``: a stored decision in plain words, and decisions made again."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from tests.cli.conftest import Command
from usance.core.identifiers import written
from usance.identity.borrowers import Borrowers
from usance.identity.changing import Asking
from usance.identity.people import Person
from usance.platform.crypto import LocalKeyService
from usance.platform.database import open_pool
from usance.policy import shipped
from usance.risk.book_source import BookSource, TierSource
from usance.risk.deciding import Deciding, Wanted
from usance.risk.registered import BookVersions
from usance.risk.snapshots import Snapshots
from usance.servicing.setup import create_book


@pytest.fixture
def decided(database: str, tmp_path: Path) -> tuple[str, str]:
    """A book with two decisions about one person: the person, the first of them."""

    async def fill() -> tuple[str, str]:
        pool = await open_pool(database, 2)
        keys = LocalKeyService.open(tmp_path / "master.key")
        await create_book(pool, name="Test", opened_on=date(2026, 1, 5))
        person = Person("Li", "+8613800000001", "11010119900101001X", "", "en")
        (who,) = await Borrowers(pool, keys).register_many([person], actor="staff:1")
        snapshots = Snapshots((BookSource(), TierSource()), shipped.dictionary())
        deciding = Deciding(pool, keys, BookVersions(), snapshots)
        answers = [
            await deciding.decide(Wanted(kind=kind, borrower_id=who), Asking("staff:1"))
            for kind in ("limit", "extension")
        ]
        await pool.close()
        return written("borrower", who), answers[0].document["decision_id"]

    return asyncio.run(fill())


def run_sql(database: str, sql: str) -> list[asyncpg.Record]:
    async def work() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    return asyncio.run(work())


def test_a_decision_is_explained(
    usance: Command, database: str, decided: tuple[str, str]
) -> None:
    """R-DECIDE-01, R-DECIDE-02: in either language; that the operator looked is noted."""
    done = usance("decision", "explain", decided[1])
    assert done.status == 0, done.err
    for part in ("cn-pay-later-limit 1", "2026-01-05", "automatic", "the most that it may be",
                 "- we do not know your income (show an income)", "row 4: income missing  =",
                 "income: not known", "tier: C  score"):  # fmt: skip
        assert part in done.out, (part, done.out)
    done = usance("decision", "explain", decided[1], "--language", "zh-CN")
    assert "- 我们不了解您的收入 (提供收入证明)" in done.out
    looks = run_sql(database, "SELECT what, actor FROM access")
    assert [each["what"] for each in looks] == ["decision", "decision"]
    assert {each["actor"].partition(":")[0] for each in looks} == {"operator"}


def test_decisions_are_made_again(
    usance: Command, database: str, decided: tuple[str, str]
) -> None:
    """R-DECIDE-03: exit status 1 where anything differs."""
    assert usance("decision", "replay", decided[1]).out == "the same\n"
    done = usance("decision", "replay", "--all")
    assert (done.status, done.out) == (0, "3 made again, 0 of people since forgotten, 0 differ\n")
    run_sql(database, "UPDATE decision SET reasons = '[\"student\"]' WHERE kind = 'limit'")
    done = usance("decision", "replay", "--all")
    assert done.status == 1
    assert done.out.startswith("3 made again, 0 of people since forgotten, 1 differ\n")
    assert decided[1] in done.out
    done = usance("decision", "replay", decided[1])
    assert (done.status, "fingerprint" in done.out) == (1, True)


def test_what_cannot_be(usance: Command, decided: tuple[str, str]) -> None:
    assert usance("decision", "replay").refused("R-DOC-01")
    assert usance("decision", "replay", decided[1], "--all").refused("R-DOC-01")
    assert usance("decision", "explain", "b-1").refused("R-DOC-01")
    assert usance("decision", "explain", "j-1").refused("R-FOUND-01")
