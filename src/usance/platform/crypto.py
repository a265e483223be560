"""Personal data at rest: one data key per person, wrapped by a master key.

A field is encrypted with AES-256-GCM under its person's data key and bound to its table,
column and row, so a ciphertext that is moved elsewhere no longer opens. Destroying the
wrapped data key erases the person. Look-up goes through keyed hashes (blind indexes).

Layouts: field = version 1 (1 byte), nonce (12), ciphertext and tag;
wrapped data key = master key id (4 bytes, big endian), nonce (12), ciphertext and tag.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
FIELD_VERSION = b"\x01"


class DecryptionError(Exception):
    """The key, the place or the bytes are not those of the encryption."""


class KeyService(Protocol):
    """Keeps the master key; a hosted key service can stand in for the local file."""

    def wrap(self, data_key: bytes, person_id: int) -> bytes:
        """Encrypt a person's data key under the newest master key."""
        ...

    def unwrap(self, wrapped: bytes, person_id: int) -> bytes:
        """Open a wrapped data key; DecryptionError when it is not this person's."""
        ...

    def blind_index(self, value: str, purpose: str) -> bytes:
        """Keyed hash (32 bytes) of a normalised value; differs from purpose to purpose."""
        ...


class LocalKeyService:
    """Master keys in a file that only its owner can read."""

    def __init__(self, index_key: bytes, master_keys: dict[int, bytes]) -> None:
        self._index_key = index_key
        self._master_keys = master_keys
        self._newest = max(master_keys)

    @classmethod
    def open(cls, path: Path) -> LocalKeyService:
        """Read the key file, made on first use; refuse one that others can read."""
        _create_key_file(path)
        if path.stat().st_mode & 0o077:
            raise PermissionError(f"{path} must be readable by its owner only (chmod 600)")
        return cls(*_parse_key_file(path))

    def wrap(self, data_key: bytes, person_id: int) -> bytes:
        """Encrypt a person's data key under the newest master key."""
        key_id = self._newest.to_bytes(4)
        return key_id + _seal(self._master_keys[self._newest], data_key, _person(key_id, person_id))

    def unwrap(self, wrapped: bytes, person_id: int) -> bytes:
        """Open a wrapped data key; DecryptionError when it is not this person's."""
        key_id, sealed = wrapped[:4], wrapped[4:]
        master_key = self._master_keys.get(int.from_bytes(key_id))
        if master_key is None:
            raise DecryptionError("the data key is wrapped by a master key that is not here")
        return _unseal(master_key, sealed, _person(key_id, person_id))

    def blind_index(self, value: str, purpose: str) -> bytes:
        """Keyed hash (32 bytes) of a normalised value; differs from purpose to purpose."""
        return hmac.digest(self._index_key, f"{purpose}\0{value}".encode(), hashlib.sha256)


def new_data_key() -> bytes:
    """A fresh 256-bit key for one person."""
    return secrets.token_bytes(KEY_BYTES)


def encrypt_field(key: bytes, plaintext: str, *, table: str, column: str, row_id: int) -> bytes:
    """Encrypt one field for one place: 29 bytes longer than the text."""
    return FIELD_VERSION + _seal(key, plaintext.encode(), _field_place(table, column, row_id))


def decrypt_field(key: bytes, ciphertext: bytes, *, table: str, column: str, row_id: int) -> str:
    """Decrypt a field that was encrypted for this place; DecryptionError for any other."""
    if ciphertext[:1] != FIELD_VERSION:
        raise DecryptionError("the field has an unknown layout")
    return _unseal(key, ciphertext[1:], _field_place(table, column, row_id)).decode()


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


def _person(key_id: bytes, person_id: int) -> bytes:
    return b"data key\0" + key_id + str(person_id).encode()


def _create_key_file(path: Path) -> None:
    """Written in full under another name first: two processes may start at once."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"index {secrets.token_hex(KEY_BYTES)}\nkey 1 {secrets.token_hex(KEY_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        pass  # the other process was first; its keys are the ones that count
    finally:
        partial.unlink()


def _parse_key_file(path: Path) -> tuple[bytes, dict[int, bytes]]:
    """Lines ``index HEX`` (once) and ``key ID HEX``; the highest id wraps, all unwrap."""
    text = path.read_text()
    index = re.findall(r"^index ([0-9a-f]{64})$", text, re.MULTILINE)
    keys = re.findall(r"^key ([0-9]{1,9}) ([0-9a-f]{64})$", text, re.MULTILINE)
    whole = len(index) == 1 and len({int(key_id) for key_id, _ in keys}) == len(keys) > 0
    if not whole or len(text.splitlines()) != len(index) + len(keys):
        raise ValueError(f"{path} is not a usance master key file")
    return bytes.fromhex(index[0]), {int(key_id): bytes.fromhex(key) for key_id, key in keys}
