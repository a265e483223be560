"""What a sender sends is found again by whoever got it: the whole way, with carriers that play."""

from __future__ import annotations

from tests.notices.house import NOON, house
from tests.servicing.books import KEYS
from usance.notices.asking import SENT, Verification
from usance.notices.outbox import Telling
from usance.platform.database import Pool


async def test_a_reminder_that_was_sent_is_genuine(pool: Pool) -> None:
    """R-VERIFY-01, R-VERIFY-04: by the code in its text and the end of the number it went to."""
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_200_000, 3)
        facts = {"n": 1, "due_on": "2025-02-01", "amount": 1, "days": -3}
        await home.tell(Telling(who, "due", "due-in-3-days", facts, loan))
        await home.sent()
        (order,) = home.sms.orders
        printed = order.text.split("核对码 ")[1].split("。")[0]
        verification = Verification(pool, KEYS, home.clock)
        found = await verification.ask(printed, order.to[-4:], "192.0.2.7")
        assert found is not None
        owed = await pool.fetchval(
            "SELECT principal + interest FROM due WHERE contract_id = $1 AND n = 1", loan
        )
        assert (found.amount, found.due_on) == (owed, "2025-02-01"), "as the text says it"
        assert (found.channel, found.state, found.sent_at) == ("sms", SENT, NOON)
        wrong = str((int(order.to[-4:]) + 1) % 10_000).rjust(4, "0")
        assert await verification.ask(printed, wrong, "192.0.2.7") is None
