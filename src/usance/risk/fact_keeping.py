"""``Facts``: what is recorded of a borrower, put right, and read as of a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from usance.consents.asking import What, live
from usance.consents.records import Record, borrower
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.borrowers import ACTIVE
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Connection, Pool
from usance.platform.identifiers import new_operation_id
from usance.policy.dictionary import Feature
from usance.policy.shipped import dictionary
from usance.risk import facts, facts_store
from usance.risk.facts import UNKNOWN, Given, Known, Value
from usance.risk.facts_policy import CHANNEL, CONSENT, Row, fact_policy
from usance.risk.facts_store import NONE, Agreement, Said, Written

State: TypeAlias = Literal["current", "replaced", "expired", "ended"]
CURRENT: Final = "current"
REPLACED: Final = "replaced"
EXPIRED: Final = "expired"
ENDED: Final = "ended"
"""How a fact stands: known; another one stands in its place; too old; its agreement has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact in clear, and how it stood at the moment that was asked about.

    ``fact_id`` is 0 where the book reckons it from its own rows; ``value`` is None where nothing
    is known after all.
    """

    feature: Feature
    value: int | None
    reference: str
    source: str
    observed_at: datetime
    recorded_at: datetime | None
    valid_until: datetime | None
    state: State
    fact_id: int = 0
    corrects: int = 0
    consent_id: int = 0
    other_id: int = 0
    pull_id: int = 0
    operation_id: int = 0


class Facts:
    """The facts of a book's borrowers."""

    def __init__(self, pool: Pool, keys: KeyService, clock: Clock, currency: str) -> None:
        self._pool = pool
        self._keys = keys
        self._clock = clock
        self._currency = currency

    # -- recording -----------------------------------------------------------------------------

    @rule("R-FACT-01", "R-FACT-02", "R-FACT-05")
    async def record(self, borrower_id: int, given: Given, asking: Asking) -> Answer:
        """Record a fact, once for the caller's key. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            feature = facts.feature_of(given, dictionary())
            value = self.checked(given.name, given.value, corrects=given.corrects)
            who = await self._who(change.connection, borrower_id)
            now = self._clock.now()
            row = facts.check_recorder(
                change.actor, fact_policy().row(given.source, now.date()), feature.source,
                given.corrects,
            )  # fmt: skip
            end = facts.end_of(given.observed_at, now, row)
            facts.check_sides(given, borrower_id, row)
            agreement = await agreement_for(change.connection, borrower_id, given, row, now)
            if given.corrects:
                await check_old(change.connection, borrower_id, given, now)
            fact = Written(
                borrower_id=borrower_id, fact_id=new_operation_id(), name=given.name,
                source=given.source, said=Said(value, given.reference),
                observed_at=given.observed_at, recorded_at=now, valid_until=end,
                agreement=agreement, corrects=given.corrects,
            )  # fmt: skip
            return await self._noted(change, who, fact)

        return await once(self._pool, asking, make)

    def checked(self, name: str, value: Value, *, corrects: int = 0) -> int | None:
        """The whole number that a value of a feature stands for; None: nothing after all.

        Raises ``Refused``.
        """
        feature = dictionary().get(name)
        if feature is None:
            raise Refused("R-FACT-01", "the feature dictionary knows no such feature", "name")
        if corrects and value == UNKNOWN:
            return None
        return facts.value_of(value, feature, self._currency)

    @rule("R-FACT-09")
    async def correct(
        self, borrower_id: int, fact_id: int, value: str, asking: Asking
    ) -> Answer:
        """Record a fact in the place of another one, observed now. Raises ``Refused``."""
        row = await self._old(borrower_id, fact_id)
        given = Given(
            row["name"], row["source"], value, self._clock.now(), other_id=row["other_id"],
            corrects=fact_id,
        )  # fmt: skip
        return await self.record(borrower_id, given, asking)

    @rule("R-FACT-09")
    async def check_new(self, borrower_id: int, fact_id: int, value: str) -> None:
        """A value could stand in the place of a fact's. Raises ``Refused``."""
        row = await self._old(borrower_id, fact_id)
        self.checked(row["name"], value, corrects=fact_id)

    async def _old(self, borrower_id: int, fact_id: int) -> facts_store.Row:
        async with self._pool.acquire() as connection:
            row = await fact_row(connection, borrower_id, fact_id, self._clock.now())
        if row is None:
            raise Refused("R-FACT-09", "there is no such fact", "fact_id")
        return row

    async def _who(self, connection: Connection, borrower_id: int) -> facts_store.Row:
        """The borrower, held; raises ``Refused``."""
        who = await facts_store.person(connection, borrower_id, lock="FOR UPDATE")
        if who is None or who["status"] != ACTIVE:
            raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
        return who

    @rule("R-AUDIT-01")
    async def _noted(
        self, change: Change, who: facts_store.Row, fact: Written
    ) -> dict[str, Any]:
        """Write it with its audit event, which names the feature and never the value."""
        borrower_id = fact.borrower_id
        data_key = await beside(
            self._keys, lambda: self._keys.unwrap(who["data_key"], borrower_id)
        )
        hashed = await facts_store.insert(
            change.connection, data_key, [fact], change.operation_id
        )
        named = {"fact_id": written("fact", fact.fact_id), "name": fact.name}
        more = {"corrects": written("fact", fact.corrects)} if fact.corrects else {}
        detail = named | {"source": fact.source} | more
        await change.note("RecordFact", hashed, detail, borrower_id=borrower_id)
        return named | {
            "borrower_id": written("borrower", borrower_id),
            "valid_until": fact.valid_until.isoformat(),
        }

    # -- reading -------------------------------------------------------------------------------

    async def known(self, borrower_id: int, at: datetime | None = None) -> dict[str, Known]:
        """What is, or at a moment was, known of a borrower, by feature."""
        async with self._pool.acquire() as connection:
            return await facts_store.known_facts(
                connection, self._keys, borrower_id, at or self._clock.now()
            )

    @rule("R-FACT-06", "R-FACT-12")
    async def history(self, borrower_id: int, at: datetime | None = None) -> list[Told]:
        """Every fact recorded by a moment, the newest first, after what the book reckons itself."""
        moment = at or self._clock.now()
        async with self._pool.acquire() as connection:
            who = await facts_store.person(connection, borrower_id)
            if who is None:
                raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
            if who["status"] != ACTIVE:
                return []
            return await told(connection, self._keys, borrower_id, moment)


