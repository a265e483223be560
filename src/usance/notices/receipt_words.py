"""What a provider tells of messages later: the shape, and the headers that prove who tells it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

RECEIPTS_PATH = "/v1/notices/receipts"
PROVIDER_HEADER, TIME_HEADER, SIGNATURE_HEADER = (
    "receipt-provider", "receipt-timestamp", "receipt-signature",
)  # fmt: skip
AT_ONCE = 500
"""Receipts of one request at most."""
BODY_MAX = 200_000
State: TypeAlias = Literal[
    "sent", "delivered", "failed", "bounced", "complained", "answered", "unanswered"
]
REFERENCE_MAX = 100


class Receipt(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One word on what became of a message; ``error`` is a word, never a text that names people."""

    reference: Annotated[str, Meta(min_length=1, max_length=REFERENCE_MAX, pattern="^[!-~]+$")]
    state: State
    error: Annotated[str, Meta(max_length=60, pattern="^[A-Za-z0-9_. -]*$")] = ""


class Receipts(Struct, frozen=True, forbid_unknown_fields=True):
    """What a provider sends: receipts in any order, also ones that it has sent before."""

    receipts: Annotated[list[Receipt], Meta(min_length=1, max_length=AT_ONCE)]
