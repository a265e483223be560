"""Signed notes as other people's programs write and read them; keys and their file."""

from __future__ import annotations

import stat
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from usance.audit.key import open_key
from usance.audit.note import (
    NotProven,
    PrivateKey,
    PublicKey,
    checkpoint_of,
    opened,
    signed_checkpoint,
    unproven_checkpoint,
)

NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb"
    "6KE6RyyBwJnAM=\n"
)
"""The example of Go's package ``golang.org/x/mod/sumdb/note``."""
KEY = PrivateKey("usance/test", b"k" * 32)
OTHER = PrivateKey("usance/other", b"o" * 32)
AT = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)
ROOT = bytes(range(32))


def test_the_example_of_another_program() -> None:
    public, private = PublicKey.parse(NEUMANN), PrivateKey.parse(SIGNER)
    assert (str(public), private.public, private.written()) == (NEUMANN, public, SIGNER)
    text, at = opened(NOTE, public)
    assert (text, at) == (NOTE.partition("\n\n")[0] + "\n", None)
    assert private.sign(text) == NOTE


def test_a_checkpoint_is_three_lines_and_two_signatures() -> None:
    """R-PROOF-03: of the text, and of the text with its time."""
    made = signed_checkpoint(KEY, "usance/log", 20852163, ROOT, AT)
    lines = made.note.split("\n")
    assert lines[:4] == ["usance/log", "20852163", b64encode(ROOT).decode(), ""]
    assert [line.split()[1] for line in lines[4:6]] == ["usance/test"] * 2
    assert lines[6:] == [""]
    assert checkpoint_of(made.note, KEY.public) == made
    assert made.made_at == AT
    raw = b64decode(lines[5].split()[2])
    assert int.from_bytes(raw[4:12]) == int(AT.timestamp())
    message = f"cosignature/v1\ntime {int(AT.timestamp())}\n" + "\n".join(lines[:3]) + "\n"
    assert KEY.public.signed(raw[12:], message.encode())


def test_every_changed_byte_of_a_checkpoint_is_seen() -> None:
    """R-PROOF-07: in text, names and signatures, also where base 64 would decode alike."""
    made = signed_checkpoint(KEY, "usance/log", 1234567, ROOT, AT)
    raw = made.note.encode()
    for place in range(len(raw)):
        for change in (1, 2, 4, 8, 16, 32, 64, 128):
            edited = bytes([*raw[:place], raw[place] ^ change, *raw[place + 1 :]])
            try:
                found = checkpoint_of(edited.decode(), KEY.public)
            except (NotProven, UnicodeDecodeError):
                continue
            assert (found.size, found.root, found.origin) == (1234567, ROOT, "usance/log")
            assert found.made_at is None, "only the second signature may be somebody else's now"


def test_whose_signature_it_is() -> None:
    """R-PROOF-07: unknown signatures are passed over, a known one must hold."""
    made = signed_checkpoint(KEY, "usance/log", 5, ROOT, AT)
    with pytest.raises(NotProven, match="not signed by usance/other"):
        checkpoint_of(made.note, OTHER.public)
    text = opened(made.note, KEY.public).text
    both = made.note + OTHER.sign(text).partition("\n\n")[2]
    assert checkpoint_of(both, KEY.public).size == checkpoint_of(both, OTHER.public).size == 5
    namesake = PrivateKey("usance/test", b"n" * 32)
    with pytest.raises(NotProven, match="not signed"):
        checkpoint_of(made.note, namesake.public)
    forged = made.note.replace("\n5\n", "\n6\n")
    with pytest.raises(NotProven, match="does not hold"):
        checkpoint_of(forged, KEY.public)
    assert unproven_checkpoint(forged).size == 6


@pytest.mark.parametrize("note", [
    "", "text", "text\n", "a\n1\n\n", NOTE.replace("—", "-"), NOTE.rstrip("\n"), NOTE + "\n",
    NOTE + "x\n", NOTE.replace("x08go", "x08g"), "x" * 200_000,
])  # fmt: skip
def test_what_is_no_note(note: str) -> None:
    with pytest.raises(NotProven):
        opened(note, PublicKey.parse(NEUMANN))


@pytest.mark.parametrize("text", ["log\n5\nnope\n", "log\n05\n" + b64encode(ROOT).decode() + "\n",
                                  "log\n-1\n" + b64encode(ROOT).decode() + "\n", "log\n5\n",
                                  "log\n5\n" + b64encode(ROOT[:31]).decode() + "\n"])  # fmt: skip
def test_what_is_signed_but_no_checkpoint(text: str) -> None:
    with pytest.raises(NotProven):
        checkpoint_of(KEY.sign(text), KEY.public)


@pytest.mark.parametrize("text", [
    "", "a", "a+b", "a+b+c", NEUMANN.replace("Peter", "Paul"), NEUMANN[:-4], NEUMANN + "A",
    NEUMANN.replace("+A", "+B", 1), "with space" + NEUMANN, SIGNER,
])  # fmt: skip
def test_what_is_no_public_key(text: str) -> None:
    with pytest.raises(NotProven):
        PublicKey.parse(text)


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """R-PROOF-03."""
    path = tmp_path / "deep" / "audit.key"
    with ThreadPoolExecutor(8) as several:
        keys = set(several.map(lambda _: str(open_key(path).public), range(8)))
    assert len(keys) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["audit.key"]
    assert str(open_key(tmp_path / "other.key").public) not in keys
    path.chmod(0o640)
    with pytest.raises(PermissionError, match="owner only"):
        open_key(path)
    secret = path.read_text()
    path.chmod(0o600)
    path.write_text(secret.replace("+", "-"))
    with pytest.raises(PermissionError, match="not a signing key") as refusal:
        open_key(path)
    assert secret.strip()[-20:] not in str(refusal.value)
