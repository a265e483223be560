"""An outcome is proposed by the handler, decided by somebody else, carried out once and answered.

Deciding takes three steps, so that whatever breaks in between is made good: the outcome is marked
as being carried out by its decider; whoever keeps the book is asked, under a key of this outcome;
and only what was done is written down and told to the borrower. If the book refuses, the outcome is
a proposal again, as before. If a second person must approve, the case waits for them (``watch``
follows). A process that dies in between leaves the mark, and the watch goes on.

All of it is done by one at a time: two who ask the book about one outcome could be answered
differently, and what one gives up, so that a third may decide it, the other would have done.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from usance.cases import letters, reviews, rules, store
from usance.cases.records import Case, Outcome
from usance.cases.remedies import Carries, Remedy, check_remedy
from usance.cases.sealing import seal_of
from usance.cases.subjects import involved
from usance.cases.view import summary
from usance.cases.words import message, writable
from usance.cases.work import Acting, Change, Desk, once
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store as identity
from usance.identity.changing import answered
from usance.identity.once import Answer
from usance.platform.database import transaction
from usance.platform.identifiers import new_operation_id

NO_REMEDY = Remedy()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Finding:
    """What a handler proposes; ``value`` is the new value of a detail; never printed."""

    result: str
    reasons: str
    remedy: Remedy = NO_REMEDY
    value: str = ""


class Deciding:
    """Proposals and decisions on the cases of a book."""

    def __init__(self, desk: Desk, carries: Carries) -> None:
        self.desk = desk
        self.carries = carries
        self._turn = asyncio.Lock()

    async def propose(self, case_id: int, finding: Finding, acting: Acting) -> Answer:
        """The handler's finding: a result, its reasons, and what is to be done."""
        result = rules.code(rules.RESULTS, finding.result, "result")
        reasons = rules.checked_text(finding.reasons, "reasons")

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id)
            meant = about(case, finding)
            await self._check_proposal(case, meant, result, acting)
            outcome = await proposed(change, case, meant, result, reasons)
            await store.save_case(change.connection, case)
            return summary(case) | {"proposal": outcome.number}

        return await once(self.desk, acting, act)

    @rule("R-CASE-08", "R-CASE-12")
    async def _check_proposal(
        self, case: Case, finding: Finding, result: int, acting: Acting
    ) -> None:
        rules.check_under_way(case.state)
        rules.check_handler(acting.actor, case.handler)
        check_remedy(finding.remedy, result, case.borrower_id)
        if finding.remedy.kind == "nothing":
            return
        needed = self.carries.permission_of(finding.remedy)
        if needed not in acting.permissions:
            raise Refused("R-AUTH-02", f"your roles do not give {needed}", "remedy")
        await self.carries.check_value(finding.remedy, finding.value, case.borrower_id)

    async def send_back(self, case_id: int, number: int, note: str, acting: Acting) -> Answer:
        """The proposal is not followed; the note says why, to staff alone."""
        why = rules.checked_text(note, "note")

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id)
            outcome = await decidable(change, case, number)
            await returned(change, case, outcome, why)
            await store.save_case(change.connection, case)
            return summary(case) | {"proposal": number}

        return await once(self.desk, acting, act)

    @rule("R-CASE-11", "R-CASE-13")
    async def decide(self, case_id: int, number: int, acting: Acting) -> Answer:
        """Follow a proposal as it stands. Raises ``Refused``, or answers the book's refusal."""
        async with self._alone(case_id, number):
            outcome = await self._claimed(case_id, number, acting)
            if isinstance(outcome, Answer):
                return outcome
            return await self._carried_out(outcome, acting)

    @rule("R-CASE-13")
    async def carry_on(self, outcome: Outcome, acting: Acting) -> Answer:
        """Go on with an outcome whose being carried out broke off, if it still stands so."""
        async with self._alone(outcome.case_id, outcome.number):
            case = await store.case_of(self.desk.pool, outcome.case_id, outcome.borrower_id)
            assert case is not None
            now = await store.outcomes(self.desk.pool, case)
            if not any(marks(each) == marks(outcome) for each in now):
                raise Refused("R-CASE-11", "the outcome is decided already", "proposal")
            return await self._carried_out(outcome, acting)

    @asynccontextmanager
    async def _alone(self, case_id: int, number: int) -> AsyncIterator[None]:
        """Nobody else decides this proposal meanwhile, nor has it carried out.

        In one process one at a time, so that who waits here takes no connection from the book.
        """
        async with self._turn, transaction(self.desk.pool) as connection:
            await store.carry_out_alone(connection, case_id, number)
            yield

    async def _carried_out(self, outcome: Outcome, acting: Acting) -> Answer:
        """Have the remedy of a marked outcome carried out, and write down what came of it."""
        if outcome.asks.kind == "nothing":
            done = Answer(201, {}, 0)
        else:
            case = await store.case_of(self.desk.pool, outcome.case_id, outcome.borrower_id)
            assert case is not None
            value = (await seal_of(self.desk.pool, self.desk.keys, case)).outcome(outcome, "value")
            done = await self.carries.carry_out(
                outcome.asks, value, borrower_id=outcome.borrower_id, actor=outcome.decided_by,
                key=key_of(outcome), request_hash=hash_of(outcome),
            )  # fmt: skip
        return await self._concluded(outcome, done, acting)

    async def _claimed(self, case_id: int, number: int, acting: Acting) -> Outcome | Answer:
        """Mark an outcome as being carried out by this decider; or the answer given before."""
        async with transaction(self.desk.pool) as connection:
            if kept := await answered(connection, acting.asking):
                return kept
            change = Change(self.desk, connection, acting, 0, self.desk.clock.now())
            case = await change.case(case_id)
            outcome = await outcome_of(change, case, number)
            if outcome.state == rules.CARRIED_OUT and outcome.decided_by == acting.actor:
                return outcome  # the same once more: its first attempt broke off, or is under way
            if kept := await answered(connection, acting.asking):
                return kept  # a twin of this request was faster
            await check_decidable(change, case, outcome)
            outcome.state, outcome.decided_by = rules.CARRIED_OUT, acting.actor
            outcome.decided_at = change.now
            await store.save_outcome(connection, outcome)
            return outcome

    async def _concluded(self, outcome: Outcome, done: Answer, acting: Acting) -> Answer:
        """Write down what came of a remedy."""
        if done.status >= 400:
            kept = await self._given_up(outcome)
            if kept is None:
                return done
            done = kept

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(outcome.case_id, outcome.borrower_id)
            now = await outcome_of(change, case, outcome.number)
            if now.state != rules.CARRIED_OUT:  # somebody else wrote it down meanwhile
                raise Refused("R-CASE-11", "the outcome is decided already", "proposal")
            if done.status == 202:
                await waiting(change, case, now, str(done.document["proposal_id"]))
            else:
                await finished(change, case, now, done.operation_id)
            await store.save_case(change.connection, case)
            return summary(case) | remedy_of(now)

        return await once(self.desk, acting, act, done.status)

    async def _given_up(self, outcome: Outcome) -> Answer | None:
        """The book refused: the outcome is a proposal again, and nothing else has changed.

        Unless it was done all the same, by a request that was thought lost: then by what was done.
        """
        async with transaction(self.desk.pool) as connection:
            change = Change(self.desk, connection, Acting(""), 0, self.desk.clock.now())
            case = await change.case(outcome.case_id, outcome.borrower_id)
            done = await identity.first_answer(connection, outcome.decided_by, key_of(outcome))
            if done is not None:
                return done.answer
            now = await outcome_of(change, case, outcome.number)
            if now.state == rules.CARRIED_OUT and now.decided_by == outcome.decided_by:
                now.state, now.decided_by, now.decided_at = rules.PROPOSED, "", None
                await store.save_outcome(connection, now)
        return None


