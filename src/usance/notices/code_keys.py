"""The lender's keys for codes: nothing to configure, and a rotation breaks no code that is out."""

from __future__ import annotations

from usance.core.rules import rule
from usance.platform.crypto import KeyService, beside

PURPOSE, KIND = "codes of notices", "derived secret"
"""What they are derived for; ``KIND`` is that of ``platform.derived``, which may keep them."""


@rule("R-VERIFY-01")
async def code_keys(keys: KeyService) -> list[bytes]:
    """The keys of all generations that live, the newest first: with that one codes are made."""
    return await beside(keys, lambda: keys.blind_indexes(PURPOSE, KIND))
