"""Accounts of staff: made, changed by others and by their holders, and how one comes in with them.

What others do to an account are the acts of ``acts``; sessions are in ``sessions``, second factors
in ``factors``. Coming in takes two steps where a second factor is enrolled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import acts, attempts, staff_sql
from usance.identity.attempts import Attempts
from usance.identity.changing import Asking, Change, once
from usance.identity.factors import TOTP, Factors
from usance.identity.noting import noted
from usance.identity.once import Answer
from usance.identity.passwords import checked_hash, matches
from usance.identity.roles import known
from usance.identity.sessions import (
    AGE_MAX,
    BY_PASSWORD,
    BY_PROVIDER,
    BY_PROVIDER_AND_FACTOR,
    CODE,
    Beginning,
    OpenSession,
    Sessions,
    StaffSession,
)
from usance.identity.staff_policy import StaffPolicy, staff_policy
from usance.ledger.digest import digest
from usance.platform.clock import Clock, SystemClock
from usance.platform.crypto import KeyService
from usance.platform.database import Connection, Pool, transaction
from usance.platform.logs import get_logger

__all__ = ["AGE_MAX", "Account", "Staff", "StaffSession"]

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as others see it."""

    staff_id: int
    name: str
    active: bool
    created_at: datetime
    must_change: bool
    last_log_in: datetime | None
    roles: tuple[str, ...]
    has_factor: bool
    recovery_codes: int


