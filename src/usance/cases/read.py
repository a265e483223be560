"""What pages and the API read of cases. Nothing is changed here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from usance.cases import files, rules, store
from usance.cases.records import Attachment, Case, Message, Outcome, Row
from usance.cases.sealing import Seal, seal_of
from usance.cases.work import Desk
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.database import one_moment

EVERY_WAY = tuple(rules.WAYS.values())
LATE, SOON, FINE, STOPPED = "late", "soon", "fine", "stopped"


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """One case with everything that belongs to it; ``seal`` opens its words."""

    case: Case
    seal: Seal
    outcomes: list[Outcome]
    attachments: list[Attachment]
    events: list[Row] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ends:
    """How many days a case has left (below 0: how many it is late), and how that is."""

    days: int
    tone: str


@rule("R-CASE-17")
def ends_of(case: Case, today: date, soon_days: int) -> Ends:
    """Where the clock of a case stands on a day."""
    days = (case.decide_by - today).days
    if case.state not in rules.UNDER_WAY:
        return Ends(days, STOPPED)
    return Ends(days, LATE if days < 0 else SOON if days <= soon_days else FINE)


def clock(desk: Desk, case: Case) -> Ends:
    """Where the clock of a case stands now."""
    today = desk.policy.jurisdiction(case.jurisdiction).day_of(desk.clock.now())
    return ends_of(case, today, desk.policy.soon_days)


@rule("R-FOUND-01")
async def one(desk: Desk, case_id: int, borrower_id: int | None = None) -> Case:
    """A case; refused where there is none, or none of this borrower's."""
    found = await store.case_of(desk.pool, case_id, borrower_id)
    if found is None:
        raise Refused("R-FOUND-01", "there is no such case", "case_id")
    return found


async def opened(desk: Desk, case_id: int) -> Opened:
    """A case with all that belongs to it, as of one moment; refused where there is none."""
    async with one_moment(desk.pool) as connection:
        case = await store.case_of(connection, case_id)
        if case is None:
            raise Refused("R-FOUND-01", "there is no such case", "case_id")
        return Opened(
            case, await seal_of(connection, desk.keys, case),
            await store.outcomes(connection, case),
            await store.attachments(connection, case, EVERY_WAY),
            await store.events(connection, case),
            await store.messages(connection, case, EVERY_WAY, 0, 1000),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class File:
    """A file as it is handed out: never shown in place, always by its true type."""

    content: bytes
    media_type: str
    disposition: str
    borrower_id: int


@rule("R-FILE-04")
async def file(
    desk: Desk, case_id: int, number: int, *, borrower_id: int | None = None,
    ways: tuple[int, ...] = EVERY_WAY,
) -> File:  # fmt: skip
    """An attachment in clear; refused where there is none."""
    case = await one(desk, case_id, borrower_id)
    found = await store.attachment(desk.pool, case, number, ways)
    if found is None:
        raise Refused("R-FOUND-01", "there is no such attachment", "number")
    seal = await seal_of(desk.pool, desk.keys, case)
    disposition = files.disposition(seal.name_of(found), found.media_type, number)
    return File(seal.file(found), found.media_type, disposition, case.borrower_id)


# -- lists -----------------------------------------------------------------------------------------


async def listed(
    desk: Desk, before: int, limit: int, *, state: str = "", kind: str = "", **numbers: int
) -> list[Case]:
    """Cases that fit, newest first.

    ``numbers`` are ``assignee``, ``borrower_id``, ``contract_id`` and ``operation_id`` (the
    operation that a case is about, or by which its remedy was carried out); 0: any.
    """
    wanted = {name: each for name, each in numbers.items() if each}
    if state:
        wanted["state"] = rules.code(rules.STATES, state, "state")
    if kind:
        wanted["kind"] = rules.code(rules.KINDS, kind, "kind")
    return await store.listed(desk.pool, wanted, before, limit)


@rule("R-CASE-17")
async def by_clock(desk: Desk, due: str, after: tuple[date, int], limit: int) -> list[Case]:
    """Cases under way that are ``late``, or late or nearly (``soon``), the most urgent first."""
    ahead = -1 if due == LATE else desk.policy.soon_days
    days = desk.policy.days_at(desk.clock.now())
    until = {code: day + timedelta(ahead) for code, day in days.items()}
    return await store.by_clock(desk.pool, until, after, limit)
