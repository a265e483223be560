"""The life of a case from coming in to its end, by the room's own functions on a real database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from tests.cases import corpus
from tests.cases.house import House
from tests.cases.test_clocks import with_newer_row
from usance.cases import files, read, rules, store
from usance.cases.intake import OPEN_MOST, Opening
from usance.cases.policy import case_policy, policy_in
from usance.cases.sealing import seal_of
from usance.cases.service import Cases
from usance.cases.work import Acting
from usance.core.identifiers import parse, written
from usance.servicing import commands as ask

BORROWER = Acting("borrower:1")


def opening(borrower_id: int, **more: Any) -> Opening:
    return Opening(**{"kind": "complaint", "text": "Twice!", "borrower_id": borrower_id} | more)


async def opened(house: House, asked: Opening, channel: int = rules.PORTAL) -> Any:
    return await house.room.work.open(asked, channel, BORROWER)


async def operation_on(house: House, borrower: int, action: str) -> int:
    found: int = await house.pool.fetchval(
        "SELECT operation_id FROM operation WHERE borrower_id = $1 AND action = $2"
        " ORDER BY operation_id DESC",
        *(borrower, action),
    )
    return found


# -- coming in -------------------------------------------------------------------------------------


async def test_a_case_comes_in(house: House) -> None:
    """R-CASE-01, R-CASE-03: number and days in the answer, words encrypted, an event, an audit."""
    borrower, account = await house.account()
    answer = await opened(house, opening(borrower, subject="contract", subject_id=account))
    document = answer.document
    assert answer.status == 201
    assert (document["received_on"], document["acknowledge_by"], document["decide_by"]) == (
        "2026-03-02", "2026-03-03", "2026-03-17",
    )  # fmt: skip
    assert document["acknowledged_on"] == "2026-03-02"
    assert document["subject"] == {
        "kind": "contract", "id": written("contract", account), "number": None
    }
    row = await house.row(parse("case", document["case_id"]))
    assert b"Twice" not in bytes(row["text"])
    assert msgspec.json.decode(row["rule"])["id"] == "CN-complaint-2020"
    audit = await house.pool.fetchrow(
        "SELECT * FROM operation WHERE operation_id = $1", answer.operation_id
    )
    assert (audit["action"], audit["borrower_id"]) == ("OpenCase", borrower)
    assert "Twice" not in audit["detail"]
    await house.whole()


async def test_what_staff_wrote_down_is_acknowledged_by_the_first_message(house: House) -> None:
    """R-CASE-03."""
    borrower, _ = await house.account()
    case_id = await house.open(borrower, channel=rules.CONSOLE, acting=house.by("anna"))
    assert (await house.row(case_id))["acknowledged_on"] is None
    await house.room.work.say(case_id, rules.NOTE, "Called again.", house.by("anna"))
    assert (await house.row(case_id))["acknowledged_on"] is None
    await house.room.work.say(case_id, rules.TO_BORROWER, "We look at it.", house.by("anna"))
    assert (await house.row(case_id))["acknowledged_on"] == date(2026, 3, 2)


async def test_a_case_keeps_the_rule_under_which_it_came_in(house: House) -> None:
    """R-CASE-01: a stricter row, and the old one edited in place, change no older case."""
    borrower, _ = await house.account()
    old = await house.open(borrower)
    document = with_newer_row()
    document["rules"][1]["extensions"][0]["days"] = 16
    stricter = policy_in(document)
    house.forward(121)
    work = Cases(replace(house.room.desk, policy=stricter), house.room.work._handlers)
    answer = await work.open(opening(borrower), rules.PORTAL, BORROWER)
    assert answer.document["rule_id"] == "CN-complaint-2026"
    assert answer.document["decide_by"] == "2026-07-15"  # ten working days from 1 July
    await work.extend(old, "More to read.", house.by("clara"))
    assert (await house.row(old))["decide_by"] == date(2026, 4, 1)


async def test_another_jurisdiction_has_its_own_clock(house: House) -> None:
    borrower, _ = await house.account()
    found = {
        code: (await opened(house, opening(borrower, jurisdiction=code))).document["decide_by"]
        for code in ("GB", "US", "any", "")
    }
    assert found == {
        "GB": "2026-04-27", "US": "2026-03-16", "any": "2026-03-17", "": "2026-03-17"
    }  # it is still Sunday evening in New York
    await house.refused("R-CASE-01", opened(house, opening(borrower, jurisdiction="ZZ")))


async def test_an_incident_needs_no_borrower(house: House) -> None:
    """R-CASE-04, R-CASE-14: it is encrypted under a key of its own, and has notes alone."""
    answer = await opened(house, opening(0, kind="incident"), rules.CONSOLE)
    case_id = parse("case", answer.document["case_id"])
    found = await read.opened(house.room.desk, case_id)
    assert found.seal.text_of(found.case) == "Twice!"
    assert bytes(found.case.data_key)
    await house.room.work.say(case_id, rules.NOTE, "The disk was full.", house.by("anna"))
    await house.room.work.attach(case_id, rules.NOTE, "log.txt", b"full", house.by("anna"))
    work = house.room.work
    await house.refused(
        "R-CASE-14", work.say(case_id, rules.TO_BORROWER, "Hello", house.by("anna"))
    )
    await house.refused(
        "R-CASE-14", work.attach(case_id, rules.TO_BORROWER, "a.txt", b"a", house.by("anna"))
    )
    await work.assign(case_id, house.ids["anna"], house.by("ben"))
    await work.extend(case_id, "Still looking.", house.by("anna"))
    number = await house.propose(case_id)
    await house.room.deciding.decide(case_id, number, house.by("clara"))
    assert (await house.row(case_id))["state"] == rules.DECIDED
    await house.whole()


async def test_a_borrower_without_a_key_of_their_own(house: House) -> None:
    """Imported without personal data: the case has its own key; who was erased has no case."""
    borrower, _ = await house.account()
    await house.pool.execute("UPDATE borrower SET data_key = ''")
    case_id = await house.open(borrower)
    case = await read.one(house.room.desk, case_id)
    seal = await seal_of(house.pool, house.room.desk.keys, case)
    assert seal.text_of(case) == "You charged me twice."
    await house.pool.execute("UPDATE borrower SET status = 2")
    await house.refused("R-CASE-04", opened(house, opening(borrower)))


async def test_words_of_who_was_erased_cannot_be_read(house: House) -> None:
    borrower, _ = await house.account()
    case_id = await house.given(borrower)
    await house.room.work.attach(case_id, rules.NOTE, "a.txt", b"a", house.by("anna"))
    await house.pool.execute("UPDATE borrower SET data_key = '', status = 2")
    found = await read.opened(house.room.desk, case_id)
    assert found.seal.text_of(found.case) == ""
    assert (await read.file(house.room.desk, case_id, 1)).content == b""
    await house.refused(
        "R-CASE-04", house.room.work.say(case_id, rules.NOTE, "x", house.by("anna"))
    )


async def test_a_ciphertext_that_is_moved_does_not_open(house: House) -> None:
    from usance.platform.crypto import DecryptionError

    borrower, _ = await house.account()
    first, second = await house.open(borrower), await house.open(borrower)
    await house.pool.execute(
        "UPDATE case_file SET text = (SELECT text FROM case_file WHERE case_id = $1)"
        " WHERE case_id = $2",
        *(first, second),
    )
    found = await read.opened(house.room.desk, second)
    with pytest.raises(DecryptionError):
        found.seal.text_of(found.case)


# -- what it is about ------------------------------------------------------------------------------


async def test_what_a_case_is_about_is_there_and_the_borrowers(house: House) -> None:
    """R-CASE-04: unknown and another's are refused alike, and nothing changes."""
    borrower, account = await house.account()
    other, others = await house.account()
    purchase = await operation_on(house, borrower, "Purchase")
    decided = await house.decided(borrower)
    for subject, subject_id, number in [
        ("contract", account, 0), ("event", account, 2), ("operation", purchase, 0),
        ("case", decided, 0),
    ]:  # fmt: skip
        about = {"subject": subject, "subject_id": subject_id, "subject_number": number}
        assert (await opened(house, opening(borrower, **about))).status == 201
        said = await house.refused("R-CASE-04", opened(house, opening(other, **about)))
        assert said.refusal.detail == "there is nothing like that about this borrower"
    undecided = await house.open(borrower)
    for about in [
        {"subject": "contract", "subject_id": others}, {"subject": "contract", "subject_id": 1},
        {"subject": "contract", "subject_id": account, "subject_number": 2},
        {"subject": "event", "subject_id": account, "subject_number": 99},
        {"subject": "event", "subject_id": others, "subject_number": 2},
        {"subject": "operation", "subject_id": 5}, {"subject": "case", "subject_id": undecided},
        {"subject": "case", "subject_id": 7}, {"subject_id": account},
        {"subject": "notice", "subject_id": account, "subject_number": 3},
        {"subject": "operation", "subject_id": -1}, {"subject": "operation", "subject_id": 2**63},
    ]:  # fmt: skip
        await house.refused("R-CASE-04", opened(house, opening(borrower, **about)))


