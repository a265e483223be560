"""R-TEMPLATE-06: parts of a text message, exactly."""

from __future__ import annotations

import pytest

from usance.notices.segments import BASIC, EXTENDED, segments_of


@pytest.mark.parametrize(("text", "expected"), [
    ("", ("GSM-7", 0, 1)),
    ("a" * 160, ("GSM-7", 160, 1)),
    ("a" * 161, ("GSM-7", 161, 2)),
    ("a" * 153 * 2, ("GSM-7", 306, 2)),
    ("a" * (153 * 2 + 1), ("GSM-7", 307, 3)),
    ("@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\n", ("GSM-7", 42, 1)),
    ("€" * 80, ("GSM-7", 160, 1)),
    ("^{}\\[~]|€", ("GSM-7", 18, 1)),
    ("€" + "a" * 159, ("GSM-7", 161, 2)),
    # An escape that does not fit is not cut from its sign: 152 + 2 does not go into 153.
    ("a" * 152 + "€" + "a" * 152, ("GSM-7", 306, 3)),
    ("a" * 151 + "€" + "a" * 153, ("GSM-7", 306, 2)),
    ("ç", ("UCS-2", 1, 1)),  # the small one is not in the alphabet
    ("`", ("UCS-2", 1, 1)),
    ("\t", ("UCS-2", 1, 1)),
    ("’" + "a" * 69, ("UCS-2", 70, 1)),
    ("字" * 70, ("UCS-2", 70, 1)),
    ("字" * 71, ("UCS-2", 71, 2)),
    ("字" * 134, ("UCS-2", 134, 2)),
    ("字" * 135, ("UCS-2", 135, 3)),
    ("😀" * 35, ("UCS-2", 70, 1)),
    # A surrogate pair at a boundary goes into the next part whole: 66 + 2 does not go into 67.
    ("字" * 66 + "😀" + "字" * 66, ("UCS-2", 134, 3)),
    ("字" * 65 + "😀" + "字" * 67, ("UCS-2", 134, 2)),
    ("😀" * 67, ("UCS-2", 134, 3)),
])  # fmt: skip
def test_parts(text: str, expected: tuple[str, int, int]) -> None:
    found = segments_of(text)
    assert (found.encoding, found.units, found.segments) == expected


def test_the_signature_is_counted() -> None:
    found = segments_of("a" * 64, "优信")
    assert (found.encoding, found.units, found.segments) == ("UCS-2", 68, 1)
    assert segments_of("a" * 67, "优信").segments == 2


def test_the_alphabet_is_whole() -> None:
    """GSM 03.38: 128 places, one of which is the escape; ten signs behind it."""
    assert (len(BASIC), len(EXTENDED)) == (127, 10)
