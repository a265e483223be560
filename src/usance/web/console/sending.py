"""How notices leave: what waits, how providers fare, breakers and their history, a notice's way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get

from usance.core.identifiers import parse
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.notices.own import LAST
from usance.notices.queue_sql import minute_of
from usance.web.charts import Chart, Series
from usance.web.console import normal, notice_words
from usance.web.console.deeds import Deed, Place, routes_of
from usance.web.console.forms import Field
from usance.web.console.render import Asked, Word, services, show, translated
from usance.web.problems import not_found
from usance.web.security import needs

SENDING = "/console/notices"
PAGE = 50
TENS, STEPS = 3, 48
"""Ten minutes thrice a step of the graph, which is a day long."""


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


REASON = Field("reason", _("Reason"), "words", hint=_("It is kept with the breaker's history."))
GO_ON = Deed("close", _("Close the breaker"),
             _("What it stopped goes on in its order, as the gate lets it."), (REASON,))
LET_FALL = Deed("drop", _("Close it and drop what it stopped"),
                _("What it stopped is never sent; it stays on record."), (REASON,), grave=True)


@get("/notices", opt=needs("notices:read"))
async def sending(request: Asked) -> Response[str]:
    """Everything at a glance."""
    room = services(request).notices
    health, now = room.health, services(request).clock.now()
    breakers, watched = await normal.breakers(request, health)
    return await show(
        request, "sending.html", breakers=breakers, watched=watched, policy=health.policy,
        watches=health.watches, figures=await normal.figures(request, health),
        providers=await health.providers(),
        history=normal.labelled(request, await health.history()),
        waiting=await health.waiting(), graph=await graph(request, now), going=room.delivery,
    )  # fmt: skip


async def graph(request: Asked, now: datetime) -> Chart:
    """What was sent and what failed in the last day, on all channels."""
    minutes = TENS * 10
    first = minute_of(now) // minutes - STEPS + 1
    rows = await services(request).notices.health.figures(first * minutes - 1)
    sent, failed = [0] * STEPS, [0] * STEPS
    for row in rows:
        place = row["ten"] // TENS - first
        if row["kind"] == "channel" and 0 <= place < STEPS:
            sent[place] += row["sent"]
            failed[place] += row["failed"] + row["bounced"]
    labels = [f"{at // 60 % 24:02}:{at % 60:02}"
              for at in range(first * minutes, (first + STEPS) * minutes, minutes)]  # fmt: skip
    words = translated(request, _("{sent} sent, {failed} failed, within a day"))
    return Chart(
        "stacked", translated(request, _("Notices of the last day")),
        words.format(sent=sum(sent), failed=sum(failed)), translated(request, _("Time (UTC)")),
        labels, [Series(translated(request, _("sent")), sent),
                 Series(translated(request, _("failed")), failed)],
        lambda value: f"{value:,}", wide=True,
    )  # fmt: skip


@get("/borrowers/{borrower:str}/notices", opt=needs("contracts:read"))
async def of_borrower(request: Asked, borrower: Word) -> Response[str]:
    """Everything that was planned to be told to a borrower, newest first."""
    number = id_of("borrower", borrower)
    if not await services(request).borrowers.exists(number):
        raise not_found("borrower")
    before = request.query_params.get("before", "")
    start = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else LAST
    rows = await services(request).notices.own.all(number, start, PAGE + 1)
    return await show(
        request, "notices_of.html", borrower=number, rows=rows[:PAGE],
        next=rows[PAGE - 1]["notice_id"] if len(rows) > PAGE else 0,
    )  # fmt: skip


@get("/borrowers/{borrower:str}/notices/{notice:str}", opt=needs("contracts:read"))
async def notice_page(request: Asked, borrower: Word, notice: Word) -> Response[str]:
    """What happened to one notice, with everything that the gate asked."""
    number = id_of("borrower", borrower)
    steps = await services(request).notices.own.steps(number, id_of("notice", notice))
    if not steps:
        raise not_found("notice")
    return await show(
        request, "notice.html", borrower=number, notice=notice, steps=[traced(s) for s in steps]
    )


def traced(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step with its trace read."""
    trace: Sequence[Any] = msgspec.json.decode(step["trace"])
    return dict(step) | {"trace": trace}


def id_of(kind: str, text: str) -> int:
    """The number of an id in an address."""
    try:
        return parse(kind, text)
    except ValueError as error:
        raise not_found(kind) from error


async def the_breaker(request: Asked) -> Place:
    """Which breaker the address means."""
    kind, name = request.path_params["kind"], request.path_params["name"]
    for row in await services(request).notices.health.breakers():
        if (row["kind"], row["name"]) == (kind, name):
            called = normal.label(request, kind, name)
            words = f"{translated(request, notice_words.BREAKER_KINDS[kind])} {called}"
            return Place(words, SENDING, {"kind": kind, "name": name})
    raise not_found("breaker")


async def close(request: Asked, place: Place, values: dict[str, Any], asking: Asking) -> Answer:
    """What it stopped goes on."""
    return await services(request).notices.health.close(
        place.known["kind"], place.known["name"], values["reason"], asking
    )


async def drop(request: Asked, place: Place, values: dict[str, Any], asking: Asking) -> Answer:
    """What it stopped is dropped."""
    return await services(request).notices.health.close(
        place.known["kind"], place.known["name"], values["reason"], asking, drop=True
    )


ADDRESS = "/notices/breakers/{kind:str}/{name:str}/do"
HANDLERS = [
    sending, of_borrower, notice_page,
    *routes_of(f"{ADDRESS}/close", "notices:write", GO_ON, the_breaker, close),
    *routes_of(f"{ADDRESS}/drop", "notices:write", LET_FALL, the_breaker, drop),
]  # fmt: skip