async def test_a_notice_can_be_what_a_case_is_about(house: House) -> None:
    borrower, _ = await house.account()
    await house.book.line(borrower, "cash_loan")
    loan = await house.book.loan(borrower)
    await house.book.close_days(40)
    n = await house.pool.fetchval("SELECT min(n) FROM notice_wanted WHERE contract_id = $1", loan)
    about = {"subject": "notice", "subject_id": loan, "subject_number": n}
    assert (await opened(house, opening(borrower, **about))).status == 201


@pytest.mark.parametrize(("kind", "whose", "subject"), [
    ("complaint", "nobody", "nothing"), ("appeal", "a borrower", "nothing"),
    ("appeal", "a borrower", "contract"), ("human_review", "a borrower", "nothing"),
    ("incident", "nobody", "contract"),
])  # fmt: skip
async def test_what_needs_a_borrower_or_a_decision(
    house: House, kind: str, whose: str, subject: str
) -> None:
    """R-CASE-04."""
    someone, account = await house.account()
    about = {"subject": subject, "subject_id": account if subject == "contract" else 0}
    asked = opening(0 if whose == "nobody" else someone, kind=kind, **about)
    await house.refused("R-CASE-04", opened(house, asked))


async def test_unknown_codes_and_people_are_refused(house: House) -> None:
    borrower, _ = await house.account()
    await house.refused("R-DOC-01", opened(house, opening(borrower, kind="wish")))
    await house.refused("R-DOC-01", opened(house, opening(borrower, subject="dream")))
    await house.refused("R-FOUND-01", opened(house, opening(77)))


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4001, "a\0b", "a\x1b[31m", "a\u202eb", "\x9d"])
async def test_words_that_are_none(house: House, text: str) -> None:
    """R-CASE-05: the refusal does not repeat them."""
    borrower, _ = await house.account()
    said = await house.refused("R-CASE-05", opened(house, opening(borrower, text=text)))
    assert not text.strip() or text not in str(said)


