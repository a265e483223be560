"""What is normal in sending: the last hour beside the usual one, and names of breakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usance.notices.breaker_moves import short
from usance.notices.breakers import PARTS, Before, Lately, rate
from usance.notices.health import PROVIDER, WORDS, Health
from usance.notices.watches import WATCHED
from usance.web.console import notice_words
from usance.web.console.render import Asked, translated

RATES = ("failed", "bounced", "complained")
Pair = tuple[str, str]
"""A figure, and the usual one."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One row: how much, how much of it went wrong and how long it was, beside what is usual."""

    kind: str
    label: str
    state: str
    sent: Pair
    rates: list[Pair | None]
    length: Pair | None


async def figures(request: Asked, health: Health) -> list[Figures]:
    """Of everything that was sent by, or is looked at, lately."""
    rows = await health.breakers()
    states = {(row["kind"], row["name"]): row["state"] for row in rows}
    return [
        Figures(
            place[0], label(request, *place), states.get(place, "closed"),
            (f"{lately.sent:,}", f"{lately.usual:,}"),
            [None if place[0] == WORDS else rates(lately, of) for of in RATES],
            lengths(lately) if place[0] == WORDS else None,
        )
        for place, lately in await health.lately()
    ]  # fmt: skip


def rates(lately: Lately, of: str) -> Pair:
    """A rate, now and usually."""
    return share(lately, of), share(lately.before, of)


def share(seen: Lately | Before, of: str) -> str:
    """In hundredths."""
    return f"{rate(seen, of) * 100 / PARTS:.2f} %" if seen.sent else "–"


def lengths(lately: Lately) -> Pair:
    """Mean lengths in characters."""
    both: tuple[Lately | Before, ...] = (lately, lately.before)
    now, usual = (f"{each.length / each.sent:.1f}" if each.sent else "–" for each in both)
    return now, usual


def label(request: Asked, kind: str, name: str) -> str:
    """How a breaker is called: a number or a place by the end of its hash only."""
    if kind == "channel":
        return way(request, name)
    if kind == PROVIDER:
        channel, _, provider = name.partition(" ")
        return f"{way(request, channel)} · {provider}"
    if kind == WORDS:
        template, version, channel, language = name.rsplit(".", 3)
        return f"{template} {version} · {way(request, channel)} · {language}"
    return short((kind, name))


def way(request: Asked, channel: str) -> str:
    """A channel by its name."""
    return translated(request, notice_words.WAYS.get(channel, channel))


def labelled(request: Asked, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of breakers or of their history with how each is called."""
    return [dict(row) | {"label": label(request, row["kind"], row["name"])} for row in rows]


async def breakers(
    request: Asked, health: Health
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Of sending, and of numbers and places with their counts."""
    rows = labelled(request, await health.breakers())
    watched = [row for row in rows if row["kind"] in WATCHED]
    counts = await health.counts([(row["kind"], row["name"]) for row in watched])
    for row in watched:
        row["count"] = counts.get((row["kind"], row["name"]), 0)
        row["numbers"] = health.watches.get(row["kind"])
    return [row for row in rows if row["kind"] not in WATCHED], watched
