"""Alerts: what asks for a look, with what was found; who looks after it, and what it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Response, get

from usance.core.identifiers import written
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.policy import shipped
from usance.risk.alerts import CLOSED, OPEN, SURGE, TAKEN
from usance.risk.early_warning import EarlyWarning, staff_of
from usance.risk.monitors import SCALE
from usance.risk.score_watch import MOVED
from usance.web.console import fact_words
from usance.web.console import warning_words as words
from usance.web.console.deeds import Deed, Place, routes_of
from usance.web.console.forms import Field
from usance.web.console.render import (
    Asked,
    Word,
    identifier,
    language_of,
    money,
    services,
    session_of,
    show,
    translated,
)
from usance.web.i18n import translations
from usance.web.security import needs

HERE = "/console/alerts"
PAGE = 50
LAST = 2**63 - 1
VIEWS = {"open": (OPEN, TAKEN), "new": (OPEN,), "mine": (TAKEN,), "closed": (CLOSED,)}


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


TAKE = Deed("take", _("Look after it"),
            _("The alert is yours from now on. Nothing happens to the borrower by this."))
CLOSE = Deed("close", _("Close the alert"),
             _("You say what it was. Whatever should be done is proposed by itself, and a second"
               " person decides."))
YES, NO = _("yes"), _("no")


def room(request: Asked) -> EarlyWarning:
    """The use cases."""
    return services(request).warning.alerts


def percent(value: int) -> str:
    """Hundredths of a percent, as people read them."""
    return f"{value // 100}.{value % 100:02}%"


@get("/alerts", opt=needs("alerts:read"))
async def alerts_page(request: Asked) -> Response[str]:
    """Open alerts, or those that are asked for; and how signals wear on those who look."""
    view = request.query_params.get("view", "open")
    view = view if view in VIEWS else "open"
    before = request.query_params.get("before", "")
    start = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else LAST
    session = session_of(request)
    owner = staff_of(session.actor) if view == "mine" and session else 0
    rows = await room(request).page(start, PAGE + 1, VIEWS[view], owner=owner)
    return await show(
        request, "alerts.html", view=view, rows=[told(request, each) for each in rows[:PAGE]],
        next=rows[PAGE - 1]["alert_id"] if len(rows) > PAGE else 0,
        summary=await room(request).summary(), fatigue=await room(request).fatigue(),
        marks=room(request).policy.fatigue, signal=lambda name: signal(request, name),
        percent=percent,
    )  # fmt: skip


@get("/alerts/{alert:str}", opt=needs("alerts:read"))
async def alert_page(request: Asked, alert: Word) -> Response[str]:
    """One alert."""
    row = await found(request, alert)
    session = session_of(request)
    mine = session is not None and row["owner"] == staff_of(session.actor)
    return await show(request, "alert.html", row=told(request, row), mine=mine)


async def found(request: Asked, alert: str) -> Mapping[str, Any]:
    """The alert of an address."""
    return await room(request).one(identifier("alert", alert))


def signal(request: Asked, name: str) -> str:
    """The name of a signal."""
    if name.startswith(SURGE):
        inner = signal(request, name.removeprefix(SURGE))
        return translated(request, words.SURGE).format(signal=inner)
    return translated(request, words.SIGNALS[name]) if name in words.SIGNALS else name


def told(request: Asked, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with everything in words."""
    facts = said(request, row["evidence"], row["signal"])
    when = row["threshold"].get("when")
    by = asked(request, when) if when is not None else said(
        request, row["threshold"], row["signal"])  # fmt: skip
    return dict(row) | {
        "name": signal(request, row["signal"]), "facts": facts, "by": by,
        "written": written("alert", row["alert_id"]), "percent": percent(max(row["usual"], 0)),
    }  # fmt: skip


def said(request: Asked, values: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    """What was found, or a mark: the name and the value of each, in words."""
    return [
        (meaning(request, key), value_of(request, key, value, name))
        for key, value in values.items()
    ]


def meaning(request: Asked, key: str) -> str:
    """What a value is about."""
    feature = shipped.dictionary().get(key)
    if feature is not None:
        return feature.meaning[language_of(request)]
    return translated(request, words.EVIDENCE[key]) if key in words.EVIDENCE else key


def value_of(request: Asked, key: str, value: Any, name: str) -> str:
    """A value of a signal in words."""
    feature = shipped.dictionary().get(key)
    if feature is not None and isinstance(value, int):
        decimals = services(request).decimals
        return fact_words.said(
            value, feature, translations(language_of(request)), lambda units: money(units, decimals)
        )
    if key == "moved" or (key == "mark" and name == MOVED):
        return f"{value // SCALE}.{value % SCALE:04}"
    if key in words.SHARES or (key == "mark" and not name.startswith(SURGE)):
        return percent(value)
    if key == "times":
        return f"{value} %"
    return f"{value:,}" if isinstance(value, int) else str(value)


def asked(request: Asked, when: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The conditions of a row of the policy."""
    return [(meaning(request, name), condition(request, each)) for name, each in when.items()]


def condition(request: Asked, each: Any) -> str:
    """One of them, as the policy writes it."""
    if isinstance(each, bool):
        return translated(request, YES if each else NO)
    return ", ".join(map(str, each)) if isinstance(each, list) else str(each)


async def the_alert(request: Asked) -> Place:
    """The alert of a form."""
    alert = request.path_params["alert"]
    await found(request, alert)
    return Place(alert, f"{HERE}/{alert}", {"alert": identifier("alert", alert)})


async def to_close(request: Asked) -> Place:
    """The same with what it may have been."""
    place, policy = await the_alert(request), room(request).policy
    choices = tuple(choices_of(request, policy.reasons.items()))
    field = Field("what", _("What it was"), "choice", choices=choices)
    return Place(place.words, place.back, place.known, fields=(field,))


def choices_of(
    request: Asked, reasons: Iterable[tuple[str, Iterable[str]]]
) -> list[tuple[str, str]]:
    """Every outcome with each of its reasons."""
    return [
        (f"{outcome}/{reason}", f"{translated(request, words.OUTCOMES[outcome])}:"
         f" {translated(request, words.REASONS[reason])}")
        for outcome, each in reasons for reason in each
    ]  # fmt: skip


async def take(request: Asked, place: Place, values: dict[str, Any], asking: Asking) -> Answer:
    """It is theirs."""
    del values
    return await room(request).take(place.known["alert"], asking)


async def close(request: Asked, place: Place, values: dict[str, Any], asking: Asking) -> Answer:
    """They say what it was."""
    outcome, _slash, reason = values["what"].partition("/")
    return await room(request).close(place.known["alert"], outcome, reason, asking)


HANDLERS = [
    alerts_page, alert_page,
    *routes_of("/alerts/{alert:str}/take", "alerts:write", TAKE, the_alert, take),
    *routes_of("/alerts/{alert:str}/close", "alerts:write", CLOSE, to_close, close),
]  # fmt: skip
