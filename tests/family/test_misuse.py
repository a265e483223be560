"""Reports of misuse, keys, export, erasure, and what a wrong row betrays itself by."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.family.house import ALL, FATHER, MOTHER, House, house
from usance.cases.work import Acting
from usance.core.refusals import Refused
from usance.day import verify
from usance.family.policy import policy_in
from usance.family.service import Family
from usance.identity import rotation
from usance.identity.boxes import Boxes
from usance.identity.codes import Codes
from usance.identity.portal_policy import portal_policy
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool, transaction
from usance.platform.derived import DerivedSecrets
from usance.platform.personal import FORGET
from usance.web import personal


async def test_a_relative_reports(home: House) -> None:
    """R-FAMILY-14: a pause at once, and a case of nobody's book."""
    mother = await home.on()
    code = await home.stop_code(mother)
    answer = await home.family.report_by_member(code, "He presses me.", "place", "key")
    again = await home.family.report_by_member(code, "He presses me.", "place", "key")
    assert answer.document == again.document
    assert await home.person(mother) is None
    assert await home.shown() == [("active", "")]  # the borrower learns nothing
    assert [tuple(row) for row in await home.pool.fetch(
        "SELECT kind, borrower_id FROM case_file")] == [(5, 0)]  # fmt: skip
    assert await home.live(mother, "plan")
    await home.left(mother)  # the pause stops nobody who wants to leave
    assert await home.shown() == [("ended", "left")]
    await home.book.holds()


async def test_a_borrower_reports_and_staff_lets_it_go_on(home: House) -> None:
    """R-FAMILY-14."""
    mother = await home.on()
    acting = Acting(f"borrower:{home.who}", frozenset(), "k", b"h")
    await home.family.report(home.who, mother, "I was made to.", acting)
    assert await home.shown() == [("paused", "")]
    assert await home.person(mother) is None
    await home.book.holds()
    await home.family.resume(home.who, mother, home.asking())
    assert await home.shown() == [("active", "")]
    assert await home.person(mother) is not None
    with pytest.raises(Refused, match="R-FAMILY-14"):
        await home.family.resume(home.who, mother, home.asking())
    father = await home.named(FATHER)
    acting = Acting(f"borrower:{home.who}", frozenset(), "l", b"h")
    await home.family.report(home.who, father, "I was made to.", acting)
    assert await home.person(father) is None
    await home.family.resume(home.who, father, home.asking())
    assert (await home.shown())[0] == ("invited", "")
    await home.book.holds()


async def test_a_pause_does_not_wait_for_a_case(home: House) -> None:
    """R-FAMILY-14: who has opened as many cases as may be still stops what is told."""
    mother = await home.on()
    found = []
    for n in range(home.family._cases.cases.desk.policy.own_cases_a_day + 1):
        acting = Acting(f"borrower:{home.who}", frozenset(), f"k{n}", b"h")
        answer = await home.family.report(home.who, mother, f"Report {n}.", acting)
        found.append(answer.document["case_id"])
        await home.family.resume(home.who, mother, home.asking())
    assert found[-1] is None
    assert None not in found[:-1]
    await home.book.holds()


async def test_of_somebody_elses_there_is_nothing(home: House) -> None:
    """R-PORTAL-01."""
    mother, other = await home.on(), await home.book.borrower()
    acting = Acting(f"borrower:{other}", frozenset(), "k", b"h")
    for act in (
        home.family.take_back(other, mother, home.asking(other)),
        home.family.report(other, mother, "x", acting),
        home.family.resume(other, mother, home.asking(other)),
    ):
        with pytest.raises(Refused, match="R-FOUND-01"):
            await act
    assert await home.shown(other) == []


@pytest.mark.parametrize("text", ["", " ", "x" * 3801, "a\x00b"])
async def test_a_report_has_words(home: House, text: str) -> None:
    mother = await home.on()
    with pytest.raises(Refused):
        await home.family.report_by_member(await home.stop_code(mother), text, "p", "k")
    assert await home.person(mother) is not None


async def test_the_export_says_what_the_page_says(home: House) -> None:
    """R-FAMILY-04, R-FAMILY-17: of a refusal, of a report and of who came, nothing."""
    mother, father = await home.named(), await home.named(FATHER)
    before = await exported(home)
    assert [each["name"] for each in before["family"]] == ["李梅", "李梅"]
    await home.refused(father, FATHER)
    code = await home.code(mother)
    await home.family.report_by_member(code, "He presses me.", "place", "key")
    after = await exported(home)
    assert after == before


