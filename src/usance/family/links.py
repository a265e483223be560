"""Links opened and sealed, and their codes: what every use case of the room works with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.family import store
from usance.family.policy import FamilyPolicy
from usance.family.records import Details, Link
from usance.identity import portal_store
from usance.identity.boxes import Boxes
from usance.identity.changing import Change
from usance.ledger.digest import digest
from usance.notices.codes import ALPHABET, LENGTH
from usance.notices.gate import Gate
from usance.notices.quiet import settled_over
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Connection, Pool
from usance.platform.derived import DerivedSecrets
from usance.platform.identifiers import new_operation_id

NUMBER = "family number"
"""What a number's keyed hash is for: it does not say whether somebody is a borrower."""
INVITATION, STOP, DIGITS = "family invitation", "family stop", "family digits"
"""What a code is hashed for."""


@dataclass(frozen=True, slots=True)
class Kit:
    """Everything that the use cases need."""

    pool: Pool
    keys: KeyService
    boxes: Boxes
    keyed: DerivedSecrets
    clock: Clock
    policy: FamilyPolicy
    gate: Gate
    jurisdiction: str
    """Of the book."""

    @property
    def now(self) -> datetime:
        """The moment."""
        return self.clock.now()

    async def settled(self, borrower_id: int) -> None:
        """Return when nothing that was decided before is still leaving."""
        await settled_over(self.pool, self.clock)(borrower_id)

    async def lookups(self, phone: str) -> list[bytes]:
        """The keyed hashes of a number, the newest first."""
        return await beside(self.keys, lambda: self.keys.blind_indexes(phone, NUMBER))

    # -- what is secret of a link --------------------------------------------------------------

    async def sealed(self, who: portal_store.Row, member_id: int, details: Details) -> bytes:
        """Who the relative is, under the borrower's key."""
        text = msgspec.json.encode(details).decode()
        return await self.boxes.seal(who, text, **place("box", member_id))

    async def details(self, who: portal_store.Row, link: Link) -> Details:
        """Who the relative is."""
        text = await self.boxes.open(who, link.box, **place("box", link.member_id))
        return msgspec.json.decode(text, type=Details)

    async def stop_code(
        self, connection: Connection, who: portal_store.Row, link: Link
    ) -> str:
        """The code by which the relative ends it, on each notice to them.

        A hash that an older key has made is made anew, so that codes outlive the keys.
        """
        code = await self.boxes.open(who, link.stop_box, **place("stop_box", link.member_id))
        newest = await self.keyed.mac(STOP, code)
        if newest != link.stop_hash:
            await store.set_stop_hash(connection, link, newest)
        return code


def place(column: str, member_id: int) -> dict[str, Any]:
    """Where a ciphertext belongs."""
    return {"table": "family_link", "column": column, "row_id": member_id}


@rule("R-FAMILY-07")
def new_code() -> str:
    """Ten characters without look-alikes: fifty random bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def following(change: Change) -> Change:
    """A further audit event of the same transaction."""
    return replace(change, operation_id=new_operation_id())


@rule("R-AUDIT-01")
async def noted(change: Change, link: Link, action: str, **detail: Any) -> None:
    """The audit event of a link: where it stands now, and no personal data."""
    rows = [(link.cell, link.borrower_id, link.member_id, link.state)]
    named = {"member": written("member", link.member_id)} | detail
    await change.note(
        action, digest([("family_link", rows)]), named, borrower_id=link.borrower_id
    )
