"""Endpoints that a client is told at, and what was delivered to them.

A machine client sees and changes its own endpoints; staff see those of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.machine import MachineClient
from usance.identity.once import Answer
from usance.web.api.endpoint import PROPOSAL, Asked, Empty, change, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import iso, plain, spelled
from usance.web.problems import not_found
from usance.webhooks import store, types
from usance.webhooks.acts import ChangeWebhook, DeleteWebhook, RetireWebhookSecret
from usance.webhooks.endpoints import types_of
from usance.webhooks.messages import body_of, message_id
from usance.webhooks.rules import URL_MAX

STATES = ("waiting", "delivered", "given_up")
LAST = 2**63 - 1

Url = Annotated[
    str,
    Meta(min_length=8, max_length=URL_MAX, description="An https address.",
         extra_json_schema={"format": "uri", "example": "https://hooks.example.com/usance"}),
]  # fmt: skip
Types = Annotated[
    list[str], Meta(min_length=1, max_length=50, description="Of `GET /v1/webhook-types`.")
]


class WebhookBody(Struct, forbid_unknown_fields=True):
    """A new endpoint."""

    url: Url
    types: Types


class WebhookChange(Struct, forbid_unknown_fields=True):
    """What is to be different; what is left out stays."""

    url: Url | None = None
    types: Types | None = None
    active: bool | None = None


class DeliveryQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Which deliveries."""

    state: Annotated[str, Meta(pattern="^(waiting|delivered|given_up)?$")] = ""


class WebhookType(Struct):
    """What can be told."""

    type: str
    scope: str
    when: str


class WebhookView(Struct):
    """An endpoint. ``stopped_by``: ``gone`` when its receiver answered 410."""

    webhook_id: int
    client_id: int
    url: str
    types: list[str]
    active: bool
    stopped_by: str | None
    secrets: int
    sequence: int
    waiting: int
    given_up: int
    failures: int
    created_at: datetime


class DeliveryView(Struct):
    """A message to an endpoint, and what became of it."""

    sequence: int
    id: str
    type: str
    state: str
    attempts: int
    business_date: str | None
    operation_id: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    done_at: datetime | None


class AttemptView(Struct):
    """One attempt: the status of the answer (0 without one), or what went wrong."""

    number: int
    began_at: datetime
    milliseconds: int
    status: int
    error: str
    answer: str


class WholeDeliveryView(Struct):
    """A message with its body and every attempt, newest first."""

    delivery: DeliveryView
    body: dict[str, Any]
    attempts: list[AttemptView]


def owner(asked: Asked[Any]) -> int | None:
    """The client whose endpoints the caller sees; None for all."""
    caller = asked.caller
    return caller.client_id if isinstance(caller, MachineClient) else None


@read("/v1/webhook-types", "webhooks:read")
async def webhook_types(asked: Asked[Empty]) -> Page[WebhookType]:
    """Types of messages that the caller may choose, the scope of each, and when it is sent."""
    caller = asked.caller
    mine = [
        each for each in types.CHOICES.values()
        if not isinstance(caller, MachineClient) or each.scope in caller.scopes
    ]  # fmt: skip
    return Page([WebhookType(each.name, each.scope, each.when) for each in mine], None)


@change("POST", "/v1/webhooks", "webhooks:write")
@rule("R-HOOK-01")
async def register_webhook(asked: Asked[Empty], body: WebhookBody) -> Answer:
    """Register an endpoint; the answer holds the secret that messages are signed by.

    It is told of what is committed from now on. The secret is shown in this answer only.
    """
    client_id = owner(asked)
    if client_id is None:
        raise Refused("R-HOOK-01", "an endpoint is registered with the key of its client")
    return await asked.services.webhooks.register(client_id, body.url, body.types, asked.asking)


@read("/v1/webhooks", "webhooks:read")
async def webhooks(asked: Asked[PageQuery]) -> Page[WebhookView]:
    """The client's endpoints, oldest first."""
    after = position(asked.query, 0)
    rows = await store.endpoints(asked.services.pool, owner(asked), after, asked.query.limit)
    last = rows[-1]["endpoint_id"] if rows else 0
    return page([webhook_view(row) for row in rows], asked.query, last)


@read("/v1/webhooks/{webhook_id}", "webhooks:read")
async def webhook(asked: Asked[Empty]) -> WebhookView:
    """One endpoint."""
    return webhook_view(await found(asked))


@change("PATCH", "/v1/webhooks/{webhook_id}", "webhooks:write", waiting=PROPOSAL)
async def change_webhook(asked: Asked[Empty], body: WebhookChange) -> Answer:
    """Another address, other types, stopped or started.

    Of what is committed while it is stopped it is not told; what waited for it waits on.
    """
    chosen = None if body.types is None else tuple(body.types)
    return await asked.submitted(
        ChangeWebhook(asked.at["webhook_id"], owner(asked), body.url, chosen, body.active)
    )


