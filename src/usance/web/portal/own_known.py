"""What is known about a borrower, on the way that ``scope`` is for the rest: only their own."""

from __future__ import annotations

from typing import Any

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.policy.shipped import asked_by
from usance.risk.fact_keeping import CURRENT, Told
from usance.web.console.render import services
from usance.web.portal.render import Asked, language_of, session_of

HOUSEHOLD = "household"


class OwnKnown:
    """The borrower's facts, and nobody else's."""

    def __init__(self, request: Asked) -> None:
        session = session_of(request)
        assert session is not None, "a page that uses this declares needs(BORROWER)"
        self._session = session
        self._language = language_of(request)
        self._services = services(request)

    @rule("R-PORTAL-01", "R-FACT-11")
    async def all(self) -> tuple[list[Told], list[Told]]:
        """What is known, and what is no longer used; the newest first."""
        found = await self._services.facts.history(self._session.borrower_id)
        return ([each for each in found if each.state == CURRENT],
                [each for each in found if each.state != CURRENT])  # fmt: skip

    async def one(self, text: str) -> Told | None:
        """A fact that may be put right, by its number; of anybody else's there is none."""
        current, before = await self.all()
        for each in current + before:
            if each.fact_id and fact_of(each) == text:
                return each
        return None

    def uses(self, name: str) -> list[str]:
        """What decisions ask for it, by their titles."""
        return [each.says.title[self._language] for each in asked_by(name)]

    @rule("R-FACT-11")
    async def household(self) -> list[dict[str, Any]]:
        """What the borrower agreed to with somebody of the household, and whether it holds."""
        found = await self._services.consents.of_borrower(self._session.borrower_id)
        return [each for each in found if each["purpose"] == HOUSEHOLD]


def fact_of(told: Told) -> str:
    """A fact's number as it is written."""
    return written("fact", told.fact_id)
