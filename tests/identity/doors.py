"""A small book with people in it, and the door of the portal with a clock that can be moved."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from tests.servicing.books import KEYS
from usance.core.refusals import Refused
from usance.identity.access import BorrowerAccess
from usance.identity.borrower_sessions import Begun
from usance.identity.borrowers import Borrowers
from usance.identity.codes import new_half
from usance.identity.devices import Device, device_of
from usance.identity.log_in import Knock
from usance.identity.people import Person
from usance.platform.clock import FixedClock, SystemClock
from usance.platform.database import Pool
from usance.servicing.setup import create_book
from usance.web.notices import in_the_sandbox

PHONE, OTHER_PHONE, NEW_PHONE = "+8613800000001", "+8613800000002", "+8613900000009"
DIGITS = "123X"


@dataclass
class House:
    """The door, its clock, and two borrowers."""

    pool: Pool
    clock: FixedClock
    access: BorrowerAccess
    borrower_id: int
    other_id: int

    async def deliver(self) -> None:
        """Send what is due."""
        await in_the_sandbox(self.pool, KEYS, self.clock, self.access, "CNY").look()

    async def messages(self, to: str = "") -> list[dict[str, Any]]:
        """What was sent, the newest first."""
        await self.deliver()
        found = await self.access.sandbox.newest(self.pool)
        return [each for each in found if to in ("", each["to"])]

    async def code(self, to: str = PHONE, kind: str = "log-in-code") -> str:
        """The newest code that went to a number."""
        sent = [each for each in await self.messages(to) if each["kind"] == kind]
        found = re.search(r"(?<!\d)\d{6}(?!\d)", sent[0]["words"])
        assert found is not None
        return found[0]

    def knock(self, address: str = "203.0.113.1", device: Device | None = None) -> Knock:
        """Somebody with a fresh browser, or on a device."""
        return Knock(new_half(), address, device or device_of("", "Firefox/140 Linux"))

    async def come_in(self, knock: Knock | None = None, phone: str = PHONE) -> Begun:
        """Log in by a code."""
        knock = knock or self.knock()
        await self.access.log_in.ask(phone, knock)
        begun = await self.access.log_in.enter(await self.code(phone), knock)
        assert begun is not None
        return begun

    async def pass_days(self, days: int) -> None:
        self.clock.advance(timedelta(days=days))


async def refused(work: Any, rule: str) -> None:
    """What is asked for is refused by this rule."""
    with pytest.raises(Refused) as caught:
        await work
    assert caught.value.refusal.rule == rule


@asynccontextmanager
async def house(pool: Pool) -> AsyncIterator[House]:
    """A fresh book on an empty database."""
    await create_book(pool, name="Test", opened_on=date(2026, 1, 5))
    people = [
        Person("王小明", PHONE, f"11010119900307{DIGITS}", "", "zh-CN"),
        Person("Ann Brook", OTHER_PHONE, "P99887766", "", "en"),
    ]
    first, second = await Borrowers(pool, KEYS).register_many(people, actor="test")
    clock = FixedClock(SystemClock().now())
    yield House(pool, clock, BorrowerAccess.over(pool, KEYS, clock), first, second)
