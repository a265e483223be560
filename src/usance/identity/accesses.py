"""Who looked at a person's details, and why: noted at every look, shown to the person.

A member of staff sees names and numbers masked until they give a reason; then that borrower is in
clear for their session for a while. A machine sees what its scope gives; every answer with details
leaves a row under the reason that the machine names. Rows have audit events, so none is taken away
or changed unseen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import access_sql
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.identity.roles import roles
from usance.identity.sessions import StaffSession
from usance.identity.staff_policy import INTEGRATION, OPERATOR, StaffPolicy
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService, beside, decrypt_field, encrypt_field
from usance.platform.database import Connection, Pool, retrying
from usance.platform.identifiers import new_operation_id
from usance.platform.logs import conceal
from usance.platform.personal import sealed_fields

SEES = "people:read"
NOTE_MAX = 200
DETAILS, LIST, SEARCH, CONSOLE, EXPORT = "details", "list", "search", "console", "export"
CASE, DECISION = "case", "decision"
FACTS = "facts"
"""What was looked at: one person, a page of a list, what a search found, the console's pages, all
that is held, the words of a case, what a decision was made of."""
TABLE = "access"

sealed_fields(TABLE, ("note",), ("cell", "borrower_id", "access_id"), "access_id")


@dataclass(frozen=True, slots=True)
class Seen:
    """Who looks, as what, for which reason, at what, and when."""

    actor: str
    acted_as: str
    reason: str
    what: str
    at: datetime

    @property
    def values(self) -> tuple[Any, ...]:
        """In the order of the statement."""
        return self.actor, self.acted_as, self.reason, self.what, self.at


@dataclass(frozen=True, slots=True)
class Opening:
    """How long a borrower is in clear for a session, and the reason that was given."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """A look at a borrower's details; never printed: the note may hold something of the person."""

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

    def __init__(self, pool: Pool, clock: Clock, policy: StaffPolicy, keys: KeyService) -> None:
        self._pool = pool
        self._clock = clock
        self._keys = keys
        self.policy = policy

    def by_machine(self, actor: str, name: str, reason: str, what: str) -> Seen:
        """What is noted of a machine's look; raises ``Refused`` for an unknown reason."""
        given = checked_reason(reason or INTEGRATION, self.policy.reasons)
        return Seen(actor, name, given, what, self._clock.now())

    def by_staff(self, session: StaffSession, reason: str, what: str) -> Seen:
        """What is noted of a look by a member of staff; raises ``Refused``."""
        people = [each.code for each in self.policy.reasons_of_people()]
        given = checked_reason(reason, people)
        return Seen(session.actor, role_that_sees(session), given, what, self._clock.now())

    @rule("R-ACCESS-01", "R-ACCESS-03")
    async def open(
        self, session: StaffSession, borrower_id: int, reason: str, note: str, asking: Asking
    ) -> Answer:
        """Show a borrower in clear to a session from now on, for a while; noted and audited."""
        seen, note = self.by_staff(session, reason, CONSOLE), checked_note(note)

        async def make(change: Change) -> dict[str, Any]:
            access_id = new_operation_id()
            sealed = await self._sealed(change.connection, borrower_id, access_id, note)
            *who, what, at = seen.values
            of_session = bytes.fromhex(session.reference)
            values = access_id, change.operation_id, *who, sealed, what, of_session, at
            digest = await access_sql.insert_access(change.connection, borrower_id, values)
            detail = {"reason": reason, "looks": 1}
            await change.note(access_sql.OPEN, digest, detail, borrower_id=borrower_id)
            return {"access_id": access_id}

        return await once(self._pool, asking, make)

    @rule("R-ACCESS-03")
    async def note(self, seen: Seen, borrower_id: int, *, each: bool = True) -> None:
        """Note a look at what a borrower said; ``each=False``: once while it would be open."""
        since = None if each else seen.at - self.policy.access
        await noted(self._pool, [borrower_id], seen, since)

    @rule("R-ACCESS-01")
    async def opened(
        self, session: StaffSession, borrowers: Sequence[int]
    ) -> dict[int, Opening]:
        """Which borrowers are in clear for a session, until when, and why."""
        if not borrowers or SEES not in session.permissions:
            return {}
        since = self._clock.now() - self.policy.access
        reference = bytes.fromhex(session.reference)
        found = await access_sql.opened(self._pool, borrowers, reference, since)
        return {
            each: Opening(row["at"] + self.policy.access, row["reason"])
            for each, row in found.items()
        }

    @rule("R-ACCESS-01")
    async def of_borrower(
        self, borrower_id: int, before: int, limit: int, *, with_notes: bool = True
    ) -> list[Access]:
        """Looks at a borrower, newest first. Of who was erased the notes are gone.

        A note may hold something of the person: it is shown to who may see people, and opened
        for nobody else.
        """
        rows = await access_sql.accesses(self._pool, borrower_id, before, limit)
        wrapped = await access_sql.data_key(self._pool, borrower_id) if with_notes else None
        noted = {row["access_id"]: row["note"] for row in rows if row["note"] and wrapped}
        notes = await beside(self._keys, lambda: self._opened(borrower_id, wrapped, noted))
        return [Access(**dict(row) | {"note": notes.get(row["access_id"], "")}) for row in rows]

    async def _sealed(
        self, connection: Connection, borrower_id: int, access_id: int, note: str
    ) -> bytes:
        """A note under the borrower's key; ``Refused`` for nobody, or where there is no key."""
        wrapped = await access_sql.data_key(connection, borrower_id, held=True)
        if wrapped is None:
            raise Refused("R-FOUND-01", "there is no such borrower")
        if not note:
            return b""
        if not wrapped:
            raise Refused("R-ACCESS-02", "nothing personal is held; a note is not kept", "note")
        data_key = await beside(self._keys, lambda: self._keys.unwrap(wrapped, borrower_id))
        return encrypt_field(data_key, note, table=TABLE, column="note", row_id=access_id)

    def _opened(
        self, borrower_id: int, wrapped: bytes | None, noted: Mapping[int, bytes]
    ) -> dict[int, str]:
        if not noted or not wrapped:
            return {}
        data_key = self._keys.unwrap(wrapped, borrower_id)
        notes = {
            access_id: decrypt_field(data_key, note, table=TABLE, column="note", row_id=access_id)
            for access_id, note in noted.items()
        }
        conceal(notes.values())
        return notes

    @rule("R-ACCESS-04")
    async def shown_to_person(
        self, borrower_id: int, language: str, before: int = 2**63 - 1, limit: int = 50
    ) -> list[tuple[int, ShownAccess]]:
        """What the person is told, newest first, each with its number for the next page.

        ``who`` is the name of a role, or of a machine client; ``language`` is ``zh`` or ``en``.
        """
        rows = await access_sql.accesses(self._pool, borrower_id, before, limit)
        return [(row["access_id"], shown(row, self.policy, language)) for row in rows]


