"""``Approvals``: what needs a second person waits; everything else happens at once."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from usance.approvals import rules, store
from usance.approvals.noting import note
from usance.approvals.proposal import Approval, Proposal
from usance.approvals.rules import (
    APPROVED,
    DONE,
    FAILED,
    NO,
    REFUSED,
    REVOKED,
    YES,
    Facts,
    Policy,
)
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store as identity
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.identity.permissions import DECIDE
from usance.identity.roles import permissions_of
from usance.platform.clock import Clock, SystemClock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.looks import Looks


class Act(Protocol):
    """One kind of act: how its words are read, what concerns the policy, and how it happens."""

    def read(self, body: str) -> Any:
        """The act that was written down."""
        ...

    async def facts(self, act: Any, within_days: int) -> Facts:
        """What the policy asks of it; with days, also what was given in them."""
        ...

    def about(self, act: Any) -> tuple[int, int]:
        """Borrower and contract that it concerns; 0 for none."""
        ...

    async def rehearse(self, act: Any, author: str) -> Answer:
        """What would come of it now; nothing is changed."""
        ...

    async def run(self, act: Any, author: str, key: str, request_hash: bytes) -> Answer:
        """It happens, once for a key."""
        ...


class Approvals(Looks):
    """Stands before whoever carries out acts; looks for what has waited too long or broke off."""

    every_seconds = 5

    def __init__(
        self, pool: Pool, policy: Policy, acts: Mapping[str, Act], clock: Clock | None = None
    ) -> None:
        self._pool, self._policy, self._acts = pool, policy, acts
        self._clock = clock or SystemClock()
        self._giving = asyncio.Lock()

    # -- asking ------------------------------------------------------------------------------

    async def submit(
        self, command: Any, *, actor: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Carry out an act, or let it wait (202): once for an actor's key."""
        name = type(command).__name__
        if not self._policy.concerns(name):
            return await self._acts[name].run(command, actor, key, request_hash)
        if key and (first := await identity.first_answer(self._pool, actor, key)):
            return first.answer_to(request_hash)
        asked = Asking(actor, key, request_hash)
        if not self._policy.looks_back(name):
            return await self._weighed(command, asked)
        async with self._one_after_the_other():
            return await self._weighed(command, asked)

    async def _weighed(self, command: Any, asked: Asking) -> Answer:
        """At once, or as a proposal, as the policy says."""
        name = type(command).__name__
        act = self._acts[name]
        facts = await act.facts(command, self._policy.looks_back(name))
        weight = self._policy.weight_of(name, facts)
        if weight is None:
            return await act.run(command, asked.actor, asked.key, asked.request_hash)
        rehearsed = await act.rehearse(command, asked.actor)
        if rehearsed.status >= 400:
            return rehearsed
        return await self._propose(self._drawn_up(command, name, weight, asked.actor), asked)

    @contextlib.asynccontextmanager
    async def _one_after_the_other(self) -> AsyncIterator[None]:
        """What is added up is booked before the next is looked at, here and in other processes.

        One at a time here, so that never more than one connection waits for its turn.
        """
        async with self._giving, transaction(self._pool) as connection:
            await store.take_turn(connection)
            yield

    @rule("R-APPR-01")
    def _drawn_up(
        self, command: Any, name: str, weight: rules.Weight, author: str
    ) -> Proposal:
        """The proposal, under its digest."""
        now = self._clock.now()
        borrower_id, contract_id = self._acts[name].about(command)
        drawn = Proposal(
            proposal_id=new_operation_id(), author=author, act=name,
            body=msgspec.json.encode(command, order="sorted").decode(), weight=weight.name,
            approvers=weight.approvers, policy=self._policy.version, borrower_id=borrower_id,
            contract_id=contract_id, created_at=now, expires_at=weight.expiry(now), digest=b"",
        )  # fmt: skip
        return replace(drawn, digest=drawn.recomputed())

    async def _propose(self, proposal: Proposal, asked: Asking) -> Answer:
        """Write the proposal down; a twin of this request that was first is answered."""
        answer = Answer(202, proposal.shown(), proposal.proposal_id)
        async with transaction(self._pool) as connection:
            if asked.key:
                text = msgspec.json.encode(answer.document).decode()
                kept = (asked.actor, asked.key, asked.request_hash, 202, text, answer.operation_id)
                if not await identity.keep_answer(connection, kept):
                    first = await identity.first_answer(connection, asked.actor, asked.key)
                    assert first is not None
                    return first.answer_to(asked.request_hash)
            await store.insert(connection, proposal)
            await self._note(connection, proposal, asked.actor, "Propose", proposal.proposal_id)
        return answer

    # -- deciding ----------------------------------------------------------------------------

    async def approve(self, proposal_id: int, staff_id: int, shown: bytes, reason: str) -> Proposal:
        """Agree; with enough others it happens. Raises ``Refused``; twice is once."""
        await self._decide(proposal_id, staff_id, shown, YES, reason)
        return await self.carry_out(proposal_id)

    async def refuse(self, proposal_id: int, staff_id: int, shown: bytes, reason: str) -> Proposal:
        """Say no, with a reason: the proposal ends. Raises ``Refused``."""
        if not reason.strip():
            raise Refused("R-APPR-05", "a refusal needs a reason", "reason")
        await self._decide(proposal_id, staff_id, shown, NO, reason)
        return await self.found(proposal_id)

    @rule("R-APPR-02", "R-APPR-03", "R-APPR-04", "R-APPR-05")
    async def _decide(
        self, proposal_id: int, staff_id: int, shown: bytes, decision: int, reason: str
    ) -> None:
        """Write a decision down, if it may be made."""
        approver, now = f"staff:{staff_id}", self._clock.now()
        if len(reason) > 500 or not reason.replace("\n", " ").isprintable():
            raise Refused("R-APPR-05", "a reason has at most 500 printable characters", "reason")
        async with transaction(self._pool) as connection:
            proposal = self._there(await store.locked(connection, proposal_id))
            if any(
                each.approver == approver and each.decision == decision
                for each in proposal.decisions
            ):
                return
            rules.check_same(shown, proposal.digest, proposal.recomputed())
            in_place_of = await self._right_of(connection, staff_id, proposal.author)
            rules.check_other(approver, proposal.author, in_place_of)
            rules.check_open(proposal.state, proposal.expires_at, now)
            if any(each.approver == approver for each in proposal.decisions):
                raise Refused("R-APPR-04", "you have decided already", "proposal_id")
            said = Approval(approver, decision, reason.strip(), now, in_place_of)
            action = "Approve" if decision == YES else "RefuseProposal"
            operation_id = new_operation_id()
            await self._note(
                connection, proposal, approver, action, operation_id,
                on_behalf_of=in_place_of, reason=hashed(said.reason),
            )  # fmt: skip
            await store.decide(connection, proposal_id, said, shown, operation_id)
            if decision == NO:
                await store.move(connection, proposal_id, REFUSED)
            elif await self._enough(connection, proposal):
                await store.move(connection, proposal_id, APPROVED)

    async def _right_of(self, connection: Connection, staff_id: int, author: str) -> str:
        """In whose place somebody decides; nothing if by their own right. Raises ``Refused``."""
        roles = (await store.active(connection, [staff_id])).get(staff_id, ())
        if DECIDE in permissions_of(roles):
            return ""
        others = await store.stands_in_for(connection, staff_id, self._clock.now())
        known = await store.active(connection, others)
        able = [each for each in others if DECIDE in permissions_of(known.get(each, ()))]
        able = [each for each in able if f"staff:{each}" != author] or able
        if not able:
            raise Refused("R-APPR-06", "you may not decide", "proposal_id")
        return f"staff:{able[0]}"

    @rule("R-APPR-06")
    async def _enough(self, connection: Connection, proposal: Proposal) -> bool:
        """Whether as many agreed as the proposal needs, each of whom may still decide."""
        agreed = {r["approver"]: r["on_behalf_of"] for r in
                  await store.yes_of(connection, proposal.proposal_id)}  # fmt: skip
        rights = {who: number_of(place or who) for who, place in agreed.items()}
        people = {number_of(who) for who in agreed} | set(rights.values())
        known = await store.active(connection, sorted(people))
        valid = [
            right for who, right in rights.items()
            if number_of(who) in known and DECIDE in permissions_of(known.get(right, ()))
        ]  # fmt: skip
        return rules.enough(valid, proposal.approvers)

    @rule("R-APPR-07")
    async def revoke(self, proposal_id: int, actor: str) -> Proposal:
        """The author takes a waiting proposal back. Raises ``Refused``."""
        async with transaction(self._pool) as connection:
            proposal = self._there(await store.locked(connection, proposal_id))
            if proposal.author != actor:
                raise Refused("R-APPR-07", "only who asked for it takes it back", "proposal_id")
            if proposal.state != REVOKED:
                rules.check_open(proposal.state, proposal.expires_at, self._clock.now())
                await store.move(connection, proposal_id, REVOKED)
                await self._note(connection, proposal, actor, "RevokeProposal", new_operation_id())
        return await self.found(proposal_id)

    # -- happening ---------------------------------------------------------------------------

    @rule("R-APPR-08")
    async def carry_out(self, proposal_id: int) -> Proposal:
        """Let an approved proposal happen, exactly as it was written down, and once."""
        async with transaction(self._pool) as connection:
            proposal = self._there(await store.locked(connection, proposal_id))
            if proposal.state != APPROVED:
                return proposal
            rules.check_same(proposal.digest, proposal.digest, proposal.recomputed())
            if not await self._enough(connection, proposal):
                await store.move(connection, proposal_id, rules.WAITING)
                return await self._again(connection, proposal_id)
        act = self._acts[proposal.act]
        answer = await act.run(
            act.read(proposal.body), proposal.author, key_of(proposal), proposal.digest
        )
        state = DONE if answer.status < 400 else FAILED
        async with transaction(self._pool) as connection:
            if await store.finish(
                connection, proposal_id, state, answer.document, answer.operation_id
            ):
                action = "ProposalDone" if state == DONE else "ProposalFailed"
                await self._note(
                    connection, proposal, proposal.author, action, new_operation_id()
                )
        return await self.found(proposal_id)

    async def _again(self, connection: Connection, proposal_id: int) -> Proposal:
        return self._there(await store.locked(connection, proposal_id))

    @rule("R-APPR-04")
    async def look(self) -> None:
        """What has waited too long expires; what was approved and not done happens."""
        async with transaction(self._pool) as connection:
            for proposal_id in await store.overdue(connection, self._clock.now()):
                proposal = await self._again(connection, proposal_id)
                await self._note(
                    connection, proposal, "usance", "ProposalExpired", new_operation_id()
                )
        for proposal_id in await store.approved(self._pool):
            with contextlib.suppress(Refused):
                await self.carry_out(proposal_id)

    # -- reading -----------------------------------------------------------------------------

    async def found(self, proposal_id: int) -> Proposal:
        """One proposal; raises ``Refused`` (R-FOUND-01)."""
        return self._there(await store.one(self._pool, proposal_id))

    async def page(
        self, states: Sequence[int], before: int, count: int, author: str = ""
    ) -> list[Proposal]:
        """The newest proposals in these states."""
        return await store.page(self._pool, states, before, count, author)

    async def waiting_of(self, acts: Sequence[str]) -> list[Proposal]:
        """The proposals of some kinds of acts that wait for a decision, oldest first."""
        return await store.waiting_of(self._pool, acts, self._clock.now())

    async def carried_out(self, operations: Sequence[int]) -> dict[int, Proposal]:
        """What was proposed and decided before some operations, by operation."""
        return await store.carried_out(self._pool, operations)

    async def waiting(self) -> int:
        """How many wait for a decision."""
        return await store.waiting(self._pool, self._clock.now())

    @rule("R-FOUND-01")
    def _there(self, proposal: Proposal | None) -> Proposal:
        if proposal is None:
            raise Refused("R-FOUND-01", "there is no such proposal", "proposal_id")
        return proposal

    async def _note(
        self, connection: Connection, proposal: Proposal, actor: str, action: str,
        operation_id: int, **more: str,
    ) -> None:  # fmt: skip
        """The audit event; its digest is the proposal's, and the tree covers its detail."""
        detail = {
            "proposal": written("proposal", proposal.proposal_id), "act": proposal.act,
            "weight": proposal.weight, **more,
        }  # fmt: skip
        await note(connection, actor, action, operation_id, detail,
                   borrower_id=proposal.borrower_id, hashed=proposal.digest)  # fmt: skip


def key_of(proposal: Proposal) -> str:
    """The key under which it happens; no request from outside can carry it."""
    return f"\x1eproposal {proposal.proposal_id}"


def hashed(reason: str) -> str:
    """What the audit event keeps of a reason: the words themselves are forgotten with a person."""
    return hashlib.sha256(reason.encode()).hexdigest()


def number_of(actor: str) -> int:
    """The account of ``staff:ID``."""
    return int(actor.removeprefix("staff:"))
