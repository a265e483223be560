"""A draft on stored cases: who would be decided otherwise, by decisions that a book has made."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.risk.deciders import deciders
from tests.risk.registering import BEGINS, says
from usance.platform.database import Pool
from usance.policy import shipped
from usance.policy.documents import Policy
from usance.policy.tables import first_row, taken
from usance.risk import backtesting
from usance.risk.backtesting import Trial, tried_on
from usance.risk.decided import Decided
from usance.risk.decisions import Facts

AT = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Given:
    """Cases in pages of seven."""

    cases: Sequence[Facts]
    name: str = "cn-tier"

    async def facts(self, policy_id: str, since: datetime) -> AsyncIterator[Sequence[Facts]]:
        assert not self.name or (policy_id, since) == (self.name, AT)
        for start in range(0, len(self.cases), 7):
            yield self.cases[start : start + 7]


def changed(tier: str, place: int = 0) -> Policy:
    """The shipped policy with another outcome of a row."""
    rows = [{"when": each.when, "then": each.then, "because": each.because} for each in says().rows]
    rows[place] = rows[place] | {"then": {"tier": tier}}
    return shipped.policy_of(says(2, rows=rows))


def cases(count: int, seed: int) -> list[dict[str, int | None]]:
    chance = random.Random(seed)
    return [{
        "days_late": chance.choice([0, 0, 3, 12, 45]), "days_late_12m": chance.choice([0, 10, 95]),
        "failed_debits_90d": chance.choice([0, 1, 4]), "utilisation": chance.choice([100, 9_500]),
        "score": chance.choice([None, 470, 530, 700]),
        "paid_share_6m": chance.choice([None, 9_000]),
    } for _ in range(count)]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
async def test_it_counts_as_one_who_decides_each_by_hand(seed: int) -> None:
    """R-POLICY-18."""
    old, new, given = shipped.policy_of(says(1)), changed("D"), cases(300, seed)
    found = await tried_on(Given(given), old, new, AT)
    by_hand = Counter(
        tuple(
            policy.table.rows[first_row(policy.table, taken(policy.table, facts))].then[0]
            for policy in (old, new)
        ) for facts in given
    )  # fmt: skip
    assert (found.cases, found.unanswered, found.cut) == (300, 0, False)
    assert found.same == sum(count for (one, other), count in by_hand.items() if one == other)
    moved = {(each.before, each.after): each.count for each in found.moved}
    tiers = "ABCDE"
    assert moved == {
        (f"tier {tiers[one]}", f"tier {tiers[other]}"): count
        for (one, other), count in by_hand.items() if one != other
    }  # fmt: skip
    assert moved


async def test_numbers_say_by_how_much() -> None:
    """R-POLICY-18: in the unit of what is decided; of whom too little is known is counted."""
    plain = says(1, name="cn-cash-loan-price")
    rows = [{"when": each.when, "then": each.then, "because": each.because} for each in plain.rows]
    rows[1] = rows[1] | {"then": {"annual_cost": "12 %"}}
    old = shipped.policy_of(plain)
    new = shipped.policy_of(says(2, name="cn-cash-loan-price", rows=rows))
    given = Given([{"tier": 1}, {"tier": 1}, {"tier": 0}, {"tier": None}, {}], "cn-cash-loan-price")
    found = await tried_on(given, old, new, AT)
    assert (found.cases, found.same, found.unanswered) == (3, 1, 2)
    (move,) = found.moved
    assert (move.before, move.after, move.count) == ("annual_cost 14.4 %", "annual_cost 12 %", 2)
    assert move.change == {"annual_cost": "-4.8 %"}


async def test_only_so_many_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtesting, "CASES_MOST", 20)
    found = await tried_on(Given(cases(50, 1)), shipped.policy_of(says(1)), changed("D"), AT)
    assert (found.cases, found.cut) == (20, True)
    found = await tried_on(Given(cases(20, 1)), shipped.policy_of(says(1)), changed("D"), AT)
    assert (found.cases, found.cut) == (20, False)


async def test_no_cases_is_no_answer() -> None:
    found = await tried_on(Given([]), shipped.policy_of(says(1)), changed("D"), AT)
    assert found == Trial(0, 0, 0, False, ())


async def test_stored_decisions_are_the_cases(pool: Pool) -> None:
    """R-POLICY-18: opened, with the score that another table made; nothing is written."""
    async with deciders(pool) as house:
        await house.card()
        for late in (0, 0, 95):
            await house.decide("tier", await house.good(days_late_12m=late))
        old = await house.deciding.versions.policy_in_force(pool, "cn-tier", BEGINS)
        history: Any = Decided(house.archive)
        start = datetime.now(UTC) - timedelta(hours=1)
        found = await tried_on(history, old, changed("D", 1), start)
        assert (found.cases, found.unanswered, found.same) == (3, 0, 2)
        assert [(e.before, e.after, e.count) for e in found.moved] == [("tier E", "tier D", 1)]
        facts = [each async for page in history.facts("cn-tier", start) for each in page]
        assert [each["score"] for each in facts] == [560, 560, 420]