@rule("R-ACCESS-03", "R-ACCESS-05")
async def noted(
    pool: Pool, borrowers: Sequence[int], seen: Seen, since: datetime | None = None
) -> None:
    """Note a look at each of these borrowers, and one audit event that binds them."""

    async def attempt() -> None:
        looks = {each: new_operation_id() for each in borrowers}
        await access_sql.note(pool, looks, new_operation_id(), seen.values, since)

    if borrowers:
        await retrying(attempt)


@rule("R-ACCESS-04")
def shown(row: access_sql.Row, policy: StaffPolicy, language: str) -> ShownAccess:
    """A look as the person is told of it."""
    reason = policy.reasons.get(row["reason"])
    words = reason.name(language) if reason else row["reason"]
    is_machine = row["actor"].startswith("machine:")
    who = row["acted_as"]
    if not is_machine:
        who = policy.name_of_role(who, language)
    return ShownAccess(row["at"], who, is_machine, words)


@rule("R-ACCESS-02")
def checked_note(note: str) -> str:
    """A note for colleagues: one line, not long; raises ``Refused``."""
    text = note.strip()
    conceal((note, text))
    if len(text) > NOTE_MAX or (text and not text.isprintable()):
        raise Refused("R-ACCESS-02", f"at most {NOTE_MAX} characters on one line", "note")
    return text


def by_operator(actor: str, what: str, clock: Clock) -> Seen:
    """What is noted of a look at the command line, where a person's request is carried out."""
    return Seen(actor, OPERATOR, "request", what, clock.now())


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