# -- steps -----------------------------------------------------------------------------------------


@rule("R-FACT-05", "R-FACT-11")
async def agreement_for(
    connection: Connection, borrower_id: int, given: Given, row: Row, now: datetime
) -> Agreement:
    """The agreements that justify a fact now, held; of a household those of both sides.

    Raises ``Refused``.
    """
    if row.ground != CONSENT:
        return NONE
    what, own = What(row.purpose, row.scope, CHANNEL), borrower(borrower_id)
    if not row.both_sides:
        found = await live(connection, own, what, now)
        return _numbers(_agreed(found), None, 0)
    other = borrower(given.other_id)
    mine = await live(connection, own, what, now, other)
    theirs = await live(connection, other, what, now, own)
    return _numbers(_agreed(mine), _agreed(theirs), given.other_id)


def _agreed(record: Record | None) -> Record:
    if record is None:
        raise Refused("R-FACT-05", "nobody has agreed to that, or no longer", "source")
    return record


def _numbers(mine: Record, theirs: Record | None, other_id: int) -> Agreement:
    if theirs is None:
        return Agreement(mine.record_id, mine.events)
    return Agreement(mine.record_id, mine.events, other_id, theirs.record_id, theirs.events)


async def fact_row(
    connection: Connection, borrower_id: int, fact_id: int, now: datetime
) -> facts_store.Row | None:
    """One fact; None for one that is not this borrower's."""
    rows = await facts_store.history(connection, borrower_id, now)
    return next((row for row in rows if row["fact_id"] == fact_id), None)


async def check_old(
    connection: Connection, borrower_id: int, given: Given, now: datetime
) -> None:
    """What is to be corrected can be. Raises ``Refused``."""
    row = await fact_row(connection, borrower_id, given.corrects, now)
    again = await facts_store.corrected(connection, borrower_id, given.corrects)
    facts.check_correction(given, facts_store.kept(row) if row else None, corrected=again)


@rule("R-FACT-06")
async def told(
    connection: Connection, keys: KeyService, borrower_id: int, at: datetime
) -> list[Told]:
    """What is told of somebody who is not erased, as of a moment."""
    who = await facts_store.seen(connection, borrower_id, at)
    assert who is not None
    data_key = await beside(keys, lambda: keys.unwrap(who["data_key"], borrower_id))
    rows = await facts_store.history(connection, borrower_id, at)
    reckoned = facts_store.reckoned(who, data_key, at)
    state = states(rows, reckoned, at)
    found = [_told(row, facts_store.opened(row, data_key), state(row)) for row in reversed(rows)]
    return [_reckoned(name, each) for name, each in sorted(reckoned.items())] + found


def states(
    rows: list[facts_store.Row] | Any, reckoned: Mapping[str, Known], at: datetime
) -> Callable[[facts_store.Row], State]:
    """How each fact stands at a moment."""
    kept = [facts_store.kept(row) for row in rows]
    current = {each.fact_id for name, each in facts.standing(kept, at).items()
               if name not in reckoned}  # fmt: skip

    def state(row: facts_store.Row) -> State:
        if row["fact_id"] in current:
            return CURRENT
        if not row["agreed"]:
            return ENDED
        return EXPIRED if row["valid_until"] <= at else REPLACED

    return state


def _told(row: facts_store.Row, said: Said, state: State) -> Told:
    return Told(
        feature=dictionary()[row["name"]], value=said.value, reference=said.reference,
        source=row["source"], observed_at=row["observed_at"], recorded_at=row["recorded_at"],
        valid_until=row["valid_until"], state=state, fact_id=row["fact_id"],
        corrects=row["corrects"], consent_id=row["consent_id"], other_id=row["other_id"],
        pull_id=row["pull_id"], operation_id=row["operation_id"],
    )  # fmt: skip


def _reckoned(name: str, known: Known) -> Told:
    return Told(
        feature=dictionary()[name], value=known.value, reference="", source=known.source,
        observed_at=known.observed_at, recorded_at=None, valid_until=None, state=CURRENT,
    )  # fmt: skip
