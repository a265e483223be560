"""Proof of contracts by the kernel: state, statements and transfers are the replay of the events.

Pure: the caller fetches the rows, so a pool of processes can share the work.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from usance.contract.records import (
    DAY,
    OPEN,
    STATEMENT,
    Contract,
    Due,
    Event,
    Terms,
    names,
)
from usance.contract.replay import UNDOING, History, Issued, Parts, statement_event
from usance.contract.standing import next_alarm
from usance.core.days import serial
from usance.core.refusals import Refused
from usance.ledger.streams import moved, rounding_of, streams_of
from usance.ledger.transfers import Pair, pairs_of, transfers_of
from usance.servicing import store

CONTRACT_NAMES = [name for name in names(Contract) if name not in ("seq", "alarm")]
DUE_NAMES = names(Due)
DUE_VALUES = attrgetter(*DUE_NAMES)
PART_NAMES = ("principal", "interest", "fee", "penalty", "credit")

StreamKey = tuple[int, int, int, int, int]
"""Cell, product, stream, day count, denominator."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not hold: the invariant in words, the row, what it should be and what it is."""

    invariant: str
    sentence: str
    table: str
    key: str
    expected: str
    found: str


@dataclass(slots=True)
class Facts:
    """The rows of one contract; ``events`` as ``servicing.store.load_history`` reads them."""

    contract: tuple[int, ...]
    dues: list[tuple[int, ...]] = field(default_factory=list)
    opening: dict[str, Any] | None = None
    events: list[tuple[Any, ...]] = field(default_factory=list)
    statements: dict[int, tuple[Any, ...]] = field(default_factory=dict)  # by event
    pairs: dict[Pair, int] = field(default_factory=dict)
    replayed: bool = True  # False: outside the sample


@dataclass(slots=True)
class Proof:
    """What a part of the book proved: findings, exact sums of streams, rounding told."""

    findings: list[Finding] = field(default_factory=list)
    streams: dict[StreamKey, list[int]] = field(default_factory=dict)  # [value, slope]
    rounding: dict[tuple[int, int], int] = field(default_factory=dict)  # by cell and product
    replayed: int = 0

    def add(self, other: "Proof") -> None:
        """Take in what another part proved; of findings the first of each invariant."""
        self.findings = first_of_each(self.findings + other.findings)
        self.replayed += other.replayed
        for key, (value, slope) in other.streams.items():
            sums = self.streams.setdefault(key, [0, 0])
            sums[0] += value
            sums[1] += slope
        for place, amount in other.rounding.items():
            self.rounding[place] = self.rounding.get(place, 0) + amount


def first_of_each(findings: list[Finding]) -> list[Finding]:
    """The first offender of every invariant, by its key."""
    found: dict[str, Finding] = {}
    for each in sorted(findings, key=lambda f: (f.invariant, f.key)):
        found.setdefault(each.invariant, each)
    return list(found.values())


def prove(facts: list[Facts], terms: dict[int, Terms], today: int) -> Proof:
    """Prove a part of the book on the business date ``today``."""
    store.TERMS.update(terms)
    proof = Proof()
    for each in facts:
        state = Contract(*each.contract[store.HEAD :])
        dues = [Due(*row) for row in each.dues]
        try:
            proof.findings += stands(each, state, dues)
            add_streams(proof, each, state, dues, today)
            if each.replayed:
                proof.replayed += 1
                proof.findings += list(replays(each, state, dues, proof))[:1]
        except (AssertionError, ArithmeticError, LookupError, TypeError, Refused) as error:
            proof.findings.append(impossible(each, error))
    proof.findings = first_of_each(proof.findings)
    return proof


def impossible(facts: Facts, error: Exception) -> Finding:
    """The rows make no sense to the kernel."""
    return Finding(
        "INV-REPLAY-01", "A contract's state is the replay of its events.", "contract",
        str(facts.contract[1]), "a replay", f"{type(error).__name__}: {error}",
    )  # fmt: skip


def stands(facts: Facts, state: Contract, dues: list[Due]) -> list[Finding]:
    """The stored alarm is the next happening."""
    wanted = next_alarm(terms_of(facts), state, dues)
    if wanted == state.alarm:
        return []
    sentence = "A contract's alarm is the next day on which something happens to it."
    key = str(facts.contract[1])
    return [Finding("INV-ALARM-01", sentence, "contract", key, str(wanted), str(state.alarm))]


def terms_of(facts: Facts) -> Terms:
    """The terms by which the stored state runs."""
    return store.TERMS[facts.contract[4]]


def add_streams(
    proof: Proof, facts: Facts, state: Contract, dues: list[Due], today: int
) -> None:
    """The contract's accrual, exact, at the start of ``today``: numerators over the denominator."""
    cell, _, _, product = facts.contract[:4]
    for stream in streams_of(terms_of(facts), state, dues):
        at = moved(stream, serial(stream.day_count, today))
        value = at.whole * at.denominator + at.rest
        slope = at.slope * at.denominator + at.slope_rest
        if value or slope:
            key = cell, product, stream.stream, stream.day_count, stream.denominator
            sums = proof.streams.setdefault(key, [0, 0])
            sums[0] += value
            sums[1] += slope


