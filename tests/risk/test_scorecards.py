"""Scorecards in the register: who decides, who is tried, who looks on."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import numpy as np
import pytest
import pytest_asyncio

from tests.risk.registering import ANNA, CARD, DAY, OTHER, office_of, register
from tests.risk.test_register import refused
from tests.servicing.books import OPENED_ON, TestBook, fresh
from usance.approvals.rules import DONE
from usance.core.refusals import Refused
from usance.platform.database import Pool, transaction
from usance.risk import scorecards as registry
from usance.risk.columns import Columns
from usance.risk.registered import BookVersions
from usance.risk.reporting import fitted
from usance.risk.roles import Entry, Standing, assigned, check_standing, place_of, standing
from usance.risk.scorecard import Characteristic, Scorecard, digest_of
from usance.risk.scorecards import Scorecards


@pytest_asyncio.fixture
async def book(pool: Pool) -> AsyncIterator[TestBook]:
    async with fresh(pool) as found:
        yield found


@pytest.fixture
def cards(book: TestBook) -> Scorecards:
    return Scorecards(book.pool)


def entry(number: int, digest: str, role: Any, share: int = 0, day: int = 0) -> Entry:
    return Entry(number, digest, role, share, OPENED_ON + day * DAY)


LIFE = [
    entry(1, "a", "champion"), entry(2, "b", "shadow", day=1),
    entry(3, "b", "challenger", 2_500, day=2), entry(4, "c", "challenger", 1_000, day=3),
    entry(5, "b", "champion", day=5), entry(6, "c", "retired", day=6),
    entry(7, "a", "shadow", day=6), entry(8, "b", "retired", day=8),
]  # fmt: skip


@pytest.mark.parametrize(("day", "champion", "challengers", "shadows"), [
    (-1, "", "", ""), (0, "a", "", ""), (1, "a", "", "b"), (2, "a", "b", ""), (4, "a", "bc", ""),
    (5, "b", "c", ""), (6, "b", "", "a"), (7, "b", "", "a"), (8, "", "", "a"),
])  # fmt: skip
def test_roles_as_of_a_day(day: int, champion: str, challengers: str, shadows: str) -> None:
    """R-SCORE-07: the last word on a table is its role, however the entries come."""
    for entries in (LIFE, LIFE[::-1]):
        found = standing(entries, OPENED_ON + day * DAY)
        assert (found.champion.digest if found.champion else "") == champion
        assert "".join(each.digest for each in found.challengers) == challengers
        assert "".join(each.digest for each in found.shadows) == shadows


def test_borrowers_are_shared_out_alike_every_time() -> None:
    """R-SCORE-07: known places stay; shares come out; another name shares out otherwise."""
    assert [place_of("behaviour", n) for n in (1, 2, 3)] == [3108, 2406, 9421]
    found = standing(LIFE, OPENED_ON + 4 * DAY)
    chosen = {n: assigned(found, "behaviour", n) for n in range(20_000)}
    assert chosen == {n: assigned(found, "behaviour", n) for n in range(20_000)}
    counts = Counter(each.digest for each in chosen.values() if each)
    assert counts["b"] / 20_000 == pytest.approx(0.25, abs=0.01)
    assert counts["c"] / 20_000 == pytest.approx(0.10, abs=0.01)
    others = [n for n in chosen if assigned(found, "opening", n) != chosen[n]]
    assert len(others) > 1_000
    assert assigned(Standing(), "behaviour", 1) is None


@pytest.mark.parametrize(("new", "path"), [
    (entry(9, "d", "challenger", 7_501, day=2), "share"),
    (entry(9, "d", "challenger", 0, day=2), "share"),
    (entry(9, "d", "shadow", 1, day=2), "share"), (entry(9, "d", "challenger", 10_001), "share"),
    (entry(9, "d", "challenger", 1, day=8), "role"), (entry(9, "a", "retired", day=3), "role"),
])  # fmt: skip
def test_what_may_not_stand(new: Entry, path: str) -> None:
    """R-SCORE-07: also where a role that begins later would make it so."""
    with pytest.raises(Refused) as found:
        check_standing(LIFE, new)
    assert (found.value.refusal.rule, found.value.refusal.path) == ("R-SCORE-07", path)


def test_a_share_that_is_left_may_be_taken() -> None:
    check_standing(LIFE[:3], entry(9, "d", "challenger", 7_500, day=2))


def card_of(name: str) -> Scorecard:
    return msgspec.structs.replace(CARD, characteristics=(Characteristic(name, (1,), (5, 0)),))


async def test_what_is_no_scorecard_for_decisions_is_refused(cards: Scorecards) -> None:
    """R-SCORE-06, R-POLICY-10."""
    await refused(cards, register(2), "R-SCORE-06", "version")
    await refused(cards, register(on=OPENED_ON - DAY), "R-SCORE-06", "effective_on")
    await refused(cards, register(card=card_of("PAY_0")), "R-SCORE-06", "PAY_0")
    await refused(cards, register(card=card_of("sex")), "R-POLICY-10", "sex")
    await refused(cards, register(role="retired"), "R-SCORE-06", "role")
    await refused(cards, register(report={"rows": "many"}), "R-SCORE-06", "report")
    nameless = msgspec.structs.replace(CARD, name="a b")
    await refused(cards, register(card=nameless), "R-SCORE-06", "scorecard.name")
    empty = msgspec.structs.replace(CARD, characteristics=())
    await refused(cards, register(card=empty), "R-SCORE-01", "characteristics")
    await cards.perform(register(), ANNA)
    await refused(cards, register(), "R-SCORE-06", "version")
    await refused(cards, register(2), "R-SCORE-06", "role")


async def test_what_decides_finds_its_scorecard(book: TestBook) -> None:
    """R-SCORE-06, R-SCORE-07: two people, a day, and always the same one for a borrower."""
    office, versions = await office_of(book), BookVersions()
    for act in (
        register(), register(2, "challenger", OTHER, OPENED_ON + DAY, share=5_000),
        register(3, "shadow", card_of("tenure"), OPENED_ON + DAY),
    ):  # fmt: skip
        assert (await office.adopted(act)).state == DONE
    registry.PARSED.clear()
    async with transaction(book.pool) as connection:
        ask = (connection, "behaviour")
        assert await versions.scorecard_in_force(*ask, OPENED_ON - DAY) is None
        assert await versions.scorecard_in_force(*ask, OPENED_ON + DAY) == CARD
        assert await versions.shadows(*ask, OPENED_ON) == ()
        assert await versions.shadows(*ask, OPENED_ON + DAY) == (card_of("tenure"),)
        assert await versions.scorecard_for(*ask, 2, OPENED_ON) == CARD
        chosen = [await versions.scorecard_for(*ask, n, OPENED_ON + DAY) for n in range(40)]
        assert all(card in (CARD, OTHER) for card in chosen)
        assert chosen == [await versions.scorecard_for(*ask, n, OPENED_ON + DAY) for n in range(40)]
        assert CARD in chosen
        assert OTHER in chosen
        assert await versions.scorecard_for(connection, "nobody", 1, OPENED_ON) is None
        registry.PARSED.clear()
        assert await versions.scorecard_of(connection, digest_of(OTHER)) == OTHER
        with pytest.raises(Refused) as found:
            await versions.scorecard_of(connection, "00" * 32)
    assert found.value.refusal.rule == "R-FOUND-01"
    await book.holds()


async def test_a_fitted_scorecard_with_its_report_is_registered(cards: Scorecards) -> None:
    """R-SCORE-06: the report stands as it was written."""
    chance = np.random.default_rng(7)
    late = chance.integers(0, 60, 2_000)
    bad = (chance.random(2_000) < 0.05 + late / 100).astype(np.int64)
    columns = Columns({"days_late_12m": late, "bad": bad}, {"days_late_12m": 1, "bad": 1}, "")
    card, found = fitted(columns, "bad", name="behaviour", seed=1)
    report = msgspec.to_builtins(found)
    await cards.perform(register(card=card, report=report), ANNA)
    (only,) = await cards.all("behaviour")
    assert (only.scorecard, only.entry.digest) == (card, digest_of(card))
    assert only.report == msgspec.json.decode(msgspec.json.encode(found))
