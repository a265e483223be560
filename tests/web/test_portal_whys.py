"""Every amount of money on a borrower's pages opens, and what opens says the same amount."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest_asyncio

from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, visitor
from usance.core.identifiers import parse, written
from usance.demo.fill import fill
from usance.platform.config import Settings
from usance.platform.crypto import LocalKeyService
from usance.platform.database import open_pool
from usance.servicing.setup import create_book
from usance.servicing.why import explain

AMOUNT = re.compile(r"−?¥[\d,]+\.\d\d")
ELSEWHERE = {
    "A payment of": "what the borrower typed in; the payment's page says what came of it",
    "Instalments of your plans": "each instalment opens on the page of its plan",
}
"""How sentences begin whose amount does not open, and why."""
BORROWERS = 6
VOID = {"meta", "link", "input", "br", "hr"}
MOST_TO_TELL = """
SELECT contract_id >> 12 AS borrower_id FROM event GROUP BY 1
ORDER BY count(DISTINCT kind) DESC, count(*), 1 LIMIT $1"""


class Amounts(HTMLParser):
    """The amounts of a page: those that open, by address, and those that do not."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.closed: list[str] = []
        self._inside: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        address = known.get("href") or "" if known.get("class") == "why" else ""
        if tag not in VOID:
            self._inside.append((tag, address))

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        found = AMOUNT.findall(data)
        address = next((each for _, each in self._inside if each), "")
        if address:
            self.open += [(address, each) for each in found]
        elif found and not data.strip().startswith(tuple(ELSEWHERE)):
            self.closed.append(data.strip())


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    """A book in which much has happened."""
    pool = await open_pool(database, 8)
    keys = LocalKeyService.open(
        Settings.from_environment({"USANCE_HOME": str(tmp_path)}).master_key_file
    )
    await create_book(pool, name="Test", opened_on=date(2026, 1, 5), demo=True)
    await fill(pool, keys, borrowers=40, months=6, progress=lambda _: None)
    await pool.close()
    async with opened(database, tmp_path, sandbox=True) as found:
        yield found


async def come_in(site: Site, borrower_id: int) -> Visitor:
    """A borrower of the book at the portal, in English."""
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app, raise_app_exceptions=False),
        base_url="http://usance.test", cookies={"language": "en"},
    )  # fmt: skip
    found = Visitor(site, written("borrower", borrower_id), "", client)
    await found.enter()
    return found


async def pages_of(mine: Visitor) -> dict[str, str]:
    """Home, history, and every contract and statement of a borrower, by address."""
    rows = await mine.site.pool.fetch(
        "SELECT contract_id, number FROM contract LEFT JOIN statement USING (cell, contract_id)"
        " WHERE borrower_id = $1 ORDER BY 1, 2", mine.borrower_id,
    )  # fmt: skip
    addresses = ["/my", "/my/history", "/my/history?from=40", "/my/statements"]
    for contract_id, number in rows:
        contract = f"/my/contracts/{written('contract', contract_id)}"
        addresses += [contract, *([f"{contract}/statements/{number}"] if number else [])]
    found = {}
    for address in dict.fromkeys(addresses):
        answer = await mine.get(address)
        assert answer.status_code == 200, address
        found[address] = answer.text
    return found


async def links_of(mine: Visitor, closed: dict[str, list[str]]) -> dict[str, str]:
    """Every figure that a borrower's pages lead to, and the amount that stands on its link."""
    found: dict[str, str] = {}
    for address, text in (await pages_of(mine)).items():
        amounts = Amounts(text)
        if amounts.closed:
            closed[address] = amounts.closed
        for link, amount in amounts.open:
            found.setdefault(link, amount)  # the first in a link is the figure
    return found


