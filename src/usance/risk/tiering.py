"""``Tiering``: at the close of a day, everybody to whom something happened is looked at again.

The whole set is scored and decided in arrays, by the versions in force on the day. Whoever takes a
step gets a decision of their own, stored whole as every other one; of who stays nothing is written
but that they were looked at: what it was made of can be read again as of the day (R-FEATURE-01).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usance.core.identifiers import CELLS
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store as identity
from usance.platform.clock import Clock, SystemClock
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Connection, Pool, retrying, transaction
from usance.platform.identifiers import new_operation_id
from usance.policy import shipped
from usance.policy.cells import MISSING
from usance.policy.compiled import array_function, taken_column
from usance.policy.documents import Policy
from usance.risk import decision_store, tiering_sql
from usance.risk.book_source import snapshots
from usance.risk.deciding_policy import TIER, DecidingPolicy, deciding_policy
from usance.risk.decisions import SCORE, Decider, Decision
from usance.risk.fact_source import FactSource
from usance.risk.features import Features, features_of_some
from usance.risk.registered import BookVersions
from usance.risk.scorecard import Scorecard
from usance.risk.scoring import scores_of
from usance.risk.snapshots import Given, Snapshots
from usance.risk.standing_first import ACTION, NOBODY
from usance.risk.stored import About, Stored, stored_of, words_of
from usance.risk.tiers import Patience, Standings, moved_each, next_look, patience
from usance.risk.versions import Assigning

Numbers = NDArray[np.int64]

ACTOR, DECIDE = "system:tiers", "Decide"
ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
"""What is led back to the day is read as it stood at one moment of a book that goes on."""
PART = 5_000
AT_ONCE = 2
"""Borrowers of a transaction, and transactions side by side."""


@dataclass(frozen=True, slots=True)
class Looked:
    """How many were looked at on a day, and how many took a step."""

    borrowers: int
    changed: int


@dataclass(frozen=True)
class Round:
    """What decides on a day."""

    on: date
    policy: Policy
    card: Scorecard | None

    @cached_property
    def scored(self) -> Decider:
        """Decides about who has a score."""
        return Decider(self.policy, shipped.reasons(), self.card)

    @cached_property
    def unscored(self) -> Decider:
        """Decides about who has none."""
        return Decider(self.policy, shipped.reasons())


class Tiering:
    """Tiers of a book."""

    def __init__(
        self, pool: Pool, keys: KeyService, versions: Assigning, snapshots: Snapshots, *,
        policy: DecidingPolicy | None = None, wait: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self._pool, self._keys, self._versions, self._snapshots = pool, keys, versions, snapshots
        self._policy, self._wait = policy or deciding_policy(), wait or patience()
        self._clock = clock or SystemClock()
        self._words = words_of(shipped.reasons())

    @rule("R-TIER-02")
    async def close(self, on: date) -> Looked:
        """Look at everybody whom the day concerns; whoever was looked at already is left alone."""
        return await self._look(on, tiering_sql.touched)

    async def everybody(self, on: date) -> Looked:
        """Look at everybody who stands nowhere yet, as of the end of a day."""
        return await self._look(on, tiering_sql.nowhere)

    async def _look(
        self, on: date, whom: Callable[[Connection, date], Awaitable[Numbers]]
    ) -> Looked:
        async with self._pool.acquire() as connection:
            this = await self._begun(connection, on)
            if this is None:
                return Looked(0, 0)
            ids = await whom(connection, on)
        parts = deque(ids[start : start + PART] for start in range(0, len(ids), PART))

        async def work() -> int:
            changed = 0
            while parts:
                changed += await retrying(partial(self._look_at, this, parts.popleft()))
            return changed

        done = await asyncio.gather(*(work() for _ in range(AT_ONCE)), return_exceptions=True)
        for each in done:
            if isinstance(each, BaseException):
                raise each
        return Looked(len(ids), sum(each for each in done if isinstance(each, int)))

    async def _begun(self, connection: Connection, on: date) -> Round | None:
        """The versions of the day; None in a book whose tiers no policy decides."""
        try:
            name = self._policy.policy_for(await identity.currency(connection), TIER)
            policy = await self._versions.policy_in_force(connection, name, on)
        except Refused:
            return None
        card = await self._versions.scorecard_in_force(connection, self._policy.scorecard, on)
        return Round(on, policy, card)

    async def _look_at(self, this: Round, ids: Numbers) -> int:
        """Some borrowers, in one transaction; how many took a step."""
        async with transaction(self._pool, ONE_MOMENT) as connection:
            known = await self._known(connection, this, ids)
            found = found_of(this, known)
            before = await self._before(connection, known.borrowers, this.on)
            after = moved_each(before, found, this.on.toordinal(), self._wait)
            steps = np.flatnonzero(after.tier != before.tier)
            operation_id = new_operation_id()
            decided = await self._decided(connection, this, known, steps)
            data = self._rows(this, known, found, after)
            await tiering_sql.stand(
                connection, data, changes(data, before, steps, decided, operation_id)
            )
            await identity.insert_operation(
                connection, operation_id, actor=ACTOR, action=ACTION, on=this.on,
                digest=await tiering_sql.digest_of(connection, operation_id), borrower_id=0,
                detail={"borrowers": len(known.borrowers), "changed": len(steps)},
            )  # fmt: skip
        return len(steps)

    async def _known(self, connection: Connection, this: Round, ids: Numbers) -> Features:
        """Features and scores; what the book does not know is asked for, one after the other."""
        known = await features_of_some(connection, this.on, ids.tolist())
        columns = dict(known.columns)
        asks = {each.name for each in this.policy.table.inputs} - {SCORE}
        if this.card:
            asks |= {each.name for each in this.card.characteristics}
        if outside := sorted(asks - columns.keys()):
            columns |= await self._outside(connection, this.on, known.borrowers, outside)
        size = len(known.borrowers)
        columns[SCORE] = (
            scores_of(this.card, columns, size) if this.card else np.full(size, MISSING, np.int64)
        )
        return Features(known.borrowers, columns)

    async def _outside(
        self, connection: Connection, on: date, borrowers: Numbers, names: list[str]
    ) -> dict[str, Numbers]:
        found = {name: np.full(len(borrowers), MISSING, np.int64) for name in names}
        for place, borrower_id in enumerate(borrowers.tolist()):
            known = await self._snapshots.take(connection, borrower_id, on)
            for name in names:
                if (given := known.get(name)) is not None and given.value is not None:
                    found[name][place] = given.value
        return found

    async def _before(
        self, connection: Connection, borrowers: Numbers, on: date
    ) -> Standings:
        """Where they stood; who stood nowhere stands, without waiting, where they were found."""
        rows = await tiering_sql.standings(connection, borrowers)
        place = np.searchsorted(borrowers, rows["borrower_id"])
        tier = np.full(len(borrowers), NOBODY, np.int64)
        since = np.full(len(borrowers), on.toordinal(), np.int64)
        better = np.zeros(len(borrowers), np.int64)
        tier[place], since[place] = rows["tier"], rows["since"]
        better[place] = rows["better_since"]
        return Standings(tier, since, better)

    def _rows(
        self, this: Round, known: Features, found: Numbers, after: Standings
    ) -> dict[str, Any]:
        on, score = this.on.toordinal(), known.columns[SCORE]
        return {
            "cell": known.borrowers % CELLS, "borrower_id": known.borrowers, "tier": after.tier,
            "since": after.since, "better_since": after.better_since, "found": found,
            "score": np.where(score == MISSING, NOBODY, score),
            "evaluated_on": np.full(len(found), on, np.int64),
            "next_on": next_look(after, on, self._wait),
        }  # fmt: skip

    async def _decided(
        self, connection: Connection, this: Round, known: Features, steps: Numbers
    ) -> Numbers:
        """A decision of each who takes a step; their numbers, 0 for who is not there any more."""
        numbers, operation_id = np.zeros(len(steps), np.int64), new_operation_id()
        if not len(steps):
            return numbers
        wrapped = await tiering_sql.keys_of(connection, known.borrowers[steps].tolist())
        made = []
        for place, step in enumerate(steps.tolist()):
            borrower_id = int(known.borrowers[step])
            if wrapped.get(borrower_id):
                unwrap = partial(self._keys.unwrap, wrapped[borrower_id], borrower_id)
                key = await beside(self._keys, unwrap)
                made.append(self._stored(this, known, step, key, operation_id))
                numbers[place] = made[-1].decision_id
        if made:
            await decision_store.keep_words(connection, *self._words)
            await identity.insert_operation(
                connection, operation_id, actor=ACTOR, action=DECIDE, on=this.on,
                digest=await decision_store.insert_many(connection, made), borrower_id=0,
                detail={"kind": TIER, "decisions": len(made)},
            )  # fmt: skip
        return numbers

    def _stored(
        self, this: Round, known: Features, place: int, key: bytes, operation_id: int
    ) -> Stored:
        began = time.perf_counter_ns()
        decision, given = decided(this, known, place)
        return stored_of(
            decision, given, About(int(known.borrowers[place]), TIER), key=key,
            words_digest=self._words[0], actor=ACTOR, on=this.on, at=self._clock.now(),
            began=began, operation_id=operation_id,
        )  # fmt: skip


def tiering(pool: Pool, keys: KeyService, clock: Clock | None = None) -> Tiering:
    """By the register of a book, of what the book knows."""
    known = snapshots((FactSource(keys, clock),))
    return Tiering(pool, keys, BookVersions(), known, clock=clock)


def found_of(this: Round, known: Features) -> Numbers:
    """The tier that the table finds for each."""
    outputs = [each.name for each in this.policy.table.outputs]
    tiers = np.array([row.then[outputs.index(TIER)] for row in this.policy.table.rows], np.int64)
    columns = {
        each.name: taken_column(each, known.columns[each.name]) for each in this.policy.table.inputs
    }
    return tiers[array_function(this.policy.table)(columns)]


def decided(this: Round, known: Features, place: int) -> tuple[Decision, Mapping[str, Given]]:
    """One of them by itself, with its path and its reasons."""
    facts = {
        name: None if (value := int(column[place])) == MISSING else value
        for name, column in known.columns.items()
    }
    decider = this.scored if facts[SCORE] is not None else this.unscored
    at = datetime.combine(this.on, time_of_day(), UTC)
    known_by = shipped.dictionary()
    given = {name: Given(value, known_by[name].source, at) for name, value in facts.items()}
    return decider.decide(facts), given


def changes(
    data: dict[str, Any], before: Standings, steps: Numbers, decided: Numbers, operation_id: int
) -> dict[str, Any]:
    """The steps as rows."""
    return {
        "cell": data["cell"][steps], "borrower_id": data["borrower_id"][steps],
        "changed_on": data["evaluated_on"][steps], "tier_from": before.tier[steps],
        "tier_to": data["tier"][steps], "score": data["score"][steps], "decision_id": decided,
        "operation_id": np.full(len(steps), operation_id, np.int64),
    }  # fmt: skip
