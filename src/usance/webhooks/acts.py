"""What can be done to an endpoint, as values: each can be kept, hashed, and done later.

Not what makes a secret: it is shown once, to whoever asks for it, and opens nothing of ours.
"""

from __future__ import annotations

import msgspec


class WebhookAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something done to an endpoint; ``client_id`` whose it must be, None for staff."""

    webhook_id: int
    client_id: int | None


class ChangeWebhook(WebhookAct, frozen=True):
    """Another address, other types, stopped or started; None stays as it is."""

    url: str | None = None
    types: tuple[str, ...] | None = None
    active: bool | None = None


class DeleteWebhook(WebhookAct, frozen=True):
    """The endpoint is gone."""


class RetireWebhookSecret(WebhookAct, frozen=True):
    """The older of two secrets signs no more."""


ACTS: dict[str, type[WebhookAct]] = {
    each.__name__: each for each in (ChangeWebhook, DeleteWebhook, RetireWebhookSecret)
}
