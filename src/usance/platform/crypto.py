"""Personal data at rest: one data key per person, wrapped by a master key.

A field is encrypted with AES-256-GCM under its person's data key and bound to its table,
column and row, so a ciphertext that is moved elsewhere no longer opens. Destroying the
wrapped data key erases the person. Look-up goes through keyed hashes (blind indexes).

Layouts: field = version 1 (1 byte), nonce (12), ciphertext and tag;
wrapped data key = master key id (4 bytes, big endian), nonce (12), ciphertext and tag;
blind index = HMAC-SHA-256 (32 bytes), behind its index key's id (4 bytes) unless that is the first.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from usance.core.rules import rule
from usance.platform import key_file
from usance.platform.key_file import FIRST, KEY_BYTES, KeyRing

T = TypeVar("T")

NONCE_BYTES = 12
FIELD_VERSION = b"\x01"
HASH_BYTES = 32


class DecryptionError(Exception):
    """The key, the place or the bytes are not those of the encryption."""


class MissingKeyError(DecryptionError):
    """A key of this number is not here: the key file of this process is an old one."""


class KeysAway(Exception):
    """The keys cannot be asked now; nothing was changed."""


@dataclass(frozen=True, slots=True)
class KeyIds:
    """Which keys there are, by number; the highest of each kind is the one in use."""

    master: tuple[int, ...]
    index: tuple[int, ...]

    @property
    def newest(self) -> int:
        """The master key that wraps."""
        return max(self.master)

    @property
    def newest_index(self) -> int:
        """The index key that is looked up first."""
        return max(self.index)


class KeyService(Protocol):
    """Keeps the master keys: a local file, or a key service elsewhere.

    All of it raises ``KeysAway`` where the keys cannot be reached.
    """

    @property
    def waits(self) -> bool:
        """Whether a call asks another process, so that it is made beside the event loop."""
        ...

    def ids(self) -> KeyIds:
        """Which keys there are."""
        ...

    def wrap(self, data_key: bytes, owner_id: int, table: str = "borrower") -> bytes:
        """Encrypt the data key of a row's owner under the newest master key."""
        ...

    def unwrap(self, wrapped: bytes, owner_id: int, table: str = "borrower") -> bytes:
        """Open a wrapped data key; DecryptionError when it is not this owner's."""
        ...

    def blind_index(self, value: str, purpose: str) -> bytes:
        """Keyed hash of a normalised value under the newest index key."""
        ...

    def blind_indexes(self, value: str, purpose: str) -> list[bytes]:
        """The hash under every index key, the newest first: more than one during a rotation."""
        ...


class LocalKeyService:
    """Keys in a file that only its owner can read; read again when it has changed."""

    waits = False

    def __init__(
        self, index_keys: bytes | Mapping[int, bytes], master_keys: Mapping[int, bytes],
        path: Path | None = None,
    ) -> None:  # fmt: skip
        index = {FIRST: index_keys} if isinstance(index_keys, bytes) else dict(index_keys)
        self._ring = KeyRing(index, dict(master_keys))
        self._path = path
        self._stamp: tuple[int, int, int] | None = None  # read again at first use

    @classmethod
    def open(cls, path: Path) -> LocalKeyService:
        """Read the key file, made on first use; refuse one that others can read."""
        key_file.create(path)
        ring = key_file.read(path)
        return cls(ring.index_keys, ring.master_keys, path)

    def ids(self) -> KeyIds:
        """Which keys there are."""
        ring = self._fresh()
        return KeyIds(tuple(sorted(ring.master_keys)), tuple(sorted(ring.index_keys)))

    def wrap(self, data_key: bytes, owner_id: int, table: str = "borrower") -> bytes:
        """Encrypt the data key of a row's owner under the newest master key."""
        keys = self._fresh().master_keys
        newest = max(keys)
        key_id = newest.to_bytes(4)
        return key_id + _seal(keys[newest], data_key, _owner(key_id, owner_id, table))

    def unwrap(self, wrapped: bytes, owner_id: int, table: str = "borrower") -> bytes:
        """Open a wrapped data key; DecryptionError when it is not this owner's."""
        key_id, sealed = wrapped[:4], wrapped[4:]
        number = master_id_of(wrapped)
        keys = self._ring.master_keys
        if number not in keys:
            keys = self._fresh().master_keys
        if number not in keys:
            raise MissingKeyError("the data key is wrapped by a master key that is not here")
        return _unseal(keys[number], sealed, _owner(key_id, owner_id, table))

    def blind_index(self, value: str, purpose: str) -> bytes:
        """Keyed hash of a normalised value under the newest index key."""
        return self.blind_indexes(value, purpose)[0]

    def blind_indexes(self, value: str, purpose: str) -> list[bytes]:
        """The hash under every index key, the newest first: more than one during a rotation."""
        keys, text = self._fresh().index_keys, f"{purpose}\0{value}".encode()
        return [
            prefix_of(number) + hmac.digest(keys[number], text, hashlib.sha256)
            for number in sorted(keys, reverse=True)
        ]

    @rule("R-KEY-01")
    def _fresh(self) -> KeyRing:
        """The keys of the file as it is now: nothing new is made with an old one."""
        if self._path is not None:
            try:
                stamp = _stamp(self._path)
                if stamp != self._stamp:
                    self._ring, self._stamp = key_file.read(self._path), stamp
            except (OSError, ValueError) as error:
                raise KeysAway("the key file cannot be read now") from error
        return self._ring


