"""A relative is named, invited, accepts, and it ends: by either side, in every way."""

from __future__ import annotations

import pytest

from tests.family.house import ALL, FATHER, MOTHER, ONES, House
from usance.core.refusals import Refused
from usance.identity.codes import new_half


async def test_named_invited_accepted_and_taken_back(home: House) -> None:
    """R-FAMILY-01, R-FAMILY-10, R-FAMILY-13."""
    mother = await home.named()
    assert await home.waiting(mother) == ["family-invitation"]
    assert await home.shown() == [("invited", "")]
    invited = await home.person(mother)
    assert invited is not None
    assert dict(invited.contacts) == {"sms": MOTHER}
    assert not await home.live(mother, "overdue")
    await home.accepted(mother)
    assert await home.shown() == [("active", "")]
    told = await home.person(mother)
    assert told is not None
    assert (told.name, told.ways, told.language) == ("李梅", ("sms",), "zh-CN")
    for scope in ALL:
        assert await home.live(mother, scope)
        assert not await home.live(mother, scope, "email")
    await home.book.holds()
    await home.taken_back(mother)
    assert await home.shown() == [("ended", "taken_back")]
    assert not await home.live(mother, "borrowing")
    assert await home.waiting(mother) == ["family-withdrawn"]
    assert await home.person(mother) is not None  # the last word
    await home.pool.execute("UPDATE notice SET state = 3")
    assert await home.person(mother) is None
    await home.book.holds()


async def test_the_relative_leaves_and_the_borrower_hears_only_that(home: House) -> None:
    """R-FAMILY-10, R-FAMILY-11."""
    mother = await home.on()
    await home.left(mother)
    assert await home.waiting(0) == ["family-ended"]
    assert "family-withdrawn" not in await home.waiting(mother)
    assert await home.shown() == [("ended", "left")]
    assert await home.person(mother) is None
    await home.left(mother)  # again changes nothing
    assert await home.waiting(0) == ["family-ended"]
    await home.book.holds()


async def test_some_of_it_is_accepted(home: House) -> None:
    """R-FAMILY-09: each scope is its own; what is not accepted justifies nothing on either side."""
    mother = await home.named()
    await home.accepted(mother, scopes=("plan",), opens=9 * 60, closes=18 * 60, speaks="en")
    assert [await home.live(mother, each) for each in ALL] == [False, True, False]
    told = await home.person(mother)
    assert told is not None
    assert (told.hours, told.language) == ((540, 1080), "en")
    rows = await home.pool.fetch("SELECT document_id, state FROM consent ORDER BY 1, 2")
    assert [(row[0][7:], row[1]) for row in rows] == [
        ("borrowing", 2), ("borrowing", 5), ("overdue", 2), ("overdue", 5),
        ("plan", 1), ("plan", 1),
    ]  # fmt: skip
    await home.book.holds()


async def test_an_agreement_that_ends_elsewhere_ends_it_here(home: House) -> None:
    """R-FAMILY-10: by telephone, one scope after the other."""
    mother = await home.on()
    rows = await home.pool.fetch(
        "SELECT record_id FROM consent WHERE grantor_kind = 'borrower' ORDER BY record_id"
    )
    for n, row in enumerate(rows, 1):
        asking = home.asking()
        await home.consents.withdraw(home.who, row[0], "staff_by_phone", "", asking)
        assert len((await home.link(mother)).scopes) == len(ALL) - n
        await home.book.holds()
    assert await home.shown() == [("ended", "taken_back")]
    assert await home.pool.fetchval("SELECT count(*) FROM consent WHERE state = 1") == 0


