"""The code in a bill reminder: ten characters by which anybody can ask whether it is genuine. Pure.

A code is the beginning of an HMAC over what the notice says, so another amount or day has another
code. It is kept only as a keyed hash, and asked for together with the last four digits of the
number that the notice went to: neither helps without the other.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict, dataclass

import msgspec

from usance.core.rules import rule

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: nothing in it is mistaken for something else."""
LENGTH = 10
BITS = 5 * LENGTH
GROUP = 5
MEANT = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None, "\u2013": None})
"""What people type for what they read."""
TYPED_MAX = 40
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Said:
    """What a notice says, and to whom: all that its code stands for. Amounts in minor units."""

    notice_id: int
    contact_hash: str
    template: str
    version: int
    channel: str
    contract_id: int
    amount: int
    due_on: str


@rule("R-CODE-01")
def code_of(key: bytes, said: Said) -> str:
    """The code of a notice under the lender's key."""
    text = msgspec.json.encode(asdict(said), order="sorted")
    number = int.from_bytes(hmac.digest(key, text, "sha256")[:7]) >> 56 - BITS
    return "".join(ALPHABET[number >> shift & 31] for shift in range(BITS - 5, -1, -5))


def grouped(code: str) -> str:
    """As it is printed: ``XXXXX-XXXXX``."""
    return f"{code[:GROUP]}-{code[GROUP:]}"


@rule("R-CODE-02")
def typed(text: str) -> str | None:
    """A code as somebody typed it; None if it can be none."""
    if len(text) > TYPED_MAX:
        return None
    found = text.upper().translate(MEANT)
    return found if len(found) == LENGTH and all(each in ALPHABET for each in found) else None


@rule("R-CODE-02")
def digits_typed(text: str) -> str | None:
    """The last four digits as somebody typed them; None if they can be none."""
    found = text.strip()
    return found if len(found) == DIGITS and found.isascii() and found.isdigit() else None


def kept(key: bytes, code: str) -> bytes:
    """What is kept of a code, and looked up by: without the key nothing is learned from it."""
    return hmac.digest(key, b"code\0" + code.encode(), "sha256")


def kept_digits(key: bytes, code: str, digits: str) -> bytes:
    """What is kept of the last four digits, of this code's notice alone."""
    return hmac.digest(key, b"digits\0" + code.encode() + b"\0" + digits.encode(), "sha256")


NOBODYS = hashlib.sha256(b"nobody's").digest()
"""Compared with where there is no such code, so that its absence takes as long."""


@rule("R-CODE-03")
def fits(key: bytes, code: str, digits: str, stored: bytes | None) -> bool:
    """Whether the digits are those of the notice; as long for a code that was never made."""
    same = hmac.compare_digest(
        kept_digits(key, code, digits), NOBODYS if stored is None else stored
    )
    return same and stored is not None
