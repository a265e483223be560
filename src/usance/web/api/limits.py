"""Limits of a borrower: what they are and why, offers that wait, more for a while."""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec import Struct

from usance.core.identifiers import written
from usance.identity.once import Answer
from usance.web.api.bodies import Body
from usance.web.api.borrowers import whole
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.values import Amount, Day, ordinal
from usance.web.decisions import Told
from usance.web.limits import Limits, limits_of

READ, WRITE = "lines:read", "lines:write"


# -- bodies ----------------------------------------------------------------------------------------


class ForAWhileBody(Body, kw_only=True):
    """A higher limit until the close of a day."""

    limit: Amount
    until: Day


# -- views -----------------------------------------------------------------------------------------


class LimitReasonView(Struct):
    """A reason, and what somebody can do about it; empty where nobody can."""

    id: str
    says: str
    helps: str


class LimitLineView(Struct, kw_only=True):
    """An open line. ``used`` is unpaid principal and holds; ``until`` of what is for a while."""

    product: str
    limit: str
    used: str
    available: str
    until: str | None


class LimitOfferView(Struct, kw_only=True):
    """An offer: open, taken, declined or over; ``kind`` is raise or temporary."""

    limit_offer_id: str
    product: str
    kind: str
    limit_from: str
    limit_to: str
    offered_on: str
    valid_until: str
    state: str
    decision_id: str


class LimitCutView(Struct, kw_only=True):
    """A cut that was approved; it does not hold before a day, and is not carried out yet."""

    measure_id: str
    product: str
    limit_from: str
    limit_to: str
    not_before: str
    reasons: list[LimitReasonView]
    notice: dict[str, str]
    decision_id: str


class LimitChangeView(Struct, kw_only=True):
    """What became of a line: opened, closed, raised, lowered, accepted, temporary, over."""

    on: str
    product: str
    what: str
    limit_from: str
    limit_to: str
    by: str
    operation_id: str
    decision_id: str | None
    reasons: list[LimitReasonView]


class LimitsView(Struct, kw_only=True):
    """Limits of a borrower; ``cap`` over all products with its source in the register of law."""

    in_all: str
    cap: str | None
    cap_source: str | None
    lines: list[LimitLineView]
    offers: list[LimitOfferView]
    cuts: list[LimitCutView]
    history: list[LimitChangeView]


# -- reading ---------------------------------------------------------------------------------------


@read("/v1/borrowers/{borrower_id}/limits", READ)
async def limits_of_borrower(asked: Asked[Empty]) -> LimitsView:
    """Limits, what is used, the cap of a person, offers, cuts that were approved, all changes."""
    services, borrower_id = asked.services, asked.at["borrower_id"]
    await whole(asked)
    found = await limits_of(
        services.pool, services.decisions.archive, services.limits.policy, borrower_id, "en"
    )
    return view(asked, found)


def view(asked: Asked[Any], found: Limits) -> LimitsView:
    """As the API shows them."""
    return LimitsView(
        in_all=asked.money.say(found.in_all),
        cap=asked.money.say(found.cap.most) if found.cap else None,
        cap_source=found.cap.source if found.cap else None,
        lines=[
            LimitLineView(
                product=each.product.code, limit=each.product.plain(each.standing.limit),
                used=each.product.plain(each.standing.used),
                available=each.product.plain(each.available),
                until=each.until.isoformat() if each.until else None,
            ) for each in found.lines
        ],
        offers=[
            LimitOfferView(
                limit_offer_id=each.number, product=each.product.code, kind=each.kind,
                limit_from=each.product.plain(each.before),
                limit_to=each.product.plain(each.after),
                offered_on=each.offered_on.isoformat(), valid_until=each.valid_until.isoformat(),
                state=each.state, decision_id=written("decision", each.decision_id),
            ) for each in found.offers
        ],
        cuts=cuts(found), history=history(found),
    )  # fmt: skip


def cuts(found: Limits) -> list[LimitCutView]:
    """Approved cuts."""
    return [
        LimitCutView(
            measure_id=each.number, product=each.product.code,
            limit_from=each.product.plain(each.before), limit_to=each.product.plain(each.after),
            not_before=each.not_before.isoformat(),
            reasons=[
                LimitReasonView(known["id"], known["en"], known["helps"].get("en", ""))
                for known in each.reasons
            ],
            notice=dict(each.notice), decision_id=written("decision", each.decision_id),
        ) for each in found.cuts
    ]  # fmt: skip


def history(found: Limits) -> list[LimitChangeView]:
    """Every change, the newest first."""
    return [
        LimitChangeView(
            on=each.on.isoformat(), product=each.product.code, what=each.what,
            limit_from=each.product.plain(each.before), limit_to=each.product.plain(each.after),
            by=each.actor, operation_id=each.operation,
            decision_id=written("decision", each.decision_id) if each.decision_id else None,
            reasons=reasons(found.decisions.get(each.decision_id)),
        ) for each in found.history
    ]  # fmt: skip


def reasons(told: Told | None) -> list[LimitReasonView]:
    """Why; nothing where nothing was decided."""
    return [LimitReasonView(**each) for each in told.reasons] if told else []


# -- answering -------------------------------------------------------------------------------------


@change("POST", "/v1/borrowers/{borrower_id}/limit-offers/{limit_offer_id}/accept", WRITE)
async def accept_limit(asked: Asked[Empty], _body: Empty) -> Answer:
    """The borrower takes an offer: the limit is raised at once."""
    at = asked.at
    return await asked.services.limits.accept(
        at["borrower_id"], at["limit_offer_id"], asked.asking
    )


@change("POST", "/v1/borrowers/{borrower_id}/limit-offers/{limit_offer_id}/decline", WRITE)
async def decline_limit(asked: Asked[Empty], _body: Empty) -> Answer:
    """The borrower says no: nothing changes, and nothing is held against them."""
    at = asked.at
    return await asked.services.limits.decline(
        at["borrower_id"], at["limit_offer_id"], asked.asking
    )


@change("POST", "/v1/borrowers/{borrower_id}/lines/{code}/temporary-raises", WRITE)
async def raise_limit_for_a_while(asked: Asked[Empty], body: ForAWhileBody) -> Answer:
    """The borrower asks for more until the close of a day: decided first, and it ends by itself."""
    until = date.fromordinal(ordinal(body.until, "until"))
    return await asked.services.limits.raise_for_a_while(
        asked.at["borrower_id"], asked.at["code"],
        asked.money.read(body.limit, path="limit"), until, asked.asking,
    )  # fmt: skip
