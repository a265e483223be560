"""Why a number is what it is: a figure opened into base x rate x days, events and rules."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from usance.core.money import format_decimal
from usance.servicing import why as opened
from usance.servicing.why_dues import Entry
from usance.web.api.contracts import READ
from usance.web.api.endpoint import Asked, read
from usance.web.api.values import Money, iso
from usance.web.api.views import EVENT_KIND
from usance.web.problems import not_found

FIGURE = """One of `due-now`, `next-due`, `next-in-full`, `pay-off`, `running`, `credit`, `dpd`,
`unpaid-PART`; with the `number` of an event `event`; with the `number` of a due `asked`, `paid`,
`unpaid`, `required`, `still-due`, `asked-PART`, `paid-PART`; with the cycle of a statement
`statement`, `least`, `stated`, `stated-PART`, `received`. PART is principal, interest, fee or
penalty."""


class FigureQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which number of the contract is asked about."""

    figure: Annotated[str, Meta(min_length=1, max_length=40, description=FIGURE)]
    number: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class FigureView(Struct):
    """A figure that can be asked about in its turn."""

    figure: str
    number: int


class EntryView(Struct):
    """One line of an explanation: an amount, or a stretch of time (base x rate x days / basis).

    ``exact`` is the product with two more decimals than money has; ``opens`` leads further.
    """

    what: str
    on: str | None
    amount: str
    component: str | None
    due: int | None
    event: int | None
    event_kind: str | None
    base: str | None
    rate: str | None
    days: int | None
    basis: int | None
    exact: str | None
    rule: str | None
    opens: FigureView | None


class WhyView(Struct):
    """A figure of the business date; ``entries`` add up to it, ``ran`` is the time behind them.

    ``unit`` says what ``amount`` counts: money, or days.
    """

    figure: str
    number: int
    unit: str
    amount: str
    entries: list[EntryView]
    ran: list[EntryView]
    rules: list[str]


@read("/v1/contracts/{contract_id}/why", READ)
async def why(asked: Asked[FigureQuery]) -> WhyView:
    """Why a number is what it is: the entries, events, rates, days and rules that make it."""
    query = asked.query
    found = await opened.explain(
        asked.services.pool, asked.at["contract_id"], query.figure, query.number
    )
    if found is None:
        raise not_found("figure", "figure")
    money = asked.money if found.unit == "money" else Money("", 0)
    return WhyView(
        figure=found.figure, number=found.n, unit=found.unit, amount=money.say(found.amount),
        entries=[entry_view(each, money) for each in found.entries],
        ran=[entry_view(each, money) for each in found.ran], rules=found.rules,
    )  # fmt: skip


def entry_view(entry: Entry, money: Money) -> EntryView:
    """An entry; what does not apply to it is null."""
    figure, _, number = entry.figure.partition(" ")
    return EntryView(
        what=entry.what, on=iso(entry.on), amount=money.say(entry.amount),
        component=entry.component or None, due=entry.n or None, event=entry.seq or None,
        event_kind=EVENT_KIND[entry.kind] or None,
        base=money.say(entry.base) if entry.base else None,
        rate=format_decimal(entry.rate, 8) if entry.rate else None,
        days=entry.days or None, basis=entry.basis or None,
        exact=format_decimal(int(entry.exact), money.decimals + 2) if entry.exact else None,
        rule=entry.rule or None, opens=FigureView(figure, int(number or 0)) if figure else None,
    )  # fmt: skip
