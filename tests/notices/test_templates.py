"""Templates on a real book: what it begins with, what is adopted and retired, by two people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.notices.drafts import draft, saying, words
from tests.servicing.books import OPENED_ON, TestBook, fingerprint, fresh
from usance.approvals.rules import DONE, FAILED, policy
from usance.approvals.service import Approvals
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.identity.changing import Asking, complete
from usance.identity.staff import Staff
from usance.notices import store
from usance.notices.changes import Difference, differences, lines
from usance.notices.documents import canonical, digest_of, document_in
from usance.notices.starting import adopt_starting_set, starting_set
from usance.notices.templates import AdoptTemplate, RetireTemplate, Templates, Version, in_force
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool, transaction
from usance.web.acts import acts_of_the_house
from usance.web.closing import Closing
from usance.webhooks.endpoints import Endpoints

DAY = timedelta(days=1)
ANNA = Asking("staff:1")
KEYS = LocalKeyService(b"i" * 32, {1: b"m" * 32})


@pytest_asyncio.fixture
async def book(pool: Pool) -> AsyncIterator[TestBook]:
    async with fresh(pool) as found:
        yield found


@pytest.fixture
def templates(book: TestBook) -> Templates:
    return Templates(book.pool)


def adopt(version: int = 1, on: date = OPENED_ON, **changed: Any) -> AdoptTemplate:
    """A version of a new template."""
    plain = draft(version=version, effective_on=on.isoformat(), **changed)
    return AdoptTemplate(document_in(plain))


def retire(on: date, template_id: str = "hello") -> RetireTemplate:
    return RetireTemplate(template_id, on)


async def number(pool: Pool, on: date, template_id: str = "hello") -> int:
    """The version in force on a day; 0 for none."""
    found = await in_force(pool, template_id, on)
    return 0 if found is None else found.document.version


async def refused(templates: Templates, act: Any, rule: str, path: str) -> None:
    """The act is refused, and nothing changed."""
    before = await fingerprint(templates.pool)
    for ask in (templates.perform(act, ANNA), templates.rehearse(act, "staff:1")):
        with pytest.raises(Refused) as found:
            await ask
        assert (found.value.refusal.rule, found.value.refusal.path) == (rule, path)
    assert await fingerprint(templates.pool) == before


async def test_a_book_begins_with_the_set(book: TestBook) -> None:
    """R-TEMPLATE-19: adopted by usance, from the first day, with one audit event."""
    rows = await store.page(book.pool, 0, 100)
    assert [row["template_id"] for row in rows] == [each.id for each in starting_set()]
    assert {(row["version"], row["effective_on"], row["adopted_by"]) for row in rows} == {
        (1, OPENED_ON, "usance"),
    }  # fmt: skip
    event = await book.pool.fetchrow("SELECT * FROM operation WHERE action = 'AdoptStartingSet'")
    assert (event["actor"], event["detail"]) == ("usance", '{"templates": 35}')
    for row in rows:
        assert row["digest"] == digest_of(row["body"])
        assert row["operation_id"] == event["operation_id"]
    found = await in_force(book.pool, "due-tomorrow", OPENED_ON)
    assert isinstance(found, Version)
    assert found.document.event == "due.reminder"
    assert await in_force(book.pool, "due-tomorrow", OPENED_ON - DAY) is None
    await book.holds()


async def test_a_book_of_before_gets_what_it_lacks_once(book: TestBook) -> None:
    """R-TEMPLATE-19: also by many at once; what is there is left alone."""
    before = await fingerprint(book.pool)
    await complete(book.pool, adopt_starting_set)
    assert await fingerprint(book.pool) == before
    await book.pool.execute("DELETE FROM notice_template")
    await book.pool.execute("DELETE FROM operation WHERE action = 'AdoptStartingSet'")
    await Templates(book.pool).perform(adopt(id="paid"), ANNA)
    await asyncio.gather(*(complete(book.pool, adopt_starting_set) for _ in range(5)))
    async with transaction(book.pool) as connection:
        assert await adopt_starting_set(connection, OPENED_ON) == 0
    events = await book.pool.fetch("SELECT detail FROM operation WHERE action = 'AdoptStartingSet'")
    assert [row["detail"] for row in events] == ['{"templates": 34}']
    await book.holds()


async def test_versions_follow_one_another(book: TestBook, templates: Templates) -> None:
    """R-TEMPLATE-01, R-TEMPLATE-16, R-TEMPLATE-18."""
    on = OPENED_ON
    await refused(templates, adopt(2), "R-TEMPLATE-01", "version")
    await refused(templates, adopt(1, on - DAY), "R-TEMPLATE-16", "effective_on")
    await refused(templates, adopt(retired_on=on.isoformat()), "R-TEMPLATE-16", "retired_on")
    first = await templates.perform(adopt(1, on + DAY), ANNA)
    assert first.document["template_id"] == "hello"
    await refused(templates, adopt(1, on + DAY), "R-TEMPLATE-01", "version")
    await refused(templates, adopt(3, on + DAY), "R-TEMPLATE-01", "version")
    await refused(templates, adopt(2, on), "R-TEMPLATE-16", "effective_on")
    await refused(templates, adopt(2, on + DAY, event="device.new"), "R-TEMPLATE-01", "event")
    await refused(templates, adopt(2, on + DAY, purpose="security"), "R-TEMPLATE-01", "purpose")
    await templates.perform(adopt(2, on + 5 * DAY, retired_on=(on + 8 * DAY).isoformat()), ANNA)
    found = [await number(book.pool, on + n * DAY) for n in (0, 1, 4, 5, 7, 8, 99)]
    assert found == [0, 1, 1, 2, 2, 0, 0]
    await templates.perform(adopt(3, on + 9 * DAY), ANNA)
    found = [await number(book.pool, on + n * DAY) for n in (7, 8, 9, 99)]
    assert found == [2, 0, 3, 3]
    await book.holds()


async def test_a_template_is_retired(book: TestBook, templates: Templates) -> None:
    """R-TEMPLATE-16: with all its versions, also one that is still to begin."""
    on = OPENED_ON
    await refused(templates, retire(on), "R-FOUND-01", "template_id")
    await templates.perform(adopt(1, on), ANNA)
    await templates.perform(adopt(2, on + 5 * DAY), ANNA)
    await refused(templates, retire(on - DAY), "R-TEMPLATE-16", "retired_on")
    await templates.perform(retire(on + 3 * DAY), ANNA)
    assert [await number(book.pool, on + n * DAY) for n in (2, 3, 6)] == [1, 0, 0]
    await refused(templates, retire(on + 3 * DAY), "R-TEMPLATE-16", "retired_on")
    await templates.perform(retire(on + 2 * DAY), ANNA)
    assert await number(book.pool, on + 2 * DAY) == 0
    await templates.perform(adopt(3, on + 6 * DAY), ANNA)
    assert await number(book.pool, on + 6 * DAY) == 3
    await book.holds()


async def test_a_draft_with_a_finding_is_not_adopted(templates: Templates) -> None:
    """R-TEMPLATE-16: the first finding is the reason."""
    plain = saying("法院 13800000000", "Hi", effective_on=OPENED_ON.isoformat())
    act = AdoptTemplate(document_in(plain))
    await refused(templates, act, "R-TEMPLATE-09", "channels.sms.zh-CN.text")
    with pytest.raises(Refused, match="1 more"):
        await templates.rehearse(act, "staff:1")


async def test_two_who_adopt_at_once_are_one_after_the_other(
    book: TestBook, templates: Templates
) -> None:
    """R-TEMPLATE-01: one has the version, the other is refused."""
    one, other = adopt(), adopt(channels={"sms": words("好{amount}", "Well {amount}")})
    done = await asyncio.gather(
        *(templates.perform(act, ANNA) for act in (one, other)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in done) == ["Answer", "Refused"]
    await book.holds()


async def test_the_same_request_is_done_once(templates: Templates) -> None:
    """R-IDEM-01."""
    asking = Asking("staff:1", "key", b"h")
    first, again = [await templates.perform(adopt(), asking) for _ in range(2)]
    assert (first.document, again.replayed) == (again.document, True)


def test_what_changed_is_said_in_words() -> None:
    """R-TEMPLATE-17."""
    old = document_in(draft())
    new = document_in(draft(
        version=2, effective_on="2026-12-09",
        placeholders={"amount": {"type": "money"}, "day": {"type": "date"}},
        channels={"sms": words("收到{amount}。", "On {day} we received {amount}.")},
        domains=["a.cn"],
    ))  # fmt: skip
    assert differences(old, old) == []
    assert {each.where: (each.old, each.new) for each in differences(old, new)} == {
        "channels sms en text": ("We received {amount}.", "On {day} we received {amount}."),
        "placeholders day type": ("", "date"), "domains": ("", "a.cn"),
        "effective_on": ("2026-12-01", "2026-12-09"),
    }  # fmt: skip
    assert Difference("placeholders day type", "date", "") in differences(new, old)
    assert {"channels sms zh-CN text", "amounts"} <= {e.where for e in differences(None, old)}


@pytest.mark.parametrize(("old", "new", "kinds"), [
    ("", "a\nb", ["came", "came"]), ("a\nb", "", ["gone", "gone"]),
    ("a\nb\nc", "a\nx\nc", ["same", "gone", "came", "same"]), ("a", "a", ["same"]), ("", "", []),
    ("a\n", "a", ["same", "gone"]),
])  # fmt: skip
def test_a_change_line_by_line(old: str, new: str, kinds: list[str]) -> None:
    """R-TEMPLATE-17: what stayed and what is gone is the old text, what stayed and came the new."""
    found = lines(Difference("x", old, new))
    assert [kind for kind, _ in found] == kinds
    assert "\n".join(line for kind, line in found if kind != "came") == old
    assert "\n".join(line for kind, line in found if kind != "gone") == new


async def test_versions_come_newest_first_with_what_they_changed(templates: Templates) -> None:
    """R-TEMPLATE-17."""
    await templates.perform(adopt(), ANNA)
    text = {"sms": words("好{amount}", "Well {amount}")}
    await templates.perform(adopt(2, channels=text), ANNA)
    await templates.perform(adopt(3, channels=text), ANNA)
    found = await templates.versions("hello", 99, 50)
    assert [each.document.version for each, _ in found] == [3, 2, 1]
    assert [len(changes) for _, changes in found][:2] == [0, 2]
    ((second, changes),) = await templates.versions("hello", 3, 1)
    assert (second.document.version, len(changes)) == (2, 2)
    assert await templates.versions("nothing", 99, 50) == []


@dataclass
class Office:
    """Who proposes and who decides."""

    book: TestBook
    approvals: Approvals
    anna: str
    bert: int


@pytest_asyncio.fixture
async def office(book: TestBook, tmp_path: Path) -> Office:
    staff = Staff(book.pool)
    anna = await staff.create("anna", "correct horse battery", ["operations"])
    bert = await staff.create("bert", "correct horse battery", ["compliance"])
    known = acts_of_the_house(book.pool, Endpoints(book.pool, KEYS), Closing(), tmp_path / "erased")
    approvals = Approvals(book.pool, policy(2), known)
    return Office(book, approvals, f"staff:{anna}", bert)


async def test_a_second_person_adopts_and_retires(office: Office) -> None:
    """R-TEMPLATE-16, R-APPR-01, R-APPR-08: nothing is in force before."""
    for act, weight, before, after in (
        (adopt(), "heavy", 0, 1), (retire(OPENED_ON), "light", 1, 0),
    ):  # fmt: skip
        answer = await office.approvals.submit(act, actor=office.anna)
        assert (answer.status, answer.document["weight"]) == (202, weight)
        assert await number(office.book.pool, OPENED_ON) == before
        waiting = await office.approvals.found(parse("proposal", answer.document["proposal_id"]))
        done = await office.approvals.approve(waiting.proposal_id, office.bert, waiting.digest, "")
        assert (done.state, done.outcome.get("detail")) == (DONE, None)
        assert await number(office.book.pool, OPENED_ON) == after
    row = await store.newest(office.book.pool, "hello")
    assert row is not None
    assert row["body"] == canonical(adopt().document)
    assert row["adopted_by"] == row["retired_by"] == office.anna
    assert row["retired_on"] == OPENED_ON
    await office.book.holds()


async def test_of_two_that_wait_for_one_version_one_fails(office: Office) -> None:
    """R-TEMPLATE-01: and what could not be adopted now never waits."""
    waiting = []
    for text in ("好{amount}", "行{amount}"):
        spoken = {"sms": words(text, "Well {amount}")}
        answer = await office.approvals.submit(adopt(channels=spoken), actor=office.anna)
        waiting.append(parse("proposal", answer.document["proposal_id"]))
    ended = []
    for each in waiting:
        shown = await office.approvals.found(each)
        ended.append(await office.approvals.approve(each, office.bert, shown.digest, ""))
    assert [each.state for each in ended] == [DONE, FAILED]
    assert ended[1].outcome["rule"] == "R-TEMPLATE-01"
    answer = await office.approvals.submit(adopt(7), actor=office.anna)
    assert (answer.status, answer.document["rule"]) == (422, "R-TEMPLATE-01")


TAMPERS = {
    "a word of a body": "UPDATE notice_template SET body = replace(body, '您好', '你好')"
                        " WHERE template_id = 'paid'",
    "a body and its digest": "UPDATE notice_template SET digest = sha256(convert_to("
        "replace(body, '您好', '你好'), 'UTF8')), body = replace(body, '您好', '你好')"
        " WHERE template_id = 'paid'",
    "a body that is no JSON": "UPDATE notice_template SET body = 'x' WHERE template_id = 'paid'",
    "a digest": "UPDATE notice_template SET digest = '\\x00' WHERE template_id = 'paid'",
    "its first day": "UPDATE notice_template SET effective_on = effective_on - 1"
                     " WHERE template_id = 'paid'",
    "its end": "UPDATE notice_template SET retired_on = '2030-01-01' WHERE template_id = 'paid'",
    "the day of a retirement": "UPDATE notice_retirement SET retired_on = retired_on + 1",
    "who retired it": "UPDATE notice_retirement SET retired_by = 'staff:9'",
    "which versions it retired": "UPDATE notice_retirement SET through = 0",
    "which template it retired": "UPDATE notice_retirement SET template_id = 'paid'",
    "a retirement that is gone": "DELETE FROM notice_retirement",
    "a retirement that nobody asked for": "INSERT INTO notice_retirement VALUES"
        " (77, 'paid', 1, '2025-01-02', 'staff:1')",
    "who adopted it": "UPDATE notice_template SET adopted_by = 'staff:1'"
                      " WHERE template_id = 'paid'",
    "when it was adopted": "UPDATE notice_template SET adopted_at = adopted_at - interval '1 s'"
                           " WHERE template_id = 'hello'",
    "a version that is gone": "DELETE FROM notice_template WHERE template_id = 'paid'",
    "its only version": "DELETE FROM notice_template WHERE template_id = 'hello'",
    "a version that nobody adopted": "INSERT INTO notice_template SELECT template_id, 2, body,"
        " digest, effective_on, NULL, adopted_by, adopted_at, 99 FROM notice_template"
        " WHERE template_id = 'paid'",
    "another number": "UPDATE notice_template SET version = 5 WHERE template_id = 'paid'",
    "the operation": "DELETE FROM operation WHERE action = 'AdoptTemplate'",
}  # fmt: skip


async def test_every_tamper_is_found(book: TestBook, templates: Templates) -> None:
    """R-TEMPLATE-20: INV-NOTICE-01."""
    await templates.perform(adopt(), ANNA)
    await templates.perform(retire(OPENED_ON + DAY, "refund"), ANNA)
    await book.holds()
    for name, statement in TAMPERS.items():
        async with book.pool.acquire() as connection:
            undone = connection.transaction()
            await undone.start()
            assert await connection.execute(statement) != "UPDATE 0", name
            row = await connection.fetchrow(store.VERSIONS)
            await undone.rollback()
        assert row is not None, name
        assert row["expected"] != row["found"], name
    await book.pool.execute(TAMPERS["a word of a body"])
    (finding,) = await book.findings()
    assert (finding.invariant, finding.table) == ("INV-NOTICE-01", "notice_template")
    assert finding.key == "paid version 1"
