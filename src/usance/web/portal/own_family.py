"""A borrower's relatives, on the way that ``scope`` is for everything else: only the session's."""

from __future__ import annotations

from collections.abc import Mapping

from usance.cases.work import Acting
from usance.consents.documents import ConsentDocument
from usance.core.identifiers import parse
from usance.core.rules import rule
from usance.family import rules
from usance.family.reading import Shown
from usance.family.records import Nomination
from usance.family.sources import Source
from usance.family.store import Row
from usance.identity.changing import Asking
from usance.web.console.render import services
from usance.web.portal.forms import hours_of, number_of, ticked, versions_of
from usance.web.portal.render import Asked, session_of
from usance.web.problems import not_found


class OwnFamily:
    """The borrower's relatives, and nobody else's."""

    def __init__(self, request: Asked) -> None:
        session = session_of(request)
        assert session is not None, "a page that uses this declares needs(BORROWER)"
        self._session = session
        self._address = request.client.host if request.client else ""
        self._family = services(request).family

    def _member_id(self, text: str) -> int:
        try:
            return parse("member", text)
        except ValueError as error:
            raise not_found("relative") from error

    @rule("R-PORTAL-01")
    async def all(self) -> list[Shown]:
        """Whom the borrower ever named, the newest first."""
        return await self._family.of_borrower(self._session.borrower_id)

    async def one(self, text: str) -> Shown:
        """One of them; of anybody else's there is none."""
        member_id = self._member_id(text)
        for each in await self.all():
            if each.link.member_id == member_id:
                return each
        raise not_found("relative")

    async def told(self) -> list[Row]:
        """What they were told about the borrower."""
        return await self._family.told(self._session.borrower_id)

    async def offered(self) -> dict[str, ConsentDocument]:
        """What can be agreed to here, by scope."""
        return await self._family.offered()

    async def name(self, form: Mapping[str, str], key: str, request_hash: bytes) -> str:
        """Name a relative as a form asks; their number."""
        opens, closes = hours_of(form)
        scopes = ticked(form, "scope", rules.SCOPES)
        if form.get("again") == "0":
            scopes = tuple(each for each in scopes if each != rules.OVERDUE)
        asked = Nomination(
            name=form.get("name", ""), relation=form.get("relation", ""),
            phone=number_of(form.get("phone", "")), email=form.get("email", ""), scopes=scopes,
            channels=ticked(form, "by", rules.CHANNELS), tells=form.get("tells", ""),
            versions=versions_of(form, rules.SCOPES), language=form.get("language", ""),
            speaks=form.get("speaks", ""), opens=opens, closes=closes,
            again=form.get("again") == "1",
        )  # fmt: skip
        answer = await self._family.nominate(
            self._session.borrower_id, asked, self._asking(key, request_hash),
            Source(self._session.device_id, self._address),
        )  # fmt: skip
        return str(answer.document["member_id"])

    async def take_back(self, text: str, key: str, request_hash: bytes) -> None:
        """End it, at once."""
        await self._family.take_back(
            self._session.borrower_id, self._member_id(text), self._asking(key, request_hash)
        )

    async def report(self, text: str, words: str, key: str, request_hash: bytes) -> None:
        """Report misuse."""
        acting = Acting(self._session.actor, frozenset(), key, request_hash)
        await self._family.report(
            self._session.borrower_id, self._member_id(text), words, acting
        )

    def _asking(self, key: str, request_hash: bytes) -> Asking:
        return Asking(self._session.actor, key, request_hash)
