"""The portal in a real browser: log in, pay, look ahead, change the number; both languages, axe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.web.browsing import flaws
from tests.web.console_site import NAME, PASSWORD, Site
from tests.web.portal_browsing import Visit, axe, contracts, enter, forget, link_for, send
from tests.web.portal_site import laid
from usance.core.identifiers import written
from usance.web.permission_table import PORTAL, declared

pytestmark = pytest.mark.browser

PAGES = ["", "/pay", "/statements", "/history", "/you", "/data", "/data?show=1", "/number",
         "/devices", "/looks", "/suspicious", "/cases", "/cases/new", "/cases/m-zzz",
         "/offers", "/offers/o-zzz", "/costs",
         "/costs?product=cash_loan&amount=3000&instalments=6&other=12",
         "/costs?product=cash_loan&amount=1&instalments=6",
         "/contracts/c-zzz",
         "/decisions", "/decisions/j-zzz", "/limits", "/known", "/consents",
         "/consents/documents/notices-service", "/consents/documents/zzz",
         "/notices", "/notices/preferences", "/notices/t-zzz", "/family", "/family/new",
         "/family/h-zzz/report", "/nothing", "/login",
         "/login/code", "/why?figure=pay-off",
         "/why?figure=due-now"]  # fmt: skip
OF_RELATIVES = ["", "/code", "/stop", "/report", "/done", "/done?what=never"]
"""Pages of people without an account."""
ELSEWHERE = {
    "/family/invitation": "test_a_relative_from_the_name_to_the_end, after the number was shown",
    "/my/family/{member}/report": "the same",
    "/my/offers/{offer}": "test_what_it_costs_is_read_before_it_is_taken, in every state",
    "/my/cases/{case}": "test_a_case_from_the_form_to_an_appeal, in every state",
    "/my/cases/{case}/attachments/{number}": "a file, never shown in place",
    "/my/consents/{consent}/receipt": "a document to be stored",
    "/my/data/export": "a document to be stored",
    "/my/decisions/{decision}": "test_decisions_browser, before and after a person is asked for",
    "/my/enter": "test_the_way_in_is_sound, with a link that is good, used and not ours",
    "/my/payments/{payment}": "test_what_payments_lead_to_is_sound, with every outcome",
    "/my/static/{name}": "no page",
}
"""Routes that the list of pages does not reach, and who looks at them or why nobody does."""


def phone_of(site: Site, who: int) -> str:
    return str(site.ask(site.services.borrowers.read(who)).phone)


def code_from_the_console(site: Site, browser: Any, to: str) -> str:
    """As somebody who tries the demo does: the newest code that the sandbox was given."""
    page = browser.new_page()
    page.goto(f"{site.address}/console/login")
    page.fill("#name", NAME)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.click("nav a[href='/console/sandbox/messages']")
    for _ in range(40):
        shown = f"••••{to[-4:]}"
        rows = [each for each in page.locator("tbody tr").all_inner_texts() if shown in each]
        found = re.search(r"(?<!\d)\d{6}(?!\d)", rows[0]) if rows else None
        if found:
            page.close()
            return found[0]
        page.wait_for_timeout(250)
        page.reload()
    raise AssertionError("no code came")


def contract_pages(page: Any, site: Site) -> list[str]:
    """Three contracts of whoever is logged in, with what lies behind them."""
    found = []
    for contract in contracts(page, site)[:3]:
        found += [contract, f"{contract}/what-if", f"{contract}/what-if?amount=100",
                  f"{contract}/costs",
                  f"{contract}/why?figure=pay-off", f"{contract}/why?figure=unpaid-interest",
                  f"{contract}/why?figure=event%201",
                  f"/my/pay?contract={contract.rpartition('/')[2]}"]  # fmt: skip
        page.goto(site.address + contract)
        hrefs = [each.get_attribute("href") for each in page.locator("main a").all()]
        found += [each for each in hrefs if "/statements/" in each][:1]
        found += [each for each in hrefs if "figure=statement" in each][:1]
    return found


def every_page(page: Any, site: Site) -> Iterator[str]:
    """An address of every kind of page, while one or another borrower is logged in."""
    yield from [f"/my{each}" for each in PAGES]
    yield from [f"/family{each}" for each in OF_RELATIVES]
    yield from contract_pages(page, site)
    ((account,),) = site.fetch(
        "SELECT contract_id >> 12 FROM statement WHERE balance > 0 GROUP BY 1"
        " ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    page.context.clear_cookies(name="usance_my")
    enter(site, page, account)
    yield f"/my/notices/{site.ask(laid(site.services.pool, account))}"
    yield from ["/my", "/my/statements", "/my/history", "/my/why?figure=room%20pay_later"]
    yield from contract_pages(page, site)


def route_of(address: str, paths: list[str]) -> str:
    """The route that answers an address: the one with the fewest places to fill in."""
    path = address.partition("?")[0]
    able = [p for p in paths if re.fullmatch(re.sub(r"{\w+}", "[^/]+", p), path)]
    return min(able, key=lambda each: each.count("{"), default="")


def status_of(address: str) -> int:
    """What is not there, an amount too small to be lent, or a page."""
    if "zzz" in address or "nothing" in address:
        return 404
    return 422 if "amount=1&" in address else 200


def test_every_page_is_in_the_list(site: Site, visit: Visit) -> None:
    """A new page of the portal is looked at too, or it is said why not."""
    paths = [each.path for each in declared() if each.method == "GET" and each.place == PORTAL]
    there = [each for each in every_page(visit(), site) if "zzz" not in each]
    assert set(paths) - {route_of(each, paths) for each in there} == ELSEWHERE.keys()


@pytest.mark.parametrize(("width", "locale", "scheme"), [
    (360, "en-GB", "light"), (360, "zh-CN", "dark"), (1280, "zh-CN", "light"),
    (1280, "en-GB", "dark"),
])  # fmt: skip
def test_every_page_is_sound(
    site: Site, visit: Visit, width: int, locale: str, scheme: str
) -> None:
    """axe finds nothing, nothing scrolls sideways, colours have contrast."""
    page = visit(width, locale, scheme)
    found = {}
    for address in every_page(page, site):
        answer = page.goto(site.address + address)
        assert answer.status == status_of(address), address
        lang = page.get_attribute("html", "lang")
        assert lang == ("en" if locale == "en-GB" else "zh-CN")
        if faults := axe(page) + flaws(page, width):
            found[address] = faults
    assert found == {}


@contextmanager
def long_ago(site: Site, who: int) -> Iterator[None]:
    """A borrower registered so long ago that the number may be somebody else's by now."""
    move = "UPDATE borrower SET recorded_at = recorded_at + $2 WHERE borrower_id = $1"
    site.ask(site.pool.execute(move, who, -timedelta(200)))
    try:
        yield
    finally:
        site.ask(site.pool.execute(move, who, timedelta(200)))


