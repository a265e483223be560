"""A detail of a borrower is corrected: encrypted anew under the borrower's own key.

Who did it, when and which detail stands in the audit event; no value ever does.
"""

from __future__ import annotations

from typing import Any

from usance.core.identifiers import cell_of_borrower, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.identity.people import email_of, name_of
from usance.ledger.digest import digest
from usance.platform.crypto import KeyService, beside, encrypt_field
from usance.platform.database import Pool

CHECKS = {"name": name_of, "email": email_of}
"""Details that are corrected; a phone or an identity number finds its borrower and is not."""


@rule("R-CASE-18")
def checked_detail(detail: str, value: str) -> str:
    """A new value in its one spelling; raises ``Refused`` without repeating it."""
    if detail not in CHECKS:
        known = ", ".join(CHECKS)
        raise Refused("R-CASE-18", f"a detail that is corrected is one of {known}", "detail")
    return CHECKS[detail](value)


@rule("R-CASE-18")
async def correct(
    pool: Pool, keys: KeyService, borrower_id: int, detail: str, value: str, asking: Asking
) -> Answer:
    """Correct a detail, once for an actor's key; raises ``Refused``."""
    checked = checked_detail(detail, value)

    async def act(change: Change) -> dict[str, Any]:
        row = await store.borrower_alone(change.connection, borrower_id)
        if row is None:
            raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
        if not row["data_key"]:
            raise Refused("R-CASE-18", "nothing is known of this borrower that could be corrected")
        data_key = await beside(keys, lambda: keys.unwrap(row["data_key"], borrower_id))
        ciphertext = encrypt_field(
            data_key, checked, table="borrower", column=detail, row_id=borrower_id
        )
        await store.set_detail(change.connection, borrower_id, detail, ciphertext)
        await noted(change, borrower_id, detail)
        return {"borrower_id": written("borrower", borrower_id)}

    return await once(pool, asking, act)


@rule("R-AUDIT-01", "R-CASE-18")
async def noted(change: Change, borrower_id: int, detail: str) -> None:
    """The audit event: whose detail, which one, by whom; no value."""
    await store.insert_operation(
        change.connection, change.operation_id, actor=change.actor, action="CorrectBorrower",
        on=change.on, digest=digest([("borrower", [(cell_of_borrower(borrower_id), borrower_id)])]),
        borrower_id=borrower_id, detail={"corrected": detail},
    )  # fmt: skip
