"""What lies on the lender's desks after the year: looks with reasons, cases, and a proposal.

It comes about by the services that everybody uses, at moments of the last weeks, by two invented
members of staff. Their passwords are made for the moment and known to nobody.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from usance.approvals.service import Approvals
from usance.cases import rules
from usance.cases.borrower import OwnCases
from usance.cases.deciding import Deciding, Finding
from usance.cases.intake import Opening
from usance.cases.service import Cases
from usance.cases.work import Acting
from usance.core.identifiers import parse
from usance.demo import store
from usance.identity.accesses import Accesses
from usance.identity.borrower_sessions import actor_of
from usance.identity.changing import Asking
from usance.identity.staff import Staff
from usance.platform.clock import Clock, FixedClock
from usance.platform.database import Pool
from usance.servicing.commands import Goodwill

HANDLER, DECIDER = "lin", "chen"
GOODWILL = 260_00
"""More than one person may give alone."""
BEGAN = 21
"""Days before now at which the first of it happens."""
LOOKS = ((20, "case", ""), (9, "request", "called about the last statement"),
         (2, "collections", ""))  # fmt: skip
"""Days before now, reason, and a note for colleagues."""
Words: TypeAlias = dict[str, str]
"""By the borrower's language."""

MISSING: Words = {
    "zh-CN": "我上周还的款，页面上还没有显示。请查一下。",
    "en": "What I paid last week is not on the page yet. Please look into it.",
}
FEE: Words = {
    "zh-CN": "我是当天晚上还的款，为什么还算了罚息？",
    "en": "I paid in the evening of the same day. Why was penalty interest asked?",
}
MOVED: Words = {
    "zh-CN": "我换了邮箱，请更正。",
    "en": "My e-mail address has changed. Please correct it.",
}
RUDE: Words = {
    "zh-CN": "客服电话里对我很不耐烦，我想知道你们怎么处理。",
    "en": "Your colleague was impatient with me on the phone. What do you do about it?",
}
WHEN: Words = {
    "zh-CN": "很抱歉。请问是哪一天、大约几点的通话？",
    "en": "We are sorry. On which day was the call, and at about what time?",
}
FOUND: Words = {
    "zh-CN": "款项在到期日次日零点过后到账，罚息计算无误；但提醒短信发晚了，我们已改正。",
    "en": "The money came after midnight, so the interest is right. Our reminder was late; that has"
    " been put right.",
}


@dataclass(frozen=True, slots=True)
class Desks:
    """The services, as they are at one moment; given by the composition root."""

    own: OwnCases
    work: Cases
    deciding: Deciding
    accesses: Accesses
    approvals: Approvals


DesksAt: TypeAlias = Callable[[Clock], Desks]


@dataclass(frozen=True, slots=True)
class People:
    """Whom it is about and who does it: borrowers with their languages, and the two accounts."""

    borrowers: list[tuple[int, str]]
    handler: Acting
    decider: Acting


@dataclass(frozen=True, slots=True)
class Weeks:
    """The weeks before a moment."""

    at: DesksAt
    people: People
    now: datetime

    def ago(self, days: int) -> Desks:
        """The services as they were so many days ago."""
        return self.at(FixedClock(self.now - timedelta(days)))

    async def open(self, place: int, kind: str, days: int, words: Words) -> int:
        """A borrower opens a case from the portal; its number."""
        borrower_id, language = self.people.borrowers[place]
        opening = Opening(kind=kind, text=words[language])
        acting = Acting(actor_of(borrower_id))
        answer = await self.ago(days).own.open(borrower_id, opening, acting)
        return parse("case", answer.document["case_id"])

    async def take(self, case_id: int, days: int) -> None:
        """The handler takes a case."""
        handler = self.people.handler
        await self.ago(days).work.assign(case_id, int(handler.actor.partition(":")[2]), handler)

    async def ask(self, case_id: int, place: int, days: int, words: Words) -> None:
        """The handler asks the borrower something."""
        text, handler = words[self.people.borrowers[place][1]], self.people.handler
        await self.ago(days).work.say(case_id, rules.TO_BORROWER, text, handler, wait=True)

    async def decide(self, case_id: int, place: int, days: int, words: Words) -> None:
        """The handler proposes, somebody else decides a day later."""
        finding = Finding(result="partly", reasons=words[self.people.borrowers[place][1]])
        await self.ago(days).deciding.propose(case_id, finding, self.people.handler)
        await self.ago(days - 1).deciding.decide(case_id, 1, self.people.decider)


async def leave(pool: Pool, at: DesksAt, now: datetime) -> None:
    """Leave something to see, first of all about the borrower whom the demo shows."""
    borrowers = await store.shown(pool, 4)
    if not borrowers:
        return
    staff = Staff(pool, FixedClock(now - timedelta(BEGAN)))
    password = secrets.token_urlsafe(24)
    handler = await staff.create(HANDLER, password, ["service"], actor="system:demo")
    decider = await staff.create(
        DECIDER, secrets.token_urlsafe(24), ["supervisor"], actor="system:demo"
    )
    people = People(borrowers, Acting(f"staff:{handler}"), Acting(f"staff:{decider}"))
    weeks = Weeks(at, people, now)
    await look(staff, password, weeks)
    await leave_cases(weeks)
    await propose(pool, weeks)


async def look(staff: Staff, password: str, weeks: Weeks) -> None:
    """The handler has looked at some borrowers' details, at the shown one's most."""
    token, session = await staff.log_in(HANDLER, password)
    for days, reason, note in LOOKS:
        for borrower_id, _ in weeks.people.borrowers[: 4 if reason == "case" else 1]:
            await weeks.ago(days).accesses.open(
                session, borrower_id, reason, note, Asking(session.actor)
            )
    await staff.log_out(token)


async def leave_cases(weeks: Weeks) -> None:
    """One that must be answered soon, one answered; then as many others as there are borrowers."""
    case_id = await weeks.open(0, "complaint", 13, MISSING)
    await weeks.take(case_id, 12)
    answered = await weeks.open(0, "dispute", BEGAN, FEE)
    await weeks.take(answered, 20)
    await weeks.decide(answered, 0, 17, FOUND)
    others = len(weeks.people.borrowers)
    if others > 1:
        await weeks.open(1, "correction", 0, MOVED)
    if others > 2:
        waiting = await weeks.open(2, "complaint", 5, RUDE)
        await weeks.take(waiting, 4)
        await weeks.ask(waiting, 2, 3, WHEN)
    if others > 3:
        back = await weeks.open(3, "complaint", 8, MISSING)
        borrower_id = weeks.people.borrowers[3][0]
        await weeks.ago(7).own.withdraw(borrower_id, back, Acting(actor_of(borrower_id)))


async def propose(pool: Pool, weeks: Weeks) -> None:
    """The handler would pay for a borrower; a second person has to agree."""
    contract_id = await store.owing(pool, GOODWILL)
    if contract_id is not None:
        command = Goodwill(contract_id=contract_id, amount=GOODWILL)
        await weeks.ago(0).approvals.submit(command, actor=weeks.people.handler.actor)
