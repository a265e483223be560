"""The acts that approvals may hold back: how each is read, judged, rehearsed and carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from usance.approvals.rules import Facts
from usance.approvals.service import Act
from usance.core.refusals import Refused
from usance.identity import acts as staff_acts
from usance.identity import machine
from usance.identity.acts import StaffAct
from usance.identity.changing import Asking
from usance.identity.machine import ClientAct, MachineClients
from usance.identity.once import Answer, problem
from usance.platform.database import Pool
from usance.servicing import commands as ask
from usance.servicing import read
from usance.web.grades import PERMISSIONS

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
class OfStaff:
    """What is done to an account of staff as an act."""

    kind: type[StaffAct]
    pool: Pool

    def read(self, body: str) -> StaffAct:
        """The act that was written down."""
        return msgspec.json.decode(body, type=self.kind)

    async def facts(self, _act: StaffAct, _within_days: int) -> Facts:
        """It has no amount."""
        return Facts()

    def about(self, _act: StaffAct) -> tuple[int, int]:
        """It is no borrower's."""
        return 0, 0

    async def rehearse(self, act: StaffAct, author: str) -> Answer:
        """Whether it could be done now."""
        try:
            await staff_acts.rehearse(self.pool, act, author)
        except Refused as refused:
            return problem(refused.refusal)
        return Answer(201, {})

    async def run(self, act: StaffAct, author: str, key: str, request_hash: bytes) -> Answer:
        """Do it, once for a key."""
        try:
            return await staff_acts.perform(self.pool, act, Asking(author, key, request_hash))
        except Refused as refused:
            return problem(refused.refusal)


@dataclass(frozen=True, slots=True)
class OfClients:
    """What gives somebody a key of a machine client as an act."""

    kind: type[ClientAct]
    clients: MachineClients

    def read(self, body: str) -> ClientAct:
        """The act that was written down."""
        return msgspec.json.decode(body, type=self.kind)

    async def facts(self, _act: ClientAct, _within_days: int) -> Facts:
        """It has no amount."""
        return Facts()

    def about(self, _act: ClientAct) -> tuple[int, int]:
        """It is no borrower's."""
        return 0, 0

    async def rehearse(self, act: ClientAct, _author: str) -> Answer:
        """Whether it could be done now."""
        try:
            await self.clients.rehearse(act)
        except Refused as refused:
            return problem(refused.refusal)
        return Answer(201, {})

    async def run(self, act: ClientAct, author: str, key: str, request_hash: bytes) -> Answer:
        """Do it, once for a key."""
        try:
            return await self.clients.perform(act, Asking(author, key, request_hash))
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
    """Every act by its name."""
    known = clients or MachineClients(pool)
    found: dict[str, Any] = {
        kind.__name__: OfTheBook(kind, book, pool) for kind in PERMISSIONS
    }
    found |= {name: OfStaff(kind, pool) for name, (kind, _) in staff_acts.ACTS.items()}
    return found | {name: OfClients(kind, known) for name, kind in machine.ACTS.items()}
