"""Tiers of a living book: the same as if each borrower had been looked at alone, day after day."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.day.lives import Life
from tests.day.test_by_set import Record, way
from tests.servicing.books import KEYS, TestBook
from usance.day import verify
from usance.policy import shipped
from usance.policy.documents import Policy
from usance.risk.book_source import fallen
from usance.risk.deciding_policy import TIER
from usance.risk.decisions import Decider
from usance.risk.features import features_of
from usance.risk.scorecard import Characteristic, Scorecard
from usance.risk.scoring import scores_of
from usance.risk.snapshots import Snapshots
from usance.risk.stored import unseal
from usance.risk.tiering import Tiering, decision_store
from usance.risk.tiers import Patience, Standing, Standings, moved, moved_each, next_look

PEOPLE, THROUGH = 18, date(2025, 4, 20)
SEED = os.environ.get("USANCE_SEED", "house")
WAIT = Patience(days=12, every=20)
CARD = Scorecard(
    name="behaviour", target="bad", base=500, points_at=600, odds_at=20, points_double=40,
    characteristics=(
        Characteristic("days_late_90d", (0, 12), (70, 10, -60)),
        Characteristic("utilisation", (2_000, 6_000), (60, 20, -10)),
    ),
)  # fmt: skip


@dataclass
class InForce:
    """One policy and one scorecard, whenever it is asked."""

    policy: Policy
    card: Scorecard = CARD
    asked: list[str] = field(default_factory=list)

    async def policy_in_force(self, _: Any, name: str, on: date) -> Policy:
        self.asked.append(f"{name} {on}")
        return self.policy

    async def scorecard_in_force(self, *_: Any) -> Scorecard:
        return self.card


def tier_policy() -> Policy:
    return next(each for each in shipped.policies() if each.says.id == "cn-tier")


def tiering(book: TestBook) -> Tiering:
    versions: Any = InForce(tier_policy())
    snapshots = Snapshots((), shipped.dictionary())
    return Tiering(book.pool, KEYS, versions, snapshots, wait=WAIT)


def test_a_set_stands_where_each_would_stand_alone(new_database: Callable[[], str]) -> None:
    """R-TIER-01, R-TIER-02."""
    asyncio.run(lived(new_database()))


async def lived(url: str) -> None:
    print("seed", SEED)
    async with way(url, Record(), in_sets=False) as here:
        life = Life(here, Random(f"tiers {SEED}"))
        await life.begin(PEOPLE)
        tiers = tiering(here.book)
        alone: dict[int, Standing] = {}
        looks = 0
        while (day := await here.book.today()) <= THROUGH:
            await life.live_day(day)
            before = await looked_at(here.book, day)
            found = await tiers.close(day)
            who = await looked_at(here.book, day) - before
            assert found.borrowers == len(who)
            again = await tiers.close(day)
            assert (again.borrowers, again.changed) == (0, 0)
            looks += len(who)
            for borrower in who:
                alone[borrower] = await one(here.book, alone.get(borrower), borrower, day)
        await same(here.book, alone)
        assert looks > 5 * PEOPLE
        assert looks < PEOPLE * 110, "not everybody is looked at every day"
        await here.book.holds()
        for damage, invariants in DAMAGES.items():
            async with here.book.pool.acquire() as connection:
                undone = connection.transaction()
                await undone.start()
                await connection.execute(damage)
                found = await verify.check(connection, lambda _: None, None)
                await undone.rollback()
            assert {each.invariant for each in found} == invariants, damage


DAMAGES = {
    "UPDATE tier SET tier = (tier + 1) % 5": {"INV-TIER-01"},
    "UPDATE tier_change SET decision_id = 5 WHERE tier_from = -1": {
        "INV-TIER-01", "INV-TIER-02",
    },
    "UPDATE tier_change SET score = score + 1": {"INV-TIER-02"},
    "UPDATE operation SET action = 'Look' WHERE action = 'EvaluateTiers' AND detail ->> 'changed'"
    " <> '0'": {"INV-TIER-02"},
}


async def looked_at(book: TestBook, day: date) -> set[int]:
    rows = await book.pool.fetch(
        "SELECT borrower_id FROM tier WHERE evaluated_on = $1", day.toordinal()
    )
    return {row[0] for row in rows}


async def one(book: TestBook, now: Standing | None, borrower: int, day: date) -> Standing:
    """A borrower by themselves, in plain Python."""
    async with book.pool.acquire() as connection:
        facts = await features_of(connection, borrower, day)
    card = CARD if facts["utilisation"] is not None else None
    decider = Decider(tier_policy(), shipped.reasons(), card)
    found = decider.decide(facts | ({} if card else {"score": None})).outcome[TIER]
    on = day.toordinal()
    return Standing(found, on) if now is None else moved(now, found, on, WAIT)


async def same(book: TestBook, alone: dict[int, Standing]) -> None:
    """Standings, their steps, and a decision for each step that says so when it is made again."""
    rows = {row["borrower_id"]: row for row in await book.pool.fetch("SELECT * FROM tier")}
    assert rows.keys() == alone.keys()
    steps = await book.pool.fetch("SELECT * FROM tier_change ORDER BY borrower_id, changed_on")
    assert len(steps) > len(alone)
    for borrower, standing in alone.items():
        row = rows[borrower]
        found = Standing(row["tier"], row["since"], row["better_since"])
        assert found == standing, borrower
        mine = [each for each in steps if each["borrower_id"] == borrower]
        assert [each["tier_from"] for each in mine] == [-1, *(e["tier_to"] for e in mine[:-1])]
        assert mine[-1]["tier_to"] == standing.tier
    for step in steps:
        stored = await decision_store.one(book.pool, step["decision_id"])
        assert stored is not None
        key = await book.pool.fetchval(
            "SELECT data_key FROM borrower WHERE borrower_id = $1", step["borrower_id"]
        )
        opened = unseal(KEYS.unwrap(key, step["borrower_id"]), stored)
        assert stored.is_whole(opened)
        card = CARD if stored.score is not None else None
        made = Decider(tier_policy(), shipped.reasons(), card).decide(opened.facts)
        assert made == stored.decision(opened)


@pytest.mark.parametrize("seed", range(10))
def test_many_move_as_one_does(seed: int) -> None:
    """R-TIER-01: the rule in arrays is the rule."""
    chance = np.random.default_rng(seed)
    size, wait = 300, Patience(days=int(chance.integers(1, 40)), every=30)
    each = [Standing(int(t), 1) for t in chance.integers(0, 5, size)]
    every = Standings(
        np.array([s.tier for s in each]), np.ones(size, np.int64), np.zeros(size, np.int64)
    )
    day = 1
    for _ in range(60):
        day += int(chance.integers(0, 12))
        found = chance.integers(0, 5, size)
        each = [moved(now, int(f), day, wait) for now, f in zip(each, found, strict=True)]
        every = moved_each(every, found, day, wait)
        assert [s.tier for s in each] == every.tier.tolist()
        assert [s.since for s in each] == every.since.tolist()
        assert [s.better_since for s in each] == every.better_since.tolist()
        looks = next_look(every, day, wait)
        assert (looks > day).all()
        assert (looks <= day + wait.every).all()


def test_scores_in_arrays_are_the_scores() -> None:
    """R-SCORE-02: with unknown values, with points for them and without."""
    from usance.policy.cells import MISSING
    from usance.risk.scorecard import Scorer

    chance = np.random.default_rng(4)
    card = msgspec.structs.replace(
        CARD, characteristics=(*CARD.characteristics, Characteristic("tenure", (3,), (0, 9), 1, -7))
    )
    columns = {
        name: np.where(chance.random(500) < 0.1, MISSING, chance.integers(-5, 9_000, 500))
        for name in ("days_late_90d", "utilisation", "tenure")
    }
    scorer, found = Scorer(card), scores_of(card, columns, 500)
    for place in range(500):
        values = [None if c[place] == MISSING else int(c[place]) for c in columns.values()]
        if None in values[:2]:
            assert found[place] == MISSING
        else:
            assert found[place] == scorer.score(values).points


@pytest.mark.parametrize(("steps", "fell"), [
    ([(700, -1, 2)], 0),
    ([(700, 1, 3), (600, -1, 1)], 2),
    ([(700, 1, 3), (699, 0, 1), (600, -1, 0)], 3),
    ([(600, 1, 3), (500, -1, 1)], 0),
    ([(700, 3, 2), (695, 2, 3), (600, -1, 2)], 0),
])  # fmt: skip
def test_how_far_somebody_fell(steps: list[tuple[int, int, int]], fell: int) -> None:
    """R-TIER-02: below the best tier of ninety days."""
    rows = [
        {"changed_on": on, "tier_from": before, "tier_to": after} for on, before, after in steps
    ]
    assert fallen(rows, date.fromordinal(705)) == fell
