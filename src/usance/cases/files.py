"""Files that come with a case: known by their content, whole, and nothing but what they say.

Four types are taken. What begins like one of them must be one to its last byte (``images``,
``documents``); anything else must be plain text. A file is kept encrypted and handed out as an
attachment of its true type, under a name that no system takes for a path or a command.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from urllib.parse import quote

from usance.cases.documents import check_pdf, check_text
from usance.cases.images import JPEG_START, PNG_START, check_jpeg, check_png
from usance.core.refusals import Refused
from usance.core.rules import rule

FILE_MOST, CASE_MOST, COUNT_MOST = 5_000_000, 20_000_000, 10
"""Bytes of a file, bytes of all files of a case, and how many there are."""
NAME_MOST = 120
PNG, JPEG, PDF, TEXT = "image/png", "image/jpeg", "application/pdf", "text/plain; charset=utf-8"
ENDINGS = {PNG: "png", JPEG: "jpg", PDF: "pdf", TEXT: "txt"}
UNSAFE = re.compile(r"[^\w-]+")


async def type_beside(content: bytes) -> str:
    """The type of a file, found beside the event loop: looking at all of it takes a while."""
    return await asyncio.to_thread(type_of, content)


@rule("R-FILE-01", "R-FILE-02")
def type_of(content: bytes) -> str:
    """The media type of a file; raises ``Refused`` for what is not wholly one of the four."""
    if not 1 <= len(content) <= FILE_MOST:
        raise Refused("R-FILE-02", f"a file has 1 to {FILE_MOST} bytes", "file")
    if content.startswith(PNG_START):
        check_png(content)
        return PNG
    if content.startswith(JPEG_START):
        check_jpeg(content)
        return JPEG
    if content.startswith(b"%PDF-"):
        check_pdf(content)
        return PDF
    check_text(content)
    return TEXT


@rule("R-FILE-02")
def check_room(size: int, count: int, held: int) -> None:
    """One more file of this size has room in its case."""
    if count >= COUNT_MOST:
        raise Refused("R-FILE-02", f"a case has at most {COUNT_MOST} files", "file")
    if held + size > CASE_MOST:
        raise Refused("R-FILE-02", f"the files of a case have at most {CASE_MOST} bytes", "file")


@rule("R-FILE-04")
def checked_name(name: str) -> str:
    """A file's name as it is kept; a path before it is left out."""
    plain = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2].strip()
    if not (1 <= len(plain) <= NAME_MOST and plain.isprintable()):
        detail = f"a file's name has 1 to {NAME_MOST} printable characters"
        raise Refused("R-FILE-04", detail, "name")
    return plain


@rule("R-FILE-04")
def disposition(name: str, media_type: str, number: int) -> str:
    """The header that has a browser keep the file and not show it, with a harmless name."""
    ending = ENDINGS[media_type]
    stem = name.rpartition(".")[0] or name
    safe = UNSAFE.sub("_", stem).strip("_") or f"attachment-{number}"
    return (
        f'attachment; filename="attachment-{number}.{ending}";'
        f" filename*=UTF-8''{quote(f'{safe}.{ending}')}"
    )
