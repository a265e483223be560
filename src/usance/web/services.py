"""What routes work with: built once by the composition root, found at ``app.state.services``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from usance.approvals.delegation import Delegations
from usance.approvals.service import Approvals
from usance.identity.borrowers import Borrowers
from usance.identity.machine import MachineClients
from usance.identity.once import Answer
from usance.identity.staff import Staff
from usance.platform.config import Settings
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.servicing.commands import Command
from usance.servicing.service import Book
from usance.web.closing import Closing


class Submits(Protocol):
    """The book: ``usance.servicing.service.Book``."""

    async def submit(
        self, command: Command, *, actor: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Do what is asked, once for an actor's key."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may need."""

    settings: Settings
    pool: Pool
    keys: KeyService
    book: Submits
    """Where commands are asked for; approvals stand before it."""
    posting: Book
    """The book itself, for what is not asked for command by command: bank files."""
    approvals: Approvals
    delegations: Delegations
    borrowers: Borrowers
    staff: Staff
    clients: MachineClients
    name: str
    currency: str
    decimals: int
    demo: bool
    hints: Mapping[str, str]
    """Shown on the log-in page of a demo book: name and password."""
    closing: Closing = field(default_factory=Closing)