async def test_a_refusal_is_for_ever_and_looks_like_silence(home: House) -> None:
    """R-FAMILY-04, R-FAMILY-12."""
    mother = await home.named()
    await home.refused(mother)
    assert await home.shown() == [("invited", "")]
    assert await home.person(mother) is None
    assert await home.waiting(mother) == []
    states = await home.pool.fetch("SELECT grantor_kind, state FROM consent")
    assert {tuple(row) for row in states} == {("borrower", 1)}  # nothing tells of it
    home.clock.advance(home.family._kit.policy.invited_for)
    assert await home.shown() == [("ended", "unanswered")]
    assert (await home.family.look(), await home.family.look()) == (1, 0)
    assert (await home.link(mother)).because == "unanswered"
    assert await home.pool.fetchval("SELECT count(*) FROM consent WHERE state = 1") == 0
    home.clock.advance(home.family._kit.policy.again_after)
    again = await home.named()
    assert await home.person(again) is None
    assert await home.shown() == [("invited", ""), ("ended", "unanswered")]
    other = await home.book.borrower()
    theirs = await home.named(who=other)
    assert await home.person(theirs) is not None
    await home.book.holds()


async def test_taken_back_after_a_secret_refusal_looks_the_same(home: House) -> None:
    """R-FAMILY-04."""
    mother, father = await home.named(), await home.named(FATHER)
    await home.refused(mother)
    for each in (mother, father):
        await home.taken_back(each)
    assert await home.shown() == [("ended", "taken_back")] * 2
    assert await home.waiting(father) == []
    states = await home.pool.fetch("SELECT state, count(*) FROM consent GROUP BY 1")
    assert [tuple(row) for row in states] == [(3, 6)]
    await home.book.holds()


async def test_never_again_from_anybody(home: House) -> None:
    """R-FAMILY-12: every link with the number ends, and nobody's invitation goes there."""
    other = await home.book.borrower()
    mine, theirs = await home.on(), await home.on(who=other)
    third = await home.book.borrower()
    waiting = await home.named(who=third)
    await home.left(mine, for_ever=True)
    for each in (mine, theirs, waiting):
        assert await home.person(each) is None
    assert await home.shown(other) == [("ended", "left")]
    assert await home.shown(third) == [("invited", "")]
    fourth = await home.book.borrower()
    assert await home.person(await home.named(who=fourth)) is None
    assert await home.shown(fourth) == [("invited", "")]
    await home.book.holds()


async def test_a_number_gets_three_peoples_invitations_a_year(home: House) -> None:
    """R-FAMILY-04: the fourth looks like the others, and does not go."""
    people = await home.book.borrowers(4)
    named = [await home.named(who=each) for each in people]
    went = [await home.person(each) is not None for each in named]
    assert went == [True, True, True, False]
    shown = [await home.shown(each) for each in people]
    assert shown == [[("invited", "")]] * 4
    assert len(await home.waiting()) == 4


async def test_an_invitation_ends_by_itself(home: House) -> None:
    """R-FAMILY-08."""
    mother = await home.named()
    token = await home.visit(mother)
    home.clock.advance(home.family._kit.policy.invited_for)
    assert await home.person(mother) is None
    assert await home.family.look() == 1
    assert (await home.link(mother)).because == "unanswered"
    assert await home.family.look() == 0
    with pytest.raises(Refused, match="R-FAMILY-08"):
        await home.family.invitation(token)
    with pytest.raises(Refused, match="R-FAMILY-08"):
        await home.family.knock(await home.code(mother), MOTHER[-4:], new_half(), "x")
    await home.book.holds()


async def test_what_the_relative_is_shown(home: House) -> None:
    """R-FAMILY-07: after the number was shown, and not before."""
    mother = await home.named(scopes=("overdue", "plan"))
    found = await home.family.invitation(await home.visit(mother))
    assert found.borrower.startswith("Li ")
    assert list(found.documents) == ["plan", "overdue"]
    for bad in ("", "x"):
        with pytest.raises(Refused, match="R-FAMILY-08"):
            await home.family.invitation(bad)


async def test_wrong_codes_and_digits_are_refused_alike(home: House) -> None:
    """R-FAMILY-07."""
    code, said = await home.code(await home.named()), set()
    for typed, digits in ((code, "9999"), ("ABCDE-FGHJK", MOTHER[-4:]), ("", ""), (code, "abcd")):
        with pytest.raises(Refused) as refused:
            await home.family.knock(typed, digits, new_half(), "place")
        said.add(str(refused.value))
    assert len(said) == 1
    assert "R-FAMILY-07" in said.pop()
    count = "SELECT count(*) FROM notice WHERE template_id = 'family-code'"
    assert await home.pool.fetchval(count) == 0


