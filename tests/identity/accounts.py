"""A book with staff: accounts, an app that shows one-time codes, a clock that stands still."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pyotp

from usance.identity.changing import Asking
from usance.identity.staff import Staff, StaffSession
from usance.identity.staff_policy import staff_policy
from usance.platform.clock import FixedClock
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool
from usance.servicing.setup import create_book

PASSWORD = "correct horse battery"
OTHER = "another long password"
KEYS = LocalKeyService(b"i" * 32, {1: b"m" * 32})
MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
NOT_FORCED = replace(staff_policy(), required_for_roles=frozenset())


def clock() -> FixedClock:
    return FixedClock(MORNING)


async def with_staff(
    pool: Pool, at: FixedClock, *, forced: bool = False, demo: bool = False
) -> Staff:
    """A new book; nobody has an account yet."""
    await create_book(pool, name="Harbour", opened_on=date(2026, 1, 5), demo=demo)
    return Staff(pool, at, KEYS, staff_policy() if forced else NOT_FORCED)


async def logged_in(staff: Staff, name: str, *roles: str) -> tuple[str, StaffSession]:
    """A new account that has logged in."""
    await staff.create(name, PASSWORD, roles or ["service"])
    return await staff.log_in(name, PASSWORD)


class App:
    """An authenticator app with the secret of one account."""

    def __init__(self, secret: str, at: FixedClock) -> None:
        self._totp = pyotp.TOTP(secret)
        self._clock = at

    def code(self, steps: int = 0) -> str:
        """What it shows now, or so many half minutes later."""
        return self._totp.generate_otp(int(self._clock.now().timestamp()) // 30 + steps)


async def enrolled(staff: Staff, token: str, at: FixedClock) -> tuple[App, list[str]]:
    """Enrol a factor in a session; (the app, the recovery codes)."""
    session = await staff.session(token)
    assert session is not None
    await staff.begin_factor(session, Asking(session.actor))
    secret = await staff.factors.enrolling(session.staff_id)
    assert secret is not None
    app = App(secret, at)
    _, codes = await staff.confirm_factor(session, token, app.code(), Asking(session.actor))
    return app, codes
