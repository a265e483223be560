"""The JSON terms, checked, as the kernel's integers. Everything out of range stops here."""

from dataclasses import dataclass

from usance.contract import documents as shape
from usance.contract.records import (
    BULLET,
    EQUAL_INSTALMENT,
    EQUAL_PRINCIPAL,
    INTEREST_FIRST,
    KEEP_INSTALMENT,
    LAST,
    LINE,
    LOWER_INSTALMENT,
    NEXT,
    OVERDUE_STEPS_MAX,
    SHORTEN,
    SPREAD,
    STEPS_MAX,
    TERM,
    WATERFALLS_MAX,
    Terms,
)
from usance.contract.schedule import Fee, Plan, restructured
from usance.core.days import ACTUAL, ACTUAL_ACTUAL, THIRTY_360, WHOLE_PERIOD, ordinal
from usance.core.money import (
    AMOUNT_MAX,
    DECIMALS,
    DOWN,
    HALF_EVEN,
    HALF_UP,
    PRODUCT_ROOM,
    RATE_ONE,
    UP,
    parse_decimal,
)
from usance.core.refusals import Refused
from usance.core.rules import rule

INSTALMENTS_MAX = 480
DAYS_MAX = 40 * 366

AMORTISATION = {
    "equal_instalment": EQUAL_INSTALMENT,
    "equal_principal": EQUAL_PRINCIPAL,
    "interest_first": INTEREST_FIRST,
    "bullet": BULLET,
}
COUNT = {
    "actual/365": (ACTUAL, 365),
    "actual/360": (ACTUAL, 360),
    "actual/364": (ACTUAL, 364),
    "actual/actual": (ACTUAL_ACTUAL, 365 * 366),
    "30/360": (THIRTY_360, 360),
    "whole_period": (WHOLE_PERIOD, 0),
}
ROUNDING = {"half_even": HALF_EVEN, "half_up": HALF_UP, "up": UP, "down": DOWN}
FUTURE = {"next": NEXT, "last": LAST, "spread": SPREAD}
EARLY = {
    "keep_instalment": KEEP_INSTALMENT,
    "shorten": SHORTEN,
    "lower_instalment": LOWER_INSTALMENT,
}
COMPONENTS = {"penalty": 0, "fee": 1, "interest": 2, "principal": 3}


@dataclass(frozen=True, slots=True)
class Agreed:
    """Terms as the kernel has them, with what only the edges need."""

    terms: Terms
    currency: str
    plan: Plan | None = None
    opened_on: int = 0
    statement_day: int = 1
    limit: int = 0
    rate_form: str = ""

    @property
    def decimals(self) -> int:
        """Of the currency's minor unit."""
        return DECIMALS[self.currency]


@rule("R-DOC-01")
def day(text: str, path: str) -> int:
    """A day as an ordinal, 1900 to 2199."""
    try:
        found = ordinal(text)
    except ValueError as error:
        raise Refused("R-DOC-01", "not a day (YYYY-MM-DD)", path) from error
    if not 693_596 <= found <= 803_168:
        raise Refused("R-RANGE-01", "the day must lie in the years 1900 to 2199", path)
    return found


@rule("R-DOC-01")
def decimal(text: str, path: str) -> None:
    """Refuse what is not a plain decimal number, whatever its size."""
    try:
        parse_decimal(text, len(text))
    except ValueError as error:
        raise Refused("R-DOC-01", str(error), path) from error


@rule("R-AMT-01")
def amount(text: str, decimals: int, path: str, *, least: int = 1) -> int:
    """Minor units of a decimal string."""
    decimal(text, path)
    try:
        units = parse_decimal(text, decimals)
    except ValueError as error:
        raise Refused("R-AMT-01", str(error), path) from error
    if units < least:
        raise Refused("R-AMT-01", "the amount must be positive", path)
    if units > AMOUNT_MAX:
        raise Refused("R-RANGE-01", "the amount is beyond what the kernel holds", path)
    return units


@rule("R-RATE-01")
def rate(text: str, path: str) -> int:
    """A rate per 10^8, from 0 to 1 per unit of its time, 10 for an annual one."""
    try:
        found = parse_decimal(text, 8)
    except ValueError as error:
        raise Refused("R-DOC-01", str(error), path) from error
    if not 0 <= found <= 10 * RATE_ONE:
        raise Refused("R-RANGE-01", "a rate lies between 0 and 10", path)
    return found


