"""Early warning: alerts with what was found, the book as a whole, and whether scorecards hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Literal

from msgspec import Struct

from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.identity.once import Answer
from usance.risk import portfolio
from usance.risk.alerts import CLOSED, OPEN, TAKEN, Told
from usance.risk.early_warning import STATES
from usance.risk.portfolio import Concentration, Part, Rolls, Vintage
from usance.risk.score_watch import Monitored
from usance.risk.warning_policy import LEVELS, Outcome
from usance.servicing import read as models
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.paging import CURSOR_MAX, PageQuery, position
from usance.web.api.values import spelled
from usance.web.problems import not_found

DAYS = 90
"""Of lateness by day, that are told."""
MONTHS = 365
"""Days of write-offs, that are told."""
NUMBERS = {name: number for number, name in STATES.items()}


class AlertQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Which alerts: of a state (without one those that are not closed), a signal, a borrower."""

    state: Literal["open", "acknowledged", "closed", "all", ""] = ""
    signal: str = ""
    borrower_id: str = ""


class AlertView(Struct):
    """An alert. ``borrower_id`` null: it is about the whole book.

    ``usual``: of a signal the alerts a day on a million borrowers, of a monitor the usual share in
    hundredths of a percent; null while it is not known.
    """

    alert_id: str
    borrower_id: str | None
    signal: str
    level: str
    raised_on: str
    at: str
    evidence: dict[str, Any]
    threshold: dict[str, Any]
    policy: str
    usual: int | None
    state: str
    owner: str | None
    taken_at: str | None
    closed_at: str | None
    outcome: str
    reason: str


class AlertsView(Struct):
    """A page of alerts, and how signals wear on those who look."""

    items: list[AlertView]
    next: str | None
    fatigue: list[Told]


class AlertCloseBody(Struct, forbid_unknown_fields=True):
    """What it was, and a reason of that outcome from the policy."""

    outcome: Outcome
    reason: str


class MonitorQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """As of which day; the last that was measured if it is not said."""

    as_of: date | None = None


class PartView(Struct):
    """Of a product, a month of opening and a band of lateness."""

    product_id: int
    opened: str
    band: int
    contracts: int
    principal: str


class RollsView(Struct):
    """Contracts by their band at the end of the month before (rows) and now (columns)."""

    since: str
    counts: list[list[int]]


class VintageView(Struct):
    """Of the contracts of a month, how many were ever so late, by months on book."""

    month: str
    contracts: int
    over_30: list[int]
    over_90: list[int]


class ConcentrationView(Struct):
    """Principal by part; shares in hundredths of a percent."""

    parts: dict[str, str]
    largest: int
    squares: int


class BandDay(Struct):
    """A band on a day."""

    day: str
    band: int
    contracts: int
    principal: str


class LossView(Struct):
    """What was written off in a month, and what came back of what had been."""

    month: str
    losses: str
    recoveries: str


class PortfolioView(Struct):
    """The book at the end of a day that was measured."""

    as_of: str
    parts: list[PartView]
    rolls: RollsView | None
    vintages: list[VintageView]
    concentration: dict[str, ConcentrationView]
    by_day: list[BandDay]
    losses: list[LossView]


class ScorecardsView(Struct):
    """Scorecards that scored somebody, as of a day."""

    as_of: str
    scorecards: list[Monitored]


@read("/v1/alerts", "alerts:read")
async def alerts(asked: Asked[AlertQuery]) -> AlertsView:
    """Alerts, the newest first, and how signals wear on those who look."""
    room, query = asked.services.warning.alerts, asked.query
    before, limit = position(query, CURSOR_MAX), query.limit
    rows = await room.page(
        before, limit, states_of(query.state), signal=query.signal, borrower_id=of_whom(query)
    )
    more = str(rows[-1]["alert_id"]) if len(rows) == limit else None
    return AlertsView([alert_view(row) for row in rows], more, await room.fatigue())


def states_of(name: str) -> Sequence[int]:
    """The states that a word asks for."""
    if name in NUMBERS:
        return (NUMBERS[name],)
    return (OPEN, TAKEN, CLOSED) if name == "all" else (OPEN, TAKEN)


def of_whom(query: AlertQuery) -> int:
    """Whose alerts are asked for; below 0: everybody's, and those of the book."""
    if not query.borrower_id:
        return -1
    try:
        return parse("borrower", query.borrower_id)
    except ValueError as error:
        raise Refused("R-DOC-01", "not the id of a borrower", "borrower_id") from error


