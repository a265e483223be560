"""A walk over routes that change something: each request is sent once, or by many at once.

What every request leaves behind is counted table by table. A walk of one and a walk of many must
leave the same behind, step by step.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx

from tests.web.api_site import Site
from usance.platform.clock import FixedClock
from usance.web.security import handlers_of

Effect: TypeAlias = dict[str, tuple[int, int]]
"""By table: how many rows there are more, and how many were written."""
Send: TypeAlias = Callable[[], Awaitable[httpx.Response]]

TOUCHED = frozenset({
    "rate_bucket", "limit_count", "log_in_attempt", "machine_key", "staff_session",
    "borrower_session", "bank_signature", "verify_bucket", "verify_minute",
})  # fmt: skip
"""What says how often, and when, somebody asked: a request that is refused counts too."""
TABLES = """SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = 'public' AND relkind = 'r' ORDER BY 1"""


def posted_to(site: Site, *rooms: str) -> set[str]:
    """Addresses under these, with their placeholders, to which something is sent."""
    return {
        route.path
        for handler in handlers_of(site.app) if "POST" in handler.http_methods
        for route in site.app.routes if handler in getattr(route, "route_handlers", ())
        if route.path.startswith(rooms)
    }  # fmt: skip


PORTAL = ("/my", "/family", "/bank", "/sandbox")


@dataclass
class Walk:
    """What was walked so far. A route is sent by twins the first time only."""

    site: Site
    clock: FixedClock
    twins: int = 1
    fewer: Mapping[str, int] = field(default_factory=dict)
    """Routes whose work is slow on purpose: so many twins are enough."""
    otherwise: Mapping[str, str] = field(default_factory=dict)
    """Routes on which a twin gets another answer than the first, and why."""
    each: Mapping[str, str] = field(default_factory=dict)
    """Routes on which every request is one of its own, and why."""
    steps: list[tuple[str, Effect]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Twins that were answered otherwise than the first."""

    @property
    def walked(self) -> set[str]:
        """The routes."""
        return {route for route, _ in self.steps}

    @property
    def silent(self) -> list[str]:
        """Those that left no audit event."""
        return [route for route, effect in self.steps if "operation" not in effect]

    async def step(
        self, route: str, send: Send, wanted: tuple[int, ...], *, anew: bool = False
    ) -> httpx.Response:
        """Send one request by all twins; the answer that carried it out."""
        twins = self._twins_of(route, again=route in self.walked and not anew)
        mark, before = await self._mark(), await self._counted(0)
        answers = await asyncio.gather(*(send() for _ in range(twins)))
        await self._settled()
        effect = self._grown(before, await self._counted(mark))
        done = [each for each in answers if each.status_code in wanted]
        said = [told(each) for each in answers]
        assert done, f"{route}: {said[0]}"
        same = len({spoken(each) for each in answers}) == 1 or route in self.otherwise
        if max(each.status_code for each in answers) >= 500 or not same:
            self.faults.append(f"{route}: {sorted(set(said))}")
        self.steps.append((route, effect))
        return first_of(done)

    def _twins_of(self, route: str, *, again: bool) -> int:
        if again or route in self.each:
            return 1
        return min(self.twins, self.fewer.get(route, self.twins))

    async def _mark(self) -> int:
        """What is written from here on has at least this number."""
        query = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        return int(await self.site.pool.fetchval(query))

    async def _counted(self, mark: int) -> Effect:
        """Rows of every table, and those that were written since the mark."""
        names = [name for (name,) in await self.site.pool.fetch(TABLES) if name not in TOUCHED]
        query = " UNION ALL ".join(
            f"SELECT '{name}', count(*), count(*) FILTER (WHERE xmin::text::bigint >= {mark})"
            f" FROM {name}" for name in names
        )  # fmt: skip
        return {row[0]: (row[1], row[2]) for row in await self.site.pool.fetch(query)}

    async def _settled(self) -> None:
        """A close that has begun is finished."""
        query = "SELECT count(*) FROM day_close WHERE finished_at IS NULL"
        while await self.site.pool.fetchval(query):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)

    def _grown(self, before: Effect, after: Effect) -> Effect:
        grown = {name: (rows - before[name][0], new) for name, (rows, new) in after.items()}
        return {name: each for name, each in grown.items() if each != (0, 0)}


def spoken(answer: httpx.Response) -> tuple[Any, ...]:
    """An answer without the header that says it is a replay."""
    return answer.status_code, answer.headers.get("location"), answer.content


def told(answer: httpx.Response) -> str:
    """An answer in a line."""
    place, text = answer.headers.get("location", ""), " ".join(answer.text.split())
    said = re.search('<div class="note(?:-box)? refused".*?</div>', text)
    return f"{answer.status_code} {place} {said[0] if said else text[-600:]}"


def first_of(answers: list[httpx.Response]) -> httpx.Response:
    """The one that is no replay, if it can be told."""
    return min(answers, key=lambda each: "idempotent-replayed" in each.headers)
