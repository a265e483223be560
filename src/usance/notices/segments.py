"""How many parts a text message has, exactly as telephones count.

One sign outside the alphabet of GSM 03.38 makes the whole message UCS-2, whose units are 16 bits.
Neither an escaped sign nor a surrogate pair is cut in two.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from usance.core.rules import rule

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
"""Two units each: an escape and the sign."""
GSM, UCS = "GSM-7", "UCS-2"
ROOM = {GSM: (160, 153), UCS: (70, 67)}
"""Units of a message of one part, and of each part of a longer one."""


class Segments(Struct, frozen=True):
    """How a text message is sent."""

    encoding: str
    units: int
    segments: int


@rule("R-TEMPLATE-06")
def segments_of(text: str, signature: str = "") -> Segments:
    """Encoding, units and parts of a text under a signature, which is put before it in 【】."""
    whole = f"【{signature}】{text}" if signature else text
    if all(each in BASIC or each in EXTENDED for each in whole):
        encoding, sizes = GSM, [2 if each in EXTENDED else 1 for each in whole]
    else:
        encoding, sizes = UCS, [2 if ord(each) > 0xFFFF else 1 for each in whole]
    units = sum(sizes)
    alone, together = ROOM[encoding]
    return Segments(encoding, units, 1 if units <= alone else _parts(sizes, together))


def _parts(sizes: Iterable[int], room: int) -> int:
    """Parts of so many units, filled one after the other."""
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return parts
