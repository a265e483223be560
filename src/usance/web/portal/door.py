"""What the log-in pages reach before anybody is known: codes and links, and nothing of the book."""

from __future__ import annotations

from typing import Any

from litestar import Response

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.borrower_sessions import Begun
from usance.identity.codes import new_half
from usance.identity.devices import device_of
from usance.identity.log_in import Knock
from usance.web.console.render import services
from usance.web.portal.render import Asked, remember
from usance.web.security import portal_cookie


class Door:
    """A request of somebody who is not logged in."""

    def __init__(self, request: Asked) -> None:
        self._request = request
        self._services = services(request)
        self._access = self._services.access
        self._device = device_of(
            request.cookies.get(portal_cookie(request, "device"), ""),
            request.headers.get("user-agent", ""),
        )

    @property
    def is_open(self) -> bool:
        """Whether codes can be sent at all."""
        return self._services.notices.sends_codes

    def _knock(self, half: str = "") -> Knock:
        request = self._request
        half = half or request.cookies.get(portal_cookie(request, "half"), "")
        return Knock(half, request.client.host if request.client else "", self._device)

    @rule("R-LOGIN-07")
    async def ask(self, number: str) -> str:
        """Send a code; the browser's half of the secret."""
        if not self.is_open:
            raise Refused("R-LOGIN-07", "codes cannot be sent from here")
        half = new_half()
        await self._access.log_in.ask(number, self._knock(half))
        return half

    async def waits(self) -> str:
        """What the browser is asked for next."""
        return await self._access.log_in.waits(self._knock().half)

    async def enter(self, code: str) -> Begun | None:
        """A session for a code; None when one more question comes first."""
        return await self._access.log_in.enter(code, self._knock())

    async def answer(self, digits: str) -> Begun:
        """A session for the answer to that question."""
        return await self._access.log_in.answer(digits, self._knock())

    async def not_me(self, code: str) -> None:
        """Whoever holds the number is not the borrower."""
        await self._access.log_in.not_me(code, self._knock())

    async def check_link(self, token: str) -> None:
        """Raise unless a link is real and not too old; nothing is used up."""
        await self._access.links.read(token)

    async def use_link(self, token: str) -> tuple[Begun, str]:
        """A session for a link, and the page that it leads to."""
        return await self._access.links.enter(token, self._device)

    def keep_half(self, answer: Response[Any], half: str) -> None:
        """The browser keeps its half, for as long as the code is good."""
        seconds = int(self._access.policy.code_valid.total_seconds())
        remember(self._request, answer, "half", half, seconds, strict=True)

    def keep(self, answer: Response[Any], begun: Begun) -> None:
        """The browser keeps its session and the device's token, and forgets its half."""
        policy = self._access.policy
        age, kept = policy.age_most, policy.device_kept
        remember(self._request, answer, "my", begun.token, int(age.total_seconds()))
        remember(self._request, answer, "device", begun.device_token, int(kept.total_seconds()))
        remember(self._request, answer, "half", "", 0, strict=True)
