"""Scorecards: registered by two people, each with a role from a day on; never changed.

Who must agree is for the approvals: the act has its row in ``policies/approvals.yaml``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import Struct

from usance.core.refusals import Refused, without_values
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, Making, once, rehearsed
from usance.identity.once import Answer
from usance.platform.database import Connection, Pool
from usance.policy import shipped
from usance.risk import store
from usance.risk.roles import Entry, Role, check_standing
from usance.risk.scorecard import Scorecard, digest_of, scorecard_in

RULE = "R-SCORE-06"


class AdoptScorecard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of points gets a role; ``version`` is the next under its name.

    ``share``: of borrowers, in 1/100 %, whom a challenger scores. ``report``: what fitting it
    told of it, as ``usance scorecard fit --report`` writes it.
    """

    scorecard: Scorecard
    version: int
    role: Role
    effective_on: date
    share: int = 0
    report: dict[str, Any] | None = None


class Registered(Struct, frozen=True):
    """An entry of the register with its table of points."""

    entry: Entry
    scorecard: Scorecard
    report: dict[str, Any] | None
    adopted_by: str
    adopted_at: datetime
    operation_id: int


PARSED: dict[str, Scorecard] = {}
"""Scorecards by their digest, which never change."""


def scorecard_of_row(row: store.Row) -> Scorecard:
    """A row's table of points."""
    digest = row["digest"].hex()
    if digest not in PARSED:
        PARSED[digest] = scorecard_in(row["body"].encode())
    return PARSED[digest]


def entry_of(row: store.Row) -> Entry:
    """A row's role."""
    return Entry(
        row["version"], row["digest"].hex(), row["role"], row["share"], row["effective_on"]
    )


def registered(row: store.Row) -> Registered:
    """A row of the table."""
    report = msgspec.json.decode(row["report"]) if row["report"] else None
    return Registered(
        entry_of(row), scorecard_of_row(row), report, row["adopted_by"], row["adopted_at"],
        row["operation_id"],
    )  # fmt: skip


class Scorecards:
    """The scorecards of a book."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def perform(self, act: AdoptScorecard, asking: Asking) -> Answer:
        """Register it, once for the caller's key. Raises ``Refused``."""
        return await once(self.pool, asking, self._making(act))

    async def rehearse(self, act: AdoptScorecard, actor: str) -> None:
        """Whether it could be done now. Raises ``Refused`` if not."""
        await rehearsed(self.pool, actor, self._making(act))

    def _making(self, act: AdoptScorecard) -> Making:
        async def make(change: Change) -> dict[str, Any]:
            return await self._register(change, act)

        return make

    @rule(RULE)
    async def _register(self, change: Change, act: AdoptScorecard) -> dict[str, Any]:
        """The next under its name, of known features, from a day that is not over."""
        check_card(act.scorecard)
        check_report(act.report)
        if act.effective_on < change.on:
            raise Refused(RULE, "a role begins on the open day or later", "effective_on")
        rows = await store.scorecards(change.connection, act.scorecard.name)
        new = entry(act)
        check_next([entry_of(row) for row in rows], new)
        await write(change.connection, act, change.actor, change.operation_id)
        said: dict[str, Any] = {
            "scorecard": act.scorecard.name, "version": act.version, "role": act.role,
        }  # fmt: skip
        digest = await store.digest_of(change.connection, change.operation_id)
        await change.note(store.REGISTER, digest, said)
        return said | {"digest": new.digest}

    async def all(self, name: str = "") -> list[Registered]:
        """Every entry under one name or all, the newest first."""
        return [registered(row) for row in await store.scorecards(self.pool, name)]


def entry(act: AdoptScorecard) -> Entry:
    """The role that an act gives."""
    return Entry(act.version, digest_of(act.scorecard), act.role, act.share, act.effective_on)


async def write(
    connection: Connection, act: AdoptScorecard, actor: str, operation_id: int
) -> None:
    """Store an entry. Raises ``Refused`` if a twin was first."""
    body = msgspec.json.encode(act.scorecard, order="deterministic").decode()
    report = msgspec.json.encode(act.report).decode() if act.report else ""
    row = (
        act.scorecard.name, act.version, body, bytes.fromhex(digest_of(act.scorecard)), act.role,
        act.share, report, act.effective_on,
    )  # fmt: skip
    if not await store.insert_scorecard(connection, row, actor, operation_id):
        raise Refused(RULE, "this version is there already", "version")


@rule(RULE)
def check_next(entries: Sequence[Entry], new: Entry) -> None:
    """An entry is the next under its name, and says something new. Raises ``Refused``."""
    wanted = 1 + max((each.number for each in entries), default=0)
    if new.number != wanted:
        raise Refused(RULE, f"the next version is {wanted}", "version")
    latest = next((each for each in entries if each.digest == new.digest), None)
    if latest and (latest.role, latest.share) == (new.role, new.share):
        raise Refused(RULE, "it has this role already", "role")
    if latest is None and new.role == "retired":
        raise Refused(RULE, "only what was registered is retired", "role")
    check_standing(list(entries), new)


@rule(RULE, "R-POLICY-10")
def check_card(card: Scorecard) -> None:
    """A scorecard has a name and asks for known features that nobody must not be judged by."""
    scorecard_in(msgspec.json.encode(card))  # what a file must be
    if not card.name or not card.name.replace("-", "").isalnum() or not card.name.isascii():
        raise Refused(RULE, "a name is of letters, digits and hyphens", "scorecard.name")
    known = shipped.dictionary()
    for each in card.characteristics:
        feature = known.get(each.name)
        if feature is None:
            raise Refused(RULE, "it asks for what is not in the feature dictionary", each.name)
        if feature.protected or feature.proxy_of:
            raise Refused("R-POLICY-10", "nobody is judged by this", each.name)


@rule(RULE)
def check_report(report: dict[str, Any] | None) -> None:
    """A report is what fitting writes. Raises ``Refused``."""
    from usance.risk.reporting import Report  # only who fits or registers needs NumPy

    if report is None:
        return
    try:
        msgspec.convert(report, Report)
    except msgspec.ValidationError as error:
        raise Refused(RULE, without_values(str(error)), "report") from error
