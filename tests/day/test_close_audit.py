"""The audit log says who asked for the close of a day, and who for its end after a stop."""

from __future__ import annotations

from datetime import date

from tests.servicing.books import TestBook
from usance.day import close

DAY = date(2025, 1, 1)


async def asked_for(book: TestBook) -> list[tuple[str, str, date]]:
    rows = await book.pool.fetch(
        "SELECT actor, action, business_date FROM operation "
        "WHERE action IN ('BeginClose', 'ResumeClose') ORDER BY operation_id"
    )
    return [tuple(row) for row in rows]


async def test_every_day_has_who_asked_for_its_close(book: TestBook) -> None:
    """R-CLOSE-DAY-05."""
    await close.run(book.pool, actor="staff:7")
    await close.run(book.pool)
    assert await asked_for(book) == [
        ("staff:7", "BeginClose", DAY),
        ("system:day-close", "BeginClose", date(2025, 1, 2)),
    ]
    await book.holds()


async def test_a_close_that_stopped_is_resumed_by_name(book: TestBook) -> None:
    """R-CLOSE-DAY-05: the day began under one name and was ended under another."""
    await close.move_date(book.pool, DAY, "staff:7")
    await close.run(book.pool, actor="staff:8")
    await close.run(book.pool, through=DAY, actor="staff:9")  # nothing is left: nothing is said
    assert await asked_for(book) == [
        ("staff:7", "BeginClose", DAY),
        ("staff:8", "ResumeClose", DAY),
    ]
    await book.holds()
