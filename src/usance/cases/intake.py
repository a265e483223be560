"""A case comes in, or is taken up again: whom and what it is about, and the clocks that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from usance.cases import reviews, rules, store
from usance.cases.clocks import clocks_of, in_force
from usance.cases.records import Case
from usance.cases.sealing import own_key, seal_of
from usance.cases.subjects import check_subject
from usance.cases.view import summary
from usance.cases.words import message
from usance.cases.work import Change
from usance.core.identifiers import cell_of_borrower
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.identifiers import new_operation_id

ACTIVE = 1
OPEN_MOST = 20
"""Cases of a borrower under way at once."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Opening:
    """What a case is opened with; never printed."""

    kind: str
    text: str
    borrower_id: int = 0
    subject: str = "nothing"
    subject_id: int = 0
    subject_number: int = 0
    jurisdiction: str = ""
    """Empty: that of the book."""


@rule("R-CASE-01", "R-CASE-03", "R-CASE-04")
async def opened(change: Change, asked: Opening, channel: int) -> dict[str, Any]:
    """Write a new case; its clocks run from the calendar day where it belongs."""
    desk, kind = change.desk, rules.code(rules.KINDS, asked.kind, "kind")
    subject = rules.code(rules.SUBJECTS, asked.subject, "subject")
    text = rules.checked_text(asked.text)
    rules.check_opening(kind, asked.borrower_id, subject)
    place = desk.policy.jurisdiction(asked.jurisdiction or desk.home)
    await check_borrower(change, asked.borrower_id)
    await check_own_today(change, asked.borrower_id)
    await check_subject(
        change.connection, asked.borrower_id, subject, asked.subject_id, asked.subject_number
    )
    today = place.day_of(change.now)
    found = in_force(desk.policy.rules, place.code, asked.kind, today)
    clocks = clocks_of(found, today, place)
    told = channel != rules.CONSOLE or not asked.borrower_id
    case = Case(
        cell_of_borrower(asked.borrower_id), asked.borrower_id, new_operation_id(), kind,
        rules.OPEN, channel, place.code, subject, asked.subject_id, asked.subject_number, b"", b"",
        change.acting.actor, change.now, msgspec.json.encode(found.document()).decode(), today,
        clocks.acknowledge_by, today if told else None, clocks.decide_by,
    )  # fmt: skip
    await sealed_first(change, case, text)
    await change.note(
        case, "opened", "OpenCase", kind=asked.kind, channel=rules.name_of(rules.CHANNELS, channel),
        rule=found.rule_id,
    )  # fmt: skip
    await store.insert(change.connection, case)
    await reviews.asked(change, case)
    return summary(case)


async def sealed_first(change: Change, case: Case, text: str) -> None:
    """The words of a new case; one whose borrower has no key gets its own."""
    row = await store.borrower(change.connection, case.borrower_id)
    if row is not None and row["data_key"]:
        seal = await seal_of(change.connection, change.desk.keys, case)
    else:
        seal, case.data_key = await own_key(change.connection, change.desk.keys, case.case_id)
    case.text = seal.sealed(text, "case_file", "text", case.case_id)


@rule("R-CASE-04", "R-CASE-16")
async def check_borrower(change: Change, borrower_id: int) -> None:
    """There is such a borrower, who was not erased and has not too many cases open.

    The borrower's row is locked: cases of one borrower come in one after the other.
    """
    if not borrower_id:
        return
    row = await store.borrower(change.connection, borrower_id, lock=True)
    if row is None:
        raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
    if row["status"] != ACTIVE:
        raise Refused("R-CASE-04", "the borrower was erased", "borrower_id")
    if await store.open_cases(change.connection, borrower_id) >= OPEN_MOST:
        detail = f"at most {OPEN_MOST} cases of a borrower are open at once"
        raise Refused("R-CASE-16", detail, "borrower_id")


@rule("R-CASE-16")
async def check_own_today(change: Change, borrower_id: int) -> None:
    """A borrower, whose row is locked, opens only so many cases a day, also of those that ended."""
    if not change.is_own(borrower_id):
        return
    actor, most = change.acting.actor, change.desk.policy.own_cases_a_day
    opened_today = await store.opened_since(
        change.connection, borrower_id, actor, change.day_before
    )
    if opened_today >= most:
        raise Refused("R-CASE-16", f"a borrower opens at most {most} cases a day", "borrower_id")


@rule("R-CASE-01", "R-CASE-15")
async def reopened(change: Change, case: Case, way: int, text: str) -> None:
    """A case is taken up again: new clocks by the rule of today, and nobody has it yet."""
    policy, today = change.desk.policy, change.today(case)
    await check_borrower(change, case.borrower_id)
    ended = case.ended_on or case.decided_on or today
    rules.check_reopening(case.state, (today - ended).days, policy.reopen_within_days)
    place = policy.jurisdiction(case.jurisdiction)
    found = in_force(policy.rules, place.code, rules.name_of(rules.KINDS, case.kind), today)
    clocks = clocks_of(found, today, place)
    case.rule = msgspec.json.encode(found.document()).decode()
    case.state, case.received_on, case.decide_by = rules.OPEN, today, clocks.decide_by
    case.acknowledge_by = clocks.acknowledge_by
    told = way == rules.FROM_BORROWER or not case.borrower_id
    case.acknowledged_on = today if told else None
    case.decided_on = case.ended_on = None
    case.acknowledged_late = case.decided_late = False
    case.extensions = case.result = case.outcome = case.assignee = 0
    case.reopened += 1
    await message(change, case, way, text)
    await reviews.asked(change, case)
    await change.note(case, "reopened", "ReopenCase", times=case.reopened, rule=found.rule_id)
