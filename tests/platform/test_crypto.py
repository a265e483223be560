"""Personal data opens only with its own key, in its own place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.platform import credentials
from usance.platform.crypto import (
    DecryptionError,
    LocalKeyService,
    decrypt_field,
    encrypt_field,
    new_data_key,
    normalise_identity_number,
    normalise_phone,
)

KEY = bytes(range(32))
PLACE = {"table": "borrower", "column": "name", "row_id": 7}


@given(st.text())
def test_a_field_opens_in_its_place(text: str) -> None:
    assert decrypt_field(KEY, encrypt_field(KEY, text, **PLACE), **PLACE) == text


def test_the_same_text_never_looks_the_same() -> None:
    assert encrypt_field(KEY, "Li", **PLACE) != encrypt_field(KEY, "Li", **PLACE)


@pytest.mark.parametrize(
    "elsewhere", [{"table": "staff"}, {"column": "phone"}, {"row_id": 8}, {"row_id": 77}]
)
def test_a_moved_ciphertext_does_not_open(elsewhere: dict) -> None:
    sealed = encrypt_field(KEY, "Li Lei", **PLACE)
    with pytest.raises(DecryptionError):
        decrypt_field(KEY, sealed, **(PLACE | elsewhere))


def test_another_persons_key_does_not_open() -> None:
    with pytest.raises(DecryptionError):
        decrypt_field(new_data_key(), encrypt_field(KEY, "Li Lei", **PLACE), **PLACE)


@given(st.integers(0, 34), st.integers(1, 255))
def test_a_flipped_bit_does_not_open(position: int, flip: int) -> None:
    sealed = bytearray(encrypt_field(KEY, "Li Lei", **PLACE))
    sealed[position] ^= flip
    with pytest.raises(DecryptionError):
        decrypt_field(KEY, bytes(sealed), **PLACE)


@pytest.mark.parametrize("short", [b"", b"\x01", b"\x01short"])
def test_a_truncated_field_does_not_open(short: bytes) -> None:
    with pytest.raises(DecryptionError):
        decrypt_field(KEY, short, **PLACE)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.key"


def test_the_key_file_is_made_once_and_private(key_file: Path) -> None:
    wrapped = LocalKeyService.open(key_file).wrap(KEY, 5)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert LocalKeyService.open(key_file).unwrap(wrapped, 5) == KEY
    assert list(key_file.parent.iterdir()) == [key_file]


def test_processes_that_start_together_agree_on_the_keys(key_file: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from usance.platform.crypto import *;"
        "print(LocalKeyService.open(Path(sys.argv[1])).blind_index('a', 'b').hex())"
    )
    command = [sys.executable, "-c", program, str(key_file)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    assert len({run.communicate()[0] for run in runs}) == 1


def test_a_key_file_that_others_can_read_is_refused(key_file: Path) -> None:
    LocalKeyService.open(key_file)
    key_file.chmod(0o640)
    with pytest.raises(PermissionError, match="chmod 600"):
        LocalKeyService.open(key_file)


@pytest.mark.parametrize("damage", ["", "index 00\n", "nonsense\n", "key 1 " + "0" * 64 + "\n"])
def test_a_damaged_key_file_is_refused(key_file: Path, damage: str) -> None:
    LocalKeyService.open(key_file)
    key_file.write_text(damage)
    with pytest.raises(ValueError, match="not a usance master key file"):
        LocalKeyService.open(key_file)


def test_a_wrapped_key_opens_for_its_person_and_master_key_only(key_file: Path) -> None:
    keys = LocalKeyService.open(key_file)
    wrapped = keys.wrap(KEY, 5)
    with pytest.raises(DecryptionError):
        keys.unwrap(wrapped, 6)
    with pytest.raises(DecryptionError, match="not here"):
        keys.unwrap(b"\0\0\0\2" + wrapped[4:], 5)
    with pytest.raises(DecryptionError):
        LocalKeyService(os.urandom(32), {1: os.urandom(32)}).unwrap(wrapped, 5)


def test_after_a_rotation_old_keys_open_and_indexes_stay(key_file: Path) -> None:
    before = LocalKeyService.open(key_file)
    old, index = before.wrap(KEY, 5), before.blind_index("a", "phone")
    with key_file.open("a") as file:
        file.write(f"key 2 {os.urandom(32).hex()}\n")
    after = LocalKeyService.open(key_file)
    assert after.unwrap(old, 5) == KEY
    assert after.wrap(KEY, 5)[:4] == b"\0\0\0\2"
    assert after.blind_index("a", "phone") == index


def test_a_blind_index_depends_on_value_purpose_and_key(key_file: Path) -> None:
    keys = LocalKeyService.open(key_file)
    other = LocalKeyService(os.urandom(32), {1: os.urandom(32)})
    indexes = {
        keys.blind_index("+8613800138000", "phone"),
        keys.blind_index("+8613800138001", "phone"),
        keys.blind_index("+8613800138000", "recipient"),
        other.blind_index("+8613800138000", "phone"),
    }
    assert len(indexes) == 4
    assert keys.blind_index("+8613800138000", "phone") in indexes


@pytest.mark.parametrize(
    ("spelling", "normal"),
    [
        ("138 0013 8000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("0086 13800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("+44 (20) 7946.0000", "+442079460000"),
    ],
)
def test_one_phone_has_one_spelling(spelling: str, normal: str) -> None:
    assert normalise_phone(spelling) == normal


@pytest.mark.parametrize("bad", ["", "phone", "+", "+0123456", "1" * 30, "138x0013"])
def test_what_is_not_a_phone_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not a phone"):
        normalise_phone(bad)


def test_one_identity_number_has_one_spelling() -> None:
    assert normalise_identity_number("11010519491231 002x") == "11010519491231002X"
    with pytest.raises(ValueError, match="not an identity"):
        normalise_identity_number("张三")


def test_machine_secrets_are_kept_as_hashes() -> None:
    secret = credentials.new_machine_secret()
    stored = credentials.hash_machine_secret(secret)
    assert credentials.machine_secret_matches(secret, stored)
    assert not credentials.machine_secret_matches(secret + "x", stored)
    assert secret.encode() not in stored


def test_passwords_are_salted_and_checked() -> None:
    stored = credentials.hash_password("correct horse")
    assert stored != credentials.hash_password("correct horse")
    assert credentials.password_matches("correct horse", stored)
    assert not credentials.password_matches("wrong horse", stored)
    assert not credentials.password_matches("correct horse", "not a hash")
