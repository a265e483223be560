"""Numbers are hashed anew when there is a new index key, and who must never be asked stays so.

The number itself stands in the links alone, under the borrower's key; a bar arises from a link, so
it goes along with the hash of that link.
"""

from __future__ import annotations

from usance.core.rules import rule
from usance.family import store
from usance.family.links import Kit
from usance.identity import keys_sql, portal_store
from usance.identity.boxes import check_current
from usance.platform.crypto import beside, prefix_of
from usance.platform.database import transaction
from usance.platform.key_file import FIRST


@rule("R-FAMILY-12")
async def rehash(kit: Kit) -> int:
    """Whatever an older key has hashed gets the newest key's hash too; how many links that were."""
    newest = (await beside(kit.keys, kit.keys.ids)).newest_index
    if newest == FIRST:
        return 0
    done = 0
    for at in await store.hashed_before(kit.pool, prefix_of(newest)):
        async with transaction(kit.pool, keys_sql.TOGETHER) as connection:
            who = await portal_store.active_borrower(connection, at[0], stays=True)
            link = await store.one(connection, *at, lock="FOR UPDATE")
            if who is None or link is None:
                continue
            lookups = await kit.lookups((await kit.details(who, link)).phone)
            await check_current(connection, lookups)
            await store.rehash(connection, link, lookups[0])
            done += 1
    return done
