"""What if, on the page of a pay-later account: every way is there, in figures and in sentences."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, visitor
from usance.core.identifiers import parse
from usance.servicing.what_if import AGREED, EARLY, MINIMUM, MISS, WhatIf, what_if
from usance.web import i18n
from usance.web.console.render import money
from usance.web.portal.render import LOCALES, cash, spoken_day

WAYS = {AGREED: "As agreed", EARLY: "Early", MINIMUM: "Minimum", MISS: "One missed"}
TAG = re.compile(r"<[^>]+>")


@pytest_asyncio.fixture
async def mine(database: str, tmp_path: Path) -> AsyncIterator[Visitor]:
    """A borrower with a statement of 1000.00, of which 100.00 must be paid."""
    async with opened(database, tmp_path, sandbox=True) as site:
        yield await with_statement(site)


async def with_statement(site: Site) -> Visitor:
    found = await visitor(site)
    await site.close_days(20)
    await found.enter()
    return found


def plain(text: str) -> str:
    """What is read of a piece of a page."""
    return " ".join(TAG.sub("", text).split())


class Spoken:
    """The sentences that the page says, made from the catalogue and the figures alone."""

    def __init__(self, language: str, found: WhatIf) -> None:
        self._translations = i18n.translations(language)
        self._locale = LOCALES[language]
        self._found = found
        self.costs = {name: each.cost for name, each in found.courses.items()}

    def say(self, message: str, **values: str) -> str:
        return plain(self._translations.gettext(message).format(**values))

    def amount(self, units: int) -> str:
        return cash(units, "CNY", 2, self._locale)

    def day(self, ordinal: int) -> str:
        return TAG.sub("", str(spoken_day(ordinal, self._locale)))

    def agreed(self) -> list[str]:
        course = self._found.courses[AGREED]
        return [
            self.say("You pay {total} from today on, of it {cost} interest and fees.",
                     total=self.amount(course.total), cost=self.amount(course.cost)),
            self.say("The last payment is on {day}.", day=self.day(course.ends_on)),
        ]  # fmt: skip

    def early(self) -> list[str]:
        less = self.costs[AGREED] - self.costs[EARLY]
        paid = self._found.courses[EARLY].payments[0].amount
        if less == 0:
            then = self.say("interest and fees stay the same.")
        else:
            message = ("you pay {amount} less in interest and fees." if less > 0
                       else "you pay {amount} more in interest and fees.")  # fmt: skip
            then = self.say(message, amount=self.amount(abs(less)))
        return [self.say("If you pay {amount} today:", amount=self.amount(paid)), then]

    def minimum(self) -> list[str]:
        course, more = self._found.courses[MINIMUM], self.costs[MINIMUM] - self.costs[AGREED]
        end = self.say("The last payment is on {day}.", day=self.day(course.ends_on))
        if not course.ends_on:
            left = self.amount(course.left)
            end = self.say("After five years {amount} are still owed.", amount=left)
        more_words = "You pay {amount} more in interest and fees."
        return [self.say(more_words, amount=self.amount(more)), end]

    def missed(self) -> list[str]:
        course, more = self._found.courses[MISS], self.costs[MISS] - self.costs[AGREED]
        late = self._translations.ngettext(
            "You are up to %(num)s day late on the way.",
            "You are up to %(num)s days late on the way.", course.days_late,
        )  # fmt: skip
        return [
            self.say("You do not pay on {day}, and pay it together with the one after it.",
                     day=self.day(self._found.missed_on)),
            self.say("That costs {amount} more.", amount=self.amount(more)),
            late % {"num": course.days_late}, self.say("In that time nothing can be bought."),
        ]  # fmt: skip


def rows_of(text: str) -> list[list[str]]:
    """The table side by side: way, paid in all, of it interest and fees."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    cells = re.compile(r"<t[hd][^>]*>(.*?)(?:<br>.*?)?</t[hd]>")
    return [[plain(each) for each in cells.findall(row)] for row in body.split("</tr>") if row]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("asked", ["", "400"])
async def test_the_page_of_an_account_says_what_each_way_costs(
    mine: Visitor, language: str, asked: str
) -> None:
    """R-PORTAL-03: early, the minimum and one missed; rows, sentences and every payment."""
    found = await what_if(mine.site.pool, parse("contract", mine.contract), int(asked or 0) * 100)
    assert found is not None
    assert list(found.courses) == list(WAYS)
    mine.client.cookies["language"] = language
    answer = await mine.get(f"/my/contracts/{mine.contract}/what-if", params={"amount": asked})
    assert answer.status_code == 200
    text, spoken = plain(answer.text), Spoken(language, found)
    for sentences in (spoken.agreed(), spoken.early(), spoken.minimum(), spoken.missed()):
        for sentence in sentences:
            assert sentence in text
    assert rows_of(answer.text) == [
        [spoken.say(words), money(found.courses[name].total, 2), money(found.courses[name].cost, 2)]
        for name, words in WAYS.items()
    ]
    payments = sum(len(each.payments) for each in found.courses.values())
    assert answer.text.partition("<details>")[2].count('<tr><th scope="row">') == payments
    costs = spoken.costs
    assert costs[AGREED] < min(costs[MINIMUM], costs[MISS])
    assert found.courses[MISS].days_late > 0


async def test_home_leads_to_what_if(mine: Visitor) -> None:
    """And a contract on which nothing is to come leads nowhere."""
    address = f"/my/contracts/{mine.contract}/what-if"
    assert f'href="{address}"' in (await mine.get("/my")).text
    path = f"/v1/contracts/{mine.contract}/repayments"
    assert (await mine.site.post(path, {"amount": "1000.00"})).status_code == 201
    assert f'href="{address}"' not in (await mine.get("/my")).text
    assert (await mine.get(address)).status_code == 200
