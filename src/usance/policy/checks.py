"""What must not be approved. Every check is a proof over all cases, or looks at every row.

A finding is no opinion: it names the rule, the row, and where it can a case that shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from usance.core.rules import rule
from usance.policy.cells import Cell, said, value_said, within
from usance.policy.dictionary import HOUSEHOLD, Dictionary
from usance.policy.documents import FIRST, PRICE, Policy, value_of
from usance.policy.proving import Case, known_steps, pairs, reached
from usance.policy.reasons import Reasons
from usance.policy.sources import Sources
from usance.policy.tables import NO_ROW, Row, Table


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a policy must not be approved. ``row``: counted from one, 0 for the whole."""

    rule: str
    row: int
    detail: str


@dataclass(frozen=True, slots=True)
class Known:
    """What checks hold a policy against."""

    dictionary: Dictionary
    reasons: Reasons
    sources: Sources


def findings(policy: Policy, known: Known) -> list[Finding]:
    """Everything that is wrong with a policy; nothing: it may be proposed."""
    hit = reached(policy.table)
    return [
        *gaps(policy, hit),
        *dead_rows(policy, hit),
        *overlaps(policy),
        *broken_guards(policy),
        *above_the_cap(policy, known.sources),
        *unfounded(policy, known.sources),
        *protected(policy, known.dictionary),
        *household(policy),
        *without_a_reason(policy, known.reasons),
        *unfair(policy),
    ]


@rule("R-POLICY-06")
def gaps(policy: Policy, hit: Mapping[int, Case]) -> Iterator[Finding]:
    """A case that no row answers."""
    if NO_ROW in hit:
        yield Finding("R-POLICY-06", 0, f"no row answers {case_said(policy, hit[NO_ROW])}")


@rule("R-POLICY-06")
def dead_rows(policy: Policy, hit: Mapping[int, Case]) -> Iterator[Finding]:
    """A row that decides no case, because the rows before it take all of its."""
    for place in range(len(policy.table.rows)):
        if place not in hit:
            yield Finding("R-POLICY-06", place + 1, "no case reaches this row")


@rule("R-POLICY-07")
def overlaps(policy: Policy) -> Iterator[Finding]:
    """Two rows that cross, though each case is to have one row only."""
    table = policy.table
    if policy.says.hit == FIRST:
        return
    for place, later in enumerate(table.rows):
        for before, earlier in enumerate(table.rows[:place]):
            both = crossing(table, earlier, later)
            if both:
                case = ", ".join(
                    f"{feature.name} {said(cell, feature, policy.says.currency)}"
                    for feature, cell, first, second in zip(
                        table.inputs, both, earlier.cells, later.cells, strict=True
                    ) if (first, second) != (None, None)
                )  # fmt: skip
                detail = f"row {before + 1} holds too where {case}"
                yield Finding("R-POLICY-07", place + 1, detail)


def crossing(table: Table, one: Row, other: Row) -> tuple[Cell, ...]:
    """The cases that both rows take; nothing where there are none."""
    found = []
    for place, (first, second) in enumerate(zip(one.cells, other.cells, strict=True)):
        domain = table.domain(place)
        cell = within(first or domain, second or domain)
        if not cell:
            return ()
        found.append(cell)
    return tuple(found)


@rule("R-POLICY-09")
def broken_guards(policy: Policy) -> Iterator[Finding]:
    """A row that gives more or less than a guard lets, in a case that reaches it."""
    for guard in policy.guards:
        for place, case in reached(policy.table, guard.box).items():
            if place == NO_ROW:
                continue
            value = policy.table.rows[place].then[guard.output]
            if not guard.least <= value <= guard.most:
                feature = policy.table.outputs[guard.output]
                detail = (
                    f"{feature.name} {value_said(value, feature, policy.says.currency)} is outside"
                    f" of a guard ({guard.source}), for {case_said(policy, case)}"
                )
                yield Finding("R-POLICY-09", place + 1, detail)


