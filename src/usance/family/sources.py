"""Where relatives are named from: one browser or one address that names far too many is told of.

Only what was named from there is counted, never what became of it, so that a refusal says nothing
of anybody who was named.
"""

from __future__ import annotations

from dataclasses import dataclass

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.family import store
from usance.family.links import Kit
from usance.notices import queue_sql, watching
from usance.notices.breaker_moves import Place
from usance.notices.counter_rows import Counters
from usance.notices.watches import DEVICE, NETWORK
from usance.platform.addresses import counted_as
from usance.platform.database import Connection

HASHED = "family source"


@dataclass(frozen=True, slots=True)
class Source:
    """A browser in which somebody has logged in, and its address; neither: staff or a program."""

    device_id: int = 0
    address: str = ""


NOWHERE = Source()


@rule("R-FAMILY-19")
async def count(kit: Kit, connection: Connection, borrower_id: int, source: Source) -> None:
    """One more is named from there; raises ``Refused`` where somebody must look first."""
    numbers = {DEVICE: kit.policy.from_device, NETWORK: kit.policy.from_network}
    found = await _places(kit, connection, borrower_id, source)
    newest = [names[0] for names in found if names]
    subjects = [watching.subject_of(each) for each in newest]
    await connection.execute(queue_sql.ENTER_COUNTERS, sorted(subjects), kit.now)
    counters = Counters()
    await counters.lock(connection, subjects)
    if await store.any_open(connection, [each for names in found for each in names]):
        detail = "no more relatives can be named from here until we have looked at it; ask us"
        raise Refused("R-FAMILY-19", detail)
    for place in newest:
        await watching.count(connection, counters, place, numbers[place[0]], kit.now)
    await counters.write(connection, kit.now)


async def _places(
    kit: Kit, connection: Connection, borrower_id: int, source: Source
) -> list[list[Place]]:
    """Of browser and address, as breakers name them: by keyed hashes, the newest first."""
    known = await store.device_token(connection, borrower_id, source.device_id)
    texts = {DEVICE: known.hex(), NETWORK: counted_as(source.address)}
    return [
        [(kind, each.hex()) for each in await kit.keyed.macs(HASHED, f"{kind} {text}")]
        for kind, text in texts.items() if text
    ]  # fmt: skip
