"""What a case promises may wait for a second person; it follows the approval."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.cases.house import House
from tests.cases.test_deciding import outcomes
from usance.cases import rules
from usance.cases.remedies import Approval, Remedy
from usance.cases.work import Acting
from usance.core.refusals import Refused
from usance.servicing import commands as ask


async def held(house: House, account: int, borrower: int) -> tuple[int, int]:
    """A case whose remedy is held back for a second person."""
    house.gate.held = {ask.Goodwill}
    case_id = await house.given(borrower)
    number = await house.propose(case_id, remedy=Remedy("goodwill", account, 100))
    answer = await house.room.deciding.decide(case_id, number, house.by("clara", "k", b"h"))
    assert answer.status == 202
    assert answer.document["outcome"] == "waits_for_approval"
    again = await house.room.deciding.decide(case_id, number, house.by("clara", "k", b"h"))
    assert (again.status, again.document, again.replayed) == (202, answer.document, True)
    return case_id, number


async def test_a_case_waits_for_an_approval_and_follows_it(house: House) -> None:
    """R-CASE-13: undecided and unanswered until it was done."""
    borrower, account = await house.account()
    case_id, number = await held(house, account, borrower)
    (outcome,) = await outcomes(house, case_id)
    assert await house.said_to_borrower(case_id) == ""
    assert await house.room.watch.look() == 0
    await house.refused("R-CASE-08", house.propose(case_id))
    deciding = house.room.deciding.decide(case_id, number, house.by("dora"))
    await house.refused("R-CASE-11", deciding)
    await house.refused("R-CASE-11", house.room.work.withdraw(case_id, Acting("borrower:1")))
    done = await house.book.submit(ask.Goodwill(contract_id=account, amount=100))
    house.gate.approvals[outcome.waits_for] = Approval(waits=False, operation_id=done.operation_id)
    assert sum(await asyncio.gather(*(house.room.watch.look() for _ in range(3)))) == 1
    row = await house.row(case_id)
    assert (row["state"], row["result"]) == (rules.DECIDED, rules.UPHELD)
    (outcome,) = await outcomes(house, case_id)
    assert outcome.operation_id == done.operation_id
    assert "我们支持您的诉求" in await house.said_to_borrower(case_id)
    await house.whole()


async def test_an_approval_that_is_not_given_opens_the_case_again(house: House) -> None:
    borrower, account = await house.account()
    case_id, _ = await held(house, account, borrower)
    (outcome,) = await outcomes(house, case_id)
    house.gate.approvals[outcome.waits_for] = Approval(waits=False, refused_by="R-SOME-01")
    assert await house.room.watch.look() == 1
    assert (await house.row(case_id))["state"] == rules.OPEN
    (outcome,) = await outcomes(house, case_id)
    assert (outcome.state, outcome.refused_by) == (rules.FELL_THROUGH, "R-SOME-01")
    assert await house.said_to_borrower(case_id) == ""
    again = await house.propose(case_id)
    assert (await house.room.deciding.decide(case_id, again, house.by("clara"))).status == 201
    await house.whole()


async def test_the_key_of_a_remedy_cannot_be_sent_by_a_caller(house: House) -> None:
    """No key of the API or of a form is like it, so nobody can take it first."""
    from usance.web.api.endpoint import KEY
    from usance.web.console.actions import key_of

    borrower, account = await house.account()
    case_id = await house.given(borrower)
    number = await house.propose(case_id, remedy=Remedy("goodwill", account, 100))
    await house.room.deciding.decide(case_id, number, house.by("clara"))
    (_, actor, key), *_ = house.gate.asked
    assert actor == house.by("clara").actor
    assert not KEY.fullmatch(key)
    with pytest.raises(Refused):
        key_of({"key": key})


async def test_a_proposal_that_was_followed_is_the_one_that_was_written(house: House) -> None:
    """R-CASE-08: an outcome's result, reasons and remedy never change after it was proposed."""
    borrower, account = await house.account()
    case_id = await house.given(borrower)
    number = await house.propose(case_id, remedy=Remedy("goodwill", account, 100))
    (before,) = await outcomes(house, case_id)
    await house.room.deciding.decide(case_id, number, house.by("clara"))
    (after,) = await outcomes(house, case_id)
    changed = {"state", "decided_by", "decided_at", "operation_id"}
    fixed = {n: getattr(before, n) for n in before.__slots__ if n not in changed}
    assert fixed == {n: getattr(after, n) for n in after.__slots__ if n not in changed}
    assert replace(before, operation_id=1) != before
