"""The book as a whole: lateness by day, roll rates, vintages; and whether scorecards hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from litestar import Response, get

from usance.core.refusals import Refused
from usance.policy import shipped
from usance.risk import portfolio
from usance.risk.monitors import SCALE, Counts
from usance.risk.portfolio import BANDS, OVER_30, OVER_90, Rolls, Vintage, share
from usance.risk.score_watch import Monitored
from usance.servicing import read
from usance.web.charts import Chart, Series
from usance.web.console import warning_words as words
from usance.web.console.alerts import percent
from usance.web.console.overview import whole
from usance.web.console.render import Asked, language_of, money, services, show, translated
from usance.web.problems import ProblemError
from usance.web.security import needs

DAYS, LOSSES = 90, 365
LATE_BANDS = (1, 2, 3, 4)
AGES_MOST = 12
"""Months on book that a vintage shows."""
POINTS = 60
"""Days that a drawing has room for."""
Words = Callable[[str], str]


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


def day_asked(request: Asked) -> date | None:
    """As of which day; None: the last one. Raises ``Refused``."""
    text = request.query_params.get("as_of", "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Refused("R-FORM-03", "not a day (year-month-day)", "as_of") from error


@get("/portfolio", opt=needs("monitors:read"))
async def portfolio_page(request: Asked) -> Response[str]:
    """The book at the end of a closed day."""
    room, asked = services(request).warning.portfolio, day_asked(request)
    day = await room.day(asked)
    if day is None:
        return await show(request, "portfolio.html", day=None, asked=asked)
    parts, products = await room.parts(day), await read.products(services(request).pool)
    by_day = await room.by_day(day - timedelta(days=DAYS), day)
    rolls = await room.rolls(day)
    vintages = {band: await room.vintages(day, band) for band in (OVER_30, OVER_90)}

    def said(message: str) -> str:
        return translated(request, message)

    names = {str(p.product_id): p.name(language_of(request)) for p in products.values()}
    decimals = services(request).decimals
    return await show(
        request, "portfolio.html", day=day, asked=asked, parts=parts,
        figures=portfolio.figures(parts, rolls, vintages[OVER_30]), percent=percent,
        late=late_chart(by_day, decimals, said), rolls=rolls, bands=band_names(said),
        roll_chart=roll_chart(rolls, said) if rolls else None,
        vintages=[vintage_chart(found, band, said) for band, found in vintages.items()],
        held=concentration(parts, names, said), losses=await room.losses(
            day - timedelta(days=LOSSES), day),
        money_of=lambda units: money(units, decimals),
    )  # fmt: skip


def band_names(said: Words) -> list[str]:
    """Of all bands."""
    return [said(each) for each in words.BANDS]


def late_chart(rows: Sequence[Any], decimals: int, said: Words) -> Chart:
    """Principal that is late, by day and band."""
    days = sorted({row["day"] for row in rows})[-POINTS:]
    sums = {(row["day"], row["band"]): row["principal"] for row in rows}
    names = band_names(said)
    return Chart(
        "stacked", said(_("Late principal by day")),
        said(_("Unpaid principal of contracts by how many days they were late at the end of each"
               " measured day. What is not late is left out: it would dwarf the rest.")),
        said(_("Day")), [each.isoformat() for each in days],
        [Series(names[band], [sums.get((each, band), 0) for each in days]) for band in LATE_BANDS],
        whole(decimals), wide=True,
    )  # fmt: skip


def roll_chart(rolls: Rolls, said: Words) -> Chart:
    """From band to band, as shares of the row."""
    names = band_names(said)
    series = [
        Series(names[before], [rolls.rate(before, now) for now in BANDS])
        for before in BANDS if sum(rolls.counts[before])
    ]  # fmt: skip
    text = said(_("Each row is the contracts that were so many days late on {first}; its columns"
                  " say which share of them was how late on {last}. In the first column is also"
                  " what was settled since."))  # fmt: skip
    return Chart(
        "heat", said(_("Roll rates")), text.format(first=rolls.first, last=rolls.last),
        said(_("Days late now")), names, series, percent, wide=True,
    )  # fmt: skip


def vintage_chart(vintages: Sequence[Vintage], band: int, said: Words) -> Chart:
    """By month of opening and months on book, the share ever so late; -1: not there yet."""
    title = said(_("Ever more than 30 days late")) if band == OVER_30 else said(
        _("Ever more than 90 days late"))  # fmt: skip
    shown = [each for each in vintages if each.contracts][-AGES_MOST:]
    most = min(max((len(each.ever) for each in shown), default=1), AGES_MOST + 1)
    series = [
        Series(f"{each.month:%Y-%m}", [*each.shares[:most], *[-1] * (most - len(each.shares))])
        for each in shown
    ]  # fmt: skip
    text = said(_("Each row is the contracts opened in a month; its columns say which share of them"
                  " was ever so late, by months on book."))  # fmt: skip
    return Chart(
        "heat", title, text, said(_("Months on book")), [str(n) for n in range(most)], series,
        share_or_none, wide=True,
    )  # fmt: skip


def share_or_none(value: int) -> str:
    """A share in percent with one decimal; a dash where there is none."""
    return "–" if value < 0 else f"{value // 100}.{value % 100 // 10}%"


def concentration(
    parts: Sequence[portfolio.Part], names: dict[str, str], said: Words
) -> list[tuple[str, str, str, list[tuple[str, int, str]]]]:
    """(kind, largest, evenness, parts with principal and share) of each way to look at it."""
    kinds = {"product": said(_("Product")), "month": said(_("Month of opening")),
             "band": said(_("Days late"))}  # fmt: skip
    bands = band_names(said)
    named: dict[str, Callable[[str], str]] = {
        "product": lambda name: names.get(name, name), "month": str,
        "band": lambda name: bands[int(name)],
    }
    found = []
    for kind, held in portfolio.concentrations(parts).items():
        rows = [
            (named[kind](name), units, percent(share(units, held.total)))
            for name, units in held.parts
        ]
        found.append((kinds[kind], percent(held.largest), percent(held.squares), rows))
    return found


# -- scorecards ------------------------------------------------------------------------------------


@get("/scores", opt=needs("monitors:read"))
async def scores_page(request: Asked) -> Response[str]:
    """Every scorecard that scores: what moved, what came of it, which reasons were told."""
    book = await read.book(services(request).pool)
    if book is None:
        raise ProblemError(404, "R-BOOK-01", "there is no book yet")
    day = day_asked(request) or book.business_date
    room = services(request).warning.scores
    found = await room.all(day)

    def said(message: str) -> str:
        return translated(request, message)

    return await show(
        request, "scores.html", day=day, policy=room.policy.scores, percent=percent,
        cards=[(each, score_chart(each, said), reason_chart(request, each, said))
               for each in found],
        index=index, meaning=lambda name: meaning(request, name), bands=band_of,
    )  # fmt: skip


def index(value: int | None) -> str:
    """PSI or CSI, as it is usually told."""
    return "–" if value is None else f"{value // SCALE}.{value % SCALE:04}"


def band_of(edges: Counts, place: int) -> str:
    """A band of points in words."""
    if place == 0:
        return f"≤ {edges[0]}"
    return f"> {edges[-1]}" if place == len(edges) else f"{edges[place - 1] + 1}–{edges[place]}"


def meaning(request: Asked, name: str) -> str:
    """What a feature is."""
    feature = shipped.dictionary().get(name)
    return feature.meaning[language_of(request)] if feature else name


def score_chart(card: Monitored, said: Words) -> Chart | None:
    """How scores spread, then and now, as shares."""
    moved = card.moved
    if moved is None:
        return None
    labels = [band_of(moved.edges, place) for place in range(len(moved.now))]
    then = said(_("in its first days")) if moved.first_days else said(_("when it was made"))
    series = [Series(said(_("lately")), shares_of(moved.now))]
    if moved.before:
        series.insert(0, Series(then, shares_of(moved.before)))
    return Chart(
        "line", said(_("Spread of scores")),
        said(_("Which share of those scored was in each band of points.")), said(_("Points")),
        labels, series, percent, wide=True,
    )  # fmt: skip


def shares_of(counts: Counts) -> list[int]:
    """Of a whole."""
    return [share(each, sum(counts)) for each in counts]


def reason_chart(request: Asked, card: Monitored, said: Words) -> Chart | None:
    """The mix of reasons by month."""
    if not card.reasons:
        return None
    months = card.reasons[-12:]
    names = sorted({name for _month, found in months for name, _share in found})
    known, language = shipped.reasons(), language_of(request)
    series = [
        Series(reason_said(known, name, language),
               [dict(found).get(name, 0) for _month, found in months])
        for name in names
    ]  # fmt: skip
    return Chart(
        "heat", said(_("Reasons by month")),
        said(_("Of all reasons that were told in a month, the share of each.")), said(_("Month")),
        [month for month, _found in months], series, share_or_none, wide=True,
    )  # fmt: skip


def reason_said(known: Any, name: str, language: str) -> str:
    """A reason in words, short enough for a drawing."""
    if name not in known:
        return name
    text: str = known[name].zh if language == "zh" else known[name].en
    return text


HANDLERS = [portfolio_page, scores_page]
