"""Accounts of staff, and their sessions.

A session is an opaque token of 256 random bits that only its holder has: the table keeps its
hash. It ends when it is idle too long, too old, killed, or when its holder logs out.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store
from usance.identity.roles import known, permissions_of
from usance.ledger.digest import digest
from usance.platform.clock import Clock, SystemClock
from usance.platform.credentials import hash_password, password_matches
from usance.platform.database import Pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.logs import get_logger

logger = get_logger(__name__)

IDLE_MAX = timedelta(minutes=30)
AGE_MAX = timedelta(hours=12)
TOUCHED_EVERY = timedelta(minutes=1)
PASSWORD_MIN, PASSWORD_MAX = 12, 200
ATTEMPTS_WITHIN = timedelta(minutes=15)
ATTEMPTS_OF_A_NAME = 10
ATTEMPTS_OF_AN_ADDRESS = 50
"""Many people may share an address; few need more than ten attempts for a name."""


@dataclass(frozen=True, slots=True)
class StaffSession:
    """A member of staff who is logged in; ``csrf`` goes into every form."""

    staff_id: int
    name: str
    csrf: str
    roles: tuple[str, ...] = ()
    stands_in: bool = False

    @property
    def permissions(self) -> frozenset[str]:
        """What the roles give together; who stands in for somebody comes as far as deciding."""
        in_place = frozenset({"approvals:read", "approvals:decide"} if self.stands_in else ())
        return permissions_of(self.roles) | in_place

    @property
    def actor(self) -> str:
        """How the audit log calls them."""
        return f"staff:{self.staff_id}"


class Staff:
    """The accounts of staff of a book."""

    def __init__(self, pool: Pool, clock: Clock | None = None) -> None:
        self._pool = pool
        self._clock = clock or SystemClock()

    @rule("R-STAFF-02")
    async def create(
        self, name: str, password: str, roles: Iterable[str], *, actor: str = "operator"
    ) -> int:
        """A new account with roles; raises ``Refused``."""
        given = known(roles)
        if not (1 <= len(name) <= 60 and name.isprintable() and name == name.strip()):
            raise Refused("R-STAFF-02", "a name has 1 to 60 printable characters", "name")
        hashed = await _hash(password)
        async with transaction(self._pool) as connection:
            on = await store.business_date(connection)
            if on is None:
                raise Refused("R-BOOK-01", "there is no book yet; make one first")
            staff_id = await store.insert_staff(connection, name, hashed)
            if staff_id is None:
                raise Refused("R-STAFF-02", "the name is taken", "name")
            await store.grant_roles(connection, staff_id, given)
            await store.insert_operation(
                connection, new_operation_id(), actor=actor, action="CreateStaff", on=on,
                digest=digest([("staff", [(staff_id,)])]),
                detail={"staff_id": staff_id, "roles": given},
            )  # fmt: skip
        return staff_id

    @rule("R-STAFF-03")
    async def change_roles(
        self, name: str, *, grant: Iterable[str] = (), revoke: Iterable[str] = (),
        actor: str = "operator",
    ) -> int:  # fmt: skip
        """Give roles to an account and take others; at once also for sessions that are open."""
        given, taken = list(grant), list(revoke)
        known([*given, *taken])
        async with transaction(self._pool) as connection:
            staff_id = await store.staff_id_of(connection, name)
            on = await store.business_date(connection)
            if staff_id is None or on is None:
                raise Refused("R-STAFF-03", "there is no active account of this name", "name")
            await store.grant_roles(connection, staff_id, given)
            await store.revoke_roles(connection, staff_id, taken)
            await store.insert_operation(
                connection, new_operation_id(), actor=actor, action="ChangeRoles", on=on,
                digest=digest([("staff", [(staff_id,)])]),
                detail={"staff_id": staff_id, "grant": given, "revoke": taken},
            )  # fmt: skip
        return staff_id

    async def change_password(self, name: str, password: str, *, actor: str = "operator") -> bool:
        """A new password; every session ends. False when there is no such active account."""
        hashed = await _hash(password)
        async with transaction(self._pool) as connection:
            staff_id = await store.set_password(connection, name, hashed)
            on = await store.business_date(connection)
            if staff_id is None or on is None:
                return False
            await store.insert_operation(
                connection, new_operation_id(), actor=actor, action="ChangePassword", on=on,
                digest=digest([("staff", [(staff_id,)])]), detail={"staff_id": staff_id},
            )  # fmt: skip
        await self.kill_sessions(staff_id)
        return True

    @rule("R-AUTH-04")
    async def log_in(self, name: str, password: str, address: str = "") -> tuple[str, StaffSession]:
        """The token of a new session, and the session; raises ``Refused``."""
        attempt = _subjects(name, address)
        await self._count(attempt)
        row = await store.staff_by_name(self._pool, name) if name.isprintable() else None
        stored = row["password_hash"] if row else await asyncio.to_thread(_nobody)
        matches = await asyncio.to_thread(password_matches, password[:PASSWORD_MAX], stored)
        if row is None or not matches:
            logger.warning("log-in refused", extra={"rule": "R-AUTH-04"})
            raise Refused("R-AUTH-04", "the name or the password is wrong")
        await store.forgive_attempt(self._pool, attempt)
        return await self._begin(row["staff_id"])

    @rule("R-AUTH-05")
    async def _count(self, attempt: dict[bytes, int]) -> None:
        """Count the attempt before it is looked at, so that many at once are counted too."""
        now = self._clock.now()
        counts = await store.count_attempt(self._pool, attempt, now, now - ATTEMPTS_WITHIN)
        if any(counts[subject] > most for subject, most in attempt.items()):
            raise Refused("R-AUTH-05", "too many attempts; try again in a quarter of an hour")

    async def session(self, token: str) -> StaffSession | None:
        """The session of a token; None when it is unknown, ended, idle too long or too old."""
        now = self._clock.now()
        hashed = _hashed(token)
        row = await store.live_session(self._pool, hashed, now - AGE_MAX, now - IDLE_MAX)
        if row is None:
            return None
        if now - row["seen_at"] >= TOUCHED_EVERY:
            await store.touch_session(self._pool, hashed, now)
        return StaffSession(
            row["staff_id"], row["name"], row["csrf"], tuple(row["roles"]), row["stands_in"]
        )

    async def names(self) -> dict[int, str]:
        """Every account by its number."""
        return await store.staff_names(self._pool)

    @rule("R-STAFF-03")
    async def number(self, name: str) -> int:
        """The active account of this name; raises ``Refused``."""
        row = await store.staff_by_name(self._pool, name) if name.isprintable() else None
        if row is None:
            raise Refused("R-STAFF-03", "there is no active account of this name", "to")
        return int(row["staff_id"])

    async def log_out(self, token: str) -> None:
        """End one session."""
        await store.end_session(self._pool, _hashed(token), self._clock.now())

    async def kill_sessions(self, staff_id: int) -> int:
        """End every session of an account; returns how many there were."""
        return await store.end_sessions(self._pool, staff_id, self._clock.now())

    async def _begin(self, staff_id: int) -> tuple[str, StaffSession]:
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        await store.insert_session(self._pool, _hashed(token), staff_id, csrf, self._clock.now())
        logger.info("logged in", extra={"staff_id": staff_id})
        session = await self.session(token)
        assert session is not None
        return token, session


def _subjects(name: str, address: str) -> dict[bytes, int]:
    """What an attempt is counted under, hashed (people type passwords for names), with the most."""
    found = {_hashed(f"name {name}"): ATTEMPTS_OF_A_NAME}
    return found | ({_hashed(f"address {address}"): ATTEMPTS_OF_AN_ADDRESS} if address else {})


@rule("R-STAFF-01")
async def _hash(password: str) -> str:
    """Off the event loop, because it takes its time on purpose."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        detail = f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters"
        raise Refused("R-STAFF-01", detail, "password")
    return await asyncio.to_thread(hash_password, password)


_nobodys_hash = ""


def _nobody() -> str:
    """A hash that no password opens, so that an unknown name takes as long as a known one."""
    global _nobodys_hash
    _nobodys_hash = _nobodys_hash or hash_password(secrets.token_urlsafe(32))
    return _nobodys_hash


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
