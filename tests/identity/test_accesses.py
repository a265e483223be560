"""Who looked at whom: masked until there is a reason, every look noted, the person is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio

from tests.identity.accounts import KEYS, clock, logged_in, with_staff
from tests.servicing.books import fingerprint
from usance.audit import store as audit_store
from usance.audit.store import Wanted
from usance.core.refusals import Refused
from usance.identity.accesses import (
    CASE,
    DETAILS,
    EXPORT,
    LIST,
    Accesses,
    Opening,
    by_operator,
    role_that_sees,
)
from usance.identity.borrowers import Borrowers, masked
from usance.identity.changing import Asking
from usance.identity.people import Person
from usance.identity.rotation import renew_borrower
from usance.identity.sessions import StaffSession
from usance.identity.staff import Staff
from usance.platform.clock import FixedClock
from usance.platform.crypto import LocalKeyService, MissingKeyError
from usance.platform.database import Pool
from usance.servicing import read

PEOPLE = [
    Person("王小明", "+8613800000001", "ID0001AB", "xiaoming@example.org"),
    Person("Ann", "+8613800000002", "ID0002AB"),
]


@dataclass
class House:
    """Two borrowers, staff, and who looks."""

    pool: Pool
    staff: Staff
    accesses: Accesses
    borrowers: Borrowers
    wang: int
    ann: int


@pytest.fixture
def at() -> FixedClock:
    return clock()


@pytest_asyncio.fixture
async def house(pool: Pool, at: FixedClock) -> AsyncIterator[House]:
    staff = await with_staff(pool, at)
    borrowers = Borrowers(pool, KEYS)
    wang, ann = await borrowers.register_many(PEOPLE, actor="test")
    yield House(pool, staff, Accesses(pool, at, staff.policy, KEYS), borrowers, wang, ann)


@pytest.mark.parametrize(("text", "shown"), [
    ("13812345678", "••••5678"), ("1234", "••••"), ("", ""), ("x", "••••"),
])  # fmt: skip
def test_the_end_of_a_detail(text: str, shown: str) -> None:
    assert masked(text) == shown


async def test_a_borrower_is_masked_whole(house: House) -> None:
    """R-ACCESS-01."""
    wang, ann = await house.borrowers.masked([house.wang, house.ann])
    assert (wang.name, wang.phone, wang.identity_number, wang.email) == (
        "王••", "••••0001", "••••01AB", "••••.org",
    )  # fmt: skip
    assert (ann.name, ann.email) == ("A••", "")
    assert "小明" not in str(wang.document())


async def opened(house: House, session: StaffSession, borrower: int, key: str = "") -> None:
    asking = Asking(session.actor, key, b"h")
    await house.accesses.open(session, borrower, "case", " no. 7 ", asking)


async def test_a_reason_opens_one_borrower_for_one_session_for_a_while(
    house: House, at: FixedClock
) -> None:
    """R-ACCESS-01, R-ACCESS-03."""
    _, session = await logged_in(house.staff, "anna", "service")
    _, other = await house.staff.log_in("anna", "correct horse battery")
    both = [house.wang, house.ann]
    assert await house.accesses.opened(session, both) == {}
    await opened(house, session, house.wang)
    until = at.now() + timedelta(minutes=30)
    assert await house.accesses.opened(session, both) == {house.wang: Opening(until, "case")}
    assert await house.accesses.opened(other, both) == {}
    at.advance(timedelta(minutes=30))
    assert await house.accesses.opened(session, both) == {}
    (found,) = await house.accesses.of_borrower(house.wang, 2**62, 10)
    assert (found.actor, found.acted_as, found.reason, found.note, found.what) == (
        session.actor, "service", "case", "no. 7", "console",
    )  # fmt: skip
    row = await house.pool.fetchrow("SELECT * FROM operation WHERE action = 'OpenPerson'")
    assert (row["borrower_id"], row["actor"]) == (house.wang, session.actor)
    assert "no. 7" not in row["detail"]


async def test_who_may_not_see_people_sees_none_whatever_is_noted(house: House) -> None:
    """A role that is taken away closes what it had opened."""
    _, session = await logged_in(house.staff, "anna", "service")
    await opened(house, session, house.wang)
    bare = StaffSession(session.staff_id, "anna", "", ("viewer",), reference=session.reference)
    assert await house.accesses.opened(bare, [house.wang]) == {}
    assert await house.accesses.opened(session, []) == {}


async def test_twins_open_once(house: House) -> None:
    _, session = await logged_in(house.staff, "anna", "service")
    await asyncio.gather(*(opened(house, session, house.wang, "k") for _ in range(10)))
    assert len(await house.accesses.of_borrower(house.wang, 2**62, 50)) == 1


@pytest.mark.parametrize(("reason", "note", "rule"), [
    ("", "", "R-ACCESS-02"), ("curiosity", "", "R-ACCESS-02"), ("integration", "", "R-ACCESS-02"),
    ("case", "x" * 201, "R-ACCESS-02"), ("case", "a\nb", "R-ACCESS-02"),
    ("case\x00", "", "R-ACCESS-02"),
])  # fmt: skip
async def test_no_reason_is_no_look(house: House, reason: str, note: str, rule: str) -> None:
    _, session = await logged_in(house.staff, "anna", "service")
    before = await fingerprint(house.pool)
    with pytest.raises(Refused, match=rule):
        await house.accesses.open(session, house.wang, reason, note, Asking(session.actor))
    assert await fingerprint(house.pool) == before


async def test_nobody_is_not_looked_at(house: House) -> None:
    _, session = await logged_in(house.staff, "anna", "service")
    with pytest.raises(Refused, match="R-FOUND-01"):
        await opened(house, session, 7)
    assert await house.pool.fetchval("SELECT count(*) FROM access") == 0


async def test_a_machines_look_is_one_statement_and_one_row_each(house: House) -> None:
    """R-ACCESS-03: of a list one row for each borrower; of nobody none."""
    seen = house.accesses.by_machine("machine:4", "shop", "", LIST)
    found = await house.borrowers.read_many([house.wang, 7, house.ann], seen)
    assert [each.name for each in found] == ["王小明", "Ann"]
    one = house.accesses.by_machine("machine:4", "shop", "fraud", DETAILS)
    assert (await house.borrowers.read(house.wang, one)) is not None
    rows = await house.accesses.of_borrower(house.wang, 2**62, 10)
    assert [(r.reason, r.what) for r in rows] == [("fraud", "details"), ("integration", "list")]
    assert len(await house.accesses.of_borrower(house.ann, 2**62, 10)) == 1
    with pytest.raises(Refused, match="R-ACCESS-02"):
        house.accesses.by_machine("machine:4", "shop", "curiosity", LIST)


async def test_the_person_is_told_by_what_and_never_by_whom(house: House) -> None:
    """R-ACCESS-04."""
    _, session = await logged_in(house.staff, "anna", "service")
    await opened(house, session, house.wang)
    seen = house.accesses.by_machine("machine:4", "shop", "", LIST)
    await house.borrowers.read(house.wang, seen)
    told = await house.accesses.shown_to_person(house.wang, "en")
    assert [(each.who, each.is_machine, each.reason) for _, each in told] == [
        ("shop", True, "Connected system"), ("Customer service", False, "Case"),
    ]  # fmt: skip
    chinese = await house.accesses.shown_to_person(house.wang, "zh", limit=1)
    assert [(each.who, each.reason) for _, each in chinese] == [("shop", "系统对接")]
    older = await house.accesses.shown_to_person(house.wang, "zh", before=chinese[0][0])
    assert [(each.who, each.reason) for _, each in older] == [("客户服务", "案件处理")]
    assert "anna" not in str(told) + str(older)
    assert "no. 7" not in str(told) + str(older)
    assert await house.accesses.shown_to_person(house.ann, "en") == []


async def bound(house: House) -> list[dict[str, Any]]:
    """The audit events of looks, each with the digest that its rows have when asked anew."""
    rows = await house.pool.fetch(
        "SELECT operation_id, actor, action, borrower_id, digest, detail FROM operation"
        " WHERE detail ? 'looks' ORDER BY operation_id"
    )
    anew = [await recomputed(house, row["operation_id"]) for row in rows]
    return [dict(row) | {"recomputed": each} for row, each in zip(rows, anew, strict=True)]


async def recomputed(house: House, operation_id: int) -> bytes:
    """The digest as the rule's sentence says it, without the server's help."""
    rows = await house.pool.fetch(
        "SELECT * FROM access WHERE operation_id = $1 ORDER BY access_id, borrower_id", operation_id
    )
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    hashes = [
        sha256(json.dumps([
            row["access_id"], row["borrower_id"], row["actor"], row["acted_as"], row["reason"],
            row["what"], row["session"].hex(), (row["at"] - epoch) // timedelta(microseconds=1),
        ], ensure_ascii=False).encode()).digest()
        for row in rows
    ]  # fmt: skip
    return sha256(b"".join(hashes)).digest()


async def test_looks_are_bound_by_an_audit_event_of_their_answer(house: House) -> None:
    """R-ACCESS-05: one event each answer, which says neither a detail of the person nor a note."""
    _, session = await logged_in(house.staff, "anna", "service")
    name = '商店 "7" \\ é'
    listed = house.accesses.by_machine("machine:4", name, "", LIST)
    await house.borrowers.read_many([house.wang, 7, house.ann], listed)
    await house.borrowers.read_many([7], listed)  # nobody, and no event
    one = house.accesses.by_machine("machine:4", name, "", DETAILS)
    await house.borrowers.read(house.wang, one)
    await opened(house, session, house.wang)
    seen = house.accesses.by_staff(session, "case", CASE)
    for _ in range(2):
        await house.accesses.note(seen, house.ann, each=False)
    events = await bound(house)
    assert [(each["actor"], each["action"], each["borrower_id"]) for each in events] == [
        ("machine:4", "LookAtPerson", 0), ("machine:4", "LookAtPerson", house.wang),
        (session.actor, "OpenPerson", house.wang), (session.actor, "LookAtPerson", house.ann),
    ]  # fmt: skip
    assert [json.loads(each["detail"]) for each in events] == [
        {"reason": "integration", "what": "list", "looks": 2},
        {"reason": "integration", "what": "details", "looks": 1},
        {"reason": "case", "looks": 1}, {"reason": "case", "what": "case", "looks": 1},
    ]  # fmt: skip
    assert [each["digest"] for each in events] == [each["recomputed"] for each in events]
    await renew_borrower(house.pool, KEYS, house.wang, actor="operator:test")  # the note, anew
    assert [each["digest"] for each in events] == [e["recomputed"] for e in await bound(house)]


async def test_a_look_that_showed_nothing_is_none(house: House) -> None:
    """Where a key is missing nobody is seen."""
    none = Borrowers(house.pool, LocalKeyService(b"i" * 32, {7: b"x" * 32}))
    with pytest.raises(MissingKeyError):
        await none.read(house.wang, house.accesses.by_machine("machine:4", "shop", "", DETAILS))
    assert await house.accesses.of_borrower(house.wang, 2**62, 10) == []
    assert await bound(house) == []


async def test_a_look_is_not_among_what_was_done(house: House) -> None:
    """It stands among the looks, and among the audit events."""
    seen = house.accesses.by_machine("machine:4", "shop", "", DETAILS)
    await house.borrowers.read(house.wang, seen)
    for rows in (await read.operations(house.pool, borrower_id=house.wang),
                 await read.operations(house.pool)):  # fmt: skip
        assert "LookAtPerson" not in {row["action"] for row in rows}
    events, _ = await audit_store.events(house.pool, Wanted("", "LookAtPerson"), 2**63 - 1, 10)
    assert [row["borrower_id"] for row in events] == [house.wang]


async def test_notes_are_opened_for_who_may_see_people(house: House) -> None:
    """R-ACCESS-01."""
    _, session = await logged_in(house.staff, "anna", "service")
    await opened(house, session, house.wang)
    (found,) = await house.accesses.of_borrower(house.wang, 2**62, 10, with_notes=False)
    assert (found.note, found.reason) == ("", "case")


def test_as_what_somebody_looks() -> None:
    """R-ACCESS-04: the first role that gives it."""
    assert role_that_sees(StaffSession(1, "a", "", ("auditor", "collections", "viewer"))) == (
        "collections"
    )


async def test_a_note_is_the_persons_to_forget(house: House) -> None:
    """It may hold a name: sealed under the borrower's key, and gone with it."""
    _, session = await logged_in(house.staff, "anna", "service")
    await opened(house, session, house.wang)
    stored = await house.pool.fetchval("SELECT note FROM access")
    assert b"no. 7" not in stored
    assert "no. 7" not in repr(await house.accesses.of_borrower(house.wang, 2**62, 1))
    await renew_borrower(house.pool, KEYS, house.wang, actor="operator:test")
    (found,) = await house.accesses.of_borrower(house.wang, 2**62, 10)
    assert found.note == "no. 7"
    await house.pool.execute("UPDATE borrower SET data_key = '', status = 2")
    (found,) = await house.accesses.of_borrower(house.wang, 2**62, 10)
    assert (found.note, found.reason) == ("", "case")
    with pytest.raises(Refused, match="R-ACCESS-02"):
        await opened(house, session, house.wang)
    await house.accesses.open(session, house.wang, "case", "", Asking(session.actor))


async def test_the_operators_look_is_noted_too(house: House, at: FixedClock) -> None:
    """R-ACCESS-03: the export at the command line."""
    await house.borrowers.read(house.ann, by_operator("operator:root", EXPORT, at))
    told = await house.accesses.shown_to_person(house.ann, "en")
    assert [(each.who, each.is_machine, each.reason) for _, each in told] == [
        ("The operator of the system", False, "Request of the borrower"),
    ]  # fmt: skip
