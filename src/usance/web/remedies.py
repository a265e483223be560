"""Where cases meet the book: what an outcome has the system do, as a command of servicing.

A command goes through the book of the composition root like anybody's, so whatever holds commands
back for a second person holds these back too.
"""

from __future__ import annotations

from dataclasses import dataclass

from usance.approvals.rules import DONE, EXPIRED, FAILED, REFUSED, REVOKED
from usance.approvals.service import Approvals
from usance.cases.remedies import Approval, Remedy
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import details
from usance.identity.changing import Asking
from usance.identity.colleagues import colleagues
from usance.identity.once import Answer, problem
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.risk.fact_keeping import Facts
from usance.servicing import commands as ask
from usance.web.grades import permission_of
from usance.web.services import Submits

COMMANDS: dict[str, type[ask.Command]] = {
    "goodwill": ask.Goodwill, "waiver": ask.Waive, "refund": ask.Refund, "reversal": ask.Reverse,
}  # fmt: skip


NEITHER = {"correction": "borrowers:write", "fact": "facts:write"}
"""What is no command of the book, and what its proposer must be allowed."""


@rule("R-CASE-12")
def command_of(remedy: Remedy) -> ask.Command:
    """The command that a remedy on a contract is."""
    contract_id, amount = remedy.contract_id, remedy.amount
    if remedy.kind == "goodwill":
        return ask.Goodwill(contract_id=contract_id, amount=amount)
    if remedy.kind == "waiver":
        return ask.Waive(contract_id=contract_id, component=remedy.component, amount=amount)
    if remedy.kind == "refund":
        return ask.Refund(contract_id=contract_id, amount=amount, of=remedy.of)
    assert remedy.kind == "reversal", remedy.kind
    return ask.Reverse(contract_id=contract_id, of=remedy.of)


@dataclass(frozen=True, slots=True)
class Remedies:
    """``usance.cases.remedies.Carries``: by the book, and by the register of borrowers."""

    book: Submits
    pool: Pool
    keys: KeyService
    facts: Facts

    def permission_of(self, remedy: Remedy) -> str:
        """What its proposer must be allowed."""
        if remedy.kind in NEITHER:
            return NEITHER[remedy.kind]
        return permission_of(COMMANDS[remedy.kind])

    async def check_value(self, remedy: Remedy, value: str, borrower_id: int) -> None:
        """The new value of a detail or fact is one; nothing else has a value."""
        if remedy.kind == "fact":
            await self.facts.check_new(borrower_id, remedy.fact_id, value)
        elif remedy.kind == "correction":
            details.checked_detail(remedy.detail, value)
        elif value:
            raise Refused("R-CASE-12", "such a remedy has no value", "value")

    @rule("R-CASE-13")
    async def carry_out(
        self, remedy: Remedy, value: str, *, borrower_id: int, actor: str, key: str,
        request_hash: bytes,
    ) -> Answer:  # fmt: skip
        """Do it, once for the actor's key; a refusal is an answer."""
        if remedy.kind not in NEITHER:
            return await self.book.submit(
                command_of(remedy), actor=actor, key=key, request_hash=request_hash
            )
        asking = Asking(actor, key, request_hash)
        try:
            if remedy.kind == "fact":
                return await self.facts.correct(borrower_id, remedy.fact_id, value, asking)
            return await details.correct(
                self.pool, self.keys, borrower_id, remedy.detail, value, asking
            )
        except Refused as refused:
            return problem(refused.refusal)


NOT_GIVEN = {REFUSED: "R-APPR-05", REVOKED: "R-APPR-07", EXPIRED: "R-APPR-04"}
"""Why something that waited was not done, where nobody said another rule."""


@dataclass(frozen=True, slots=True)
class Followed:
    """``usance.cases.remedies.Follows``: what became of a remedy that waits for approval."""

    approvals: Approvals

    async def approval(self, proposal_id: str) -> Approval | None:
        """How it stands; None where nobody knows it."""
        try:
            found = await self.approvals.found(parse("proposal", proposal_id))
        except Refused:
            return None
        if found.state == DONE:
            return Approval(waits=False, operation_id=found.operation_id)
        if found.state == FAILED:
            return Approval(waits=False, refused_by=str(found.outcome.get("rule", "R-APPR-08")))
        if found.state in NOT_GIVEN:
            return Approval(waits=False, refused_by=NOT_GIVEN[found.state])
        return Approval(waits=True)


@dataclass(frozen=True, slots=True)
class CaseHandlers:
    """``usance.cases.service.Handlers``: staff whose roles let them write to cases."""

    pool: Pool

    async def handles(self, staff_id: int) -> bool:
        """Whether this is one of them."""
        return any(each.staff_id == staff_id for each in await colleagues(self.pool, "cases:write"))