@pytest.mark.parametrize(("width", "locale", "scheme"), [
    (360, "en-GB", "dark"), (360, "zh-CN", "light"), (1280, "zh-CN", "dark"),
    (1280, "en-GB", "light"),
])  # fmt: skip
def test_the_way_in_is_sound(
    site: Site, visit: Visit, browser: Any, who: int, width: int, locale: str, scheme: str
) -> None:
    """R-LOGIN-06, R-CONTACT-04, R-LINK-01, R-LINK-03: each page before anybody is known."""
    phone, found = phone_of(site, who), {}

    def look(page: Any, name: str) -> None:
        if faults := axe(page) + flaws(page, width):
            found[name] = faults

    def asked_for_a_code() -> Any:
        forget(site)
        site.ask(site.pool.execute("UPDATE notice SET state = 7 WHERE state IN (1, 2)"))
        site.ask(site.pool.execute("DELETE FROM contact WHERE borrower_id = $1", who))
        page = visit(width, locale, scheme, known=False)
        page.goto(f"{site.address}/my/login")
        page.fill("#number", phone)
        send(page, "[action='/my/login']")
        return page

    with long_ago(site, who):
        page = asked_for_a_code()
        page.fill("#code", "000000")
        send(page, "[action='/my/login/code']")
        look(page, "wrong code")
        page.fill("#code", code_from_the_console(site, browser, phone))
        send(page, "[action='/my/login/code']")
    assert page.locator("#digits").count() == 1
    look(page, "identity")
    page.fill("#digits", "----")
    send(page, "[action='/my/login/identity']")
    assert "R-LOGIN-06" in page.inner_text("#refusal")
    look(page, "identity refused")
    page = asked_for_a_code()
    page.click("summary")
    page.fill("#not-me-code", code_from_the_console(site, browser, phone))
    send(page, "[action='/my/login/not-me']")
    assert page.url.endswith("/my/login/not-me")
    assert page.locator("#refusal").count() == 0
    look(page, "not me")
    site.ask(site.pool.execute("DELETE FROM contact WHERE borrower_id = $1", who))
    address = link_for(site, who)
    page.goto(address)
    look(page, "link")
    send(page, "[action='/my/enter']")
    page.context.clear_cookies(name="usance_my")
    page.goto(address)
    send(page, "[action='/my/enter']")
    assert "R-LINK-03" in page.inner_text("#refusal")
    look(page, "used link")
    assert page.goto(f"{site.address}/my/enter?t=x").status == 422
    assert "R-LINK-01" in page.inner_text("#refusal")
    look(page, "not our link")
    assert found == {}


