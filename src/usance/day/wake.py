"""Close a day on a range of cells, contract by contract in plain Python."""

from usance.day import store
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.servicing import store as servicing
from usance.servicing.hand import Hand
from usance.servicing.write import Rowset, Writing, write_hands, write_operation

ACTOR = "system:day-close"
CHUNK = 500


async def wake_range(pool: Pool, day: int, low: int, high: int) -> int:
    """Wake all contracts of cells ``low`` to ``high`` whose alarm rings by ``day``; how many."""
    woken = 0
    while True:
        async with transaction(pool) as connection:
            found = await wake_some(connection, day, low, high)
        woken += found
        if found == 0:  # fewer than CHUNK is no end: an operation may have woken some of them
            return woken


async def wake_rest(connection: Connection, day: int, low: int, high: int) -> int:
    """The same within the caller's transaction."""
    woken = found = await wake_some(connection, day, low, high)
    while found:
        found = await wake_some(connection, day, low, high)
        woken += found
    return woken


async def wake_some(connection: Connection, day: int, low: int, high: int) -> int:
    """One transaction's worth."""
    rows = await connection.fetch(store.WOKEN, day, low, high, CHUNK)
    if not rows:
        return 0
    await servicing.load_terms(connection, {row[4] for row in rows})
    hands = [servicing.hand_of(row) for row in rows]
    await servicing.load_dues(connection, hands)
    for hand in hands:
        while hand.state.alarm <= day:
            hand.close_day(hand.state.alarm)
    await write(connection, hands, day)
    return len(rows)


async def write(connection: Connection, hands: list[Hand], day: int) -> None:
    """Everything the range wrote, under one audit event."""
    operation_id = new_operation_id()
    rowset = Rowset(operation_id)
    for hand in hands:
        for entry in hand.booked:
            rowset.add(hand, entry)
    writing = Writing(connection)
    await write_hands(writing, hands, [rowset])
    await writing.send()
    await write_operation(connection, operation_id, ACTOR, "CloseDay", day, rowset.digest())
