"""What is secret of a notice (a code, another number that it goes to), under the borrower's key.

The ciphertext is bound to its borrower by what is encrypted beside it, and to its notice by the
notice's key within.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from usance.identity import portal_store
from usance.identity.boxes import Boxes
from usance.platform.crypto import DecryptionError, decrypt_field, encrypt_field

TABLE, COLUMN, OF = "notice", "box", "of"


async def sealed(
    boxes: Boxes, who: portal_store.Row, key: str, secrets: Mapping[str, str]
) -> bytes:
    """Secret values of a notice; ``to`` among them is the number or address that it goes to."""
    return await boxes.seal(
        who, written(key, secrets), table=TABLE, column=COLUMN, row_id=who["borrower_id"]
    )


def sealed_under(data_key: bytes, borrower_id: int, key: str, secrets: Mapping[str, str]) -> bytes:
    """The same under a key that is at hand."""
    return encrypt_field(
        data_key, written(key, secrets), table=TABLE, column=COLUMN, row_id=borrower_id
    )


def opened(data_key: bytes, borrower_id: int, key: str, box: bytes) -> dict[str, str]:
    """In clear; nothing where there is no box. Raises ``DecryptionError``."""
    if not box:
        return {}
    text = decrypt_field(data_key, box, table=TABLE, column=COLUMN, row_id=borrower_id)
    found = msgspec.json.decode(text, type=dict[str, str])
    if found.pop(OF) != key:
        raise DecryptionError("this box is of another notice")
    return found


def written(key: str, secrets: Mapping[str, str]) -> str:
    """What is encrypted."""
    return msgspec.json.encode({OF: key, **secrets}).decode()
