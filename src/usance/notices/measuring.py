"""What notices lead to: seen, paid after, not late; and how much of it is not coincidence.

What is measured is held against notices of the same template that were by lot not sent out. Nothing
is chosen by it; nobody's bill depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import isqrt

from msgspec import Struct

from usance.core.rules import rule
from usance.notices import measuring_sql as sql
from usance.platform.database import Pool

HELD_OUT = "held out"
PARTS = 1_000
"""Shares are per thousand."""
SURE = 196
"""Hundredths of a standard error on each side: nineteen times of twenty it lies within."""
FEWEST = 30
"""With fewer on a side nothing is said of a difference."""


class Outcome(Struct, frozen=True):
    """What came of the notices of a template by a way (at an hour, -1: at any).

    ``over`` counts those whose due day is past, ``on_time`` those of them that were not late.
    """

    template_id: str
    channel: str
    hour: int
    told: int
    seen: int
    acted: int
    over: int
    on_time: int


class Effect(Struct, frozen=True):
    """How much more of a thousand were on time than of those held out, at least and at most.

    ``is_clear``: whether nothing at all lies outside of that.
    """

    template_id: str
    channel: str
    more: int
    least: int
    most: int
    is_clear: bool


async def outcomes(
    pool: Pool, since: datetime, until: datetime, zone: str, *, by_hour: bool = False
) -> list[Outcome]:
    """Of every template of bills, by way."""
    rows = await pool.fetch(sql.EFFECT, since, until, by_hour, zone)
    return [Outcome(**dict(row)) for row in rows]


@rule("R-MEASURE-02")
def effects(found: Sequence[Outcome]) -> list[Effect]:
    """Of each template and way with enough on both sides."""
    held = {each.template_id: each for each in found if each.channel == HELD_OUT}
    return [
        effect(each, held[each.template_id]) for each in found
        if each.channel != HELD_OUT and each.template_id in held
        and min(each.over, held[each.template_id].over) >= FEWEST
    ]  # fmt: skip


@rule("R-MEASURE-02")
def effect(told: Outcome, held: Outcome) -> Effect:
    """The difference of two shares, with its normal interval as Agresti and Caffo take it.

    One of each kind is added to both sides, so that small numbers say less than they seem to.
    """
    (a, n), (b, m) = (told.on_time + 1, told.over + 2), (held.on_time + 1, held.over + 2)
    more = PARTS * (a * m - b * n) // (n * m)
    variance = PARTS**2 * (a * (n - a) * m**3 + b * (m - b) * n**3) // (n**3 * m**3)
    wide = SURE * isqrt(variance) // 100 + 1
    least, most = more - wide, more + wide
    return Effect(told.template_id, told.channel, more, least, most, least > 0 or most < 0)