def begin(page: Any, site: Site, amount: str = "1.00") -> None:
    """On to the bank with an amount."""
    page.goto(f"{site.address}/my/pay")
    page.fill("#amount", amount)
    assert page.is_checked("#choice-other")
    page.click("main form[action='/my/pay'] button.main")
    page.wait_for_url("**/sandbox/bank/*")


@pytest.mark.parametrize(("locale", "scheme", "width"), [
    ("en-GB", "dark", 360), ("zh-CN", "light", 1280),
])  # fmt: skip
def test_what_payments_lead_to_is_sound(
    site: Site, visit: Visit, locale: str, scheme: str, width: int
) -> None:
    """Receipt, declined, pending, another amount, refused: each page on its own."""
    page, found = visit(width, locale, scheme), {}

    def look(name: str) -> None:
        if faults := axe(page) + flaws(page, width):
            found[name] = faults

    begin(page, site)
    look("bank")
    page.click("button[value=pay]")
    page.wait_for_url("**/my/payments/*")
    look("receipt")
    begin(page, site)
    page.click("button[value=decline]")
    page.wait_for_url("**/my/payments/*")
    look("declined")
    begin(page, site)
    page.click("button[value=later]")
    page.wait_for_url("**/my/payments/*")
    look("pending")
    page.click("main a.button.main")
    page.click("summary")
    page.fill("#amount", "0.55")
    page.click("button[value=pay]")
    page.wait_for_url("**/my/payments/*")
    assert "R-PAY-05" in page.inner_text("main")
    look("another amount")
    page.goto(f"{site.address}/my/pay")
    page.fill("#amount", "1.2.3")
    page.click("main form[action='/my/pay'] button.main")
    page.wait_for_selector("#refusal")
    look("refused")
    page.goto(f"{site.address}/my/number")
    page.fill("#phone", "12")
    page.click("main form[action='/my/number'] button.main")
    page.wait_for_selector("#refusal")
    look("number refused")
    assert found == {}


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_log_in_with_a_code_pay_what_is_due_and_see_the_receipt(
    site: Site, visit: Visit, browser: Any, who: int, locale: str
) -> None:
    """The way of most borrowers, on a phone."""
    page, phone = visit(360, locale, known=False), phone_of(site, who)
    forget(site)
    page.goto(f"{site.address}/my/statements")
    assert page.url.startswith(f"{site.address}/my/login?next=")
    page.fill("#number", phone)
    page.click("button.main")
    page.wait_for_selector("#code")
    page.fill("#code", code_from_the_console(site, browser, phone))
    page.click("form[action='/my/login/code'] button.main")
    page.wait_for_url(f"{site.address}/my/statements")
    page.click(".places a[href='/my']")
    page.click("main a[href='/my/pay']")
    before = site.fetch("SELECT count(*) FROM event WHERE kind = 3 AND contract_id >> 12 = $1", who)
    if locale == "zh-CN":
        page.fill("#amount", "12.34")
    page.click("main form[action='/my/pay'] button.main")
    page.wait_for_url("**/sandbox/bank/*")
    amount = page.inner_text(".amount")
    page.click("button[value=pay]")
    page.wait_for_url("**/my/payments/y-*")
    assert page.inner_text(".amount") == amount
    assert {"en-GB": "Receipt", "zh-CN": "回单"}[locale] == page.inner_text("h1")
    after = site.fetch("SELECT count(*) FROM event WHERE kind = 3 AND contract_id >> 12 = $1", who)
    assert after[0][0] > before[0][0]
    page.reload()
    page.go_back()
    again = site.fetch("SELECT count(*) FROM event WHERE kind = 3 AND contract_id >> 12 = $1", who)
    assert again == after


