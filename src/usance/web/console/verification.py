"""Forged messages: alarms about asks in vain, what was asked by the hour, reports."""

from datetime import UTC, datetime
from typing import Any

from litestar import Response, get

from usance.core.identifiers import written
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.web.charts import Chart, Series
from usance.web.console.deeds import Deed, Place, routes_of
from usance.web.console.forms import Field
from usance.web.console.render import Asked, Word, identifier, services, show, translated
from usance.web.security import needs
from usance.web.services import GenuineRoom

HERE = "/console/verification"
LAST = 2**63 - 1
ALARMS, REPORTS, HOURS = 20, 50, 24


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


REASON = Field("reason", _("Reason"), "text", hint=_("4 to 500 characters, about nobody."))
SEEN = Deed("seen", _("Acknowledge the alarm"),
            _("You have looked, and say what it was. It comes down by itself."), (REASON,))
CLOSE = Deed("close", _("Close the report"),
             _("You have looked, and say what came of it. Its words are destroyed later."),
             (REASON,))
HEADS = {"title": _("Asks by the hour"), "hour": _("Hour"), "found": _("found"),
         "missed": _("in vain"), "refused": _("refused"),
         "summary": _("How often somebody asked whether a notice is genuine, in the last day (UTC)."
                      " Asks in vain rise when forged messages are about.")}  # fmt: skip


def room(request: Asked) -> GenuineRoom:
    """The use cases."""
    return services(request).genuine


@get("/verification", opt=needs("notices:read"))
async def verification_page(request: Asked) -> Response[str]:
    """Alarms, the last day, and reports."""
    found = room(request)
    before = number_of(request.query_params.get("before", ""))
    rows = await found.reports.all(before, REPORTS + 1)
    return await show(
        request, "verification.html", alarms=await found.watch.alarms(LAST, ALARMS),
        chart=await asks_chart(request), rows=rows[:REPORTS], written=str,
        next=rows[REPORTS - 1]["report_id"] if len(rows) > REPORTS else 0,
    )  # fmt: skip


def number_of(text: str) -> int:
    """Where older reports begin; the newest if it cannot be read."""
    return min(int(text), LAST) if text.isascii() and text.isdigit() and len(text) < 20 else LAST


async def asks_chart(request: Asked) -> Chart:
    """What became of asks, hour by hour."""
    rows = await room(request).watch.by_hour(HOURS)
    said = {name: translated(request, words) for name, words in HEADS.items()}
    hours = [datetime.fromtimestamp(row["hour"] * 3600, UTC) for row in rows]
    series = [Series(said[each], [row[each] for row in rows])
              for each in ("missed", "found", "refused")]  # fmt: skip
    return Chart(
        "stacked", said["title"], said["summary"], said["hour"],
        [f"{each:%H:%M}" for each in hours], series, str, wide=True,
    )  # fmt: skip


@get("/verification/reports/{report:str}", opt=needs("notices:write"))
async def report_page(request: Asked, report: Word) -> Response[str]:
    """A report with its words."""
    found = await room(request).reports.one(identifier("report", report))
    return await show(request, "suspicious_report.html", report=found)


async def the_alarm(request: Asked) -> Place:
    """The alarm of an address."""
    number = request.path_params["alarm"]
    await room(request).watch.alarm(min(number, LAST))
    return Place("", HERE, {"alarm": number})


async def acknowledge(
    request: Asked, place: Place, values: dict[str, Any], asking: Asking
) -> Answer:
    """Somebody has looked at the alarm."""
    return await room(request).watch.acknowledge(place.known["alarm"], values["reason"], asking)


async def the_report(request: Asked) -> Place:
    """The report of an address."""
    number = identifier("report", request.path_params["report"])
    await room(request).reports.one(number)
    text = written("report", number)
    return Place(text, f"{HERE}/reports/{text}", {"report": number})


async def close(request: Asked, place: Place, values: dict[str, Any], asking: Asking) -> Answer:
    """Somebody has looked at the report."""
    return await room(request).reports.close(place.known["report"], values["reason"], asking)


HANDLERS = [
    verification_page, report_page,
    *routes_of("/verification/alarms/{alarm:int}/acknowledge", "notices:write", SEEN, the_alarm,
               acknowledge),
    *routes_of("/verification/reports/{report:str}/close", "notices:write", CLOSE, the_report,
               close),
]  # fmt: skip
