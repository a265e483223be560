"""The acts that approvals may hold back: how each is read, judged, rehearsed and carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from usance.approvals.rules import Facts
from usance.approvals.service import Act
from usance.consents import acts as consent_acts
from usance.core.refusals import Refused
from usance.day import begin
from usance.day.begin import BeginClose
from usance.identity import acts as staff_acts
from usance.identity import erasure, machine
from usance.identity.changing import Asking
from usance.identity.machine import MachineClients
from usance.identity.once import Answer, problem
from usance.notices import templates as notice_templates
from usance.notices.templates import Templates
from usance.platform.clock import Clock
from usance.platform.database import Pool
from usance.risk.register import AdoptPolicy, Policies
from usance.risk.scorecards import AdoptScorecard, Scorecards
from usance.servicing import commands as ask
from usance.servicing import read
from usance.web.closing import Closing
from usance.web.grades import PERMISSIONS
from usance.webhooks import acts as webhook_acts
from usance.webhooks.endpoints import Endpoints

HASHES = ("password_hash", "secret_hash")


class Rehearses(Protocol):
    """The book: ``usance.servicing.service.Book``."""

    async def submit(
        self, command: ask.Command, *, actor: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Do what is asked, once for an actor's key."""
        ...

    async def rehearse(self, command: ask.Command, *, actor: str) -> Answer:
        """What would come of it now; nothing is changed."""
        ...


@dataclass(frozen=True, slots=True)
class OfTheBook:
    """A command of the book as an act."""

    kind: type[ask.Command]
    book: Rehearses
    pool: Pool

    def read(self, body: str) -> ask.Command:
        """The command that was written down."""
        return msgspec.json.decode(body, type=self.kind)

    async def facts(self, act: ask.Command, within_days: int) -> Facts:
        """Its amount; of a reversal, the event's, and whether its day is closed."""
        if isinstance(act, ask.Reverse):
            return await facts_of_event(self.pool, act)
        given = await read.given(self.pool, act.borrower(), within_days) if within_days else 0
        return Facts(getattr(act, "amount", 0), given=given)

    def about(self, act: ask.Command) -> tuple[int, int]:
        """Whose it is."""
        return act.borrower(), next(iter(act.contracts()), 0)

    async def rehearse(self, act: ask.Command, author: str) -> Answer:
        """What the book would answer."""
        return await self.book.rehearse(act, actor=author)

    async def run(self, act: ask.Command, author: str, key: str, request_hash: bytes) -> Answer:
        """Ask the book."""
        return await self.book.submit(act, actor=author, key=key, request_hash=request_hash)


@dataclass(frozen=True, slots=True)
class Beside:
    """What another room than the book does as an act. It has no amount."""

    kind: type[Any]
    perform: Callable[[Any, Asking], Awaitable[Answer]]
    """Does it, once for a caller's key. Raises ``Refused``."""
    attempt: Callable[[Any, str], Awaitable[None]]
    """Whether its author could do it now. Raises ``Refused`` if not."""

    def read(self, body: str) -> Any:
        """The act that was written down."""
        return msgspec.json.decode(body, type=self.kind)

    async def facts(self, _act: Any, _within_days: int) -> Facts:
        """Nothing that the policy could weigh."""
        return Facts()

    def about(self, act: Any) -> tuple[int, int]:
        """Whose it is."""
        return getattr(act, "borrower_id", 0), 0

    async def rehearse(self, act: Any, author: str) -> Answer:
        """Whether it could be done now."""
        try:
            await self.attempt(act, author)
        except Refused as refused:
            return problem(refused.refusal)
        return Answer(201, {})

    async def run(self, act: Any, author: str, key: str, request_hash: bytes) -> Answer:
        """Do it, once for a key."""
        try:
            return await self.perform(act, Asking(author, key, request_hash))
        except Refused as refused:
            return problem(refused.refusal)


async def facts_of_event(pool: Pool, act: ask.Reverse) -> Facts:
    """What a reversal undoes; nothing for an event that is not there (the book refuses it)."""
    row = await read.event_booked(pool, act.contract_id, act.of)
    if row is None:
        return Facts()
    return Facts(row["amount"], row["booked_on"] < row["business_date"])


def asked_for(body: str) -> dict[str, Any]:
    """What an act was asked with, to be shown; the hash of a secret is nobody's business."""
    found: dict[str, Any] = msgspec.json.decode(body)
    return {name: value for name, value in found.items() if name not in HASHES}


def acts(pool: Pool, book: Rehearses, clients: MachineClients | None = None) -> dict[str, Act]:
    """Acts on the book, on accounts of staff and on machine clients, by their names."""
    known = clients or MachineClients(pool)
    found: dict[str, Act] = {kind.__name__: OfTheBook(kind, book, pool) for kind in PERMISSIONS}
    for kind, _ in staff_acts.ACTS.values():
        found[kind.__name__] = Beside(
            kind, partial(staff_acts.perform, pool), partial(staff_acts.rehearse, pool)
        )
    for each in machine.ACTS.values():
        found[each.__name__] = Beside(each, known.perform, lambda act, _: known.rehearse(act))
    return found


def acts_of_the_house(
    pool: Pool, webhooks: Endpoints, closing: Closing, erasures: Path
) -> dict[str, Act]:
    """Acts on webhooks, templates, what is held of people, and the day, by their names.

    ``erasures`` is the file that names who was erased.
    """

    async def close(act: BeginClose, asking: Asking) -> Answer:
        begun = await begin.perform(pool, act, asking)
        closing.work(pool)
        return begun

    found: dict[str, Act] = {
        "BeginClose": Beside(BeginClose, close, lambda act, _: begin.rehearse(pool, act))
    }
    for hook in webhook_acts.ACTS.values():
        found[hook.__name__] = Beside(hook, webhooks.perform, webhooks.rehearse)
    templates = Templates(pool)
    for each in notice_templates.ACTS.values():
        found[each.__name__] = Beside(each, templates.perform, templates.rehearse)
    for held in erasure.ACTS.values():
        found[held.__name__] = Beside(
            held, partial(erasure.perform, pool, list_file=erasures),
            partial(erasure.rehearse, pool),
        )  # fmt: skip
    return found


def acts_on_policies(pool: Pool) -> dict[str, Act]:
    """Acts on policies and scorecards, by their names."""
    policies, scorecards = Policies(pool), Scorecards(pool)
    return {
        "AdoptPolicy": Beside(AdoptPolicy, policies.perform, policies.rehearse),
        "AdoptScorecard": Beside(AdoptScorecard, scorecards.perform, scorecards.rehearse),
    }


def acts_on_consents(pool: Pool, clock: Clock) -> dict[str, Act]:
    """Acts on consent documents, by their names."""
    return {
        name: Beside(
            kind, partial(consent_acts.perform, pool, clock),
            partial(consent_acts.rehearse, pool, clock),
        ) for name, kind in consent_acts.ACTS.items()
    }  # fmt: skip
