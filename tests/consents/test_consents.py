"""Consents on a book: given, refused, taken back, ended; asked for by a sender; proved."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs

from tests.consents.house import NOON, OFFER, OVERDUE, REMINDER, STAFF, House, house
from tests.servicing.books import fingerprint
from usance.consents import asking, receipts, store, telling
from usance.consents.acts import (
    AdoptConsentDocument,
    RetireConsentDocument,
    enter_shipped,
    perform,
)
from usance.consents.asking import What
from usance.consents.documents import shipped
from usance.consents.records import Party, Saying, borrower
from usance.consents.rules import (
    EXPIRED,
    GIVEN,
    INVALIDATED,
    PURPOSES,
    REFUSED,
    WITHDRAWN,
)
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.identity import erasure, rotation
from usance.identity.changing import Asking
from usance.notices.starting import starting_set
from usance.platform.database import Pool, transaction
from usance.web import personal

MOTHER = Party("relative", 7)


@pytest_asyncio.fixture
async def home(pool: Pool) -> AsyncIterator[House]:
    async with house(pool) as found:
        yield found


async def refused(home: House, saying: Saying, rule: str, actor: str = "") -> None:
    """It is refused, and nothing changed."""
    before = await fingerprint(home.pool)
    with pytest.raises(Refused) as caught:
        await home.consents.grant(saying, Asking(actor or home.actor))
    assert caught.value.refusal.rule == rule
    assert await fingerprint(home.pool) == before


async def test_a_new_book_has_the_documents_and_nothing_is_on(home: House) -> None:
    """R-CONSENT-02, R-CONSENT-04."""
    rows = await home.consents.documents()
    assert [(row["document_id"], row["version"]) for row in rows] == [
        (each.document_id, 1) for each in shipped()
    ]
    assert {(row["adopted_by"], row["operation_id"]) for row in rows} == {("usance", 0)}
    before = await fingerprint(home.pool)
    await home.consents.enter_shipped()  # as for a book of before
    assert await fingerprint(home.pool) == before
    assert [await home.live(each) for each in (REMINDER, OFFER)] == [None, None]
    await home.book.holds()


async def test_a_book_of_before_gets_the_documents(home: House) -> None:
    """R-CONSENT-02."""
    await home.pool.execute("DELETE FROM consent_document WHERE document_id = 'family-plan'")
    async with transaction(home.pool) as connection:
        await enter_shipped(connection, NOON)
    assert len(await home.consents.documents("family-plan")) == 1


async def test_what_is_given_justifies_just_that(home: House) -> None:
    """R-CONSENT-03, R-CONSENT-04."""
    record_id = await home.given(scopes=("reminders",), channels=("sms", "voice"))
    found = await home.live()
    assert found is not None
    assert (found.record_id, found.state, found.valid_until) == (record_id, GIVEN, None)
    for what in (
        What("service-notices", "overdue", "sms"), What("service-notices", "reminders", "email"),
        What("marketing", "reminders", "sms"), OFFER,
    ):  # fmt: skip
        assert await home.live(what) is None, what
    assert await home.live(grantor=borrower(home.who + 1024)) is None
    assert await home.live(counterparty=MOTHER) is None
    await home.book.holds()


async def test_a_refusal_and_a_withdrawal_hold_at_once(home: House) -> None:
    """R-CONSENT-05: and another word makes it live again, in the same record."""
    record_id = await home.given()
    receipt = await home.withdrawn(record_id)
    assert (receipt["state"], await home.live()) == ("withdrawn", None)
    assert await home.given() == record_id
    assert await home.live() is not None
    answer = await home.consents.refuse(home.saying(), Asking(home.actor))
    assert (answer.document["state"], await home.live()) == ("refused", None)
    rows = await store.events(home.pool, home.who, record_id)
    assert [row["state"] for row in rows] == [GIVEN, WITHDRAWN, GIVEN, REFUSED]
    assert [row["events"] for row in rows] == [1, 2, 3, 4]
    await home.book.holds()


async def test_a_withdrawal_again_changes_nothing(home: House) -> None:
    """R-CONSENT-05, R-IDEM-01."""
    record_id = await home.given()
    first = await home.withdrawn(record_id, key="k")
    assert await home.withdrawn(record_id, key="k") == first
    before = await home.counted()
    again = await home.withdrawn(record_id)
    assert (again["state"], again["at"]) == ("withdrawn", first["at"])
    assert await home.counted() == (before[0], before[1] + 1)
    answer = await home.consents.refuse(home.saying("notices-marketing"), Asking(home.actor))
    number = parse("consent", answer.document["record_id"])
    assert (await home.withdrawn(number))["state"] == "refused"
    with pytest.raises(Refused, match="R-FOUND-01"):
        await home.withdrawn(number + 1)
    await home.book.holds()


async def test_twins_are_one(home: House) -> None:
    """R-IDEM-01: many of one request at once, and many requests for one record."""
    asked = [Asking(home.actor, "same", b"h")] * 8
    answers = await asyncio.gather(
        *(home.consents.grant(home.saying(), each) for each in asked)
    )
    assert len({each.operation_id for each in answers}) == 1
    assert await home.pool.fetchval("SELECT count(*) FROM consent_event") == 1
    await asyncio.gather(
        *(home.consents.grant(home.saying("notices-marketing"), Asking(home.actor, f"{n}", b"h"))
          for n in range(8))
    )  # fmt: skip
    assert await home.pool.fetchval("SELECT count(*) FROM consent") == 2
    record = (await store.of_borrower(home.pool, home.who))[-1]
    gone = [home.withdrawn(record.record_id, key=f"w{n}") for n in range(4)]
    receipts_of = await asyncio.gather(*gone)
    assert len({each["at"] for each in receipts_of}) == 1
    await home.book.holds()


@pytest.mark.parametrize(("changes", "rule"), [
    ({"document_id": "nothing"}, "R-FOUND-01"), ({"version": 2}, "R-CONSENT-02"),
    ({"borrower_id": 2**40 + 1}, "R-FOUND-01"), ({"scopes": ("offers",)}, "R-CONSENT-03"),
    ({"document_id": "family-overdue"}, "R-CONSENT-03"),
])  # fmt: skip
async def test_what_does_not_fit_is_refused(
    home: House, changes: dict[str, Any], rule: str
) -> None:
    """R-CONSENT-02, R-CONSENT-03, R-FOUND-01."""
    await refused(home, home.saying(**changes), rule)


async def test_staff_writes_down_what_was_said_elsewhere(home: House) -> None:
    """R-CONSENT-03, R-CONSENT-08: evidence is sealed, and its hash is salted."""
    await refused(home, home.saying(), "R-CONSENT-03", STAFF)
    words = "said on the telephone, line 7"
    saying = home.saying(method="staff_by_phone", evidence=words)
    await home.consents.grant(saying, Asking(STAFF))
    (row,) = await store.events(home.pool, home.who)
    assert words.encode() not in row["evidence"]
    assert row["evidence_hash"] not in (b"", hashlib.sha256(words.encode()).digest())
    details = await home.pool.fetch("SELECT detail FROM operation")
    assert not any(words in each["detail"] for each in details)
    (told,) = await home.consents.of_borrower(home.who)
    assert "evidence" not in told["events"][0]
    await home.book.holds()


@pytest.mark.parametrize(("after", "is_live"), [
    (timedelta(days=365) - timedelta(microseconds=1), True), (timedelta(days=365), False),
    (timedelta(days=400), False),
])  # fmt: skip
async def test_an_end_needs_no_sweep(home: House, after: timedelta, *, is_live: bool) -> None:
    """R-CONSENT-04, R-CONSENT-06."""
    record_id = await home.given("notices-marketing")
    home.clock.advance(after)
    assert (await home.live(OFFER) is not None) is is_live
    assert (await home.record(record_id)).state == GIVEN
    assert await home.consents.expire() == int(not is_live)
    assert await home.consents.expire() == 0
    state = (await home.record(record_id)).state
    assert state == (GIVEN if is_live else EXPIRED)
    assert (await home.withdrawn(record_id))["state"] == "withdrawn"
    await home.book.holds()


async def test_the_sweep_works_by_itself(home: House) -> None:
    """R-CONSENT-06."""
    record_id = await home.given("notices-marketing")
    home.clock.advance(timedelta(days=366))
    home.consents.start()
    for _ in range(100):
        if (await home.record(record_id)).state == EXPIRED:
            break
        await asyncio.sleep(0.05)
    await home.consents.stop()
    assert (await home.record(record_id)).state == EXPIRED
    event = await home.pool.fetchrow("SELECT * FROM operation WHERE action = 'ExpireConsent'")
    assert event is not None
    assert event["actor"] == "usance"


async def test_once_a_year_it_is_due_for_a_word(home: House) -> None:
    """R-CONSENT-06."""
    record_id = await home.given()
    gone = await home.given("notices-marketing")

    async def due() -> list[int]:
        async with transaction(home.pool) as connection:
            found = await store.to_remind(connection, home.clock.now(), 10, PURPOSES)
            for each in found:
                await store.mark_reminded(connection, each, home.clock.now())
            return [each.record_id for each in found]

    home.clock.advance(timedelta(days=365) - timedelta(microseconds=1))
    assert await due() == []
    home.clock.advance(timedelta(microseconds=1))
    assert await due() == [record_id]  # the other one is past its end
    assert await due() == []
    home.clock.advance(timedelta(days=365))
    await home.withdrawn(gone)
    assert await due() == [record_id]
    await home.given()
    home.clock.advance(timedelta(days=200))
    assert await due() == []
    await home.withdrawn(record_id)
    home.clock.advance(timedelta(days=400))
    assert await due() == []
    await home.book.holds()


async def told(home: House) -> list[tuple[str, Any]]:
    """What the borrower is told: template and facts."""
    rows = await home.pool.fetch("SELECT template_id, facts FROM notice ORDER BY notice_id")
    return [(each["template_id"], json.loads(each["facts"])) for each in rows]


async def test_what_was_given_and_taken_back_is_told_once(home: House) -> None:
    """R-CONSENT-10: also where staff entered it; a refusal and what ends by itself are not."""
    await home.consents.refuse(home.saying("notices-marketing"), Asking(home.actor))
    record_id = await home.given()
    for _ in range(2):
        await home.withdrawn(record_id, method="staff_by_phone", actor=STAFF)
    await home.given("notices-marketing")
    home.clock.advance(timedelta(days=366))
    assert await home.consents.look() == 1
    day = {"day": NOON.date().isoformat()}
    assert await told(home) == [
        ("consent-given", day | {"what": "service"}),
        ("consent-withdrawn", day | {"what": "service"}),
        ("consent-given", day | {"what": "marketing"}),
    ]
    await home.book.holds()


async def test_what_was_said_twice_under_a_key_is_told_once(home: House) -> None:
    asking_again = Asking(home.actor, "key", b"h")
    for _ in range(2):
        await home.consents.grant(home.saying(), asking_again)
    assert [template for template, _ in await told(home)] == ["consent-given"]


async def test_what_did_not_happen_is_not_told(home: House) -> None:
    with pytest.raises(Refused, match="R-CONSENT-02"):
        await home.consents.grant(home.saying(version=7), Asking(home.actor))
    assert await told(home) == []


async def test_nothing_is_told_of_an_agreement_about_somebody_else(home: House) -> None:
    """R-FAMILY-04: what is said of a relative has its own words, or none."""
    said = home.saying("family-borrowing", counterparty=MOTHER)
    answer = await home.consents.grant(said, Asking(home.actor))
    await home.withdrawn(parse("consent", answer.document["record_id"]))
    assert await told(home) == []


async def test_every_purpose_has_its_words_or_a_room_of_its_own() -> None:
    of_others = {"family", "household", "friend-agreement"}
    assert set(telling.WHAT) | of_others == set(PURPOSES)
    for template in starting_set():
        if template.id in (*telling.BY_STATE.values(), telling.YEARLY):
            choices = set(template.placeholders["what"].choices) - {"family"}
            assert choices == set(telling.WHAT.values())


async def test_a_consent_that_is_on_is_told_of_once_a_year(home: House) -> None:
    """R-CONSENT-06."""
    await home.given()
    family = home.saying("family-borrowing", counterparty=MOTHER)
    await home.consents.grant(family, Asking(home.actor))
    for year in range(1, 3):
        home.clock.advance(timedelta(days=365))
        assert (await home.consents.look(), await home.consents.look()) == (1, 0)
        yearly = ("consent-yearly", {"from_on": NOON.date().isoformat(), "what": "service"})
        assert (await told(home))[1:] == [yearly] * year


async def test_two_sides_both_agree(home: House) -> None:
    """R-CONSENT-07."""
    mine = await home.given("family-overdue", counterparty=MOTHER)
    assert await home.live(OVERDUE, counterparty=MOTHER) is None
    hers = await home.given(
        "family-overdue", grantor=MOTHER, counterparty=borrower(home.who), method="code",
        evidence="a code to her number",
    )  # fmt: skip
    found = await home.live(OVERDUE, counterparty=MOTHER)
    assert found is not None
    assert found.record_id == mine
    back = await home.live(OVERDUE, MOTHER, borrower(home.who))
    assert back is not None
    assert (back.record_id, back.linked_id) == (hers, mine)
    with pytest.raises(Refused, match="R-FOUND-01"):
        await home.withdrawn(hers)  # it is not the borrower's to take back
    await home.withdrawn(hers, actor="machine:1")
    assert await home.live(OVERDUE, counterparty=MOTHER) is None
    await home.book.holds()


async def test_a_version_that_is_retired_justifies_nothing(home: House) -> None:
    """R-CONSENT-02, R-CONSENT-04: from its day on."""
    await home.given()
    day = NOON.date() + timedelta(days=1)
    act = RetireConsentDocument("notices-service", 1, day)
    await perform(home.pool, home.clock, act, Asking(STAFF))
    assert await home.live() is not None
    home.clock.advance(timedelta(hours=12))
    assert await home.live() is None
    (told,) = await home.consents.of_borrower(home.who)
    assert (told["state"], told["is_live"]) == ("given", False)
    await refused(home, home.saying(), "R-FOUND-01")
    await home.book.holds()


# -- at the same time ------------------------------------------------------------------------------


async def waits(task: asyncio.Task[Any]) -> bool:
    """Whether it is still not done after a while."""
    await asyncio.sleep(0.3)
    return not task.done()


async def test_a_withdrawal_waits_for_a_send_under_way(home: House) -> None:
    """R-CONSENT-04."""
    record_id = await home.given()
    async with transaction(home.pool) as connection:
        who, now = borrower(home.who), home.clock.now()
        assert await asking.live(connection, who, REMINDER, now) is not None
        task = asyncio.create_task(home.withdrawn(record_id))
        assert await waits(task)
        assert (await home.record(record_id)).state == GIVEN
    assert (await task)["state"] == "withdrawn"
    assert await home.live() is None


async def test_a_send_waits_for_a_withdrawal_under_way_and_sees_it(home: House) -> None:
    """R-CONSENT-04: also one whose transaction began before."""
    record_id = await home.given()
    async with transaction(home.pool) as sending:
        await sending.fetchval("SELECT count(*) FROM consent")
        async with transaction(home.pool) as taking:
            await store.record(taking, home.who, record_id, lock=True)
            await taking.execute("UPDATE consent SET state = 3")
            who, now = borrower(home.who), home.clock.now()
            task = asyncio.create_task(asking.live(sending, who, REMINDER, now))
            assert await waits(task)
        assert await task is None


async def test_a_send_waits_for_a_version_that_is_being_retired(home: House) -> None:
    """R-CONSENT-02, R-CONSENT-04."""
    await home.given()
    async with transaction(home.pool) as taking:
        await store.document_alone(taking, "notices-service", 1)
        await store.retire(taking, "notices-service", 1, NOON.date(), 1)
        task = asyncio.create_task(home.live())
        assert await waits(task)
    assert await task is None


async def test_no_send_begins_after_a_withdrawal_was_answered(home: House) -> None:
    """R-CONSENT-04: many senders, one withdrawal, and the order of what they did."""
    record_id = await home.given()
    done = asyncio.Event()
    late: list[bool] = []

    async def send() -> None:
        while True:
            withdrawn_before = done.is_set()
            found = await home.live()
            if withdrawn_before:
                late.append(found is not None)
                return

    senders = [asyncio.create_task(send()) for _ in range(6)]
    await asyncio.sleep(0.1)
    await home.withdrawn(record_id)
    done.set()
    await asyncio.gather(*senders)
    assert late == [False] * 6


# -- proof and rights ------------------------------------------------------------------------------


async def test_a_receipt_says_everything_and_names_its_operation(home: House) -> None:
    """R-CONSENT-08."""
    record_id = await home.given("notices-marketing", language="zh")
    receipt = await home.consents.receipt(home.who, record_id)
    document = next(each for each in shipped() if each.document_id == "notices-marketing")
    assert receipt["schema"] == receipts.SCHEMA
    assert (receipt["document_digest"], receipt["text_digest"], receipt["title"]) == (
        document.digest.hex(), document.texts["zh"].digest.hex(), document.texts["zh"].title,
    )  # fmt: skip
    assert receipt["valid_until"] == "2027-03-01T12:00:00+00:00"
    event = await home.pool.fetchrow(
        "SELECT * FROM operation WHERE operation_id = $1",
        parse("operation", receipt["operation_id"]),
    )
    assert event is not None
    assert (event["action"], event["actor"]) == ("GiveConsent", home.actor)
    with pytest.raises(Refused, match="R-FOUND-01"):
        await home.consents.receipt(home.who + 1024, record_id)


@pytest.mark.parametrize(("tamper", "invariant"), [
    ("UPDATE consent_event SET scopes = '[\"overdue\"]' WHERE number = 2", "INV-CONSENT-01"),
    ("UPDATE consent_event SET actor = 'staff:9' WHERE number = 2", "INV-CONSENT-01"),
    ("UPDATE consent_event SET at = at - interval '1 s' WHERE number = 2", "INV-CONSENT-01"),
    ("UPDATE consent_event SET evidence_hash = 'x' WHERE number = 2", "INV-CONSENT-01"),
    ("DELETE FROM consent_event WHERE number = 2", "INV-CONSENT-01"),
    ("DELETE FROM operation WHERE action = 'WithdrawConsent'", "INV-CONSENT-01"),
    ("UPDATE consent SET state = 1", "INV-CONSENT-02"),
    ("UPDATE consent SET valid_until = now()", "INV-CONSENT-02"),
    ("DELETE FROM consent", "INV-CONSENT-02"),
    ("UPDATE consent_document SET body = replace(body, 'overdue', 'due')", "INV-CONSENT-03"),
    ("UPDATE consent_document SET purpose = 'marketing'", "INV-CONSENT-03"),
    ("UPDATE consent_document SET retired_on = NULL", "INV-CONSENT-03"),
    ("UPDATE consent_document SET adopted_by = 'staff:1'", "INV-CONSENT-03"),
    ("DELETE FROM consent_document WHERE operation_id = 0", "INV-CONSENT-03"),
    ("DELETE FROM consent_document WHERE operation_id > 0", "INV-CONSENT-03"),
])  # fmt: skip
async def test_a_row_that_was_changed_is_named(
    home: House, tamper: str, invariant: str
) -> None:
    """R-CONSENT-08."""
    record_id = await home.given()
    await home.withdrawn(record_id)
    second = structs.replace(shipped()[0], version=2, effective_on=NOON.date())
    for act in (
        RetireConsentDocument("family-plan", 1, NOON.date()), AdoptConsentDocument(second)
    ):  # fmt: skip
        await perform(home.pool, home.clock, act, Asking(STAFF))
    await home.book.holds()
    await home.pool.execute(tamper)
    found = {each.invariant: each for each in await home.book.findings()}
    assert invariant in found
    if invariant == "INV-CONSENT-01" and "operation" not in tamper.partition(" WHERE")[0]:
        named = str(record_id) if "UPDATE" in tamper else "operation "
        assert named in found[invariant].key


async def test_the_export_shows_it_with_its_evidence(home: House) -> None:
    """R-CONSENT-09."""
    saying = home.saying(method="paper", evidence="folder 7\npage 3")
    await home.consents.grant(saying, Asking(STAFF))
    found = await personal.export(home.pool, home.book.keys, home.who, None, own=True)
    assert found is not None
    (told,) = found.parts["consents"]
    (said,) = told["events"]
    assert (said["evidence"], said["by"], said["method"]) == ("folder 7\npage 3", "staff", "paper")
    masked = await personal.export(home.pool, home.book.keys, home.who, None)
    assert masked is not None
    assert "consents" not in masked.parts


async def test_evidence_goes_along_to_a_new_key(home: House) -> None:
    """R-CONSENT-09."""
    saying = home.saying(method="paper", evidence="folder 7")
    await home.consents.grant(saying, Asking(STAFF))
    await rotation.renew_borrower(home.pool, home.book.keys, home.who, actor=STAFF)
    found = await personal.export(home.pool, home.book.keys, home.who, None, own=True)
    assert found is not None
    assert found.parts["consents"][0]["events"][0]["evidence"] == "folder 7"
    await home.book.holds()


async def test_an_erasure_forgets_evidence_and_ends_what_was_given(
    home: House, tmp_path: Path
) -> None:
    """R-CONSENT-09, R-ERASE-05."""
    saying = home.saying(method="paper", evidence="folder 7")
    answer = await home.consents.grant(saying, Asking(STAFF))
    gone = await home.given("notices-marketing")
    await home.withdrawn(gone)
    await erasure.erase(
        home.pool, home.who, "request", actor=STAFF, list_file=tmp_path / "erasures"
    )
    assert await home.live() is None
    first = await home.record(parse("consent", answer.document["record_id"]))
    assert (first.state, (await home.record(gone)).state) == (INVALIDATED, WITHDRAWN)
    rows = await store.events(home.pool, home.who)
    assert [bytes(row["evidence"]) for row in rows] == [b""] * 4
    assert rows[0]["evidence_hash"]
    await refused(home, home.saying(), "R-FOUND-01")
    assert (await home.withdrawn(first.record_id))["state"] == "invalidated"
    found = await personal.export(home.pool, home.book.keys, home.who, None, own=True)
    assert found is not None
    assert found.parts["consents"][0]["events"][0]["evidence"] == ""
    await home.book.holds()
