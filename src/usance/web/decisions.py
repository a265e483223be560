"""Automated decisions as pages show them, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from usance.core.identifiers import written
from usance.core.money import DECIMALS, format_decimal
from usance.policy import shipped
from usance.risk import decision_store as store
from usance.risk import telling
from usance.risk.deciding_policy import LIMIT
from usance.risk.opening import Archive, Difference, Opened
from usance.risk.stored import Snapshot, Stored


@dataclass(frozen=True, slots=True)
class Told:
    """A decision with its plain words."""

    stored: Stored
    policy: str
    outcome: list[dict[str, str]]
    reasons: list[dict[str, str]]
    limit: str = ""
    """Of a limit, the amount that was decided; only for who may see what it was made of."""

    @property
    def number(self) -> str:
        """Its id."""
        return written("decision", self.stored.decision_id)

    @property
    def helps(self) -> list[str]:
        """What would change it, each once."""
        return list(dict.fromkeys(each["helps"] for each in self.reasons if each["helps"]))


@dataclass(frozen=True, slots=True)
class Whole:
    """A decision with its way through the table; ``facts`` only for who may see them."""

    told: Told
    path: list[dict[str, Any]]
    facts: list[dict[str, str]]
    lost: tuple[tuple[str, int], ...]
    reviews: list[dict[str, Any]]
    beside: list[Told]
    forgotten: bool


async def told(
    archive: Archive, decisions: Sequence[Stored], language: str, *, in_clear: bool = False
) -> list[Told]:
    """Decisions in plain words, ``en`` or ``zh``."""
    found = []
    async with archive.pool.acquire() as connection:
        opened = await archive.opened(connection, decisions) if in_clear else []
        limits = {each.stored.decision_id: limit_of(each) for each in opened}
        for each in decisions:
            decider = await archive.decider(connection, each)
            said = telling.told(each, decider, language)
            units, currency = limits.get(each.decision_id), decider.policy.says.currency
            limit = "" if units is None else format_decimal(units, DECIMALS[currency])
            limit += f" {currency}" if limit else ""
            found.append(Told(stored=each, limit=limit, **said))
    return found


def limit_of(opened: Opened) -> int | None:
    """The limit in minor units that was decided; None where none was, or nobody can say."""
    if opened.stored.kind != LIMIT or opened.snapshot is None:
        return None
    return telling.granted_limit(opened.stored.outcome, opened.snapshot.facts.get("income"))


async def whole(
    archive: Archive, opened: Opened, language: str, *, in_clear: bool
) -> Whole:
    """One decision with everything."""
    stored = opened.stored
    snapshot: Snapshot | None = opened.snapshot if in_clear else None
    async with archive.pool.acquire() as connection:
        decider = await archive.decider(connection, stored)
        reviews = await store.reviews(connection, stored)
        beside = await store.shadows(connection, stored)
    policy = decider.policy
    (own,) = await told(archive, [stored], language, in_clear=in_clear)
    known = shipped.dictionary()
    return Whole(
        own, telling.path(stored, snapshot, policy, language),
        telling.facts(snapshot, policy, known, language) if snapshot else [],
        snapshot.lost if snapshot else (),
        [dict(row) | {"state": telling.REVIEWS[row["state"]]} for row in reviews],
        await told(archive, beside, language), opened.snapshot is None,
    )  # fmt: skip


async def replayed(archive: Archive, opened: Opened) -> list[Difference]:
    """What comes out otherwise when it is made again."""
    async with archive.pool.acquire() as connection:
        return await archive.again(connection, opened)
