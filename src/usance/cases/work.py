"""A change of a case: its transaction, its event, its audit event, and the answer to its key.

Whatever is done to cases goes through ``once``: the same request of the same caller under the same
key gets the first answer again, and what is refused leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from usance.cases import store
from usance.cases.policy import CasePolicy
from usance.cases.records import Case
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import changing
from usance.identity import store as identity
from usance.identity.borrower_sessions import actor_of
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService
from usance.platform.database import Connection, Pool

SYSTEM = "system:cases"
"""Who marks what is late, follows approvals, and closes what was left alone."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Who asks, what they may do, and the key that the request comes under."""

    actor: str
    permissions: frozenset[str] = frozenset()
    key: str = ""
    request_hash: bytes = b""

    @property
    def asking(self) -> changing.Asking:
        """The same without what they may do."""
        return changing.Asking(self.actor, self.key, self.request_hash)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the use cases of this room work with."""

    pool: Pool
    keys: KeyService
    clock: Clock
    policy: CasePolicy
    home: str
    """The jurisdiction of the book."""


@dataclass(slots=True)
class Change:
    """A change under way."""

    desk: Desk
    connection: Connection
    acting: Acting
    operation_id: int
    now: datetime
    rows: list[tuple[int, ...]] = field(default_factory=list)
    borrower_id: int = 0
    action: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def today(self, case: Case) -> date:
        """The calendar day where the case belongs."""
        return self.desk.policy.jurisdiction(case.jurisdiction).day_of(self.now)

    def is_own(self, borrower_id: int) -> bool:
        """Whether it is the borrower who asks, and nobody in their place."""
        return bool(borrower_id) and self.acting.actor == actor_of(borrower_id)

    @property
    def day_before(self) -> datetime:
        """From when on is counted what a borrower does in a day: by the clock, not the calendar."""
        return self.now - timedelta(days=1)

    @rule("R-FOUND-01")
    async def case(self, case_id: int, borrower_id: int | None = None) -> Case:
        """A case, locked; refused where there is none, or none of this borrower's."""
        found = await store.case_of(self.connection, case_id, borrower_id, lock=True)
        if found is None:
            raise Refused("R-FOUND-01", "there is no such case", "case_id")
        return found

    @rule("R-AUDIT-01")
    async def note(self, case: Case, kind: str, action: str, /, **detail: Any) -> None:
        """The event of a case, and what the audit event says of it: codes, never words."""
        case.events += 1
        at = self.now
        await store.insert_event(
            self.connection, case, kind, self.acting.actor, at, self.operation_id, detail
        )
        self.borrower_id = case.borrower_id
        self.action = self.action or action
        self.detail = {"case": written("case", case.case_id)} | self.detail | detail
        self.rows.append(row_of(case))


def row_of(case: Case) -> tuple[int, ...]:
    """What the audit event vouches for of a case: where it stands, after so many events."""
    days = (case.received_on, case.acknowledge_by, case.decide_by)
    return (
        case.cell, case.borrower_id, case.case_id, case.events, case.kind, case.state,
        case.assignee, case.result, case.outcome, case.extensions, case.reopened, case.messages,
        case.attachments, case.outcomes, *(each.toordinal() for each in days),
    )  # fmt: skip


Act: TypeAlias = Callable[[Change], Awaitable[dict[str, Any]]]
"""Changes cases and notes what it did; returns the document to answer with."""


async def once(desk: Desk, acting: Acting, act: Act, status: int = 201) -> Answer:
    """Make a change, once for the caller's key (each time, without one). Raises ``Refused``."""

    async def made(under_way: changing.Change) -> dict[str, Any]:
        return await within(under_way, desk, acting, act)

    return await changing.once(desk.pool, acting.asking, made, status=status)


async def within(
    under_way: changing.Change, desk: Desk, acting: Acting, act: Act
) -> dict[str, Any]:
    """The same inside a change of the caller, who gives it an operation of its own."""
    connection, number = under_way.connection, under_way.operation_id
    change = Change(desk, connection, acting, number, desk.clock.now())
    document = await act(change)
    assert change.action, "every change is noted"
    await identity.insert_operation(
        connection, number, actor=acting.actor, action=change.action, on=under_way.on,
        digest=digest([("case_file", change.rows)]), borrower_id=change.borrower_id,
        detail=change.detail,
    )  # fmt: skip
    return document