async def exported(home: House) -> dict[str, Any]:
    """Everything held about the borrower, as they get it."""
    found = await personal.export(home.pool, home.book.keys, home.who, None, own=True)
    assert found is not None
    return dict(msgspec.json.decode(msgspec.json.encode(found.parts)))


async def test_a_new_key_takes_relatives_along(home: House) -> None:
    """R-KEY-06."""
    mother = await home.on()
    code = await home.stop_code(mother)
    await rotation.renew_borrower(home.pool, home.book.keys, home.who, actor="operator")
    assert await home.stop_code(mother) == code
    person = await home.person(mother)
    assert person is not None
    assert person.name == "李梅"


def under(home: House, *numbers: int) -> None:
    """The house works with these index keys from now on."""
    known = {1: b"i" * 32, 2: b"j" * 32}
    keys = LocalKeyService({n: known[n] for n in numbers}, {1: b"m" * 32})
    kit = replace(home.family._kit, keys=keys, keyed=DerivedSecrets(keys), boxes=Boxes(keys))
    door = replace(home.family._door, kit=kit, codes=Codes(kit.keyed, kit.clock, portal_policy()))
    home.family = Family(kit, home.family._cases, door)


async def test_a_new_index_key_forgets_nobody(home: House) -> None:
    """R-FAMILY-12: who is never to be asked again stays so, and a stop code keeps working."""
    await home.left(await home.on(), for_ever=True)
    father = await home.on(FATHER)
    under(home, 1, 2)
    assert await home.family.look() == 2
    assert await home.family.look() == 0
    code = await home.stop_code(father)  # as a notice says it
    under(home, 2)
    other = await home.book.borrower()
    assert await home.person(await home.named(who=other)) is None
    with pytest.raises(Refused, match="named this number already"):
        await home.named(FATHER)
    await home.family.leave(code, "place", for_ever=False)
    assert await home.person(father) is None
    await home.book.holds()


async def test_with_the_person_their_relatives_are_forgotten(home: House) -> None:
    """R-FAMILY-17: nothing goes any more; who must never be asked stays barred."""
    mother = await home.on()
    await home.left(await home.on(FATHER), for_ever=True)
    link = await home.link(mother)
    async with transaction(home.pool) as connection:
        for each in FORGET:
            await each(connection, home.who)
    assert await home.pool.fetchval("SELECT count(*) FROM family_link") == 0
    assert await home.pool.fetchval("SELECT count(*) FROM family_bar WHERE borrower_id = 0") == 1
    assert await home.waiting(mother) == []
    async with transaction(home.pool) as connection:
        assert await home.family.members.person(connection, link.borrower_id, mother) is None
        assert await home.family.members.secrets(connection, link.borrower_id, mother) == {}


@pytest.mark.parametrize(("damage", "invariant"), [
    ("UPDATE family_link SET scopes = '[\"plan\", \"overdue\"]' WHERE scopes = '[\"plan\"]'",
     "INV-FAMILY-01"),
    ("DELETE FROM consent WHERE grantor_kind = 'member'", "INV-FAMILY-01"),
    ("DELETE FROM consent WHERE grantor_kind = 'borrower'", "INV-FAMILY-01"),
    ("UPDATE family_link SET accepted_at = NULL", "INV-FAMILY-02"),
    ("UPDATE family_link SET ended_at = now()", "INV-FAMILY-02"),
    ("UPDATE family_link SET state = 1", "INV-FAMILY-02"),
    ("INSERT INTO notice (cell, borrower_id, key, template_id, purpose, audience, scope, member_id,"
     " facts, business_date, not_before, until, state, sent_at) SELECT cell, borrower_id, 'x',"
     " 'family-plan', 'family', 'family_member', 'plan', member_id, '{}', '2026-03-01', now(),"
     " now(), 3, asked_at - interval '1 h' FROM family_link", "INV-FAMILY-03"),
])  # fmt: skip
async def test_a_wrong_row_is_found(home: House, damage: str, invariant: str) -> None:
    """R-FAMILY-17."""
    await home.on(scopes=("plan",))
    await home.book.holds()
    await home.pool.execute(damage)
    assert invariant in {each.invariant for each in await verify.run(home.pool)}


