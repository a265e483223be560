"""PDF and plain text: from the first byte to the last, without scripts, archives or controls.

Pure. Of a PDF only what could act is looked for: names of actions and of embedded files, spelled
plainly or in escapes, in its objects and in whatever is packed in it. What cannot be looked into
(locked, or packed in an old way) is refused. However a file is laid out, the work stays in
proportion to its size and to a bound of what it unpacks to.
"""

from __future__ import annotations

import re
import zlib

from usance.cases.images import ARCHIVES, JPEG_START, check_no_archive, hidden
from usance.cases.rules import CONTROL
from usance.core.refusals import Refused
from usance.core.rules import rule

PDF_HEAD = re.compile(rb"%PDF-(?:1\.[0-7]|2\.0)\s")
PDF_TAIL = re.compile(rb"startxref\s+\d+\s+%%EOF[\r\n\t ]{0,64}\Z")
ACTS = (
    b"JavaScript", b"JS", b"Launch", b"EmbeddedFile", b"EmbeddedFiles", b"EF", b"RichMedia", b"XFA",
    b"SubmitForm", b"ImportData", b"GoToE", b"Movie", b"Sound", b"Rendition",
)  # fmt: skip
"""Names of what does something, plays something, or carries something."""
LOCKS = (
    b"Encrypt", b"Crypt", b"LZWDecode", b"LZW", b"ASCII85Decode", b"A85", b"ASCIIHexDecode", b"AHx",
    b"RunLengthDecode",
)  # fmt: skip
"""Names of what keeps others from looking in: keys, and ways of packing that are no longer used."""
ENDS = rb"\s()<>\[\]{}/%"
"""What ends a name."""
PLAIN = re.compile(rb"/(?:" + b"|".join(ACTS + LOCKS) + rb")(?=[" + ENDS + rb"])")
ESCAPED = re.compile(rb"/([^" + ENDS + rb"#]{0,40}#[^" + ENDS + rb"]{1,120})")
ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
ESCAPED_MOST = 20_000
"""Names with escapes that one part may have."""
MARKUP = re.compile(rb"<(?:\?php|!doctype|html|script|svg|iframe)", re.IGNORECASE)
OBJECT = re.compile(rb"[\s\x00\d]obj(?=[\s\x00<(\[/%])")
"""Where an object begins: in a picture's data the index could point at it."""
STREAM = re.compile(rb"(?<!end)stream(?:\r\n|\n|\r)")
UNPACKED_MOST, STREAMS_MOST = 64_000_000, 20_000
"""Bytes of everything that is packed in a document, and how many streams it has."""
FED, PIECE, OVERLAP = 1 << 14, 1 << 20, 256
TYPES = "a file is a PNG or JPEG picture, a PDF document or plain text"
TEXT_STARTS = ("<!doctype", "<html", "<?xml", "<?php", "<svg", "<script", "#!", "%!ps")


@rule("R-FILE-03")
def check_pdf(content: bytes) -> None:
    """A PDF that begins at the first byte, ends with its trailer, and only shows pages."""
    if not PDF_HEAD.match(content):
        raise hidden("the document does not begin as one")
    if not PDF_TAIL.search(content, max(len(content) - 256, 0)):
        raise hidden("something follows the end of the document, or it is cut off")
    check_no_archive(content)
    objects = unpacked(content)
    if any(each in objects for each in ARCHIVES):
        raise hidden("an archive is hidden in the file")
    if MARKUP.search(objects):
        raise hidden("a script is hidden in the file")
    check_names(objects)


@rule("R-FILE-03")
def check_names(part: bytes) -> None:
    """No name of a part stands for something that acts or locks, however it is spelled."""
    if PLAIN.search(part):
        raise hidden("the document does more than show pages, or is locked")
    for count, found in enumerate(ESCAPED.finditer(part)):
        name = ESCAPE.sub(lambda each: bytes([int(each[1], 16)]), found[1])
        if name in ACTS + LOCKS or count >= ESCAPED_MOST:
            raise hidden("the document does more than show pages, or is locked")


def unpacked(content: bytes) -> bytes:
    """Everything that is not packed; what is packed was looked at, wherever it stands.

    Streams are found by their word and not by the file's index, which a liar could point elsewhere.
    """
    outside: list[bytes] = []
    place, room, view = 0, UNPACKED_MOST, memoryview(content)
    while found := STREAM.search(content, place):
        if len(outside) >= STREAMS_MOST:
            raise hidden("the document is packed too tightly to be looked into")
        outside.append(content[place : found.end()])
        check_packing(outside[-1])
        place = found.end()
        if content.startswith(JPEG_START, place):
            ends = content.find(b"endstream", place)
            if ends < 0:
                raise hidden("the document is damaged")
            if OBJECT.search(content, place, ends):
                raise hidden("the document does more than show pages, or is locked")
            place = ends
            continue
        used, size = looked_through(view[place:], room)
        place, room = place + used, room - size
    return b"".join([*outside, content[place:]])


@rule("R-FILE-03")
def check_packing(before: bytes) -> None:
    """No objects are packed as differences between rows, in which names cannot be seen."""
    words = ESCAPE.sub(lambda each: bytes([int(each[1], 16)]), before.rpartition(b"obj")[2])
    if b"/ObjStm" in words and (b"/DecodeParms" in words or b"/DP" in words):
        raise hidden("the document is packed too tightly to be looked into")


def looked_through(data: memoryview, room: int) -> tuple[int, int]:
    """Bytes of a packed stream (0 for what is not packed), and what looking at it used up.

    What was unpacked before an error counts, and what was read beyond the first piece: else the
    same bytes could be begun again and again.
    """
    machine, fed, tail, size = zlib.decompressobj(), 0, b"", 0
    while not machine.eof:
        given = machine.unconsumed_tail or data[fed : fed + FED]
        fed += 0 if machine.unconsumed_tail else len(given)
        try:
            piece = machine.decompress(given, PIECE)
        except zlib.error:
            return 0, size + max(fed - FED, 0)
        size += len(piece)
        if size > room:
            raise hidden("the document is packed too tightly to be looked into")
        if piece:
            check_names(tail + piece)
            tail = (tail + piece)[-OVERLAP:]
        if not given and not piece:
            return 0, size + max(fed - FED, 0)  # cut off
    return fed - len(machine.unused_data), size


@rule("R-FILE-01", "R-FILE-03")
def check_text(content: bytes) -> None:
    """Plain text in UTF-8: no control characters, and no page or program that calls itself text."""
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("R-FILE-01", TYPES, "file") from error
    if CONTROL.search(text.replace("\r", "\n")):
        raise Refused("R-FILE-01", TYPES, "file")
    if text.lstrip().lower().startswith(TEXT_STARTS):
        raise hidden("a script is hidden in the file")
