"""The canonical hash of what an operation wrote: anybody who has the rows can recompute it.

Rows are tuples of integers; each table is its name, the number of its rows, and the rows in the
order of their keys, every number as a big-endian 64-bit integer.
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence

from usance.core.rules import rule


@rule("R-AUDIT-01")
def digest(tables: Iterable[tuple[str, Sequence[tuple[int, ...]]]]) -> bytes:
    """SHA-256 over the tables given, in their order."""
    hashed = hashlib.sha256()
    for name, rows in tables:
        ordered = sorted(rows)
        hashed.update(f"{name}:{len(ordered)}:".encode())
        for row in ordered:
            hashed.update(struct.pack(f">{len(row)}q", *row))
    return hashed.digest()
