"""Which scorecard decides, which is tried, which only looks on: as of a day, and for whom. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Literal

from msgspec import Struct

from usance.core.refusals import Refused
from usance.core.rules import rule

RULE = "R-SCORE-07"
CHAMPION, CHALLENGER, SHADOW, RETIRED = "champion", "challenger", "shadow", "retired"
Role = Literal["champion", "challenger", "shadow", "retired"]
WHOLE = 10_000
"""All borrowers, in 1/100 %."""


class Entry(Struct, frozen=True):
    """From a day on, a table of points (by its digest) has a role under its name."""

    number: int
    digest: str
    role: Role
    share: int
    effective_on: date


class Standing(Struct, frozen=True):
    """How the scorecards of one name stand on a day; challengers in the order of their numbers."""

    champion: Entry | None = None
    challengers: tuple[Entry, ...] = ()
    shadows: tuple[Entry, ...] = ()


@rule(RULE)
def standing(entries: Iterable[Entry], on: date) -> Standing:
    """What has begun by a day, one after the other: the last word on a table is its role."""
    last: dict[str, Entry] = {}
    champion = ""
    for each in sorted(entries, key=lambda each: (each.effective_on, each.number)):
        if each.effective_on > on:
            break
        last[each.digest] = each
        champion = each.digest if each.role == CHAMPION else champion
    held = sorted(last.values(), key=lambda each: each.number)
    first = last.get(champion)
    return Standing(
        first if first and first.role == CHAMPION else None,
        tuple(each for each in held if each.role == CHALLENGER),
        tuple(each for each in held if each.role == SHADOW),
    )


@rule(RULE)
def assigned(found: Standing, name: str, borrower_id: int) -> Entry | None:
    """By what a borrower is scored: the same whenever it is asked, on any machine."""
    place = place_of(name, borrower_id)
    for each in found.challengers:
        if place < each.share:
            return each
        place -= each.share
    return found.champion


def place_of(name: str, borrower_id: int) -> int:
    """A borrower's place among 10,000, by a hash that has no key."""
    hashed = hashlib.sha256(f"{name}:{borrower_id}".encode()).digest()
    return int.from_bytes(hashed[:8], "big") % WHOLE


@rule(RULE)
def check_standing(entries: list[Entry], new: Entry) -> None:
    """On no day from the new one on do challengers stand alone or take more than all. Raises."""
    if (new.role == CHALLENGER) != (0 < new.share <= WHOLE):
        raise Refused(RULE, "a challenger, and nothing else, has a share of borrowers", "share")
    every = [*entries, new]
    for day in {each.effective_on for each in every if each.effective_on >= new.effective_on}:
        found = standing(every, day)
        if found.challengers and found.champion is None:
            raise Refused(RULE, "a challenger stands beside a champion", "role")
        if sum(each.share for each in found.challengers) > WHOLE:
            raise Refused(RULE, "challengers take more than all borrowers", "share")
