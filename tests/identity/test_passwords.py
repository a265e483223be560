"""R-STAFF-01: a password is long enough, its own, and on no list."""

from __future__ import annotations

import pytest

from usance.core.refusals import Refused
from usance.identity import passwords
from usance.identity.passwords import check, initial_password, made_of

NAMES = ("annabel lee", "Harbour Credit")
GOOD = ("correct horse battery", "another long password", "tide-lantern-violet",
        "七十二只白鹭飞过了青山绿水", "x9!vQ2#mL7@p")  # fmt: skip
SHORT = ("", "short", "x" * 11, "correct hor", "x" * 201)
MADE_OF_NAMES = ("annabel-lee-1", "Annabel Lee 2026", "HARBOUR credit", "eel lebanna 1",
                 "ａｎｎａｂｅｌ lee1", "harbour-harbour", "Credit!Credit!1")  # fmt: skip
COMMON = ("password1234", "qwertyuiopasdf", "1qaz2wsx3edc4rfv", "aaaaaaaaaaaa", "123456789012",
          "iloveyouforever", "abcdefghijklm", "passwordpassword", "P@ssw0rd12345", "monkeymonkey1")


def refusal(password: str) -> str:
    with pytest.raises(Refused) as refused:
        check(password, NAMES)
    assert (refused.value.refusal.rule, refused.value.refusal.path) == ("R-STAFF-01", "password")
    return refused.value.refusal.detail


@pytest.mark.parametrize("password", GOOD)
def test_good_ones(password: str) -> None:
    check(password, NAMES)


@pytest.mark.parametrize("password", SHORT)
def test_the_length_is_named(password: str) -> None:
    assert refusal(password) == "a password has 12 to 200 characters"


@pytest.mark.parametrize("password", MADE_OF_NAMES)
def test_names_are_named(password: str) -> None:
    assert "name" in refusal(password)
    assert made_of(password, NAMES)


@pytest.mark.parametrize("password", COMMON)
def test_common_ones_are_named(password: str) -> None:
    assert refusal(password).startswith("the password is common")


def test_a_name_within_a_password_of_its_own_does_no_harm() -> None:
    check("violet annabel tide lantern", NAMES)
    assert not made_of("violet annabel tide", NAMES)
    assert not made_of("anything at all", ("", "ab"))


def test_a_very_long_password_is_looked_at_in_time() -> None:
    check("tide lantern " * 15, NAMES)


def test_an_initial_password_passes_and_is_never_the_same() -> None:
    found = {initial_password() for _ in range(50)}
    assert len(found) == 50
    for each in found:
        check(each, NAMES)


async def test_an_unknown_account_takes_as_long_and_never_matches() -> None:
    assert not await passwords.matches("correct horse battery", None)
