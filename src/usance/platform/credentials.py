"""How secrets of people and machines are kept: never in a form that opens anything."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MACHINE_SECRET_PREFIX = "usk_"  # noqa: S105 (lets scanners recognise a leaked one)
PREFIX_SHOWN = 10
"""Characters of a machine's secret that people may see, to tell keys apart; 220 bits stay."""

# OWASP's Argon2id profile: 19 MiB, two passes, one lane (about 20 ms).
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def new_machine_secret() -> str:
    """A secret of 256 random bits for a machine client; shown once, kept only as a hash."""
    return MACHINE_SECRET_PREFIX + secrets.token_urlsafe(32)


def hash_machine_secret(secret: str) -> bytes:
    """SHA-256 (32 bytes): enough for 256 random bits, and fast enough for every request."""
    return hashlib.sha256(secret.encode()).digest()


def machine_secret_matches(secret: str, stored: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hash_machine_secret(secret), stored)


def hash_password(password: str) -> str:
    """Argon2id, with its salt and parameters inside."""
    return _hasher.hash(password)


def password_matches(password: str, stored: str) -> bool:
    """Whether this is the password; takes its time on purpose."""
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
