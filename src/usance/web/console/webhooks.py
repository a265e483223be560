"""Webhooks: endpoints of clients, how they fare, and every message with its attempts."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec
from litestar import Response, get

from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.web.console import labels
from usance.web.console.deeds import Checks, Deed, Place, Shown, ask_for, routes_of
from usance.web.console.forms import Field
from usance.web.console.render import Asked, Number, services, show, translated
from usance.web.problems import not_found
from usance.web.security import needs
from usance.webhooks import store
from usance.webhooks.acts import ChangeWebhook, DeleteWebhook, RetireWebhookSecret
from usance.webhooks.endpoints import Endpoints, types_of
from usance.webhooks.messages import body_of, message_id

WEBHOOKS = "/console/webhooks"
PAGE = 50
LAST = 2**63 - 1


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


URL = Field("url", _("Address"), "url", hint=_("It begins with https://."))
TYPES, CLIENT, NAMED = _("Types of messages"), _("Client"), _("Endpoint no. {n}")
NEW = Deed("new", _("Register an endpoint"),
           _("It is told of what is committed from now on, in messages signed by its secret."))
CHANGE = Deed("change", _("Change the endpoint"), _("From the next message on."), (URL,))
START = Deed("start", _("Start the endpoint"),
             _("It is told of what is committed from now on; what waited for it is sent."))
STOP = Deed("stop", _("Stop the endpoint"),
            _("What is committed meanwhile it is not told of; what waits for it waits on."))
ROTATE = Deed("rotate", _("Make a second secret"),
              _("Messages are signed by both until the older one is retired."))
RETIRE = Deed("retire", _("Retire the older secret"), _("It signs no more."), grave=True)
DELETE = Deed("delete", _("Delete the endpoint"), _("What still waits for it is given up."),
              grave=True)
TEST = Deed("test", _("Send a test"), _("A message that says nothing but that it came."))
AGAIN = Deed("again", _("Send again what was given up"),
             _("The same messages under the same ids, with a schedule from the start."))
REDELIVER = Deed("redeliver", _("Send again"),
                 _("The same body under the same id; a receiver that has it already knows it."))
KEPT = _("Keep it now: it is not shown again. It is stored encrypted.")


def endpoints_of(request: Asked) -> Endpoints:
    """The use cases."""
    return services(request).webhooks


@get("/webhooks", opt=needs("webhooks:read"))
async def webhooks(request: Asked) -> Response[str]:
    """Endpoints of all clients."""
    after = number_of(request, "after", 0)
    rows = await store.endpoints(services(request).pool, None, after, PAGE + 1)
    return await show(
        request, "webhooks.html", rows=[shown(row) for row in rows[:PAGE]],
        next=rows[PAGE - 1]["endpoint_id"] if len(rows) > PAGE else 0,
    )  # fmt: skip


def number_of(request: Asked, name: str, otherwise: int) -> int:
    """A number of the query; ``otherwise`` if it cannot be read."""
    with suppress(ValueError):
        return max(min(int(request.query_params.get(name, "")), LAST), 0)
    return otherwise


def shown(row: store.Row) -> dict[str, Any]:
    """An endpoint as pages show it."""
    return dict(row) | {"types": types_of(row)}


async def the_endpoint(request: Asked, number: int) -> dict[str, Any]:
    """The endpoint of an address."""
    rows = await store.endpoints(services(request).pool, None, min(number, LAST) - 1, 1)
    if not rows or rows[0]["endpoint_id"] != number:
        raise not_found("webhook")
    return shown(rows[0])


@get("/webhooks/{webhook:int}", opt=needs("webhooks:read"))
async def webhook_page(request: Asked, webhook: Number) -> Response[str]:
    """One endpoint with its messages, newest first."""
    found, pool = await the_endpoint(request, webhook), services(request).pool
    states = list(labels.DELIVERY_STATES)
    state = request.query_params.get("state", "")
    wanted = int(state) if state in map(str, states) else None
    before = number_of(request, "before", LAST)
    rows = await store.deliveries(pool, webhook, wanted, before, PAGE + 1)
    return await show(
        request, "webhook.html", hook=found, rows=rows[:PAGE], state=wanted,
        next=rows[PAGE - 1]["sequence"] if len(rows) > PAGE else 0,
    )  # fmt: skip


@get("/webhooks/{webhook:int}/deliveries/{sequence:int}", opt=needs("webhooks:read"))
async def delivery_page(request: Asked, webhook: Number, sequence: Number) -> Response[str]:
    """One message: what is sent, and every attempt."""
    found, pool = await the_endpoint(request, webhook), services(request).pool
    number = min(sequence, LAST)
    row = await store.delivery(pool, webhook, number)
    if row is None:
        raise not_found("delivery")
    body = json.dumps(msgspec.json.decode(body_of(webhook, row)), indent=2, ensure_ascii=False)
    return await show(
        request, "delivery.html", hook=found, row=row, body=body, name=message_id(webhook, number),
        attempts=await store.attempts(pool, webhook, number),
    )  # fmt: skip


# -- what can be done ------------------------------------------------------------------------------


def choices(request: Asked, checked: tuple[str, ...] = ()) -> Checks:
    """The types of messages, each with its sentence."""
    named = labels.WEBHOOK_TYPES.items()
    return Checks(TYPES, tuple((name, translated(request, text)) for name, text in named), checked)


async def of_clients(request: Asked) -> Place:
    """Where an endpoint is registered, for one of the active clients."""
    found = [each for each in await services(request).clients.all() if each.active]
    options = tuple((str(each.client_id), each.name) for each in found)
    fields = (Field("client_id", CLIENT, "choice", choices=options), URL)
    return Place("", WEBHOOKS, checks=choices(request), fields=fields)


async def of_endpoint(request: Asked) -> Place:
    """Where something is done to an endpoint."""
    found = await the_endpoint(request, request.path_params["webhook"])
    number = found["endpoint_id"]
    words = translated(request, NAMED).format(n=number)
    return Place(words, f"{WEBHOOKS}/{number}", {"number": number}, {"url": found["url"]})


async def of_deleted(request: Asked) -> Place:
    """The same, for what ends it: afterwards there are only the others.

    Whoever sends the form again finds no endpoint any more, and yet gets the first answer.
    """
    if request.method == "GET":
        return replace(await of_endpoint(request), back=WEBHOOKS)
    number = min(request.path_params["webhook"], LAST)
    words = translated(request, NAMED).format(n=number)
    return Place(words, WEBHOOKS, {"number": number})


async def of_change(request: Asked) -> Place:
    """The same, with the types that it has."""
    found = await the_endpoint(request, request.path_params["webhook"])
    return replace(await of_endpoint(request), checks=choices(request, tuple(found["types"])))


async def of_delivery(request: Asked) -> Place:
    """Where something is done to a message."""
    place, sequence = await of_endpoint(request), request.path_params["sequence"]
    number = place.known["number"]
    back = f"{place.back}/deliveries/{sequence}"
    return Place(message_id(number, sequence), back, place.known | {"sequence": sequence})


async def register(request: Asked, _: Place, values: dict[str, Any], asking: Asking) -> Shown:
    """A new endpoint of a client."""
    answer = await endpoints_of(request).register(
        int(values["client_id"]), values["url"], values["checked"], asking
    )
    return secret_of(NEW, answer)


def secret_of(deed: Deed, answer: Answer) -> Shown:
    """The secret of an answer, once."""
    secret = "" if answer.replayed else str(answer.document["secret"] or "")
    return Shown(deed.label, secret, f"{WEBHOOKS}/{answer.document['webhook_id']}", KEPT)


async def change(request: Asked, place: Place, values: dict[str, Any], asking: Asking) -> Answer:
    """Another address, other types."""
    chosen = tuple(values["checked"])
    act = ChangeWebhook(place.known["number"], None, values["url"], chosen)
    return await ask_for(request, act, asking)


async def start(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Answer:
    """It is told again."""
    act = ChangeWebhook(place.known["number"], None, active=True)
    return await ask_for(request, act, asking)


async def stop(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Answer:
    """It is told nothing more."""
    act = ChangeWebhook(place.known["number"], None, active=False)
    return await ask_for(request, act, asking)


async def rotate(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Shown:
    """A second secret."""
    answer = await endpoints_of(request).rotate(place.known["number"], None, asking)
    return secret_of(ROTATE, answer)


async def retire(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Answer:
    """The older secret signs no more."""
    return await ask_for(request, RetireWebhookSecret(place.known["number"], None), asking)


async def delete(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Answer:
    """It is gone."""
    return await ask_for(request, DeleteWebhook(place.known["number"], None), asking)


async def test(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Answer:
    """A message that says nothing."""
    return await endpoints_of(request).test(place.known["number"], None, asking)


async def again(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Answer:
    """Everything that was given up."""
    return await endpoints_of(request).redeliver_given_up(place.known["number"], None, asking)


async def redeliver(request: Asked, place: Place, _: dict[str, Any], asking: Asking) -> Answer:
    """One message."""
    known = place.known
    return await endpoints_of(request).redeliver(known["number"], None, known["sequence"], asking)


WRITE, ONE = "webhooks:write", "/webhooks/{webhook:int}"
HANDLERS = [
    webhooks, webhook_page, delivery_page,
    *routes_of("/webhooks/new", WRITE, NEW, of_clients, register),
    *routes_of(f"{ONE}/do/change", WRITE, CHANGE, of_change, change),
    *(route for deed, do in (
        (START, start), (STOP, stop), (ROTATE, rotate), (RETIRE, retire), (TEST, test),
        (AGAIN, again),
    ) for route in routes_of(f"{ONE}/do/{deed.name}", WRITE, deed, of_endpoint, do)),
    *routes_of(f"{ONE}/do/delete", WRITE, DELETE, of_deleted, delete),
    *routes_of(f"{ONE}/deliveries/{{sequence:int}}/do/redeliver", WRITE, REDELIVER, of_delivery,
               redeliver),
]  # fmt: skip
