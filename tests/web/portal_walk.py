"""Every form of the portal, the sandbox bank's page, and what a bank says."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from tests.web.api_site import Site
from tests.web.limit_offers import offered
from tests.web.portal_site import Visitor, newest_code, visitor
from tests.web.walking import Walk
from usance.consents.records import Saying, borrower
from usance.identity import portal_store
from usance.identity.changing import Asking
from usance.notices import sealing
from usance.servicing.commands import ChangeLimit

PLACE = re.compile(r"{(\w+):\w+}")
MOTHER, FATHER = "13911110000", "13911111111"
TOLD, PAYER = "/bank/notifications", "/sandbox/bank/{reference:str}"


@dataclass
class Guest:
    """A borrower's browser on a walk."""

    walk: Walk
    visitor: Visitor
    relative: httpx.AsyncClient
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def site(self) -> Site:
        return self.walk.site

    async def does(
        self, route: str, *at: str, files: Any = None, status: int = 303, **fields: str
    ) -> str:
        """Send a form; the address that it leads to."""
        places = iter(at)
        address = PLACE.sub(lambda _: next(places), route)
        own = {"csrf_token": self.visitor.csrf, "key": f"walk-{next(self.numbers)}"}
        more: dict[str, Any] = {"files": files} if files else {}

        async def send() -> httpx.Response:
            return await self.visitor.client.post(address, data=own | fields, **more)

        answer = await self.walk.step(route, send, (status,))
        return str(answer.headers.get("location", ""))

    async def code(self, kind: str) -> str:
        """The newest code of a kind."""
        return await newest_code(self.site, kind)

    async def person(self) -> Any:
        """Their details."""
        return await self.site.services.borrowers.read(self.visitor.borrower_id)


async def guest(walk: Walk) -> Guest:
    """Somebody with an account, who has come in by a link."""
    return Guest(walk, await visitor(walk.site), browser(walk.site))


def browser(site: Site) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app, raise_app_exceptions=False),
        base_url="http://usance.test",
    )


async def walk_portal(walk: Walk) -> None:
    """Somebody comes in, pays, changes the number, complains and leaves."""
    mine = await guest(walk)
    await mine.does("/my/settings", language="en", back="/my")
    await payments(mine)
    await an_offer(mine)
    await the_number(mine)
    await elsewhere(mine)
    await cases(mine)
    await consents(mine)
    await limits(mine)
    await mine.does("/my/decisions/{decision:str}/review", await mine.visitor.decision(),
                    text="I have paid everything.")  # fmt: skip
    await mine.does("/my/suspicious", channel="sms", text="Pay at once!")
    await mine.does("/my/notices/preferences", first="inbox", opens="9", closes="18")
    await relatives(mine)
    await mine.does("/my/logout")
    await coming_in(walk)


async def limits(mine: Guest) -> None:
    """An offer that is declined, one that is taken, and more for a while."""
    site, who = mine.site, mine.visitor.borrower
    offers = "/my/limits/offers/{limit_offer:str}"
    await mine.does(f"{offers}/decline", await offered(site, who, 5_500_000))
    await mine.does(f"{offers}/accept", await offered(site, who, 6_000_000))
    lower = ChangeLimit(
        borrower_id=mine.visitor.borrower_id, product="pay_later", limit=900_000
    )
    await site.services.posting.submit(lower, actor="staff:1")
    today = str(await site.pool.fetchval("SELECT business_date FROM book"))
    await mine.does("/my/limits/{product:str}/more", "pay_later", limit="9500", until=today)


async def payments(mine: Guest) -> None:
    """Paid at the sandbox's bank; the bank says it, and says it again."""
    page = await mine.does("/my/pay", choice="10.00")
    await mine.does(PAYER, page.rpartition("/")[2], decision="pay")
    bank: Any = mine.site.services.bank
    page, real = await mine.does("/my/pay", choice="10.00"), bank.post
    caught: list[tuple[bytes, Mapping[str, str]]] = []

    async def keep(path: str, body: bytes, headers: Mapping[str, str]) -> int:
        caught.append((body, headers))
        return 503

    bank.post = keep
    await mine.does(PAYER, page.rpartition("/")[2], decision="pay")
    bank.post = real
    await said_by_bank(mine, *caught[0])


async def an_offer(mine: Guest) -> None:
    """What it costs is opened, read, and the offer is taken."""
    number, one = await mine.visitor.offer(), "/my/offers/{offer:str}/"
    await mine.does(one + "show", number)
    page = (await mine.visitor.get(f"/my/offers/{number}")).text
    await mine.does(one + "confirm", number, **hidden(page))
    await mine.does(one + "accept", number)


def hidden(page: str) -> dict[str, str]:
    """What a page's form says of the showing."""
    found = re.findall(r'name="(digest|nonce)" value="(\w+)"', page)
    return dict(found)


async def said_by_bank(mine: Guest, body: bytes, headers: Mapping[str, str]) -> None:
    async def send() -> httpx.Response:
        return await mine.visitor.client.post(TOLD, content=body, headers=headers)

    await mine.walk.step(TOLD, send, (200,))


async def the_number(mine: Guest) -> None:
    """A change of the number, proven from both sides, and stopped."""
    side = "{side:str}"
    await mine.does("/my/number", phone="13900000001")
    await mine.does("/my/number/lost")
    await mine.does(f"/my/number/send/{side}", "new")
    for each in ("new", "old"):
        code = await mine.code(f"{each}-number-code")
        await mine.does(f"/my/number/code/{side}", each, code=code)
    await mine.does("/my/number/stop")


