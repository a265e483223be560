"""The secrets of endpoints: random, encrypted at rest under a key of their endpoint's own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from usance.core.rules import rule
from usance.identity import keys_sql
from usance.platform.crypto import (
    KeyService,
    MissingKeyError,
    decrypt_field,
    encrypt_field,
    master_id_of,
    new_data_key,
)
from usance.platform.database import Connection
from usance.platform.personal import wrapped_keys
from usance.webhooks import verify
from usance.webhooks.store import Row

PREFIX = "whsec_"
"""Lets scanners recognise a leaked one."""
OWNER = "webhook_endpoint"
"""The table whose rows the data keys belong to."""

wrapped_keys(OWNER, "data_key", "endpoint_id", has_cells=False)


def new_secret() -> str:
    """256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def new_wrapped_key(keys: KeyService, endpoint_id: int) -> bytes:
    """A fresh data key of an endpoint, wrapped by the master key."""
    return keys.wrap(new_data_key(), endpoint_id, OWNER)


@rule("R-KEY-02")
async def check_current(connection: Connection, wrapped: bytes) -> None:
    """No retired key wrapped it; in a transaction that began ``keys_sql.TOGETHER``."""
    if (keys_sql.MASTER, master_id_of(wrapped)) in await keys_sql.retired(connection):
        raise MissingKeyError("the key file of this process is an old one")


def sealed(
    keys: KeyService, wrapped: bytes, endpoint_id: int, secret_id: int, secret: str
) -> bytes:
    """A secret encrypted for its row."""
    data_key = keys.unwrap(wrapped, endpoint_id, OWNER)
    return encrypt_field(
        data_key, secret, table="webhook_secret", column="sealed", row_id=secret_id
    )


def opened(keys: KeyService, endpoint_id: int, rows: Iterable[Row]) -> dict[int, str]:
    """Secrets by their number, oldest first."""
    found = {}
    for row in rows:
        data_key = keys.unwrap(row["data_key"], endpoint_id, OWNER)
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
