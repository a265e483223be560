"""Close a day on a range of cells, set by set with the compiled kernel.

Writes the same rows as ``wake``. Contracts that need more than the window of dues loaded here, or
more than one day, are left to ``wake``, which runs after it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from usance.contract import batch
from usance.contract import records as r
from usance.contract.batch import Records
from usance.day import store as day_store
from usance.day.wake import ACTOR
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id
from usance.platform.pgcopy import copy_in
from usance.servicing import bulk
from usance.servicing.bulk import Held, Integers
from usance.servicing.write import write_operation

WINDOW = "c.running + 1"


async def wake_range(connection: Connection, day: int, low: int, high: int) -> int:
    """Wake all that can be woken as a set, in the caller's transaction; how many."""
    where = f"c.alarm = {int(day)} AND c.cell BETWEEN {int(low)} AND {int(high)}"
    held = await bulk.load(connection, where, WINDOW)
    held = bulk.take(held, bulk.whole(held))
    if not len(held.rows):
        return 0
    held.remember()
    return await wake_held(connection, held, day)


async def wake_held(connection: Connection, held: Held, day: int) -> int:
    """Run the kernel and write; what it could not do in the window is left for later."""
    cycle = held.contracts["running"].copy()
    outcome = batch.wake_batch(held.terms, held.which, held.contracts, held.dues, held.start, day)
    if (outcome.codes == batch.FAULT).any():
        return await wake_held(connection, bulk.take_back(held, outcome.codes != batch.FAULT), day)
    owner = outcome.owners()
    moved = bulk.transfers_of(outcome.effects, owner)
    issued = outcome.codes == 1
    seq = number_events(held, moved, issued)
    said = statements(held, issued, cycle, day)
    await add_plans(connection, said)
    operation_id = new_operation_id()
    written = bulk.Written(
        events(held, moved, issued, seq, said, operation_id, day),
        bulk.transfer_rows(held, moved, seq, day),
    )
    await bulk.write(connection, held, written, outcome.effects, owner, day)
    await copy_in(connection, "statement", said, bulk.STATEMENT_LAYOUT)
    notices = notice_rows(held, outcome.effects, owner, day)
    await copy_in(connection, "notice_wanted", notices, bulk.NOTICE_LAYOUT)
    await write_operation(connection, operation_id, ACTOR, "CloseDay", day, written.digest())
    return len(held.rows)


def number_events(held: Held, moved: dict[str, Integers], issued: NDArray[np.bool_]) -> Integers:
    """Sequence of each contract's event: a statement has one, a day that moved money gets one."""
    has_moved = np.zeros(len(held.rows), bool)
    has_moved[moved["owner"]] = True
    held.contracts["seq"][has_moved & ~issued] += 1
    return held.contracts["seq"].copy()


def events(
    held: Held, moved: dict[str, Integers], issued: NDArray[np.bool_], seq: Integers,
    said: dict[str, Any], operation_id: int, day: int,
) -> dict[str, Any]:  # fmt: skip
    """Event rows: statements with what they said, days that moved money."""
    has_moved = np.zeros(len(held.rows), bool)
    has_moved[moved["owner"]] = True
    chosen = np.flatnonzero(issued | has_moved)
    is_statement = issued[chosen]
    parts = {}
    for name in ("principal", "interest", "fee", "penalty"):
        values = np.zeros(len(held.rows), np.int64)
        values[issued] = said[name]
        parts[name] = values[chosen]
    return bulk.event_rows(
        held, chosen, operation_id, seq=seq[chosen], effective_on=day, booked_on=day,
        kind=np.where(is_statement, r.STATEMENT, r.DAY), pinned=is_statement.astype(np.int64),
        **parts,
    )  # fmt: skip


def statements(
    held: Held, issued: NDArray[np.bool_], cycle: Integers, day: int
) -> dict[str, Any]:
    """Statement rows: the issued cycle, the required amount with arrears, the balance."""
    # In arrays what contract.replay.note_issue and statement_event say of one contract;
    # tests/day/test_by_set.py holds the two equal.
    mine = np.flatnonzero(issued)
    first = held.start[mine]
    place = first + cycle[mine] - held.dues["n"][first]
    due = held.dues[place]
    owner = np.repeat(np.arange(len(held.rows)), np.diff(held.start))
    unpaid = unpaid_of(held.dues)
    n = held.dues["n"]
    arrears = np.minimum(np.maximum(held.dues["required"] - held.dues["received"], 0), unpaid)
    counted = (n > 0) & (n <= cycle[owner]) & (unpaid > 0)
    required = np.zeros(len(held.rows), np.int64)
    np.add.at(required, owner[counted], arrears[counted])
    balance = np.zeros(len(held.rows), np.int64)
    np.add.at(balance, owner, unpaid)
    c = held.contracts[mine]
    return bulk.rows_for(
        held, mine, number=c["statements"], issued_on=day, due_on=due["due_on"],
        from_on=due["from_on"], cycle=cycle[mine], required=required[mine],
        principal=due["principal"] - due["paid_principal"],
        interest=due["interest"] - due["paid_interest"], fee=due["fee"] - due["paid_fee"],
        penalty=due["penalty"] - due["paid_penalty"], balance=balance[mine] - c["credit"],
        credit=c["credit"], plans_due=0, event_seq=c["seq"],
    )  # fmt: skip


def unpaid_of(dues: Records) -> Integers:
    """Asked and unpaid of each due."""
    asked = dues["principal"] + dues["interest"] + dues["fee"] + dues["penalty"]
    paid = dues["paid_principal"] + dues["paid_interest"] + dues["paid_fee"] + dues["paid_penalty"]
    found: Integers = asked - paid
    return found


async def add_plans(connection: Connection, said: dict[str, Any]) -> None:
    """What instalment plans ask by the statement's due day."""
    if not len(said["contract_id"]):
        return
    rows = await connection.fetch(
        day_store.PLANS_DUE, said["cell"].tolist(), said["contract_id"].tolist(),
        said["due_on"].tolist(),
    )  # fmt: skip
    if rows:
        place = np.searchsorted(said["contract_id"], [row[0] for row in rows])
        said["plans_due"][place] = [row[1] for row in rows]
        said["required"][place] += said["plans_due"][place]


def notice_rows(held: Held, effects: Records, owner: Integers, day: int) -> dict[str, Any]:
    """Notices that the kernel asks for, sent on the morning after."""
    source, kind = effects["kind"] // 8, effects["kind"] % 8
    mine = source == r.NOTICE
    return bulk.rows_for(
        held, owner[mine], n=effects["n"][mine], kind=kind[mine], send_on=day + 1,
        days=effects["amount"][mine],
    )  # fmt: skip
