"""What belongs to one borrower is sealed under the borrower's own key, for one place only."""

from __future__ import annotations

from contextlib import suppress

from usance.core.rules import rule
from usance.identity import keys_sql, portal_store
from usance.platform.crypto import (
    DecryptionError,
    KeyService,
    MissingKeyError,
    beside,
    decrypt_field,
    encrypt_field,
    index_id_of,
    new_data_key,
)
from usance.platform.database import Connection
from usance.platform.logs import conceal

PHONE = "phone"


class Boxes:
    """Opens and seals; ``who`` is a row with ``borrower_id`` and ``data_key``."""

    def __init__(self, keys: KeyService) -> None:
        self._keys = keys
        self._nobodys = b""

    async def pretend(self, text: str) -> None:
        """The same work for nobody, so that it takes its time."""
        self._nobodys = self._nobodys or await beside(
            self._keys, lambda: self._keys.wrap(new_data_key(), 0)
        )
        nobody = {"borrower_id": 0, "data_key": self._nobodys}
        with suppress(DecryptionError):  # wrapped by a key that is retired: the time is the same
            await self.seal(nobody, text, table="", column="", row_id=0)

    async def _key(self, who: portal_store.Row) -> bytes:
        wrapped, borrower_id = who["data_key"], who["borrower_id"]
        return await beside(self._keys, lambda: self._keys.unwrap(wrapped, borrower_id))

    async def seal(
        self, who: portal_store.Row, text: str, *, table: str, column: str, row_id: int
    ) -> bytes:
        """Ciphertext for one place."""
        key = await self._key(who)
        return encrypt_field(key, text, table=table, column=column, row_id=row_id)

    async def open(
        self, who: portal_store.Row, ciphertext: bytes, *, table: str, column: str, row_id: int
    ) -> str:
        """The text of such a ciphertext; masked from now on in what this request logs."""
        key = await self._key(who)
        text = decrypt_field(key, ciphertext, table=table, column=column, row_id=row_id)
        conceal((text,))
        return text

    async def detail(self, who: portal_store.Row, column: str) -> str:
        """One of the borrower's details in clear; the row has its ciphertext too."""
        borrower_id = who["borrower_id"]
        return await self.open(
            who, who[column], table="borrower", column=column, row_id=borrower_id
        )

    async def lookups(self, phone: str) -> list[bytes]:
        """The keyed hashes under which the directory may know a phone, the newest first."""
        return await beside(self._keys, lambda: self._keys.blind_indexes(phone, PHONE))


@rule("R-KEY-02")
async def check_current(connection: Connection, lookups: list[bytes]) -> None:
    """Nobody is looked up, and nothing entered, by a retired key alone: it would find nobody.

    What is entered is checked after ``keys_sql.TOGETHER``.
    """
    if (keys_sql.INDEX, index_id_of(lookups[0])) in await keys_sql.retired(connection):
        raise MissingKeyError("the key file of this process is an old one")
