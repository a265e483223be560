"""Files as they should be, made by hand, and what attackers make of them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A chunk with its sum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(
    width: int = 4, height: int = 3, depth: int = 8, colour: int = 2, interlaced: int = 0
) -> bytes:
    """IHDR."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


PIXELS = zlib.compress(b"\0" + b"\x10\x20\x30" * 4 + (b"\0" + b"\x10\x20\x30" * 4) * 2)


def png(*extra: bytes, pixels: bytes = PIXELS, head: bytes = b"", tail: bytes = b"") -> bytes:
    """A picture of 4 x 3 pixels; ``extra`` chunks stand before its data."""
    parts = [SIGNATURE, head or header(), *extra, chunk(b"IDAT", pixels), chunk(b"IEND"), tail]
    return b"".join(parts)


def interlaced() -> bytes:
    """8 x 8 grey pixels in seven passes."""
    rows = [(1, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 8)]
    data = b"".join((b"\0" + b"\x7f" * wide) * high for high, wide in rows)
    return png(pixels=zlib.compress(data), head=header(8, 8, 8, 0, 1))


def segment(marker: int, data: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


FRAME = segment(0xC0, bytes([8, 0, 8, 0, 8, 1, 1, 0x11, 0]))
TABLES = segment(0xDB, bytes([0]) + bytes(64)) + segment(0xC4, bytes([0, 1]) + bytes(15) + b"\0")
SCAN = segment(0xDA, bytes([1, 1, 0, 0, 63, 0]))


def jpeg(*extra: bytes, coded: bytes = b"\x12\xff\x00\x34\xff\xd0\x56", tail: bytes = b"") -> bytes:
    """A small picture; ``extra`` segments stand behind its start."""
    first = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return b"".join([b"\xff\xd8", first, *extra, TABLES, FRAME, SCAN, coded, b"\xff\xd9", tail])


def progressive() -> bytes:
    """Two scans with a table between them."""
    frame = segment(0xC2, bytes([8, 0, 8, 0, 8, 1, 1, 0x11, 0]))
    scans = [SCAN, b"\x01\x02", TABLES, b"\xff", SCAN, b"\x03"]
    return b"".join([b"\xff\xd8", TABLES, frame, *scans, b"\xff\xd9"])


PAGE = b"BT /F1 12 Tf 72 720 Td (Hello) Tj ET"


HEAD = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


def pdf(*objects: bytes, head: bytes = HEAD, tail: bytes = b"") -> bytes:
    """A page, and whatever other objects there are."""
    found = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>",
        stream(b"", PAGE), *objects,
    ]  # fmt: skip
    body = head
    places = []
    for number, each in enumerate(found, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start = len(body)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1) + rows
    body += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(places) + 1)
    return body + b"startxref\n%d\n%%%%EOF\n" % start + tail


def stream(fields: bytes, data: bytes) -> bytes:
    """A stream object as it is."""
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (fields, len(data), data)


def packed(fields: bytes, data: bytes) -> bytes:
    """A stream object, packed."""
    return stream(fields + b" /Filter /FlateDecode", zlib.compress(data))


def archive(before: bytes = b"") -> bytes:
    """A ZIP with a script in it, behind something else: its own places are right."""
    held = io.BytesIO(before)
    held.seek(0, io.SEEK_END)
    with zipfile.ZipFile(held, "a") as found:
        found.writestr("run.js", "alert(1)")
    return held.getvalue()


def reads_as_archive(content: bytes) -> bool:
    """Whether a reader of ZIPs takes it."""
    return zipfile.is_zipfile(io.BytesIO(content))


