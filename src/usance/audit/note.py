"""Signed notes and checkpoints, as transparency logs write them. Pure.

The formats are c2sp.org's signed-note, tlog-checkpoint and tlog-cosignature. A checkpoint is three
lines (the log's name, the number of leaves, the root) and two signatures of one Ed25519 key: of the
text, and of the text with the time.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from usance.core.rules import rule

SIGNED, TIMED = b"\x01", b"\x04"
"""Kinds of signatures: of the text, and of the text with a time."""
NAME = re.compile(r"[^\s+]{1,200}")
LINE = re.compile(r"— ([^\s+]{1,200}) ([A-Za-z0-9+/]+={0,2})")
SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
NOTE_MAX = 100_000
PRIVATE = "PRIVATE+KEY+"
ID_BYTES, TIME_BYTES, KEY_BYTES = 4, 8, 32


class NotProven(Exception):
    """What is to be proven does not hold; the message says what, in one line."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Whose signatures are believed; written ``name+id+key`` (a verifier key of signed notes)."""

    name: str
    key: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """From its written form; ``NotProven`` if it is none."""
        name, _, rest = text.strip().partition("+")
        identifier, _, encoded = rest.partition("+")
        kind_and_key = base64_of(encoded)
        found = cls(name, kind_and_key[1:])
        if kind_and_key[:1] != SIGNED or len(found.key) != KEY_BYTES or not NAME.fullmatch(name):
            raise NotProven("the public key is not an Ed25519 key written name+id+key")
        if identifier != found.identifier(SIGNED).hex():
            raise NotProven("the public key's name and id do not belong to it")
        return found

    def __str__(self) -> str:
        encoded = b64encode(SIGNED + self.key).decode()
        return f"{self.name}+{self.identifier(SIGNED).hex()}+{encoded}"

    def identifier(self, kind: bytes) -> bytes:
        """Four bytes by which a signature names the key and its kind."""
        return hashlib.sha256(self.name.encode() + b"\n" + kind + self.key).digest()[:ID_BYTES]

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """Signs; written as Go's ``note`` writes signer keys. Never printed."""

    def __init__(self, name: str, seed: bytes) -> None:
        if not NAME.fullmatch(name) or len(seed) != KEY_BYTES:
            raise ValueError("a key has a name without spaces or +, and 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        self.public = PublicKey(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> PrivateKey:
        """From its written form; ``ValueError`` (without the text) if it is none."""
        try:
            name, identifier, encoded = text.strip().removeprefix(PRIVATE).split("+", 2)
            kind_and_seed = base64_of(encoded)
        except (ValueError, NotProven):
            raise ValueError("not a signing key of signed notes") from None
        found = cls(name, kind_and_seed[1:])
        known = kind_and_seed[:1] == SIGNED and text.startswith(PRIVATE)
        if not known or identifier != found.public.identifier(SIGNED).hex():
            raise ValueError("not a signing key of signed notes")
        return found

    def written(self) -> str:
        """For the key file, and for nothing else."""
        encoded = b64encode(SIGNED + self._seed).decode()
        return f"{PRIVATE}{self.public.name}+{self.public.identifier(SIGNED).hex()}+{encoded}"

    def sign(self, text: str, at: datetime | None = None) -> str:
        """The note: the text with a signature, and one more with the time if it is given."""
        lines = [self._line(SIGNED, self._key.sign(text.encode()))]
        if at is not None:
            seconds = int(at.timestamp())
            timed = seconds.to_bytes(TIME_BYTES) + self._key.sign(timed_message(text, seconds))
            lines.append(self._line(TIMED, timed))
        return "\n".join([text, *lines, ""])

    def _line(self, kind: bytes, signature: bytes) -> str:
        encoded = b64encode(self.public.identifier(kind) + signature).decode()
        return f"— {self.public.name} {encoded}"


def timed_message(text: str, seconds: int) -> bytes:
    """What is signed together with a time."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def base64_of(text: str) -> bytes:
    """Bytes of the one way to write them in base 64."""
    try:
        found = b64decode(text, validate=True)
    except (BadBase64, ValueError):
        found = b""
    if not found or b64encode(found).decode() != text:
        raise NotProven("what should be base 64 is not")
    return found


class Signature(NamedTuple):
    """A signature line."""

    name: str
    identifier: bytes
    signature: bytes


class Opened(NamedTuple):
    """A note whose signature holds: its text, and when it was signed, if that is signed too."""

    text: str
    signed_at: datetime | None


@rule("R-PROOF-07")
def opened(note: str, key: PublicKey) -> Opened:
    """The text of a note that ``key`` signed; ``NotProven`` for any other."""
    text, signatures = taken_apart(note)
    signed, at = False, None
    for each in signatures:
        if each.name == key.name and each.identifier == key.identifier(SIGNED):
            signed = held(key, each.signature, text.encode())
        elif each.name == key.name and each.identifier == key.identifier(TIMED):
            seconds = int.from_bytes(each.signature[:TIME_BYTES])
            held(key, each.signature[TIME_BYTES:], timed_message(text, seconds))
            at = moment_of(seconds)
    if not signed:
        raise NotProven(f"the note is not signed by {key.name}")
    return Opened(text, at)


def held(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """True; ``NotProven`` where a signature that says it is this key's is not."""
    if not key.signed(signature, message):
        raise NotProven(f"a signature of {key.name} does not hold")
    return True


def moment_of(seconds: int) -> datetime:
    """A time of a signature."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise NotProven("a signature's time is none") from None


def taken_apart(note: str) -> tuple[str, list[Signature]]:
    """Text and signatures; nothing is believed yet."""
    text, blank, rest = note.rpartition("\n\n")
    lines = rest.splitlines()
    if not blank or len(note) > NOTE_MAX or not rest.endswith("\n") or rest != joined(lines):
        raise NotProven("not a signed note")
    return f"{text}\n", list(read(lines))


def joined(lines: list[str]) -> str:
    """Lines with their ends."""
    return "".join(f"{line}\n" for line in lines)


def read(lines: list[str]) -> Iterator[Signature]:
    """Signature lines."""
    for line in lines:
        found = LINE.fullmatch(line)
        if found is None:
            raise NotProven("not a signed note")
        signature = base64_of(found[2])
        yield Signature(found[1], signature[:ID_BYTES], signature[ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed root: of the first ``size`` leaves of the log named ``origin``."""

    origin: str
    size: int
    root: bytes
    note: str
    made_at: datetime | None


@rule("R-PROOF-03")
def signed_checkpoint(
    key: PrivateKey, origin: str, size: int, root: bytes, at: datetime
) -> Checkpoint:
    """Sign a root."""
    at = at.replace(microsecond=0)
    text = f"{origin}\n{size}\n{b64encode(root).decode()}\n"
    return Checkpoint(origin, size, root, key.sign(text, at), at)


@rule("R-PROOF-07")
def checkpoint_of(note: str, key: PublicKey) -> Checkpoint:
    """A checkpoint that ``key`` signed; ``NotProven`` for any other."""
    text, at = opened(note, key)
    return parsed(text, note, at)


def unproven_checkpoint(note: str) -> Checkpoint:
    """What a note says, whoever signed it."""
    return parsed(taken_apart(note)[0], note, None)


def parsed(text: str, note: str, at: datetime | None) -> Checkpoint:
    """The three lines."""
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0] or not SIZE.fullmatch(lines[1]):
        raise NotProven("not a checkpoint")
    root = base64_of(lines[2])
    if len(root) != KEY_BYTES:
        raise NotProven("not a checkpoint")
    return Checkpoint(lines[0], int(lines[1]), root, note, at)