async def test_not_too_many_cases_at_once(house: House) -> None:
    """R-CASE-16."""
    borrower, _ = await house.account()
    cases = [await house.open(borrower) for _ in range(OPEN_MOST)]
    await house.refused("R-CASE-16", opened(house, opening(borrower)))
    await house.room.work.withdraw(cases[0], BORROWER)
    twins = await asyncio.gather(
        *(opened(house, opening(borrower)) for _ in range(4)), return_exceptions=True
    )
    assert sum(not isinstance(each, Exception) for each in twins) == 1
    again = house.room.own.reopen(borrower, cases[0], "I think again.", BORROWER)
    await house.refused("R-CASE-16", again)


async def test_a_borrower_opens_only_so_many_cases_a_day(house: House) -> None:
    """R-CASE-16: also those that were withdrawn again; others open some for them all the same."""
    borrower, _ = await house.account()
    own, me = house.room.own, Acting(f"borrower:{borrower}")

    async def come_and_go() -> None:
        answer = await own.open(borrower, opening(borrower), me)
        await own.withdraw(borrower, parse("case", answer.document["case_id"]), me)

    for _ in range(case_policy().own_cases_a_day - 1):
        await come_and_go()
    twins = await asyncio.gather(*(come_and_go() for _ in range(4)), return_exceptions=True)
    assert sum(not isinstance(each, Exception) for each in twins) == 1
    await house.refused("R-CASE-16", come_and_go())
    await opened(house, opening(borrower))
    other, _ = await house.account()
    await own.open(other, opening(other), Acting(f"borrower:{other}"))
    house.forward(1)
    await come_and_go()


