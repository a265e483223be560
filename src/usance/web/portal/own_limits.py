"""The limits of a borrower, on the way that ``scope`` is for everything else."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

from usance.core.days import ordinal
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking
from usance.risk.limits_policy import Temporary
from usance.web.console.render import services
from usance.web.limits import Limits, OpenLine, limits_of
from usance.web.portal.render import Asked, language_of, session_of
from usance.web.portal.scope import parse_amount
from usance.web.problems import not_found


class OwnLimits:
    """The limits of the borrower, and of nobody else."""

    def __init__(self, request: Asked) -> None:
        session = session_of(request)
        assert session is not None, "a page that uses this declares needs(BORROWER)"
        self._session, self._language = session, language_of(request)
        known = services(request)
        self._pool, self._limits, self._decimals = known.pool, known.limits, known.decimals
        self._archive = known.decisions.archive

    async def all(self) -> Limits:
        """Lines, the cap, offers, cuts and history, with why."""
        return await limits_of(
            self._pool, self._archive, self._limits.policy, self._session.borrower_id,
            self._language,
        )  # fmt: skip

    @property
    def temporary(self) -> Temporary:
        """How much more there may be for a while, and for how long."""
        return self._limits.policy.temporary

    def may_ask(self, line: OpenLine) -> bool:
        """Whether more for a while is open to who stands like this."""
        standing = line.standing
        return standing.tier in self.temporary.tiers and not (
            standing.late or standing.objected or standing.offered or standing.pending
        )

    @rule("R-LIMIT-07", "R-PORTAL-01")
    async def answer(self, text: str, key: str, request_hash: bytes, *, take: bool) -> None:
        """Take an offer, or say no to it."""
        offer_id, borrower_id = self._id(text), self._session.borrower_id
        asking = Asking(self._session.actor, key, request_hash)
        act = self._limits.accept if take else self._limits.decline
        await act(borrower_id, offer_id, asking)

    @rule("R-LIMIT-08")
    async def ask(
        self, product: str, amount: str, until: str, key: str, request_hash: bytes
    ) -> None:
        """Have more until the close of a day."""
        limit = parse_amount(amount, self._decimals)
        try:
            day = date.fromordinal(ordinal(until.strip()))
        except ValueError as error:
            raise Refused("R-FORM-03", "not a day; write it as 2026-03-01", "until") from error
        asking = Asking(self._session.actor, key, request_hash)
        await self._limits.raise_for_a_while(
            self._session.borrower_id, product, limit, day, asking
        )

    def _id(self, text: str) -> int:
        with suppress(ValueError):
            return parse("limit_offer", text)
        raise not_found("limit_offer")
