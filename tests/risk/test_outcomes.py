"""Samples of a book, and policies beside what became of people."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.risk.test_tiering import CARD, tier_policy
from tests.servicing.books import TestBook, fresh
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.platform.database import Pool
from usance.policy import shipped
from usance.policy.cells import MISSING
from usance.risk.columns import columns_of
from usance.risk.decisions import Decider
from usance.risk.outcomes import outcomes
from usance.risk.sampling import sample, write_sample
from usance.servicing import commands as asked

NAMES = [each.name for each in tier_policy().table.inputs if each.name != "score"]


def invented(size: int, seed: int) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(seed)
    columns = {
        name: chance.integers(0, shipped.dictionary()[name].values[0][1] % 20_000 + 1, size)
        for name in {*NAMES, *(each.name for each in CARD.characteristics)}
    }
    columns["days_late"] = np.where(chance.random(size) < 0.8, 0, columns["days_late"] % 60)
    columns["paid_share_6m"] = np.where(
        chance.random(size) < 0.2, MISSING, columns["paid_share_6m"]
    )
    return columns


def test_outcomes_are_those_of_decisions_one_by_one() -> None:
    """R-POLICY-19: counts of outcomes and of the bad among them."""
    columns, size = invented(800, 3), 800
    bad = np.random.default_rng(9).random(size) < 0.3
    found = outcomes(tier_policy(), CARD, columns, bad, shipped.reasons())
    decider = Decider(tier_policy(), shipped.reasons(), CARD)
    wanted: dict[str, list[int]] = {}
    given: dict[str, int] = {}
    for place in range(size):
        facts = {
            name: None if column[place] == MISSING else int(column[place])
            for name, column in columns.items()
        }
        decision = decider.decide(facts)
        tier = "ABCDE"[decision.outcome["tier"]]
        counts = wanted.setdefault(tier, [0, 0])
        counts[0] += 1
        counts[1] += int(bad[place])
        given[tier] = given.get(tier, 0) + ("late-now" in decision.reasons)
    assert {each.said: [each.count, each.bad] for each in found} == wanted
    told = {each.said: dict(each.reasons).get("late-now", 0) for each in found}
    assert {tier: count for tier, count in told.items() if count} == {
        tier: count for tier, count in given.items() if count
    }


def test_nothing_is_said_without_what_nothing_is_decided_without() -> None:
    """R-POLICY-19."""
    draw = next(each for each in shipped.policies() if each.says.id == "cn-draw")
    with pytest.raises(Refused, match="R-POLICY-19"):
        outcomes(draw, None, {}, np.array([True, False]), shipped.reasons())


async def test_a_sample_tells_what_became_of_people(pool: Pool, tmp_path: Path) -> None:
    """R-SCORE-08: as of the day, with who was late after it; it waits for those days."""
    async with fresh(pool) as book:
        late, good, before = await accounts(book)
        await book.close_through(date(2025, 2, 20))
        on = date(2025, 2, 20)
        with pytest.raises(Refused, match="R-SCORE-08"):
            await sample(pool, on, 60, 20)
        await book.close_through(on + timedelta(days=60))
        known, bad = await sample(pool, on, 60, 20)
        with pytest.raises(Refused, match="R-SCORE-08"):
            await sample(pool, on, 60, 61)
        outcome = dict(zip(known.borrowers.tolist(), bad.tolist(), strict=True))
        assert outcome == {late >> 12: 1, good >> 12: 0}
        assert before >> 12 not in outcome
        left_out = write_sample(tmp_path / "sample.csv", known, {"bad": bad})
        rows = list(csv.DictReader((tmp_path / "sample.csv").open()))
        assert "borrower" not in rows[0]
        assert len(rows) == 2
        assert not set(left_out) & rows[0].keys()
        read = columns_of(tmp_path / "sample.csv", may_lack=known.columns.keys())
        for name in known.columns.keys() - set(left_out):
            assert read.values[name].tolist() == known.columns[name].tolist()


async def accounts(book: TestBook) -> tuple[int, int, int]:
    """One who will be late, one who pays, one who is late by far on 20 February."""
    await book.close_days(1)
    found = []
    for who in await book.borrowers(3):
        opened = await book.do(asked.OpenLine(
            borrower_id=who, product="pay_later", limit=500_000, statement_day=5
        ))  # fmt: skip
        found.append(parse("contract", opened["contract_id"]))
    await book.do(asked.Purchase(contract_id=found[2], amount=30_000))
    await book.close_through(date(2025, 1, 31))
    for contract in found[:2]:
        await book.do(asked.Purchase(contract_id=contract, amount=30_000))
    await book.close_through(date(2025, 2, 5))
    await book.do(asked.Repay(contract_id=found[1], amount=30_000))
    return found[0], found[1], found[2]


def test_cells_that_may_be_empty_are_unknown(tmp_path: Path) -> None:
    """R-SCORE-03: others are refused, and columns that are left out are not looked at."""
    file = tmp_path / "f.csv"
    file.write_text("a,b,c\n1,,x\n2,5,y\n")
    read = columns_of(file, without=("c",), may_lack=("b",))
    assert read.values["b"].tolist() == [MISSING, 5]
    assert "c" not in read.values
    with pytest.raises(Refused, match="R-SCORE-03"):
        columns_of(file, without=("c",))
    assert json.loads(msgspec.json.encode(CARD))["name"] == "behaviour"
