"""People, decks and seasons without a database."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest

from usance.demo.measure import Measure, bucket_of
from usance.demo.people import Deck, identity_number, settle_people
from usance.demo.season import ORDINARY, appetite, purse

FIRST = date(2025, 1, 1).toordinal()


@pytest.mark.parametrize("per_mille", [4, 40, 310, 500, 1000])
def test_a_deck_deals_exactly_its_share(per_mille: int) -> None:
    deck = Deck(Random(1), per_mille)
    assert sum(deck.draw() for _ in range(3000)) == 3 * per_mille


def test_people_are_all_different_and_nobody() -> None:
    people = settle_people(Random(2), 2000, FIRST, 365)
    assert len({each.person.identity_number for each in people}) == 2000
    assert len({each.person.phone for each in people}) == 2000
    assert all(each.person.phone.startswith("+86100") for each in people)
    assert all(each.person.identity_number.startswith("99") for each in people)
    assert all(each.person.email.endswith("@example.com") for each in people)


def test_most_have_a_line_a_third_a_loan_some_both() -> None:
    people = settle_people(Random(3), 1000, FIRST, 365)
    lines = sum(1 for each in people if each.line_limit)
    loans = sum(1 for each in people if each.loan_limit)
    both = sum(1 for each in people if each.line_limit and each.loan_limit)
    assert (lines, loans, both) == (830, 340, 170)


def test_the_check_character_of_an_identity_number() -> None:
    """Worked by hand after GB 11643: weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2.

    Their sum is 227, which leaves 7 divided by 11; the eighth of 1 0 X 9 8 7 6 5 4 3 2 is 5.
    """
    assert identity_number(date(1990, 1, 1), 2) == "990000199001010025"


def test_people_join_within_the_time() -> None:
    people = settle_people(Random(4), 500, FIRST, 90)
    assert all(FIRST <= each.joins_on < FIRST + 90 for each in people)
    assert [each.joins_on for each in people] == sorted(each.joins_on for each in people)


def test_shopping_days_and_the_festival() -> None:
    def on(*day: int) -> int:
        return appetite(date(*day).toordinal())

    assert on(2025, 11, 11) > 2 * on(2025, 3, 11)
    assert on(2025, 6, 18) > on(2025, 6, 3) > on(2025, 3, 11)
    assert on(2025, 1, 24) > ORDINARY > on(2025, 1, 30)
    assert purse(date(2025, 3, 11), 10) > purse(date(2025, 3, 9), 10)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(-3, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4)],
)
def test_buckets_of_delinquency(days: int, bucket: int) -> None:
    assert bucket_of(FIRST, FIRST + days) == bucket
    assert bucket_of(0, FIRST) == 0


def test_a_measure_says_when_it_is_outside() -> None:
    share = Measure("share", 30, 50, 6, 100)
    assert share.per_mille == 60
    assert not share.holds()
    assert share.holds(10)
    assert "(outside)" in share.line()
    assert "(outside)" not in Measure("share", 30, 50, 4, 100).line()
    assert Measure("nothing", 0, 10, 0, 0).holds()
