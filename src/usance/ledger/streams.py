"""Accrual as linear functions: how a write to one contract changes the sum of its cell.

Interest that has run and is not asked is, between two events, a linear function of the weight of
nights. The ledger keeps the sum of these functions; each write adds the difference between the
function after it and the one before it, so a day close need not visit contracts on which nothing
happens.
"""

from typing import NamedTuple

from usance.contract.records import ROUNDING, Contract, Due, Effect, Streams, Terms
from usance.contract.standing import note_streams
from usance.core.days import ACTUAL, serial
from usance.core.rules import rule

INTEREST_STREAM, PENALTY_STREAM = 1, 2


class Stream(NamedTuple):
    """value = whole + rest / denominator at ``weight``; each unit of weight adds the slope."""

    stream: int
    day_count: int
    denominator: int
    weight: int
    whole: int
    rest: int
    slope: int
    slope_rest: int


class Change(NamedTuple):
    """A difference of two streams, with the rounding (per 10^8) that went with it."""

    stream: int
    denominator: int
    day_count: int
    from_weight: int
    whole: int
    rest: int
    slope: int
    slope_rest: int
    rounding: int


@rule("R-ACCR-01")
def streams_of(t: Terms, c: Contract, dues: list[Due]) -> tuple[Stream, Stream]:
    """The interest and the penalty stream of a contract as it stands."""
    s = Streams()
    note_streams(t, c, dues, s)
    weight = serial(t.count, c.on)
    interest = Stream(
        INTEREST_STREAM, t.count, s.below, weight, s.whole, s.rest, s.slope, s.slope_rest
    )
    penalty = Stream(
        PENALTY_STREAM, ACTUAL, s.penalty_below, c.on, s.penalty_whole, s.penalty_rest,
        s.penalty_slope, s.penalty_slope_rest,
    )  # fmt: skip
    return interest, penalty


def moved(stream: Stream, weight: int) -> Stream:
    """The same function, stated at another weight."""
    kind, count, below, stated, whole, rest, slope, slope_rest = stream
    run = weight - stated
    if run == 0:
        return stream
    carry, rest = divmod(rest + slope_rest * run, below)
    return Stream(kind, count, below, weight, whole + slope * run + carry, rest, slope, slope_rest)


def change(before: Stream, after: Stream, rounding: int) -> list[Change]:
    """From ``before`` to ``after``, at the weight of ``after``; nothing if nothing changed."""
    old = moved(before, after.weight)
    if old.denominator == after.denominator:
        differences = [
            Change(
                after.stream, after.denominator, after.day_count, after.weight,
                after.whole - old.whole, after.rest - old.rest, after.slope - old.slope,
                after.slope_rest - old.slope_rest, rounding,
            )
        ]  # fmt: skip
    else:
        gone = old._replace(
            whole=-old.whole, rest=-old.rest, slope=-old.slope, slope_rest=-old.slope_rest
        )
        differences = [of(gone, 0), of(after, rounding)]
    return [d for d in differences if any((d.whole, d.rest, d.slope, d.slope_rest, d.rounding))]


def of(stream: Stream, rounding: int) -> Change:
    """A whole stream as a change from nothing."""
    return Change(
        stream.stream, stream.denominator, stream.day_count, stream.weight, stream.whole,
        stream.rest, stream.slope, stream.slope_rest, rounding,
    )  # fmt: skip


def rounding_of(effects: list[Effect]) -> int:
    """Rounding that the kernel told, per 10^8 minor units."""
    return sum(effect.amount for effect in effects if effect.kind // 8 == ROUNDING)
