"""Proposals on a real book: who decides, on what, once; and what happens then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from usance.approvals.delegation import Delegations
from usance.approvals.proposal import Proposal
from usance.approvals.rules import DONE, EXPIRED, FAILED, REFUSED, REVOKED, WAITING, policy
from usance.approvals.service import Approvals
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.identity.machine import (
    ClientAct,
    CreateClient,
    MachineClients,
    RotateClientKey,
    kept_of,
)
from usance.identity.once import Answer
from usance.identity.staff import Staff
from usance.platform.clock import FixedClock
from usance.platform.credentials import new_machine_secret
from usance.platform.database import Pool
from usance.servicing import commands as ask
from usance.web.acts import acts, asked_for

from ..identity.accounts import KEYS, enrolled
from ..servicing.books import TestBook, fingerprint, fresh

PASSWORD = "correct horse battery"
NOW = datetime.now(UTC)


@dataclass
class Office:
    """A book with approvals before it, and four people."""

    book: TestBook
    approvals: Approvals
    delegations: Delegations
    clock: FixedClock
    staff: Staff
    anna: int  # asks
    bert: int  # decides
    carl: int  # decides
    dora: int  # only looks
    contract: int = 0

    async def propose(
        self, command: ask.Command | ClientAct, key: str = "", actor: str = ""
    ) -> Proposal:
        """Ask for something that waits."""
        answer = await self.submit(command, key, actor)
        assert answer.status == 202, answer.document
        return await self.approvals.found(parse("proposal", answer.document["proposal_id"]))

    async def submit(
        self, command: ask.Command | ClientAct, key: str = "", actor: str = "",
        hashed: bytes = b"h",
    ) -> Answer:  # fmt: skip
        """Ask for something."""
        who = actor or f"staff:{self.anna}"
        return await self.approvals.submit(command, actor=who, key=key, request_hash=hashed)

    async def events(self, action: str) -> int:
        """How many audit events of an action there are."""
        query = "SELECT count(*) FROM operation WHERE action = $1"
        count: int = await self.book.pool.fetchval(query, action)
        return count


@pytest_asyncio.fixture
async def office(pool: Pool) -> AsyncIterator[Office]:
    async with fresh(pool) as book:
        clock = FixedClock(NOW)
        staff = Staff(pool, clock, KEYS)
        numbers = [
            await staff.create(name, PASSWORD, [role])
            for name, role in (("anna", "service"), ("bert", "supervisor"),
                               ("carl", "compliance"), ("dora", "viewer"))
        ]  # fmt: skip
        approvals = Approvals(pool, policy(2), acts(pool, book.book), clock)
        found = Office(book, approvals, Delegations(pool, clock), clock, staff, *numbers)
        borrower = await book.borrower()
        await book.line(borrower, "cash_loan")
        found.contract = await book.loan(borrower)
        await book.close_days(80)
        yield found


async def charge_off(office: Office) -> Proposal:
    return await office.propose(ask.ChargeOff(contract_id=office.contract))


async def test_a_charge_off_waits_and_then_happens_as_its_author_asked(office: Office) -> None:
    """R-APPR-01, R-APPR-08."""
    waiting = await charge_off(office)
    assert (waiting.state, waiting.weight, await office.approvals.waiting()) == (1, "heavy", 1)
    assert (await office.book.contract(office.contract))["status"] == 1
    done = await office.approvals.approve(
        waiting.proposal_id, office.bert, waiting.digest, "seen the file"
    )
    assert (done.state, done.decisions[0].approver) == (DONE, f"staff:{office.bert}")
    assert (await office.book.contract(office.contract))["status"] == 3
    row = await office.book.pool.fetchrow(
        "SELECT actor, action FROM operation WHERE operation_id = $1", done.operation_id
    )
    assert tuple(row) == (f"staff:{office.anna}", "ChargeOff")
    await office.book.holds()


async def test_what_policy_does_not_weigh_happens_at_once(office: Office) -> None:
    answer = await office.submit(ask.Repay(contract_id=office.contract, amount=100))
    assert answer.status == 201
    small = ask.Goodwill(contract_id=office.contract, amount=20_000)
    assert (await office.submit(small)).status == 201
    assert (await office.submit(replace(small, amount=20_001))).status == 202


async def test_a_reversal_waits_only_where_the_day_is_closed(office: Office) -> None:
    first = await office.submit(ask.Repay(contract_id=office.contract, amount=500))
    seq = first.document["event"]["seq"]
    await office.book.close_days(1)
    second = await office.submit(ask.Repay(contract_id=office.contract, amount=500))
    today = ask.Reverse(contract_id=office.contract, of=second.document["event"]["seq"])
    assert (await office.submit(today)).status == 201
    waiting = await office.propose(ask.Reverse(contract_id=office.contract, of=seq))
    assert waiting.weight == "light"
    done = await office.approvals.approve(waiting.proposal_id, office.carl, waiting.digest, "")
    assert done.state == DONE
    await office.book.holds()


async def test_what_the_book_would_refuse_never_waits(office: Office) -> None:
    """R-APPR-01."""
    before = await fingerprint(office.book.pool)
    for command, rule in (
        (ask.ChargeOff(contract_id=office.contract + 1), "R-FOUND-01"),
        (ask.Waive(contract_id=office.contract, component="fee", amount=10**9), "R-WAIVE-02"),
        (ask.Reverse(contract_id=office.contract, of=10**6), "R-SEQ-01"),
    ):
        answer = await office.submit(command)
        assert (answer.status >= 400, answer.document["rule"]) == (True, rule)
    assert await fingerprint(office.book.pool) == before


async def test_who_may_not_decide_is_refused_and_nothing_changes(office: Office) -> None:
    """R-APPR-02, R-APPR-03, R-APPR-06."""
    waiting = await charge_off(office)
    await office.staff.change_roles("anna", grant=["supervisor"])
    before = await fingerprint(office.book.pool)
    for who, shown, rule in (
        (office.anna, waiting.digest, "R-APPR-02"),
        (office.dora, waiting.digest, "R-APPR-06"),
        (10**6, waiting.digest, "R-APPR-06"),
        (office.bert, b"", "R-APPR-03"),
        (office.bert, bytes(32), "R-APPR-03"),
    ):
        with pytest.raises(Refused, match=rule):
            await office.approvals.approve(waiting.proposal_id, who, shown, "")
    with pytest.raises(Refused, match="R-FOUND-01"):
        await office.approvals.approve(1, office.bert, waiting.digest, "")
    with pytest.raises(Refused, match="R-APPR-05"):
        await office.approvals.refuse(waiting.proposal_id, office.bert, waiting.digest, " ")
    with pytest.raises(Refused, match="R-APPR-05"):
        await office.approvals.refuse(waiting.proposal_id, office.bert, waiting.digest, "x" * 501)
    assert await fingerprint(office.book.pool) == before


@pytest.mark.parametrize(
    "edit",
    ["body = replace(body, '4', '5')", "approvers = 0", "author = 'staff:99'", "act = 'Settle'",
     "expires_at = expires_at + interval '1 day'", "weight = 'grave'", "policy = 'another'",
     "digest = sha256(body::bytea)"],
)  # fmt: skip
async def test_what_was_edited_is_not_approved(office: Office, edit: str) -> None:
    """R-APPR-03: somebody with the database in their hands changes a proposal that waits."""
    waiting = await office.propose(
        ask.Goodwill(contract_id=office.contract, amount=44_444)
    )
    await office.book.pool.execute(f"UPDATE proposal SET {edit}")
    stored = await office.book.pool.fetchval("SELECT digest FROM proposal")
    for shown in (waiting.digest, stored):
        with pytest.raises(Refused, match="R-APPR-03"):
            await office.approvals.approve(waiting.proposal_id, office.bert, shown, "")
    assert await office.events("Goodwill") == 0


async def test_an_edit_between_approval_and_execution_stops_it(office: Office) -> None:
    """R-APPR-08: approved is not enough; it must still be what was approved."""
    waiting = await charge_off(office)
    await office.book.pool.execute("UPDATE proposal SET state = 2, body = '{\"contract_id\": 1}'")
    with pytest.raises(Refused, match="R-APPR-03"):
        await office.approvals.carry_out(waiting.proposal_id)
    await office.approvals.look()
    assert await office.events("ChargeOff") == 0


async def test_a_forged_approval_does_not_count(office: Office) -> None:
    """R-APPR-06: a state that says approved without anybody who agreed goes back to waiting."""
    waiting = await charge_off(office)
    await office.book.pool.execute("UPDATE proposal SET state = 2")
    await office.approvals.look()
    assert (await office.approvals.found(waiting.proposal_id)).state == WAITING
    assert await office.events("ChargeOff") == 0


async def test_a_grave_act_needs_two_and_both_must_still_be_allowed(office: Office) -> None:
    """R-APPR-06."""
    paid = await office.submit(ask.Repay(contract_id=office.contract, amount=1_000_001))
    seq = paid.document["event"]["seq"]
    await office.book.close_days(1)
    waiting = await office.propose(ask.Reverse(contract_id=office.contract, of=seq))
    assert (waiting.weight, waiting.approvers) == ("grave", 2)
    asked = waiting.proposal_id, office.bert, waiting.digest, ""
    assert (await office.approvals.approve(*asked)).state == WAITING
    assert (await office.approvals.approve(*asked)).state == WAITING  # twice is once
    await office.staff.change_roles("bert", grant=["viewer"], revoke=["supervisor"])
    asked = waiting.proposal_id, office.carl, waiting.digest, ""
    assert (await office.approvals.approve(*asked)).state == WAITING
    await office.staff.change_roles("bert", grant=["supervisor"])
    await office.staff.change_roles("dora", grant=["supervisor"])
    asked = waiting.proposal_id, office.dora, waiting.digest, ""
    assert (await office.approvals.approve(*asked)).state == DONE
    await office.book.holds()


async def test_refused_revoked_and_expired_are_ends(office: Office) -> None:
    """R-APPR-04, R-APPR-07."""
    first, second, third = [await charge_off(office) for _ in range(3)]
    asked = first.proposal_id, office.bert, first.digest, "too soon"
    refused = await office.approvals.refuse(*asked)
    assert (refused.state, refused.decisions[0].reason) == (REFUSED, "too soon")
    with pytest.raises(Refused, match="R-APPR-07"):
        await office.approvals.revoke(second.proposal_id, f"staff:{office.bert}")
    author = f"staff:{office.anna}"
    assert (await office.approvals.revoke(second.proposal_id, author)).state == REVOKED
    assert (await office.approvals.revoke(second.proposal_id, author)).state == REVOKED
    office.clock.advance(timedelta(days=3))
    for each in (first, second, third):
        with pytest.raises(Refused, match="R-APPR-04"):
            await office.approvals.approve(each.proposal_id, office.carl, each.digest, "")
    await office.approvals.look()
    assert (await office.approvals.found(third.proposal_id)).state == EXPIRED
    with pytest.raises(Refused, match="R-APPR-04"):
        await office.approvals.revoke(third.proposal_id, author)
    names = ("Propose", "RefuseProposal", "RevokeProposal", "ProposalExpired", "ChargeOff")
    assert [await office.events(each) for each in names] == [3, 1, 1, 1, 0]


async def test_what_the_book_refuses_by_then_is_said(office: Office) -> None:
    """R-APPR-08."""
    first, second = await charge_off(office), await charge_off(office)
    await office.approvals.approve(first.proposal_id, office.bert, first.digest, "")
    failed = await office.approvals.approve(second.proposal_id, office.bert, second.digest, "")
    assert (failed.state, failed.outcome["rule"]) == (FAILED, "R-OFF-02")
    assert await office.events("ChargeOff") == 1


async def test_fifty_at_once_are_one_proposal_and_identical_answers(office: Office) -> None:
    command = ask.ChargeOff(contract_id=office.contract)
    answers = await asyncio.gather(*(office.submit(command, key="k") for _ in range(50)))
    assert len({json.dumps(each.document, sort_keys=True) for each in answers}) == 1
    assert {each.status for each in answers} == {202}
    assert await office.book.pool.fetchval("SELECT count(*) FROM proposal") == 1
    other = await office.submit(command, key="k", hashed=b"other")
    assert (other.status, other.document["rule"]) == (409, "R-IDEM-01")
    assert await office.events("Propose") == 1


async def test_two_who_decide_at_once_are_one_effect(office: Office) -> None:
    waiting = await charge_off(office)

    async def decide(who: int) -> Any:
        try:
            return await office.approvals.approve(waiting.proposal_id, who, waiting.digest, "")
        except Refused as refused:
            return refused.refusal.rule

    given = await asyncio.gather(*(decide(who) for who in [office.bert, office.carl] * 10))
    assert all(each in ("R-APPR-04",) or each.state >= 2 for each in given)
    assert (await office.approvals.found(waiting.proposal_id)).state == DONE
    assert await office.events("ChargeOff") == 1


async def test_what_an_end_of_the_process_left_is_done_later_and_once(office: Office) -> None:
    """R-APPR-08: the process ends after the decision, or after the effect and before the mark."""
    waiting = await charge_off(office)
    run = office.approvals.carry_out

    async def ends(_: int) -> Proposal:
        raise KeyboardInterrupt

    office.approvals.carry_out = ends  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await office.approvals.approve(waiting.proposal_id, office.bert, waiting.digest, "")
    office.approvals.carry_out = run  # type: ignore[method-assign]
    await office.approvals.look()
    done = await office.approvals.found(waiting.proposal_id)
    assert done.state == DONE
    await office.book.pool.execute("UPDATE proposal SET state = 2, operation_id = 0")
    await office.approvals.look()
    again = await office.approvals.found(waiting.proposal_id)
    assert (again.state, again.operation_id) == (DONE, done.operation_id)
    assert await office.events("ChargeOff") == 1


async def test_standing_in(office: Office) -> None:
    """R-APPR-02, R-APPR-06, R-APPR-09."""
    until = NOW + timedelta(days=2)
    number = await office.delegations.delegate(office.bert, office.dora, "on leave", until)
    waiting = await charge_off(office)
    token, session = await office.staff.log_in("dora", PASSWORD)
    assert (session.lacks, session.permissions) == ("factor", frozenset())  # R-FACTOR-04
    await enrolled(office.staff, token, office.clock)
    session = await office.staff.session(token) or session
    assert "approvals:decide" in session.permissions
    done = await office.approvals.approve(waiting.proposal_id, office.dora, waiting.digest, "")
    assert (done.state, done.decisions[0].on_behalf_of) == (DONE, f"staff:{office.bert}")
    bert = f"staff:{office.bert}"
    own = await office.propose(
        ask.Goodwill(contract_id=office.contract, amount=30_000), actor=bert
    )
    with pytest.raises(Refused, match="R-APPR-02"):
        await office.approvals.approve(own.proposal_id, office.dora, own.digest, "")
    await office.delegations.end_delegation(number, office.bert)
    with pytest.raises(Refused, match="R-APPR-06"):
        await office.approvals.approve(own.proposal_id, office.dora, own.digest, "")
    session = await office.staff.session(token) or session
    assert "approvals:decide" not in session.permissions


async def test_one_right_is_not_used_twice(office: Office) -> None:
    """R-APPR-06: the holder and a stand-in together are one."""
    paid = await office.submit(ask.Repay(contract_id=office.contract, amount=1_000_001))
    await office.book.close_days(1)
    waiting = await office.propose(
        ask.Reverse(contract_id=office.contract, of=paid.document["event"]["seq"])
    )
    await office.delegations.delegate(
        office.bert, office.dora, "on leave", NOW + timedelta(days=2)
    )
    for who in (office.bert, office.dora):
        left = await office.approvals.approve(waiting.proposal_id, who, waiting.digest, "")
        assert left.state == WAITING
    left = await office.approvals.approve(waiting.proposal_id, office.carl, waiting.digest, "")
    assert left.state == DONE


async def test_delegations_that_are_refused(office: Office) -> None:
    """R-APPR-05, R-APPR-09."""
    soon, before = NOW + timedelta(days=1), await fingerprint(office.book.pool)
    for giver, taker, reason, until, rule in (
        (office.bert, office.bert, "x", soon, "R-APPR-09"),
        (office.dora, office.bert, "x", soon, "R-APPR-09"),
        (office.bert, 10**6, "x", soon, "R-APPR-09"),
        (office.bert, office.dora, "x", NOW, "R-APPR-09"),
        (office.bert, office.dora, "x", NOW + timedelta(days=31), "R-APPR-09"),
        (office.bert, office.dora, "", soon, "R-APPR-05"),
    ):
        with pytest.raises(Refused, match=rule):
            await office.delegations.delegate(giver, taker, reason, until)
    with pytest.raises(Refused, match="R-APPR-09"):
        await office.delegations.end_delegation(1, office.bert)
    assert await fingerprint(office.book.pool) == before


# -- many small ones -------------------------------------------------------------------------------


async def test_ten_small_ones_are_one_large_one(office: Office) -> None:
    """R-APPR-01: what is given in thirty days is added up, on all contracts, waived or paid."""
    borrower = office.contract >> 12
    other = await office.book.loan(borrower)
    for each in (office.contract, other):
        charge = ask.Charge(contract_id=each, component="fee", amount=20_000)
        assert (await office.submit(charge)).status == 201
    waives = [
        ask.Waive(contract_id=each, component="fee", amount=20_000)
        for each in (office.contract, *[other] * 9)
    ]
    assert [(await office.submit(each)).status for each in waives] == [201] + [202] * 9
    assert await office.events("Waive") == 1
    small = ask.Goodwill(contract_id=other, amount=1)
    assert (await office.submit(small)).status == 202
    somebody = await office.book.borrower()
    await office.book.line(somebody, "cash_loan")
    theirs = ask.Goodwill(contract_id=await office.book.loan(somebody), amount=20_000)
    assert (await office.submit(theirs)).status == 201


async def test_what_was_reversed_or_is_long_ago_does_not_count(office: Office) -> None:
    """R-APPR-01."""
    gift = ask.Goodwill(contract_id=office.contract, amount=20_000)
    first = await office.submit(gift)
    assert first.status == 201
    undo = ask.Reverse(contract_id=office.contract, of=first.document["event"]["seq"])
    assert (await office.submit(undo)).status == 201
    assert (await office.submit(gift)).status == 201
    await office.book.close_days(29)
    assert (await office.submit(replace(gift, amount=1))).status == 202
    await office.book.close_days(1)
    assert (await office.submit(gift)).status == 201


async def test_ten_at_once_are_added_up(office: Office) -> None:
    """R-APPR-01: also where other processes ask; none sees nothing given yet."""
    other = Approvals(
        office.book.pool, policy(2), acts(office.book.pool, office.book.book), office.clock
    )
    gift = ask.Goodwill(contract_id=office.contract, amount=15_000)
    asked = (each.submit(gift, actor="staff:1") for _ in range(5)
             for each in (office.approvals, other))  # fmt: skip
    answers = await asyncio.gather(*asked)
    assert sorted(each.status for each in answers) == [201] + [202] * 9
    await office.book.holds()


# -- keys of machine clients -----------------------------------------------------------------------


async def test_a_key_opens_once_somebody_else_agreed(office: Office) -> None:
    """R-APPR-01, R-CLIENT-04: and its secret is written down nowhere."""
    pool, clients = office.book.pool, MachineClients(office.book.pool)
    first, second = new_machine_secret(), new_machine_secret()
    for secret, act in (
        (first, CreateClient("core", *kept_of(first), ("approvals:write", "contracts:correct"))),
        (second, RotateClientKey("core", *kept_of(second), ("contracts:correct",), 30, 48)),
    ):
        waiting = await office.propose(act, actor=f"staff:{office.bert}")
        assert (waiting.weight, waiting.state) == ("heavy", WAITING)
        assert await clients.identify(secret) is None
        with pytest.raises(Refused, match="R-APPR-02"):
            await office.approvals.approve(waiting.proposal_id, office.bert, waiting.digest, "")
        done = await office.approvals.approve(waiting.proposal_id, office.carl, waiting.digest, "")
        assert (done.state, done.outcome.keys() & {"client_id", "key_id"}) == (
            DONE, {"client_id", "key_id"},
        )  # fmt: skip
        known = await MachineClients(pool).identify(secret)
        assert known is not None
        assert known.scopes == {"approvals:write", "contracts:correct"}
        assert "secret_hash" not in asked_for(waiting.body)
        assert asked_for(waiting.body)["scopes"]
        for table in ("proposal", "operation", "idempotency", "machine_key"):
            rows = await pool.fetchval(f"SELECT string_agg(t::text, '') FROM {table} t")
            assert secret not in rows, table
    row = await pool.fetchrow("SELECT actor FROM operation WHERE action = 'RotateClientKey'")
    assert row["actor"] == f"staff:{office.bert}"


async def test_keys_that_cannot_be_never_wait(office: Office) -> None:
    """R-CLIENT-01, 02, 03, 06."""
    before = await fingerprint(office.book.pool)
    kept = kept_of(new_machine_secret())
    for act, rule in (
        (CreateClient("core", *kept, ()), "R-CLIENT-01"),
        (CreateClient("core", *kept, ("approvals:decide",)), "R-CLIENT-01"),
        (CreateClient("", *kept, ("book:read",)), "R-CLIENT-02"),
        (RotateClientKey("core", *kept), "R-CLIENT-03"),
        (RotateClientKey("core", *kept, valid_days=10**18), "R-CLIENT-06"),
        (RotateClientKey("core", *kept, overlap_hours=0), "R-CLIENT-06"),
    ):
        answer = await office.submit(act)
        assert answer.document["rule"] == rule
    assert await fingerprint(office.book.pool) == before
