"""The secrets of endpoints: random, encrypted at rest under a key of their endpoint's own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from usance.core.rules import rule
from usance.platform.crypto import KeyService, decrypt_field, encrypt_field, new_data_key
from usance.webhooks import verify
from usance.webhooks.store import Row

PREFIX = "whsec_"
"""Lets scanners recognise a leaked one."""


def new_secret() -> str:
    """256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def new_wrapped_key(keys: KeyService, endpoint_id: int) -> bytes:
    """A fresh data key of an endpoint, wrapped by the master key."""
    return keys.wrap(new_data_key(), owner_of(endpoint_id))


def owner_of(endpoint_id: int) -> int:
    """Under which number an endpoint's data key is wrapped: below 0, where no person is."""
    return -endpoint_id


def sealed(
    keys: KeyService, wrapped: bytes, endpoint_id: int, secret_id: int, secret: str
) -> bytes:
    """A secret encrypted for its row."""
    data_key = keys.unwrap(wrapped, owner_of(endpoint_id))
    return encrypt_field(
        data_key, secret, table="webhook_secret", column="sealed", row_id=secret_id
    )


def opened(keys: KeyService, endpoint_id: int, rows: Iterable[Row]) -> dict[int, str]:
    """Secrets by their number, oldest first."""
    found = {}
    for row in rows:
        data_key = keys.unwrap(row["data_key"], owner_of(endpoint_id))
        found[row["secret_id"]] = decrypt_field(
            data_key, row["sealed"], table="webhook_secret", column="sealed",
            row_id=row["secret_id"],
        )  # fmt: skip
    return found


@rule("R-HOOK-10")
def signed(active: Iterable[str], timestamp: int, message_id: str, body: bytes) -> dict[str, str]:
    """The headers of a message, with a signature by every secret in use."""
    signatures = (
        verify.VERSION + verify.signature(each, timestamp, message_id, body) for each in active
    )
    return {
        "Usance-Webhook-Id": message_id,
        "Usance-Webhook-Timestamp": str(timestamp),
        "Usance-Webhook-Signature": ",".join(signatures),
    }
