"""A new number: proven from both sides, cooled, stoppable; the directory changes in one step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.identity.doors import NEW_PHONE, OTHER_PHONE, PHONE, House, house, refused
from tests.servicing.books import KEYS
from usance.day import verify
from usance.identity.access import BorrowerAccess
from usance.identity.borrowers import Borrowers
from usance.identity.contact_changes import QUEUE, Asker, TooEarlyError
from usance.identity.erasure import erase
from usance.identity.people import Person
from usance.identity.portal_held_sql import FORGOTTEN
from usance.identity.rotation import renew_borrower
from usance.platform.crypto import LocalKeyService, MissingKeyError
from usance.platform.database import Pool, transaction

pytestmark = pytest.mark.usefixtures("in_no_time")
ASKER = Asker("borrower:1", "half of a session")
STAFF = Asker("staff:7", "half of a session of staff")
REASON = "she showed her passport at the counter"


@pytest_asyncio.fixture
async def door(pool: Pool) -> AsyncIterator[House]:
    async with house(pool) as found:
        yield found
        assert await verify.run(pool) == []


async def proven(door: House) -> int:
    """A change with both numbers proven; its id."""
    change_id = await door.access.changes.ask(door.borrower_id, NEW_PHONE, ASKER)
    new = await door.code(NEW_PHONE, "new-number-code")
    old = await door.code(PHONE, "old-number-code")
    assert not await door.access.changes.prove(door.borrower_id, "new", new, ASKER)
    assert await door.access.changes.prove(door.borrower_id, "old", old, ASKER)
    return change_id


async def take_effect(door: House, change_id: int) -> bool:
    async with transaction(door.pool) as connection:
        return await door.access.changes.take_effect(connection, door.borrower_id, change_id)


async def phone_of(door: House) -> str:
    found = await Borrowers(door.pool, KEYS).read(door.borrower_id)
    assert found is not None
    return found.phone


async def holder(door: House, phone: str) -> int | None:
    return await Borrowers(door.pool, KEYS).by_phone(phone)


async def test_a_change_takes_effect_after_it_has_cooled(door: House) -> None:
    """R-CONTACT-01, R-CONTACT-02."""
    change_id = await proven(door)
    told = [m for m in await door.messages(PHONE) if m["kind"] == "number-changed"]
    assert len(told) == 1
    assert await holder(door, PHONE) == door.borrower_id
    door.clock.advance(timedelta(hours=23, minutes=59))
    with pytest.raises(TooEarlyError):
        await take_effect(door, change_id)
    assert await phone_of(door) == PHONE
    door.clock.advance(timedelta(minutes=1))
    assert await take_effect(door, change_id)
    assert not await take_effect(door, change_id)
    assert await phone_of(door) == NEW_PHONE
    assert (await holder(door, NEW_PHONE), await holder(door, PHONE)) == (door.borrower_id, None)
    newest, *_ = await door.messages(NEW_PHONE)
    assert newest["kind"] == "number-in-use"
    await door.come_in(phone=NEW_PHONE)
    await door.access.log_in.ask(PHONE, door.knock())
    assert len([m for m in await door.messages(PHONE) if m["kind"] == "log-in-code"]) == 0


async def test_the_job_waits_for_the_end_of_the_cooling_time(door: House) -> None:
    """R-CONTACT-02."""
    change_id = await proven(door)
    row = await door.pool.fetchrow("SELECT key, not_before FROM job WHERE queue = $1", QUEUE)
    assert row["key"] == str(change_id)
    effective = await door.pool.fetchval("SELECT effective_at FROM contact_change")
    assert row["not_before"] == effective


async def test_one_side_is_not_enough(door: House) -> None:
    """R-CONTACT-01: in neither order."""
    change_id = await door.access.changes.ask(door.borrower_id, NEW_PHONE, ASKER)
    new = await door.code(NEW_PHONE, "new-number-code")
    assert not await door.access.changes.prove(door.borrower_id, "new", new, ASKER)
    door.clock.advance(timedelta(hours=23))
    assert not await take_effect(door, change_id)
    assert await phone_of(door) == PHONE


async def test_codes_are_bound_to_side_session_and_borrower(door: House) -> None:
    """R-CONTACT-01: the code of one number does not prove the other one."""
    await door.access.changes.ask(door.borrower_id, NEW_PHONE, ASKER)
    new = await door.code(NEW_PHONE, "new-number-code")
    old = await door.code(PHONE, "old-number-code")
    prove = door.access.changes.prove
    if new != old:
        await refused(prove(door.borrower_id, "old", new, ASKER), "R-LOGIN-01")
    await refused(prove(door.borrower_id, "new", new, Asker("x", "another half")), "R-LOGIN-01")
    await refused(prove(door.other_id, "new", new, ASKER), "R-LOGIN-01")
    await refused(prove(door.borrower_id, "new", f" {new}", ASKER), "R-LOGIN-03")
    await prove(door.borrower_id, "new", new, ASKER)
    await refused(prove(door.borrower_id, "new", new, ASKER), "R-LOGIN-01")


async def test_while_it_cools_the_old_number_can_stop_it(door: House) -> None:
    """R-CONTACT-02: whoever still has the old number logs in and stops it; all others are out."""
    thief = await door.come_in()
    change_id = await proven(door)
    door.clock.advance(timedelta(minutes=2))  # the carriers take three a minute to a number
    owner = await door.come_in()
    session = await door.access.sessions.session(owner.token)
    assert session is not None
    stopper = Asker(session.actor, session.csrf, session.session_id)
    await refused(door.access.changes.stop(door.other_id, stopper), "R-FOUND-01")
    await door.access.changes.stop(door.borrower_id, stopper)
    assert await door.access.sessions.session(thief.token) is None
    assert await door.access.sessions.session(owner.token) is not None
    door.clock.advance(timedelta(days=2))
    assert not await take_effect(door, change_id)
    assert await phone_of(door) == PHONE
    assert [each["kind"] for each in await door.access.contacts.open_flags()] == ["stopped"]
    await refused(door.access.changes.stop(door.borrower_id, stopper), "R-FOUND-01")


async def test_one_change_at_a_time_and_not_to_the_same_number(door: House) -> None:
    """R-CONTACT-03."""
    ask = door.access.changes.ask
    await refused(ask(door.borrower_id, "13800000001", ASKER), "R-CONTACT-03")
    await refused(ask(door.borrower_id, "12", ASKER), "R-BORR-01")
    await ask(door.borrower_id, NEW_PHONE, ASKER)
    await refused(ask(door.borrower_id, "+8613900000010", ASKER), "R-CONTACT-03")
    door.clock.advance(timedelta(hours=25))
    assert await door.access.changes.open_one(door.borrower_id) is None
    await ask(door.borrower_id, "+8613900000010", ASKER)
    assert [r["status"] for r in await door.access.changes.of(door.borrower_id)] == [1, 5]


async def test_changes_are_not_asked_for_without_end(door: House) -> None:
    """R-LOGIN-05."""
    for number in range(3):
        await door.access.changes.ask(door.borrower_id, f"+861390000001{number}", ASKER)
        await door.access.changes.stop(door.borrower_id, ASKER)
    await refused(door.access.changes.ask(door.borrower_id, NEW_PHONE, ASKER), "R-LOGIN-05")


async def test_a_strangers_number_is_sent_no_more_codes_for_a_change(door: House) -> None:
    """R-LOGIN-05: codes for log-ins, changes and changes of others are counted together."""
    ask, again = door.access.changes.ask, door.access.changes.send_again
    await door.access.log_in.ask(OTHER_PHONE, door.knock())
    await ask(door.borrower_id, OTHER_PHONE, ASKER)
    await again(door.borrower_id, "new", ASKER)
    await refused(again(door.borrower_id, "new", ASKER), "R-LOGIN-05")
    await refused(door.access.log_in.ask(OTHER_PHONE, door.knock("192.0.2.9")), "R-LOGIN-05")
    await door.access.changes.stop(door.borrower_id, ASKER)
    await refused(ask(door.borrower_id, OTHER_PHONE, ASKER), "R-LOGIN-05")
    assert len(await door.messages(OTHER_PHONE)) == 3


async def test_a_number_of_somebody_else_stays_theirs(door: House) -> None:
    """R-BORR-03: also when it was registered while the change cooled."""
    change_id = await proven(door)
    late = Person("Li Na", NEW_PHONE, "P55555555")
    (other,) = await Borrowers(door.pool, KEYS).register_many([late], actor="test")
    door.clock.advance(timedelta(days=1))
    assert not await take_effect(door, change_id)
    assert await phone_of(door) == PHONE
    assert (await holder(door, PHONE), await holder(door, NEW_PHONE)) == (door.borrower_id, other)
    assert [each["kind"] for each in await door.access.contacts.open_flags()] == ["taken"]


async def test_who_asks_for_a_number_does_not_learn_whose_it_is(door: House) -> None:
    """R-LOGIN-04: another borrower's number is answered like any other."""
    await door.access.changes.ask(door.borrower_id, OTHER_PHONE, ASKER)
    sent = [m["kind"] for m in await door.messages(OTHER_PHONE)]
    assert sent == ["new-number-code"]