async def test_a_borrower_attaches_only_so_many_bytes_a_day(house: House) -> None:
    """R-FILE-02: however many cases they are spread over, and whatever became of those."""
    borrower, _ = await house.account()
    policy = replace(house.room.desk.policy, own_bytes_a_day=100)
    object.__setattr__(house.room.desk, "policy", policy)
    own, me = house.room.own, Acting(f"borrower:{borrower}")
    first, second = await house.open(borrower), await house.open(borrower)
    await own.attach(borrower, first, "a.txt", b"a" * 60, me)
    await own.withdraw(borrower, first, me)
    twins = await asyncio.gather(
        *(own.attach(borrower, second, "b.txt", b"b" * 40, me) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, Exception) for each in twins) == 1
    await house.refused("R-FILE-02", own.attach(borrower, second, "c.txt", b"c", me))
    await house.room.work.attach(second, rules.NOTE, "c.txt", b"c" * 90, house.by("anna"))
    house.forward(1)
    await own.attach(borrower, second, "c.txt", b"c" * 100, me)


def test_the_policy_bounds_what_a_borrower_leaves_in_a_day() -> None:
    """R-CASE-16, R-FILE-02."""
    assert (case_policy().own_cases_a_day, case_policy().own_bytes_a_day) == (10, 20_000_000)


# -- words and files -------------------------------------------------------------------------------


async def test_messages_go_both_ways_and_notes_stay_inside(house: House) -> None:
    """R-CASE-07, R-CASE-14: a question waits, the answer opens it again, the clock runs on."""
    borrower, _ = await house.account()
    case_id = await house.given(borrower)
    work, anna = house.room.work, house.by("anna")
    before = (await house.row(case_id))["decide_by"]
    await work.say(case_id, rules.TO_BORROWER, "Which day was it?", anna, wait=True)
    assert (await house.row(case_id))["state"] == rules.WAITING
    await work.say(case_id, rules.NOTE, "She sounds tired.", anna)
    assert (await house.row(case_id))["state"] == rules.WAITING
    await house.room.own.say(borrower, case_id, "The 1st of March.", BORROWER)
    row = await house.row(case_id)
    assert (row["state"], row["decide_by"], row["messages"]) == (rules.OPEN, before, 3)
    own = await house.room.own.read(borrower, case_id)
    assert [each["text"] for each in own["messages"]] == ["Which day was it?", "The 1st of March."]
    assert "tired" not in str(own)
    assert "staff:" not in str(own)
    for way in (rules.NOTE, rules.FROM_BORROWER):
        await house.refused("R-CASE-07", work.say(case_id, way, "x", anna, wait=True))
    await house.whole()


