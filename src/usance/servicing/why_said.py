"""Why a statement said what it said: its row as issued, opened into what was asked until then.

A statement is named by its cycle. What became of the cycle later does not change these figures.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from usance.contract import records as r
from usance.contract.replay import Issued
from usance.servicing.why_dues import (
    PARTS,
    PAYING,
    Entry,
    Explanation,
    Trace,
    complete,
    entry_of,
    of_asked,
    of_paid,
)

Said = Mapping[str, Any]


def opened(found: Trace, figure: str, n: int) -> Explanation | None:
    """The explanation of a figure of the statement of cycle ``n``; None if there is none."""
    part = figure.removeprefix("stated-")
    if part in PARTS:
        return of_stated_part(found, n, part)
    return FIGURES[figure](found, n) if figure in FIGURES else None


def issues(found: Trace) -> dict[int, tuple[int, Issued]]:
    """By cycle: the step that issued it, and the statement as the replay has it."""
    steps = [i for i, s in enumerate(found.steps) if s.event and s.event.kind == r.STATEMENT]
    return {said.n: (i, said) for i, said in zip(steps, found.state.issued, strict=True)}


def of_stated_part(found: Trace, n: int, part: str) -> Explanation:
    """One component of a statement: asked until it was issued, less what was paid until then."""
    place, issued = issues(found)[n]
    before = replace(found, steps=found.steps[: place + 1])
    asked, paid = of_asked(before, issued.due, part), of_paid(before, issued.due, part)
    entries = asked.entries + [replace(each, amount=-each.amount) for each in paid.entries]
    figure = Explanation(f"stated-{part}", n, found.said[n][part], entries, ran=asked.ran)
    return complete(figure, found)


def of_stated(found: Trace, n: int) -> Explanation:
    """Everything that is new in a statement."""
    said = found.said[n]
    entries = [
        Entry("asked", said[part], on=day_of(said), component=part, figure=f"stated-{part} {n}",
              rule="R-LINE-01")
        for part in PARTS if said[part]
    ]  # fmt: skip
    return Explanation("stated", n, sum(each.amount for each in entries), entries)


def of_balance(found: Trace, n: int) -> Explanation:
    """R-STMT-02: what is new, what earlier statements left unpaid, less the credit balance."""
    said, fresh = found.said[n], of_stated(found, n)
    earlier = said["balance"] + said["credit"] - fresh.amount
    entries = [
        *fresh.entries, Entry("earlier", earlier, rule="R-STMT-02"),
        Entry("less-credit", -said["credit"], rule="R-STMT-02"),
    ]  # fmt: skip
    return Explanation("statement", n, said["balance"], [e for e in entries if e.amount])


def of_least(found: Trace, n: int) -> Explanation:
    """What a statement asks for at least: of its own cycle, and what earlier ones still require."""
    said, (_, issued) = found.said[n], issues(found)[n]
    least = said["required"] - said["plans_due"]
    own = issued.due.required
    entries = [
        Entry("required", own, on=day_of(said), n=n, figure=f"required {n}", rule="R-MIN-01"),
        Entry("earlier", least - own, rule="R-MIN-01"),
    ]  # fmt: skip
    return Explanation("least", n, least, [e for e in entries if e.amount])


def of_received(found: Trace, n: int) -> Explanation:
    """What was paid of a cycle since its statement."""
    place, issued = issues(found)[n]
    due = next(d for d in found.state.dues if d.n == n)
    entries = []
    for step in found.steps[place + 1 :]:
        for effect in step.effects:
            source, component = divmod(effect.kind, 8)
            if effect.n == issued.n and source in PAYING and component < r.CREDIT:
                entries.append(entry_of(step, effect, source, component))
    return complete(Explanation("received", n, due.received, entries), found)


def of_event(found: Trace, seq: int) -> Explanation | None:
    """The event of a statement is what is new in it."""
    cycle = next((n for n, said in found.said.items() if said["event_seq"] == seq), None)
    return None if cycle is None else replace(of_stated(found, cycle), figure="event", n=seq)


def day_of(said: Said) -> int:
    """The day of a statement."""
    issued_on: int = said["issued_on"].toordinal()
    return issued_on


FIGURES = {
    "stated": of_stated, "statement": of_balance, "least": of_least, "received": of_received,
}  # fmt: skip
WORDS = {figure.partition("-")[0] for figure in FIGURES}