async def test_staff_stands_in_for_a_lost_number_with_a_reason(door: House) -> None:
    """R-CONTACT-01, R-CONTACT-05: the new number is proven all the same, and it cools."""
    ask = door.access.changes.ask
    await refused(ask(door.borrower_id, NEW_PHONE, STAFF, "x"), "R-CONTACT-05")
    change_id = await ask(door.borrower_id, NEW_PHONE, STAFF, REASON)
    assert [m["kind"] for m in await door.messages()] == ["new-number-code"]
    new = await door.code(NEW_PHONE, "new-number-code")
    assert await door.access.changes.prove(door.borrower_id, "new", new, STAFF)
    assert [m["kind"] for m in await door.messages(PHONE)] == ["number-changed"]
    reasons = await door.access.contacts.reasons_of(door.borrower_id)
    assert list(reasons.values()) == [REASON]
    door.clock.advance(timedelta(days=1))
    assert await take_effect(door, change_id)
    assert await phone_of(door) == NEW_PHONE


async def test_staff_vouches_for_a_change_that_the_borrower_began(door: House) -> None:
    """R-CONTACT-01."""
    await door.access.changes.ask(door.borrower_id, NEW_PHONE, ASKER)
    await door.access.changes.lost_old(door.borrower_id, ASKER)
    await door.access.changes.lost_old(door.borrower_id, ASKER)
    assert [each["kind"] for each in await door.access.contacts.open_flags()] == ["lost-old"]
    await refused(door.access.changes.vouch(door.borrower_id, "", STAFF.asking), "R-CONTACT-05")
    await door.access.changes.vouch(door.borrower_id, REASON, STAFF.asking)
    new = await door.code(NEW_PHONE, "new-number-code")
    assert await door.access.changes.prove(door.borrower_id, "new", new, ASKER)
    row = await door.access.changes.open_one(door.borrower_id)
    assert row is not None
    assert (row["status"], row["vouched_by"]) == (2, STAFF.actor)