async def elsewhere(mine: Guest) -> None:
    """Logged in on another device, and logged out there from here."""
    seen = mine.visitor
    other = Visitor(mine.site, seen.borrower, seen.contract, browser(mine.site))
    await other.enter()
    await mine.does("/my/sessions/{session:str}/end", other.ids["session"])
    await other.enter()
    await mine.does("/my/devices/{device:str}/forget", other.ids["device"])
    await other.enter()
    await mine.does("/my/sessions/end-others")


async def cases(mine: Guest) -> None:
    opened = await mine.does("/my/cases/new", kind="complaint", text="Twice!")
    case = opened.partition("?")[0].rpartition("/")[2]
    one = "/my/cases/{case:str}/"
    await mine.does(one + "say", case, text="On the third.")
    await mine.does(one + "attach", case, files={"file": ("a.txt", b"Paid.", "text/plain")})
    await mine.does(one + "withdraw", case)
    await mine.does(one + "reopen", case, text="There is more to it.")


async def consents(mine: Guest) -> None:
    """Agreed to, taken back, and another one not agreed to."""
    one, shown = "/my/consents/documents/{document:str}/", {"version": "1", "language": "en"}
    await mine.does(one + "give", "notices-service", **shown, **{"by-sms": "1"})
    page = (await mine.visitor.get("/my/consents")).text
    (record,) = set(re.findall(r"/my/consents/(r-\w+)/withdraw", page))
    await mine.does("/my/consents/{consent:str}/withdraw", record)
    await mine.does(one + "refuse", "notices-marketing", **shown)
    me, version = mine.visitor.borrower_id, 1
    said = Saying(
        me, borrower(me), "household-income", version, "en", "portal", counterparty=borrower(1)
    )
    await mine.site.services.consents.grant(said, Asking(f"borrower:{me}"))
    page = (await mine.visitor.get("/my/known")).text
    (record,) = set(re.findall(r"/my/known/(r-\w+)/withdraw", page))
    await mine.does("/my/known/{consent:str}/withdraw", record)


NAMED = {
    "name": "李梅", "relation": "parent", "phone": MOTHER, "language": "en", "speaks": "en",
    "tells": "after", "by-sms": "1", "scope-plan": "1", "version-plan": "1",
}  # fmt: skip


async def relatives(mine: Guest) -> None:
    """Named, invited, accepted, reported by both, and ended by both."""
    one = "/my/family/{member:str}/"
    await mine.does("/my/family/new", **NAMED)
    mother, code = await named(mine), await invitation(mine)
    await hers(mine, "/family/settings", language="en", back="/family")
    await hers(mine, "/family", code=code, digits=MOTHER[-4:])
    await hers(mine, "/family/code", code=await mine.code("family-code"))
    await hers(mine, "/family/invitation", answer="yes", **NAMED)
    await mine.does(one + "report", mother, text="I was made to.")
    await hers(mine, "/family/report", code=code, text="He presses me.")
    await hers(mine, "/family/stop", code=code)
    await mine.does("/my/family/new", **NAMED | {"phone": FATHER})
    await mine.does(one + "take-back", await named(mine))


async def hers(mine: Guest, route: str, **fields: str) -> None:
    """A form of the relative, in a browser without a session of anybody."""
    async def send() -> httpx.Response:
        return await mine.relative.post(route, data={"key": f"hers {route}"} | fields)

    await mine.walk.step(route, send, (303,))


async def named(mine: Guest) -> str:
    """The relative who was named last."""
    page = (await mine.visitor.get("/my/family")).text
    return re.findall(r"/my/family/(h-\w+)/take-back", page)[0]


async def invitation(mine: Guest) -> str:
    """The code of the newest invitation."""
    row = await mine.site.pool.fetchrow(
        "SELECT borrower_id, key, box FROM notice WHERE template_id = 'family-invitation'"
        " ORDER BY notice_id DESC LIMIT 1"
    )
    who = await portal_store.active_borrower(mine.site.pool, row["borrower_id"])
    assert who is not None
    data_key = mine.site.services.keys.unwrap(who["data_key"], who["borrower_id"])
    return sealing.opened(data_key, who["borrower_id"], row["key"], row["box"])["code"]


async def coming_in(walk: Walk) -> None:
    """By a link, by a code, by a code and a question; and it was somebody else's number."""
    for way in ("link", "code", "question", "not me"):
        who = await guest(walk)
        who.visitor.client = browser(walk.site)
        person = await who.person()
        if way == "link":
            path = f"/v1/borrowers/{who.visitor.borrower}/portal-links"
            made = (await walk.site.post(path, {"target": ""})).json()["path"]
            await who.does("/my/enter", t=made.partition("?t=")[2])
            continue
        if way == "question":  # the number was not used for long
            walk.clock.advance(timedelta(days=100))
        await who.does("/my/login", number=person.phone)
        code = await who.code("log-in-code")
        if way == "not me":
            await who.does("/my/login/not-me", status=200, code=code)
            continue
        await who.does("/my/login/code", code=code)
        if way == "question":
            await who.does("/my/login/identity", digits=person.identity_number[-4:])
