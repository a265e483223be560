"""Limits of a living book: offered and taken, more for a while and its end, cuts for a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.risk.deciders import Deciders, deciders
from tests.servicing.books import fingerprint
from usance.approvals.proposal import Proposal
from usance.approvals.rules import DONE, FAILED, policy
from usance.approvals.service import Approvals
from usance.core.refusals import Refused
from usance.day import close
from usance.identity.changing import Asking
from usance.platform.clock import SystemClock
from usance.platform.database import Pool
from usance.risk import limit_store as store
from usance.risk.cutting import Cutting
from usance.risk.evening import Evening
from usance.risk.limit_answers import LimitAnswers
from usance.risk.limit_raises import Raising
from usance.risk.limits_policy import limit_policy
from usance.risk.stored import OVERTURNED
from usance.risk.tiering import Tiering
from usance.servicing import commands as asked
from usance.web.acts import acts_on_limits

MINE = Asking("borrower:1", "mine", b"one")
SHORT = replace(
    limit_policy(), raises=replace(limit_policy().raises, months=1),
    temporary=replace(limit_policy().temporary, months=1),
)  # fmt: skip
"""A month between two raises, so that a test need not live through half a year."""


@dataclass
class House:
    """A book whose days end with limits."""

    room: Deciders
    evening: Evening
    approvals: Approvals

    @property
    def pool(self) -> Pool:
        return self.room.book.pool

    async def close(self, days: int = 1) -> None:
        """Close so many days."""
        through = await self.room.book.today() + timedelta(days=days - 1)
        await close.run(self.pool, through=through, workers=1, also=self.evening.close)

    async def user(self, limit: int = 500_000, spends: int = 200_000, wait: int = 31) -> int:
        """Somebody with a line that is used after a month, about whom nothing bad is known."""
        who = await self.room.good()
        account = await self.room.book.line(who, "pay_later", limit)
        await self.close(wait)
        await self.room.book.do(asked.Purchase(contract_id=account, amount=spends))
        return who

    async def limit(self, who: int) -> int:
        found: int = await self.pool.fetchval(
            "SELECT limit_amount FROM line WHERE borrower_id = $1 AND product_id = 1", who
        )
        return found

    async def offered(self, who: int) -> store.Row:
        """The newest offer."""
        return (await store.offers(self.pool, who))[0]

    async def refused(self, rule: str, work: Any) -> None:
        """Refused by the rule, and nothing changed."""
        before = await fingerprint(self.pool)
        with pytest.raises(Refused) as found:
            await work
        assert found.value.refusal.rule == rule, found.value
        assert await fingerprint(self.pool) == before

    async def put_in(self, who: int, tier: int) -> None:
        """Somebody stands in a tier, and is looked at when the day closes."""
        stored = await self.room.decide("tier", who)
        today = (await self.room.book.today()).toordinal()
        await self.pool.execute(
            "INSERT INTO tier (cell, borrower_id, tier, since, evaluated_on, next_on) VALUES"
            " ($1 % 1024, $1, $2, $3, $3, $3 + 30) ON CONFLICT (cell, borrower_id) DO UPDATE SET"
            " tier = $2, evaluated_on = $3", who, tier, today,
        )  # fmt: skip
        await self.pool.execute(
            "INSERT INTO tier_change (cell, borrower_id, changed_on, tier_from, tier_to,"
            " decision_id) VALUES ($1 % 1024, $1, $2, 1, $3, $4) ON CONFLICT DO NOTHING",
            who, today, tier, stored.decision_id,
        )  # fmt: skip

    async def proposals(self) -> list[Proposal]:
        return await self.approvals.waiting_of(["ProposeCut"])


@pytest_asyncio.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with deciders(pool) as room:
        await room.card()
        clock, deciding = SystemClock(), room.deciding
        approvals = Approvals(pool, policy(2), acts_on_limits(pool, clock), clock)
        tiers = Tiering(pool, room.book.keys, deciding.versions, deciding.snapshots, clock=clock)
        evening = Evening(
            LimitAnswers(pool, deciding, policy=SHORT), tiers,
            Raising(pool, deciding, policy=SHORT), Cutting(pool, policy=SHORT, clock=clock),
            approvals,
        )  # fmt: skip
        yield House(room, evening, approvals)


async def test_a_step_up_is_offered_and_raises_nothing(house: House) -> None:
    """R-LIMIT-06: with a decision of its own, once, and to nobody who used little."""
    who, little = await house.user(), await house.user(spends=100_000, wait=0)
    await house.close()
    offer = await house.offered(who)
    assert (offer["limit_from"], offer["limit_to"], offer["kind"]) == (500_000, 600_000, 1)
    assert offer["valid_until"] - offer["offered_on"] == 30
    kind = await house.pool.fetchrow(
        "SELECT kind, product, actor FROM decision WHERE decision_id = $1", offer["decision_id"]
    )
    assert tuple(kind) == ("limit", "pay_later", "system:limits")
    assert await house.limit(who) == 500_000
    assert await store.offers(house.pool, little) == []
    day = await house.room.book.today() - timedelta(days=1)
    again = await house.evening.close(day)
    assert (again.offered, again.proposed, again.ended) == (0, 0, 0)
    assert len(await store.offers(house.pool, who)) == 1
    await house.room.book.holds()


async def test_an_offer_is_taken_once(house: House) -> None:
    """R-LIMIT-07: the same request again is answered alike; another one is refused."""
    who = await house.user()
    await house.close()
    offer = (await house.offered(who))["offer_id"]
    answers = house.evening.answers
    await house.refused("R-FOUND-01", answers.accept(await house.room.good(), offer, MINE))
    first = await answers.accept(who, offer, MINE)
    assert first.document["state"] == "taken"
    assert await house.limit(who) == 600_000
    assert (await answers.accept(who, offer, MINE)).document == first.document
    other = Asking("borrower:1", "other", b"two")
    await house.refused("R-LIMIT-07", answers.accept(who, offer, other))
    await house.refused("R-LIMIT-07", answers.decline(who, offer, other))
    history = await store.history(house.pool, who)
    assert [(each["limit_before"], each["limit_amount"]) for each in history] == [
        (500_000, 600_000), (0, 500_000)
    ]  # fmt: skip
    assert history[0]["decision_id"] == (await house.offered(who))["decision_id"]
    await house.close(29)
    assert len(await store.offers(house.pool, who)) == 1, "not again within a month"
    await house.room.book.holds()


async def test_nobody_who_is_late_is_offered_more(house: House) -> None:
    """R-LIMIT-06: a due day that was missed on the very day counts."""
    who = await house.user()
    await house.pool.execute("UPDATE contract SET late_from = $1", date(2026, 2, 1).toordinal())
    day = (await house.room.book.today()).toordinal()
    await house.put_in(who, 1)
    assert [each.standing.late for each in await store.looked_at(house.pool, day, [1], {1: 0})]
    assert await house.evening.raising.close(date.fromordinal(day)) == 0


async def test_twins_take_an_offer_once(house: House) -> None:
    """R-LIMIT-07: many at once, under many keys."""
    who = await house.user()
    await house.close()
    offer = (await house.offered(who))["offer_id"]
    work = [
        house.evening.answers.accept(who, offer, Asking("borrower:1", f"k{n}")) for n in range(6)
    ]
    found = await asyncio.gather(*work, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in found) == 1, found
    assert all(isinstance(each, Refused) for each in found if isinstance(each, BaseException))
    assert await house.limit(who) == 600_000
    await house.room.book.holds()


async def test_a_no_is_kept_for_a_while(house: House) -> None:
    """R-LIMIT-07."""
    who = await house.user()
    await house.close()
    offer = await house.offered(who)
    await house.evening.answers.decline(who, offer["offer_id"], MINE)
    assert (await house.offered(who))["state"] == store.DECLINED
    assert await house.limit(who) == 500_000
    await house.room.book.holds()


async def test_what_can_no_longer_be_taken(house: House) -> None:
    """R-LIMIT-07, R-DECIDE-06: another limit, a person who looks, a day too late."""
    who = await house.user()
    await house.close()
    offer, answers = await house.offered(who), house.evening.answers
    number = offer["offer_id"]
    change = asked.ChangeLimit(borrower_id=who, product="pay_later", limit=490_000)
    await house.room.book.do(change)
    await house.refused("R-LIMIT-07", answers.accept(who, number, MINE))
    await house.room.book.do(replace(change, limit=500_000))
    await house.pool.execute(
        "INSERT INTO decision_review (cell, borrower_id, decision_id, number, state, actor, at)"
        " VALUES ($1 % 1024, $1, $2, 1, $3, 'staff:1', now())",
        who, offer["decision_id"], OVERTURNED,
    )  # fmt: skip
    await house.refused("R-DECIDE-06", answers.accept(who, number, MINE))
    await house.pool.execute("DELETE FROM decision_review")
    await house.pool.execute("UPDATE limit_offer SET valid_until = offered_on - 1")
    await house.refused("R-LIMIT-07", answers.accept(who, number, MINE))


async def test_more_for_a_while_ends_by_itself(house: House) -> None:
    """R-LIMIT-08: decided first, within the step, gone with its last day; what was bought stays."""
    who = await house.user(spends=450_000)
    await house.put_in(who, 1)
    answers, today = house.evening.answers, await house.room.book.today()
    until = today + timedelta(days=4)

    def more(limit: int, key: str = "more") -> Any:
        asking = Asking("borrower:1", key, b"more")
        return answers.raise_for_a_while(who, "pay_later", limit, until, asking)

    await house.refused("R-LIMIT-08", more(600_001))
    first = await more(560_000)
    assert first.document["limit_to"] == "5600.00"
    assert (await more(560_000)).document == first.document
    await house.refused("R-LIMIT-08", more(590_000, "again"))
    account = await house.pool.fetchval(
        "SELECT contract_id FROM line WHERE borrower_id = $1 AND product_id = 1", who
    )
    await house.room.book.do(asked.Purchase(contract_id=account, amount=100_000))
    await house.close(4)
    assert await house.limit(who) == 560_000
    await house.close()
    assert await house.limit(who) == 500_000
    assert (await house.offered(who))["state"] == store.FELL_BACK
    assert (await house.room.book.contract(account))["unpaid_principal"] >= 550_000
    assert await house.evening.answers.fall_back(until) == 0


async def test_a_limit_that_was_changed_meanwhile_stays(house: House) -> None:
    """R-LIMIT-08."""
    who = await house.user()
    await house.put_in(who, 1)
    today = await house.room.book.today()
    await house.evening.answers.raise_for_a_while(who, "pay_later", 560_000, today, MINE)
    change = asked.ChangeLimit(borrower_id=who, product="pay_later", limit=520_000)
    await house.room.book.do(change)
    await house.close()
    assert await house.limit(who) == 520_000
    assert (await house.offered(who))["state"] == store.OVERTAKEN


async def test_more_for_a_while_is_never_more_than_was_decided(house: House) -> None:
    """R-LIMIT-08: a month's income of 10,000.00 bears a limit of 10,000.00 for who is new."""
    who = await house.user(limit=950_000)
    await house.put_in(who, 2)
    house.room.brought.facts[who]["debt_service"] = 5_500
    until = await house.room.book.today()
    with pytest.raises(Refused, match="R-LIMIT-08") as found:
        await house.evening.answers.raise_for_a_while(who, "pay_later", 1_000_000, until, MINE)
    assert "more than was decided" in found.value.refusal.detail
    assert await house.limit(who) == 950_000


