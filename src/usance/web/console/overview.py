"""The book in sums: balances, ages, cash, and how much of what fell due is still unpaid later."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from litestar import Response, get

from usance.ledger import chart
from usance.platform.clock import SystemClock
from usance.servicing import read
from usance.web.charts import Chart, Series
from usance.web.console import labels
from usance.web.console.render import Asked, language_of, money, services, show, translated
from usance.web.problems import ProblemError
from usance.web.security import needs

KEPT_FOR = timedelta(seconds=20)
LATER = (0, 30, 60, 90)
Words = Callable[[str], str]


@dataclass(slots=True)
class Kept:
    """The sums last read, so that a page that many look at costs one reading."""

    at: datetime
    today: int
    overview: read.Overview


async def sums(request: Asked, today: int) -> Kept:
    """The book in sums, at most some seconds old."""
    state, now = request.app.state, SystemClock().now()
    kept: Kept | None = getattr(state, "overview", None)
    if kept and kept.today == today and timedelta(0) <= now - kept.at < KEPT_FOR:
        return kept
    found = Kept(now, today, await read.overview(services(request).pool, today))
    state.overview = found
    return found


@get("/", opt=needs("book:read"))
async def overview(request: Asked) -> Response[str]:
    """The first page."""
    pool = services(request).pool
    book = await read.book(pool)
    if book is None:
        raise ProblemError(404, "R-BOOK-01", "there is no book yet")
    kept = await sums(request, book.today)
    found = kept.overview
    products = await read.products(pool)

    def _(message: str) -> str:
        return translated(request, message)

    decimals, language = services(request).decimals, language_of(request)
    names = {p.product_id: p.name(language) for p in products.values()}
    return await show(
        request, "overview.html", found=found, read_at=kept.at, names=names,
        ages=age_table(found, names),
        late=sum(r["principal"] for r in found.ages if r["age"] > 0),
        principal=sum(r["principal"] for r in found.balances if r["status"] == 1),
        charts=charts(found, names, decimals, _), age_names=[_(each) for each in labels.AGES],
        money_of=lambda units: money(units, decimals),
        closes=await read.closes(pool, limit=5),
    )  # fmt: skip


def age_table(found: read.Overview, names: dict[int, str]) -> list[tuple[str, list[int]]]:
    """Principal by product and age."""
    sums = {(r["product_id"], r["age"]): r["principal"] for r in found.ages}
    kept = sorted({r["product_id"] for r in found.ages})
    return [(names[p], [sums.get((p, age), 0) for age in range(5)]) for p in kept]


def share_rows(found: read.Overview) -> list[tuple[str, dict[int, tuple[int, int]]]]:
    """By month: (asked, unpaid) at each age that its dues have all reached."""
    months: dict[str, dict[int, tuple[int, int]]] = {}
    for row in found.late_shares:
        months.setdefault(row["month"], {})[row["days"]] = (row["asked"], row["unpaid"])
    return sorted(months.items())


def charts(found: read.Overview, names: dict[int, str], decimals: int, _: Words) -> dict[str, Any]:
    """The drawings of the page."""
    return {
        "ages": ages_chart(found, names, decimals, _),
        "cash": cash_chart(found, decimals, _),
        "shares": shares_chart(found, _),
    }


def whole(decimals: int) -> Callable[[int], str]:
    """Whole units of the currency, for a chart's axis."""
    return lambda units: money(units, decimals).partition(".")[0]


def ages_chart(found: read.Overview, names: dict[int, str], decimals: int, _: Words) -> Chart:
    """Overdue principal by age and product; what is not overdue would dwarf it."""
    table = age_table(found, names)
    return Chart(
        "stacked", _("Overdue principal by age"),
        _("How much principal stands on contracts that are so many days past due, by product. "
          "What is not overdue is only in the table: it would dwarf the rest."),
        _("Days past due"),
        [_(each) for each in labels.AGES[1:]],
        [Series(name, values[1:]) for name, values in table], whole(decimals),
    )  # fmt: skip


def cash_chart(found: read.Overview, decimals: int, _: Words) -> Chart:
    """Money in and out by day."""
    days = sorted({r["booked_on"] for r in found.cash})
    net = {(r["booked_on"], r["account"]): r["debit"] - r["credit"] for r in found.cash}
    money_in = [net.get((d, chart.COLLECTIONS), 0) for d in days]
    clearing = (chart.LOANS_OUT, chart.MERCHANTS, chart.PAYOUTS)
    money_out = [-sum(net.get((d, account), 0) for account in clearing) for d in days]
    return Chart(
        "line", _("Cash in and out by day"),
        _("What came in each day (repayments and recoveries less charge-backs) and what went out "
          "(loans, purchases less refunds, pay-outs of credit balances)."),
        _("Day"), [d.isoformat() for d in days],
        [Series(_("In"), money_in), Series(_("Out"), money_out)], whole(decimals), wide=True,
    )  # fmt: skip


def shares_chart(found: read.Overview, _: Words) -> Chart:
    """Of what fell due in a month, how much was unpaid so many days later, in per mille.

    These are not roll rates: they follow amounts from their due day, not contracts between ages.
    """
    rows = share_rows(found)
    names = [_("{} days later").format(days) if days else _("On the due day") for days in LATER]
    series = [
        Series(name, [share(by_age.get(days)) for _, by_age in rows])
        for name, days in zip(names, LATER, strict=True)
    ]
    return Chart(
        "heat", _("Share still unpaid, by month of the due day"),
        _("Each column is all that fell due in a month. Its rows say which share of that was still "
          "unpaid at the end of the due day, and 30, 60 and 90 days later. It follows amounts, not "
          "contracts: a roll rate from one age to the next is another figure."),
        _("Due in"), [month for month, _ in rows], series, per_mille, wide=True,
    )  # fmt: skip


def share(pair: tuple[int, int] | None) -> int:
    """Unpaid per mille of what was asked; -1 where nothing has reached this age."""
    return 1000 * pair[1] // pair[0] if pair and pair[0] else -1


def per_mille(value: int) -> str:
    """Per mille as percent with one decimal; a dash for none."""
    if value < 0:
        return "–"
    return f"{value // 10}.{value % 10}%"


HANDLERS = [overview]
