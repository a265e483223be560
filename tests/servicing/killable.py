"""Processes for the tests that kill them: one posts, one closes days."""

from __future__ import annotations

import asyncio
import os
from datetime import date

from tests.reading import Patient
from usance.day import close
from usance.platform.database import CONNECTION_LOST, open_pool
from usance.servicing import commands as asked
from usance.servicing.service import Book

AMOUNT = 100


def post(url: str, contracts: list[int], first: int, log: str) -> None:
    """Post repayments, each under its own key, until killed; note each before and after.

    A line ``? n`` says that repayment n is being asked for, ``= n`` that it was acknowledged.
    """
    with open(log, "ab", buffering=0) as file:
        asyncio.run(_post(url, contracts, first, file.fileno()))


async def _post(url: str, contracts: list[int], first: int, log: int) -> None:
    pool = await open_pool(url, 3)
    book = Book(pool, clock=Patient())
    await book.start()
    lanes = 4

    async def lane(place: int) -> None:
        number = first + place
        while True:
            command = asked.Repay(contract_id=contracts[number % len(contracts)], amount=AMOUNT)
            os.write(log, f"? {number}\n".encode())
            answer = await _submit(book, command, f"n{number}")
            assert answer == 201, answer
            os.write(log, f"= {number}\n".encode())
            number += lanes

    await asyncio.gather(*(lane(place) for place in range(lanes)))


async def _submit(book: Book, command: asked.Command, key: str) -> int:
    """As a client does: the same key again until there is an answer."""
    while True:
        try:
            answer = await book.submit(command, actor="machine:1", key=key, request_hash=b"h")
        except CONNECTION_LOST:
            await asyncio.sleep(0.05)
            continue
        return answer.status


def close_days(url: str, through: date) -> None:
    """Close days, again after the server went away, until done or killed."""
    asyncio.run(_close(url, through))


async def _close(url: str, through: date) -> None:
    while True:
        try:
            pool = await open_pool(url, 3)
            await close.run(pool, through=through, workers=2)
            await pool.close()
        except CONNECTION_LOST:
            await asyncio.sleep(0.05)
            continue
        return
