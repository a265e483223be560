"""The lender's keys for codes: nothing to configure, and a rotation breaks no code that is out."""

from __future__ import annotations

from usance.core.rules import rule
from usance.platform.crypto import HASH_BYTES, KeyService, beside
from usance.platform.derived import DerivedSecrets

PURPOSE, KIND = "codes of notices", "notice-code"
"""What they are derived for."""


@rule("R-VERIFY-01")
async def code_keys(keys: KeyService) -> list[bytes]:
    """The keys of all generations that live, the newest first: with that one codes are made."""
    return [whole[-HASH_BYTES:] for whole in await beside(
        keys, lambda: keys.blind_indexes(PURPOSE, KIND)
    )]  # fmt: skip


class CodeKeys:
    """The same for whoever asks all the time: a key service is asked once a minute."""

    def __init__(self, keys: KeyService) -> None:
        self._secrets = DerivedSecrets(keys, KIND)

    @rule("R-VERIFY-01")
    async def all(self) -> list[bytes]:
        """The keys, the newest first."""
        return [whole[-HASH_BYTES:] for whole in await self._secrets.of(PURPOSE)]