@change("DELETE", "/v1/webhooks/{webhook_id}", "webhooks:write", waiting=PROPOSAL)
async def delete_webhook(asked: Asked[Empty]) -> Answer:
    """The endpoint is gone; what still waits for it is given up."""
    return await asked.submitted(DeleteWebhook(asked.at["webhook_id"], owner(asked)))


@change("POST", "/v1/webhooks/{webhook_id}/secrets", "webhooks:write")
async def rotate_webhook_secret(asked: Asked[Empty]) -> Answer:
    """A second secret; messages are signed by both until the older one is retired."""
    return await asked.services.webhooks.rotate(
        asked.at["webhook_id"], owner(asked), asked.asking
    )


@change(
    "POST", "/v1/webhooks/{webhook_id}/secrets/retirement", "webhooks:write", waiting=PROPOSAL
)
async def retire_webhook_secret(asked: Asked[Empty]) -> Answer:
    """The older of two secrets signs no more."""
    return await asked.submitted(RetireWebhookSecret(asked.at["webhook_id"], owner(asked)))


@change("POST", "/v1/webhooks/{webhook_id}/test", "webhooks:write")
async def test_webhook(asked: Asked[Empty]) -> Answer:
    """Send a message of the type ``webhook.test``."""
    return await asked.services.webhooks.test(asked.at["webhook_id"], owner(asked), asked.asking)


@change("POST", "/v1/webhooks/{webhook_id}/redelivery", "webhooks:write")
async def redeliver_given_up(asked: Asked[Empty]) -> Answer:
    """Send everything again that was given up."""
    return await asked.services.webhooks.redeliver_given_up(
        asked.at["webhook_id"], owner(asked), asked.asking
    )


@read("/v1/webhooks/{webhook_id}/deliveries", "webhooks:read")
async def deliveries(asked: Asked[DeliveryQuery]) -> Page[DeliveryView]:
    """Messages to an endpoint, newest first."""
    number = (await found(asked))["endpoint_id"]
    state = STATES.index(asked.query.state) if asked.query.state else None
    before = position(asked.query, LAST)
    rows = await store.deliveries(
        asked.services.pool, number, state, before, asked.query.limit
    )
    items = [delivery_view(number, row) for row in rows]
    return page(items, asked.query, rows[-1]["sequence"] if rows else 0)


@read("/v1/webhooks/{webhook_id}/deliveries/{sequence}", "webhooks:read")
async def delivery(asked: Asked[Empty]) -> WholeDeliveryView:
    """One message with its body and every attempt."""
    number = (await found(asked))["endpoint_id"]
    pool, sequence = asked.services.pool, asked.at["sequence"]
    row = await store.delivery(pool, number, sequence)
    if row is None:
        raise not_found("delivery", "sequence")
    tried = await store.attempts(pool, number, sequence)
    body = msgspec.json.decode(body_of(number, row), type=dict[str, Any])
    return WholeDeliveryView(
        delivery_view(number, row), body, [AttemptView(**plain(each)) for each in tried]
    )


@change("POST", "/v1/webhooks/{webhook_id}/deliveries/{sequence}/redelivery", "webhooks:write")
async def redeliver(asked: Asked[Empty]) -> Answer:
    """Send a message again that was delivered or given up: the same body under the same id."""
    return await asked.services.webhooks.redeliver(
        asked.at["webhook_id"], owner(asked), asked.at["sequence"], asked.asking
    )


@rule("R-HOOK-01")
async def found(asked: Asked[Any]) -> store.Row:
    """The endpoint of the path, if it is the caller's; 404 alike where it is not."""
    number = asked.at["webhook_id"]
    rows = await store.endpoints(asked.services.pool, owner(asked), number - 1, 1)
    if not rows or rows[0]["endpoint_id"] != number:
        raise not_found("webhook", "webhook_id")
    return rows[0]


def webhook_view(row: Mapping[str, Any]) -> WebhookView:
    """An endpoint as the API shows it."""
    return WebhookView(
        row["endpoint_id"], row["client_id"], row["url"], types_of(row), row["active"],
        row["stopped_by"] or None, row["secrets"], row["last_sequence"], row["waiting"],
        row["given_up"], row["failures"], row["created_at"],
    )  # fmt: skip


def delivery_view(endpoint_id: int, row: Mapping[str, Any]) -> DeliveryView:
    """A message as the API shows it."""
    waits = row["state"] == store.WAITING
    return DeliveryView(
        row["sequence"], message_id(endpoint_id, row["sequence"]), row["type"],
        STATES[row["state"]], row["attempts"], iso(row["business_date"]),
        spelled("operation", row["operation_id"]), row["created_at"],
        row["not_before"] if waits else None, row["done_at"],
    )  # fmt: skip
