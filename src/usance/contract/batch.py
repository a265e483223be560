"""Loops over arrays of contracts; no rule is here.

Contracts come as an array of ``CONTRACT`` records. The dues of contract ``i`` are ``start[i]`` to
``start[i + 1]`` of one array of ``DUE`` records: contiguous numbers from ``first_open`` on (or
earlier; the last one, where none is open), then at least ``ROOM`` unused records. ``which[i]`` is
the index of its terms. Contracts and dues are changed in place; effects come back in one array.

The loops take the contracts in ``order``, like beside like: a processor that meets loans and lines,
repayments and statements in turn guesses wrong at every branch and needs twice the time.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usance.contract import records
from usance.contract.compiled import (
    CONTRACT,
    DUE,
    EFFECT,
    EVENT,
    OUT,
    STREAMS,
    TERMS,
    Compiled,
    counted,
    faults,
    foresee,
)
from usance.contract.records import Contract, Due, Effect, Event, Out, Streams, Terms, names
from usance.contract.standing import note_streams
from usance.contract.step import step, wake
from usance.core.kernel import kernel

ROOM = 2  # new dues that one step may make
EFFECTS = 32  # effects a contract has on average at most ...
EFFECTS_MORE = 8_192  # ... and how many more there may be in all

FAULT = -1  # instead of a code: a number left 64 bits
MISPLACED = -2  # dues begin too late, or have no room at their end; the contract is untouched
AHEAD = 8  # how many contracts further memory is asked for
EARLY_MONEY = (records.REPAYMENT, records.GOODWILL, records.RECOVERY, records.REFUND)

Records = NDArray[Any]
Integers = NDArray[np.int64]


class FaultedError(Exception):
    """Compiled code met what it cannot do exactly; the arrays given are spoilt."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch did: a code for each contract, and effects."""

    codes: Integers  # step: 0 or the refusal; wake: 1 where a statement was issued
    effects: Records
    order: Integers  # contracts as they were taken: the effects of ``order[k]`` go ...
    ends: Integers  # ... from ``ends[k - 1]`` to ``ends[k]``
    events: Records  # those given; of a wake: the statements issued

    def owners(self) -> Integers:
        """Which contract each effect belongs to."""
        return np.repeat(self.order, np.diff(self.ends, prepend=0))


@kernel
def look_ahead(
    contracts: list[Contract], dues: list[Due], start: list[int], order: list[int], place: int
) -> None:  # fmt: skip
    """Let memory bring a contract and its first dues while others are served."""
    if place < len(order):
        i = order[place]
        foresee(contracts[i])
        if start[i] + 1 < start[i + 1]:
            foresee(dues[start[i]])
            foresee(dues[start[i] + 1])


@kernel
def misplaced(c: Contract, dues: list[Due], room: int) -> int:
    """1 if dues begin too late, or have no room at their end (a window has room < 0)."""
    if len(dues) == 0:
        return 1
    first = dues[0].n
    held = c.count - first + 1
    if first < 1 or first > c.first_open or held < 1:
        return 1
    return 1 if room >= 0 and held + room > len(dues) else 0


def step_each(
    terms: list[Terms], which: list[int], contracts: list[Contract], dues: list[Due],
    start: list[int], events: list[Event], order: list[int], room: list[int], codes: list[int],
    ends: list[int], out: Out,
) -> None:  # fmt: skip
    """One event for each contract of ``order``."""
    for place in range(len(order)):
        i = order[place]
        look_ahead(contracts, dues, start, order, place + AHEAD)
        before = faults()
        own = dues[start[i] : start[i + 1]]
        code = MISPLACED
        if misplaced(contracts[i], own, room[0]) == 0:
            code = step(terms[which[i]], contracts[i], own, events[i], out)
        codes[i] = code if faults() == before else FAULT
        ends[place] = counted(out)