def exactly_one(path: str, **given: object) -> str:
    """The one name that is given."""
    present = [name for name, value in given.items() if value is not None]
    if len(present) != 1:
        raise Refused("R-DOC-01", f"exactly one of {', '.join(given)} is needed", path)
    return present[0]


def between(value: int, low: int, high: int, path: str) -> int:
    """A whole number within its range."""
    if not low <= value <= high:
        raise Refused("R-RANGE-01", f"must lie between {low} and {high}", path)
    return value


@rule("R-RATE-01")
def rate_of(form: shape.Rate, path: str) -> tuple[str, int]:
    """The form chosen and its rate per 10^8."""
    chosen = exactly_one(path, annual=form.annual, daily=form.daily, period=form.period)
    found = rate(str(getattr(form, chosen)), f"{path}.{chosen}")
    if chosen == "daily" and found > RATE_ONE:
        raise Refused("R-RANGE-01", "a rate above 1 per night", path)
    return chosen, found


@rule("R-RATE-01", "R-COUNT-01")
def interest(
    form: shape.Rate, count: str, months: int, days: int, spans: int, terms: Terms
) -> None:
    """Rate, basis and count into ``terms``; ``spans`` steps make a period (a bullet's row)."""
    chosen, found = rate_of(form, "terms.rate")
    if chosen == "daily":
        terms.count, terms.basis, terms.rate = ACTUAL, 1, found
    elif chosen == "period":
        terms.count, terms.basis, terms.rate = WHOLE_PERIOD, 1, found * spans
    elif count == "whole_period":
        terms.count = WHOLE_PERIOD
        terms.basis, times = (365, days) if days else (12, months)
        terms.rate = found * times * spans
    else:
        terms.count, terms.basis = COUNT[count]
        terms.rate = found


@rule("R-PEN-01")
def penalty(given: shape.Penalty | None, terms: Terms) -> None:
    """Penalty rate, steps and grace into ``terms``."""
    if given is None:
        return
    path = "terms.penalty"
    terms.grace = between(given.grace_days, 0, 90, f"{path}.grace_days")
    terms.penalty_with_interest = int(given.on == "principal_and_interest")
    chosen = exactly_one(path, daily=given.daily, annual=given.annual)
    terms.penalty_basis = 1 if chosen == "daily" else 365
    steps = [(1, rate(str(getattr(given, chosen)), f"{path}.{chosen}"))]
    for i, each in enumerate(given.steps):
        where = f"{path}.steps[{i}]"
        between(each.from_day, steps[-1][0] + 1, 3660, f"{where}.from_day")
        steps.append((each.from_day, rate(each.daily, f"{where}.daily") * terms.penalty_basis))
    between(len(steps), 1, STEPS_MAX, f"{path}.steps")
    if max(step_rate for _, step_rate in steps) > RATE_ONE * terms.penalty_basis:
        raise Refused("R-RANGE-01", "a rate above 1 per night", path)
    terms.penalty_count = len(steps)
    padded = steps + [(0, 0)] * (STEPS_MAX - len(steps))
    terms.penalty_from = tuple(start for start, _ in padded)
    terms.penalty_rate = tuple(step_rate for _, step_rate in padded)


def packed(order: tuple[str, ...], path: str) -> int:
    """An order of the four components, two bits each."""
    if sorted(order) != sorted(COMPONENTS):
        raise Refused("R-DOC-01", "order names each of the four components once", path)
    return sum(COMPONENTS[name] << (2 * slot) for slot, name in enumerate(order))


@rule("R-ALLOC-01", "R-ALLOC-02")
def allocation(given: shape.Allocation, terms: Terms) -> None:
    """Waterfalls into ``terms``: normal, by days past due ascending, charged off."""
    path = "terms.allocation"
    falls = [(0, given.by, packed(given.order, path))]
    for i, each in enumerate(given.when):
        where = f"{path}.when[{i}]"
        if each.from_day is None:
            raise Refused("R-DOC-01", "from_day is missing", where)
        between(each.from_day, falls[-1][0] + 1, 3660, f"{where}.from_day")
        falls.append((each.from_day, each.by, packed(each.order, where)))
    if given.charged_off is not None:
        off = given.charged_off
        falls.append((-1, off.by, packed(off.order, f"{path}.charged_off")))
    between(len(falls), 1, WATERFALLS_MAX, f"{path}.when")
    terms.waterfalls = len(falls)
    falls += [(0, "instalment", 0)] * (WATERFALLS_MAX - len(falls))
    terms.waterfall_from = tuple(start for start, _, _ in falls)
    terms.waterfall_by = tuple(int(by == "component") for _, by, _ in falls)
    terms.waterfall_order = tuple(order for _, _, order in falls)
    terms.future = FUTURE[given.future]


