"""Raises alerts: new ones, or more urgent than before; one audit event for all of a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from usance.core.rules import rule
from usance.identity import store as identity
from usance.ledger.digest import digest
from usance.platform.clock import Clock
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id
from usance.risk import alerts_sql as sql
from usance.risk.alerts import Raised
from usance.risk.warning_policy import WarningPolicy

SYSTEM = "system:warning"


@rule("R-WARN-02", "R-WARN-03", "R-AUDIT-01")
async def raise_alerts(
    connection: Connection, clock: Clock, policy: WarningPolicy, found: Sequence[Raised], on: date,
    usual: Mapping[str, int] | None = None,
) -> int:  # fmt: skip
    """Write them as of a business day, but for those that are open or were closed lately.

    ``usual``: what is usual of each signal, where the alert does not say it. How many were written.
    """
    if not found:
        return 0
    now, operation_id = clock.now(), new_operation_id()
    quiet = now - timedelta(days=policy.quiet_days)
    columns = zip(*(_row(each, usual or {}) for each in found), strict=True)
    rows = await connection.fetch(
        sql.RAISE, *(list(each) for each in columns), on, now, operation_id, quiet
    )
    if rows:
        signed = digest([("alert", [(row[0], row[1], row[2]) for row in rows])])
        open_day = await identity.business_date(connection)
        assert open_day is not None  # there is a book, or nothing would be found in it
        await identity.insert_operation(
            connection, operation_id, actor=SYSTEM, action="RaiseAlerts", on=open_day,
            digest=signed, detail={"alerts": len(rows)},
        )  # fmt: skip
    return len(rows)


def _row(each: Raised, usual: Mapping[str, int]) -> tuple[Any, ...]:
    encode = msgspec.json.encode
    return (
        each.borrower_id, new_operation_id(), each.signal, each.level,
        encode(each.evidence).decode(), encode(each.threshold).decode(), each.policy,
        usual.get(each.signal, each.usual),
    )  # fmt: skip