async def test_a_cut_waits_for_a_person_and_is_not_carried_out(house: House) -> None:
    """R-LIMIT-09: with reasons, notice, and a day before which it does not hold."""
    who = await house.user()
    await house.put_in(who, 4)
    today = await house.room.book.today()
    assert await house.evening.cutting.close(today, house.approvals) == 1
    assert await house.evening.cutting.close(today, house.approvals) == 0
    (waiting,) = await house.proposals()
    assert (waiting.author, waiting.borrower_id) == ("system:limits", who)
    bert = house.room.office.bert
    done = await house.approvals.approve(waiting.proposal_id, bert, waiting.digest, "")
    assert done.state == DONE, done.outcome
    (measure,) = await store.measures(house.pool, who)
    assert (measure["limit_from"], measure["limit_to"]) == (500_000, 200_000)
    assert measure["not_before"] == today + timedelta(days=45)
    assert measure["reasons"][0]["zh"]
    for language in ("en", "zh"):
        assert "2000.00 CNY" in measure["notice"][language]
        assert (today + timedelta(days=45)).isoformat() in measure["notice"][language]
    assert await house.limit(who) == 500_000
    line = (await store.of_borrower(house.pool, who, today.toordinal(), {1: 0, 2: 0}))[0]
    assert line.standing.pending