def common(given: shape.Common, terms: Terms) -> None:
    """What both kinds share."""
    if given.currency not in DECIMALS:
        raise Refused("R-DOC-01", "unknown currency", "terms.currency")
    terms.rounding = ROUNDING[given.rounding]
    terms.first, terms.last = int(given.day_ends.first), int(given.day_ends.last)
    terms.statement_counts = int(given.day_ends.statement)
    terms.non_accrual = between(given.non_accrual_days, 1, 3660, "terms.non_accrual_days")
    penalty(given.penalty, terms)
    allocation(given.allocation, terms)
    between(len(given.reminders), 0, 4, "terms.reminders")
    between(len(given.overdue_notices), 0, OVERDUE_STEPS_MAX, "terms.overdue_notices")
    for days_before in given.reminders:
        between(days_before, 0, 60, "terms.reminders")
    for days_late in given.overdue_notices:
        between(days_late, 1, 3660, "terms.overdue_notices")
    terms.reminders, terms.overdue_steps = len(given.reminders), len(given.overdue_notices)
    terms.reminder = (*given.reminders, *(0,) * (4 - terms.reminders))
    terms.overdue_step = (
        *given.overdue_notices,
        *(0,) * (OVERDUE_STEPS_MAX - terms.overdue_steps),
    )


def fees(given: tuple[shape.FeeTerm, ...], decimals: int) -> tuple[Fee, ...]:
    """Fees of the terms (R-FEE-01)."""
    found = []
    for i, each in enumerate(given):
        path = f"terms.fees[{i}]"
        if exactly_one(path, amount=each.amount, rate=each.rate) == "amount":
            found.append(Fee(amount(str(each.amount), decimals, path, least=0), 0, each.at))
        else:
            found.append(Fee(0, rate(str(each.rate), path), each.at))
    return tuple(found)


@rule("R-RANGE-01")
def check_products(terms: Terms, most: int, nights: int) -> None:
    """No product of the kernel may leave 64 bits: amount x rate, remainder x weight."""
    rates = [terms.rate, *terms.penalty_rate]
    base = most
    if terms.penalty_with_interest:
        base += interest_most(terms, most)
    if max(rates) * most >= PRODUCT_ROOM or max(terms.penalty_rate) * base >= 2 * PRODUCT_ROOM:
        raise Refused("R-RANGE-01", "principal times rate is beyond what the kernel holds", "terms")
    below = max(terms.basis, 1) * RATE_ONE
    if terms.count == WHOLE_PERIOD:
        below *= nights
    weight = nights * (366 if terms.count == ACTUAL_ACTUAL else 1)
    if below * (weight + 2) >= 2 * PRODUCT_ROOM:
        raise Refused("R-RANGE-01", "a period this long is beyond what the kernel holds", "terms")


def interest_most(terms: Terms, principal: int) -> int:
    """More than all interest of a contract at its longest."""
    if terms.count == WHOLE_PERIOD:
        return principal * terms.rate * INSTALMENTS_MAX // (terms.basis * RATE_ONE)
    weight = DAYS_MAX * (366 if terms.count == ACTUAL_ACTUAL else 1)
    return principal * terms.rate * weight // (terms.basis * RATE_ONE)


@rule("R-SCHED-01")
def first_due_day(given: shape.TermTerms, disbursed_on: int) -> int:
    """The first due day where one is agreed; else 0."""
    if given.first_due_on is None:
        return 0
    found = day(given.first_due_on, "terms.first_due_on")
    if found <= disbursed_on:
        detail = "the first due day must follow the pay-out"
        raise Refused("R-RANGE-01", detail, "terms.first_due_on")
    return found


