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
from usance.policy.compiled import taker, tracing
from usance.policy.documents import Policy
from usance.policy.reasons import MOST, Reasons
from usance.policy.tables import NO_ROW
from usance.risk.scorecard import Lost, Scorecard, Scorer, digest_of

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
        self.scorecard_digest = digest_of(scorecard) if scorecard else ""
        self._scorer = Scorer(scorecard) if scorecard else None
        self._scored_by = [each.name for each in scorecard.characteristics] if scorecard else []
        given = dict.fromkeys([*(each.name for each in policy.table.inputs), *self._scored_by])
        self._asks = tuple(each for each in given if each != SCORE or scorecard is None)
        self._take, self._trace = taker(policy.table), tracing(policy.table)
        self._outputs = [each.name for each in policy.table.outputs]
        self._of_feature = by_feature(reasons)

    @rule("R-DECIDE-01")
    def decide(self, facts: Facts) -> Decision:
        """Raises ``Refused`` where something is missing that nothing is decided without."""
        try:
            known = {name: facts[name] for name in self._asks}
        except KeyError as error:
            raise Refused("R-POLICY-04", f"{error.args[0]} was not given", error.args[0]) from None
        score = None
        asked = known
        if self._scorer is not None:
            score = self._scorer.score([known[name] for name in self._scored_by])
            asked = known | {SCORE: score.points}
        place, tried = self._trace(self._take(asked))
        assert place != NO_ROW, "a policy that was checked answers every case"
        row = self.policy.table.rows[place]
        points, lost = score or (None, ())
        return Decision(
            self.policy.name, self.policy.digest, known, place + 1, tried,
            dict(zip(self._outputs, row.then, strict=True)), self._ranked(row.because, lost),
            points, lost, self.scorecard_digest,
        )  # fmt: skip

    @rule("R-DECIDE-02")
    def _ranked(self, because: tuple[str, ...], lost: tuple[Lost, ...]) -> tuple[str, ...]:
        """The row's reasons; in place of one about the score, what the score lost most by."""
        if not lost:
            return because[:MOST]
        found: list[str] = []
        for name in because:
            if self.reasons[name].about == (SCORE,):
                found += [self._of_feature.get(feature, name) for feature, _ in lost]
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