async def test_another_code_can_be_sent_and_ends_the_one_before(door: House) -> None:
    await door.access.changes.ask(door.borrower_id, NEW_PHONE, ASKER)
    first = await door.code(NEW_PHONE, "new-number-code")
    await door.access.changes.send_again(door.borrower_id, "new", ASKER)
    second = await door.code(NEW_PHONE, "new-number-code")
    prove = door.access.changes.prove
    if first != second:
        await refused(prove(door.borrower_id, "new", first, ASKER), "R-LOGIN-01")
    await prove(door.borrower_id, "new", second, ASKER)
    for _ in range(2):
        await door.access.changes.send_again(door.borrower_id, "old", ASKER)
    await door.access.changes.send_again(door.borrower_id, "old", ASKER)
    await refused(door.access.changes.send_again(door.borrower_id, "old", ASKER), "R-LOGIN-05")


async def test_a_change_takes_effect_once_also_for_many_at_once(door: House) -> None:
    change_id = await proven(door)
    door.clock.advance(timedelta(days=1))
    found = await asyncio.gather(*(take_effect(door, change_id) for _ in range(8)))
    assert sorted(found) == [False] * 7 + [True]
    changed = await door.pool.fetchval(
        "SELECT count(*) FROM operation WHERE action = 'ChangeContact'"
    )
    assert changed == 1


