"""Secrets for what lives for minutes: codes, counts, links, the sandbox bank's signatures.

They are derived from the index keys, so there is nothing to configure or to keep, and all processes
have the same. A key service is asked once a minute; while index keys are exchanged, what an older
one has made is still recognised.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from contextlib import suppress

from usance.platform.crypto import KeysAway, KeyService, beside

KIND = "derived secret"
FRESH_SECONDS = 60
AGAIN_SECONDS = 1
"""So soon at the earliest the keys are asked again, when something is not recognised."""


class DerivedSecrets:
    """Keyed hashes whose keys nobody has to keep."""

    def __init__(self, keys: KeyService, kind: str = KIND) -> None:
        self._keys = keys
        self._kind = kind
        self._known: dict[str, tuple[int, list[bytes]]] = {}

    async def of(self, purpose: str, *, within: int = FRESH_SECONDS) -> list[bytes]:
        """The secrets of a purpose, the newest first: more than one during a rotation."""
        asked, found = self._known.get(purpose, (0, []))
        now = time.monotonic_ns()
        if not found or now - asked >= within * 10**9:
            with suppress(*([KeysAway] if found else [])):
                found = await beside(
                    self._keys, lambda: self._keys.blind_indexes(purpose, self._kind)
                )
            self._known[purpose] = now, found
        return found

    async def mac(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA-256 (32 bytes) of a text under the newest secret."""
        return (await self.macs(purpose, text))[0]

    async def macs(self, purpose: str, text: str) -> list[bytes]:
        """The same under every secret, the newest first."""
        return [_hashed(secret, text) for secret in await self.of(purpose)]

    async def verify(self, purpose: str, text: str, given: bytes) -> bool:
        """Whether this is the keyed hash of the text, under any of the secrets."""
        for within in (FRESH_SECONDS, AGAIN_SECONDS):
            secrets = await self.of(purpose, within=within)
            if any(hmac.compare_digest(_hashed(each, text), given) for each in secrets):
                return True
        return False


def _hashed(secret: bytes, text: str) -> bytes:
    return hmac.digest(secret, text.encode(errors="replace"), hashlib.sha256)
