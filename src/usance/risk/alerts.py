"""When something asks for a look: signals of one borrower, marks of the whole book, fatigue. Pure.

An alert does nothing by itself: a person takes it, looks, and says what it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.documents import Policy
from usance.policy.tables import NO_ROW, failing, taken
from usance.risk.portfolio import share, usual_of
from usance.risk.warning_policy import LEVELS, Fatigue, WarningPolicy

Facts: TypeAlias = Mapping[str, int | None]
OPEN, TAKEN, CLOSED = 1, 2, 3
OUTCOMES = ("true", "false", "nothing")
BOOK = 0
"""In the place of a borrower: the alert is about the whole book."""
SURGE = "surge:"
"""Before a signal: of it, far more alerts than usual on a day."""
UNKNOWN = -1
"""What is usual, while there are too few days to say."""
RATE_OF = 1_000_000
"""What is usual of a signal is alerts a day on so many borrowers."""
LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert to be raised: what was found (``evidence``), and by what (``threshold``)."""

    borrower_id: int
    signal: str
    level: int
    evidence: dict[str, Any]
    threshold: dict[str, Any]
    policy: str
    usual: int = UNKNOWN


@rule("R-WARN-01")
def signals_of(
    policy: Policy, raised: Collection[str], borrower_id: int, facts: Facts
) -> list[Raised]:
    """The signals that a borrower gives: of each the most urgent row that holds.

    A signal is the first reason of a row; only those of ``raised`` are alerts. Every row is asked,
    so one signal does not hide another.
    """
    table = policy.table
    place = next(n for n, each in enumerate(table.outputs) if each.name == LEVEL)
    values = taken(table, facts)
    found: dict[str, Raised] = {}
    for number, row in enumerate(table.rows):
        signal, level = row.because[0], row.then[place]
        if level == 0 or signal not in raised or failing(row, values) != NO_ROW:
            continue
        if signal not in found or found[signal].level < level:
            when = policy.says.rows[number].when
            asked = {name: facts[name] for name in when}
            found[signal] = Raised(
                borrower_id, signal, level, asked, {"row": number + 1, "when": when}, policy.name
            )
    return sorted(found.values(), key=lambda each: (-each.level, each.signal))


def tier_drop(moves: Iterable[tuple[date, int, int]], on: date, days: int = 90) -> int:
    """By how many tiers somebody fell within so many days.

    ``moves``: (day, tier before, tier after), 0 the best, in any order. What was regained since is
    no fall.
    """
    lately = sorted(each for each in moves if on - timedelta(days=days) < each[0] <= on)
    if not lately:
        return 0
    best = min(lately[0][1], *(after for _, _, after in lately))
    return max(lately[-1][2] - best, 0)


# -- the whole book --------------------------------------------------------------------------------


@rule("R-PORT-05")
def book_alerts(
    policy: WarningPolicy, figures: Mapping[str, int], before: Sequence[Mapping[str, int]]
) -> list[Raised]:
    """Monitors that are over their mark on a day; ``before``: figures of the days before it."""
    if figures["contracts"] < policy.contracts_least:
        return []
    found = []
    for each in policy.monitors:
        usual = usual_of(before, each.signal, policy.usual_least)
        value = figures[each.signal]
        mark = max(each.floor, usual * each.times // 100)
        if value >= mark:
            evidence = {"share": value, "contracts": figures["contracts"]}
            threshold = {"mark": mark, "floor": each.floor, "times": each.times}
            level = LEVELS.index(each.level)
            found.append(
                Raised(BOOK, each.signal, level, evidence, threshold, policy.name, usual)
            )
    return found


@rule("R-WARN-02")
def usual_rates(
    days: Sequence[Mapping[str, int]], signals: Iterable[str], least: int
) -> dict[str, int]:
    """Alerts a day on a million borrowers, by signal; ``UNKNOWN`` from fewer than ``least`` days.

    ``days``: of each day the alerts by signal, and ``borrowers``, how many there were.
    """
    borrowers = sum(each["borrowers"] for each in days)
    if len(days) < least or not borrowers:
        return dict.fromkeys(signals, UNKNOWN)
    return {
        name: sum(each.get(name, 0) for each in days) * RATE_OF // borrowers for name in signals
    }


@rule("R-WARN-02")
def surges(
    policy: WarningPolicy, today: Mapping[str, int], before: Sequence[Mapping[str, int]]
) -> list[Raised]:
    """Signals of which there were far more alerts than usual on a day."""
    marks, found = policy.surge, []
    for name in policy.signals:
        days = [{name: each.get(name, 0)} for each in before]
        usual, count = usual_of(days, name, policy.usual_least), today.get(name, 0)
        mark = max(marks.least, usual * marks.times // 100)
        if len(days) >= policy.usual_least and count >= mark:
            threshold = {"mark": mark, "least": marks.least, "times": marks.times}
            level = LEVELS.index(marks.level)
            found.append(
                Raised(BOOK, SURGE + name, level, {"alerts": count}, threshold, policy.name, usual)
            )
    return found


# -- what a person does ----------------------------------------------------------------------------


@rule("R-WARN-04")
def check_take(state: int, owner: int, staff_id: int) -> None:
    """Whether somebody may take an alert: it is not closed, and not theirs already."""
    if state == CLOSED:
        raise Refused("R-WARN-04", "the alert is closed", "alert_id")
    if state == TAKEN and owner == staff_id:
        raise Refused("R-WARN-04", "the alert is yours already", "alert_id")


@rule("R-WARN-04")
def check_close(
    policy: WarningPolicy, state: int, owner: int, staff_id: int, outcome: str, reason: str
) -> None:
    """Whether somebody may close an alert: it is theirs, with an outcome and a reason of it."""
    if state != TAKEN or owner != staff_id:
        raise Refused("R-WARN-04", "whoever took the alert closes it: take it first", "alert_id")
    if outcome not in OUTCOMES:
        raise Refused("R-WARN-04", f"an outcome is of {', '.join(OUTCOMES)}", "outcome")
    reasons = policy.reasons[outcome]  # type: ignore[index]  # one of OUTCOMES
    if reason not in reasons:
        raise Refused("R-WARN-04", f"a reason is of {', '.join(reasons)}", "reason")


# -- fatigue ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Count:
    """Alerts of one signal within the days that are measured.

    ``seen_after``: median hours until somebody took one, None if nobody did. ``unseen``: of those
    ``ripe`` (older than the policy gives), how many nobody ever took.
    """

    signal: str
    raised: int
    closed: int
    true: int
    false: int
    ripe: int
    unseen: int
    seen_after: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A signal as it is shown. ``a_day``: alerts, in hundredths; shares in hundredths of a percent.

    ``precise``: of those closed, the share that was true; None while none is closed.
    """

    signal: str
    raised: int
    a_day: int
    closed: int
    precise: int | None
    false: int
    seen_after: int | None
    unseen: int
    noisy: bool


@rule("R-WARN-05")
def fatigue_of(count: Count, days: int, policy: Fatigue) -> Told:
    """How a signal wears on those who look. ``days``: how many were measured, at least one."""
    precise = share(count.true, count.closed) if count.closed else None
    noisy = (
        precise is not None and count.closed >= policy.closed_least and precise < policy.true_least
    )
    return Told(
        count.signal, count.raised, count.raised * 100 // max(days, 1), count.closed, precise,
        share(count.false, count.closed), count.seen_after, share(count.unseen, count.ripe), noisy,
    )  # fmt: skip


