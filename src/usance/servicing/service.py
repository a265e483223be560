"""``Book``: where everybody asks. Requests that arrive together are posted together."""

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.once import Answer, problem
from usance.platform.clock import Clock, SystemClock, microseconds
from usance.platform.database import RETRIED, Pool, retrying, transaction
from usance.servicing import columns as sql
from usance.servicing import commands as asked
from usance.servicing.post import Request, needs_no_lock, post, post_unlocked
from usance.servicing.products import agreed, products
from usance.servicing.terms import forget, intern
from usance.servicing.write import Beyond

BATCH_MAX = 64
"""Requests posted in one transaction: enough to share its cost, few enough to answer soon."""
LANES = 2
"""While PostgreSQL works on one batch, this process decides another."""
PAUSE, PAUSES_MAX = 0.001, 4
"""So long, in seconds, and so often does a lane wait for those that came along last time."""

Asked = tuple[Request, asyncio.Future[Answer]]


class Rehearsed(Exception):
    """Ends the transaction of a rehearsal, so that nothing of it stays."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("nothing of this happened")
        self.answer = answer


class Book:
    """The book of one lender, served by this process."""

    def __init__(self, pool: Pool, lanes: int = LANES, clock: Clock | None = None) -> None:
        self.pool = pool
        self._clock = clock or SystemClock()
        self.lanes = lanes
        self._waiting: asyncio.Queue[Asked] = asyncio.Queue()
        self._gathering = asyncio.Lock()
        self._under_way = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take requests; ``lanes`` batches may be under way at once."""
        forget()
        for product in products().values():
            if product.kind == "statement":
                terms = agreed(product.terms(opened_on="2000-01-01"), 0).terms
                await intern(self.pool, terms)
        self._tasks = [asyncio.create_task(self._lane()) for _ in range(self.lanes)]

    async def stop(self) -> None:
        """Finish what was asked for."""
        if self._tasks:
            await self._waiting.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def submit(
        self, command: asked.Command, *, actor: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Carry out one command; the answer is given after the commit."""
        try:
            await self.prepare(command)
        except Refused as refused:
            return problem(refused.refusal)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        request = Request(self.stamped(command), actor, key, request_hash)
        await self._waiting.put((request, future))
        return await future

    async def rehearse(self, command: asked.Command, *, actor: str) -> Answer:
        """What one command would be answered with now; nothing is changed."""
        try:
            await self.prepare(command)
        except Refused as refused:
            return problem(refused.refusal)
        try:
            async with transaction(self.pool, sql.LOCK) as connection:
                request = Request(self.stamped(command), actor)
                raise Rehearsed((await post(connection, [request]))[0])
        except Rehearsed as rehearsed:
            return rehearsed.answer

    async def submit_many(self, commands: list[asked.Command], *, actor: str) -> list[Answer]:
        """Carry out many commands of one actor in as few transactions as they need."""
        for command in commands:
            await self.prepare(command)
        requests = [Request(self.stamped(command), actor) for command in commands]
        return await self.post(requests)

    async def post(self, requests: list[Request]) -> list[Answer]:
        """One transaction; again where it lost against another one, and then with locks."""
        if all(needs_no_lock(each) for each in requests):
            with contextlib.suppress(Beyond, *RETRIED):
                async with self.pool.acquire() as connection:
                    return await post_unlocked(connection, requests)

        async def once() -> list[Answer]:
            async with transaction(self.pool, sql.LOCK) as connection:
                return await post(connection, requests)

        return await retrying(once)

    @rule("R-COST-04")
    def stamped(self, command: asked.Command) -> asked.Command:
        """A command that says when has the moment of the book's own clock, unless it has one."""
        if not isinstance(command, asked.Stamped) or command.at:
            return command
        return replace(command, at=microseconds(self._clock.now()))

    async def prepare(self, command: asked.Command) -> None:
        """Terms are shared by all contracts and stored before the transaction that uses them."""
        if isinstance(command, asked.AcceptOffer):
            document = await self._offer_terms(command)
            if document is not None:
                await intern(self.pool, agreed(document, 0).terms)

    async def _offer_terms(self, command: asked.AcceptOffer) -> dict[str, Any] | None:
        """The terms of an offer; None if there is none."""
        document = await self.pool.fetchval(
            sql.OFFER_DOCUMENT, command.borrower_id % 1024, command.offer_id
        )
        return json.loads(document) if document else None

    async def _lane(self) -> None:
        """Take what waits, post it, answer; one after the other."""
        usual = 1
        while True:
            async with self._gathering:
                batch = await self._gather(usual)
                usual = len(batch)
                self._under_way += usual
            try:
                await self._serve(batch)
            finally:
                self._under_way -= usual
            for _ in batch:
                self._waiting.task_done()

    async def _gather(self, usual: int) -> list[Asked]:
        """What one lane takes of what is asked, once as many wait as last time, or soon after.

        A batch has a cost of its own: who was answered together asks again together, and without
        the pause the first of them would be served alone while the others wait for that.
        """
        batch = [await self._waiting.get()]
        for _ in range(PAUSES_MAX):
            if len(batch) + self._waiting.qsize() >= usual:
                break
            await asyncio.sleep(PAUSE)
        asked = len(batch) + self._waiting.qsize() + self._under_way
        share = min(-(-asked // self.lanes), BATCH_MAX)
        while len(batch) < share and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        return batch

    async def _serve(self, batch: list[Asked]) -> None:
        """Answer every request of a batch; one that breaks a batch is served alone."""
        try:
            answers = await self.post([request for request, _ in batch])
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0][1], error)
                return
            for each in batch:
                await self._serve([each])
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _fail(future: asyncio.Future[Answer], error: Exception) -> None:
    if not future.done():
        with contextlib.suppress(asyncio.InvalidStateError):
            future.set_exception(error)