async def beside(keys: KeyService, work: Callable[[], T]) -> T:
    """Do what asks for keys; in a thread where that may wait, so that others are served."""
    return await asyncio.to_thread(work) if keys.waits else work()


def master_id_of(wrapped: bytes) -> int:
    """The master key that a data key is wrapped under."""
    return int.from_bytes(wrapped[:4])


def prefix_of(index_id: int) -> bytes:
    """What a blind index under this index key begins with."""
    return b"" if index_id == FIRST else index_id.to_bytes(4)


def index_id_of(lookup: bytes) -> int:
    """The index key that a blind index was made with."""
    return FIRST if len(lookup) == HASH_BYTES else int.from_bytes(lookup[:4])


def new_data_key() -> bytes:
    """A fresh 256-bit key for one person."""
    return secrets.token_bytes(KEY_BYTES)


def encrypt_field(key: bytes, plaintext: str, *, table: str, column: str, row_id: int) -> bytes:
    """Encrypt one field for one place: 29 bytes longer than the text."""
    return encrypt_bytes(key, plaintext.encode(), table=table, column=column, row_id=row_id)


def decrypt_field(key: bytes, ciphertext: bytes, *, table: str, column: str, row_id: int) -> str:
    """Decrypt a field that was encrypted for this place; DecryptionError for any other."""
    return decrypt_bytes(key, ciphertext, table=table, column=column, row_id=row_id).decode()


def encrypt_bytes(key: bytes, content: bytes, *, table: str, column: str, row_id: int) -> bytes:
    """The same for what is no text: a file."""
    return FIELD_VERSION + _seal(key, content, _field_place(table, column, row_id))


def decrypt_bytes(key: bytes, ciphertext: bytes, *, table: str, column: str, row_id: int) -> bytes:
    """The way back; DecryptionError for any other place."""
    if ciphertext[:1] != FIELD_VERSION:
        raise DecryptionError("the field has an unknown layout")
    return _unseal(key, ciphertext[1:], _field_place(table, column, row_id))


def normalise_phone(number: str, country_code: str = "86") -> str:
    """One spelling for one number: ``+`` and digits; a national number gets the country code."""
    digits = re.sub(r"[\s().\-]", "", unicodedata.normalize("NFKC", number))
    digits = re.sub(r"^00", "+", digits)
    if not digits.startswith("+"):
        digits = f"+{country_code}{digits}"
    if not re.fullmatch(r"\+[1-9][0-9]{5,14}", digits):
        raise ValueError("not a phone number")
    return digits


def normalise_identity_number(number: str) -> str:
    """One spelling for one identity document: capital letters and digits, nothing else."""
    plain = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", number)).upper()
    if not re.fullmatch(r"[A-Z0-9]{4,32}", plain):
        raise ValueError("not an identity number")
    return plain


def _seal(key: bytes, plaintext: bytes, place: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, place)


def _unseal(key: bytes, sealed: bytes, place: bytes) -> bytes:
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, place)
    except (InvalidTag, ValueError) as error:
        raise DecryptionError("wrong key, wrong place or damaged bytes") from error


def _field_place(table: str, column: str, row_id: int) -> bytes:
    return f"{table}\0{column}\0{row_id}".encode()


def _owner(key_id: bytes, owner_id: int, table: str) -> bytes:
    place = b"data key\0" if table == "borrower" else f"data key of {table}\0".encode()
    return place + key_id + str(owner_id).encode()


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