async def test_many_at_once_leave_one_state(home: House) -> None:
    """R-FAMILY-10: accepted by one press, taken back meanwhile, stopped meanwhile."""
    for phone in (MOTHER, FATHER):
        member_id = await home.named(phone)
        tasks: list[Any] = [
            home.accepted(member_id, phone), home.taken_back(member_id), home.left(member_id),
        ]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        odd = [each for each in results if each is not None and not isinstance(each, Refused)]
        assert odd == []
        assert (await home.link(member_id)).state == 4
        assert await home.person(member_id) is None or phone
        await home.book.holds()


async def test_twins_of_a_nomination_are_one(home: House) -> None:
    """R-FAMILY-03: two windows at once name at most what may be named."""
    results = await asyncio.gather(
        *(home.named(f"+861391111000{n}") for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(each, int) for each in results) == 2
    assert len(await home.shown()) == 2


PLACE = {"slots": 30, "minutes": 1440, "warn": 5, "stop": 8}
GOOD = {"living_most": 2, "nominations_a_year": 3, "borrowers_of_a_number": 3,
        "again_after_days": 365, "invitation_days": 14, "visit_minutes": 30,
        "from_device": PLACE, "from_network": PLACE}  # fmt: skip


@pytest.mark.parametrize("name", [
    "living_most", "nominations_a_year", "borrowers_of_a_number", "again_after_days",
    "invitation_days", "visit_minutes",
])  # fmt: skip
@pytest.mark.parametrize("value", [0, -1, 10**6, "2", None, True])
def test_a_policy_without_bounds_is_refused(name: str, value: object) -> None:
    """R-FAMILY-03."""
    assert policy_in(GOOD).living_most == 2
    with pytest.raises(Refused, match="R-FAMILY-03"):
        policy_in(GOOD | {name: value})


@pytest.mark.parametrize("place", ["from_device", "from_network"])
@pytest.mark.parametrize("value", [
    None, 7, [], {}, PLACE | {"slots": 0}, PLACE | {"warn": "5"}, PLACE | {"stop": 10**6},
    PLACE | {"warn": 9},
])  # fmt: skip
def test_places_without_bounds_are_refused(place: str, value: object) -> None:
    """R-FAMILY-19: and staff is told before anybody is refused."""
    with pytest.raises(Refused, match="R-FAMILY-03"):
        policy_in(GOOD | {place: value})


@pytest.mark.parametrize(("place", "scopes"), [
    ("CN", ALL), ("GB", ALL), ("TW", ALL), ("US", ()), ("PH", ()), ("IN", ()), ("any", ()),
])  # fmt: skip
async def test_what_the_law_lets_through(pool: Pool, place: str, scopes: tuple[str, ...]) -> None:
    """R-FAMILY-05: where the jurisdiction is not known, every row holds."""
    async with house(pool, place) as home:
        assert tuple(await home.family.offered()) == scopes


async def test_the_export_does_not_tell_whether_an_invitation_went(home: House) -> None:
    """R-FAMILY-04: sent, dropped, or dropped because somebody left, it is not in it."""
    mother, father = await home.on(), await home.named(FATHER)
    insert = (
        "INSERT INTO notice (cell, borrower_id, key, template_id, purpose, audience, scope,"
        " member_id, facts, business_date, not_before, until, state, sent_at) SELECT cell,"
        " borrower_id, $1, 'family-plan', 'family', 'family_member', 'plan', member_id, '{}',"
        " '2026-03-01', now(), now(), $2::smallint, $3::timestamptz FROM family_link"
        " WHERE member_id = $4"
    )
    await home.pool.execute(insert, "went", 3, home.clock.now(), mother)
    await home.pool.execute(insert, "dropped", 7, None, mother)
    await home.pool.execute(
        "UPDATE notice SET state = 3, sent_at = now()"
        " WHERE template_id IN ('family-invitation', 'family-code')"
    )
    told = (await exported(home))["notices"]
    assert [each["template_id"] for each in told] == ["family-plan"]
    shown = await home.family.told(home.who)
    assert [each["template_id"] for each in shown] == ["family-plan"]
    assert father
