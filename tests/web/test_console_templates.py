"""Templates of notices in the console: looked at, written, compared, proposed, retired."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from tests.web.api_site import Site, opened
from tests.web.staff_site import Member, member
from usance.core.identifiers import parse
from usance.core.refusals import Refusal, Refused
from usance.notices.documents import canonical
from usance.notices.outbox import Telling, tell
from usance.notices.starting import starting_set
from usance.platform.clock import SystemClock
from usance.platform.database import transaction
from usance.web.console.template_forms import (
    FIELDS,
    by_field,
    document_of,
    field_of,
    given_of,
    placeholders_of,
)

TODAY = date(2026, 1, 5)
LIST, DRAFTS = "/console/templates", "/console/template-drafts"


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found


def again(name: str, **changed: str) -> dict[str, str]:
    """The next version of a template of the starting set, as its form is sent."""
    document = next(each for each in starting_set() if each.id == name)
    next_one = msgspec.structs.replace(document, version=2, effective_on=TODAY)
    return given_of(next_one) | changed


@asynccontextmanager
async def reader(site: Site, *roles: str) -> AsyncIterator[Member]:
    """A member of staff who reads English."""
    async with member(site, *roles) as who:
        who.client.cookies.set("language", "en")
        yield who


async def page(who: Member, path: str) -> str:
    """A page that is there."""
    answer = await who.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def agreed(site: Site, location: str) -> None:
    """A second person agrees with a proposal."""
    number = parse("proposal", location.rpartition("/")[2])
    async with member(site, "supervisor") as second:
        found = await site.services.approvals.found(number)
        me = second.session.staff_id
        done = await site.services.approvals.approve(number, me, found.digest, "")
        assert done.state == 3, done.outcome


# -- the form as a value ---------------------------------------------------------------------------


@pytest.mark.parametrize("document", starting_set(), ids=lambda each: each.id)
def test_a_form_gives_back_the_document_it_shows(document: object) -> None:
    """Nothing of any template is lost or changed by being edited in the form."""
    given = given_of(document)  # type: ignore[arg-type]
    sent = {name: value.replace("\n", "\r\n") for name, value in given.items()}
    assert canonical(document_of(sent)) == canonical(document)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "detail"), [
    ("amount", "line 1: neither a placeholder nor a choice"),
    ("a: money\n\nb = 一 | one", ""),
    ("b = 一 | one", "line 1: neither a placeholder nor a choice"),
    ("a: money\na: date", "line 2: a placeholder that is there already"),
    ("a: choice\n x = 一 | one\n x = 二 | two", "line 3: a choice that is there already"),
    ("a: choice\n x = 一, one", "line 2: neither a placeholder nor a choice"),
])  # fmt: skip
def test_placeholders_one_a_line(text: str, detail: str) -> None:
    if not detail:
        assert placeholders_of(text)["a"]["choices"] == {"b": {"zh-CN": "一", "en": "one"}}
        return
    with pytest.raises(Refused) as refused:
        placeholders_of(text)
    found = refused.value.refusal
    assert (found.rule, found.detail, found.path) == ("R-TEMPLATE-01", detail, "placeholders")


@pytest.mark.parametrize(("path", "field"), [
    ("channels.sms.en.text", "channels.sms.en.text"),
    ("channels.email.zh-CN", "channels.email.zh-CN.subject"),
    ("channels.sms", "channels.sms.zh-CN.text"), ("domains.0", "domains"),
    ("placeholders.a.choices.b.en", "placeholders"), ("placeholders[...].type", "placeholders"),
    ("channels[...][...].text", ""), ("version", ""), ("", ""), ("effective_on", "effective_on"),
])  # fmt: skip
def test_every_refusal_has_its_field(path: str, field: str) -> None:
    assert field_of(path) == field


def test_refusals_keep_their_order_by_field() -> None:
    first, second = Refusal("R-A-01", "a", "domains.1"), Refusal("R-B-01", "b", "domains.0")
    other = Refusal("R-C-01", "c", "version")
    assert by_field([first, other, second]) == {"domains": [first, second], "": [other]}
    assert len(FIELDS) == len(set(FIELDS))


# -- pages -----------------------------------------------------------------------------------------


async def test_the_list_says_what_is_in_force_and_what_waits(site: Site) -> None:
    """R-TEMPLATE-18."""
    async with reader(site, "operations") as who:
        text = await page(who, LIST)
        assert text.count(f'href="{LIST}/') == 34
        assert text.count(">in force<") == 34
        assert "a proposal waits" not in text
        sent = await who.form(DRAFTS, again("paid"))
        assert sent.status_code == 303, sent.text
        text = await page(who, LIST)
        assert "a proposal waits" in text
        assert sent.headers["location"] in text
        assert (await page(who, f"{LIST}/paid")).count("Version 2 waits for a second person.") == 1
    async with reader(site, "auditor") as other:
        text = await page(other, LIST)
        assert DRAFTS not in text
        assert DRAFTS not in await page(other, f"{LIST}/paid")


async def test_a_template_as_its_readers_see_it(site: Site) -> None:
    """R-TEMPLATE-06: with made-up values, by channel and language, parts counted."""
    async with reader(site, "auditor") as who:
        text = await page(who, f"{LIST}/due-today")
        for part in ("今天是应还日", "A reminder: CNY 12,345.67 is due today", "UCS-2",
                     "parts of a text message", "an amount", "due.reminder",
                     "Filled with made-up values."):  # fmt: skip
            assert part in text, part
        for path in (f"{LIST}/nothing", f"{LIST}/paid?version=2", f"{LIST}/paid?version=x",
                     f"{LIST}/paid/changes?from=7", f"{LIST}/nothing/changes"):  # fmt: skip
            assert (await who.get(path)).status_code == 404, path


async def test_written_looked_at_proposed_and_agreed(site: Site) -> None:
    """R-TEMPLATE-16, R-TEMPLATE-17: who asked and who agreed stand with the version."""
    words = "We received {amount} on {day}.\nThank you <b>very</b> much. Call {lender_phone}."
    changed = again("paid", **{"channels.inbox.en.text": "gone", "channels.sms.en.text": words})
    async with reader(site, "operations") as who:
        form = await page(who, f"{DRAFTS}?template=paid")
        assert 'name="version" value="2"' in form
        refused = await who.form(f"{DRAFTS}/look", changed)
        assert refused.status_code == 422
        assert "R-TEMPLATE-11" in refused.text
        changed["channels.inbox.en.text"] = again("paid")["channels.inbox.en.text"]
        seen = await who.form(f"{DRAFTS}/look", changed)
        assert seen.status_code == 200, re.findall(r'class="faults".*?</ul>', seen.text)
        assert "Nothing is wrong with it." in seen.text
        assert "CNY 12,345.67 on 2026-11-27.\nThank you &lt;b&gt;very&lt;/b&gt; much." in seen.text
        assert await site.pool.fetchval("SELECT count(*) FROM proposal") == 0
        key = {"key": "once"}
        sent = await who.form(DRAFTS, changed | key)
        twin = await who.form(DRAFTS, changed | key)
        assert sent.status_code == 303
        assert twin.headers["location"] == sent.headers["location"]
        waits = await page(who, sent.headers["location"])
        assert "What it changes of version 1" in waits
        assert '<li class="came"><span class="sign">+ <span class="unseen">added:</span>' in waits
        assert '<li class="gone"><span class="sign">− <span class="unseen">removed:' in waits
        await agreed(site, sent.headers["location"])
        shown = await page(who, f"{LIST}/paid")
        assert "Thank you &lt;b&gt;very&lt;/b&gt; much." in shown
        assert sent.headers["location"] in shown
        assert who.name in shown
        assert re.search(r"member \d+</span></td>", shown)
        assert ">replaced<" in shown
        assert "very" not in await page(who, f"{LIST}/paid?version=1")
        differs = await page(who, f"{LIST}/paid/changes?from=1&to=2")
        assert "From version 1 to version 2" in differs
        assert "Thank you &lt;b&gt;very" in differs
        backwards = await page(who, f"{LIST}/paid/changes?from=2&to=1")
        assert '<li class="gone">' in backwards
        assert "All of version 1" in await page(who, f"{LIST}/paid/changes?to=1")


WRONG = [
    ("channels.sms.en.text", "Pay {amount} at http://bad.example, or call 13812345678",
     ["R-TEMPLATE-07", "R-TEMPLATE-15"]),
    ("channels.sms.en.text", "{unknown}", ["R-TEMPLATE-11"]),
    ("channels.sms.en.text", "{amount", ["R-TEMPLATE-02"]),
    ("channels.email.en.subject", "", ["R-TEMPLATE-11"]),
    ("placeholders", "amount money", ["R-TEMPLATE-01"]),
    ("placeholders", "amount: cash", ["R-TEMPLATE-01"]),
    ("effective_on", "soon", ["R-FORM-03"]), ("domains", "bit.ly", ["R-TEMPLATE-07"]),
]  # fmt: skip
ONLY_PROPOSED = [("effective_on", "2026-01-04", ["R-TEMPLATE-16"])]
"""What other versions and the open day say is asked when it is proposed."""


@pytest.mark.parametrize(("step", "wrong"), [
    (DRAFTS, WRONG + ONLY_PROPOSED), (f"{DRAFTS}/look", WRONG),
])  # fmt: skip
async def test_what_is_wrong_stands_beside_its_field(
    site: Site, step: str, wrong: list[tuple[str, str, list[str]]]
) -> None:
    async with reader(site, "operations") as who:
        for field, value, rules in wrong:
            answer = await who.form(step, again("paid", **{field: value}))
            assert answer.status_code == 422, (field, value)
            beside = re.search(
                rf'id="e-{re.escape(field)}">(.*?)</ul>', answer.text, re.DOTALL
            )
            assert beside, (field, value)
            assert [each for each in rules if each not in beside[1]] == []
            assert f'href="#f-{field}"' in answer.text
            assert f'aria-describedby="e-{field}' in answer.text
        hidden = await who.form(DRAFTS, again("paid", event="something.else"))
        assert (hidden.status_code, "R-TEMPLATE-01" in hidden.text) == (422, True)
    assert await site.pool.fetchval("SELECT count(*) FROM proposal") == 0


async def test_another_was_first(site: Site) -> None:
    """R-TEMPLATE-01: the form says which version it was written as; nothing is written over."""
    async with reader(site, "operations") as who:
        first = await who.form(DRAFTS, again("paid"))
        await agreed(site, first.headers["location"])
        late = await who.form(DRAFTS, again("paid"))
        assert late.status_code == 422
        assert "The next version is 3" in late.text


async def test_a_new_template_and_its_end(site: Site) -> None:
    given = again("paid", id="paid-too", version="1")
    async with reader(site, "operations") as who:
        form = await page(who, f"{DRAFTS}?template=paid-too")
        assert 'name="version" value="1"' in form
        assert 'id="f-event"' in form
        sent = await who.form(DRAFTS, given)
        assert "A first version" in await page(who, sent.headers["location"])
        assert (await who.get(f"{LIST}/paid-too")).status_code == 404
        await agreed(site, sent.headers["location"])
        assert "in force" in await page(who, f"{LIST}/paid-too")
        deed = f"{LIST}/paid-too/do/retire"
        assert "First day without it" in await page(who, deed)
        for day, rule in (("", "R-FORM-01"), ("2026-01-04", "R-TEMPLATE-16")):
            answer = await who.form(deed, {"retired_on": day})
            assert (answer.status_code, rule in answer.text) == (422, True)
        ends = await who.form(deed, {"retired_on": TODAY.isoformat()})
        assert "Its end waits for a second person." in await page(who, f"{LIST}/paid-too")
        await agreed(site, ends.headers["location"])
        assert ">ended<" in await page(who, f"{LIST}/paid-too")
        assert (await who.get(f"{LIST}/nothing/do/retire")).status_code == 404


async def test_real_data_for_who_gave_a_reason(site: Site) -> None:
    """R-ACCESS-01, R-TEMPLATE-21: facts of the borrower, never a code, and it is said which."""
    borrower = await site.borrower()
    number = parse("borrower", borrower)
    facts = {"n": 1, "due_on": "2026-02-03", "amount": 98_765}
    async with transaction(site.pool) as connection:
        telling = Telling(number, f"try:{number}", "due-today", facts)
        await tell(connection, [telling], SystemClock().now())
    path = f"{LIST}/due-today?borrower={borrower}"
    async with reader(site, "operations") as who:
        text = await page(who, path)
        assert "CNY 987.65" not in text
        assert "You have not opened" in text
        assert "/open" not in text  # who may see nobody is not asked for a reason
    async with reader(site, "supervisor") as who:
        text = await page(who, path)
        assert f"/console/borrowers/{borrower}/open" in text
        assert "王小明" not in text
        await who.form(f"/console/borrowers/{borrower}/open", {"reason": "case"})
        text = await page(who, path)
        for part in ("CNY 987.65", "2026-02-03", "王小明", "<code>amount</code>"):
            assert part in text, part
        assert "<code>code</code></dt>" in text  # it is declared
        assert "· <code>code</code>" not in text  # and made up
        other = await page(who, f"{LIST}/paid?borrower={borrower}")
        assert "王小明" in other
        for nobody in ("b-zzz", "x", "b-1"):
            assert "R-FOUND-01" in await page(who, f"{LIST}/due-today?borrower={nobody}")
    async with reader(site, "operations", "service") as who:
        draft = again("due-today", borrower=borrower)
        assert "王小明" not in (await who.form(f"{DRAFTS}/look", draft)).text
        await who.form(f"/console/borrowers/{borrower}/open", {"reason": "case"})
        seen = (await who.form(f"{DRAFTS}/look", draft)).text
        assert "CNY 987.65" in seen
        assert "王小明" in seen
    looks = await site.client.get(f"/v1/borrowers/{borrower}/accesses")
    assert [each["what"] for each in looks.json()["items"]] == ["console"] * 2
