"""What is to be told: put down in the transaction of whatever it is about, once for its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from usance.core.identifiers import cell_of_borrower
from usance.core.rules import rule
from usance.notices import planner_sql
from usance.platform.database import Connection

WAITS, GOING, TAKEN, ARRIVED, FAILED, STOPPED, DROPPED = range(1, 8)
"""States of a notice."""
BUNDLE = "digest"
"""The template of the message in which several notices go."""
UNBEGUN = "unbegun"
"""Stands for what a carrier said, where none was asked."""
OF_USE = timedelta(days=3)
"""So long a notice is of use to somebody, unless it says otherwise."""


@dataclass(frozen=True, slots=True, repr=False)
class Telling:
    """One thing to be told to one person; never printed.

    ``key``: of what it is, once for a borrower. ``facts``: values of placeholders that are not a
    person's (amounts in minor units, days in ISO form, counts, choices). ``box``: what is secret of
    it, sealed by ``sealing.sealed``. ``member_id``: of the relative who is told, 0 the borrower.
    """

    borrower_id: int
    key: str
    template_id: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    contract_id: int = 0
    member_id: int = 0
    box: bytes = b""
    not_before: datetime | None = None
    until: datetime | None = None


@rule("R-PLAN-01")
async def tell(connection: Connection, tellings: Sequence[Telling], now: datetime) -> int:
    """Plan notices, if the transaction is committed; how many were new."""
    if not tellings:
        return 0
    rows = [
        (cell_of_borrower(each.borrower_id), each.borrower_id, each.key, each.template_id,
         each.member_id, each.contract_id, msgspec.json.encode(each.facts).decode(), each.box,
         each.not_before or now, each.until or now + OF_USE)
        for each in tellings
    ]  # fmt: skip
    tag: str = await connection.execute(planner_sql.PLAN, *map(list, zip(*rows, strict=True)))
    return int(tag.removeprefix("INSERT 0 "))