def wake_each(
    terms: list[Terms], which: list[int], contracts: list[Contract], dues: list[Due],
    start: list[int], events: list[Event], order: list[int], room: list[int], codes: list[int],
    ends: list[int], out: Out, day: list[int],
) -> None:  # fmt: skip
    """Close a business day for each contract of ``order``."""
    for place in range(len(order)):
        i = order[place]
        look_ahead(contracts, dues, start, order, place + AHEAD)
        before = faults()
        own = dues[start[i] : start[i + 1]]
        code = MISPLACED
        if misplaced(contracts[i], own, room[0]) == 0:
            code = wake(terms[which[i]], contracts[i], own, events[i], day[0], out)
        codes[i] = code if faults() == before else FAULT
        ends[place] = counted(out)


def note_each(
    terms: list[Terms], which: list[int], contracts: list[Contract], dues: list[Due],
    start: list[int], streams: list[Streams],
) -> None:  # fmt: skip
    """What runs into the ledger, for each contract."""
    for i in range(len(contracts)):
        own = dues[start[i] : start[i + 1]]
        note_streams(terms[which[i]], contracts[i], own, streams[i])


@cache
def compiled() -> Compiled:
    """Both loops, compiled in this process or an earlier one."""
    return Compiled((step_each, wake_each, note_each))


def check(which: Integers, dues: Records, start: Integers, terms: int) -> None:
    """ValueError for unknown terms, or a ``start`` that does not fit the dues."""
    if len(which) and (which.min() < 0 or which.max() >= terms):
        raise ValueError("which must name terms for each contract")
    fits = len(start) == len(which) + 1 and start[0] >= 0 and start[-1] <= len(dues)
    if not fits or (start[1:] < start[:-1]).any():
        raise ValueError("start does not fit the contracts and dues")


def like_by_like(terms: Records, which: Integers, events: Records) -> Integers:
    """All contracts, ordered by kind of event and contract, otherwise as they stand."""
    kinds = terms["kind"].astype(np.uint8).take(which)
    return np.argsort(events["kind"].astype(np.uint8) * np.uint8(4) + kinds, kind="stable")


def run(
    name: str, arrays: tuple[Records, ...], events: Records, order: Integers, *more: Records,
    window: bool = False,
) -> Outcome:  # fmt: skip
    """Call a loop with room for effects; only with a ``window`` may contracts fault."""
    n = len(arrays[2])
    codes, ends = np.zeros(n, np.int64), np.zeros(len(order), np.int64)
    effects = np.empty(n * EFFECTS + EFFECTS_MORE, EFFECT)  # only what is written costs memory
    out = np.array([(effects.ctypes.data, len(effects), 0)], OUT)
    room = np.array([-1 if window else ROOM], np.int64)
    compiled().run(name, *arrays, events, order, room, codes, ends, out, *more)
    if (codes < 0).any():
        refuse(codes, window=window)
    if out["place"][0] > len(effects):
        raise FaultedError(f"more than {len(effects)} effects for {n} contracts")
    return Outcome(codes, effects[: out["place"][0]], order, ends, events)


def refuse(codes: Integers, *, window: bool) -> None:
    """Errors that concern contracts of a batch."""
    for code, error, text in (
        (MISPLACED, ValueError, "dues begin after first_open, or no room for new dues"),
        (FAULT, FaultedError, "beyond 64 bits"),
    ):
        found = np.flatnonzero(codes == code)
        if len(found) and not (window and code == FAULT):
            raise error(f"{text}: contracts {found[:10].tolist()}")


def wake_batch(
    terms: Records, which: Integers, contracts: Records, dues: Records, start: Integers, day: int
) -> Outcome:
    """Close business day ``day`` for each contract (``step.wake``).

    ``dues`` may be a window: those of a term contract up to the row after the running one. Where
    the kernel looks beyond it, or a number leaves 64 bits, the code is ``FAULT`` and the contract
    spoilt.
    """
    check(which, dues, start, len(terms))
    events = np.zeros(len(contracts), EVENT)
    arrays = (terms, which, contracts, dues, start)
    order = like_by_like(terms, which, events)
    return run("wake_each", arrays, events, order, np.array([day], np.int64), window=True)


