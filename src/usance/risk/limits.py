"""How a limit may rise and fall. Pure; amounts are in minor units, days are ordinals."""

from __future__ import annotations

from dataclasses import dataclass

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.risk.limits_policy import Cuts, Raises, Temporary

MONTH = 30
"""Days of a month between two changes of a limit."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An open line with everything that its limit depends on.

    ``used``: unpaid principal less credits, and holds. ``others``: limits of the borrower's other
    open lines. ``most``: what the product allows. ``tier``: its place, 0 the best, None without
    one. ``objected``: a review or an appeal is under way. ``offered``: a step up waits for an
    answer. ``pending``: more for a while runs, or a cut was approved and is not carried out.
    ``told_on``: the last day on which the limit was changed, or a raise of it was decided, offered
    or declined. ``temporary_on``: the last day from which there was more for a while, 0 for none.
    """

    limit: int
    used: int
    others: int
    most: int
    tier: int | None
    late: bool
    objected: bool
    offered: bool
    pending: bool
    told_on: int
    temporary_on: int = 0


@rule("R-LIMIT-05")
def rounded(amount: int, whole: int) -> int:
    """Down to a whole multiple."""
    return amount // whole * whole


@rule("R-LIMIT-04")
def room_under(cap: int | None, others: int) -> int | None:
    """What the cap leaves beside the limits of other lines; None where there is no cap."""
    return None if cap is None else max(cap - others, 0)


@rule("R-LIMIT-04")
def check_cap(limit: int, before: int, others: int, cap: int | None) -> None:
    """A limit that goes up stays under the cap, with all other open lines. Raises ``Refused``.

    What was above it when the cap came may stay, and may go down.
    """
    left = room_under(cap, others)
    if left is not None and limit > before and limit > left:
        raise Refused("R-LIMIT-04", "all lines of a person come to more than the cap", "limit")


@rule("R-LIMIT-05")
def most_of(decided: int, standing_most: int, cap: int | None, others: int, whole: int) -> int:
    """The most that a line may be: what was decided, the product's and the cap's, rounded down."""
    left = room_under(cap, others)
    amounts = [decided, standing_most] + ([] if left is None else [left])
    return rounded(min(amounts), whole)


# -- up --------------------------------------------------------------------------------------------


@rule("R-LIMIT-06")
def may_rise(line: Standing, policy: Raises, on: int) -> bool:
    """Whether a step up is looked for: by tier, use and time; never for who is late or objects."""
    return (
        line.tier in policy.tiers
        and not (line.late or line.objected or line.offered or line.pending)
        and line.used * 100 >= line.limit * policy.used_percent
        and on - line.told_on >= policy.months * MONTH
    )


@rule("R-LIMIT-06")
def step_up(
    line: Standing, policy: Raises, *, decided: int, cap: int | None, whole: int
) -> int:
    """The limit that is offered; the one that there is where nothing more is to be had."""
    step = line.limit + line.limit * policy.share_percent // 100
    found = min(rounded(step, whole), most_of(decided, line.most, cap, line.others, whole))
    return max(found, line.limit)


@rule("R-LIMIT-07")
def check_acceptable(line: Standing | None, policy: Raises, offered_from: int) -> None:
    """An offer is for the limit and for a tier as they were, and for who is not late.

    Raises ``Refused``.
    """
    if line is None or line.limit != offered_from:
        raise Refused("R-LIMIT-07", "the limit is another one now", "limit_offer_id")
    if line.tier not in policy.tiers:
        raise Refused("R-LIMIT-07", "your tier is another one now", "limit_offer_id")
    if line.pending:
        detail = "something about this limit is open already"
        raise Refused("R-LIMIT-07", detail, "limit_offer_id")
    if line.late:
        raise Refused("R-LIMIT-07", "a payment is late; pay it, then accept", "limit_offer_id")
    if line.objected:
        raise Refused(
            "R-LIMIT-07", "a person looks at a decision about you now", "limit_offer_id"
        )


@rule("R-LIMIT-08")
def check_temporary(
    line: Standing, policy: Temporary, *, limit: int, until: int, on: int
) -> None:
    """More for a while: who, how much, how long, how often. Raises ``Refused``."""
    if line.tier not in policy.tiers:
        raise Refused("R-LIMIT-08", "your tier has no higher limit for a while", "product")
    if line.late:
        raise Refused("R-LIMIT-08", "a payment is late; pay it, then ask", "product")
    if line.objected or line.offered or line.pending:
        raise Refused("R-LIMIT-08", "something about this limit is open already", "product")
    if not line.limit < limit <= line.limit + line.limit * policy.share_percent // 100:
        detail = f"at most {policy.share_percent} percent above the limit"
        raise Refused("R-LIMIT-08", detail, "limit")
    if not on <= until < on + policy.days:
        raise Refused("R-LIMIT-08", f"at most {policy.days} days from today", "until")
    if line.temporary_on and on - line.temporary_on < policy.months * MONTH:
        raise Refused("R-LIMIT-08", f"once in {policy.months} months", "product")


# -- down ------------------------------------------------------------------------------------------


@rule("R-LIMIT-09")
def step_down(line: Standing, policy: Cuts, whole: int) -> int:
    """The limit that a cut leaves: never below what is used, nor nothing; else the one there is."""
    share = policy.tiers.get(line.tier) if line.tier is not None else None
    if share is None or line.objected or line.pending:
        return line.limit
    left = max(rounded(line.limit * share // 100, whole), line.used, whole)
    return left if line.limit - left >= whole else line.limit


@rule("R-LIMIT-09")
def check_cut(line: Standing | None, before: int, after: int) -> None:
    """A cut is of the limit as it was proposed, and not below what is used. Raises ``Refused``."""
    if line is None or line.limit != before:
        raise Refused("R-LIMIT-09", "the limit is another one now", "limit_from")
    if not max(line.used, 1) <= after < before:
        raise Refused("R-LIMIT-09", "a limit is not cut below what is used", "limit_to")
    if line.objected or line.pending:
        raise Refused("R-LIMIT-09", "something about this limit is open already", "limit_from")
