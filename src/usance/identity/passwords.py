"""What a password of staff must be, and how it is kept: nobody can guess it from a list.

``zxcvbn`` knows the passwords that leaked most, words and names of English, rows of keys, dates and
repetitions; a password that it would guess within 10^8 tries is common.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import unicodedata
from collections.abc import Iterable
from functools import cache

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.credentials import hash_password, password_matches

PASSWORD_MIN, PASSWORD_MAX = 12, 200
SCORE_MIN = 3
"""Of zxcvbn's 0 to 4: above 10^8 guesses."""
LOOKED_AT = 72
"""Characters that zxcvbn looks at: it gets slow, and what is longer is not common."""
OWN_MIN = 6
"""Letters and digits that a password has beside the names it is given in."""
NAME_MIN = 3
INITIAL_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@rule("R-STAFF-01")
async def checked_hash(password: str, names: Iterable[str] = ()) -> str:
    """The hash of a password that may be used; raises ``Refused``. Off the event loop: slow."""
    return await asyncio.to_thread(_checked_hash, password, tuple(names))


def _checked_hash(password: str, names: tuple[str, ...]) -> str:
    check(password, names)
    return hash_password(password)


@rule("R-STAFF-01")
def check(password: str, names: Iterable[str] = ()) -> None:
    """Raise ``Refused`` for what is too short, made of names, or common."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        detail = f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters"
        raise Refused("R-STAFF-01", detail, "password")
    if made_of(password, names):
        detail = "the password is made of the account's or the book's name"
        raise Refused("R-STAFF-01", detail, "password")
    if is_common(password):
        detail = "the password is common: words, names, rows of keys or repetitions"
        raise Refused("R-STAFF-01", detail, "password")


def made_of(password: str, names: Iterable[str]) -> bool:
    """Whether little is left of a password without the names, their parts, or those backwards."""
    left = _plain(password)
    parts = {_plain(each) for name in names for each in (name, *re.split(r"\W+", name))}
    known = {each for part in parts if len(part) >= NAME_MIN for each in (part, part[::-1])}
    found = sorted((each for each in known if each in left), key=len, reverse=True)
    for each in found:
        left = left.replace(each, "")
    return bool(found) and len(left) < OWN_MIN


def is_common(password: str) -> bool:
    """Whether a list of guesses soon comes to it."""
    from zxcvbn import zxcvbn  # its word lists take some 0.1 s, and most processes never ask

    return int(zxcvbn(password[:LOOKED_AT])["score"]) < SCORE_MIN


def initial_password() -> str:
    """A password that is told once and must be changed: some 99 random bits, easy to read out."""
    groups = ("".join(secrets.choice(INITIAL_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


async def matches(password: str, stored: str | None) -> bool:
    """Whether it is the password; takes as long where there is none."""
    known = stored if stored is not None else await asyncio.to_thread(_nobodys_hash)
    found = await asyncio.to_thread(password_matches, password[:PASSWORD_MAX], known)
    return found and stored is not None


@cache
def _nobodys_hash() -> str:
    """A hash that no password opens."""
    return hash_password(secrets.token_urlsafe(32))


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(each for each in folded if each.isalnum())
