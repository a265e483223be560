"""Who is answered together asks again together, and is then served together."""

import asyncio
from typing import Any, cast

import pytest

from usance.identity.once import Answer
from usance.servicing import commands as ask
from usance.servicing import service
from usance.servicing.service import BATCH_MAX, LANES, Asked, Book

REPAY = ask.Repay(contract_id=1, amount=1)
WORK_SECONDS = 0.004


class Watched(Book):
    """Remembers what was posted together; posting takes a while and changes nothing."""

    def __init__(self) -> None:
        super().__init__(cast("Any", None))
        self.batches: list[int] = []
        self.most_at_once = self.at_once = 0

    async def open(self) -> None:
        self._tasks = [asyncio.create_task(self._lane()) for _ in range(self.lanes)]

    async def _serve(self, batch: list[Asked]) -> None:
        self.batches.append(len(batch))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(WORK_SECONDS)
        self.at_once -= 1
        for _, future in batch:
            future.set_result(Answer(201, {}))


async def asked(clients: int, times: int) -> Watched:
    """So many clients ask so often, each again once it has its answer."""
    book = Watched()
    await book.open()

    async def one() -> None:
        for _ in range(times):
            await book.submit(REPAY, actor="test")

    await asyncio.gather(*(one() for _ in range(clients)))
    await book.stop()
    return book


async def test_clients_share_the_lanes() -> None:
    book = await asked(clients=16, times=20)
    assert sum(book.batches) == 320
    assert book.most_at_once == LANES
    later = book.batches[10:]
    assert sum(later) / len(later) > 16 / LANES - 2, book.batches


async def test_a_client_alone_does_not_wait_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PAUSE", 3_600)  # a single one would be too much
    async with asyncio.timeout(60):
        book = await asked(clients=1, times=20)
    assert book.batches == [1] * 20


async def test_a_crowd_is_served_in_bounded_batches() -> None:
    book = await asked(clients=1_000, times=1)
    assert max(book.batches) == BATCH_MAX
    assert sum(book.batches) == 1_000
