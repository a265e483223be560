"""Loops over arrays of contracts; no rule is here.

Contracts come as an array of ``CONTRACT`` records. The dues of contract ``i`` are ``start[i]`` to
``start[i + 1]`` of one array of ``DUE`` records: contiguous numbers from ``first_open`` on (or
earlier; the last one, where none is open), then at least ``ROOM`` unused records. ``which[i]`` is
the index of its terms. Contracts and dues are changed in place; effects come back in one array,
those of contract ``i`` from ``ends[i - 1]`` to ``ends[i]``.
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
)
from usance.contract.records import Contract, Due, Effect, Event, Out, Streams, Terms, names
from usance.contract.standing import note_streams
from usance.contract.step import step, wake

ROOM = 2  # new dues that one step may make
EFFECTS = 32  # effects a contract has on average at most ...
EFFECTS_MORE = 8_192  # ... and how many more there may be in all

FAULT = -1  # instead of a code: a number left 64 bits
EARLY_MONEY = (records.REPAYMENT, records.GOODWILL, records.RECOVERY, records.REFUND)

Records = NDArray[Any]
Integers = NDArray[np.int64]


class FaultedError(Exception):
    """Compiled code met what it cannot do exactly; the arrays given are spoilt."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch did: a code for each contract, and effects with their ends."""

    codes: Integers  # step: 0 or the refusal; wake: 1 where a statement was issued
    effects: Records
    ends: Integers
    events: Records  # those given; of a wake: the statements issued


def step_each(
    terms: list[Terms], which: list[int], contracts: list[Contract], dues: list[Due],
    start: list[int], events: list[Event], codes: list[int], ends: list[int], out: Out,
) -> None:  # fmt: skip
    """One event for each contract; those without terms (negative ``which``) are left alone."""
    for i in range(len(contracts)):
        if which[i] >= 0:
            before = faults()
            own = dues[start[i] : start[i + 1]]
            code = step(terms[which[i]], contracts[i], own, events[i], out)
            codes[i] = code if faults() == before else FAULT
        ends[i] = counted(out)


def wake_each(
    terms: list[Terms], which: list[int], contracts: list[Contract], dues: list[Due],
    start: list[int], events: list[Event], codes: list[int], ends: list[int], out: Out,
    day: list[int],
) -> None:  # fmt: skip
    """Close a business day for each contract."""
    for i in range(len(contracts)):
        before = faults()
        own = dues[start[i] : start[i + 1]]
        code = wake(terms[which[i]], contracts[i], own, events[i], day[0], out)
        codes[i] = code if faults() == before else FAULT
        ends[i] = counted(out)


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


def check(
    which: Integers, contracts: Records, dues: Records, start: Integers, terms: int,
    *, window: bool = False,
) -> None:  # fmt: skip
    """ValueError for unknown terms, dues that begin too late, or no room at their end."""
    if len(which) != len(contracts) or ((which < 0) | (which >= terms)).any():
        raise ValueError("which must name terms for each contract")
    if len(start) != len(contracts) + 1 or start[0] < 0 or start[-1] > len(dues):
        raise ValueError("start does not fit the contracts and dues")
    if len(contracts) == 0:
        return
    first = dues["n"][start[:-1]]
    held = contracts["count"] - first + 1
    if not ((first >= 1) & (first <= contracts["first_open"]) & (held >= 1)).all():
        raise ValueError("dues must begin at first_open or earlier")
    if not window and not (np.diff(start) >= held + ROOM).all():
        raise ValueError("no room for new dues")


def run(
    name: str, arrays: tuple[Records, ...], events: Records, *more: Records, strict: bool = True
) -> Outcome:
    """Call a loop with room for effects; ``strict``: stop where a contract faulted."""
    n = len(arrays[2])
    codes, ends = np.zeros(n, np.int64), np.zeros(n, np.int64)
    effects = np.empty(n * EFFECTS + EFFECTS_MORE, EFFECT)  # only what is written costs memory
    out = np.array([(effects.ctypes.data, len(effects), 0)], OUT)
    compiled().run(name, *arrays, events, codes, ends, out, *more)
    if out["place"][0] > len(effects):
        raise FaultedError(f"more than {len(effects)} effects for {n} contracts")
    if strict and (codes == FAULT).any():
        raise FaultedError(f"contracts {np.flatnonzero(codes == FAULT)[:10].tolist()}")
    return Outcome(codes, effects[: out["place"][0]], ends, events)


def wake_batch(
    terms: Records, which: Integers, contracts: Records, dues: Records, start: Integers, day: int
) -> Outcome:
    """Close business day ``day`` for each contract (``step.wake``).

    ``dues`` may be a window: those of a term contract up to the row after the running one. Where
    the kernel looks beyond it, or a number leaves 64 bits, the code is ``FAULT`` and the contract
    spoilt.
    """
    check(which, contracts, dues, start, len(terms), window=True)
    events = np.zeros(len(contracts), EVENT)
    arrays = (terms, which, contracts, dues, start)
    return run("wake_each", arrays, events, np.array([day], np.int64), strict=False)


def step_batch(
    terms: Records, which: Integers, contracts: Records, dues: Records, start: Integers,
    events: Records, *, window: bool = False,
) -> Outcome:  # fmt: skip
    """One event for each contract (``step.step``); those of ``plain_only`` in plain Python.

    With a ``window`` of dues none goes by plain Python: the code is ``FAULT`` where the kernel
    looks beyond it or needs a new instalment, and the contract is spoilt.
    """
    check(which, contracts, dues, start, len(terms), window=window)
    plain = plain_only(terms, which, events) & (not window)
    arrays = (terms, np.where(plain, -1, which), contracts, dues, start)
    outcome = run("step_each", arrays, events, strict=not window)
    if plain.any():
        given = (terms, which, contracts, dues, start)
        outcome = with_plain(outcome, np.flatnonzero(plain), given)
    return outcome


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
    """Step these contracts in plain Python, and put their effects where they belong."""
    counts = np.diff(outcome.ends, prepend=0)
    before, extra = [], []
    for i in places.tolist():
        outcome.codes[i], made = step_plain(arrays, outcome.events, i)
        counts[i] = len(made)
        before += [outcome.ends[i]] * len(made)
        extra += made
    effects = np.insert(outcome.effects, before, as_array(EFFECT, extra))
    return Outcome(outcome.codes, effects, np.cumsum(counts), outcome.events)


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
