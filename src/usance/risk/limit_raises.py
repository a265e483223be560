"""``Raising``: at the close of a day, whoever was looked at and may have more is offered a step up.

An offer changes nothing: it is answered by the borrower (``limit_answers``). What it rests on is a
decision of kind ``limit`` about this borrower, stored whole as every other one.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

from usance.core.identifiers import parse, written
from usance.core.money import DECIMALS, parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store as identity
from usance.identity.changing import Asking, Change, once
from usance.platform.database import Pool
from usance.platform.identifiers import new_operation_id
from usance.risk import limit_store as store
from usance.risk.deciding import Deciding, Wanted
from usance.risk.deciding_policy import LIMIT
from usance.risk.limit_store import Line, Offered
from usance.risk.limits import MONTH, may_rise, step_up
from usance.risk.limits_policy import LimitPolicy, limit_policy
from usance.servicing.products import by_id

ACTOR, OFFER = "system:limits", "OfferLimit"
UNDECIDED = ("R-DECIDE-05", "R-DECIDE-06", "R-POLICY-04", "R-POLICY-16", "R-FOUND-01")
"""Refusals that mean: nothing is decided about this one now. They are nobody's fault."""


@cache
def most_of_products() -> dict[int, int]:
    """By product the most that a line of it may be, in minor units."""
    return {number: each.amount("limit_max") for number, each in by_id().items()}


class Raising:
    """Steps up of a book."""

    def __init__(
        self, pool: Pool, deciding: Deciding, *, policy: LimitPolicy | None = None
    ) -> None:
        self._pool, self._deciding = pool, deciding
        self._policy = policy or limit_policy()

    @rule("R-LIMIT-06")
    async def close(self, on: date) -> int:
        """Offer steps up to those who were looked at on a day; how many. Nobody is offered twice.

        In a book whose limits no policy decides nothing is offered.
        """
        currency = await identity.currency(self._pool)
        if LIMIT not in self._deciding.policy.policies.get(currency, {}):
            return 0
        offered = 0
        for line in await self._candidates(on):
            offered += await self._offered(line, on)
        return offered

    async def _candidates(self, on: date) -> list[Line]:
        """Who may have more by what the book knows, before anything is decided."""
        policy, day = self._policy.raises, on.toordinal()
        async with self._pool.acquire() as connection:
            lines = await store.looked_at(connection, day, policy.tiers, most_of_products())
            lines = [each for each in lines if may_rise(each.standing, policy, day)]
            people = sorted({each.borrower_id for each in lines})
            told = await store.last_told(connection, people, ACTOR, on)
        return [
            each for each in lines
            if day - told.get((each.borrower_id, each.product_id), 0) >= policy.months * MONTH
        ]  # fmt: skip

    async def _offered(self, line: Line, on: date) -> bool:
        """Decide about one, and offer what comes of it; whether that is more than there is."""
        product = by_id()[line.product_id]
        key = f"{on} {line.borrower_id} {line.product_id}"
        wanted = Wanted(kind=LIMIT, borrower_id=line.borrower_id, product=product.code)
        try:
            answer = await self._deciding.decide(wanted, Asking(ACTOR, f"decide {key}"))
        except Refused as refused:
            if refused.refusal.rule in UNDECIDED:
                return False
            raise
        said, currency = answer.document, product.currency
        cap = self._policy.cap_on(currency, on)
        limit = step_up(
            line.standing, self._policy.raises,
            decided=parse_decimal(said["limit"], DECIMALS[currency]),
            cap=cap.most if cap else None, whole=self._policy.whole[currency],
        )  # fmt: skip
        if limit == line.standing.limit:
            return False
        decision_id = parse("decision", said["decision_id"])

        async def make(change: Change) -> dict[str, Any]:
            return await self._made(change, line, limit, decision_id)

        await once(self._pool, Asking(ACTOR, f"offer {key}"), make)
        return True

    async def _made(
        self, change: Change, line: Line, limit: int, decision_id: int
    ) -> dict[str, Any]:
        until = change.on + timedelta(days=self._policy.raises.offer_days)
        offered = Offered(
            borrower_id=line.borrower_id, offer_id=new_operation_id(), kind=store.RAISE,
            product_id=line.product_id, limit_from=line.standing.limit, limit_to=limit,
            offered_on=change.on.toordinal(), valid_until=until.toordinal(),
            decision_id=decision_id, operation_id=change.operation_id,
        )  # fmt: skip
        await store.insert_offer(change.connection, offered)
        said = {
            "offer": written("limit_offer", offered.offer_id),
            "decision": written("decision", decision_id),
        }
        digest = await store.digest_of(change.connection, change.operation_id)
        await change.note(OFFER, digest, said, borrower_id=line.borrower_id)
        return said
