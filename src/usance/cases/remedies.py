"""What an outcome has the system do, beside the words: one act, named without its doer.

Pure. Which command of the book an act is, and which permission it needs, is known where cases and
servicing meet (``Carries``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from usance.cases.rules import NOT_UPHELD
from usance.core.identifiers import borrower_of_contract, parse, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.once import Answer

COMPONENTS = ("interest", "fee", "penalty")
DETAILS = ("name", "email")
"""What a case corrects of a borrower. A phone has its own way: the borrower proves both numbers."""
KINDS = ("nothing", "goodwill", "waiver", "refund", "reversal", "correction", "fact")
NEEDS = {
    "nothing": (), "goodwill": ("contract_id", "amount"),
    "waiver": ("contract_id", "component", "amount"), "refund": ("contract_id", "amount"),
    "reversal": ("contract_id", "of"), "correction": ("detail",),
    "fact": ("fact_id",),
}  # fmt: skip
"""What each kind must name. A refund may name its purchase (``of``) too."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """An act; amounts in minor units, ``of`` is the number of an event, 0 for none."""

    kind: str = "nothing"
    contract_id: int = 0
    amount: int = 0
    component: str = ""
    of: int = 0
    detail: str = ""
    fact_id: int = 0
    """The fact that the case is about; nobody names another one."""

    def document(self) -> dict[str, Any]:
        """As it is kept: what it names, and nothing else."""
        named = {name: getattr(self, name) for name in (*NEEDS[self.kind], "of")}
        found = {"kind": self.kind} | {name: each for name, each in named.items() if each}
        for name in ("contract_id", "fact_id"):
            if name in found:
                found[name] = written(name.removesuffix("_id"), found[name])
        return found


def remedy_of(document: dict[str, Any]) -> Remedy:
    """The way back."""
    fields = dict(document)
    for name in ("contract_id", "fact_id"):
        if name in fields:
            fields[name] = parse(name.removesuffix("_id"), fields[name])
    return Remedy(**fields)


@rule("R-CASE-12")
def check_remedy(remedy: Remedy, result: int, borrower_id: int) -> None:
    """The act fits the result, names what it needs, and stays with this borrower."""
    if remedy.kind not in KINDS:
        raise Refused("R-CASE-12", f"a remedy is one of {', '.join(KINDS)}", "remedy")
    if remedy.kind != "nothing" and result == NOT_UPHELD:
        raise Refused("R-CASE-12", "what is not upheld has no remedy", "remedy")
    for name in ("contract_id", "amount", "component", "of", "detail", "fact_id"):
        check_named(remedy, name)
    if remedy.contract_id and borrower_of_contract(remedy.contract_id) != borrower_id:
        raise Refused("R-FOUND-01", "there is no such contract", "contract_id")
    if remedy.kind != "nothing" and not borrower_id:
        raise Refused("R-CASE-12", "a case without a borrower has no remedy", "remedy")


@rule("R-CASE-12")
def check_named(remedy: Remedy, name: str) -> None:
    """A field is there where the kind needs it, and only there."""
    value, needed = getattr(remedy, name), name in NEEDS[remedy.kind]
    may = needed or (name, remedy.kind) == ("of", "refund")
    if needed and not value:
        raise Refused("R-CASE-12", f"such a remedy names its {name}", name)
    if value and not may:
        raise Refused("R-CASE-12", f"such a remedy has no {name}", name)
    choices = {"component": COMPONENTS, "detail": DETAILS}.get(name, ())
    if value and choices and value not in choices:
        raise Refused("R-CASE-12", f"{name} must be one of {', '.join(choices)}", name)


class Carries(Protocol):
    """Has remedies carried out; given by the composition root."""

    def permission_of(self, remedy: Remedy) -> str:
        """What its proposer must be allowed."""
        ...

    async def check_value(self, remedy: Remedy, value: str, borrower_id: int) -> None:
        """The new value of a detail or fact is one; raises ``Refused`` without repeating it."""
        ...

    async def carry_out(
        self, remedy: Remedy, value: str, *, borrower_id: int, actor: str, key: str,
        request_hash: bytes,
    ) -> Answer:  # fmt: skip
        """Do it, once for the actor's key.

        201 with its operation, 202 with the ``proposal_id`` of an approval that it waits for, or
        the problem document of who refuses.
        """
        ...


@dataclass(frozen=True, slots=True)
class Approval:
    """How something that waits for a second person stands."""

    waits: bool
    operation_id: int = 0
    refused_by: str = ""
    """The rule that says why it was not done; empty if it was."""


class Follows(Protocol):
    """Knows what became of something that waits for approval; given by the composition root."""

    async def approval(self, proposal_id: str) -> Approval | None:
        """How it stands; None where nobody knows it."""
        ...