def step_batch(
    terms: Records, which: Integers, contracts: Records, dues: Records, start: Integers,
    events: Records, *, window: bool = False,
) -> Outcome:  # fmt: skip
    """One event for each contract (``step.step``); those of ``plain_only`` in plain Python.

    With a ``window`` of dues none goes by plain Python: the code is ``FAULT`` where the kernel
    looks beyond it or needs a new instalment, and the contract is spoilt.
    """
    check(which, dues, start, len(terms))
    arrays = (terms, which, contracts, dues, start)
    order = like_by_like(terms, which, events)
    plain = plain_only(terms, which, events)
    if window or not plain.any():
        return run("step_each", arrays, events, order, window=window)
    outcome = run("step_each", arrays, events, order[~plain[order]])
    return with_plain(outcome, np.flatnonzero(plain), arrays)


def note_batch(
    terms: Records, which: Integers, contracts: Records, dues: Records, start: Integers
) -> Records:
    """What runs into the ledger at each contract's day (``standing.note_streams``)."""
    streams = np.zeros(len(contracts), STREAMS)
    compiled().run("note_each", terms, which, contracts, dues, start, streams)
    return streams


def plain_only(terms: Records, which: Integers, events: Records) -> NDArray[np.bool_]:
    """Early money that finds a new instalment: exact fractions do not fit into 64 bits."""
    lowers = terms["early"] == records.LOWER_INSTALMENT
    if not lowers.any():
        return np.zeros(len(which), np.bool_)
    found: NDArray[np.bool_] = lowers[which] & np.isin(events["kind"], EARLY_MONEY)
    return found


def with_plain(outcome: Outcome, places: Integers, arrays: tuple[Records, ...]) -> Outcome:
    """Step these contracts in plain Python, after the others."""
    ends, made = outcome.ends.tolist(), list[Effect]()
    for i in places.tolist():
        outcome.codes[i], own = step_plain(arrays, outcome.events, i)
        made += own
        ends.append(len(outcome.effects) + len(made))
    effects = np.concatenate((outcome.effects, as_array(EFFECT, made)))
    order = np.concatenate((outcome.order, places))
    return Outcome(outcome.codes, effects, order, np.array(ends, np.int64), outcome.events)


def step_plain(arrays: tuple[Records, ...], events: Records, i: int) -> tuple[int, list[Effect]]:
    """One contract of a batch in plain Python."""
    terms, which, contracts, dues, start = arrays
    (c,) = as_objects(Contract, contracts[i : i + 1])
    held = slice(start[i], start[i] + c.count - dues["n"][start[i]] + 1)
    own = as_objects(Due, dues[held])
    out = Out()
    (t,) = as_objects(Terms, terms[which[i] : which[i] + 1])
    (e,) = as_objects(Event, events[i : i + 1])
    code = step(t, c, own, e, out)
    contracts[i : i + 1] = as_array(CONTRACT, [c])
    dues[start[i] : start[i] + len(own)] = as_array(DUE, own)
    return code, out.effects


def as_array(dtype: np.dtype[Any], objects: list[Any]) -> Records:
    """Plain records as an array of their dtype."""
    array = np.zeros(len(objects), dtype)
    for name in dtype.names or ():
        array[name] = np.array([getattr(each, name) for each in objects]).reshape(array[name].shape)
    return array


def as_objects(record: type, array: Records) -> list[Any]:
    """The way back: plain records with Python integers."""
    columns = []
    for name in names(record):
        values = array[name].tolist()
        columns.append([tuple(each) for each in values] if array[name].ndim > 1 else values)
    return [record(*values) for values in zip(*columns, strict=True)]


__all__ = ["CONTRACT", "DUE", "EFFECT", "EVENT", "TERMS", "Outcome", "as_array", "as_objects"]