@pytest.mark.parametrize("meanwhile", ["used", "changed"])
async def test_a_cut_that_no_longer_fits_comes_to_nothing(house: House, meanwhile: str) -> None:
    """R-LIMIT-09: never below what is used on the day on which it is approved."""
    who = await house.user()
    await house.put_in(who, 4)
    await house.evening.cutting.close(await house.room.book.today(), house.approvals)
    (waiting,) = await house.proposals()
    line = await house.pool.fetchrow("SELECT * FROM line WHERE borrower_id = $1", who)
    await house.room.book.do(
        asked.Purchase(contract_id=line["contract_id"], amount=1) if meanwhile == "used"
        else asked.ChangeLimit(borrower_id=who, product="pay_later", limit=510_000)
    )  # fmt: skip
    bert = house.room.office.bert
    done = await house.approvals.approve(waiting.proposal_id, bert, waiting.digest, "")
    assert (done.state, done.outcome["rule"]) == (FAILED, "R-LIMIT-09")
    assert await store.measures(house.pool, who) == []


async def test_nobody_who_objects_is_cut_or_raised(house: House) -> None:
    """R-LIMIT-06, R-LIMIT-09: an appeal that is under way comes first."""
    who = await house.user()
    await house.pool.execute(
        "INSERT INTO case_file (cell, borrower_id, case_id, kind, state, jurisdiction, opened_by,"
        " opened_at, rule, received_on, acknowledge_by, decide_by) VALUES ($1 % 1024, $1, 7, 2, 1,"
        " 'CN', 'borrower:1', now(), '{}', $2, $2, $2)", who, date(2026, 2, 1),
    )  # fmt: skip
    await house.put_in(who, 4)
    today = await house.room.book.today()
    assert await house.evening.cutting.close(today, house.approvals) == 0
    await house.pool.execute("UPDATE tier SET tier = 0")
    assert await house.evening.raising.close(today) == 0


