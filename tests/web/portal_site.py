"""Borrowers of the portal, asked in process: a browser each, with its cookies and its forms."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.web.api_site import Site
from tests.web.limit_offers import offered
from usance.core.identifiers import parse, written
from usance.notices.outbox import Telling, tell
from usance.platform.clock import SystemClock
from usance.platform.database import Pool, transaction

_numbers = itertools.count(1)


@dataclass
class Visitor:
    """A browser at the portal."""

    site: Site
    borrower: str
    contract: str
    client: httpx.AsyncClient
    csrf: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def borrower_id(self) -> int:
        return parse("borrower", self.borrower)

    async def enter(self, target: str = "") -> None:
        """Come in by a signed link."""
        path = f"/v1/borrowers/{self.borrower}/portal-links"
        made = await self.site.post(path, {"target": target})
        assert made.status_code == 201, made.text
        token = made.json()["path"].partition("?t=")[2]
        page = await self.client.get(made.json()["path"])
        assert page.status_code == 200
        answer = await self.client.post("/my/enter", data={"t": token})
        assert answer.status_code == 303, answer.text
        home = await self.client.get("/my")
        assert home.status_code == 200
        self.csrf = token_on((await self.get("/my/you")).text)
        for kind, table in (("device", "device"), ("session", "borrower_session")):
            number = await self.site.pool.fetchval(
                f"SELECT max({kind}_id) FROM {table} WHERE borrower_id = $1", self.borrower_id
            )
            self.ids[kind] = written(kind, number)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def post(self, path: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        """A form that came from a page of this session."""
        own = {"csrf_token": self.csrf, "key": f"form-{next(_numbers)}"}
        return await self.client.post(path, data=own | fields, **more)

    async def payment(self, amount: str = "10.00") -> str:
        """A payment on its way; its id."""
        fields = {"choice": amount, "key": f"form-{next(_numbers)}"}
        answer = await self.post("/my/pay", fields)
        assert answer.status_code == 303, answer.text
        reference = answer.headers["location"].rpartition("/")[2]
        order = await self.site.pool.fetchval(
            "SELECT intent FROM sandbox_order WHERE reference = $1", reference
        )
        return str(order).rpartition(".")[2]

    async def offer(self) -> str:
        """An offer of 3000.00 in three instalments; its number."""
        path = f"/v1/borrowers/{self.borrower}"
        await self.site.post(f"{path}/lines", {"product": "cash_loan", "limit": "9000.00"})
        asked = {"product": "cash_loan", "principal": "3000.00", "instalments": 3}
        return str((await self.site.post(f"{path}/offers", asked)).json()["offer_id"])

    async def case(self, text: str = "A payment of mine is missing.") -> str:
        """A case with a file in it; its number."""
        fields = {"kind": "complaint", "text": text, "key": f"form-{next(_numbers)}"}
        answer = await self.post("/my/cases/new", fields)
        assert answer.status_code == 303, answer.text
        number = answer.headers["location"].rpartition("/")[2].partition("?")[0]
        answer = await self.attach(number, "proof.txt", b"Paid on the third.")
        assert answer.status_code == 303, answer.text
        return number

    async def decision(self) -> str:
        """An automated decision about them; its number."""
        asked = {"kind": "limit", "borrower_id": self.borrower, "product": "pay_later"}
        answer = await self.site.post("/v1/decisions", asked)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["decision_id"])

    async def consent(self, document: str = "notices-service") -> str:
        """A consent that was given; its number."""
        fields = {"version": "1", "language": "zh", "by-sms": "1"}
        answer = await self.post(f"/my/consents/documents/{document}/give", fields)
        assert answer.status_code == 303, answer.text
        page = (await self.get("/my/consents")).text
        return re.findall(r"/my/consents/(r-\w+)/receipt", page)[-1]

    async def notice(self) -> str:
        """A notice that was laid into the inbox."""
        return await laid(self.site.pool, self.borrower_id)

    async def relative(self, phone: str = "13911110000") -> str:
        """A relative who was named; their number."""
        fields = {
            "name": "李梅", "relation": "parent", "phone": phone, "language": "zh",
            "speaks": "zh-CN", "tells": "after", "by-sms": "1", "scope-borrowing": "1",
            "version-borrowing": "1",
        }  # fmt: skip
        answer = await self.post("/my/family/new", fields)
        assert answer.status_code == 303, answer.text
        page = (await self.get("/my/family")).text
        return re.findall(r"/my/family/(h-\w+)/take-back", page)[0]

    async def attach(self, case: str, name: str, content: bytes, **more: str) -> httpx.Response:
        """Send a file into a case."""
        fields = {"csrf_token": self.csrf, "key": f"form-{next(_numbers)}"} | more
        path = f"/my/cases/{case}/attach"
        return await self.client.post(path, data=fields, files={"file": (name, content)})


async def laid(pool: Pool, who: int) -> str:
    """A notice that was laid into a borrower's inbox, and read; its number."""
    facts, key = {"amount": 500, "day": "2026-01-05"}, f"laid {next(_numbers)}"
    async with transaction(pool) as connection:
        await tell(connection, [Telling(who, key, "paid", facts)], SystemClock().now())
    return written("notice", await pool.fetchval(
        "UPDATE notice SET state = 3, version = 1, channel = 'inbox', sent_at = now(),"
        " seen_at = now() WHERE borrower_id = $1 AND key = $2 RETURNING notice_id", who, key,
    ))  # fmt: skip


def token_on(page: str) -> str:
    """The token of a session, as the forms of its pages have it."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def newest_code(site: Site, kind: str) -> str:
    """The newest code of a kind that the sandbox's messenger was given."""
    delivery = site.services.notices.delivery
    assert delivery is not None, "this site is no sandbox"
    await delivery.look()
    sent = await site.services.access.sandbox.newest(site.pool)
    words = next(str(each["words"]) for each in sent if each["kind"] == kind)
    return str(re.findall(r"(?<!\d)\d{6}(?!\d)", words)[0])


async def pair(site: Site) -> tuple[Visitor, Visitor]:
    """Two borrowers, each with an account and a bit of everything that has an id."""
    mine, theirs = await visitor(site), await visitor(site)
    await site.close_days(40)
    for each in (mine, theirs):
        await each.enter()
        each.ids |= {
            "contract": each.contract, "payment": await each.payment(), "number": "1",
            "case": await each.case(), "consent": await each.consent(),
            "notice": await each.notice(),
            "member": await each.relative(), "decision": await each.decision(),
            "offer": await each.offer(),
            "limit_offer": await offered(site, each.borrower, 5_500_000),
        }  # fmt: skip
    return mine, theirs


async def visitor(site: Site) -> Visitor:
    """A borrower with an account on which something is owed, in a browser of their own."""
    account = await site.account()
    borrower = await site.pool.fetchval(
        "SELECT borrower_id FROM contract WHERE contract_id = $1", parse("contract", account)
    )
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app, raise_app_exceptions=False),
        base_url="http://usance.test",
    )
    found = Visitor(site, written("borrower", borrower), account, client)
    await found.enter()
    return found
