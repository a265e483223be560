"""Who gets a notice: what a sender must know of a borrower or of a relative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from usance.consents.records import Party
from usance.notices.documents import Language
from usance.platform.database import Connection


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """A recipient; never printed.

    ``contacts``: numbers and addresses in clear, by channel. ``ways``: channels in the order of
    their choice, empty for the house's order. ``zone`` None where nobody knows. ``hours``: their
    own, in minutes of the day. ``refused``: (purpose, channel) switched off. ``digest``: the
    minute of the day at which what can wait is told together, None: at once.
    """

    party: Party
    language: Language
    name: str
    contacts: Mapping[str, str]
    ways: tuple[str, ...] = ()
    zone: ZoneInfo | None = None
    hours: tuple[int, int] | None = None
    refused: frozenset[tuple[str, str]] = frozenset()
    digest: int | None = None


class Members(Protocol):
    """Whoever knows relatives: the room ``family``."""

    async def person(
        self, connection: Connection, borrower_id: int, member_id: int
    ) -> Person | None:
        """A relative who may be told something of this borrower now; None: they must not be."""
        ...

    async def secrets(
        self, connection: Connection, borrower_id: int, member_id: int
    ) -> dict[str, str]:
        """What a notice to a relative says beside its facts, by placeholder."""
        ...
