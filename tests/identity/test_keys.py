"""Keys of machine clients: two at most, each with an end if it is given one, and its last day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio

from usance.core.refusals import Refused
from usance.identity import machine
from usance.identity.changing import Asking
from usance.identity.machine import Key, Lifetimes, MachineClients
from usance.platform.clock import FixedClock
from usance.platform.database import Pool
from usance.servicing.setup import create_book

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
OPERATOR = Asking("operator")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest_asyncio.fixture
async def clients(pool: Pool, clock: FixedClock) -> AsyncIterator[MachineClients]:
    await create_book(pool, name="Test", opened_on=date(2026, 1, 5))
    yield MachineClients(pool, clock)


async def keys(clients: MachineClients) -> list[Key]:
    (found,) = await clients.all()
    return found.keys


async def test_a_second_key_opens_beside_the_first(clients: MachineClients) -> None:
    """R-CLIENT-04: never a third; R-CLIENT-05: never none."""
    first = await clients.create("shop", ["book:read"])
    second = (await clients.rotate("shop", OPERATOR)).secret
    one, other = await clients.identify(first), await clients.identify(second)
    assert one == other is not None
    with pytest.raises(Refused, match="R-CLIENT-04"):
        await clients.rotate("shop", OPERATOR)
    newest, oldest = await keys(clients)
    assert (newest.prefix, oldest.prefix) == (second[:10], first[:10])
    await clients.retire_key("shop", oldest.key_id, OPERATOR)
    assert await clients.identify(first) is None
    assert await clients.identify(second) is not None
    for number in (oldest.key_id, newest.key_id, 999):
        with pytest.raises(Refused, match="R-CLIENT-05"):
            await clients.retire_key("shop", number, OPERATOR)
    assert await clients.identify(second) is not None


async def test_rotations_at_once_make_one_second_key(clients: MachineClients) -> None:
    await clients.create("shop", ["book:read"])
    tries = (clients.rotate("shop", OPERATOR) for _ in range(8))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, Refused) for each in found) == 7
    assert len(await keys(clients)) == 2


async def test_a_rotation_under_one_key_is_one_and_shown_once(
    clients: MachineClients, pool: Pool
) -> None:
    await clients.create("shop", ["book:read"])
    asking = Asking("staff:1", "turn", b"h")
    found = await asyncio.gather(*(clients.rotate("shop", asking) for _ in range(8)))
    secrets = [each.secret for each in found if each.secret]
    assert len(secrets) == 1
    assert len({each.key_id for each in found}) == 1
    kept = await pool.fetchval("SELECT answer FROM idempotency WHERE key = 'turn'")
    assert secrets[0] not in kept


async def test_keys_end_when_it_was_said(clients: MachineClients, clock: FixedClock) -> None:
    """Both ends hold to the second, whatever this process remembers."""
    first = await clients.create("shop", ["book:read"])
    issued = await clients.rotate("shop", OPERATOR, Lifetimes(new=3 * DAY, old=2 * HOUR))
    clock.advance(2 * HOUR - timedelta(seconds=1))
    assert await clients.identify(first) is not None
    clock.advance(timedelta(seconds=1))
    assert await clients.identify(first) is None
    assert await clients.identify(issued.secret) is not None
    clock.advance(3 * DAY)
    assert await clients.identify(issued.secret) is None
    await clients.rotate("shop", OPERATOR)  # ended keys do not count
    with pytest.raises(Refused, match="R-CLIENT-05"):
        await clients.retire_key("shop", issued.key_id, OPERATOR)


async def test_an_end_is_never_moved_out(clients: MachineClients) -> None:
    await clients.create("shop", ["book:read"])
    await clients.rotate("shop", OPERATOR, Lifetimes(old=HOUR))
    newest, oldest = await keys(clients)
    await clients.retire_key("shop", newest.key_id, OPERATOR)
    await clients.rotate("shop", OPERATOR, Lifetimes(old=5 * HOUR))
    assert (await keys(clients))[-1].expires_at == oldest.expires_at == NOW + HOUR


@pytest.mark.parametrize(
    "lives",
    [Lifetimes(new=timedelta(0)), Lifetimes(new=731 * DAY), Lifetimes(new=-DAY),
     Lifetimes(old=timedelta(0)), Lifetimes(old=2161 * HOUR)],
)  # fmt: skip
async def test_lifetimes_that_cannot_be(clients: MachineClients, lives: Lifetimes) -> None:
    await clients.create("shop", ["book:read"])
    with pytest.raises(Refused, match="R-CLIENT-06"):
        await clients.rotate("shop", OPERATOR, lives)
    assert len(await keys(clients)) == 1


async def test_the_last_day_of_use_is_written_once_a_day(
    clients: MachineClients, pool: Pool, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with every request: when the table is read anyway, and only where the day is new."""
    written: list[list[int]] = []
    note = machine.store.note_use

    async def noted(given: Pool, numbers: list[int], on: date) -> None:
        written.append(numbers)
        await note(given, numbers, on)

    monkeypatch.setattr(machine.store, "note_use", noted)
    used, unused = [await clients.create(name, ["book:read"]) for name in ("a", "b")]
    for day in range(3):
        for _ in range(5):
            for _ in range(20):
                assert await clients.identify(used) is not None
            clients._fresh_until = 0
        found = {each.name: each.keys[0].last_used_on for each in await clients.all()}
        assert found == {"a": (NOW + day * DAY).date(), "b": None}
        clock.advance(DAY)
    assert len(written) == 3
    assert unused


async def test_renewing_leaves_one_key(clients: MachineClients) -> None:
    first = await clients.create("shop", ["book:read"])
    second = (await clients.rotate("shop", OPERATOR)).secret
    third = await clients.renew("shop")
    assert third is not None
    opens = [await clients.identify(each) is not None for each in (first, second, third)]
    assert opens == [False, False, True]
    assert await clients.renew("nobody") is None
