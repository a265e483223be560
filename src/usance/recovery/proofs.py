"""What a drill asks of the restored book before it says that the backup is one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from usance.day import verify
from usance.platform.database import Pool


@dataclass(frozen=True, slots=True)
class Proved:
    """One question and its answer."""

    name: str
    ok: bool
    detail: str


Proof = Callable[[Pool], Awaitable[Proved]]
"""Looks at the restored book, which nobody else uses."""


async def invariants(pool: Pool) -> Proved:
    """Every invariant of the book, as ``usance verify`` proves them."""
    findings = await verify.run(pool)
    first = str(findings[0]) if findings else "every invariant holds"
    return Proved("verify", not findings, first)
