"""One-time codes: six digits, short-lived, for one purpose and one browser, good for one use.

The browser that asks for a code gets a half of the secret that the code alone does not replace: a
code that somebody reads over a shoulder opens nothing elsewhere. Kept is a keyed hash, so that a
copy of the database tells no code either.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NoReturn

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import portal_store as store
from usance.identity.portal_policy import PortalPolicy
from usance.platform.clock import Clock
from usance.platform.derived import DerivedSecrets

DIGITS = 6
LOG_IN, NEW_NUMBER, OLD_NUMBER = "log-in", "new-number", "old-number"
"""What a code is for; it opens nothing else."""


class Codes:
    """Makes codes and judges what was typed in."""

    def __init__(self, keyed: DerivedSecrets, clock: Clock, policy: PortalPolicy) -> None:
        self._keyed = keyed
        self._clock = clock
        self._policy = policy

    @rule("R-LOGIN-02")
    async def make(
        self, connection: store.Either, half: str, purpose: str, phone: str,
        borrower_id: int, change_id: int = 0,
    ) -> str:  # fmt: skip
        """A fresh code for a browser's half; one that it had before for this is gone.

        With borrower 0 (nobody has the number) the row is like any other, and no code opens it.
        """
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        now = self._clock.now()
        (hashed, *_), number = await self._hashes(half, purpose, code), await self.number(phone)
        hashed = hashed if borrower_id else secrets.token_bytes(32)
        await store.insert_code(
            connection,
            (challenge_of(half, purpose), purpose, borrower_id, change_id, number, hashed, now,
             now + self._policy.code_valid),
        )  # fmt: skip
        return code

    @rule("R-LOGIN-01")
    async def check(
        self, connection: store.Either, half: str, purpose: str, text: str
    ) -> store.Row:
        """The code's row when this is the code, used up by that; raises ``Refused``.

        Wrong, expired, used before, tried too often, and asked for by nobody: the words are the
        same. The connection must not be in a transaction that a refusal would undo.
        """
        six_digits(text)
        hashes = await self._hashes(half, purpose, text)
        row = await store.try_code(
            connection, challenge_of(half, purpose), purpose, hashes, self._clock.now(),
            self._policy.code_attempts,
        )  # fmt: skip
        if row is None or row["state"] != store.USED:
            wrong()
        return row

    async def number(self, phone: str) -> bytes:
        """What attempts at a number are counted under."""
        return await self._keyed.mac("number", phone)

    async def _hashes(self, half: str, purpose: str, code: str) -> list[bytes]:
        return await self._keyed.macs("one-time code", f"{purpose}\0{half}\0{code}")


def new_half() -> str:
    """What stays in the browser that asks: 256 random bits."""
    return secrets.token_urlsafe(32)


def challenge_of(half: str, purpose: str) -> bytes:
    """What a code is found by."""
    return hashlib.sha256(f"{purpose}\0{half}".encode(errors="replace")).digest()


@rule("R-LOGIN-03")
def six_digits(text: str) -> None:
    """Raise unless it is six ASCII digits: no space, no full-width or Arabic ones, nothing else."""
    if not (len(text) == DIGITS and text.isascii() and text.isdigit()):
        raise Refused("R-LOGIN-03", "a code is exactly six digits", "code")


@rule("R-LOGIN-01")
def wrong() -> NoReturn:
    """The one refusal of a code."""
    raise Refused("R-LOGIN-01", "the code is wrong or no longer valid", "code")