def replays(facts: Facts, state: Contract, dues: list[Due], proof: Proof) -> Iterator[Finding]:
    """Walk the events as they were booked, then hold the end against what is stored."""
    assert facts.opening is not None, "no opening is stored"
    history = History(store.opening_of(facts.opening))
    yield from walk(history, facts)
    if state.on > history.state.contract.on:
        history.state.advance(state.on)
    yield from same_state(facts, history, state)
    yield from same_dues(facts, history, dues)
    yield from same_transfers(facts, history)
    place = facts.contract[0], facts.contract[3]
    proof.rounding[place] = proof.rounding.get(place, 0) + rounding_of(history.state.effects)


def walk(history: History, facts: Facts) -> Iterator[Finding]:
    """Each event on the state that the events booked before it make."""
    for row in facts.events:
        event = Event(row[0], row[1], row[2].toordinal(), row[3].toordinal(), *row[4:14])
        if event.kind == STATEMENT:
            yield from issue(history, facts, event)
        elif event.kind not in (DAY, OPEN):
            learn(history, event)
            yield from same_parts(facts, event, history.state.parts.get(event.seq, Parts()))


def learn(history: History, event: Event) -> None:
    """One event becomes known: applied, or the past is folded anew."""
    back_dated = event.on < history.state.contract.on
    history.take(event)
    if event.kind in UNDOING or back_dated:
        history.rebuild(event.booked_on)
    else:
        history.apply(event)


def issue(history: History, facts: Facts, event: Event) -> Iterator[Finding]:
    """The statement, issued anew from the events booked until then, says what was said."""
    history.state.do(replace(event, pinned=0, principal=0, interest=0, fee=0, penalty=0))
    history.take(event)
    issued = history.state.issued[-1]
    said = statement_event(issued, event.seq)
    stored = facts.statements.get(event.seq)
    wanted = statement_values(issued, said)
    if wanted != stored:
        sentence = "A statement says what the events booked until then make."
        key = f"{facts.contract[1]} event {event.seq}"
        yield Finding("INV-STMT-01", sentence, "statement", key, str(wanted), str(stored))


def statement_values(issued: Issued, said: Event) -> tuple[int, ...]:
    """Issued on, due on, from, cycle, components, required (no plans), balance, credit."""
    return (
        issued.on, issued.due.due_on, issued.due.from_on, issued.n, said.principal, said.interest,
        said.fee, said.penalty, issued.required, issued.balance,
        issued.credit,
    )  # fmt: skip


def same_parts(facts: Facts, event: Event, parts: Parts) -> Iterator[Finding]:
    """What the event did is what its row says."""
    p = parts.amounts
    wanted = (p[3], p[2], p[1], p[0], p[4])
    found = (event.principal, event.interest, event.fee, event.penalty, event.credit)
    if wanted != found:
        sentence = "An event's row says what it did."
        key = f"{facts.contract[1]} event {event.seq}"
        yield Finding("INV-REPLAY-04", sentence, "event", key, str(wanted), str(found))


def same_state(facts: Facts, history: History, state: Contract) -> Iterator[Finding]:
    """Every field of the contract, and the terms by which it runs."""
    if history.state.terms != terms_of(facts):
        sentence = "A contract runs by the terms that the replay of its events makes."
        key, wanted = f"{facts.contract[1]} terms", str(history.state.terms)
        yield Finding("INV-REPLAY-05", sentence, "contract", key, wanted, str(terms_of(facts)))
    for name in CONTRACT_NAMES:
        wanted, found = getattr(history.state.contract, name), getattr(state, name)
        if wanted != found:
            sentence = "A contract's state is the replay of its events."
            key = f"{facts.contract[1]} {name}"
            yield Finding("INV-REPLAY-01", sentence, "contract", key, str(wanted), str(found))


def same_dues(facts: Facts, history: History, dues: list[Due]) -> Iterator[Finding]:
    """Every field of every due."""
    sentence = "A contract's dues are the replay of its events."
    if len(dues) != len(history.state.dues):
        wanted, found = f"{len(history.state.dues)} dues", f"{len(dues)} dues"
        key = str(facts.contract[1])
        yield Finding("INV-REPLAY-02", sentence, "due", key, wanted, found)
        return
    for due, stored in zip(history.state.dues, dues, strict=True):
        if DUE_VALUES(due) != DUE_VALUES(stored):
            name = next(n for n in DUE_NAMES if getattr(due, n) != getattr(stored, n))
            key = f"{facts.contract[1]} due {due.n} {name}"
            wanted, found = str(getattr(due, name)), str(getattr(stored, name))
            yield Finding("INV-REPLAY-02", sentence, "due", key, wanted, found)


def same_transfers(facts: Facts, history: History) -> Iterator[Finding]:
    """Net by pair of accounts, what the replay books is what is stored."""
    wanted = transfers_of(pairs_of(history.state.effects))
    found = transfers_of(facts.pairs)
    if wanted != found:
        differ = sorted(set(wanted) ^ set(found))[0]
        sentence = "A contract's transfers are what its replay books."
        key = f"{facts.contract[1]} {differ[0]} -> {differ[1]}"
        yield Finding("INV-REPLAY-03", sentence, "transfer", key, str(wanted), str(found))
