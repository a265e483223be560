"""Devices that a borrower was logged in on: remembered by a random token, shown by their kind."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import portal_store as store
from usance.identity.changing import Asking, Change, once
from usance.identity.records import note
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool
from usance.platform.identifiers import new_operation_id

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
BROWSERS = (
    ("MicroMessenger", "WeChat"), ("AlipayClient", "Alipay"), ("Edg", "Edge"),
    ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
    ("Windows", "Windows"), ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
"""What a user agent names itself by, the first that is found, and how people call it."""


@dataclass(frozen=True, slots=True)
class Device:
    """A browser as it comes in: the token it has kept, or a fresh one, and its kind."""

    token: str
    family: str

    @property
    def token_hash(self) -> bytes:
        """What is kept of the token."""
        return hashlib.sha256(self.token.encode()).digest()


def device_of(token: str, user_agent: str) -> Device:
    """The device of a request; one whose token is none gets a token now."""
    kept = token if TOKEN.fullmatch(token) else secrets.token_urlsafe(32)
    return Device(kept, family_of(user_agent))


def family_of(user_agent: str) -> str:
    """The kind of browser and system, and nothing that would tell two people's apart."""
    named = [
        next((name for mark, name in table if mark in user_agent), "")
        for table in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(each for each in named if each)


class Devices:
    """The devices of borrowers."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def see(
        self, connection: Connection, borrower_id: int, device: Device
    ) -> tuple[int, bool]:
        """The device's number, and whether it was known before this log-in."""
        row = await store.see_device(
            connection, borrower_id, device.token_hash, device.family, self._clock.now(),
            new_operation_id(),
        )  # fmt: skip
        return row["device_id"], row["known"]

    async def known(self, borrower_id: int, device: Device) -> bool:
        """Whether the borrower was logged in on it before."""
        return await store.device_is_known(self._pool, borrower_id, device.token_hash)

    async def of(self, borrower_id: int) -> Sequence[store.Row]:
        """The devices that are remembered, the latest seen first."""
        return await store.devices(self._pool, borrower_id)

    @rule("R-LOGIN-09")
    async def forget(self, borrower_id: int, device_id: int, asking: Asking) -> None:
        """Forget a device: its sessions end, and the next log-in there is told of as new."""
        now = self._clock.now()

        async def make(change: Change) -> dict[str, Any]:
            connection = change.connection
            if not await store.forget_device(connection, borrower_id, device_id, now):
                raise Refused("R-FOUND-01", "there is no such device")
            ended = await store.end_sessions(connection, borrower_id, now, of_device=device_id)
            await note(
                connection, asking.actor, "ForgetDevice", borrower_id, [("device", device_id)],
                {"device_id": device_id, "sessions": ended}, change.operation_id,
            )  # fmt: skip
            return {}

        await once(self._pool, asking, make)
