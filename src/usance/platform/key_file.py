"""The key file: master keys that wrap, and index keys that hash, each with a number.

One line a key: ``key 1 HEX``, ``index 2 HEX``; the first index key's number may be left out. The
highest number of a kind is the one in use, older ones stay for what was made with them. The file is
replaced as a whole under a lock on its directory, so a reader sees it before or after a change.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

KEY_BYTES = 32
FIRST = 1
LINE = re.compile(r"(index|key)(?: ([1-9][0-9]{0,8}))? ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """The keys of a file by number; never printed."""

    index_keys: dict[int, bytes]
    master_keys: dict[int, bytes]

    def written(self) -> str:
        """As the file has it."""
        lines = [
            f"index {key.hex()}" if number == FIRST else f"index {number} {key.hex()}"
            for number, key in sorted(self.index_keys.items())
        ]
        lines += [f"key {number} {key.hex()}" for number, key in sorted(self.master_keys.items())]
        return "".join(f"{line}\n" for line in lines)


def read(path: Path) -> KeyRing:
    """The keys of a file; refuse one that others can read, or that is damaged."""
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path} must be readable by its owner only (chmod 600)")
    found: dict[str, dict[int, bytes]] = {"index": {}, "key": {}}
    for line in path.read_text(errors="replace").splitlines():
        parts = LINE.fullmatch(line)
        if parts is None or (parts[1] == "key" and parts[2] is None):
            raise _damaged(path)
        number = int(parts[2] or FIRST)
        if number in found[parts[1]]:
            raise _damaged(path)
        found[parts[1]][number] = bytes.fromhex(parts[3])
    if not (found["index"] and found["key"]):
        raise _damaged(path)
    return KeyRing(found["index"], found["key"])


def create(path: Path) -> None:
    """Make the file with a key of each kind, unless it is there: two processes may start at once.

    It is written in full under another name first.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _written(path, KeyRing({FIRST: new_key()}, {FIRST: new_key()}))
    try:
        os.link(partial, path)
    except FileExistsError:
        pass  # the other process was first; its keys are the ones that count
    finally:
        partial.unlink()


def change(path: Path, how: Callable[[KeyRing], KeyRing]) -> KeyRing:
    """Replace the file by what ``how`` makes of it; changes take turns. Returns what it holds."""
    with _alone(path.parent) as directory:
        changed = how(read(path))
        _written(path, changed).replace(path)
        os.fsync(directory)
    return changed


def with_master_key(ring: KeyRing, beyond: int = 0) -> KeyRing:
    """With a new master key, numbered above all that are there and above ``beyond``."""
    number = max(beyond, *ring.master_keys) + 1
    return replace(ring, master_keys=ring.master_keys | {number: new_key()})


def with_index_key(ring: KeyRing, beyond: int = 0) -> KeyRing:
    """With a new index key, numbered above all that are there and above ``beyond``."""
    number = max(beyond, *ring.index_keys) + 1
    return replace(ring, index_keys=ring.index_keys | {number: new_key()})


def without_master_key(ring: KeyRing, number: int) -> KeyRing:
    """Without an old master key."""
    assert number != max(ring.master_keys)
    kept = {each: key for each, key in ring.master_keys.items() if each != number}
    return replace(ring, master_keys=kept)


def without_index_key(ring: KeyRing, number: int) -> KeyRing:
    """Without an old index key."""
    assert number != max(ring.index_keys)
    kept = {each: key for each, key in ring.index_keys.items() if each != number}
    return replace(ring, index_keys=kept)


def keep_apart(path: Path, master_key: int, key: bytes) -> None:
    """Write one master key into a new file of its own, for the backups that need it."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"key {master_key} {key.hex()}\n")
        file.flush()
        os.fsync(file.fileno())


def new_key() -> bytes:
    """256 random bits."""
    return secrets.token_bytes(KEY_BYTES)


def _damaged(path: Path) -> ValueError:
    return ValueError(f"{path} is not a usance master key file")


def _written(path: Path, ring: KeyRing) -> Path:
    """The keys in a file beside ``path`` that is whole and on the disk."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(ring.written())
        file.flush()
        os.fsync(file.fileno())
    return partial


@contextmanager
def _alone(directory: Path) -> Iterator[int]:
    """The directory, opened and locked."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield opened
    finally:
        os.close(opened)
