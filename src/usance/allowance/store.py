"""The SQL of the rates: one row for each client and kind, shared by all processes."""

from __future__ import annotations

from datetime import datetime

from usance.allowance.rules import MILLION, Rate
from usance.platform.database import Pool

FULL = f"""least($5::bigint * {MILLION}, tokens
    + trunc(greatest(extract(epoch FROM $3::timestamptz - refilled_at), 0) * $6::bigint))::bigint"""
"""What the bucket holds at the moment $3."""
GRANT = f"least($4::bigint, {FULL} / {MILLION})"
TAKE = f"""
UPDATE rate_bucket SET tokens = {FULL} - {GRANT} * {MILLION}, granted = {GRANT},
    refilled_at = greatest(refilled_at, $3::timestamptz)
WHERE client_id = $1 AND kind = $2 RETURNING granted, tokens
"""
BEGIN_FULL = """
INSERT INTO rate_bucket (client_id, kind, tokens, refilled_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""


async def take(
    pool: Pool, client_id: int, kind: str, now: datetime, wanted: int, rate: Rate
) -> tuple[int, int]:
    """Take up to ``wanted`` requests; how many it were, and the millionths that stay.

    One statement, committed by itself. The moment up to which a bucket was filled only rises, so a
    clock that runs behind adds nothing.
    """
    asked = client_id, kind, now, wanted, rate.burst, rate.per_second
    row = await pool.fetchrow(TAKE, *asked)
    if row is None:
        await pool.execute(BEGIN_FULL, client_id, kind, rate.burst * MILLION, now)
        row = await pool.fetchrow(TAKE, *asked)
    return row["granted"], row["tokens"]
