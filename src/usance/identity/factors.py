"""Second factors of staff: one-time codes from an app (TOTP, RFC 6238), and recovery codes.

The app's secret is encrypted under a data key of its own that the master key wraps. A code has
exactly six ASCII digits, is good for its half minute and the one before and after, and is accepted
once. Recovery codes have 80 random bits each; the table keeps their hashes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime

import pyotp

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import factors_sql, keys_sql
from usance.platform.clock import Clock
from usance.platform.crypto import (
    KeyService,
    MissingKeyError,
    beside,
    decrypt_field,
    encrypt_field,
    master_id_of,
    new_data_key,
)
from usance.platform.database import Connection, Pool
from usance.platform.personal import wrapped_keys

STEP_SECONDS, DRIFT = 30, 1
RECOVERY_CODES = 10
TOTP, RECOVERY = "totp", "recovery"
"""Which factor was shown."""
ONE_TIME = re.compile(r"[0-9]{6}")
RECOVERY_CODE = re.compile(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}")
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
TABLE = "staff_factor"
PLACE = {"table": TABLE, "column": "secret"}

wrapped_keys(TABLE, "data_key", "staff_id", has_cells=False)


class Factors:
    """The second factors of a book's staff."""

    def __init__(self, pool: Pool, clock: Clock, keys: KeyService | None) -> None:
        self._pool = pool
        self._clock = clock
        self._keys = keys

    async def begin(self, connection: Connection, staff_id: int) -> None:
        """Make a secret; it counts for nothing until a code of it was shown."""
        data_key = new_data_key()
        sealed = encrypt_field(data_key, pyotp.random_base32(), row_id=staff_id, **PLACE)
        keys = self._key_service
        await connection.execute(keys_sql.TOGETHER)
        wrapped = await beside(keys, lambda: keys.wrap(data_key, staff_id, TABLE))
        if (keys_sql.MASTER, master_id_of(wrapped)) in await keys_sql.retired(connection):
            raise MissingKeyError("the key file of this process is an old one")
        await factors_sql.begin(connection, staff_id, wrapped, sealed, self._clock.now())

    async def enrolling(self, staff_id: int) -> str | None:
        """The secret that is being enrolled, to be shown to its holder; None if there is none."""
        row = await factors_sql.secret(self._pool, staff_id, factors_sql.ENROLLING)
        return await self._opened(row, staff_id) if row else None

    @rule("R-FACTOR-02", "R-FACTOR-03")
    async def confirm(self, connection: Connection, staff_id: int, code: str) -> list[str]:
        """The first code puts the secret in force; returns new recovery codes. Or ``Refused``."""
        row = await factors_sql.secret(connection, staff_id, factors_sql.ENROLLING)
        if row is None:
            raise Refused("R-FACTOR-02", "nothing is being enrolled; begin again", "code")
        secret = await self._opened(row, staff_id)
        step = step_of(secret, code, self._clock.now(), 0)
        if step is None:
            raise wrong_code()
        if not await factors_sql.confirm(connection, staff_id, step):
            raise wrong_code()  # a twin was first
        return await self.renew_codes(connection, staff_id)

    @rule("R-FACTOR-02", "R-FACTOR-03")
    async def show(self, connection: Connection, staff_id: int, code: str) -> str:
        """Which factor a code is; ``Refused`` if it is none, or was used before."""
        if RECOVERY_CODE.fullmatch(code):
            hashed = recovery_hash(staff_id, code)
            if await factors_sql.use_code(connection, staff_id, hashed, self._clock.now()):
                return RECOVERY
        row = await factors_sql.secret(connection, staff_id, factors_sql.IN_FORCE)
        if row is None:
            raise wrong_code()
        secret = await self._opened(row, staff_id)
        step = step_of(secret, code, self._clock.now(), row["last_step"])
        if step is None or not await factors_sql.accept_step(connection, staff_id, step):
            raise wrong_code()
        return TOTP

    @rule("R-FACTOR-03")
    async def renew_codes(self, connection: Connection, staff_id: int) -> list[str]:
        """New recovery codes in place of all others; told once."""
        codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
        hashes = [recovery_hash(staff_id, each) for each in codes]
        await factors_sql.replace_codes(connection, staff_id, hashes)
        return codes

    @property
    def _key_service(self) -> KeyService:
        assert self._keys is not None, "second factors need the keys"
        return self._keys

    async def _opened(self, row: factors_sql.Row, staff_id: int) -> str:
        keys = self._key_service
        data_key = await beside(keys, lambda: keys.unwrap(row["data_key"], staff_id, TABLE))
        return decrypt_field(data_key, row["secret"], row_id=staff_id, **PLACE)


@rule("R-FACTOR-02")
def step_of(secret: str, code: str, now: datetime, after: int) -> int | None:
    """The time step that a code belongs to: within one of now, and later than the last used."""
    if not ONE_TIME.fullmatch(code):
        return None
    current = int(now.timestamp()) // STEP_SECONDS
    app = pyotp.TOTP(secret, interval=STEP_SECONDS)
    found = None
    for step in range(current - DRIFT, current + DRIFT + 1):
        if hmac.compare_digest(app.generate_otp(step), code) and step > after:
            found = step
    return found


def wrong_code() -> Refused:
    """Whatever is wrong with a code, the answer is the same."""
    return Refused("R-FACTOR-02", "the code is wrong, or was used before", "code")


def address_for_app(secret: str, account: str, book: str) -> str:
    """What the picture on the enrolment page says to the app: ``otpauth://totp/...``."""
    app = pyotp.TOTP(secret, interval=STEP_SECONDS)
    return app.provisioning_uri(name=account, issuer_name=f"usance {book}")


def new_recovery_code() -> str:
    """Four groups of four: 80 random bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def recovery_hash(staff_id: int, code: str) -> bytes:
    """What the table keeps: a plain hash, because 80 random bits are not guessed."""
    return hashlib.sha256(f"recovery {staff_id} {code}".encode()).digest()
