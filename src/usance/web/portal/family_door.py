"""What relatives reach without an account: invitations and stop codes, and nothing of the book."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.family import rules
from usance.family.answering import Invitation
from usance.family.records import Acceptance
from usance.identity.codes import new_half
from usance.platform.addresses import counted_as
from usance.web.console.render import services
from usance.web.portal.forms import hours_of, ticked, versions_of
from usance.web.portal.render import Asked, remember
from usance.web.security import portal_cookie

HALF, VISIT = "family_half", "family"


class FamilyDoor:
    """A request of somebody who is not known here."""

    def __init__(self, request: Asked) -> None:
        self._request = request
        self._services = services(request)
        self._family = self._services.family
        self._place = counted_as(request.client.host if request.client else "")

    @property
    def is_open(self) -> bool:
        """Whether one-time codes can be sent at all."""
        return self._services.notices.sends_codes

    @property
    def _token(self) -> str:
        return self._request.cookies.get(portal_cookie(self._request, VISIT), "")

    @rule("R-LOGIN-07")
    async def knock(self, code: str, digits: str) -> str:
        """The code of an invitation, and the end of one's number; the browser's half."""
        if not self.is_open:
            raise Refused("R-LOGIN-07", "codes cannot be sent from here")
        half = new_half()
        await self._family.knock(code, digits, half, self._place)
        return half

    async def enter(self, code: str) -> str:
        """The token of a visit, for a one-time code."""
        half = self._request.cookies.get(portal_cookie(self._request, HALF), "")
        return await self._family.enter(half, code, self._place)

    async def invitation(self) -> Invitation:
        """What is asked of whoever has shown the number."""
        return await self._family.invitation(self._token)

    async def answer(
        self, form: Mapping[str, str], key: str, request_hash: bytes
    ) -> tuple[str, ...]:
        """Accept what is ticked, or nothing; what was accepted."""
        opens, closes = hours_of(form)
        scopes = ticked(form, "scope", rules.SCOPES) if form.get("answer") != "no" else ()
        if form.get("answer") == "yes" and not scopes:
            rules.check_words((), rules.SCOPES, "scopes")
        if form.get("again") == "0":
            scopes = tuple(each for each in scopes if each != rules.OVERDUE)
        given = Acceptance(
            scopes=scopes, channels=ticked(form, "by", rules.CHANNELS),
            versions=versions_of(form, rules.SCOPES), language=form.get("language", ""),
            speaks=form.get("speaks", ""), email=form.get("email", ""), opens=opens,
            closes=closes, again=form.get("again") == "1",
        )  # fmt: skip
        answer = await self._family.answer(self._token, given, key, request_hash)
        return tuple(answer.document["scopes"])

    async def leave(
        self, code: str, key: str, request_hash: bytes, *, for_ever: bool
    ) -> None:
        """End it by a code."""
        await self._family.leave(
            code, self._place, for_ever=for_ever, key=key, request_hash=request_hash
        )

    async def report(self, code: str, words: str, key: str, request_hash: bytes) -> None:
        """Report misuse by a code."""
        await self._family.report_by_member(code, words, self._place, key, request_hash)

    def keep_half(self, answer: Response[Any], half: str) -> None:
        """The browser keeps its half, for as long as the code is good."""
        seconds = int(self._services.access.policy.code_valid.total_seconds())
        remember(self._request, answer, HALF, half, seconds, strict=True)

    def keep(self, answer: Response[Any], token: str) -> None:
        """The browser keeps its visit, and forgets its half."""
        seconds = int(self._family.visit.total_seconds())
        remember(self._request, answer, VISIT, token, seconds, strict=True)
        remember(self._request, answer, HALF, "", 0, strict=True)

    def forget(self, answer: Response[Any]) -> None:
        """The visit is over."""
        remember(self._request, answer, VISIT, "", 0, strict=True)