@read("/v1/alerts/{alert_id}", "alerts:read")
async def alert(asked: Asked[Empty]) -> AlertView:
    """One alert with what was found, and by what."""
    return alert_view(await asked.services.warning.alerts.one(asked.at["alert_id"]))


def alert_view(row: Any) -> AlertView:
    """An alert as the API says it."""
    return AlertView(
        spelled("alert", row["alert_id"]) or "", spelled("borrower", row["borrower_id"]),
        row["signal"], LEVELS[row["level"]], row["raised_on"].isoformat(), row["at"].isoformat(),
        row["evidence"], row["threshold"], row["policy"],
        row["usual"] if row["usual"] >= 0 else None, STATES[row["state"]],
        f"staff:{row['owner']}" if row["owner"] else None, moment(row["taken_at"]),
        moment(row["closed_at"]), row["outcome"], row["reason"],
    )  # fmt: skip


def moment(value: Any) -> str | None:
    """A moment that may be missing."""
    return value.isoformat() if value else None


@change("POST", "/v1/alerts/{alert_id}/take", "alerts:write")
async def take_alert(asked: Asked[Empty]) -> Answer:
    """Look after an alert from now on."""
    return await asked.services.warning.alerts.take(asked.at["alert_id"], asked.asking)


@change("POST", "/v1/alerts/{alert_id}/close", "alerts:write")
async def close_alert(asked: Asked[Empty], body: AlertCloseBody) -> Answer:
    """Say what an alert of one's own was."""
    room = asked.services.warning.alerts
    return await room.close(asked.at["alert_id"], body.outcome, body.reason, asked.asking)


@read("/v1/monitors/portfolio", "monitors:read")
async def portfolio_monitors(asked: Asked[MonitorQuery]) -> PortfolioView:
    """The book as it was at the end of a closed day: nothing that was booked later is in it."""
    room, day = asked.services.warning.portfolio, await day_of(asked)
    parts = await room.parts(day)
    over_30 = await room.vintages(day, portfolio.OVER_30)
    over_90 = await room.vintages(day, portfolio.OVER_90)
    rolls = await room.rolls(day)
    say = asked.money.say
    return PortfolioView(
        day.isoformat(), [part_view(each, say) for each in parts], rolls_view(rolls),
        [vintage_view(*pair) for pair in zip(over_30, over_90, strict=True)],
        {name: concentration_view(each, say)
         for name, each in portfolio.concentrations(parts).items()},
        [BandDay(row["day"].isoformat(), row["band"], row["contracts"], say(row["principal"]))
         for row in await room.by_day(day - timedelta(days=DAYS), day)],
        [LossView(row["month"], say(row["losses"]), say(row["recoveries"]))
         for row in await room.losses(day - timedelta(days=MONTHS), day)],
    )  # fmt: skip


async def day_of(asked: Asked[MonitorQuery]) -> date:
    """The last measured day up to the one that is asked for; 404 if there is none."""
    found = await asked.services.warning.portfolio.day(asked.query.as_of)
    if found is None:
        raise not_found("measured day", "as_of")
    return found


def part_view(part: Part, say: Any) -> PartView:
    """A row of a day."""
    return PartView(
        part.product_id, f"{part.opened:%Y-%m}", part.band, part.contracts, say(part.principal)
    )


def rolls_view(rolls: Rolls | None) -> RollsView | None:
    """Roll rates, as counts."""
    if rolls is None:
        return None
    return RollsView(rolls.first.isoformat(), [list(row) for row in rolls.counts])


def vintage_view(over_30: Vintage, over_90: Vintage) -> VintageView:
    """A month of opening."""
    return VintageView(
        f"{over_30.month:%Y-%m}", over_30.contracts, list(over_30.ever), list(over_90.ever)
    )


def concentration_view(found: Concentration, say: Any) -> ConcentrationView:
    """How principal lies."""
    parts = {name: say(each) for name, each in found.parts}
    return ConcentrationView(parts, found.largest, found.squares)


@read("/v1/monitors/scorecards", "monitors:read")
async def scorecard_monitors(asked: Asked[MonitorQuery]) -> ScorecardsView:
    """What moved against the making of each scorecard, what came of it, reasons by month."""
    book = await models.book(asked.services.pool)
    assert book is not None, "the application serves a book"
    on = asked.query.as_of or book.business_date
    return ScorecardsView(on.isoformat(), await asked.services.warning.scores.all(on))


