"""Planted people at the portal: they come in, pay, change their number, read their data, and type
in everywhere what is nobody's business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from tests.web.api_site import Site
from tests.web.planting import NEW_PHONE, NEW_PHONES, PEOPLE, Heard, spellings
from tests.web.portal_site import Visitor, newest_code, token_on
from tests.web.portal_walk import PLACE
from tests.web.staff_site import browser_of
from tests.web.walking import PORTAL, posted_to
from usance.identity import borrowers as borrowers_room
from usance.identity.boxes import Boxes

FIELDS = ("phone", "number", "code", "digits", "choice", "amount", "contract", "text", "kind",
          "against", "event", "next", "back", "t", "decision")  # fmt: skip
ENDS = ("/logout", "/end-others")
"""What would end the visit."""


class Visits:
    """Browsers of planted people, and what was said to them."""

    def __init__(self, site: Site, said: Heard) -> None:
        self.site, self.said = site, said
        self.visitors: list[Visitor] = []

    async def sent(
        self, visitor: Visitor, path: str, status: int, fields: dict[str, str] | None = None
    ) -> str:
        """A form, and where it leads to."""
        answer = self.said.shown(await visitor.post(path, fields or {}))
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return str(answer.headers.get("location", ""))

    async def got(self, visitor: Visitor, path: str, **query: str) -> Any:
        return self.said.shown(await visitor.get(path, params=query))

    async def made(self, borrowers: Sequence[str]) -> None:
        """Everybody's visit."""
        for borrower, person, new in zip(borrowers, PEOPLE, NEW_PHONES, strict=False):
            visitor = Visitor(self.site, borrower, "", browser_of(self.site))
            await self.come_in(visitor, person)
            self.visitors.append(visitor)
            await self.change_number(visitor, person, new)
            await self.pay(visitor)
            await self.read(visitor, person)
            await self.talk_nonsense(visitor, person)

    async def come_in(self, visitor: Visitor, person: dict[str, str]) -> None:
        """With a wrong number and wrong codes first."""
        login = "/my/login"
        for wrong in (person["name"], person["email"]):
            await self.sent(visitor, login, 422, {"number": wrong})
        await self.sent(visitor, login, 303, {"number": person["phone"]})
        for wrong in ("000000", person["phone"], person["identity_number"]):
            await self.sent(visitor, f"{login}/code", 422, {"code": wrong})
        await self.sent(visitor, f"{login}/identity", 422, {"digits": person["identity_number"]})
        code = await newest_code(self.site, "log-in-code")
        await self.sent(visitor, f"{login}/code", 303, {"code": code})
        visitor.csrf = token_on((await visitor.get("/my/you")).text)

    async def change_number(self, visitor: Visitor, person: dict[str, str], new: str) -> None:
        """Asked for wrongly, then rightly; proven, and stopped."""
        await self.site.pool.execute("DELETE FROM notice_counter")  # some minutes later
        for wrong in (person["name"], person["phone"]):
            await self.sent(visitor, "/my/number", 422, {"phone": wrong})
        await self.sent(visitor, "/my/number", 303, {"phone": new})
        await self.sent(visitor, "/my/number/lost", 303)
        for side in ("new", "old"):
            await self.sent(visitor, f"/my/number/send/{side}", 303)
            path = f"/my/number/code/{side}"
            await self.sent(visitor, path, 422, {"code": person["phone"]})
            code = await newest_code(self.site, f"{side}-number-code")
            await self.sent(visitor, path, 303, {"code": code})
        await self.sent(visitor, "/my/number/stop", 303)

    async def pay(self, visitor: Visitor) -> None:
        page = await self.sent(visitor, "/my/pay", 303, {"choice": "10.00"})
        receipt = await self.sent(visitor, page, 303, {"decision": "pay"})
        assert (await self.got(visitor, receipt)).status_code == 200

    async def read(self, visitor: Visitor, person: dict[str, str]) -> None:
        """Their own data, which only they are shown."""
        for path in ("/my", "/my/data", "/my/data/export", "/my/looks", "/my/cases", "/my/devices"):
            assert (await self.got(visitor, path, show="1")).status_code == 200, path
        export = (await visitor.get("/my/data/export")).json()
        assert person["email"] in str(export)

    async def talk_nonsense(self, visitor: Visitor, person: dict[str, str]) -> None:
        """What is somebody's in every field, query and path."""
        for n, route in enumerate(sorted(posted_to(self.site, *PORTAL))):
            words = sorted(spellings(person))
            word, second = words[n % len(words)], words[(n + 1) % len(words)]
            path = PLACE.sub(lambda _: quote(word.replace("/", ""), safe=""), route)  # noqa: B023
            self.said.told(await visitor.get(path, params={word: second, "contract": word}))
            if path.endswith(ENDS):
                continue
            fields = dict.fromkeys(FIELDS, word)
            for each in (fields, {word: second}):
                self.said.told(await visitor.post(path, each))

    async def broken(self, patch: pytest.MonkeyPatch, badly: Any) -> None:
        """Accidents deep inside, whose words hold what was just decrypted."""

        well = Boxes.detail

        async def opened(self: Boxes, who: Any, name: str) -> str:
            found = await well(self, who, name)
            raise RuntimeError(f"no {found} {found!r}")

        for visitor in self.visitors:
            with patch.context() as now:
                now.setattr(borrowers_room, "opened", badly)
                assert (await self.got(visitor, "/my/data")).status_code == 500
            with patch.context() as now:
                now.setattr(Boxes, "detail", opened)
                assert (await self.got(visitor, "/my/number")).status_code == 500
                await self.sent(visitor, "/my/number", 500, {"phone": NEW_PHONE})