async def test_a_code_is_not_tried_for_long(home: House) -> None:
    """R-LOGIN-05: neither from one address nor of one invitation."""
    code = await home.code(await home.named())
    for n in range(11):
        with pytest.raises(Refused) as refused:
            await home.family.knock(code, f"9{n:03}", new_half(), f"elsewhere {n}")
    assert "R-LOGIN-05" in str(refused.value)


async def test_a_used_invitation_says_so(home: House) -> None:
    """R-FAMILY-08."""
    mother = await home.on()
    with pytest.raises(Refused, match="R-FAMILY-08"):
        await home.family.knock(await home.code(mother), MOTHER[-4:], new_half(), "p")


@pytest.mark.parametrize(("changes", "rule", "path"), [
    ({"phone": "+8613800000000"}, "R-FAMILY-02", "phone"),
    ({"phone": "12"}, "R-BORR-01", "phone"), ({"name": ""}, "R-BORR-01", "name"),
    ({"relation": "boss"}, "R-FAMILY-01", "relation"), ({"scopes": ()}, "R-FAMILY-01", "scopes"),
    ({"scopes": ("limit",)}, "R-FAMILY-05", "scopes"),
    ({"channels": ("voice",)}, "R-FAMILY-01", "channels"),
    ({"channels": ("email",)}, "R-FAMILY-01", "email"),
    ({"tells": "never"}, "R-FAMILY-01", "tells"), ({"speaks": "fr"}, "R-FAMILY-01", "speaks"),
    ({"opens": 60}, "R-FAMILY-01", "hours"), ({"opens": 60, "closes": 60}, "R-FAMILY-01", "hours"),
    ({"again": False}, "R-FAMILY-06", "again"),
    ({"versions": ONES | {"plan": 2}}, "R-CONSENT-02", "version"),
])  # fmt: skip
async def test_what_does_not_fit_names_nobody(
    home: House, changes: dict[str, object], rule: str, path: str
) -> None:
    with pytest.raises(Refused) as refused:
        await home.named(**changes)
    assert (refused.value.refusal.rule, refused.value.refusal.path) == (rule, path)
    assert await home.pool.fetchval("SELECT count(*) FROM family_link") == 0
    assert await home.pool.fetchval("SELECT count(*) FROM notice") == 0


async def test_how_many_may_be_named(home: House) -> None:
    """R-FAMILY-03: by what the borrower did, whatever came of it."""
    first = await home.named()
    with pytest.raises(Refused, match="named this number already"):
        await home.named()
    await home.named(FATHER)
    with pytest.raises(Refused, match="at most 2"):
        await home.named("+8613911112222")
    await home.taken_back(first)
    with pytest.raises(Refused, match="after 365 days"):
        await home.named()
    third = await home.named("+8613911112222")
    await home.taken_back(third)
    with pytest.raises(Refused, match="at most 3"):
        await home.named("+8613911113333")


@pytest.mark.parametrize(("changes", "rule"), [
    ({"scopes": ("overdue",), "again": False}, "R-FAMILY-06"),
    ({"channels": ()}, "R-FAMILY-01"), ({"channels": ("email",)}, "R-FAMILY-01"),
    ({"versions": {}}, "R-CONSENT-02"), ({"language": "fr"}, "R-CONSENT-03"),
])  # fmt: skip
async def test_what_the_relative_cannot_accept(
    home: House, changes: dict[str, object], rule: str
) -> None:
    mother = await home.named()
    with pytest.raises(Refused, match=rule):
        await home.accepted(mother, **changes)
    assert await home.shown() == [("invited", "")]
    await home.book.holds()


async def test_an_address_is_used_when_both_name_it(home: House) -> None:
    """R-FAMILY-09."""
    mother = await home.named(email="Mei@example.org", channels=("sms", "email"))
    token = await home.visit(mother)
    with pytest.raises(Refused, match="R-FAMILY-09"):
        await home.accepted(mother, channels=("email",), email="other@example.org")
    await home.accepted(mother, channels=("email",), email="mei@example.org")
    told = await home.person(mother)
    assert told is not None
    assert dict(told.contacts) == {"email": "Mei@example.org"}
    assert token
