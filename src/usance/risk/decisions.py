"""One decision: a policy over a snapshot of facts, with the reasons that were really used. Pure.

A decision keeps what it was made from and of: the snapshot, the versions of policy and scorecard,
the row and the conditions that failed before it. Made again from that, it is the same bit for bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.cells import value_said
from usance.policy.compiled import tracing
from usance.policy.documents import Policy
from usance.policy.reasons import MOST, Reasons
from usance.policy.tables import NO_ROW, taken
from usance.risk.scorecard import Lost, Scorecard, digest_of, scored

Facts: TypeAlias = Mapping[str, int | None]
SCORE = "score"


class Decision(Struct, frozen=True):
    """What was decided, and everything that it takes to decide it again.

    ``facts``: what the policy and the scorecard asked for, as it was known. ``row``: counted from
    one. ``tried``: of each row before it, the place of the input whose condition failed.
    """

    policy: str
    policy_digest: str
    facts: dict[str, int | None]
    row: int
    tried: tuple[int, ...]
    outcome: dict[str, int]
    reasons: tuple[str, ...]
    score: int | None = None
    lost: tuple[tuple[str, int], ...] = ()
    scorecard_digest: str = ""


class Decider:
    """A version of a policy with the scorecard in force, if it asks for a score."""

    def __init__(
        self, policy: Policy, reasons: Reasons, scorecard: Scorecard | None = None
    ) -> None:
        self.policy = policy
        self.reasons = reasons
        self.scorecard = scorecard
        self.scorecard_digest = digest_of(scorecard) if scorecard else ""
        self._trace = tracing(policy.table)
        scored_by = [each.name for each in scorecard.characteristics] if scorecard else []
        inputs = [each.name for each in policy.table.inputs]
        if scorecard:
            inputs = [each for each in inputs if each != SCORE]
        self._asks = tuple(dict.fromkeys([*inputs, *scored_by]))
        self._scored_by = tuple(scored_by)
        self._of_feature = by_feature(reasons)

    @rule("R-DECIDE-01")
    def decide(self, facts: Facts) -> Decision:
        """Raises ``Refused`` where something is missing that nothing is decided without."""
        table = self.policy.table
        known = {name: _given(facts, name) for name in self._asks}
        points: int | None = None
        lost: tuple[Lost, ...] = ()
        asked = known
        if self.scorecard is not None:
            found = scored(self.scorecard, [known[name] for name in self._scored_by])
            points, lost = found.points, found.lost
            asked = known | {SCORE: points}
        place, tried = self._trace(taken(table, asked))
        assert place != NO_ROW, "a policy that was checked answers every case"
        row = table.rows[place]
        outcome = {each.name: value for each, value in zip(table.outputs, row.then, strict=True)}
        return Decision(
            self.policy.name, self.policy.digest, known, place + 1, tried, outcome,
            self._ranked(row.because, lost), points,
            tuple((each.name, each.points) for each in lost), self.scorecard_digest,
        )  # fmt: skip

    @rule("R-DECIDE-02")
    def _ranked(self, because: tuple[str, ...], lost: tuple[Lost, ...]) -> tuple[str, ...]:
        """The row's reasons; in place of one about the score, what the score lost most by."""
        if not lost:
            return because[:MOST]
        found: list[str] = []
        for name in because:
            if self.reasons[name].about == (SCORE,):
                found += [self._of_feature.get(each.name, name) for each in lost]
            else:
                found.append(name)
        return tuple(dict.fromkeys(found))[:MOST]


def by_feature(reasons: Reasons) -> dict[str, str]:
    """The reason that tells of a feature: the one that names it first, or else earliest."""
    found: dict[str, tuple[int, str]] = {}
    for each in reasons.values():
        for place, feature in enumerate(each.about):
            if feature not in found or place < found[feature][0]:
                found[feature] = place, each.id
    return {feature: name for feature, (_, name) in found.items()}


def _given(facts: Facts, name: str) -> int | None:
    if name not in facts:
        raise Refused("R-POLICY-04", f"{name} was not given", name)
    return facts[name]


@rule("R-DECIDE-03")
def replayed(decider: Decider, stored: Decision) -> Decision:
    """A decision, made again of what it kept. Raises ``Refused`` for another version's."""
    now = decider.policy.digest, decider.scorecard_digest
    if now != (stored.policy_digest, stored.scorecard_digest):
        raise Refused("R-DECIDE-03", "it was made by another version", "policy")
    return decider.decide(stored.facts)


def fingerprint(decision: Decision) -> str:
    """SHA-256 of everything that it says."""
    return hashlib.sha256(msgspec.json.encode(decision, order="deterministic")).hexdigest()


@rule("R-DECIDE-02")
def explained(decider: Decider, decision: Decision, language: str) -> dict[str, Any]:
    """A decision in plain words, ``en`` or ``zh``: what, why, and what somebody can do about it."""
    currency = decider.policy.says.currency
    said = {
        each.name: value_said(decision.outcome[each.name], each, currency)
        for each in decider.policy.table.outputs
    }
    reasons = [decider.reasons[each] for each in decision.reasons]
    return {
        "policy": decider.policy.says.title[language], "outcome": said,
        "reasons": [each.zh if language == "zh" else each.en for each in reasons],
        "helps": [each.helps[language] for each in reasons if each.helps],
    }  # fmt: skip
