"""What a relative did before they accepted is not seen, whatever the borrower does next."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.family.house import FATHER, MOTHER, House
from tests.family.test_misuse import under
from usance.cases.work import Acting
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.family import leaving, store
from usance.family.links import Kit
from usance.platform.database import transaction
from usance.web import personal

PHONES = {
    "unanswered": "+8613911110001", "refused": "+8613911110002", "reported": "+8613911110003",
    "stopped": "+8613911110004", "barred": "+8613911110005",
}  # fmt: skip
"""What the relative did, and with which number."""
Seen = dict[str, Any]


async def invited(home: House, who: int, did: str) -> int:
    """A relative who was named, and did something that the borrower must not learn."""
    phone = PHONES[did]
    if did == "barred":
        lookups = await home.family._kit.lookups(phone)
        async with transaction(home.pool) as connection:
            await store.bar(connection, lookups[0], 0, home.clock.now())
    member_id = await home.named(phone, who)
    if did == "refused":
        await home.refused(member_id, phone)
    if did in ("reported", "stopped"):
        await by_relative(home, member_id)
    if did == "stopped":
        await home.left(member_id)
    return member_id


async def by_relative(home: House, member_id: int) -> None:
    code = await home.stop_code(member_id)
    await home.family.report_by_member(code, "Misuse.", f"place {member_id}", "key")


async def by_borrower(home: House, who: int, member_id: int) -> None:
    acting = Acting(f"borrower:{who}", frozenset(), f"report {next(home.keys)}", b"h")
    answer = await home.family.report(who, member_id, "I was made to.", acting)
    assert answer.status == 201


async def one_agreement(home: House, who: int) -> None:
    """Taken back by telephone."""
    record_id = await home.pool.fetchval(
        "SELECT record_id FROM consent WHERE borrower_id = $1 AND grantor_kind = 'borrower'"
        " AND state = 1 ORDER BY document_id LIMIT 1",
        who,
    )
    if record_id:
        await home.consents.withdraw(who, record_id, "staff_by_phone", "", home.asking(who))


async def resumed(home: House, who: int, member_id: int) -> str:
    """What whoever looks at a report is answered."""
    try:
        answer = await home.family.resume(who, member_id, home.asking(who))
    except Refused as refused:
        return str(refused)
    return str(answer.document["state"])


async def done(home: House, who: int, member_id: int, act: str) -> str:
    """One thing that the borrower does, or staff for them; what was answered."""
    if act == "report":
        await by_borrower(home, who, member_id)
    elif act == "resume":
        return await resumed(home, who, member_id)
    elif act == "take-back":
        await home.taken_back(member_id)
    elif act == "one agreement":
        await one_agreement(home, who)
    return ""


async def seen(home: House, who: int, member_id: int) -> Seen:
    """Everything that the borrower, or whoever asks for them, gets to see of a relative."""
    ((shown),) = await home.family.of_borrower(who)
    ((stated),) = await home.family.states(who)
    exported = await personal.export(home.pool, home.book.keys, who, None, own=True)
    assert exported is not None
    parts = msgspec.json.decode(msgspec.json.encode(exported.parts))
    ((family),) = parts["family"]
    assert stated.pop("member_id") == family.pop("member_id") == written("member", member_id)
    for each in ("asked_at", "phone"):
        family.pop(each)
    agreements = [each["state"] for each in parts["consents"]]
    return {
        "page": (shown.state, shown.because, shown.is_open, shown.link.scopes),
        "stated": stated, "family": family, "agreements": agreements,
        "operations": [(each["by"], each["action"]) for each in parts["operations"]],
        "notices": [each["template_id"] for each in parts["notices"]],
    }  # fmt: skip


@pytest.mark.parametrize("acts", [
    (), ("report",), ("report", "resume"), ("report", "resume", "resume"), ("take-back",),
    ("one agreement",), ("one agreement",) * 3, ("one agreement", "take-back"),
    ("report", "one agreement"), ("report", "take-back", "resume"), ("take-back", "take-back"),
    ("report", "report"), ("take-back", "report"),
])  # fmt: skip
async def test_until_the_last_day_and_after_it_all_look_alike(
    home: House, monkeypatch: pytest.MonkeyPatch, acts: tuple[str, ...]
) -> None:
    """R-FAMILY-04, R-FAMILY-14."""
    monkeypatch.setattr(leaving, "SystemClock", lambda: home.clock)
    people = dict(zip(PHONES, await home.book.borrowers(len(PHONES)), strict=True))
    members = {did: await invited(home, who, did) for did, who in people.items()}
    answers = {did: [await done(home, who, members[did], act) for act in acts]
               for did, who in people.items()}  # fmt: skip
    check_alike(answers)
    check_alike({did: await seen(home, who, members[did]) for did, who in people.items()})
    await home.book.holds()
    for looked in (False, True):  # nothing depends on when it is written down
        if looked:
            await home.family.look()
        else:
            home.clock.advance(home.family._kit.policy.invited_for)
        found = {did: await seen(home, who, members[did]) for did, who in people.items()}
        check_alike(found)
        assert found["unanswered"]["page"][0] == "ended"
    assert await home.family.look() == 0
    await home.book.holds()


def check_alike(found: dict[str, Any]) -> None:
    """Nothing tells one from the one that nobody answered."""
    for did, each in found.items():
        assert each == found["unanswered"], did


async def test_a_stop_after_the_borrowers_report_is_a_refusal_that_is_not_seen(
    home: House,
) -> None:
    """R-FAMILY-12, R-FAMILY-14: the pause stays until somebody has looked."""
    mother = await home.named()
    await by_borrower(home, home.who, mother)
    await home.left(mother)
    assert (await home.link(mother)).because == "refused"
    assert await home.shown() == [("paused", "")]
    assert await resumed(home, home.who, mother) == "invited"
    assert "R-FAMILY-14" in await resumed(home, home.who, mother)
    assert await home.person(mother) is None
    assert (await home.link(mother)).because == "refused"
    await home.book.holds()


async def test_the_borrowers_report_shows_over_the_relatives(home: House) -> None:
    """R-FAMILY-14: also where it is on."""
    mother = await home.on()
    await by_relative(home, mother)
    assert await home.shown() == [("active", "")]
    await by_borrower(home, home.who, mother)
    assert await home.shown() == [("paused", "")]
    await by_relative(home, mother)
    assert await home.shown() == [("paused", "")]
    assert await resumed(home, home.who, mother) == "active"
    assert await home.person(mother) is not None
    await home.book.holds()


async def test_leaving_is_seen_where_it_had_been_accepted(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-FAMILY-10: by the end of the link, not by who pressed what."""
    monkeypatch.setattr(leaving, "SystemClock", lambda: home.clock)
    mother = await home.on()
    await home.left(mother)
    actions = [action for _, action in (await seen(home, home.who, mother))["operations"]]
    assert "EndMember" in actions
    assert "LeaveMember" not in actions


