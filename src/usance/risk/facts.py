"""Facts: what may be recorded of a borrower, and what is known at a moment. Pure.

A fact names a feature of the dictionary and says a value with its unit. It is never changed: a
newer one stands in its place, and so does a correction. What is known at a moment rests on what had
been recorded by then and on agreements as they stood then; nothing that came later is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.cells import number_of
from usance.policy.dictionary import CHOICE, YES_NO, Dictionary, Feature
from usance.risk.facts_policy import BUREAU, Row, sources_text

Value: TypeAlias = str | bool
SYSTEM = "usance"
"""Who records what a bureau answered to this book."""
UNKNOWN = "missing"
"""How a correction says that nothing is known after all."""
ADULT_YEARS = 18
"""Civil Code of the PRC, art. 17 and 18."""
CHECKS = "10X98765432"
REFERENCE_MAX = 200


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """A fact that somebody wants recorded; never printed.

    ``value``: true or false, a choice, or a number with its unit as policies write it.
    ``other_id``: of a household, the borrower on its other side. ``corrects``: a fact of the same
    name in whose place this one stands.
    """

    name: str
    source: str
    value: Value
    observed_at: datetime
    reference: str = ""
    other_id: int = 0
    corrects: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a feature. ``fact_id``: 0 for what is reckoned from the book's own rows."""

    value: int | None
    source: str
    observed_at: datetime
    fact_id: int = 0
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A fact as it is stored, without what it says.

    ``agreed``: whether every agreement that it rests on stood, without a break, at the moment that
    is asked about.
    """

    fact_id: int
    name: str
    source: str
    observed_at: datetime
    recorded_at: datetime
    valid_until: datetime
    corrects: int = 0
    agreed: bool = True


# -- recording -------------------------------------------------------------------------------------


@rule("R-FACT-01", "R-FACT-03")
def feature_of(given: Given, dictionary: Dictionary) -> Feature:
    """The feature that a fact is about. Raises ``Refused``."""
    feature = dictionary.get(given.name)
    if feature is None:
        raise Refused("R-FACT-01", "the feature dictionary knows no such feature", "name")
    if feature.protected or feature.proxy_of:
        detail = f"{feature.name} is nothing that anybody is judged by, so it is not recorded"
        raise Refused("R-FACT-03", detail, "name")
    if feature.source != given.source:
        detail = f"{feature.name} is told by {feature.source}, and by nobody else"
        raise Refused("R-FACT-01", detail, "source")
    if len(given.reference) > REFERENCE_MAX or not given.reference.isprintable():
        detail = f"a reference has at most {REFERENCE_MAX} printable characters"
        raise Refused("R-FACT-01", detail, "reference")
    return feature


@rule("R-FACT-02")
def value_of(given: Value, feature: Feature, currency: str) -> int:
    """The whole number that a value stands for. Raises ``Refused`` without repeating it."""
    if feature.type == YES_NO:
        if not isinstance(given, bool) and given not in ("true", "false"):
            raise _unfit(feature, "it is true or false")
        return int(given in (True, "true"))
    if isinstance(given, bool):
        raise _unfit(feature, "it is no question")
    if feature.type == CHOICE:
        if given not in feature.of:
            raise _unfit(feature, f"it is one of {', '.join(feature.of)}")
        return feature.of.index(given)
    try:
        value = number_of(given, feature, currency)
    except Refused as error:  # its words repeat the value
        raise _unfit(feature, f"it is a number in {feature.unit}, written with its unit") from error
    if not feature.least <= value <= feature.most:
        raise _unfit(feature, f"it lies from {feature.least} to {feature.most} of the least unit")
    return value


def _unfit(feature: Feature, why: str) -> Refused:
    return Refused("R-FACT-02", f"the value does not fit {feature.name}: {why}", "value")


@rule("R-FACT-04")
def check_recorder(actor: str, row: Row | None, source: str, corrects: int) -> Row:
    """Who records may; a correction is entered by staff too. The row. Raises ``Refused``."""
    if row is None:
        detail = f"nobody records what {source} tells; of {sources_text()} somebody may"
        raise Refused("R-FACT-04", detail, "source")
    kind = BUREAU if actor == SYSTEM else actor.partition(":")[0]
    if kind not in row.by and not (corrects and kind == "staff"):
        detail = f"what {source} tells is recorded by {', '.join(row.by)}"
        raise Refused("R-FACT-04", detail, "source")
    return row


@rule("R-FACT-08")
def end_of(observed_at: datetime, now: datetime, row: Row) -> datetime:
    """Until when what was observed is good. Raises ``Refused``."""
    if observed_at.tzinfo is None:
        raise Refused("R-FACT-08", "a moment is written with its offset", "observed_at")
    if observed_at > now:
        raise Refused("R-FACT-08", "nothing is observed in the future", "observed_at")
    end = observed_at + timedelta(days=row.days)
    if end <= now:
        detail = f"what {row.source} tells is good for {row.days} days"
        raise Refused("R-FACT-08", detail, "observed_at")
    return end


@rule("R-FACT-09")
def check_correction(given: Given, old: Kept | None, *, corrected: bool) -> None:
    """What is corrected is there, of the same name, and not corrected already."""
    if old is None or old.name != given.name or old.source != given.source:
        raise Refused("R-FACT-09", "there is no such fact of that name", "corrects")
    if corrected:
        detail = "the fact is corrected already: correct the newer one"
        raise Refused("R-FACT-09", detail, "corrects")


@rule("R-FACT-05", "R-FACT-11")
def check_sides(given: Given, borrower_id: int, row: Row) -> None:
    """Only what is of a household has another side, and that is somebody else."""
    if row.both_sides and not given.other_id:
        raise Refused("R-FACT-05", "a household has another side", "other_id")
    if given.other_id and (not row.both_sides or given.other_id == borrower_id):
        raise Refused("R-FACT-05", "only what is of a household has another side", "other_id")


# -- knowing ---------------------------------------------------------------------------------------


@rule("R-FACT-06", "R-FACT-07")
def standing(kept: Iterable[Kept], at: datetime) -> dict[str, Kept]:
    """By feature, the fact that is known at a moment.

    The newest observation counts, or what corrected it. One that has expired, or whose agreement
    has ended, leaves nothing: what it superseded does not come back.
    """
    by_then = [each for each in kept if each.recorded_at <= at]
    corrected = {each.corrects for each in by_then}
    newest: dict[str, Kept] = {}
    for each in by_then:
        other = newest.get(each.name)
        if each.fact_id not in corrected and (other is None or _age(other) < _age(each)):
            newest[each.name] = each
    return {n: each for n, each in newest.items() if each.agreed and at < each.valid_until}


def _age(kept: Kept) -> tuple[datetime, datetime, int]:
    return kept.observed_at, kept.recorded_at, kept.fact_id


@rule("R-FACT-10")
def of_age(identity_number: str, on: date) -> bool | None:
    """Whether a resident identity number is of an adult on a day; None where it does not say."""
    born = born_on(identity_number)
    if born is None or born > on:
        return None
    before = (on.month, on.day) < (born.month, born.day)
    return on.year - born.year - before >= ADULT_YEARS


def born_on(identity_number: str) -> date | None:
    """The birthday in a resident identity number of 18 characters whose check is right."""
    digits, check = identity_number[:17], identity_number[17:]
    if len(digits) < 17 or not (digits.isascii() and digits.isdigit()):
        return None
    if check != check_of(digits):
        return None
    try:
        return date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return None


def check_of(digits: str) -> str:
    """The last character of an identity number, of the 17 before it (GB 11643-1999)."""
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(digits))
    return CHECKS[total % 11]


def told(known: Mapping[str, Known]) -> dict[str, int]:
    """As decisions ask for them: the values that there are."""
    return {name: each.value for name, each in known.items() if each.value is not None}
