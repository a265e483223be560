"""Words and files of a case under its borrower's key; an incident without one has its own.

Whose key is destroyed is forgotten here too: what was written reads as nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from usance.cases import store
from usance.cases.records import Attachment, Case, Message, Outcome
from usance.core.rules import rule
from usance.identity import keys_sql
from usance.platform.crypto import (
    KeyService,
    MissingKeyError,
    beside,
    decrypt_bytes,
    decrypt_field,
    encrypt_bytes,
    encrypt_field,
    master_id_of,
    new_data_key,
)
from usance.platform.database import Connection, Pool

TABLE = "case_file"
"""To which the keys of cases are bound, beside their numbers."""


@dataclass(frozen=True, slots=True, repr=False)
class Seal:
    """A data key, and what it seals; ``None``: it was destroyed."""

    key: bytes | None

    def sealed(self, text: str, table: str, column: str, row_id: int) -> bytes:
        """Ciphertext of words; empty for none."""
        assert self.key is not None, "nothing is written about who was erased"
        return encrypt_field(self.key, text, table=table, column=column, row_id=row_id)

    def sealed_file(self, content: bytes, attachment_id: int) -> bytes:
        """Ciphertext of a file."""
        assert self.key is not None, "nothing is written about who was erased"
        return encrypt_bytes(
            self.key, content, table="case_attachment", column="content", row_id=attachment_id
        )

    def opened(self, ciphertext: bytes, table: str, column: str, row_id: int) -> str:
        """Words in clear; empty where there are none, or no key any more."""
        if not ciphertext or self.key is None:
            return ""
        return decrypt_field(self.key, ciphertext, table=table, column=column, row_id=row_id)

    def text_of(self, case: Case) -> str:
        """What a case says."""
        return self.opened(case.text, "case_file", "text", case.case_id)

    def message(self, each: Message) -> str:
        """What a message says."""
        return self.opened(each.text, "case_message", "text", each.message_id)

    def outcome(self, each: Outcome, column: str) -> str:
        """``reasons``, ``value`` or ``note`` of an outcome."""
        ciphertext: bytes = getattr(each, column)
        return self.opened(ciphertext, "case_outcome", column, each.outcome_id)

    def name_of(self, each: Attachment) -> str:
        """A file's name."""
        return self.opened(each.name, "case_attachment", "name", each.attachment_id)

    def file(self, each: Attachment) -> bytes:
        """A file's content; empty where there is no key any more."""
        if self.key is None:
            return b""
        return decrypt_bytes(
            self.key, each.content, table="case_attachment", column="content",
            row_id=each.attachment_id,
        )  # fmt: skip


@rule("R-KEY-02")
async def own_key(
    connection: Connection, keys: KeyService, case_id: int
) -> tuple[Seal, bytes]:
    """A fresh seal of a case, and its key wrapped; never under a master key that is retired."""
    await connection.execute(keys_sql.TOGETHER)
    data_key = new_data_key()
    wrapped = await beside(keys, lambda: keys.wrap(data_key, case_id, TABLE))
    if (keys_sql.MASTER, master_id_of(wrapped)) in await keys_sql.retired(connection):
        raise MissingKeyError("the key file of this process is an old one")
    return Seal(data_key), wrapped


async def seal_of(connection: Connection | Pool, keys: KeyService, case: Case) -> Seal:
    """The seal of a case."""
    if case.data_key:
        return Seal(await beside(keys, lambda: keys.unwrap(case.data_key, case.case_id, TABLE)))
    row = await store.borrower(connection, case.borrower_id)
    wrapped = row["data_key"] if row else b""
    if not wrapped:
        return Seal(None)
    return Seal(await beside(keys, lambda: keys.unwrap(wrapped, case.borrower_id)))
