"""A detail of a borrower is corrected: encrypted anew under the borrower's own key.

Who did it, when and which detail stands in the audit event; no value ever does.
"""

from __future__ import annotations

import msgspec

from usance.core.identifiers import cell_of_borrower, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store
from usance.identity.once import Answer
from usance.identity.people import email_of, name_of
from usance.ledger.digest import digest
from usance.platform.crypto import KeyService, beside, encrypt_field
from usance.platform.database import Connection, Pool, retrying, transaction
from usance.platform.identifiers import new_operation_id

CHECKS = {"name": name_of, "email": email_of}
"""Details that are corrected; a phone or an identity number finds its borrower and is not."""


@rule("R-CASE-18")
def checked_detail(detail: str, value: str) -> str:
    """A new value in its one spelling; raises ``Refused`` without repeating it."""
    if detail not in CHECKS:
        known = ", ".join(CHECKS)
        raise Refused("R-CASE-18", f"a detail that is corrected is one of {known}", "detail")
    return CHECKS[detail](value)


class _Twin(Exception):
    """Another request with the same key was committed first."""


@rule("R-CASE-18")
async def correct(
    pool: Pool, keys: KeyService, borrower_id: int, detail: str, value: str, *, actor: str,
    key: str, request_hash: bytes,
) -> Answer:  # fmt: skip
    """Correct a detail once for an actor's key; raises ``Refused``."""
    checked = checked_detail(detail, value)

    async def attempt() -> Answer:
        async with transaction(pool) as connection:
            first = await store.first_answer(connection, actor, key)
            if first is not None:
                return first.again(request_hash)
            answer = await _corrected(connection, keys, borrower_id, detail, checked, actor)
            kept = msgspec.json.encode(answer.document).decode()
            row = actor, key, request_hash, answer.status, kept, answer.operation_id
            if not await store.keep_answer(connection, row):
                raise _Twin
            return answer

    while True:
        try:
            return await retrying(attempt)
        except _Twin:
            continue


async def _corrected(
    connection: Connection, keys: KeyService, borrower_id: int, detail: str, value: str, actor: str
) -> Answer:
    row = await store.borrower_alone(connection, borrower_id)
    on = await store.business_date(connection)
    if row is None or on is None:
        raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
    if not row["data_key"]:
        raise Refused("R-CASE-18", "nothing is known of this borrower that could be corrected")
    data_key = await beside(keys, lambda: keys.unwrap(row["data_key"], borrower_id))
    ciphertext = encrypt_field(
        data_key, value, table="borrower", column=detail, row_id=borrower_id
    )
    await store.set_detail(connection, borrower_id, detail, ciphertext)
    operation_id = new_operation_id()
    await store.insert_operation(
        connection, operation_id, actor=actor, action="CorrectBorrower", on=on,
        digest=digest([("borrower", [(cell_of_borrower(borrower_id), borrower_id)])]),
        borrower_id=borrower_id, detail={"corrected": detail},
    )  # fmt: skip
    document = {
        "borrower_id": written("borrower", borrower_id),
        "operation_id": written("operation", operation_id),
    }
    return Answer(201, document, operation_id)
