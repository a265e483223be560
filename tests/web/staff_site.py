"""Members of staff at the application in process: sessions, forms, what was written."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.lived_in import TABLES
from tests.web.api_site import Site
from usance.identity.staff import StaffSession
from usance.web.api.endpoint import ENDPOINTS
from usance.web.permission_table import ALLOWED, FORBIDDEN, UNKNOWN, Route

PASSWORD = "correct horse battery"
SAMPLE = {
    "borrower_id": "b-1", "contract_id": "c-1001", "offer_id": "o-1", "authorisation_id": "a-1",
    "operation_id": "p-1", "code": "pay_later", "number": "1", "file_id": "1",
    "business_date": "2026-01-05", "receipt_id": "1", "receipt": "1", "borrower": "b-1",
    "contract": "c-1001", "offer": "o-1", "hold": "a-1", "product": "pay_later", "name": "dues",
    "proposal_id": "q-1", "proposal": "q-1", "operation": "p-1", "record_id": "r-1",
    "document": "notices-service", "report_id": "w-1", "report": "w-1",
    "member_id": "h-1", "member": "h-1", "fact_id": "v-1", "pull_id": "u-1",
    "alert_id": "l-1", "alert": "l-1", "policy_id": "cn-tier",
}  # fmt: skip
"""For placeholders that are no numbers. Most of it is not there, which is found out after the
gate."""
MEDIA_TYPES = {(each.method, each.path): each.media_type for each in ENDPOINTS}
_numbers = itertools.count(1)


@dataclass
class Member:
    """Somebody who has logged in, and their browser."""

    site: Site
    name: str
    token: str
    session: StaffSession
    client: httpx.AsyncClient

    @property
    def csrf(self) -> str:
        return self.session.csrf

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def form(self, path: str, fields: dict[str, str] | None = None, **more: Any) -> Any:
        """A form that came from a page of this session."""
        own = {"csrf_token": self.csrf, "key": f"form-{next(_numbers)}"}
        return await self.client.post(path, data=own | (fields or {}), **more)

    async def again(self) -> None:
        """Log in anew."""
        self.token, self.session = await self.site.services.staff.log_in(self.name, PASSWORD)
        self.client.cookies.clear()
        self.client.cookies.set("usance_session", self.token)


def browser_of(site: Site, token: str = "", scheme: str = "http") -> httpx.AsyncClient:
    """A client that sends a session's cookie, if there is one."""
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app, raise_app_exceptions=False),
        base_url=f"{scheme}://usance.test",
    )
    if token:
        client.cookies.set("usance_session" if scheme == "http" else SECURE_COOKIE, token)
    return client


SECURE_COOKIE = "__Host-usance_session"


@asynccontextmanager
async def member(site: Site, *roles: str) -> AsyncIterator[Member]:
    """A new account with these roles, logged in."""
    name = f"member {next(_numbers)}"
    await site.services.staff.create(name, PASSWORD, roles)
    token, session = await site.services.staff.log_in(name, PASSWORD)
    async with browser_of(site, token) as client:
        yield Member(site, name, token, session, client)


def address(route: Route) -> str:
    """A path of a route."""
    return re.sub(r"{(\w+)}", lambda match: SAMPLE.get(match[1], "99"), route.path)


async def asked(
    client: httpx.AsyncClient, route: Route, csrf: str = "", **headers: str
) -> httpx.Response:
    """A request to a route: with no more in it than what lets it through the gate."""
    more: dict[str, Any] = {"headers": headers}
    if route.method != "GET":
        kind = MEDIA_TYPES.get((route.method, route.path))
        if kind is None:  # what the framework serves takes forms
            more["data"] = {"csrf_token": csrf} if csrf else {"x": "y"}
        else:
            more["content"] = b"{}"
            more["headers"] = {
                "content-type": kind, "idempotency-key": "matrix", "x-csrf-token": csrf,
            } | headers  # fmt: skip
    return await client.request(route.method, address(route), **more)


def outcome(route: Route, answer: httpx.Response) -> str:
    """What an answer says of whoever asked; what is allowed may still be refused by the book."""
    place = answer.headers.get("location", "")
    to_log_in = place.startswith(("/console/login?next=", "/my/login?next="))
    if answer.status_code == 401 or (route.is_page and answer.status_code == 303 and to_log_in):
        return UNKNOWN
    if answer.status_code == 403:
        assert "R-AUTH-02" in answer.text, (route, answer.text)
        return FORBIDDEN
    assert answer.status_code in (200, 201, 303, 400, 404, 409, 415, 422), (route, answer.text)
    return ALLOWED


async def written(site: Site) -> set[tuple[Any, ...]]:
    """Differs after a row of any table was inserted, updated or deleted."""
    snapshot = " UNION ALL ".join(
        f"SELECT '{name}', count(*), max(xmin::text::bigint) FROM {name}"
        for (name,) in await site.pool.fetch(TABLES)
    )
    return {tuple(row) for row in await site.pool.fetch(snapshot)}
