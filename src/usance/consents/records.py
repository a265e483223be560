"""An agreement as it stands, and one thing that was said of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usance.core.identifiers import PREFIXES, cell_of_borrower, written

BORROWER = "borrower"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody: a borrower now; relatives without an account and friends come later."""

    kind: str = ""
    number: int = 0

    def document(self) -> dict[str, str] | None:
        """As outside sees it; None for nobody."""
        if not self.kind:
            return None
        number = written(self.kind, self.number) if self.kind in PREFIXES else str(self.number)
        return {"kind": self.kind, "id": number}


NOBODY = Party()


def borrower(borrower_id: int) -> Party:
    """A borrower."""
    return Party(BORROWER, borrower_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Where an agreement stands. ``borrower_id`` is whose book it is in."""

    borrower_id: int
    record_id: int
    grantor: Party
    counterparty: Party
    document_id: str
    version: int
    document_digest: bytes
    language: str
    scopes: tuple[str, ...]
    channels: tuple[str, ...]
    method: str
    state: int
    at: datetime
    valid_until: datetime | None = None
    linked_id: int = 0
    operation_id: int = 0
    events: int = 0
    """How many things were said; of an event, its number."""

    @property
    def cell(self) -> int:
        """The borrower's."""
        return cell_of_borrower(self.borrower_id)

    @property
    def said(self) -> tuple[Any, ...]:
        """The columns that the tables of agreements and of events share, but for lists."""
        return (
            self.grantor.kind, self.grantor.number, self.counterparty.kind,
            self.counterparty.number, self.document_id, self.version, self.document_digest,
            self.language, list(self.scopes), list(self.channels), self.method, self.state,
            self.at, self.valid_until, self.linked_id, self.operation_id,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Saying:
    """What somebody says of a document; empty scopes or channels stand for all that it has."""

    borrower_id: int
    grantor: Party
    document_id: str
    version: int
    language: str
    method: str
    counterparty: Party = NOBODY
    scopes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves what was said: ciphertext, and the salted hash that the audit event binds."""

    sealed: bytes = b""
    hashed: bytes = b""


NO_EVIDENCE = Evidence()
