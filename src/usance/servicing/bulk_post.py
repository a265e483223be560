"""One repayment on each of many contracts, as arrays: what a bank's debit file brings.

Contracts that are behind the business date, closed, or on which the money reaches beyond what is
due, are left to the poster, contract by contract.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usance.contract import batch
from usance.contract import records as r
from usance.contract.batch import Records
from usance.platform.database import Connection
from usance.platform.pgcopy import Column, Layout
from usance.servicing import bulk
from usance.servicing.bulk import Held, Integers

ASKED = Layout((Column("cell", "int2"), Column("contract_id", "int8"), Column("amount", "int8")))
WINDOW = "c.running + 1"


@dataclass(frozen=True, slots=True)
class Posted:
    """Which contracts were served, and what their event was."""

    contract_ids: Integers
    seq: Integers
    parts: dict[str, Integers]
    digest: bytes


async def repay_each(
    connection: Connection, today: int, contract_ids: Integers, amounts: Integers,
    operation_id: int,
) -> Posted:  # fmt: skip
    """Post a repayment of today on each contract that allows it; the caller audits it."""
    order = np.argsort(contract_ids)
    contract_ids, amounts = contract_ids[order], amounts[order]
    cells = (contract_ids >> 12) % 1024
    data = {"cell": cells, "contract_id": contract_ids, "amount": amounts}
    await connection.execute("DROP TABLE IF EXISTS asked")
    await bulk.stage(connection, "asked", ASKED, data)
    await connection.execute("ANALYZE asked")
    where = (
        "(c.cell, c.contract_id) IN (SELECT cell, contract_id FROM asked) AND c.status = 1 "
        f"AND c.alarm >= {int(today)} AND c.stands_on <= {int(today)}"
    )
    held = await bulk.load(connection, where, WINDOW)
    held = bulk.take(held, bulk.whole(held))
    held.remember()
    return await post_held(connection, held, today, data, operation_id)


async def post_held(
    connection: Connection, held: Held, today: int, asked: dict[str, Any], operation_id: int
) -> Posted:
    """Step, and write those that the kernel served."""
    events = repayments(held, today, asked)
    outcome = batch.step_batch(
        held.terms, held.which, held.contracts, held.dues, held.start, events, window=True
    )
    served = outcome.codes == 0
    if not served.all():
        return await post_held(connection, bulk.take_back(held, served), today, asked, operation_id)
    owner = outcome.owners()
    moved = bulk.transfers_of(outcome.effects, owner)
    seq = events["seq"]
    parts = parts_of(outcome.effects, owner, len(held.rows))
    every = np.arange(len(held.rows))
    rows = bulk.event_rows(
        held, every, operation_id, seq=seq, kind=r.REPAYMENT, effective_on=today, booked_on=today,
        amount=events["amount"], **parts,
    )  # fmt: skip
    written = bulk.Written(rows, bulk.transfer_rows(held, moved, seq, today))
    await bulk.write(connection, held, written, outcome.effects, owner, today)
    return Posted(held.ids, seq, parts, written.digest())


def repayments(held: Held, today: int, asked: dict[str, Any]) -> Records:
    """One event for each contract."""
    events = np.zeros(len(held.rows), batch.EVENT)
    place = np.searchsorted(asked["contract_id"], held.ids)
    events["kind"] = r.REPAYMENT
    events["on"] = today
    events["booked_on"] = today
    events["amount"] = asked["amount"][place]
    events["seq"] = held.contracts["seq"] + 1
    return events


def parts_of(effects: Records, owner: Integers, n: int) -> dict[str, Integers]:
    """What each repayment paid, by component."""
    cash: NDArray[np.bool_] = effects["kind"] // 8 == r.CASH
    found = {}
    for component, name in enumerate(("penalty", "fee", "interest", "principal", "credit")):
        mine = cash & (effects["kind"] % 8 == component)
        sums = np.zeros(n, np.int64)
        np.add.at(sums, owner[mine], effects["amount"][mine])
        found[name] = sums
    return found


