"""Policies in the reader's language: rows as conditions and outcomes, what differs, findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from usance.policy import shipped
from usance.policy.cells import Cell, said, value_said
from usance.policy.dictionary import Feature
from usance.policy.diff import Difference, differences
from usance.policy.documents import Guard, Policy
from usance.policy.tables import Row


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


Gettext: TypeAlias = Callable[[str], str]
DECIDES = {
    "open": _("Opening a line"), "limit": _("Limit"), "draw": _("Drawing and buying"),
    "tier": _("Risk tier"), "extension": _("Extension"), "warning": _("Early warning"),
    "price": _("Price"),
}  # fmt: skip
"""What a policy decides."""
HITS = {"first": _("the first row that holds"), "only": _("the only row that holds")}
ROLES = {
    "champion": _("champion"), "challenger": _("challenger"), "shadow": _("shadow"),
    "retired": _("retired"),
}  # fmt: skip
JURISDICTIONS = {"CN": _("China"), "TW": _("Taiwan"), "EU": _("European Union"),
                 "US": _("United States"), "any": _("anywhere")}  # fmt: skip
IN_A_CONDITION = {
    "missing": _("not known"), "true": _("yes"), "false": _("no"), "day": _("day"),
    "days": _("days"), "month": _("month"), "months": _("months"), "or": _("or"),
    "any value": _("any value"), "never": _("never"), "no row": _("no row"),
    "granted": _("granted"), "refused": _("refused"), "person": _("a person decides"),
    "step_up": _("after one more step"), "none": _("none"), "watch": _("to be watched"),
    "look": _("to be looked at"),
}  # fmt: skip
"""Words that conditions and outcomes are written with, and what a reader is told."""
WORDS = re.compile(r"\b(any value|no row|" + "|".join(IN_A_CONDITION) + r")\b")
SIGNS = {">=": "≥", "<=": "≤", "..": "–"}


@dataclass(frozen=True, slots=True)
class Said:
    """A feature, by its meaning and its name, and what is said of it."""

    meaning: str
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class RowSaid:
    """A row; without conditions it holds always."""

    number: int
    conditions: Sequence[Said]
    outcomes: Sequence[Said]
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class GuardSaid:
    """A limit that no row goes beyond, and where it stands."""

    output: Said
    conditions: Sequence[Said]
    source: str


@dataclass(frozen=True, slots=True)
class ChangeSaid:
    """What differs: a sentence, and rows before and after where it is about one."""

    words: str
    before: RowSaid | None = None
    after: RowSaid | None = None


def worded(text: str, gettext: Gettext) -> str:
    """A condition or a value as the reader's language writes it."""
    for sign, drawn in SIGNS.items():
        text = text.replace(sign, drawn)
    return WORDS.sub(lambda found: gettext(IN_A_CONDITION[found[0]]), text)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says policies in a language, ``en`` or ``zh``."""

    language: str
    gettext: Gettext

    def rows(self, policy: Policy) -> list[RowSaid]:
        """Every row."""
        return [self.row(policy, row, n + 1) for n, row in enumerate(policy.table.rows)]

    def row(self, policy: Policy, row: Row, number: int) -> RowSaid:
        """One row, with the reasons that a borrower is told."""
        known = shipped.reasons()
        outcomes = [
            self._of(feature, value_said(value, feature, policy.says.currency))
            for feature, value in zip(policy.table.outputs, row.then, strict=True)
        ]
        reasons = [
            (known[each].zh if self.language == "zh" else known[each].en) if each in known else each
            for each in row.because
        ]
        return RowSaid(number, self._conditions(policy, row.cells), outcomes, reasons)

    def guards(self, policy: Policy) -> list[GuardSaid]:
        """Every guard."""
        return [self._guard(policy, each) for each in policy.guards]

    def _guard(self, policy: Policy, guard: Guard) -> GuardSaid:
        feature = policy.table.outputs[guard.output]
        within = ((guard.least, guard.most),)
        output = self._of(feature, said(within, feature, policy.says.currency))
        return GuardSaid(output, self._conditions(policy, guard.box), guard.source)

    def _conditions(self, policy: Policy, cells: Sequence[Cell | None]) -> list[Said]:
        return [
            self._of(feature, said(cell, feature, policy.says.currency))
            for feature, cell in zip(policy.table.inputs, cells, strict=True) if cell is not None
        ]  # fmt: skip

    def _of(self, feature: Feature, text: str) -> Said:
        return Said(feature.meaning[self.language], feature.name, worded(text, self.gettext))

    def changes(self, old: Policy, new: Policy) -> list[ChangeSaid]:
        """What differs between two versions."""
        return [self._change(old, new, each) for each in differences(old, new)]

    def _change(self, old: Policy, new: Policy, found: Difference) -> ChangeSaid:
        if found.what != "row":
            return ChangeSaid(self._head(old, new, found))
        before = self.row(old, found.before, found.row) if found.before else None
        after = self.row(new, found.after, found.row) if found.after else None
        message = _("Row {n} differs")
        if before is None:
            message = _("Row {n} is new")
        elif after is None:
            message = _("Row {n} of before is gone")
        return ChangeSaid(self.gettext(message).format(n=found.row), before, after)

    def _head(self, old: Policy, new: Policy, found: Difference) -> str:
        if found.name:
            return self.gettext(NAMED[found.what, found.gone]).format(name=found.name)
        return self.gettext(OF_THE_HEAD[found.what]).format(
            day=new.says.effective_on, before=old.says.effective_on,
            title=" / ".join(new.says.title.values()),
        )  # fmt: skip


NAMED = {
    ("inputs", False): _("It asks for {name}"), ("inputs", True): _("It does not ask for {name}"),
    ("sources", False): _("It rests on {name}"),
    ("sources", True): _("It does not rest on {name} any more"),
}  # fmt: skip
OF_THE_HEAD = {
    "day": _("It begins on {day}, the one before on {before}"),
    "title": _("It is called “{title}”"), "hit": _("Which row decides is said otherwise"),
    "outputs": _("What rows give is described otherwise"), "guards": _("Guards differ"),
}  # fmt: skip
