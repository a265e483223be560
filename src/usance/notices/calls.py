"""Counts calls that were taken and that were not, as providers tell of them: laws limit both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from usance.consents.records import Party, borrower
from usance.core.rules import rule
from usance.notices import queue_sql
from usance.notices.counter_rows import Counters, of_contact, of_debt, of_person, subjects
from usance.notices.counters import Counter, added, slot_of
from usance.notices.gate import Gate, Notice
from usance.notices.queue_sql import Row
from usance.notices.receipts import Heard, Listener
from usance.platform.database import Connection

WORDS: Final = ("answered", "unanswered")
MEMBER = "member"
"""The kind of party that a relative is."""


def counting_calls(gate: Gate, jurisdiction: str) -> Listener:
    """A listener of receipts; what it counts is noted with them, or not at all."""

    @rule("R-SEND-04")
    async def count(connection: Connection, heard: Sequence[Heard], now: datetime) -> None:
        words = {each.key: each.word for each in heard if each.word in WORDS}
        if not words:
            return
        rows = await connection.fetch(queue_sql.CALLS, *map(list, zip(*words, strict=True)))
        counters = Counters()
        wanted = {
            each for row in rows
            for each in subjects([row["contact_hash"]], party_of(row), row["contract_id"])
        }  # fmt: skip
        await connection.execute(queue_sql.ENTER_COUNTERS, sorted(wanted), now)
        await counters.lock(connection, wanted)
        zone = gate.law.zones_of(jurisdiction)[0]
        for row in rows:
            word = words[row["cell"], row["borrower_id"], row["notice_id"]]
            for cap in gate.caps(sort_of(row, jurisdiction), now, word):
                subject = {
                    "contact": of_contact(row["contact_hash"]), "person": of_person(party_of(row)),
                    "debt": of_debt(row["contract_id"]),
                }[cap.of]  # fmt: skip
                counter = counters.of(subject).get(cap.id, Counter())
                slot = slot_of(cap.window, now, zone)
                counters.move(subject, cap.id, added(counter, cap.window, slot))
        await counters.write(connection, now)

    return count


def party_of(row: Row) -> Party:
    """Who was called."""
    if row["member_id"]:
        return Party(MEMBER, row["member_id"])
    return borrower(row["borrower_id"])


def sort_of(row: Row, jurisdiction: str) -> Notice:
    """The call as far as the gate is concerned."""
    days: int = msgspec.json.decode(row["facts"]).get("days", 0)
    return Notice(
        row["purpose"], row["channel"], row["audience"], jurisdiction, row["until"], row["scope"],
        max(days, 0),
    )  # fmt: skip
