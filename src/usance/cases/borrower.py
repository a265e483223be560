"""A borrower's own cases: every function takes the borrower's id and reaches no other's.

Another borrower's case is not there: the answer is the same as for one that never was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from usance.cases import rules, store, view
from usance.cases.intake import Opening
from usance.cases.read import File, file, one
from usance.cases.sealing import seal_of
from usance.cases.service import Cases
from usance.cases.view import BORROWERS_OWN
from usance.cases.work import Acting
from usance.core.rules import rule
from usance.identity.once import Answer

KINDS = ("complaint", "appeal", "dispute", "correction", "human_review")
"""What a borrower can open."""


@dataclass(frozen=True, slots=True)
class OwnCases:
    """What the portal works with."""

    cases: Cases

    @rule("R-CASE-04")
    async def open(self, borrower_id: int, asked: Opening, acting: Acting) -> Answer:
        """Open a case of this borrower, whatever borrower ``asked`` names."""
        rules.code({name: rules.KINDS[name] for name in KINDS}, asked.kind, "kind")
        own = replace(asked, borrower_id=borrower_id)
        return own_answer(await self.cases.open(own, rules.PORTAL, acting))

    async def of_borrower(
        self, borrower_id: int, before: int = store.LAST, limit: int = 50
    ) -> list[dict[str, Any]]:
        """The borrower's cases, newest first."""
        found = await store.of_borrower(self.cases.desk.pool, borrower_id, before, limit)
        return [view.told(each) for each in found]

    @rule("R-CASE-14")
    async def read(self, borrower_id: int, case_id: int) -> dict[str, Any]:
        """One case with its words, messages, attachments and history; raises ``Refused``."""
        desk = self.cases.desk
        case = await one(desk, case_id, borrower_id)
        seal = await seal_of(desk.pool, desk.keys, case)
        messages = await store.messages(desk.pool, case, BORROWERS_OWN, 0, 1000)
        attachments = await store.attachments(desk.pool, case, BORROWERS_OWN)
        return view.told(case) | {
            "text": seal.text_of(case),
            "routes": [{"en": en, "zh": zh} for en, zh in case.clock_rule.routes],
            "messages": [view.own_message(each, seal) for each in messages],
            "attachments": [view.own_attachment(each, seal) for each in attachments],
            "events": [
                view.own_event(row)
                for row in await store.events(desk.pool, case)
                if row["kind"] in view.TOLD
            ],
        }

    async def say(self, borrower_id: int, case_id: int, text: str, acting: Acting) -> Answer:
        """A message of the borrower."""
        answer = await self.cases.say(
            case_id, rules.FROM_BORROWER, text, acting, borrower_id=borrower_id
        )
        return own_answer(answer)

    async def attach(
        self, borrower_id: int, case_id: int, name: str, content: bytes, acting: Acting
    ) -> Answer:
        """A file of the borrower."""
        answer = await self.cases.attach(
            case_id, rules.FROM_BORROWER, name, content, acting, borrower_id=borrower_id
        )
        return own_answer(answer)

    async def file(self, borrower_id: int, case_id: int, number: int) -> File:
        """A file of the borrower's case that is not a note's; raises ``Refused``."""
        return await file(
            self.cases.desk, case_id, number, borrower_id=borrower_id, ways=BORROWERS_OWN
        )

    async def withdraw(self, borrower_id: int, case_id: int, acting: Acting) -> Answer:
        """The borrower takes the case back."""
        return own_answer(await self.cases.withdraw(case_id, acting, borrower_id=borrower_id))

    async def reopen(self, borrower_id: int, case_id: int, text: str, acting: Acting) -> Answer:
        """The borrower does not leave it at that."""
        answer = await self.cases.reopen(
            case_id, rules.FROM_BORROWER, text, acting, borrower_id=borrower_id
        )
        return own_answer(answer)


INTERNAL = {
    "borrower_id", "channel", "opened_by", "assignee", "rule_id", "acknowledge_by",
    "acknowledged_on", "acknowledged_late", "decided_late", "messages", "attachments",
}  # fmt: skip


@rule("R-CASE-14")
def own_answer(answer: Answer) -> Answer:
    """An answer without what only staff see."""
    document = {name: each for name, each in answer.document.items() if name not in INTERNAL}
    return replace(answer, document=document)
