"""What of relatives concerns keys, a person who is told everything, and one who is forgotten."""

from __future__ import annotations

from typing import Any

import msgspec

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.family import (
    ending,  # noqa: F401 (what rests on agreements ends with them)
    rules,
    store,
)
from usance.family.links import place
from usance.family.records import Details
from usance.identity import portal_store
from usance.platform.clock import SystemClock
from usance.platform.crypto import KeyService, beside, decrypt_field
from usance.platform.database import Connection
from usance.platform.personal import forget, opened_part, sealed_fields

KEY = ("cell", "borrower_id", "member_id")

sealed_fields("family_link", ("box", "stop_box"), KEY, "member_id")


@forget
@rule("R-FAMILY-17")
async def forget_family(connection: Connection, borrower_id: int) -> None:
    """Nothing of the borrower's relatives is left."""
    await store.forget(connection, borrower_id)


@opened_part("family", "family_link")
@rule("R-FAMILY-17")
async def family(
    connection: Connection, keys: KeyService, borrower_id: int
) -> list[dict[str, Any]]:
    """Whom the borrower named and how it stands, as the borrower's own page says it."""
    who = await portal_store.active_borrower(connection, borrower_id)
    links = await store.of_borrower(connection, borrower_id) if who else []
    if who is None or not links:
        return []
    key, now = await beside(keys, lambda: keys.unwrap(who["data_key"], borrower_id)), SystemClock()
    found = []
    for link in links:
        text = decrypt_field(key, link.box, **place("box", link.member_id))
        details = msgspec.json.decode(text, type=Details)
        found.append({
            "member_id": written("member", link.member_id), "name": details.name,
            "relation": details.relation, "phone": details.phone, "email": details.email,
            "state": rules.shown_state(link, now.now()), "scopes": list(link.scopes),
            "asked_at": link.asked_at.isoformat(),
        })  # fmt: skip
    return found