async def test_files_are_kept_encrypted_and_handed_out_as_they_came(house: House) -> None:
    """R-FILE-04."""
    borrower, _ = await house.account()
    case_id = await house.given(borrower)
    content = corpus.GOOD["pdf"]
    answer = await house.room.own.attach(borrower, case_id, "../我的 bill.exe", content, BORROWER)
    assert (answer.document["number"], answer.document["media_type"]) == (1, "application/pdf")
    stored = await house.pool.fetchrow("SELECT * FROM case_attachment")
    assert b"Hello" not in bytes(stored["content"])
    assert b"bill" not in bytes(stored["name"])
    found = await house.room.own.file(borrower, case_id, 1)
    assert (found.content, found.media_type) == (content, "application/pdf")
    assert found.disposition == (
        "attachment; filename=\"attachment-1.pdf\"; filename*=UTF-8''%E6%88%91%E7%9A%84_bill.pdf"
    )
    detail = await house.pool.fetchval("SELECT detail FROM operation WHERE action = 'AttachToCase'")
    assert "bill" not in detail
    await house.whole()


async def test_a_notes_file_is_not_the_borrowers(house: House) -> None:
    """R-CASE-14: nor is that there is one."""
    borrower, _ = await house.account()
    case_id = await house.given(borrower)
    await house.room.work.attach(case_id, rules.NOTE, "check.txt", b"a", house.by("anna"))
    await house.room.work.attach(case_id, rules.TO_BORROWER, "bill.txt", b"b", house.by("anna"))
    own = await house.room.own.read(borrower, case_id)
    assert [each["name"] for each in own["attachments"]] == ["bill.txt"]
    assert [each["kind"] for each in own["events"]] == ["opened", "attached"]
    await house.refused("R-FOUND-01", house.room.own.file(borrower, case_id, 1))
    assert (await read.file(house.room.desk, case_id, 1)).content == b"a"
    await house.refused("R-FOUND-01", read.file(house.room.desk, case_id, 3))


@pytest.mark.parametrize("name", ["zip", "png + html", "pdf with a script", "jpeg + zip", "svg"])
async def test_a_file_that_is_refused_changes_nothing(house: House, name: str) -> None:
    """R-FILE-01, R-FILE-03: through the room as by itself."""
    borrower, _ = await house.account()
    case_id = await house.open(borrower)
    content = (corpus.WRONG_TYPE | corpus.POLYGLOTS)[name]
    rule = "R-FILE-01" if name in corpus.WRONG_TYPE else "R-FILE-03"
    work = house.room.own.attach(borrower, case_id, "photo.png", content, BORROWER)
    await house.refused(rule, work)


