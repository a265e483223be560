"""Who looked at a person's details, and why: noted at every look, shown to the person.

A member of staff sees names and numbers masked until they give a reason; then that borrower is in
clear for their session for a while. A machine sees what its scope gives; every answer with details
leaves a row under the reason that the machine names.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usance.core.identifiers import cell_of_borrower
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import access_sql
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.identity.roles import roles
from usance.identity.sessions import StaffSession
from usance.identity.staff_policy import INTEGRATION, StaffPolicy
from usance.ledger.digest import digest
from usance.platform.clock import Clock
from usance.platform.database import Pool
from usance.platform.identifiers import new_operation_id

SEES = "people:read"
NOTE_MAX = 200
DETAILS, LIST, SEARCH, CONSOLE = "details", "list", "search", "console"
"""What was looked at: one person, a page of a list, what a search found, the console's pages."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Who looks, as what, for which reason, at what, and when."""

    actor: str
    acted_as: str
    reason: str
    what: str
    at: datetime
    note: str = ""

    @property
    def values(self) -> tuple[Any, ...]:
        """In the order of the statement."""
        return self.actor, self.acted_as, self.reason, self.note, self.what, self.at


@dataclass(frozen=True, slots=True)
class Access:
    """A look at a borrower's details."""

    access_id: int
    actor: str
    acted_as: str
    reason: str
    note: str
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ShownAccess:
    """A look as the person is told of it: by what, never by whom, and without the inside note."""

    at: datetime
    who: str
    is_machine: bool
    reason: str


class Accesses:
    """The looks at a book's borrowers."""

    def __init__(self, pool: Pool, clock: Clock, policy: StaffPolicy) -> None:
        self._pool = pool
        self._clock = clock
        self.policy = policy

    def by_machine(self, actor: str, name: str, reason: str, what: str) -> Seen:
        """What is noted of a machine's look; raises ``Refused`` for an unknown reason."""
        given = checked_reason(reason or INTEGRATION, self.policy.reasons)
        return Seen(actor, name, given, what, self._clock.now())

    def by_staff(self, session: StaffSession, reason: str, what: str, note: str = "") -> Seen:
        """What is noted of a look by a member of staff; raises ``Refused``."""
        people = {each.code for each in self.policy.reasons_of_people()}
        given = checked_reason(reason, people)
        if len(note) > NOTE_MAX or (note and not note.isprintable()):
            raise Refused("R-ACCESS-02", f"at most {NOTE_MAX} characters on one line", "note")
        return Seen(session.actor, role_that_sees(session), given, what, self._clock.now(), note)

    @rule("R-ACCESS-01", "R-ACCESS-03")
    async def open(
        self, session: StaffSession, borrower_id: int, reason: str, note: str, asking: Asking
    ) -> Answer:
        """Show a borrower in clear to a session from now on, for a while; noted and audited."""
        seen = self.by_staff(session, reason, CONSOLE, note.strip())

        async def make(change: Change) -> dict[str, Any]:
            access_id = new_operation_id()
            values = (access_id, *seen.values[:-1], bytes.fromhex(session.reference), seen.at)
            if not await access_sql.insert_access(change.connection, borrower_id, values):
                raise Refused("R-FOUND-01", "there is no such borrower")
            row = cell_of_borrower(borrower_id), borrower_id, access_id
            await change.note(
                "OpenPerson", digest([("access", [row])]), {"reason": reason},
                borrower_id=borrower_id,
            )  # fmt: skip
            return {"access_id": access_id}

        return await once(self._pool, asking, make)

    @rule("R-ACCESS-01")
    async def opened(
        self, session: StaffSession, borrowers: Sequence[int]
    ) -> dict[int, datetime]:
        """Which borrowers are in clear for a session, and until when."""
        if not borrowers or SEES not in session.permissions:
            return {}
        since = self._clock.now() - self.policy.access
        reference = bytes.fromhex(session.reference)
        found = await access_sql.opened(self._pool, borrowers, reference, since)
        return {each: at + self.policy.access for each, at in found.items()}

    async def of_borrower(self, borrower_id: int, before: int, limit: int) -> list[Access]:
        """Looks at a borrower, newest first."""
        rows = await access_sql.accesses(self._pool, borrower_id, before, limit)
        return [Access(**dict(row)) for row in rows]

    @rule("R-ACCESS-04")
    async def shown_to_person(
        self, borrower_id: int, language: str, before: int = 2**63 - 1, limit: int = 50
    ) -> list[tuple[int, ShownAccess]]:
        """What the person is told, newest first, each with its number for the next page.

        ``who`` is the name of a role, or of a machine client; ``language`` is ``zh`` or ``en``.
        """
        found = await self.of_borrower(borrower_id, before, limit)
        return [(each.access_id, self._shown(each, language)) for each in found]

    def _shown(self, access: Access, language: str) -> ShownAccess:
        reason = self.policy.reasons.get(access.reason)
        words = reason.name(language) if reason else access.reason
        is_machine = access.actor.startswith("machine:")
        role = None if is_machine else roles().get(access.acted_as)
        who = access.acted_as
        if role is not None:
            who = role.name_zh if language == "zh" else role.name_en
        return ShownAccess(access.at, who, is_machine, words)


@rule("R-ACCESS-02")
def checked_reason(reason: str, choices: Collection[str]) -> str:
    """A reason of the policy's list; raises ``Refused``."""
    if reason not in choices:
        raise Refused("R-ACCESS-02", f"reason must be one of {', '.join(choices)}", "reason")
    return reason


@rule("R-ACCESS-04")
def role_that_sees(session: StaffSession) -> str:
    """As what a member of staff looks: the first of their roles that gives it."""
    known = roles()
    seeing = [each for each in session.roles if each in known and SEES in known[each].may]
    return seeing[0] if seeing else (session.roles[0] if session.roles else "")
