"""``Deciding``: a policy over what is known now, stored whole with its audit event, or nothing.

What one request decides stands in one transaction: the decision, the tier that it rests on where
nobody has one yet, and what other scorecards would have said beside it, which nobody acts on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from usance.core.identifiers import written
from usance.core.money import DECIMALS, format_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.borrowers import ERASED
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.platform.clock import Clock, SystemClock
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Connection, Pool
from usance.policy import shipped
from usance.policy.cells import value_said
from usance.policy.documents import Policy
from usance.policy.reasons import Reason, Reasons
from usance.risk import decision_store as store
from usance.risk.deciding_policy import (
    DRAW,
    KINDS,
    LIMIT,
    TIER,
    DecidingPolicy,
    deciding_policy,
)
from usance.risk.decisions import SCORE, Decider, Decision
from usance.risk.limits_policy import limit_policy
from usance.risk.scorecard import Scorecard, digest_of
from usance.risk.snapshots import Given, Snapshot, Snapshots, with_request
from usance.risk.standing_first import stand_first
from usance.risk.stored import About, Stored, stored_of, words_of
from usance.risk.telling import granted_limit
from usance.risk.versions import Assigning

ACTION = "Decide"
UNSCORED = "R-SCORE-02"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be decided about whom: on which product or contract, and what is said with it.

    ``declared``: features that only a request can say, as whole numbers.
    """

    kind: str
    borrower_id: int
    product: str = ""
    contract_id: int = 0
    declared: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Round:
    """What one request decides: under one operation, of one snapshot."""

    change: Change
    wanted: Wanted
    currency: str
    key: bytes
    at: datetime
    known: Snapshot
    started: int
    made: list[Stored] = field(default_factory=list)


