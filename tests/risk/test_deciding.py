"""Decisions as they are stored: whole, once, with their shadows, and the same when made again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
import pytest_asyncio

from tests.risk.deciders import GOOD, STUDENT_NO, Deciders, deciders, newest
from tests.risk.registering import BEGINS, CARD, adopt
from tests.servicing.books import fingerprint
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.identity.once import Answer
from usance.platform.database import Pool, transaction
from usance.risk import decision_store as store
from usance.risk.scorecard import Characteristic


@pytest_asyncio.fixture
async def room(pool: Pool) -> AsyncIterator[Deciders]:
    async with deciders(pool) as found:
        yield found


async def refused(room: Deciders, rule: str, kind: str, borrower: int, **more: object) -> Refused:
    """Refused by the rule, and nothing changed."""
    pool = room.book.pool
    before = await fingerprint(pool)
    with pytest.raises(Refused) as found:
        await room.answer(kind, borrower, **more)
    assert found.value.refusal.rule == rule, found.value
    assert await fingerprint(pool) == before
    return found.value


async def test_a_decision_is_stored_whole(room: Deciders) -> None:
    """R-DECIDE-04: versions, row, outcome, reasons in clear; facts with their sources sealed."""
    await room.card()
    borrower = await room.good()
    found = await room.decide("open", borrower)
    _, sealed = await room.opened(found)
    assert sealed is not None
    assert (found.policy, found.row_taken) == ("cn-pay-later-open 1", 13)
    assert found.outcome == {"answer": 0}
    assert found.reasons == ("all-in-order",)
    assert (found.score, found.tried[0], len(found.tried)) == (560, 0, 12)
    assert sealed.facts["debt_service"] == GOOD["debt_service"]
    assert sealed.facts["days_late"] == 0
    assert sealed.given["debt_service"].fact_id == 77
    assert sealed.given["days_late"].source == "book"
    assert sealed.given["student"].source == "declared"
    assert str(GOOD["income"]).encode() not in found.snapshot
    assert found.is_whole(sealed)
    assert found.status == "automatic"
    assert found.latency_us > 0
    row = await room.book.pool.fetchrow(
        "SELECT action, actor, borrower_id, detail FROM operation WHERE operation_id = $1",
        found.operation_id,
    )
    assert tuple(row[:3]) == ("Decide", "staff:1", borrower)
    assert written("decision", found.decision_id) in row["detail"]
    await room.book.holds()


async def test_the_same_key_decides_once(room: Deciders) -> None:
    """R-DECIDE-04."""
    borrower = await room.good()
    how = {"declared": STUDENT_NO, "key": "k", "request_hash": b"one"}
    first = await room.answer("open", borrower, **how)
    again = await room.answer("open", borrower, **how)
    assert again == Answer(201, first.document, first.operation_id, replayed=True)
    assert await room.book.pool.fetchval("SELECT count(*) FROM decision") == 1
    with pytest.raises(Refused, match="R-IDEM-01"):
        await room.answer("open", borrower, **how | {"request_hash": b"another"})


async def test_a_limit_rests_on_a_tier_that_is_decided_with_it(room: Deciders) -> None:
    await room.card()
    borrower = await room.good()
    limit = await room.decide("limit", borrower)
    tier = await newest(room.book.pool, borrower, "tier")
    assert tier is not None
    assert tier.operation_id == limit.operation_id
    _, sealed = await room.opened(limit)
    assert sealed is not None
    assert sealed.given["tier"].fact_id == tier.decision_id
    again = await room.decide("limit", borrower)
    assert (await store.of_operation(room.book.pool, again.operation_id)) == [again]
    await room.book.holds()


async def test_room_is_what_is_left_after_what_is_asked_for(room: Deciders) -> None:
    borrower = await room.good()
    await room.book.line(borrower, "cash_loan", 500_000)
    await room.book.loan(borrower, 300_000, 3)
    more = {"product": "cash_loan"}
    small = await room.decide("draw", borrower, declared={"asked_for": 200_000}, **more)
    large = await room.decide("draw", borrower, declared={"asked_for": 200_001}, **more)
    assert (small.outcome, large.outcome) == ({"answer": 0}, {"answer": 2})
    assert large.reasons == ("no-room",)


@pytest.mark.parametrize(("kind", "declared", "rule"), [
    ("open", {}, "R-POLICY-04"),
    ("open", {"student": 2}, "R-DECIDE-05"),
    ("open", {"student": 0, "income": 900}, "R-DECIDE-05"),
    ("open", {"student": 0, "education": 1}, "R-DECIDE-05"),
    ("open", {"student": 0, "shoe_size": 44}, "R-DECIDE-05"),
    ("draw", {"asked_for": 100}, "R-POLICY-04"),
    ("marriage", {}, "R-DECIDE-05"),
])  # fmt: skip
async def test_what_cannot_be_decided_changes_nothing(
    room: Deciders, kind: str, declared: dict[str, int], rule: str
) -> None:
    """R-DECIDE-05."""
    await refused(room, rule, kind, await room.good(), declared=declared)


async def test_nothing_is_decided_about_nobody(room: Deciders) -> None:
    await refused(room, "R-FOUND-01", "open", 12_345 << 10, declared=STUDENT_NO)


async def test_a_shadow_is_stored_and_never_counts(room: Deciders) -> None:
    """R-DECIDE-07: what another scorecard says stands beside, and no decision rests on it."""
    await room.card()
    harsh = msgspec.structs.replace(CARD, base=300)
    await room.card("shadow", 2, harsh)
    borrower = await room.good()
    tier = await room.decide("tier", borrower)
    (beside,) = await store.shadows(room.book.pool, tier)
    assert (beside.shadow, beside.of_decision_id, beside.score) == (True, tier.decision_id, 360)
    assert beside.outcome != tier.outcome
    assert await newest(room.book.pool, borrower, "tier") == tier
    assert await store.of_borrower(room.book.pool, borrower) == [tier]
    limit = await room.decide("limit", borrower)
    _, sealed = await room.opened(limit)
    assert sealed is not None
    assert sealed.facts["tier"] == tier.outcome["tier"]
    await room.book.holds()


async def test_who_cannot_be_scored_has_no_score(room: Deciders) -> None:
    bare = msgspec.structs.replace(
        CARD, characteristics=(Characteristic("utilisation", (5_000,), (40, 0)),)
    )
    await room.card(card=bare)
    found = await room.decide("tier", await room.good())
    assert (found.score, found.scorecard_digest) == (None, b"")
    assert found.reasons == ("score-middling",)


async def test_made_again_after_the_policy_moved_on(room: Deciders) -> None:
    """R-DECIDE-03, with other versions of policy and scorecard in force."""
    await room.card()
    borrower = await room.good()
    before = [await room.decide(kind, borrower) for kind in ("open", "tier", "limit", "extension")]
    rows = [*msgspec.to_builtins(adopt().policy.rows)]
    rows[0]["when"] = {"days_late": ">= 20 days"}
    await room.office.adopted(adopt(2, BEGINS, rows=rows))
    await room.card("champion", 2, msgspec.structs.replace(CARD, base=505))
    after = await room.decide("tier", borrower)
    assert after.policy == "cn-tier 2"
    assert after.score == before[1].score + 5  # type: ignore[operator]
    found = await room.archive.replay_all()
    assert (found.made, found.forgotten, found.differences) == (5, 0, ())


async def test_a_replay_names_what_was_tampered_with(room: Deciders) -> None:
    """R-DECIDE-04."""
    found = await room.decide("open", await room.good())
    async with transaction(room.book.pool) as connection:
        await connection.execute("UPDATE decision SET row_taken = 2, outcome = '{\"answer\": 2}'")
    replay = await room.archive.replay_all()
    assert [(each.decision_id, each.what) for each in replay.differences] == [
        (found.decision_id, "fingerprint")
    ]
    assert [each.invariant for each in await room.book.findings()] == ["INV-DECIDE-01"]


async def test_snapshots_in_bulk_for_a_back_test(room: Deciders) -> None:
    people = [await room.good() for _ in range(3)]
    for each in people:
        await room.decide("tier", each)
    await room.decide("extension", people[0])
    first = await newest(room.book.pool, people[0], "tier")
    assert first is not None
    since = first.decided_at - timedelta(seconds=1)
    found = [each async for page in room.archive.snapshots("cn-tier", since) for each in page]
    assert [each.stored.borrower_id for each in found] == people
    assert all(each.snapshot and each.snapshot.facts["days_late"] == 0 for each in found)
    later = first.decided_at + timedelta(days=1)
    assert [page async for page in room.archive.snapshots("cn-tier", later)] == []