def test_a_payment_by_keyboard_alone(site: Site, visit: Visit) -> None:
    """Tab, arrows, Enter and Space: from the first page to the receipt."""
    page = visit(360)
    page.goto(f"{site.address}/my")
    press_until(page, "a[href='/my/pay'].button, .places a[href='/my/pay']", "Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.address}/my/pay")
    press_until(page, "input[type=radio]", "Tab")
    press_until(page, "#choice-other", "ArrowDown")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "amount"
    page.keyboard.type("2.00")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_url("**/sandbox/bank/*")
    press_until(page, "button[value=pay]", "Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/my/payments/y-*")
    assert page.inner_text("h1") == "Receipt"


def press_until(page: Any, wanted: str, key: str) -> None:
    """Press a key until something wanted has the focus, and can be seen."""
    for _ in range(40):
        page.keyboard.press(key)
        if page.evaluate("s => document.activeElement.matches(s)", wanted):
            hidden = page.evaluate("""() => {
              const r = document.activeElement.getBoundingClientRect();
              return r.bottom < 0 || r.top > innerHeight;
            }""")
            assert not hidden
            return
    raise AssertionError(f"{wanted} is not reached by {key}")


def test_looking_ahead(site: Site, visit: Visit) -> None:
    """What if: sentences, a table, and every payment; an amount of one's own."""
    page = visit(360)
    contract = contracts(page, site)[-1]
    page.goto(f"{site.address}{contract}")
    page.click(f"a[href='{contract}/what-if']")
    ways = page.locator("tbody").first.locator("tr").all_inner_texts()
    assert [each.split("\n")[0] for each in ways][:2] == ["As agreed", "Early"]
    page.fill("#amount", "50")
    page.click("main form button")
    page.wait_for_url("**amount=50")
    assert "If you pay ¥50.00 today:" in page.inner_text("main")
    page.click("summary")
    assert page.locator("details table").count() >= 2
    page.fill("#amount", "-5")
    page.click("main form button")
    assert "R-PAY-01" in page.inner_text("#refusal")