async def test_one_cap_over_all_lines(house: House) -> None:
    """R-LIMIT-04: whoever asks; down is always let through, and a closed line counts no more."""
    book, who = house.room.book, await house.room.good()
    await book.line(who, "pay_later", 5_000_000)
    loan = asked.OpenLine(borrower_id=who, product="cash_loan", limit=15_000_001)
    await book.refused(loan, "R-LIMIT-04")
    await book.do(replace(loan, limit=15_000_000))
    change = asked.ChangeLimit(borrower_id=who, product="pay_later", limit=5_000_001)
    await book.refused(change, "R-LIMIT-04")
    await book.do(replace(change, limit=4_000_000))
    await book.do(asked.ChangeLimit(borrower_id=who, product="cash_loan", limit=16_000_000))
    await book.holds()
    await book.do(asked.CloseLine(borrower_id=who, product="cash_loan"))
    await book.do(replace(change, limit=20_000_000))
    await book.holds()


@pytest.mark.parametrize(("damage", "invariant"), [
    ("UPDATE line SET limit_amount = 20000001 WHERE product_id = 1", "INV-LIMIT-02"),
    ("UPDATE limit_offer SET limit_to = limit_to + 1", "INV-LIMIT-03"),
    ("DELETE FROM limit_answer", "INV-LIMIT-03"),
    ("UPDATE limit_answer SET changed_by = 0", "INV-LIMIT-04"),
    ("UPDATE limit_offer SET decision_id = 1", "INV-LIMIT-04"),
])  # fmt: skip
async def test_the_proof_finds_what_was_tampered_with(
    house: House, damage: str, invariant: str
) -> None:
    who = await house.user()
    await house.close()
    await house.evening.answers.accept(who, (await house.offered(who))["offer_id"], MINE)
    await house.room.book.holds()
    await house.pool.execute(damage)
    assert invariant in {each.invariant for each in await house.room.book.findings()}