# -- steps -----------------------------------------------------------------------------------------


@rule("R-CASE-19")
def about(case: Case, finding: Finding) -> Finding:
    """A fact that is put right is the one that the case is about."""
    if finding.remedy.kind != "fact":
        return finding
    if case.subject != rules.FACT:
        raise Refused("R-CASE-19", "the case is about no fact", "remedy")
    return replace(finding, remedy=replace(finding.remedy, fact_id=case.subject_id))


async def proposed(
    change: Change, case: Case, finding: Finding, result: int, reasons: str
) -> Outcome:
    """Write a proposal; it is not changed afterwards."""
    outcomes = await store.outcomes(change.connection, case)
    rules.check_none_pending([each.state for each in outcomes])
    seal = await writable(change, case)
    case.outcomes += 1
    outcome_id, table = new_operation_id(), "case_outcome"
    value = seal.sealed(finding.value, table, "value", outcome_id) if finding.value else b""
    outcome = Outcome(
        case.cell, case.borrower_id, outcome_id, case.case_id, case.outcomes, rules.PROPOSED,
        result, seal.sealed(reasons, table, "reasons", outcome_id),
        msgspec.json.encode(finding.remedy.document()).decode(), value, b"",
        change.acting.actor, change.now,
    )  # fmt: skip
    await store.insert(change.connection, outcome)
    await change.note(
        case, "proposed", "ProposeOutcome", proposal=case.outcomes, result=finding.result,
        remedy=finding.remedy.kind,
    )  # fmt: skip
    return outcome