def test_a_number_is_changed_and_the_change_stopped(
    site: Site, visit: Visit, browser: Any, who: int
) -> None:
    """R-CONTACT-01, R-CONTACT-02: codes from both numbers, cooling, a stop by another session."""
    forget(site)
    page, elsewhere, phone = visit(360), visit(1280), phone_of(site, who)
    page.goto(f"{site.address}/my/number")
    page.fill("#phone", "+8613912345678")
    page.click("main form[action='/my/number'] button.main")
    page.wait_for_selector("#new-code")
    page.fill("#new-code", code_from_the_console(site, browser, "+8613912345678"))
    page.click("form[action='/my/number/code/new'] button")
    page.wait_for_selector("#new-code", state="detached")
    page.fill("#old-code", "000000")
    page.click("form[action='/my/number/code/old'] button")
    page.wait_for_selector("#old-code[aria-invalid]")
    page.fill("#old-code", code_from_the_console(site, browser, phone))
    page.click("form[action='/my/number/code/old'] button")
    page.wait_for_selector("form[action='/my/number/stop'] button.main")
    assert axe(page) == []
    elsewhere.goto(f"{site.address}/my/number")
    elsewhere.click("form[action='/my/number/stop'] button.main")
    elsewhere.wait_for_selector("[role=status]")
    assert phone_of(site, who) == phone
    page.goto(f"{site.address}/my")
    assert page.url.startswith(f"{site.address}/my/login")


def test_sessions_and_devices_are_seen_and_ended(site: Site, visit: Visit) -> None:
    page, other = visit(360), visit(360)
    page.goto(f"{site.address}/my/devices")
    page.locator("form[action='/my/sessions/end-others'] button").click()
    page.wait_for_selector("form[action='/my/sessions/end-others']", state="detached")
    other.goto(f"{site.address}/my")
    assert other.url.startswith(f"{site.address}/my/login")
    page.goto(f"{site.address}/my/you")
    page.click("form[action='/my/logout'] button")
    page.wait_for_url(f"{site.address}/my/login")
    page.goto(f"{site.address}/my")
    assert page.url.startswith(f"{site.address}/my/login")


def test_language_and_colours_are_chosen(site: Site, visit: Visit) -> None:
    page = visit(360)
    page.goto(f"{site.address}/my/you")
    page.select_option("select[name=language]", "zh")
    page.wait_for_selector("html[lang=zh-CN]")
    page.select_option("select[name=theme]", "dark")
    page.wait_for_selector("html[data-theme=dark]")
    page.goto(f"{site.address}/my/pay")
    assert page.inner_text("h1") == "还款"


def test_the_staff_side_is_sound(site: Site, visit: Visit, browser: Any, who: int) -> None:
    """Numbers to look at, a borrower's number, and the sandbox's messages."""
    page = browser.new_page(viewport={"width": 360, "height": 780}, locale="en-GB")
    page.goto(f"{site.address}/console/login")
    page.fill("#name", NAME)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    borrower = written("borrower", who)
    found = {}
    for address in ("/console/contacts", f"/console/borrowers/{borrower}/contact",
                    "/console/sandbox/messages"):  # fmt: skip
        answer = page.goto(site.address + address)
        assert answer.status == 200
        if faults := flaws(page, 360):
            found[address] = faults
    assert found == {}
    page.goto(f"{site.address}/console/borrowers/{borrower}/contact")
    if page.locator("#f-phone").count():
        page.fill("#f-phone", "+8613912345679")
        page.fill("#f-reason", "he came to the counter with his passport")
        page.click("form[action$='/contact/change'] button")
        page.wait_for_selector("#f-code")
        page.fill("#f-code", code_from_the_console(site, browser, "+8613912345679"))
        page.click("form[action$='/contact/prove'] button")
        page.wait_for_selector("form[action$='/contact/prove']", state="detached")
        assert "staff no." in page.inner_text("main")
        page.click("form[action$='/contact/stop'] button")
        page.wait_for_selector("#flash")
    page.close()