async def what_is_wrong(mine: Visitor, link: str, amount: str) -> str:
    """Of a figure that opens: that it says another amount, or is not the sum of its terms."""
    answer = await mine.get(link)
    if answer.status_code != 200:
        return str(answer.status_code)
    first, *terms = (in_cents(each) for each in AMOUNT.findall(answer.text))
    if first != in_cents(amount):
        return f"{amount} is {first}"
    if link.startswith("/my/why"):
        return "" if sum(terms) in (first, 2 * first) else f"{amount} of {terms}"
    contract, _, query = link.removeprefix("/my/contracts/").partition("/why?figure=")
    figure, _, n = query.partition("%20")
    found = await explain(mine.site.pool, parse("contract", contract), figure, int(n or 0))
    assert found is not None
    adds_up = figure == "event" or sum(each.amount for each in found.entries) == found.amount
    return "" if adds_up else f"{amount} of {found.entries}"


def in_cents(amount: str) -> int:
    return int(re.sub(r"[¥,.]", "", amount).replace("−", "-"))


async def test_every_amount_opens_and_is_the_amount_that_opens(site: Site) -> None:
    """R-PORTAL-05: on home, contracts, statements and history of the fullest lives of a book."""
    closed: dict[str, list[str]] = {}
    wrong, words = {}, set()
    for row in await site.pool.fetch(MOST_TO_TELL, BORROWERS):
        mine = await come_in(site, row["borrower_id"])
        for link, amount in (await links_of(mine, closed)).items():
            words.add(re.sub(r"(%20| ).*", "", link.partition("figure=")[2]))
            if fault := await what_is_wrong(mine, link, amount):
                wrong[link] = fault
        await mine.client.aclose()
    assert closed == {}
    assert wrong == {}
    assert words >= {
        "due-now", "next-due", "next-in-full", "room", "pay-off", "unpaid-principal",
        "statement", "least", "stated", "stated-principal", "stated-interest", "received",
        "unpaid", "asked", "event",
    }  # fmt: skip


async def test_what_was_paid_too_much_and_what_never_happened_open(
    database: str, tmp_path: Path
) -> None:
    """R-CREDIT-01, R-REV-01: a credit balance, a repayment undone, and what undid it."""
    async with opened(database, tmp_path) as site:
        mine, closed = await visitor(site), dict[str, list[str]]()
        mine.client.cookies["language"] = "en"
        for amount in ("1200.00", "34.00"):
            path = f"/v1/contracts/{mine.contract}/repayments"
            answer = await site.post(path, {"amount": amount})
            assert answer.status_code == 201, answer.text
        path = f"/v1/contracts/{mine.contract}/reversals"
        answer = await site.post(path, {"of": 4})
        assert answer.status_code == 201, answer.text
        links = await links_of(mine, closed)
        assert closed == {}
        assert {link: fault for link, amount in links.items()
                if (fault := await what_is_wrong(mine, link, amount))} == {}  # fmt: skip
        whys = f"/my/contracts/{mine.contract}/why?figure="
        assert links[f"{whys}credit"] == "¥200.00"
        for event, words in ((4, "Undone by Put right: undone"), (5, "Undoes Your payment")):
            text = (await mine.get(f"{whys}event%20{event}")).text
            assert (words in text, AMOUNT.findall(text)[0]) == (True, "¥34.00")


async def test_a_payment_on_its_way_is_the_only_amount_of_home_that_does_not_open(
    database: str, tmp_path: Path
) -> None:
    async with opened(database, tmp_path, sandbox=True) as site:
        mine = await visitor(site)
        mine.client.cookies["language"] = "en"
        await mine.payment("12.34")
        text = (await mine.get("/my")).text
        assert "A payment of ¥12.34 is on its way." in text
        assert Amounts(text).closed == []


async def test_a_figure_of_all_that_is_not(database: str, tmp_path: Path) -> None:
    """R-FOUND-01."""
    async with opened(database, tmp_path) as site:
        mine = await visitor(site)
        for figure in ("", "nothing", "room", "room nothing", "dpd", "event 1"):
            answer = await mine.get("/my/why", params={"figure": figure})
            assert (answer.status_code, "R-FOUND-01" in answer.text) == (404, True), figure
