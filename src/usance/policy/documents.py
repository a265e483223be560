"""A policy as a document: what it decides, over which inputs, by which rows, and why.

What a document says is read into a table of whole numbers once; whatever is wrong with it is
refused by the rule that it breaks and the place where it does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import msgspec
from msgspec import Struct

from usance.core.money import DECIMALS
from usance.core.refusals import Refused, without_values
from usance.core.rules import rule
from usance.policy.cells import Cell, cell_of, number_of
from usance.policy.dictionary import (
    CHOICE,
    INTEGER,
    YES_NO,
    Better,
    Dictionary,
    Feature,
    Type,
    Unit,
    unsound,
)
from usance.policy.tables import Row, Table

PRICE = "price"
FIRST = "first"
Decides = Literal["open", "limit", "draw", "tier", "extension", "warning", "price"]
Said = str | int | bool
FORM = "R-POLICY-02"


class OutputSays(Struct, frozen=True, forbid_unknown_fields=True):
    """What a row gives. ``caps``: the limit of law that it stays under, by the register's word."""

    name: str
    type: Type
    meaning: dict[str, str]
    unit: Unit = ""
    of: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    better: Better = ""
    capped_by: str = ""

    @property
    def feature(self) -> Feature:
        """The same as an entry of the dictionary."""
        return Feature(
            self.name, self.type, "policy", self.meaning, "refuse", self.unit, self.of,
            self.least, self.most, self.better,
        )  # fmt: skip


class RowSays(Struct, frozen=True, forbid_unknown_fields=True):
    """One row; without ``when`` it holds always."""

    then: dict[str, Said]
    when: dict[str, Any] = {}
    because: tuple[str, ...] = ()


class GuardSays(Struct, frozen=True, forbid_unknown_fields=True):
    """What no row may give, where ``when`` holds: less than ``least``, more than ``most``."""

    output: str
    source: str
    least: str = ""
    most: str = ""
    when: dict[str, Any] = {}


class PolicySays(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The document itself.

    ``hit``: the ``first`` row whose conditions hold decides, or it must be the ``only`` one.
    """

    id: str
    version: int
    effective_on: date
    decides: Decides
    jurisdiction: str
    currency: str
    title: dict[str, str]
    sources: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[OutputSays, ...]
    rows: tuple[RowSays, ...]
    guards: tuple[GuardSays, ...] = ()
    hit: Literal["first", "only"] = "first"


@dataclass(frozen=True, slots=True)
class Guard:
    """A limit on an output: its place, from where to where, under which conditions, and by what."""

    output: int
    least: int
    most: int
    box: tuple[Cell | None, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A document with its table and guards, and the digest of what it says."""

    says: PolicySays
    table: Table
    guards: tuple[Guard, ...]
    digest: str

    @property
    def name(self) -> str:
        """Which version of which policy."""
        return f"{self.says.id} {self.says.version}"


@rule(FORM)
def policy_in(document: Any, dictionary: Dictionary) -> Policy:
    """A document, read. Raises ``Refused``."""
    try:
        says = msgspec.convert(document, PolicySays)
    except msgspec.ValidationError as error:
        raise Refused(FORM, without_values(str(error)), "") from error
    _sound(says)
    inputs = tuple(_known(name, dictionary) for name in says.inputs)
    outputs = tuple(each.feature for each in says.outputs)
    rows = tuple(
        _row(each, f"rows[{n}]", inputs, outputs, says.currency) for n, each in enumerate(says.rows)
    )
    guards = tuple(
        _guard(each, f"guards[{n}]", inputs, outputs, says.currency)
        for n, each in enumerate(says.guards)
    )
    return Policy(says, Table(inputs, outputs, rows), guards, digest_of(says))


def digest_of(says: PolicySays) -> str:
    """SHA-256 of the document with its names in order: what was approved is what decides."""
    return hashlib.sha256(msgspec.json.encode(says, order="deterministic")).hexdigest()


def _sound(says: PolicySays) -> None:
    wrong = {
        "id": not says.id or not says.id.replace("-", "").isalnum() or not says.id.isascii(),
        "version": says.version < 1,
        "currency": says.currency not in DECIMALS,
        "title": set(says.title) != {"en", "zh"} or not all(says.title.values()),
        "sources": not says.sources,
        "inputs": len(set(says.inputs)) < len(says.inputs),
        "outputs": not says.outputs or len({e.name for e in says.outputs}) < len(says.outputs),
        "rows": not says.rows,
    }
    for path, is_wrong in wrong.items():
        if is_wrong:
            raise Refused(FORM, f"`{path}` does not say what it must", path)
    for each in says.outputs:
        if detail := unsound(each.feature):
            raise Refused(FORM, f"{each.name}: {detail}", "outputs")


def _known(name: str, dictionary: Dictionary) -> Feature:
    if name not in dictionary:
        raise Refused(FORM, "an input is not in the feature dictionary", "inputs")
    return dictionary[name]


def _row(
    says: RowSays, path: str, inputs: Sequence[Feature], outputs: Sequence[Feature], currency: str
) -> Row:
    if set(says.then) != {each.name for each in outputs}:
        raise Refused(FORM, "a row gives every output, and nothing else", f"{path}.then")
    then = tuple(
        value_of(says.then[each.name], each, currency, f"{path}.then") for each in outputs
    )
    return Row(_box(says.when, f"{path}.when", inputs, currency), then, says.because)


def _box(
    when: Mapping[str, Any], path: str, inputs: Sequence[Feature], currency: str
) -> tuple[Cell | None, ...]:
    names = [each.name for each in inputs]
    if not set(when) <= set(names):
        raise Refused(FORM, "a condition is on something that is no input", path)
    try:
        return tuple(
            cell_of(when[each.name], each, currency) if each.name in when else None
            for each in inputs
        )
    except Refused as refused:
        raise _at(refused, path) from refused


@rule("R-POLICY-03")
def value_of(given: Said, feature: Feature, currency: str, path: str) -> int:
    """What a row gives, as a whole number. Raises ``Refused``."""
    try:
        if feature.type == INTEGER and not isinstance(given, bool):
            value = number_of(str(given), feature, currency)
        else:
            ((value, _),) = cell_of(given, feature, currency)
    except Refused as refused:
        raise _at(refused, path) from refused
    if not any(low <= value <= high for low, high in feature.values):
        raise Refused("R-POLICY-03", f"{feature.name} is out of its range", path)
    return value


def _at(refused: Refused, path: str) -> Refused:
    """The same, with the place in the document."""
    found = refused.refusal
    return Refused(found.rule, found.detail, f"{path}.{found.path}")


def _guard(
    says: GuardSays, path: str, inputs: Sequence[Feature], outputs: Sequence[Feature], currency: str
) -> Guard:
    names = [each.name for each in outputs]
    if says.output not in names or not (says.least or says.most):
        raise Refused(FORM, "a guard sets an end to an output", path)
    place = names.index(says.output)
    feature = outputs[place]
    if feature.type in (CHOICE, YES_NO):
        raise Refused(FORM, "a guard is on a number", path)
    low, high = feature.values[0]
    least = value_of(says.least, feature, currency, path) if says.least else low
    most = value_of(says.most, feature, currency, path) if says.most else high
    return Guard(place, least, most, _box(says.when, path, inputs, currency), says.source)
