"""PNG and JPEG, walked from the first byte to the last, so that nothing rides along.

Pure. The picture itself is not decoded; that its data ends where it says is checked, because what
lies behind the end is where archives and scripts are hidden.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from usance.core.refusals import Refused
from usance.core.rules import rule

PNG_START, JPEG_START = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
PIXELS_MOST = 100_000_000
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel by colour type."""
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
"""Adam7: first column and row, and the steps between them."""
ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"MSCF\0\0\0\0")
SCRIPT = re.compile(
    rb"<(?:\?php|!doctype|(?:html|head|body|script|svg|iframe|object|embed)[\s>/])|javascript:"
    rb"|%PDF-",
    re.IGNORECASE,
)
ZIP_END, ZIP_LIST = b"PK\x05\x06", b"PK\x01\x02"
PIECE = 1 << 16


def hidden(why: str) -> Refused:
    """The refusal of what is not only a picture or a document."""
    return Refused("R-FILE-03", why, "file")


@rule("R-FILE-03")
def check_no_archive(content: bytes) -> None:
    """A ZIP is read from its end: a last record there whose list of files stands before it."""
    first = max(len(content) - PIECE - 22, 0)
    place = content.rfind(ZIP_END, first)
    while place >= 0:
        size = int.from_bytes(content[place + 12 : place + 16], "little")
        if size and content[place - size : place - size + 4] == ZIP_LIST and size <= place:
            raise hidden("an archive is hidden in the file")
        place = content.rfind(ZIP_END, first, place)


@rule("R-FILE-03")
def check_words(part: bytes) -> None:
    """What a file says beside its picture holds neither script nor archive."""
    if any(each in part for each in ARCHIVES):
        raise hidden("an archive is hidden in the file")
    if SCRIPT.search(part):
        raise hidden("a script is hidden in the file")


# -- PNG -------------------------------------------------------------------------------------------


@rule("R-FILE-03")
def check_png(content: bytes) -> None:
    """A whole PNG: its chunks in order with right sums, IEND last, its data as long as it says."""
    check_no_archive(content)
    kinds: list[bytes] = []
    picture = zlib.decompressobj()
    size = left = 0
    for kind, data in chunks(content):
        if kind == b"IHDR":
            size = left = size_of(data) if not kinds else 0
        elif kind == b"IDAT":
            left = drained(picture, data, left)
        elif kind != b"PLTE":
            if not kind[0] & 32 and kind != b"IEND":
                raise hidden("the picture has a part that nobody knows")
            check_words(data)
        kinds.append(kind)
    if kinds[:1] != [b"IHDR"] or kinds.count(b"IHDR") > 1 or not size:
        raise hidden("the picture does not begin as one")
    if b"IDAT" not in kinds or left or not picture.eof or picture.unused_data:
        raise hidden("the picture's data does not end where it should")
    first, last = kinds.index(b"IDAT"), len(kinds) - kinds[::-1].index(b"IDAT")
    if set(kinds[first:last]) != {b"IDAT"}:
        raise hidden("the picture's data is interrupted")


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and data of each chunk; refused unless IEND is the last thing there is."""
    place, kind = len(PNG_START), b""
    while place < len(content):
        length, kind = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        end = place + 8 + length
        if end + 4 > len(content) or not (kind.isalpha() and kind.isascii()):
            raise hidden("the picture is cut off")
        if zlib.crc32(content[place + 4 : end]) != int.from_bytes(content[end : end + 4]):
            raise hidden("the picture is damaged")
        yield kind, content[place + 8 : end]
        place = end + 4
        if kind == b"IEND" and (length or place < len(content)):
            raise hidden("something follows the end of the picture")
    if kind != b"IEND":
        raise hidden("the picture is cut off")


def size_of(header: bytes) -> int:
    """Bytes of the picture's data once it is unpacked; 0 for a header that is none."""
    if len(header) != 13:
        return 0
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    depth, colour, packing, filtering, interlaced = header[8:]
    known = colour in CHANNELS and depth in (1, 2, 4, 8, 16) and not packing and not filtering
    if not known or interlaced > 1 or not 0 < width * height <= PIXELS_MOST:
        return 0
    bits = depth * CHANNELS[colour]
    if not interlaced:
        return rows_of(width, height, bits)
    return sum(
        rows_of(-(-(width - x) // across), -(-(height - y) // down), bits)
        for x, y, across, down in PASSES
        if width > x and height > y
    )


def rows_of(width: int, height: int, bits: int) -> int:
    """Bytes of rows, each with the byte that names its filter."""
    return height * (1 + -(-width * bits // 8))


def drained(picture: zlib._Decompress, data: bytes, left: int) -> int:
    """How much of the picture is still to come after this data; it is not kept."""
    try:
        while data and left >= 0:
            left -= len(picture.decompress(data, PIECE))
            data = picture.unconsumed_tail
    except zlib.error as error:
        raise hidden("the picture is damaged") from error
    if left < 0:
        raise hidden("the picture's data does not end where it should")
    return left


# -- JPEG ------------------------------------------------------------------------------------------

EOI, SOS, TEM = 0xD9, 0xDA, 0x01
RESTARTS = range(0xD0, 0xD8)
FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
WORDS = {*range(0xE0, 0xF0), 0xFE}
"""Application data and comments: where words may stand."""
SEGMENTS = {*FRAMES, *WORDS, 0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, SOS}
SEGMENTS_MOST = 20_000
CODED = re.compile(rb"(?:[^\xff]++|\xff++[\x00\xd0-\xd7])*+")
"""Coded data up to the next marker that is none of its own; nothing is looked at twice."""
FILL = re.compile(rb"\xff++")


@rule("R-FILE-03")
def check_jpeg(content: bytes) -> None:
    """A whole JPEG: segment by segment with a frame and a scan, EOI as the last two bytes."""
    check_no_archive(content)
    place, seen = 2, set()
    for _ in range(SEGMENTS_MOST):
        marker, place = marker_at(content, place)
        if marker == EOI:
            break
        length = int.from_bytes(content[place : place + 2])
        if marker not in SEGMENTS or length < 2 or place + length > len(content):
            raise hidden("the picture is damaged")
        if marker in WORDS:
            check_words(content[place + 2 : place + length])
        seen.add(marker)
        place += length
        if marker == SOS:
            place = end_of_scan(content, place)
    if place != len(content):
        raise hidden("something follows the end of the picture")
    if marker != EOI or SOS not in seen or not seen & FRAMES:
        raise hidden("the picture does not begin as one")


def marker_at(content: bytes, place: int) -> tuple[int, int]:
    """The marker that stands here, and where what it names begins."""
    found = FILL.match(content, place)
    if found is None:
        raise hidden("the picture is damaged")
    place = found.end()
    if place >= len(content):
        raise hidden("the picture is cut off")
    return content[place], place + 1


def end_of_scan(content: bytes, place: int) -> int:
    """Where the coded data ends: at the next marker that is none of its own."""
    found = CODED.match(content, place)
    assert found is not None  # it may be empty
    if found.end() == len(content):
        raise hidden("the picture is cut off")
    return found.end()
