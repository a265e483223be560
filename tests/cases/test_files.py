"""R-FILE-01 to R-FILE-04: what a file is, by its content, to the last byte."""

from __future__ import annotations

import random
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.cases import corpus
from usance.cases import files
from usance.core.refusals import Refused

TYPES = {"png": files.PNG, "jpeg": files.JPEG, "pdf": files.PDF, "text": files.TEXT}


def refused(content: bytes) -> str:
    """The rule that says no; empty if nobody does."""
    try:
        files.type_of(content)
    except Refused as refusal:
        return refusal.refusal.rule
    return ""


@pytest.mark.parametrize("name", corpus.GOOD)
def test_what_is_taken(name: str) -> None:
    wanted = TYPES[name.partition(" ")[0].rstrip(",")]
    assert files.type_of(corpus.GOOD[name]) == wanted


@pytest.mark.parametrize("name", corpus.WRONG_TYPE)
def test_other_types_are_refused_whatever_they_are_called(name: str) -> None:
    assert refused(corpus.WRONG_TYPE[name]) == "R-FILE-01"


@pytest.mark.parametrize("name", corpus.POLYGLOTS)
def test_polyglots_and_broken_files_are_refused(name: str) -> None:
    assert refused(corpus.POLYGLOTS[name]) == "R-FILE-03"


def test_the_archives_of_the_corpus_are_archives() -> None:
    """What is refused here is what another program would open."""
    for name in ("png + zip", "jpeg + zip", "pdf + zip", "jpeg with a zip in its data"):
        assert corpus.reads_as_archive(corpus.POLYGLOTS[name]), name
    assert not any(corpus.reads_as_archive(each) for each in corpus.GOOD.values())


def test_sizes() -> None:
    """R-FILE-02: of a file, and of all files of a case."""
    assert refused(b"") == "R-FILE-02"
    assert refused(b"a" * files.FILE_MOST) == ""
    assert refused(b"a" * (files.FILE_MOST + 1)) == "R-FILE-02"
    files.check_room(files.FILE_MOST, 9, 15_000_000)
    for size, count, held in [(1, 10, 0), (5_000_000, 3, 15_000_001), (1, 0, 20_000_000)]:
        with pytest.raises(Refused) as refusal:
            files.check_room(size, count, held)
        assert refusal.value.refusal.rule == "R-FILE-02"


@pytest.mark.parametrize(("name", "kept"), [
    ("receipt.png", "receipt.png"), ("C:\\Users\\me\\receipt.png", "receipt.png"),
    ("../../etc/passwd", "passwd"), ("收据 1.jpg", "收据 1.jpg"), (" a ", "a"),
    ("x" * 120, "x" * 120),
])  # fmt: skip
def test_names_are_kept_without_their_path(name: str, kept: str) -> None:
    assert files.checked_name(name) == kept


@pytest.mark.parametrize("name", ["", " ", "a/", "x" * 121, "a\nb", "a\0b", "a\u202eb"])
def test_names_that_are_none(name: str) -> None:
    """R-FILE-04."""
    with pytest.raises(Refused) as refusal:
        files.checked_name(name)
    assert refusal.value.refusal.rule == "R-FILE-04"


@pytest.mark.parametrize(("name", "media_type", "wanted"), [
    ("receipt.png", files.PNG, "receipt.png"), ("invoice.pdf.exe", files.PDF, "invoice_pdf.pdf"),
    ("收据 1.jpg", files.JPEG, "%E6%94%B6%E6%8D%AE_1.jpg"), ("...", files.TEXT, "attachment-7.txt"),
    ('a";x=y.png', files.PNG, "a_x_y.png"), ("$(rm -rf).txt", files.TEXT, "rm_-rf.txt"),
    ("con.html", files.TEXT, "con.txt"),
])  # fmt: skip
def test_what_is_handed_out_has_a_harmless_name(name: str, media_type: str, wanted: str) -> None:
    """R-FILE-04: to be stored, with the ending of its true type."""
    ending = files.ENDINGS[media_type]
    assert files.disposition(name, media_type, 7) == (
        f"attachment; filename=\"attachment-7.{ending}\"; filename*=UTF-8''{wanted}"
    )