async def test_files_of_a_case_are_counted_and_weighed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-FILE-02: also when two come at once."""
    borrower, _ = await house.account()
    case_id = await house.open(borrower)
    attach = house.room.own.attach
    for n in range(9):
        await attach(borrower, case_id, f"{n}.txt", b"a", BORROWER)
    twins = await asyncio.gather(
        *(attach(borrower, case_id, f"{n}.txt", b"a", BORROWER) for n in range(4)),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, Exception) for each in twins) == 1
    monkeypatch.setattr(files, "CASE_MOST", 12)
    other = await house.open(borrower)
    await attach(borrower, other, "a.txt", b"a" * 12, BORROWER)
    await house.refused("R-FILE-02", attach(borrower, other, "b.txt", b"a", BORROWER))


# -- given to somebody, put off, ended -------------------------------------------------------------


async def test_a_case_is_given_to_who_handles_cases(house: House) -> None:
    """R-CASE-06: not to who may only decide, to nobody, or to who did what it is about."""
    borrower, account = await house.account()
    case_id = await house.open(borrower)
    assign, ben = house.room.work.assign, house.by("ben")
    answer = await assign(case_id, house.ids["anna"], ben)
    assert answer.document["assignee"] == f"staff:{house.ids['anna']}"
    for staff_id in (house.ids["cora"], 99):
        await house.refused("R-CASE-06", assign(case_id, staff_id, ben))
    await house.book.do(
        ask.Charge(contract_id=account, component="fee", amount=500), actor=house.by("anna").actor
    )
    charge = await operation_on(house, borrower, "Charge")
    about = await house.open(borrower, kind="dispute", subject="operation", subject_id=charge)
    await house.refused("R-CASE-06", assign(about, house.ids["anna"], ben))
    await assign(about, house.ids["ben"], ben)
    await house.pool.execute("UPDATE staff SET active = false WHERE name = 'ben'")
    await house.refused("R-CASE-06", assign(case_id, house.ids["ben"], ben))


async def test_a_case_is_put_off_as_its_rule_says(house: House) -> None:
    """R-CASE-10: first by the handler, then by a senior who did not handle it, then no more."""
    borrower, _ = await house.account()
    case_id = await house.given(borrower)
    extend = house.room.work.extend
    await house.refused("R-CASE-10", extend(case_id, "Busy.", house.by("ben")))
    await house.refused("R-CASE-05", extend(case_id, " ", house.by("anna")))
    answer = await extend(case_id, "The bank has not answered.", house.by("anna"))
    assert answer.document["decide_by"] == "2026-04-01"
    told = await house.said_to_borrower(case_id)
    assert "2026-04-01" in told
    assert "The bank has not answered." in told
    assert "12378" in told
    await house.refused("R-CASE-10", extend(case_id, "Again.", house.by("anna")))
    await house.refused("R-CASE-10", extend(case_id, "Again.", Acting("machine:1")))
    await house.room.work.assign(case_id, house.ids["dora"], house.by("ben"))
    await house.refused("R-CASE-10", extend(case_id, "I handle it now.", house.by("dora")))
    answer = await extend(case_id, "It is hard.", house.by("clara"))
    assert answer.document["decide_by"] == "2026-05-01"
    said = await house.refused("R-CASE-10", extend(case_id, "Once more.", house.by("clara")))
    assert said.refusal.detail == "the case cannot be put off any further"
    await house.whole()


async def test_a_case_that_is_taken_back_ends(house: House) -> None:
    """R-CASE-07: nothing comes to it any more, what was proposed is dropped."""
    borrower, _ = await house.account()
    case_id = await house.given(borrower)
    number = await house.propose(case_id)
    await house.room.own.withdraw(borrower, case_id, BORROWER)
    row = await house.row(case_id)
    assert (row["state"], row["ended_on"]) == (rules.WITHDRAWN, date(2026, 3, 2))
    case = await read.one(house.room.desk, case_id)
    assert [o.state for o in await store.outcomes(house.pool, case)] == [rules.DROPPED]
    work, anna = house.room.work, house.by("anna")
    for again in (
        lambda: work.say(case_id, rules.NOTE, "x", anna), lambda: work.extend(case_id, "x", anna),
        lambda: work.attach(case_id, rules.NOTE, "a.txt", b"a", anna),
        lambda: work.withdraw(case_id, anna), lambda: work.close(case_id, anna),
        lambda: work.assign(case_id, house.ids["ben"], anna),
        lambda: house.propose(case_id),
    ):  # fmt: skip
        await house.refused("R-CASE-07", again())
    decide = house.room.deciding.decide(case_id, number, house.by("clara"))
    await house.refused("R-CASE-11", decide)


async def test_a_decided_case_takes_words_until_it_is_closed(house: House) -> None:
    """R-CASE-07."""
    borrower, _ = await house.account()
    case_id = await house.decided(borrower)
    await house.room.own.say(borrower, case_id, "Thank you.", BORROWER)
    await house.refused("R-CASE-07", house.room.own.withdraw(borrower, case_id, BORROWER))
    await house.room.work.close(case_id, house.by("anna"))
    for again in (
        lambda: house.room.own.say(borrower, case_id, "x", BORROWER),
        lambda: house.room.own.attach(borrower, case_id, "a.txt", b"a", BORROWER),
        lambda: house.room.work.close(case_id, house.by("anna")),
    ):
        await house.refused("R-CASE-07", again())


async def test_a_case_is_taken_up_again_with_new_clocks(house: House) -> None:
    """R-CASE-15: within 180 days, with reasons, by the rule of that day, and given anew."""
    borrower, _ = await house.account()
    case_id = await house.decided(borrower)
    await house.refused(
        "R-CASE-15",
        house.room.own.reopen(borrower, await house.open(borrower), "Still wrong.", BORROWER),
    )
    house.forward(40)
    await house.room.watch.look()
    assert (await house.row(case_id))["state"] == rules.CLOSED
    await house.refused("R-CASE-05", house.room.own.reopen(borrower, case_id, "", BORROWER))
    await house.room.own.reopen(borrower, case_id, "Still wrong.", BORROWER)
    row = await house.row(case_id)
    assert (row["state"], row["reopened"], row["assignee"], row["result"]) == (rules.OPEN, 1, 0, 0)
    assert (row["received_on"], row["decide_by"]) == (date(2026, 4, 11), date(2026, 4, 26))
    withdrawn = await house.open(borrower)
    await house.room.own.withdraw(borrower, withdrawn, BORROWER)
    house.forward(180)
    await house.room.own.reopen(borrower, withdrawn, "I think again.", BORROWER)
    await house.room.own.withdraw(borrower, withdrawn, BORROWER)
    house.forward(181)
    again = house.room.work.reopen(withdrawn, rules.NOTE, "Called.", house.by("anna"))
    await house.refused("R-CASE-15", again)
    await house.whole()


# -- once, and only one's own ----------------------------------------------------------------------


async def test_the_same_request_is_done_once(house: House) -> None:
    """R-IDEM-01: fifty at once under one key: one case, one answer; another request: refused."""
    borrower, _ = await house.account()
    keyed = Acting("machine:1", frozenset(), "key", b"hash")
    twins = await asyncio.gather(
        *(house.room.work.open(opening(borrower), rules.API, keyed) for _ in range(50))
    )
    assert len({str(each.document) for each in twins}) == 1
    assert sum(not each.replayed for each in twins) == 1
    case_id = parse("case", twins[0].document["case_id"])
    says = await asyncio.gather(*(
        house.room.work.say(case_id, rules.NOTE, "Once.", replace(keyed, key="say"))
        for _ in range(20)
    ))  # fmt: skip
    assert len({str(each.document) for each in says}) == 1
    assert (await house.row(case_id))["messages"] == 1
    other = house.room.work.open(
        opening(borrower), rules.API, replace(keyed, request_hash=b"other")
    )
    await house.refused("R-IDEM-01", other)
    await house.whole()


async def test_another_borrowers_case_is_not_there(house: House) -> None:
    """R-FOUND-01: the same answer as for a case that never was, and nothing changed."""
    borrower, _ = await house.account()
    other, _ = await house.account()
    case_id, own = await house.decided(borrower), house.room.own
    await house.room.work.attach(case_id, rules.TO_BORROWER, "a.txt", b"a", house.by("anna"))
    for number in (case_id, 12345):
        for ask_for in (
            lambda n=number: own.read(other, n), lambda n=number: own.say(other, n, "x", BORROWER),
            lambda n=number: own.attach(other, n, "a.txt", b"a", BORROWER),
            lambda n=number: own.file(other, n, 1),
            lambda n=number: own.withdraw(other, n, BORROWER),
            lambda n=number: own.reopen(other, n, "x", BORROWER),
        ):  # fmt: skip
            said = await house.refused("R-FOUND-01", ask_for())
            assert said.refusal.detail == "there is no such case"
    assert await own.of_borrower(other) == []
    assert [each["state"] for each in await own.of_borrower(borrower)] == ["decided"]


async def test_a_borrower_opens_only_their_own(house: House) -> None:
    borrower, _ = await house.account()
    other, _ = await house.account()
    answer = await house.room.own.open(borrower, opening(other), BORROWER)
    assert "assignee" not in answer.document
    row = await house.row(parse("case", answer.document["case_id"]))
    assert (row["borrower_id"], row["channel"]) == (borrower, rules.PORTAL)
    incident = house.room.own.open(borrower, opening(borrower, kind="incident"), BORROWER)
    await house.refused("R-DOC-01", incident)
