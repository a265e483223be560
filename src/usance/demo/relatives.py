"""Relatives of some people of the town: named, and what they answered."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field

from usance.cases.borrower import OwnCases
from usance.cases.policy import case_policy
from usance.cases.service import Cases
from usance.cases.work import Acting, Desk
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.demo import store
from usance.family.records import Acceptance, Nomination
from usance.family.service import Family
from usance.identity.borrower_sessions import actor_of
from usance.identity.changing import Asking
from usance.identity.codes import new_half
from usance.notices.codes import DIGITS
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService
from usance.platform.database import Pool, transaction

BEGIN, TURN = 8, 4
"""Days before the last at which people name somebody, and at which some think otherwise."""
FORGOTTEN = 20
"""Days before the last at which somebody is named who never answers."""
SHOWN = 8
NAMES = (
    "王淑兰", "李建民", "张桂芳", "陈志明", "刘玉珍", "赵国强", "周秀梅", "吴德华",
    "孙丽华", "马俊峰", "朱慧敏", "何建军", "郭雅琴",
)  # fmt: skip
SCOPES = ("borrowing", "overdue")
WORRY = "我没有同意让家人知道这些，请查一下是谁填的。"
FRIGHT = "我不认识填写我号码的人，请停止发送。"


class NobodyYet:
    """There is no staff while the year is lived."""

    async def handles(self, staff_id: int) -> bool:
        """Nobody does."""
        return staff_id < 0


@dataclass(frozen=True, slots=True)
class Named:
    """A relative, as whoever named them knows them."""

    borrower_id: int
    member_id: int
    phone: str
    scopes: tuple[str, ...]


@dataclass
class Relatives:
    """The relatives of the town, through the use cases that everybody has."""

    pool: Pool
    keys: KeyService
    home: str
    clock: Clock
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        desk = Desk(self.pool, self.keys, self.clock, case_policy(), self.home)
        cases = OwnCases(Cases(desk, NobodyYet()))
        self.family = Family.over(self.pool, self.keys, self.home, cases, self.clock)
        self._numbers, self._places = itertools.count(1), itertools.count(1)
        self._on: list[tuple[str, Named]] = []

    async def live(self, left: int) -> bool:
        """A day; ``left``: how many are left of the year. Whether anything happened."""
        try:
            if left == FORGOTTEN:
                await self._forgotten()
            elif left == BEGIN:
                await self._begin()
            elif left == TURN:
                await self._turn()
            elif left == 0:
                await self._of_the_shown()
        except Refused as refused:
            self.refused[refused.refusal.rule] += 1
        return bool(await self.family.look()) or left in (FORGOTTEN, BEGIN, TURN, 0)

    async def _forgotten(self) -> None:
        """An invitation that is too old before the year ends."""
        people = await store.shown(self.pool, SHOWN)
        if people:
            await self._name(people[-1], SCOPES[:1])

    async def _begin(self) -> None:
        """Each names somebody; most are told yes, one is told no."""
        plan = ("stays", "stays", "refused", "reported", "taken back", "never again", "frightened",
                "left")  # fmt: skip
        people = await store.shown(self.pool, SHOWN)
        for fate, who in zip(plan, people, strict=False):
            scopes = SCOPES if fate in ("stays", "left", "reported") else SCOPES[:1]
            found = await self._name(who, scopes)
            await self._answer(found, () if fate == "refused" else scopes)
            if fate != "refused":
                self._on.append((fate, found))

    async def _turn(self) -> None:
        """Some do not want it any more, some are told what they never wanted."""
        for fate, found in self._on:
            asking = Asking(actor_of(found.borrower_id))
            if fate == "taken back":
                await self.family.take_back(found.borrower_id, found.member_id, asking)
            elif fate == "reported":
                acting = Acting(asking.actor)
                await self.family.report(found.borrower_id, found.member_id, WORRY, acting)
            elif fate in ("left", "never again"):
                code, place = await self._stop_code(found), self._place()
                await self.family.leave(code, place, for_ever=fate == "never again")
            elif fate == "frightened":
                code = await self._stop_code(found)
                await self.family.report_by_member(code, FRIGHT, self._place())

    async def _of_the_shown(self) -> None:
        """The borrower whom the demo shows has one who is told, and one who has yet to answer."""
        people = await store.shown(self.pool, 1)
        if not people:
            return
        known = await self.family.of_borrower(people[0][0])
        if not any(each.state == "active" for each in known):
            await self._answer(await self._name(people[0], SCOPES), SCOPES)
        await self._name(people[0], SCOPES[:1])

    async def _name(self, who: tuple[int, str], scopes: tuple[str, ...]) -> Named:
        """Name somebody whose number nobody has."""
        number, (borrower_id, language) = next(self._numbers), who
        phone, known = f"+861019{number:07d}", await self.family.offered()
        asked = Nomination(
            name=NAMES[number % len(NAMES)], relation=("parent", "spouse", "sibling")[number % 3],
            phone=phone, scopes=scopes, again=True, language=language.partition("-")[0],
            versions={scope: known[scope].version for scope in scopes if scope in known},
            tells="before" if number % 4 == 0 else "after",
        )  # fmt: skip
        answer = await self.family.nominate(borrower_id, asked, Asking(actor_of(borrower_id)))
        return Named(borrower_id, parse("member", answer.document["member_id"]), phone, scopes)

    async def _answer(self, found: Named, scopes: tuple[str, ...]) -> None:
        """The relative shows the number, reads, and says what is wanted; no scopes: nothing."""
        half, place = new_half(), self._place()
        row = await store.invitation(self.pool, found.borrower_id, found.member_id)
        code = (await store.secrets_of(self.pool, self.keys, row))["code"]
        await self.family.knock(code, found.phone[-DIGITS:], half, place)
        row = await store.family_code(self.pool, found.borrower_id)
        once = (await store.secrets_of(self.pool, self.keys, row))["code"]
        token = await self.family.enter(half, once, place)
        shown = (await self.family.invitation(token)).documents
        versions = {scope: shown[scope].version for scope in scopes}
        channels = ("sms",) if scopes else ()
        given = Acceptance(scopes=scopes, channels=channels, versions=versions, again=bool(scopes))
        await self.family.answer(token, given)

    async def _stop_code(self, found: Named) -> str:
        """What stands on each notice to the relative."""
        async with transaction(self.pool) as connection:
            secrets = await self.family.members.secrets(
                connection, found.borrower_id, found.member_id
            )
        return secrets["stop"]

    def _place(self) -> str:
        """Where somebody asks from; never twice the same."""
        return f"203.0.{next(self._places)}.1"