GOOD = {
    "png": png(),
    "png with words": png(chunk(b"tEXt", b"Comment\0My receipt"), chunk(b"gAMA", b"\0\0\1\2")),
    "png with a palette":
        png(chunk(b"PLTE", bytes(6)), pixels=zlib.compress(b"\0\0" * 3), head=header(2, 3, 4, 3)),
    "png in seven passes": interlaced(),
    "jpeg": jpeg(),
    "jpeg with words": jpeg(segment(0xFE, b"My receipt"), segment(0xE1, b"Exif\0\0MM\0*")),
    "jpeg in two scans": progressive(),
    "jpeg with filling": jpeg(segment(0xFE, b"x") + b"\xff\xff"),
    "pdf": pdf(),
    "pdf, packed": pdf(packed(b"", PAGE * 100)),
    "pdf with packed objects":
        pdf(packed(b"/Type /ObjStm /N 1 /First 4", b"5 0 << /Type /Font /Subtype /Type1 >>")),
    "pdf with a picture": pdf(stream(b"/Type /XObject /Subtype /Image /Filter /DCTDecode", jpeg())),
    "pdf with a link":
        pdf(b"<< /Type /Annot /Subtype /Link /A << /S /URI /URI (https://example.org) >> >>"),
    "pdf, changed once": pdf() + pdf(head=b"%PDF-1.7\n")[9:],
    "text": "Dear house,\r\nyou charged me twice.\r\n\t谢谢".encode(),
    "text with a mark": b"\xef\xbb\xbfHello",
    "text about code": b"I saw the words if (a < b) and a <tag> in your letter.",
}  # fmt: skip
"""What is taken, by the beginning of its name the type."""

