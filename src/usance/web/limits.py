"""Limits of a borrower as the API and pages show them: lines, the cap, offers, cuts, history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from usance.core.identifiers import written
from usance.platform.database import Pool
from usance.policy import shipped
from usance.risk import decision_store
from usance.risk import limit_store as store
from usance.risk.limit_answers import KINDS, state_of
from usance.risk.limit_raises import most_of_products
from usance.risk.limits import Standing
from usance.risk.limits_policy import Cap, LimitPolicy
from usance.risk.opening import Archive
from usance.servicing import read
from usance.servicing.products import Product, by_id
from usance.web.decisions import Told, told


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An open line, with the last day of what is for a while."""

    product: Product
    standing: Standing
    until: date | None

    @property
    def available(self) -> int:
        """What is left, below 0 where more is used."""
        return self.standing.limit - self.standing.used


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer with its state, and what it rests on."""

    number: str
    product: Product
    kind: str
    before: int
    after: int
    offered_on: date
    valid_until: date
    state: str
    decision_id: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut that was approved and is not carried out."""

    number: str
    product: Product
    before: int
    after: int
    not_before: date
    reasons: Sequence[Mapping[str, Any]]
    notice: Mapping[str, str]
    decision_id: int


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a line. ``what``: opened, closed, raised, lowered, accepted, temporary, over.

    ``decision_id`` is 0 where nothing was decided by a computer.
    """

    on: date
    product: Product
    what: str
    before: int
    after: int
    actor: str
    operation: str
    decision_id: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything about somebody's limits. ``in_all``: of all open lines."""

    today: date
    lines: list[OpenLine]
    cap: Cap | None
    cap_title: str
    offers: list[Offer]
    cuts: list[Cut]
    history: list[Change]
    decisions: Mapping[int, Told]

    @property
    def in_all(self) -> int:
        """What all limits come to."""
        return sum(each.standing.limit for each in self.lines)

    @property
    def open_offers(self) -> list[Offer]:
        """Steps up that wait for an answer."""
        return [each for each in self.offers if each.state == "open"]


async def limits_of(
    pool: Pool, archive: Archive, policy: LimitPolicy, borrower_id: int, language: str
) -> Limits:
    """The limits of a borrower who is there; reasons in ``en`` or ``zh``."""
    book = await read.book(pool)
    assert book is not None, "the application does not start without a book"
    on = date.fromordinal(book.today)
    lines = await store.of_borrower(pool, borrower_id, book.today, most_of_products())
    rows = await store.offers(pool, borrower_id)
    offers = [offer_of(row, book.today) for row in rows]
    cuts = [cut_of(each) for each in await store.measures(pool, borrower_id)]
    history = [change_of(row) for row in await store.history(pool, borrower_id)]
    until, cap = running(rows), policy.cap_on(book.currency, on)
    numbers = [each.decision_id for each in offers] + [each.decision_id for each in cuts]
    numbers += [each.decision_id for each in history]
    return Limits(
        on,
        [OpenLine(by_id()[each.product_id], each.standing, until.get(each.product_id))
         for each in lines],
        cap, title_of(cap, language), offers, cuts, history,
        await decisions_of(archive, numbers, language),
    )  # fmt: skip


def title_of(cap: Cap | None, language: str) -> str:
    """What sets the cap, by its title; nothing without one."""
    sources = {each.id: each.title[language] for each in shipped.register().sources}
    return sources[cap.source] if cap else ""


def running(rows: Iterable[store.Row]) -> dict[int, date]:
    """By product the last day of what is for a while and runs."""
    return {
        row["product_id"]: date.fromordinal(row["valid_until"]) for row in rows
        if row["kind"] == store.TEMPORARY and row["state"] == store.TAKEN
    }  # fmt: skip


def offer_of(row: store.Row, today: int) -> Offer:
    """An offer from its row."""
    return Offer(
        written("limit_offer", row["offer_id"]), by_id()[row["product_id"]], KINDS[row["kind"]],
        row["limit_from"], row["limit_to"], date.fromordinal(row["offered_on"]),
        date.fromordinal(row["valid_until"]), state_of(row, today), row["decision_id"],
    )  # fmt: skip


def cut_of(row: Mapping[str, Any]) -> Cut:
    """An approved cut from its row."""
    return Cut(
        written("measure", row["measure_id"]), by_id()[row["product_id"]], row["limit_from"],
        row["limit_to"], row["not_before"], row["reasons"], row["notice"], row["decision_id"],
    )  # fmt: skip


def change_of(row: store.Row) -> Change:
    """What became of a line, from the row of its operation."""
    return Change(
        row["business_date"], by_id()[row["product_id"]], what_of(row), row["limit_before"],
        row["limit_amount"], row["actor"], written("operation", row["operation_id"]),
        row["decision_id"],
    )  # fmt: skip


def what_of(row: store.Row) -> str:
    """What it was, in a word."""
    if row["status"] == "closed":
        return "closed"
    if row["limit_before"] == 0:
        return "opened"
    if row["state"] == store.FELL_BACK:
        return "over"
    if row["state"] == store.TAKEN:
        return "temporary" if row["kind"] == store.TEMPORARY else "accepted"
    return "raised" if row["limit_amount"] > row["limit_before"] else "lowered"


async def decisions_of(
    archive: Archive, numbers: Iterable[int], language: str
) -> dict[int, Told]:
    """What was decided, in plain words, by its number."""
    found = await decision_store.numbered(archive.pool, sorted(set(numbers) - {0}))
    return {each.stored.decision_id: each for each in await told(archive, found, language)}
