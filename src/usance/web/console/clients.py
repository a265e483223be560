"""Machine clients: what each may do, and its keys. A key itself is shown once, when it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from litestar import Response, get

from usance.identity.changing import Asking
from usance.identity.machine import CreateClient, Listed, RotateClientKey, kept_of
from usance.identity.once import Answer
from usance.identity.permissions import SCOPES
from usance.platform.clock import SystemClock
from usance.platform.credentials import new_machine_secret
from usance.web.console.deeds import Checks, Deed, Place, Shown, ask_for, routes_of
from usance.web.console.forms import Field
from usance.web.console.render import Asked, Number, services, show
from usance.web.problems import not_found
from usance.web.security import needs

CLIENTS = "/console/clients"


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


NEW = Deed("new", _("Make a client"), _("A program that may use the API within its scopes."),
           (Field("name", _("Name of the client"), "text"),))  # fmt: skip
ROTATE = Deed(
    "rotate", _("Make a second key"),
    _("The first key still opens until it is retired, or for as long as is said here."),
    (Field("valid_days", _("The new key is valid for days"), "whole", needed=False,
           hint=_("Empty: until it is retired.")),
     Field("overlap_hours", _("The old key opens for hours"), "whole", needed=False,
           hint=_("Empty: until it is retired."))),
)  # fmt: skip
RETIRE = Deed("retire", _("Retire the key"), _("It opens nothing any more."), grave=True)
DEACTIVATE = Deed(
    "deactivate", _("Lock the client out"),
    _("For good: none of its keys opens anything, and its webhooks are told nothing more."),
    grave=True,
)  # fmt: skip
KEPT = _("Keep it now: it is not shown again. Only its hash is stored.")
WAITS = _("It waits for a second person; until then the key opens nothing. Keep it now: it is not"
          " shown again. Only its hash is stored.")
TO_DO = _("Scopes")


@get("/clients", opt=needs("clients:read"))
async def clients(request: Asked) -> Response[str]:
    """All of them, active ones first."""
    found = await services(request).clients.all()
    return await show(request, "clients.html", clients=found, now=SystemClock().now())


@get("/clients/{client:int}", opt=needs("clients:read"))
async def client_page(request: Asked, client: Number) -> Response[str]:
    """One client with its keys."""
    found = await the_client(request, client)
    return await show(request, "client.html", client=found, now=SystemClock().now())


async def the_client(request: Asked, number: int) -> Listed:
    """The client of an address."""
    for each in await services(request).clients.all():
        if each.client_id == number:
            return each
    raise not_found("client")


async def of_clients(_: Asked) -> Place:
    """Where a new client is made."""
    return Place("", CLIENTS, checks=Checks(TO_DO, tuple((each, "") for each in sorted(SCOPES))))


async def of_client(request: Asked) -> Place:
    """Where something is done to a client."""
    found = await the_client(request, request.path_params["client"])
    known = {"name": found.name, "scopes": tuple(found.scopes)}
    return Place(found.name, f"{CLIENTS}/{found.client_id}", known)


async def of_key(request: Asked) -> Place:
    """Where something is done to a key."""
    place = await of_client(request)
    number = request.path_params["key"]
    known = place.known | {"key": number}
    return replace(place, words=f"{place.words} · {number}", known=known)


async def make(request: Asked, _: Place, values: dict[str, Any], asking: Asking) -> Shown:
    """A new client."""
    secret, scopes = new_machine_secret(), tuple(sorted(set(values["checked"])))
    act = CreateClient(values["name"], *kept_of(secret), scopes)
    return told(NEW.label, secret, await ask_for(request, act, asking))


async def rotate(request: Asked, place: Place, values: dict[str, Any], asking: Asking) -> Shown:
    """A second key."""
    secret = new_machine_secret()
    act = RotateClientKey(
        place.known["name"], *kept_of(secret), place.known["scopes"],
        values["valid_days"] or None, values["overlap_hours"] or None,
    )  # fmt: skip
    return told(ROTATE.label, secret, await ask_for(request, act, asking))


def told(title: str, secret: str, answer: Answer) -> Shown:
    """The key, shown once to whoever asked for it, also where it waits for a second person."""
    shown = "" if answer.replayed else secret
    if answer.status == 202:
        return Shown(title, shown, f"/console/approvals/{answer.document['proposal_id']}", WAITS)
    return Shown(title, shown, f"{CLIENTS}/{answer.document['client_id']}", KEPT)


async def retire(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Answer:
    """A key opens nothing any more."""
    clients = services(request).clients
    return await clients.retire_key(place.known["name"], place.known["key"], asking)


async def deactivate(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Answer:
    """The client is locked out."""
    return await services(request).clients.lock_out(place.known["name"], asking)


WRITE = "clients:write"
HANDLERS = [
    clients, client_page,
    *routes_of("/clients/new", WRITE, NEW, of_clients, make),
    *routes_of("/clients/{client:int}/do/rotate", WRITE, ROTATE, of_client, rotate),
    *routes_of("/clients/{client:int}/keys/{key:int}/do/retire", WRITE, RETIRE, of_key, retire),
    *routes_of("/clients/{client:int}/do/deactivate", WRITE, DEACTIVATE, of_client, deactivate),
]  # fmt: skip