async def test_whoever_ends_it_waits_for_what_is_leaving(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-SEND-06: of every borrower whom it concerns."""
    waited: list[int] = []

    async def settled(_: Kit, borrower_id: int) -> None:
        waited.append(borrower_id)

    other = await home.book.borrower()
    mother, theirs, father = await home.on(), await home.on(who=other), await home.on(FATHER)
    monkeypatch.setattr(Kit, "settled", settled)
    await by_borrower(home, home.who, father)
    assert waited == [home.who]
    waited.clear()
    await home.left(mother, for_ever=True)
    assert waited == sorted([home.who, other])
    assert await home.person(theirs) is None


async def test_a_number_is_found_under_every_key(home: House) -> None:
    """R-FAMILY-12: before the hashes have followed a new index key too."""
    first, second = await home.book.borrowers(2)
    mother = await home.on()
    under(home, 1, 2)
    theirs = await home.on(who=first)
    hashes = [(await home.link(each)).number_hash for each in (mother, theirs)]
    assert hashes[0] != hashes[1]
    await home.left(mother, for_ever=True)
    assert await home.person(theirs) is None
    assert await home.shown(first) == [("ended", "left")]
    assert await home.person(await home.named(who=second)) is None
    await home.book.holds()


async def test_a_number_is_counted_under_every_key(home: House) -> None:
    """R-FAMILY-04: a new index key lets nobody be asked by more people."""
    people = await home.book.borrowers(4)
    for who in people[:3]:
        assert await home.person(await home.named(MOTHER, who)) is not None
    under(home, 1, 2)
    assert await home.person(await home.named(MOTHER, people[3])) is None
