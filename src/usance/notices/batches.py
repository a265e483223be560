"""Decides about a batch of what is due, and lets go as one message what waited to go together.

All of a batch is decided in one transaction, which locks the people and the consents that it rests
on and counts what is about to leave. Handing over comes after it, so no session waits for anybody.
What goes together keeps a row each; the message is a notice of its own, which is decided, handed
over and asked for again like any other, and they stand as it does (docs/decisions/0024).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from usance.core.rules import rule
from usance.notices import queue_sql, reading
from usance.notices.deciding import Asking, Decision, House, decided, noted
from usance.notices.gate import DIGEST
from usance.notices.outbox import BUNDLE, DROPPED, FAILED
from usance.notices.queue_sql import Row
from usance.notices.reading import Known
from usance.notices.templates import in_force
from usance.platform.database import Connection

Group: TypeAlias = tuple[int, str]
"""A borrower and a purpose."""


async def decide(
    connection: Connection, house: House, rows: Sequence[Row], now: datetime
) -> list[Decision]:
    """Decide about rows that are locked, and write it down. Raises ``TakenMeanwhile``."""
    waited = await waiting_with(connection, rows, now, house.policy.digest.most)
    rows = [*rows, *(row for some in waited.values() for row in some)]
    known = await reading.read(connection, house.keys, house.members, rows, now)
    newest, *_ = await house.codes.all()
    batch = Batch(connection, house, known, now, newest)
    found = await batch.decided(rows, {group for group, some in waited.items() if some})
    await known.counters.write(connection, now)
    await queue_sql.write(connection, queue_sql.DECIDE, map(decided, found))
    await queue_sql.write(connection, queue_sql.NOTE, (noted(each, now) for each in found))
    if ended := [each.row for each in found if is_in_vain(each)]:
        await connection.execute(queue_sql.LAY, *queue_sql.places(ended), now)
    return found


def group_of(row: Row) -> Group:
    """With what a notice may go."""
    return row["borrower_id"], row["purpose"]


def is_in_vain(decision: Decision) -> bool:
    """Whether the message of several notices has no way left."""
    return decision.row["template_id"] == BUNDLE and decision.state in (DROPPED, FAILED)


async def waiting_with(
    connection: Connection, rows: Sequence[Row], now: datetime, most: int
) -> dict[Group, list[Row]]:
    """What waits to go with notices that waited for the same moment, by whom and for what."""
    first = [row for row in rows if row["because"] == DIGEST and not row["member_id"]]
    if not first:
        return {}
    cells, borrowers, notices = queue_sql.places(first)
    purposes = [row["purpose"] for row in first]
    found: dict[Group, list[Row]] = defaultdict(list)
    for row in await connection.fetch(
        queue_sql.COMPANIONS, now, cells, borrowers, purposes, notices
    ):
        if len(found[group_of(row)]) < most - 1:
            found[group_of(row)].append(row)
    return found


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """What is decided together."""

    connection: Connection
    house: House
    known: Known
    now: datetime
    code_key: bytes

    async def decided(self, rows: Sequence[Row], groups: set[Group]) -> list[Decision]:
        """Of each row what becomes of it; and of each message that several of them go in."""
        if groups:
            version = await in_force(self.connection, BUNDLE, self.known.on)
            if version is None:
                groups = set()
            else:
                self.known.templates[BUNDLE] = version
        asked = [self._asking(row, together=row["because"] == DIGEST and group_of(row) in groups)
                 for row in rows]  # fmt: skip
        found = [await each.decide() for each in asked]
        return await self._bundled(found) if groups else found

    def _asking(self, row: Row, *, together: bool = False) -> Asking:
        return Asking(
            self.connection, self.house, self.known, row, self.now, self.code_key, together
        )

    @rule("R-DIGEST-02")
    async def _bundled(self, found: Sequence[Decision]) -> list[Decision]:
        """Who goes the same way goes in one message; one that is alone goes as itself."""
        done, joining = list[Decision](), dict[tuple[Group, str], list[Decision]]()
        for each in found:
            if each.joining is None:
                done.append(each)
            else:
                joining.setdefault((group_of(each.row), each.channel), []).append(each)
        speaks = self.known.templates[BUNDLE].document.channels if joining else {}
        for (_, way), some in joining.items():
            if len(some) > 1 and way in speaks:
                done += await self._message(some)
            else:
                done += [await self._asking(each.row).decide() for each in some]
        return done

    async def _message(self, some: Sequence[Decision]) -> list[Decision]:
        """The notice of a message, decided, and those that go in it."""
        row = await self._planned(some)
        notice_id = row["notice_id"]
        self.known.bundled[notice_id] = [each.joining for each in some if each.joining]
        found = await self._asking(row).decide()
        return [found, *(replace(each, bundle=notice_id) for each in some)]

    async def _planned(self, some: Sequence[Decision]) -> Row:
        """Its row; it is of use as long as all are that go in it."""
        first, facts = some[0].row, reading.as_json({"count": len(some)})
        columns: dict[str, Any] = {
            "cell": first["cell"], "borrower_id": first["borrower_id"],
            "key": f"{BUNDLE}:{first['notice_id']}", "template_id": BUNDLE,
            "purpose": first["purpose"], "audience": first["audience"],
            "contract_id": first["contract_id"], "facts": facts, "business_date": self.known.on,
            "not_before": self.now, "until": min(each.row["until"] for each in some),
        }  # fmt: skip
        notice_id = await self.connection.fetchval(queue_sql.BUNDLE, *columns.values())
        return dict(first) | columns | {"notice_id": notice_id, "fence": 0, "attempts": 0}