async def outcome_of(change: Change, case: Case, number: int) -> Outcome:
    """An outcome of a case by its number; raises ``Refused``."""
    found = [
        each for each in await store.outcomes(change.connection, case) if each.number == number
    ]
    if not found:
        raise Refused("R-FOUND-01", "there is no such proposal", "proposal")
    return found[0]


async def decidable(change: Change, case: Case, number: int) -> Outcome:
    """A proposal that the caller may decide; raises ``Refused``."""
    outcome = await outcome_of(change, case, number)
    await check_decidable(change, case, outcome)
    return outcome


@rule("R-CASE-09", "R-CASE-11")
async def check_decidable(change: Change, case: Case, outcome: Outcome) -> None:
    """It is undecided, and who asks had no part in the case."""
    rules.check_decidable(outcome.state)
    rules.check_under_way(case.state)
    rules.check_decider(change.acting.actor, await involved(change.connection, case))


async def returned(change: Change, case: Case, outcome: Outcome, why: str) -> None:
    """The handler proposes something else."""
    seal = await writable(change, case)
    outcome.state, outcome.decided_by = rules.RETURNED, change.acting.actor
    outcome.decided_at = change.now
    outcome.note = seal.sealed(why, "case_outcome", "note", outcome.outcome_id)
    await store.save_outcome(change.connection, outcome)
    await change.note(case, "returned", "ReturnOutcome", proposal=outcome.number)


@rule("R-CASE-13")
async def waiting(change: Change, case: Case, outcome: Outcome, proposal_id: str) -> None:
    """Somebody else must approve the remedy: the borrower is told once it was done."""
    outcome.state, outcome.waits_for = rules.AWAITS, proposal_id
    case.outcome = outcome.number
    await store.save_outcome(change.connection, outcome)
    await change.note(
        case, "waits", "AwaitApproval", proposal=outcome.number, approval=proposal_id
    )


@rule("R-CASE-13")
async def finished(change: Change, case: Case, outcome: Outcome, operation_id: int) -> None:
    """The case is decided: what was done is linked, and the borrower is answered."""
    today = change.today(case)
    outcome.state, outcome.operation_id = rules.FINAL, operation_id
    case.state, case.result, case.outcome = rules.DECIDED, outcome.result, outcome.number
    case.decided_on = today
    case.acknowledged_on = case.acknowledged_on or today
    case.decided_late = case.decided_late or today > case.decide_by
    await store.save_outcome(change.connection, outcome)
    await reviews.decided(change, case, outcome)
    if case.borrower_id:
        await message(change, case, rules.TO_BORROWER, await answer_of(change, case, outcome))
    linked = {"remedy": written("operation", operation_id)} if operation_id else {}
    await change.note(
        case, "decided", "DecideCase", proposal=outcome.number,
        result=rules.name_of(rules.RESULTS, outcome.result), **linked,
    )  # fmt: skip


async def fell_through(change: Change, case: Case, outcome: Outcome, refused_by: str) -> None:
    """The approval was not given: the case is open, and another outcome can be proposed."""
    outcome.state, outcome.refused_by = rules.FELL_THROUGH, refused_by
    case.outcome = 0
    await store.save_outcome(change.connection, outcome)
    await change.note(
        case, "fell_through", "OutcomeFellThrough", proposal=outcome.number, rule=refused_by
    )


async def answer_of(change: Change, case: Case, outcome: Outcome) -> str:
    """The final answer in the borrower's language."""
    seal = await seal_of(change.connection, change.desk.keys, case)
    row = await store.borrower(change.connection, case.borrower_id)
    reasons = seal.outcome(outcome, "reasons")
    language = row["language"] if row else ""
    return letters.final_answer(
        case.clock_rule, language, outcome.result, outcome.asks.kind, reasons
    )


def remedy_of(outcome: Outcome) -> dict[str, Any]:
    """What came of an outcome, for the answer."""
    return {
        "proposal": outcome.number, "outcome": rules.name_of(rules.OUTCOMES, outcome.state),
        "remedy_operation_id":
            written("operation", outcome.operation_id) if outcome.operation_id else None,
        "approval_id": outcome.waits_for or None,
    }  # fmt: skip


def key_of(outcome: Outcome) -> str:
    """The key under which a remedy is done once; no caller can choose one like it."""
    return f"case · {written('case', outcome.case_id)} · {outcome.number}"


def marks(outcome: Outcome) -> tuple[Any, ...]:
    """By which mark an outcome is being carried out."""
    return outcome.outcome_id, outcome.state, outcome.decided_by, outcome.decided_at


def hash_of(outcome: Outcome) -> bytes:
    """SHA-256 over what the key stands for: the act itself, as it was proposed."""
    return hashlib.sha256(f"{key_of(outcome)}\0{outcome.remedy}".encode()).digest()