def opened_by_staff(site: Site, browser: Any, borrower: str) -> None:
    """A member of staff opens a borrower's details in the console, with a note for colleagues."""
    page = browser.new_page(locale="en-GB")
    page.goto(f"{site.address}/console/login")
    page.fill("#name", LOOKER)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_url(f"{site.address}/console")
    page.goto(f"{site.address}/console/borrowers/{borrower}/open")
    page.select_option("#f-reason", "fraud")
    page.fill("#f-note", INSIDE)
    page.locator("main form button.main").last.click()
    page.wait_for_selector("#flash")
    page.goto(f"{site.address}/console/borrowers/{borrower}/accesses")
    assert INSIDE in page.inner_text("main")  # for colleagues
    page.close()


LOOKER, INSIDE = "gerda grau", "odd calls, ask Bertram"


@pytest.fixture(scope="module")
def looked_at(site: Site, browser: Any, who: int) -> None:
    """Somebody of the staff has opened the borrower's details, once."""
    site.ask(site.services.staff.create(LOOKER, PASSWORD, ["collections"]))
    opened_by_staff(site, browser, written("borrower", who))


@pytest.mark.parametrize(("width", "locale", "scheme", "words"), [
    (360, "en-GB", "light", ("Collections", "Fraud check")),
    (1280, "zh-CN", "dark", ("贷后", "反欺诈核查")),
])  # fmt: skip
def test_a_borrower_is_told_who_looked(
    site: Site, visit: Visit, who: int, looked_at: None, width: int, locale: str, scheme: str,
    words: tuple[str, str],
) -> None:  # fmt: skip
    """R-ACCESS-04: the role, the reason and the time; neither the name nor the inside note."""
    page = visit(width, locale, scheme)
    page.goto(f"{site.address}/my/looks")
    (at,) = site.fetch(
        "SELECT at FROM access WHERE borrower_id = $1 AND reason = 'fraud' AND what = 'console'",
        who,
    )[0]
    (look,) = [
        each for each in page.locator("main .list li").all_inner_texts() if words[1] in each
    ]
    assert words[0] in look
    stamp = page.locator("main .list li", has_text=words[1]).locator("time")
    assert stamp.get_attribute("datetime") == at.isoformat()
    for unsaid in (LOOKER, "gerda", INSIDE, "Bertram"):
        assert unsaid not in page.content()
    assert axe(page) + flaws(page, width) == []


def test_older_looks_are_behind_a_link(site: Site, visit: Visit, who: int) -> None:
    """R-ACCESS-04: nothing that was noted is kept from the person."""
    accesses = site.services.accesses
    seen = accesses.by_machine("machine:1", "shop", "", "details")
    for _ in range(101):
        site.ask(accesses.note(seen, who))
    count = site.fetch("SELECT count(*) FROM access WHERE borrower_id = $1", who)[0][0]
    page = visit()
    page.goto(f"{site.address}/my/looks")
    shown = page.locator("main .list li").count()
    page.get_by_role("link", name="Earlier").click()
    page.wait_for_url("**/my/looks?before=p-*")
    assert (shown, page.locator("main .list li").count()) == (100, min(count - 100, 100))
    assert axe(page) == []


@pytest.mark.parametrize(("width", "locale"), [(360, "zh-CN"), (1280, "en-GB")])
def test_agreed_to_and_taken_back(site: Site, visit: Visit, width: int, locale: str) -> None:
    """R-CONSENT-03, R-CONSENT-05: two steps to agree, one to take it back; every state is sound."""
    page = visit(width, locale, "light")
    page.goto(f"{site.address}/my/you")
    page.click("main a[href='/my/consents']")
    page.click("a[href$='/notices-service']")
    page.check("input[name='by-sms']")
    page.click("main button.main")
    page.wait_for_url("**/my/consents?done=given")
    assert axe(page) + flaws(page, width) == []
    with page.expect_download() as receipt:
        page.click("a[href$='/receipt']")
    assert receipt.value.suggested_filename.startswith("receipt-r-")
    page.click("form[action$='/withdraw'] button")
    page.wait_for_url("**/my/consents?done=withdrawn")
    assert axe(page) + flaws(page, width) == []
    assert page.locator("form[action$='/withdraw']").count() == 0
