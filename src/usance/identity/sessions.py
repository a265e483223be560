"""Sessions of staff: opaque tokens of 256 random bits, of which the table keeps the hash.

A session ends when it is idle too long, too old, killed, or when its holder logs out. One that was
begun with a password alone where a second factor is enrolled waits for it: it opens nothing but
the page that asks for the factor, and a new session with a new token takes its place.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import staff_sql
from usance.identity.noting import noted
from usance.identity.permissions import DECIDE
from usance.identity.roles import permissions_of, that_give
from usance.identity.staff_policy import StaffPolicy
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.logs import get_logger

logger = get_logger(__name__)

IDLE_MAX = timedelta(minutes=30)
AGE_MAX = timedelta(hours=12)
WAIT_MAX = timedelta(minutes=10)
"""So long a session waits for the second factor."""
TOUCHED_EVERY = timedelta(minutes=1)
REFERENCE_BYTES = 8
"""Of the token's hash: enough to tell the sessions of an account apart."""

CODE, PASSWORD, FACTOR = "code", "password", "factor"
"""What a session can lack: the second factor to be shown, a password of one's own, a factor."""
BY_PASSWORD, BY_PROVIDER, BY_PROVIDER_AND_FACTOR = "password", "provider", "provider and factor"
"""How a session was begun."""


@dataclass(frozen=True, slots=True)
class StaffSession:
    """A member of staff who came in; ``csrf`` goes into every form.

    ``lacks`` says what is missing before the session opens anything; ``fresh``, whether a factor
    was shown just now; ``reference`` tells the sessions of an account apart.
    """

    staff_id: int
    name: str
    csrf: str
    roles: tuple[str, ...] = ()
    stands_in: bool = False
    lacks: str = ""
    fresh: bool = False
    has_factor: bool = False
    reference: str = ""

    @property
    def permissions(self) -> frozenset[str]:
        """What the roles give together; who stands in for somebody comes as far as deciding.

        Nothing while something is missing.
        """
        in_place = frozenset({"approvals:read", DECIDE} if self.stands_in else ())
        return frozenset() if self.lacks else permissions_of(self.roles) | in_place

    @property
    def actor(self) -> str:
        """How the audit log calls them."""
        return f"staff:{self.staff_id}"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session in the list that its holder sees."""

    reference: str
    began_at: datetime
    seen_at: datetime
    way: str
    address: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a session begins with."""

    staff_id: int
    way: str = BY_PASSWORD
    address: str = ""
    waits: bool = False
    shown: str = ""
    """The factor that was shown, for the audit log."""
    shown_at: datetime | None = None
    """When it was shown, where that was elsewhere; nothing is fresh if it is not known."""


class Sessions:
    """The sessions of a book's staff."""

    def __init__(self, pool: Pool, clock: Clock, policy: StaffPolicy) -> None:
        self._pool = pool
        self._clock = clock
        self._policy = policy

    @rule("R-STEP-01")
    async def begin(self, connection: Connection, beginning: Beginning) -> str:
        """The token of a new session. Every log-in makes one: what a browser had is not used."""
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        now = self._clock.now()
        shown_at = now if beginning.way == BY_PASSWORD else beginning.shown_at
        await staff_sql.insert_session(
            connection, token_hash(token), beginning.staff_id, csrf, now, waits=beginning.waits,
            way=beginning.way, fresh_at=None if beginning.waits else shown_at,
            address=beginning.address[:60],
        )  # fmt: skip
        if not beginning.waits:
            detail = {"way": beginning.way, "factor": beginning.shown}
            await noted(connection, f"staff:{beginning.staff_id}", "LogIn", detail)
            logger.info("logged in", extra={"staff_id": beginning.staff_id})
        return token

    @rule("R-STAFF-05", "R-STAFF-07")
    async def read(self, token: str) -> StaffSession | None:
        """The session of a token; None when it is unknown, ended, idle too long or too old."""
        now, hashed = self._clock.now(), token_hash(token)
        row = await staff_sql.live_session(self._pool, hashed, now - AGE_MAX, now - IDLE_MAX)
        if row is None or (row["waits"] and row["created_at"] <= now - WAIT_MAX):
            return None
        if now - row["seen_at"] >= TOUCHED_EVERY:
            await staff_sql.touch_session(self._pool, hashed, now)
        fresh = row["fresh_at"] is not None and now - row["fresh_at"] < self._policy.step_up
        return StaffSession(
            row["staff_id"], row["name"], row["csrf"], tuple(row["roles"]), row["stands_in"],
            self.lacks(row), fresh, row["has_factor"], hashed[:REFERENCE_BYTES].hex(),
        )  # fmt: skip

    @rule("R-FACTOR-01", "R-FACTOR-04", "R-STAFF-06")
    def lacks(self, row: staff_sql.Row) -> str:
        """What must come before a session opens anything. A demo book forces no second factor."""
        if row["waits"]:
            return CODE
        if row["must_change"]:
            return PASSWORD
        has = row["has_factor"] or row["way"] == BY_PROVIDER_AND_FACTOR
        if not has and not row["demo"] and self._policy.requires_factor(acting_as(row)):
            return FACTOR
        return ""

    async def end(self, token: str) -> None:
        """Log out."""
        async with transaction(self._pool) as connection:
            now = self._clock.now()
            staff_id = await staff_sql.end_session(connection, token_hash(token), now)
            if staff_id is not None:
                await noted(connection, f"staff:{staff_id}", "LogOut", {})

    async def end_quietly(self, connection: Connection, token: str) -> None:
        """A session ends because another takes its place."""
        await staff_sql.end_session(connection, token_hash(token), self._clock.now())

    async def end_others(self, connection: Connection, staff_id: int, token: str) -> int:
        """All sessions of an account but one end; returns how many did."""
        return await staff_sql.end_sessions(connection, staff_id, but=token_hash(token))

    async def of_account(self, staff_id: int) -> list[OpenSession]:
        """The live sessions of an account, the last used first."""
        now = self._clock.now()
        rows = await staff_sql.sessions_of(self._pool, staff_id, now - AGE_MAX, now - IDLE_MAX)
        return [
            OpenSession(row["token_hash"][:REFERENCE_BYTES].hex(), row["created_at"],
                        row["seen_at"], row["way"], row["address"])
            for row in rows if not row["waits"]
        ]  # fmt: skip

    @rule("R-STAFF-05")
    async def end_one(self, connection: Connection, staff_id: int, reference: str) -> None:
        """End one session of an account; raises ``Refused`` when it has none of this reference."""
        try:
            prefix = bytes.fromhex(reference)
        except ValueError:
            prefix = b""
        whole = len(prefix) == REFERENCE_BYTES
        now = self._clock.now()
        if not whole or not await staff_sql.end_one_of(connection, staff_id, prefix, now):
            raise Refused("R-STAFF-05", "the session has ended already", "session")

    async def freshen(self, connection: Connection, token: str) -> None:
        """A factor was shown in the session."""
        await staff_sql.freshen_session(connection, token_hash(token), self._clock.now())


def acting_as(row: staff_sql.Row) -> list[str]:
    """The roles of an account; who stands in for somebody comes in as whoever decides does."""
    return [*row["roles"], *(that_give(DECIDE) if row["stands_in"] else ())]


def token_hash(token: str) -> bytes:
    """What the table keeps of a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
