"""The key that signs checkpoints: a file that only its owner can read, made on first use."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from usance.audit.note import KEY_BYTES, PrivateKey
from usance.core.rules import rule

OTHERS = 0o077


@rule("R-PROOF-03")
def open_key(path: Path) -> PrivateKey:
    """Read the key file; refuse one that others can read."""
    if not path.exists():
        make(path)
    if path.stat().st_mode & OTHERS:
        raise PermissionError(f"{path} must be readable by its owner only (chmod 600)")
    try:
        return PrivateKey.parse(path.read_text("utf-8"))
    except ValueError as error:
        raise PermissionError(f"{path}: {error}") from None


def make(path: Path) -> None:
    """A key with a name that no other log has.

    Written in full under another name first: two processes may start at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    key = PrivateKey(f"usance/{secrets.token_hex(8)}", secrets.token_bytes(KEY_BYTES))
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key.written() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        with contextlib.suppress(FileExistsError):  # the other process was first; its key counts
            os.link(partial, path)
    finally:
        partial.unlink()