class Staff:
    """The accounts of staff of a book. Without ``keys`` no second factor is shown or enrolled."""

    def __init__(
        self, pool: Pool, clock: Clock | None = None, keys: KeyService | None = None,
        policy: StaffPolicy | None = None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock or SystemClock()
        self.policy = policy or staff_policy()
        self.sessions = Sessions(pool, self._clock, self.policy)
        self.factors = Factors(pool, self._clock, keys)
        self._attempts = Attempts(pool, self._clock)

    # -- accounts, for the operator at the command line ----------------------------------------

    async def create(
        self, name: str, password: str, roles: Iterable[str], *, actor: str = "operator"
    ) -> int:
        """A new account with roles, and a password that stays; raises ``Refused``."""
        given = tuple(known(roles))
        hashed = await checked_hash(password, [name, await staff_sql.book_name(self._pool)])
        act = acts.CreateStaff(name, given, hashed, must_change=False)
        answer = await acts.perform(self._pool, act, Asking(actor))
        return int(answer.document["staff_id"])

    async def change_roles(
        self, name: str, *, grant: Iterable[str] = (), revoke: Iterable[str] = (),
        actor: str = "operator",
    ) -> int:  # fmt: skip
        """Give roles to an account and take others; at once also for sessions that are open."""
        given, lost = tuple(grant), tuple(revoke)
        known([*given, *lost])
        act = acts.ChangeRoles(await self.known_id(name), given, lost)
        await acts.perform(self._pool, act, Asking(actor))
        return act.staff_id

    async def change_password(self, name: str, password: str, *, actor: str = "operator") -> bool:
        """A new password; every session ends. False when there is no such active account."""
        row = await staff_sql.staff_by_name(self._pool, name)
        names = [name, await staff_sql.book_name(self._pool)]
        hashed = await checked_hash(password, names)
        if row is None:
            return False
        async with transaction(self._pool) as connection:
            staff_id = row["staff_id"]
            await acts.taken(connection, staff_id)
            await staff_sql.set_password(connection, staff_id, hashed, must_change=False)
            await staff_sql.end_sessions(connection, staff_id)
            await noted(connection, actor, "ChangePassword", {}, staff_id)
        return True

    @rule("R-STAFF-03")
    async def known_id(self, name: str) -> int:
        """The number of the account of this name; raises ``Refused``."""
        staff_id = await staff_sql.staff_id_of(self._pool, name) if name.isprintable() else None
        if staff_id is None:
            raise Refused("R-STAFF-03", "there is no active account of this name", "name")
        return staff_id

    async def accounts(self) -> list[Account]:
        """Every account, active ones first."""
        return [_account(row) for row in await staff_sql.accounts(self._pool)]

    async def account(self, staff_id: int) -> Account | None:
        """One account."""
        row = await staff_sql.account(self._pool, staff_id)
        return _account(row) if row else None

    # -- coming in -----------------------------------------------------------------------------

    @rule("R-AUTH-04", "R-FACTOR-01")
    async def log_in(self, name: str, password: str, address: str = "") -> tuple[str, StaffSession]:
        """The token of a new session, and the session; raises ``Refused``.

        Where a second factor is enrolled the session waits for it.
        """
        attempt = attempts.of_log_in(name, address)
        await self._attempts.count(attempt)
        row = await staff_sql.staff_by_name(self._pool, name) if name.isprintable() else None
        if not await matches(password, row["password_hash"] if row else None) or row is None:
            logger.warning("log-in refused", extra={"rule": "R-AUTH-04"})
            raise Refused("R-AUTH-04", "the name or the password is wrong")
        await self._attempts.forgive(attempt)
        return await self._begin(
            Beginning(row["staff_id"], BY_PASSWORD, address, waits=row["has_factor"])
        )

    @rule("R-FACTOR-01")
    async def enter_code(
        self, token: str, code: str, address: str = ""
    ) -> tuple[str, StaffSession]:
        """The second step: a new session under a new token in place of the one that waits."""
        waiting = await self.session(token)
        if waiting is None or waiting.lacks != CODE:
            raise Refused("R-AUTH-01", "a key or a log-in is needed")
        attempt = attempts.of_factor(waiting.staff_id)
        await self._attempts.count(attempt)
        async with transaction(self._pool) as connection:
            shown = await self.factors.show(connection, waiting.staff_id, code)
            await self.sessions.end_quietly(connection, token)
            beginning = Beginning(waiting.staff_id, BY_PASSWORD, address, shown=shown)
            new = await self.sessions.begin(connection, beginning)
        await self._attempts.forgive(attempt)
        return new, await self._known_session(new)

    async def enter_by_provider(
        self, account: str, *, showed_factor: bool, address: str = "",
        shown_at: datetime | None = None,
    ) -> tuple[str, StaffSession]:  # fmt: skip
        """The identity provider says who it is: an account that is there and active, or none.

        ``shown_at``: when that was shown to the provider, as far as it says so.
        """
        row = await staff_sql.staff_by_name(self._pool, account)
        if row is None:
            logger.warning("log-in refused", extra={"rule": "R-STAFF-09"})
            raise Refused("R-STAFF-09", "no active account belongs to this identity")
        way = BY_PROVIDER_AND_FACTOR if showed_factor else BY_PROVIDER
        waits = row["has_factor"] and not showed_factor
        return await self._begin(
            Beginning(row["staff_id"], way, address, waits=waits, shown_at=shown_at)
        )

    async def session(self, token: str) -> StaffSession | None:
        """The session of a token; None when it is unknown, ended, idle too long or too old."""
        return await self.sessions.read(token)

    async def names(self) -> dict[int, str]:
        """Every account by its number."""
        return await staff_sql.staff_names(self._pool)

    @rule("R-STAFF-03")
    async def number(self, name: str) -> int:
        """The active account of this name; raises ``Refused``."""
        row = await staff_sql.staff_by_name(self._pool, name) if name.isprintable() else None
        if row is None:
            raise Refused("R-STAFF-03", "there is no active account of this name", "to")
        return int(row["staff_id"])

    async def log_out(self, token: str) -> None:
        """End one session."""
        await self.sessions.end(token)

    async def kill_sessions(self, staff_id: int, *, actor: str = "operator") -> int:
        """End every session of an account; returns how many there were."""
        act = acts.EndSessions(staff_id)
        answer = await acts.perform(self._pool, act, Asking(actor))
        return int(answer.document["sessions"])

    # -- what holders do with their own --------------------------------------------------------

    @rule("R-STEP-01")
    async def freshen(self, session: StaffSession, token: str, proof: str) -> None:
        """Show a factor again: a code, or the password where no factor is enrolled."""
        attempt = attempts.of_factor(session.staff_id)
        await self._attempts.count(attempt)
        async with transaction(self._pool) as connection:
            if session.has_factor:
                shown = await self.factors.show(connection, session.staff_id, proof)
            else:
                shown = await _show_password(connection, session.staff_id, proof)
            await self.sessions.freshen(connection, token)
            await noted(connection, session.actor, "StepUp", {"factor": shown})
        await self._attempts.forgive(attempt)

    @rule("R-STAFF-04")
    async def change_own_password(
        self, session: StaffSession, token: str, old: str, new: str, asking: Asking
    ) -> Answer:
        """The old password first; every other session of the account ends."""

        async def make(change: Change) -> dict[str, object]:
            await _show_password(change.connection, session.staff_id, old)
            names = await staff_sql.names(change.connection, session.staff_id)
            if new == old:
                raise Refused("R-STAFF-04", "the new password is the old one", "password")
            hashed = await checked_hash(new, names)
            await staff_sql.set_password(
                change.connection, session.staff_id, hashed, must_change=False
            )
            ended = await self.sessions.end_others(change.connection, session.staff_id, token)
            return await self._note(change, session, "ChangePassword", sessions=ended)

        attempt = attempts.of_factor(session.staff_id)
        await self._attempts.count(attempt)
        answer = await once(self._pool, asking, make)
        await self._attempts.forgive(attempt)
        return answer

    @rule("R-STAFF-05")
    async def end_own_sessions(
        self, session: StaffSession, token: str, reference: str, asking: Asking
    ) -> Answer:
        """End one session of one's own account; without a reference, all but this one."""

        async def make(change: Change) -> dict[str, object]:
            if reference:
                await self.sessions.end_one(change.connection, session.staff_id, reference)
                return await self._note(change, session, "EndSessions", sessions=1)
            ended = await self.sessions.end_others(change.connection, session.staff_id, token)
            return await self._note(change, session, "EndSessions", sessions=ended)

        return await once(self._pool, asking, make)

    async def begin_factor(self, session: StaffSession, asking: Asking) -> Answer:
        """Make the secret of a new factor; the old one stays in force until it is confirmed."""

        async def make(change: Change) -> dict[str, object]:
            await self.factors.begin(change.connection, session.staff_id)
            return await self._note(change, session, "BeginFactor")

        return await once(self._pool, asking, make)

    async def confirm_factor(
        self, session: StaffSession, token: str, code: str, asking: Asking
    ) -> tuple[Answer, list[str]]:
        """The first code puts the factor in force; the recovery codes, which are told once."""
        codes: list[str] = []

        async def make(change: Change) -> dict[str, object]:
            codes[:] = await self.factors.confirm(change.connection, session.staff_id, code)
            await self.sessions.freshen(change.connection, token)
            return await self._note(change, session, "EnrolFactor", factor=TOTP)

        attempt = attempts.of_factor(session.staff_id)
        await self._attempts.count(attempt)
        answer = await once(self._pool, asking, make)
        await self._attempts.forgive(attempt)
        return answer, [] if answer.replayed else codes

    async def renew_codes(
        self, session: StaffSession, asking: Asking
    ) -> tuple[Answer, list[str]]:
        """New recovery codes in place of all others."""
        codes: list[str] = []

        async def make(change: Change) -> dict[str, object]:
            if not session.has_factor:
                raise Refused("R-FACTOR-03", "recovery codes stand in for a factor; enrol one")
            codes[:] = await self.factors.renew_codes(change.connection, session.staff_id)
            return await self._note(change, session, "RenewCodes")

        answer = await once(self._pool, asking, make)
        return answer, [] if answer.replayed else codes

    async def own_sessions(self, session: StaffSession) -> list[OpenSession]:
        """The live sessions of one's own account."""
        return await self.sessions.of_account(session.staff_id)

    async def _begin(self, beginning: Beginning) -> tuple[str, StaffSession]:
        async with transaction(self._pool) as connection:
            token = await self.sessions.begin(connection, beginning)
        return token, await self._known_session(token)

    async def _known_session(self, token: str) -> StaffSession:
        session = await self.session(token)
        if session is None:  # locked out between the two statements
            raise Refused("R-AUTH-01", "a key or a log-in is needed")
        return session

    async def _note(
        self, change: Change, session: StaffSession, action: str, **detail: object
    ) -> dict[str, object]:
        found = {"staff_id": session.staff_id, **detail}
        await change.note(action, digest([("staff", [(session.staff_id,)])]), found)
        return found


@rule("R-STAFF-04")
async def _show_password(connection: Connection, staff_id: int, password: str) -> str:
    stored = await staff_sql.password_of(connection, staff_id)
    if not await matches(password, stored):
        raise Refused("R-STAFF-04", "the password is wrong", "old")
    return "password"


def _account(row: staff_sql.Row) -> Account:
    return Account(**dict(row) | {"roles": tuple(row["roles"])})
