"""A link between a borrower and a relative, and what is secret of the relative."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from usance.consents.records import Party, Record
from usance.core.identifiers import cell_of_borrower, written

MEMBER = "member"
INVITED, ACTIVE, PAUSED, ENDED = range(1, 5)
STATES = {INVITED: "invited", ACTIVE: "active", PAUSED: "paused", ENDED: "ended"}
UNANSWERED, REFUSED, TAKEN_BACK, LEFT, LAPSED = (
    "unanswered", "refused", "taken_back", "left", "lapsed",
)  # fmt: skip
"""Why a link ended: nobody answered, the relative did not want it, the borrower or the relative
took it back, what it rests on has ended."""


def member(member_id: int) -> Party:
    """A relative, as a party to a consent."""
    return Party(MEMBER, member_id)


def member_of(record: Record) -> int:
    """The relative whom an agreement is about; 0 where it is about nobody."""
    for each in (record.grantor, record.counterparty):
        if each.kind == MEMBER:
            return each.number
    return 0


def actor_of(member_id: int) -> str:
    """A relative as an actor of the audit log."""
    return f"{MEMBER}:{written('member', member_id)}"


class Details(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who a relative is; never printed."""

    name: str
    relation: str
    phone: str
    email: str = ""

    def __repr__(self) -> str:
        return "Details"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where it stands. ``channels`` and hours are the relative's own once they have accepted."""

    borrower_id: int
    member_id: int
    state: int
    because: str
    number_hash: bytes
    box: bytes
    digits_hash: bytes
    stop_hash: bytes
    stop_box: bytes
    scopes: tuple[str, ...]
    channels: tuple[str, ...]
    tells: str
    language: str
    opens: int | None
    closes: int | None
    asked_at: datetime
    until: datetime
    accepted_at: datetime | None = None
    paused_at: datetime | None = None
    taken_back_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def cell(self) -> int:
        """The borrower's."""
        return cell_of_borrower(self.borrower_id)

    @property
    def looks_open(self) -> bool:
        """Refused, which the borrower does not see: whatever they do to it is done as it looks."""
        return self.because == REFUSED and self.taken_back_at is None

    @property
    def party(self) -> Party:
        """The relative."""
        return member(self.member_id)

    @property
    def hours(self) -> tuple[int, int] | None:
        """When the relative wants to be told, in minutes of the day."""
        if self.opens is None or self.closes is None:
            return None
        return self.opens, self.closes


class Nomination(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a borrower names, for what, by which ways; never printed.

    ``versions`` are those of the documents that were shown, by scope, in ``language``; ``again``
    is the second yes to telling of what is overdue. ``speaks`` is the relative's language.
    """

    name: str
    relation: str
    phone: str
    email: str = ""
    scopes: tuple[str, ...]
    channels: tuple[str, ...] = ("sms",)
    tells: str = "after"
    versions: dict[str, int]
    language: str
    speaks: str = "zh-CN"
    opens: int | None = None
    closes: int | None = None
    again: bool = False
    method: str = "portal"
    evidence: str = ""

    def __repr__(self) -> str:
        return "Nomination"


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """What a relative accepts; whatever of the invitation is not here is refused."""

    scopes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    versions: dict[str, int] = {}
    language: str = "zh"
    speaks: str = "zh-CN"
    email: str = ""
    opens: int | None = None
    closes: int | None = None
    again: bool = False

    def __repr__(self) -> str:
        return "Acceptance"