class Deciding:
    """Decisions of a book."""

    def __init__(
        self, pool: Pool, keys: KeyService, versions: Assigning, snapshots: Snapshots, *,
        policy: DecidingPolicy | None = None, clock: Clock | None = None,
        reasons: Reasons | None = None,
    ) -> None:  # fmt: skip
        self._pool, self._keys, self.versions = pool, keys, versions
        self.snapshots = snapshots
        self.policy = policy or deciding_policy()
        self._clock = clock or SystemClock()
        self.reasons = reasons or shipped.reasons()
        self._words = words_of(self.reasons)
        self._told = False
        self._deciders: dict[tuple[str, str], Decider] = {}

    async def decide(self, wanted: Wanted, asking: Asking) -> Answer:
        """Decide and store it, once for the caller's key: the decision's number and what it says.

        Raises ``Refused``.
        """
        async def make(change: Change) -> dict[str, Any]:
            return await self._decided(change, wanted)

        answer = await once(self._pool, asking, make)
        self._told = True
        return answer

    @rule("R-DECIDE-04")
    async def _decided(self, change: Change, wanted: Wanted) -> dict[str, Any]:
        started = time.perf_counter_ns()
        this = await self._opened(change, wanted, started)
        found, policy = await self._one(this, wanted.kind)
        if not self._told:
            await store.keep_words(change.connection, *self._words)
        digest = await store.insert(change.connection, this.made)
        for each in this.made:
            if each.kind == TIER and not each.shadow:
                await stand_first(change.connection, each)
        detail = {
            "decision": written("decision", found.decision_id), "kind": found.kind,
            "policy": found.policy,
        }  # fmt: skip
        await change.note(ACTION, digest, detail, borrower_id=wanted.borrower_id)
        return answer_of(found, policy, self.reasons, this.known)

    @rule("R-FOUND-01", "R-DECIDE-06")
    async def _opened(self, change: Change, wanted: Wanted, started: int) -> Round:
        """Everything that is known, of a borrower who is held. Raises ``Refused``."""
        if wanted.kind not in KINDS:
            raise Refused("R-DECIDE-05", f"decided is one of {', '.join(KINDS)}", "kind")
        who = await store.who(change.connection, wanted.borrower_id)
        if who is None or who["status"] == ERASED:
            raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
        await self._check_nobody_looks(change.connection, wanted)
        at = self._clock.now()
        declared = self.snapshots.declared(wanted.declared, at)
        known = await self.snapshots.take(change.connection, wanted.borrower_id, change.on)
        room = await self._room(change.connection, wanted, at)
        wrapped, borrower_id = who["data_key"], wanted.borrower_id
        key = await beside(
            self._keys, lambda: self._keys.unwrap(wrapped, borrower_id) if wrapped else b""
        )
        return Round(
            change, wanted, who["currency"], key, at, with_request(known, declared, room), started
        )

    @rule("R-DECIDE-06")
    async def _check_nobody_looks(self, connection: Connection, wanted: Wanted) -> None:
        """While a person looks at a decision, no other of its kind is made on the same.

        A draw is decided by itself: another one is not the one that is looked at.
        """
        if wanted.kind == DRAW:
            return
        number = await store.paused(
            connection, wanted.borrower_id, wanted.kind, wanted.product, wanted.contract_id
        )
        if number:
            detail = f"a person looks at {written('decision', number)} now"
            raise Refused("R-DECIDE-06", detail, "kind")

    async def _room(self, connection: Connection, wanted: Wanted, at: datetime) -> Given | None:
        """What is left of the limit of the product that is asked for; None where none is named."""
        if not wanted.product:
            return None
        left = await store.room(connection, wanted.borrower_id, wanted.product)
        return Given(left, "book", at) if left is not None else None

    async def _one(self, this: Round, kind: str) -> tuple[Stored, Policy]:
        """One decision of the snapshot, after the tier that it rests on; with its shadows."""
        connection, on = this.change.connection, this.change.on
        name = self.policy.policy_for(this.currency, kind)
        policy = await self.versions.policy_in_force(connection, name, on)
        asks = {each.name for each in policy.table.inputs}
        if TIER in asks:
            whole = Wanted(kind=TIER, borrower_id=this.wanted.borrower_id)
            await self._check_nobody_looks(connection, whole)
            if TIER not in this.known or this.known[TIER].value is None:
                found, _ = await self._one(this, TIER)
                this.known[TIER] = Given(found.outcome[TIER], "score", this.at, found.decision_id)
        scored = SCORE in asks
        card = await self.versions.scorecard_for(
            connection, self.policy.scorecard, this.wanted.borrower_id, on
        ) if scored else None  # fmt: skip
        found = self._stored(this, kind, self._made(policy, card, values_of(this.known)))
        if scored:
            for other in await self.versions.shadows(connection, self.policy.scorecard, on):
                self._shadow(this, found, policy, other)
        return found, policy

    @rule("R-DECIDE-07")
    def _shadow(self, this: Round, found: Stored, policy: Policy, card: Scorecard) -> None:
        """What another scorecard would have said; one that has no points for it says nothing."""
        try:
            decision = self._by(policy, card, values_of(this.known))
        except Refused:
            return
        self._stored(this, found.kind, decision, found.decision_id)

    def _stored(self, this: Round, kind: str, decision: Decision, beside: int = 0) -> Stored:
        wanted, of_person = this.wanted, kind == TIER
        about = About(
            wanted.borrower_id, kind, "" if of_person else wanted.product,
            0 if of_person else wanted.contract_id, beside,
        )  # fmt: skip
        found = stored_of(
            decision, this.known, about, key=this.key, words_digest=self._words[0],
            actor=this.change.actor, on=this.change.on, at=this.at, began=this.started,
            operation_id=this.change.operation_id,
        )  # fmt: skip
        this.made.append(found)
        return found

    @rule("R-POLICY-04")
    def _made(
        self, policy: Policy, card: Scorecard | None, known: Mapping[str, int | None]
    ) -> Decision:
        """By the scorecard, or with an unknown score where it has no points for what is missing."""
        try:
            return self._by(policy, card, known)
        except Refused as refused:
            if card is None or refused.refusal.rule != UNSCORED:
                raise
            return self._by(policy, None, {**known, SCORE: None})

    def _by(
        self, policy: Policy, card: Scorecard | None, known: Mapping[str, int | None]
    ) -> Decision:
        name = policy.digest, digest_of(card) if card else ""
        if name not in self._deciders:
            self._deciders[name] = Decider(policy, self.reasons, card)
        return self._deciders[name].decide(asked_of(policy, card, known))


def answer_of(
    found: Stored, policy: Policy, reasons: Reasons, known: Snapshot
) -> dict[str, Any]:
    """What is answered: what came out in words, and why; of a limit also the amount."""
    currency = policy.says.currency
    document: dict[str, Any] = {
        "decision_id": written("decision", found.decision_id), "kind": found.kind,
        "status": found.status, "policy": found.policy, "latency_us": found.latency_us,
        "outcome": {
            each.name: value_said(found.outcome[each.name], each, currency)
            for each in policy.table.outputs
        },
        "reasons": [reason_of(reasons[each]) for each in found.reasons],
    }  # fmt: skip
    if found.kind == LIMIT:
        income = known.get("income")
        whole = limit_policy().whole[currency]
        limit = granted_limit(found.outcome, income.value if income else None, whole)
        document["limit"] = format_decimal(limit, DECIMALS[currency])
    return document


def reason_of(reason: Reason) -> dict[str, Any]:
    """A reason in both languages, and what somebody can do."""
    return {
        "id": reason.id, "en": reason.en, "zh": reason.zh, "helps": dict(reason.helps) or None,
    }  # fmt: skip


def values_of(known: Snapshot) -> dict[str, int | None]:
    """Without where they come from."""
    return {name: each.value for name, each in known.items()}


def asked_of(
    policy: Policy, card: Scorecard | None, known: Mapping[str, int | None]
) -> dict[str, int | None]:
    """What a policy and a scorecard ask for; None for what nobody knows."""
    names = [each.name for each in policy.table.inputs]
    names += [each.name for each in card.characteristics] if card else []
    return {name: known.get(name) for name in names}