async def test_every_step_is_in_the_audit_log_without_a_number(door: House) -> None:
    """R-AUDIT-01."""
    change_id = await proven(door)
    door.clock.advance(timedelta(days=1))
    await take_effect(door, change_id)
    rows = await door.pool.fetch("SELECT action, detail::text FROM operation ORDER BY 1")
    actions = [row["action"] for row in rows]
    steps = {"AskContactChange", "ProveContact", "CoolContactChange", "ChangeContact"}
    assert steps <= set(actions)
    assert actions.count("ProveContact") == 2
    assert not [row for row in rows if "1390000" in row["detail"] or "1380000" in row["detail"]]


async def test_a_change_goes_on_under_new_keys(door: House) -> None:
    """A person's new data key takes the number on its way along; an index key that is being
    exchanged finds the borrower under either hash, and a change enters both."""
    change_id = await proven(door)
    await renew_borrower(door.pool, KEYS, door.borrower_id, actor="test")
    both = LocalKeyService({1: b"i" * 32, 2: b"j" * 32}, {1: b"m" * 32})
    door.access = BorrowerAccess.over(door.pool, both, door.clock)
    await door.come_in()
    door.clock.advance(timedelta(days=1))
    assert await take_effect(door, change_id)
    rows = await door.pool.fetch(
        "SELECT lookup FROM directory WHERE purpose = 'phone' AND borrower_id = $1",
        door.borrower_id,
    )  # fmt: skip
    assert {row["lookup"] for row in rows} == set(both.blind_indexes(NEW_PHONE, "phone"))
    assert await phone_of(door) == NEW_PHONE
    await door.come_in(phone=NEW_PHONE)
    await door.pool.execute("DELETE FROM directory WHERE length(lookup) > 32")  # as it was


async def test_an_old_key_file_changes_nothing(door: House) -> None:
    """R-KEY-02: a process whose index key was retired meanwhile does not enter its hash."""
    change_id = await proven(door)
    await door.pool.execute(
        "INSERT INTO key_epoch (kind, key_id, retired_at) VALUES ('index', 1, now())"
    )
    door.clock.advance(timedelta(days=1))
    with pytest.raises(MissingKeyError):
        await take_effect(door, change_id)
    for phone in (PHONE, "+8613700000000"):
        with pytest.raises(MissingKeyError):
            await door.access.log_in.ask(phone, door.knock())
    await door.pool.execute("DELETE FROM key_epoch")
    assert await phone_of(door) == PHONE


async def test_erasing_a_person_takes_all_of_it_away(door: House, tmp_path: Path) -> None:
    """R-ERASE-01: sessions, devices, numbers, signs, messages; nothing of the portal stays."""
    from usance.web import personal

    assert personal.PARTS.keys() >= {"sessions", "number", "payments"}
    begun = await door.come_in()
    await proven(door)
    assert not await door.access.contacts.takes_no_code(door.pool, door.borrower_id)
    await erase(door.pool, door.borrower_id, "request", actor="staff:1",
                list_file=tmp_path / "erasures")  # fmt: skip
    assert await door.access.sessions.session(begun.token) is None
    for table in (*FORGOTTEN, "one_time_code"):
        left = await door.pool.fetchval(
            f"SELECT count(*) FROM {table} WHERE borrower_id = $1", door.borrower_id
        )
        assert left == 0, table
    await door.access.log_in.ask(PHONE, door.knock())
    assert await door.messages() == []
