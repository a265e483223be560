"""The end of a case is put off, or comes: withdrawn by the borrower, closed once it was decided."""

from __future__ import annotations

from usance.cases import letters, reviews, rules, store
from usance.cases.clocks import extended_until
from usance.cases.records import Case
from usance.cases.subjects import involved
from usance.cases.words import message
from usance.cases.work import Change
from usance.core.rules import rule


@rule("R-CASE-10")
async def extended(change: Change, case: Case, reasons: str) -> None:
    """A later end, if the rule has one more and who asks may give it; the borrower is told."""
    rules.check_under_way(case.state)
    place = change.desk.policy.jurisdiction(case.jurisdiction)
    found = case.clock_rule
    until, approval = extended_until(found, case.extensions, case.received_on, place)
    parts, acting = await involved(change.connection, case), change.acting
    rules.check_extender(acting.actor, case.handler, approval, parts, acting.permissions)
    case.extensions += 1
    case.decide_by = until
    if case.borrower_id:
        row = await store.borrower(change.connection, case.borrower_id)
        language = row["language"] if row else ""
        text = letters.later_answer(found, language, until, reasons)
        await message(change, case, rules.TO_BORROWER, text)
        case.acknowledged_on = case.acknowledged_on or change.today(case)
    else:
        await message(change, case, rules.NOTE, reasons)
    await change.note(
        case, "extended", "ExtendCase", until=until.isoformat(), extension=case.extensions,
        approval=approval,
    )  # fmt: skip


@rule("R-CASE-07", "R-CASE-11")
async def withdrawn(change: Change, case: Case) -> None:
    """A case that is taken back ends, with whatever outcome was proposed."""
    rules.check_under_way(case.state)
    outcomes = await store.outcomes(change.connection, case)
    rules.check_not_carried_out([each.state for each in outcomes])
    for each in outcomes:
        if each.state == rules.PROPOSED:
            each.state = rules.DROPPED
            await store.save_outcome(change.connection, each)
    case.state = rules.WITHDRAWN
    case.ended_on = change.today(case)
    await reviews.withdrawn(change, case)
    await change.note(case, "withdrawn", "WithdrawCase")


@rule("R-CASE-07")
async def closed(change: Change, case: Case) -> None:
    """Nothing more comes to a decided case, and the row says so."""
    rules.check_closable(case.state)
    case.state = rules.CLOSED
    case.ended_on = change.today(case)
    await change.note(case, "closed", "CloseCase")
    await store.save_case(change.connection, case)