# -- nothing gets through by chance ----------------------------------------------------------------

BINARY = [name for name in corpus.GOOD if not name.startswith("text")]


@pytest.mark.parametrize("name", BINARY)
def test_something_at_the_end_is_always_seen(name: str) -> None:
    for tail in (b"\0", b"x", b"<script>", corpus.archive(), corpus.png(), b"\xff\xd9", b"%%EOF"):
        assert refused(corpus.GOOD[name] + tail) == "R-FILE-03", tail[:10]


@pytest.mark.parametrize("name", ["png", "png in seven passes", "jpeg", "jpeg in two scans"])
def test_a_picture_that_is_cut_anywhere_is_refused(name: str) -> None:
    content = corpus.GOOD[name]
    for length in range(4, len(content)):
        assert refused(content[:length]), length


def test_a_changed_byte_of_a_png_is_seen() -> None:
    """Every byte is covered: by the signature, a length, a kind or a sum."""
    content = corpus.GOOD["png with words"]
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert refused(changed), place


@given(some.binary(max_size=3000))
@settings(max_examples=400)
def test_no_bytes_break_it(content: bytes) -> None:
    """Whatever comes: a type or a refusal by a rule."""
    for start in (b"", corpus.SIGNATURE, b"\xff\xd8\xff\xe0", b"%PDF-1.7\n", corpus.png()[:33]):
        assert refused(start + content) in ("", "R-FILE-01", "R-FILE-02", "R-FILE-03")


@given(some.data())
@settings(max_examples=300)
def test_no_damage_breaks_it(data: some.DataObject) -> None:
    content = bytearray(data.draw(some.sampled_from(sorted(corpus.GOOD.values()))))
    for _ in range(data.draw(some.integers(1, 4))):
        place = data.draw(some.integers(0, len(content) - 1))
        content[place] = data.draw(some.integers(0, 255))
    assert refused(bytes(content)) in ("", "R-FILE-01", "R-FILE-03")


def begun_again() -> bytes:
    """Streams that begin one after the other, each behind a stored block, all with one bomb."""
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = machine.compress(bytes(60_000_000)) + machine.flush(zlib.Z_FULL_FLUSH) + b"\7"
    starts, size = b"", 0
    while size < 60_000:
        start = b"stream\n\x78\x9c\0" + size.to_bytes(2, "little")
        start += (size ^ 0xFFFF).to_bytes(2, "little")
        starts, size = start + starts, size + len(start)
    return starts + bomb


@pytest.mark.parametrize("make", [
    lambda: corpus.png(pixels=zlib.compress(bytes(4_000_000_000 // 1000))),
    lambda: corpus.pdf(*[corpus.packed(b"", bytes(10_000_000)) for _ in range(20)]),
    lambda: b"\xff\xd8" + corpus.segment(0xFE, b"x" * 60_000) * 80 + b"\xff\xd9",
    lambda: b"%PDF-1.7\n" + b"stream\n" * 700_000 + b"startxref\n1\n%%EOF",
    lambda: b"%PDF-1.7\n" + b"stream\n\x78\x9c" * 500_000 + b"startxref\n1\n%%EOF",
    lambda: b"\xff\xd8" + corpus.SCAN + b"\xff" * 4_900_000,
    lambda: b"\xff\xd8" + corpus.SCAN[:2] + b"\0\2" + b"\xff" * 4_900_000 + b"\0",
    lambda: b"\xff\xd8" + b"\xff\xda\0\2" * 1_200_000,
    lambda: b"%PDF-1.7\n" + begun_again() + b"startxref\n1\n%%EOF",
    lambda: b"%PDF-1.7\n" + b"PK\5\6" * 1_200_000,
    lambda: b"a" * 5_000_000, lambda: "好".encode() * 1_600_000,
    lambda: random.Random(1).randbytes(5_000_000),
])  # fmt: skip
def test_no_file_takes_long(make: object) -> None:
    """Bombs, and what is laid out to be read again and again."""
    content = make()[: files.FILE_MOST]  # type: ignore[operator]
    began = time.process_time()
    refused(content)
    assert time.process_time() - began < 2