WRONG_TYPE = {
    "gif": b"GIF89a\1\0\1\0\0\0\0;",
    "zip": archive(),
    "executable": b"MZ\x90\0\3\0\0\0",
    "elf": b"\x7fELF\2\1\1\0",
    "webp": b"RIFF\x1a\0\0\0WEBPVP8 ",
    "utf-16": "Hello".encode("utf-16"),
    "latin": b"caf\xe9",
    "control": b"a\x00b",
    "escape": b"\x1b[31mred",
    "backspace": b"abc\x08",
    "delete": b"\x7f",
    "c1": "\x9b31m".encode(),
    "turned around": "invoice\u202egpj.exe".encode(),
    "hidden mark": "a\ufeffb".encode(),
    "png in lower case": b"\x89png\r\n\x1a\n" + bytes(20),
    "jpeg cut short": b"\xff\xd8",
    "pdf behind a line": b"\n\x00%PDF-1.7",
}  # fmt: skip
POLYGLOTS = {
    "png + zip": archive(png()),
    "png + html": png(tail=b"<html><script>alert(1)</script>"),
    "png + one byte": png(tail=b"\n"),
    "png + second png": png(tail=png()),
    "png with a zip in a chunk": png(chunk(b"zzZz", archive())),
    "png with php in words": png(chunk(b"tEXt", b"Comment\0<?php system($_GET[0]); ?>")),
    "png with html in words": png(chunk(b"iTXt", b"x\0\0\0\0\0<ScRiPt src=//evil></script>")),
    "png with an unknown part": png(chunk(b"EVIL", b"x")),
    "png with a header twice": png(header()),
    "png of the wrong sum": png()[:-1] + b"\0",
    "png cut off": png()[:-12],
    "png without data": SIGNATURE + header() + chunk(b"IEND"),
    "png with an end in between":
        SIGNATURE + header() + chunk(b"IEND") + chunk(b"IDAT", PIXELS) + chunk(b"IEND"),
    "png with an end that holds":
        SIGNATURE + header() + chunk(b"IDAT", PIXELS) + chunk(b"IEND", b"x"),
    "png with interrupted data":
        SIGNATURE + header() + chunk(b"IDAT", PIXELS[:5]) + chunk(b"tEXt", b"a\0b")
        + chunk(b"IDAT", PIXELS[5:]) + chunk(b"IEND"),
    "png with a zip behind its data": png(pixels=PIXELS + archive()),
    "png that unpacks to more": png(pixels=zlib.compress(bytes(10_000_000))),
    "png that unpacks to less": png(pixels=zlib.compress(b"\0" * 5)),
    "png of damaged data": png(pixels=b"\x78\x9c" + b"\xff" * 20),
    "png of no size": png(head=header(0, 0)),
    "png of too many pixels": png(head=header(2**20, 2**20)),
    "png of no depth": png(head=header(depth=3)),
    "png of no colour": png(head=header(colour=5)),
    "png whose header comes late": SIGNATURE + chunk(b"tEXt", b"a\0b") + png()[8:],
    "png that says too long": SIGNATURE + struct.pack(">I", 2**31 - 1) + b"IHDR" + bytes(30),
    "png alone": SIGNATURE,
    "jpeg + zip": archive(jpeg()),
    "jpeg + php": jpeg(tail=b"<?php ?>"),
    "jpeg + one byte": jpeg(tail=b"\0"),
    "jpeg + second jpeg": jpeg(tail=jpeg()),
    "jpeg with php in words": jpeg(segment(0xFE, b"<?php phpinfo(); ?>")),
    "jpeg with a zip in words": jpeg(segment(0xEF, archive())),
    "jpeg with html in words": jpeg(segment(0xE1, b"<svg onload=alert(1)>")),
    "jpeg with pdf in words": jpeg(segment(0xFE, b"%PDF-1.4 x")),
    "jpeg with a zip in its data": jpeg(coded=archive().replace(b"\xff", b"\xfe")),
    "jpeg cut off": jpeg()[:-2],
    "jpeg cut in its data": jpeg()[:-4],
    "jpeg without a frame": b"\xff\xd8" + SCAN + b"\1\xff\xd9",
    "jpeg without data": b"\xff\xd8" + TABLES + FRAME + b"\xff\xd9",
    "jpeg alone": b"\xff\xd8\xff\xd9",
    "jpeg with a hole": b"\xff\xd8\xff\xe0\0\4ab" + b"hole" + jpeg()[2:],
    "jpeg segment too long": b"\xff\xd8\xff\xe0\xff\xff" + bytes(9),
    "jpeg segment too short": b"\xff\xd8\xff\xe0\0\1" + bytes(9),
    "jpeg with an unknown part": b"\xff\xd8\xff\x02\0\4ab" + jpeg()[2:],
    "jpeg of filling": b"\xff\xd8" + b"\xff" * 50,
    "pdf + zip": archive(pdf()),
    "pdf + html": pdf(tail=b"<html>"),
    "pdf + php": pdf(tail=b"<?php ?>"),
    "pdf with html before": pdf(head=b"%PDF-1.7\n<html><script>alert(1)</script>\n"),
    "pdf cut off": pdf()[:-10],
    "pdf of no version": pdf(head=b"%PDF-9.9\n"),
    "pdf alone": b"%PDF-1.7\n",
    "pdf with a script": pdf(b"<< /S /JavaScript /JS (app.alert(1)) >>"),
    "pdf with a script, spelled": pdf(b"<< /S /J#61vaScript /#4aS (app.alert(1)) >>"),
    "pdf with a script in packed objects":
        pdf(packed(b"/Type /ObjStm /N 1 /First 4", b"5 0 << /S /JavaScript /JS (x) >>")),
    "pdf with a script packed without saying":
        pdf(packed(b"", b"5 0 << /S /JavaScript /JS (x) >>")),
    "pdf that starts a program": pdf(b"<< /S /Launch /F (cmd.exe) >>"),
    "pdf with a file": pdf(b"<< /Type /Filespec /EF << /F 5 0 R >> >>"),
    "pdf with an embedded file": pdf(stream(b"/Type /EmbeddedFile", b"MZ")),
    "pdf with a film": pdf(b"<< /Type /Annot /Subtype /RichMedia >>"),
    "pdf with a form": pdf(b"<< /XFA 5 0 R >>"),
    "pdf that sends": pdf(b"<< /S /SubmitForm >>"),
    "pdf with a script in a picture": pdf(stream(b"/Filter /DCTDecode", jpeg(
        coded=b"\x12\n7 0 obj<</S/JavaScript/JS(app.alert(1))>>endobj\x34"))),
    "pdf with objects packed as differences":
        pdf(packed(b"/Type /Obj#53tm /DecodeParms << /Predictor 12 >>", b"\2\1\0")),
    "pdf that is locked": pdf(b"<< /Encrypt 6 0 R >>"),
    "pdf packed in an old way": pdf(stream(b"/Filter [/ASCII85Decode /FlateDecode]", b"9jqo^~>")),
    "pdf with an archive between objects": pdf(b"<< >>" + archive()),
    "pdf behind which ends lie": pdf(stream(b"", b"x endstream")) + b"%%EOF garbage",
    "html": b"<!DOCTYPE html><p>",
    "html, later": b"\n  <HTML><body>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "xml": b"<?xml version='1.0'?><svg/>",
    "php": b"<?php ?>",
    "shell": b"#!/bin/sh\nrm -rf /",
    "script": b"<script>1</script>",
    "postscript": b"%!PS-Adobe-3.0",
}  # fmt: skip
"""What is refused because it is not only what it seems."""