def agree_term(given: shape.TermTerms) -> Agreed:
    """Checked terms of a cash loan or a plan."""
    terms = Terms(kind=TERM)
    common(given, terms)
    decimals = DECIMALS[given.currency]
    step = exactly_one("terms.every", months=given.every.months, days=given.every.days)
    months, days = given.every.months or 0, given.every.days or 0
    between(months or days, 1, 120 if step == "months" else 3660, "terms.every")
    n = between(given.instalments, 1, INSTALMENTS_MAX, "terms.instalments")
    terms.amortisation = AMORTISATION[given.amortisation]
    terms.flat = int(given.interest_method == "flat")
    terms.early = EARLY[given.early_repayment]
    bullet = terms.amortisation == BULLET
    interest(given.rate, given.day_count, months, days, n if bullet else 1, terms)
    if given.instalment_unit is not None:
        terms.unit = amount(given.instalment_unit, decimals, "terms.instalment_unit")
    disbursed_on = day(given.disbursed_on, "terms.disbursed_on")
    first_due_on = first_due_day(given, disbursed_on)
    principal = amount(given.principal, decimals, "terms.principal")
    plan = Plan(
        principal, disbursed_on, n, months, days, first_due_on, False, fees(given.fees, decimals)
    )
    if n * (months * 31 + days) > DAYS_MAX + 366:
        raise Refused("R-RANGE-01", "the contract runs longer than 40 years", "terms.instalments")
    ends = plan.due_days()
    if ends[-1] - disbursed_on > DAYS_MAX:
        raise Refused("R-RANGE-01", "the contract runs longer than 40 years", "terms.instalments")
    check_first_period(terms, plan, ends)
    starts = [disbursed_on, *ends[:-1]]
    longest = max(b - a for a, b in zip(starts, ends, strict=True))
    check_products(terms, principal, (ends[-1] - disbursed_on if bullet else longest) + 2)
    form, _ = rate_of(given.rate, "terms.rate")
    return Agreed(terms, given.currency, plan, opened_on=disbursed_on, rate_form=form)


@rule("R-RESTR-01", "R-RANGE-01")
def check_restructuring(
    terms: Terms, plan: Plan, instalments: int, new_rate: int, first: int, path: str
) -> None:
    """The new plan must stay within the ranges of the first one; ``first``: days to its first due.

    0 stands for one step.
    """
    terms, plan = restructured(terms, plan, instalments, new_rate, 0)
    step = plan.months * 31 + plan.days
    whole = instalments * step + first
    if whole > DAYS_MAX:
        raise Refused("R-RANGE-01", "the plan runs longer than 40 years", f"{path}.instalments")
    nights = whole if terms.amortisation == BULLET else max(step, first)
    check_products(terms, plan.principal, nights + 2)


def check_first_period(terms: Terms, plan: Plan, ends: list[int]) -> None:
    """With neither day end counting, a first period of one day would have no night."""
    start = plan.disbursed_on - (terms.first + terms.last - 1)
    if start >= ends[0]:
        raise Refused("R-RANGE-01", "the first period has no night that counts", "terms.day_ends")


def agree_line(given: shape.StatementTerms, first_event: int) -> Agreed:
    """Checked terms of a pay-later line."""
    terms = Terms(kind=LINE)
    common(given, terms)
    decimals = DECIMALS[given.currency]
    statement_day = between(given.statement_day, 1, 31, "terms.statement_day")
    if given.due_after_days is not None:
        terms.due_after = between(given.due_after_days, 1, 60, "terms.due_after_days")
        if given.due_day is not None:
            raise Refused("R-DOC-01", "either due_day or due_after_days", "terms.due_day")
    terms.due_day = between(10 if given.due_day is None else given.due_day, 1, 31, "terms.due_day")
    if given.day_count in ("actual/actual", "30/360", "whole_period") or given.rate.period:
        raise Refused("R-RANGE-01", "a line counts actual days on a fixed basis", "terms.day_count")
    interest(given.rate, given.day_count, 1, 0, 1, terms)
    terms.posting = int(given.interest_from == "posting_day")
    terms.full_bill = int(given.interest_on == "full_bill")
    terms.compound = int(given.compound)
    if terms.posting == 0 and (terms.first, terms.last) != (1, 0):
        raise Refused(
            "R-RANGE-01", "day ends other than the first need interest from the posting day",
            "terms.day_ends",
        )  # fmt: skip
    terms.minimum_rate = rate(given.minimum.rate, "terms.minimum.rate")
    if terms.minimum_rate > RATE_ONE:
        raise Refused("R-RANGE-01", "the minimum is at most the whole", "terms.minimum.rate")
    terms.minimum_floor = amount(given.minimum.floor, decimals, "terms.minimum.floor", least=0)
    terms.minimum_of_bill = int(given.minimum.of == "bill")
    limit = amount(given.limit, decimals, "terms.limit") if given.limit is not None else 0
    opened_on = first_event
    if given.opened_on is not None:
        opened_on = day(given.opened_on, "terms.opened_on")
    return Agreed(
        terms, given.currency, None, opened_on=opened_on, statement_day=statement_day, limit=limit
    )