@rule("R-POLICY-09")
def above_the_cap(policy: Policy, sources: Sources) -> Iterator[Finding]:
    """A row that gives more than the law of the place allows on the day from which it holds."""
    for output, says in enumerate(policy.says.outputs):
        if not says.capped_by:
            continue
        feature = policy.table.outputs[output]
        caps = [
            (value_of(each.limits[says.capped_by], feature, policy.says.currency, each.id), each.id)
            for each in sources.values()
            if each.jurisdiction == policy.says.jurisdiction and says.capped_by in each.limits
            and each.holds_on(policy.says.effective_on)
        ]  # fmt: skip
        if not caps:
            yield Finding("R-POLICY-09", 0, f"no law that holds sets {says.capped_by}")
            continue
        most, by = min(caps)
        for place, row in enumerate(policy.table.rows):
            if row.then[output] > most:
                yield Finding("R-POLICY-09", place + 1, f"{feature.name} is above what {by} allows")


@rule("R-POLICY-08")
def unfounded(policy: Policy, sources: Sources) -> Iterator[Finding]:
    """A source that is not in the register, or not law on the day from which the policy holds."""
    for name in {*policy.says.sources, *(each.source for each in policy.guards)}:
        if name not in sources:
            yield Finding("R-POLICY-08", 0, f"{name} is not in the register of sources")
        elif not sources[name].holds_on(policy.says.effective_on):
            yield Finding("R-POLICY-08", 0, f"{name} does not hold on that day")


@rule("R-POLICY-10")
def protected(policy: Policy, dictionary: Dictionary) -> Iterator[Finding]:
    """An attribute that no decision may ask for, or one that stands for it."""
    for each in policy.table.inputs:
        if each.protected:
            yield Finding("R-POLICY-10", 0, f"{each.name} is protected")
        elif each.proxy_of:
            names = ", ".join(name for name in each.proxy_of if name in dictionary)
            yield Finding("R-POLICY-10", 0, f"{each.name} stands for {names}")


@rule("R-POLICY-11")
def household(policy: Policy) -> Iterator[Finding]:
    """A price that asks for anything of a household."""
    if policy.says.decides == PRICE:
        for each in policy.table.inputs:
            if each.source == HOUSEHOLD:
                yield Finding("R-POLICY-11", 0, f"{each.name} is of a household")


@rule("R-POLICY-12")
def without_a_reason(policy: Policy, reasons: Reasons) -> Iterator[Finding]:
    """A reason that is not known, or about nothing that led to the row."""
    table = policy.table
    asked: set[str] = set()
    for place, row in enumerate(table.rows):
        asked |= {
            feature.name for feature, cell in zip(table.inputs, row.cells, strict=True)
            if cell is not None
        }  # fmt: skip
        for name in row.because:
            if name not in reasons:
                yield Finding("R-POLICY-12", place + 1, f"there is no reason {name}")
            elif not asked & set(reasons[name].about):
                yield Finding("R-POLICY-12", place + 1, f"nothing that was asked is about {name}")
        if not row.because:
            yield Finding("R-POLICY-12", place + 1, "a row gives a reason")


@rule("R-POLICY-13")
def unfair(policy: Policy) -> Iterator[Finding]:
    """Somebody who is better in one thing, and else the same, is given less.

    For each input with a better side: cases that two rows decide and that differ in it alone.
    """
    for place, feature in enumerate(policy.table.inputs):
        if feature.better:
            yield from _unfair_in(policy, place)


def _unfair_in(policy: Policy, place: int) -> Iterator[Finding]:
    table, currency = policy.table, policy.says.currency
    feature = table.inputs[place]
    steps = sorted(known_steps(table, place), reverse=feature.better == "lower")
    seen: set[tuple[int, int]] = set()
    for worse, better in pairwise(steps):
        for (less, more), case in pairs(table, place, worse, better).items():
            if NO_ROW in (less, more) or (less, more) in seen:
                continue
            seen.add((less, more))
            for output, says in enumerate(table.outputs):
                one, other = table.rows[less].then[output], table.rows[more].then[output]
                if says.better and (other < one if says.better == "higher" else other > one):
                    detail = (
                        f"{says.name} is worse than in row {less + 1} for who is better in"
                        f" {feature.name} ({value_said(better, feature, currency)}), else"
                        f" {case_said(policy, case)}"
                    )
                    yield Finding("R-POLICY-13", more + 1, detail)


def case_said(policy: Policy, case: Case) -> str:
    """A case in words."""
    return ", ".join(
        f"{feature.name} {value_said(value, feature, policy.says.currency)}"
        for feature, value in zip(policy.table.inputs, case, strict=True)
    )
