"""``usance verify`` names every damage that is done to stored decisions."""

from __future__ import annotations

import msgspec
import pytest

from tests.risk.deciders import deciders
from tests.risk.registering import CARD
from usance.core.refusals import Refused
from usance.day import verify
from usance.platform.clock import SystemClock
from usance.platform.database import Pool, transaction
from usance.platform.personal import FORGET
from usance.risk import decision_store, decisions_leaving, reviewing
from usance.risk.reviewing import Looking

DAMAGES = {
    "another outcome": (
        "UPDATE decision SET outcome = '{\"tier\": 0}' WHERE NOT shadow", "INV-DECIDE-01"),
    "another fingerprint": (
        "UPDATE decision SET fingerprint = sha256(fingerprint)", "INV-DECIDE-01"),
    "decided by somebody else": ("UPDATE decision SET actor = 'staff:9'", "INV-DECIDE-01"),
    "on another day": (
        "UPDATE decision SET business_date = business_date + 1", "INV-DECIDE-01"),
    "taken away": ("DELETE FROM decision WHERE shadow", "INV-DECIDE-01"),
    "other words": (
        "UPDATE decision_words SET body = replace(body, 'score', 'mark')", "INV-DECIDE-02"),
    "no words": ("DELETE FROM decision_words", "INV-DECIDE-02"),
    "a shadow of nothing": (
        "UPDATE decision SET of_decision_id = 7 WHERE shadow", "INV-DECIDE-03"),
    "a shadow that counts": ("UPDATE decision SET shadow = false", "INV-DECIDE-03"),
    "a review by nobody": ("UPDATE decision_review SET actor = 'staff:9'", "INV-DECIDE-04"),
    "another end of a review": ("UPDATE decision_review SET state = 2", "INV-DECIDE-04"),
    "a review that is taken away": ("DELETE FROM decision_review", "INV-DECIDE-04"),
    "a review of a shadow": (
        "UPDATE decision_review SET decision_id = (SELECT decision_id FROM decision WHERE shadow)",
        "INV-DECIDE-04"),
}  # fmt: skip


async def test_every_damage_is_named(pool: Pool) -> None:
    """R-DECIDE-04, R-VERIFY-01: each is done, found, and taken back."""
    async with deciders(pool) as room:
        await room.card()
        await room.card("shadow", 2, msgspec.structs.replace(CARD, base=300))
        stored = await room.decide("tier", await room.good())
        async with transaction(pool) as connection:
            now = SystemClock().now()
            await reviewing.pause(Looking(connection, stored.operation_id, 5, "staff:1", now))
        await room.book.holds()
        for name, (sql, wanted) in DAMAGES.items():
            assert wanted in await damaged(room.book.pool, sql), name
        await room.book.holds()


async def damaged(pool: Pool, sql: str) -> set[str]:
    """What is found once it is done; it is taken back."""
    class Back(Exception):
        pass

    found: set[str] = set()
    with pytest.raises(Back):
        async with transaction(pool) as connection:
            await connection.execute(sql)
            findings = await verify.check(connection, lambda _: None, None)
            found = {each.invariant for each in findings}
            raise Back
    return found


async def test_what_was_forgotten_cannot_be_made_again_and_is_counted(pool: Pool) -> None:
    """R-DECIDE-04: that it was decided stays, what it was made of is gone."""
    assert decisions_leaving.forget_decisions in FORGET
    async with deciders(pool) as room:
        kept, gone = await room.good(), await room.good()
        await room.decide("tier", kept)
        lost = await room.decide("tier", gone)
        async with transaction(pool) as connection:
            await decisions_leaving.forget_decisions(connection, gone)
        found = await room.archive.replay_all()
        assert (found.made, found.forgotten, found.differences) == (1, 1, ())
        again = await decision_store.one(pool, lost.decision_id)
        assert again is not None
        assert (again.snapshot, again.outcome) == (b"", lost.outcome)
        await room.book.holds()


async def test_who_is_known_by_a_number_alone_is_decided_about(pool: Pool) -> None:
    """Of an imported account there is no key, and nothing of a person."""
    async with deciders(pool) as room:
        who = await room.book.borrower()
        async with transaction(pool) as connection:
            await connection.execute("UPDATE borrower SET data_key = ''")
        stored = await room.decide("tier", who)
        assert stored.snapshot.startswith(b"\0")
        found = await room.archive.replay_all()
        assert (found.made, found.differences) == (1, ())
        with pytest.raises(Refused):
            await room.archive.one(stored.decision_id + 1)
