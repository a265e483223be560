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
from usance.platform.crypto import KeyService

DIGITS = 6
LOG_IN, NEW_NUMBER, OLD_NUMBER = "log-in", "new-number", "old-number"
"""What a code is for; it opens nothing else."""


class Codes:
    """Makes codes and judges what was typed in."""

    def __init__(self, keys: KeyService, clock: Clock, policy: PortalPolicy) -> None:
        self._keys = keys
        self._clock = clock
        self._policy = policy

    @rule("R-LOGIN-02")
    async def make(
        self, connection: store.Either, half: str, purpose: str, lookup: bytes,
        borrower_id: int, change_id: int = 0,
    ) -> str:  # fmt: skip
        """A fresh code for a browser's half; one that it had before for this is gone.

        With borrower 0 (nobody has the number) the row is like any other, and no code opens it.
        """
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        now = self._clock.now()
        hashed = self._hashed(half, purpose, code) if borrower_id else secrets.token_bytes(32)
        await store.insert_code(
            connection,
            (challenge_of(half, purpose), purpose, borrower_id, change_id, lookup, hashed, now,
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
        row = await store.try_code(
            connection, challenge_of(half, purpose), purpose, self._hashed(half, purpose, text),
            self._clock.now(), self._policy.code_attempts,
        )  # fmt: skip
        if row is None or row["state"] != store.USED:
            wrong()
        return row

    def _hashed(self, half: str, purpose: str, code: str) -> bytes:
        return self._keys.blind_index(f"{purpose}\0{half}\0{code}", "one-time code")


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
