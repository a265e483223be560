"""Everything of the book that somebody is told, from the operation to the words that leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from tests.notices.house import House, house
from tests.servicing.books import ACTOR
from tests.servicing.test_debit_file import content_of, line
from usance.core.identifiers import parse, written
from usance.core.money import format_decimal
from usance.notices import planner_sql
from usance.platform.database import Pool
from usance.servicing import commands as asked
from usance.servicing import debit_bulk, debit_file

Act = Callable[[House, "Owed"], Awaitable[Any]]


class Owed:
    """Somebody with an account and a loan."""

    who: int
    account: int
    loan: int

    @classmethod
    async def by(cls, home: House) -> Owed:
        self = cls()
        self.who = await home.book.borrower()
        self.account = await home.book.line(self.who, "pay_later")
        await home.book.line(self.who, "cash_loan")
        self.loan = await home.book.loan(self.who, 1_200_000, 3)
        return self


async def quiet(home: House) -> None:
    """What was told until here is not looked at."""
    await home.planned()
    await home.pool.execute("UPDATE notice SET state = 3 WHERE state = 1")
    home.sms.orders.clear()


async def texts(home: House) -> list[str]:
    """What leaves now, in its order; once, however often somebody looks."""
    before = await home.planned()
    await home.pool.execute("UPDATE notice_feed SET through = '3', day_through = '0001-01-01'")
    assert await home.planned() == before, "planned again"
    for _ in before:
        await home.later(minutes=2)
    left = [each.text for each in home.sms.orders]
    home.sms.orders.clear()
    return left


async def open_line(home: House, _: Owed) -> None:
    other = await home.book.borrower()
    await home.book.line(other, "pay_later", 2_000_000)
    await home.book.line(other, "cash_loan", 3_000_000)


async def change_limit(home: House, at: Owed) -> None:
    for limit in (1_500_000, 1_500_000, 2_500_000):
        await home.book.do(
            asked.ChangeLimit(borrower_id=at.who, product="cash_loan", limit=limit)
        )


async def close_line(home: House, at: Owed) -> None:
    await home.book.do(asked.CloseLine(borrower_id=at.who, product="pay_later"))


async def settle_and_close(home: House, at: Owed) -> None:
    await home.book.do(asked.Purchase(contract_id=at.account, amount=30_000))
    await home.book.do(asked.SettleAndClose(contract_id=at.account))


async def settle(home: House, at: Owed) -> None:
    await home.book.do(asked.Repay(contract_id=at.loan, amount=200_000))
    await home.book.do(asked.Settle(contract_id=at.loan))


async def settle_plan(home: House, at: Owed) -> None:
    await home.book.do(asked.Purchase(contract_id=at.account, amount=200_000))
    await home.book.close_through(date(2025, 1, 1))
    await quiet(home)
    offer = await home.book.do(asked.OfferPlan(contract_id=at.account, instalments=3))
    plan = await home.book.accept(at.who, parse("offer", offer["offer_id"]))
    await home.book.do(asked.Settle(contract_id=parse("contract", plan["contract_id"])))


async def stop_account(home: House, at: Owed) -> None:
    await home.book.do(asked.Purchase(contract_id=at.account, amount=30_000))
    done = await home.book.do(asked.ChargeOff(contract_id=at.account))
    await home.planned()
    await home.book.do(asked.Reverse(contract_id=at.account, of=done["event"]["seq"]))


async def write_loan_off(home: House, at: Owed) -> None:
    await home.book.do(asked.ChargeOff(contract_id=at.loan))
    await home.book.do(asked.Recover(contract_id=at.loan, amount=40_000))


async def return_drawing(home: House, at: Owed) -> None:
    await home.book.do(asked.ReturnDrawing(contract_id=at.loan, reason="failed"))


async def take_back(home: House, at: Owed) -> None:
    first = await home.book.do(asked.Repay(contract_id=at.loan, amount=200_000))
    last = await home.book.do(asked.Settle(contract_id=at.loan))
    await quiet(home)
    for each in (first, last):
        await home.book.do(asked.ChargeBack(contract_id=at.loan, of=each["event"]["seq"]))


async def close_by_itself(home: House, at: Owed) -> None:
    """What was paid too much pays the only instalment on its day, and the loan is settled."""
    first = await home.book.do(asked.Repay(contract_id=at.loan, amount=400_000))
    await home.book.do(asked.Repay(contract_id=at.loan, amount=900_000))
    back = asked.ChargeBack(contract_id=at.loan, of=first["event"]["seq"], amount=50_000)
    await home.book.do(back)
    await quiet(home)
    await home.book.close_through(date(2025, 1, 31))


async def put_right(home: House, at: Owed) -> None:
    """A fee that was charged wrongly is all that was still open."""
    fee = asked.Charge(contract_id=at.loan, component="fee", amount=5_000)
    charged = await home.book.do(fee)
    await home.book.do(asked.Settle(contract_id=at.loan))
    await home.book.do(asked.ChargeBack(contract_id=at.loan, of=3, amount=5_000))
    await quiet(home)
    await home.book.close_through(date(2025, 1, 1))
    await home.book.do(asked.Reverse(contract_id=at.loan, of=charged["event"]["seq"]))


CALL = "请致电 400-820-8820。"
PAID = "已收到您{}的还款{} 元，谢谢。明细见应用。如有不符，" + CALL
OPENED = (
    "您的{}已于2025年1月1日开通，额度{} 元。"
    "条款在应用的“合同”中随时可查。如非本人办理，" + CALL
)
CHANGED = (
    "您的随借金额度已由{} 元调整为{} 元，2025年1月1日起生效。"
    "如不同意，可在应用提出异议或致电 400-820-8820。"
)
CLOSED = "您的先享后付额度已于2025年1月1日关闭，今后不能再使用。如非您的意愿，" + CALL
SETTLED = "您的随借金已于{}全部结清，谢谢。结清证明可在应用下载。疑问" + CALL
STATUS = "您的{}自{}起为：{}。原因和下一步见应用。如不同意，" + CALL
FIRST, SECOND, LAST = "2025年1月1日", "2025年1月2日", "2025年2月1日"
LOAN, ACCOUNT = "随借金", "先享后付"


@pytest.mark.parametrize(("act", "told"), [
    (open_line, [OPENED.format(ACCOUNT, "20,000.00"), OPENED.format(LOAN, "30,000.00")]),
    (change_limit, [CHANGED.format("20,000.00", "15,000.00"),
                    CHANGED.format("15,000.00", "25,000.00")]),
    (close_line, [CLOSED]),
    (settle_and_close, [PAID.format(FIRST, "300.00"), CLOSED]),
    (settle, [PAID.format(FIRST, "2,000.00"), PAID.format(FIRST, "10,000.00"),
              SETTLED.format(FIRST)]),
    (settle_plan, [PAID.format(SECOND, "2,013.20")]),
    (stop_account, [STATUS.format(ACCOUNT, FIRST, "暂停使用"),
                    STATUS.format(ACCOUNT, FIRST, "恢复使用")]),
    (write_loan_off, [PAID.format(FIRST, "400.00")]),
    (return_drawing, [STATUS.format(LOAN, FIRST, "已取消（款项未到账）")]),
    (take_back, [STATUS.format(LOAN, FIRST, "重新有应还款项")]),
    (close_by_itself, [SETTLED.format(LAST)]),
    (put_right, [SETTLED.format(FIRST)]),
], ids=lambda each: getattr(each, "__name__", ""))  # fmt: skip
async def test_from_the_operation_to_the_words(pool: Pool, act: Act, told: list[str]) -> None:
    """R-PLAN-01, R-PLAN-02, R-PLAN-04."""
    async with house(pool) as home:
        at = await Owed.by(home)
        await quiet(home)
        await act(home, at)
        assert await texts(home) == told
        assert await texts(home) == []
        await home.book.holds()


async def test_in_english_too(pool: Pool) -> None:
    async with house(pool) as home:
        at = await Owed.by(home)
        await quiet(home)
        await home.pool.execute("UPDATE borrower SET language = 'en'")
        await return_drawing(home, at)
        assert await texts(home) == [
            "From 2025-01-01 your Cash loan is cancelled, as the money did not reach you. See our"
            " app for why and what comes next. To object, call 400-820-8820."
        ]


async def test_everything_of_one_transaction_in_its_order(pool: Pool) -> None:
    """R-PLAN-01: each as its operation left it, whatever came after it."""
    async with house(pool) as home:
        at, other = await Owed.by(home), await home.book.borrower()
        await quiet(home)
        line = {"borrower_id": other, "product": "cash_loan"}
        await home.book.book.submit_many([
            asked.OpenLine(**line, limit=1_000_000), asked.ChangeLimit(**line, limit=2_000_000),
            asked.Repay(contract_id=at.loan, amount=1_000), asked.CloseLine(**line),
            asked.Settle(contract_id=at.loan), asked.OpenLine(**line, limit=3_000_000),
            asked.ChangeLimit(borrower_id=at.who, product="cash_loan", limit=999),
        ], actor=ACTOR)  # fmt: skip
        rows = [each for each in await home.planned() if each["state"] == 1]
        assert len({each["xid"] for each in await home.pool.fetch(
            "SELECT xid FROM operation ORDER BY operation_id DESC LIMIT 7")}) == 1  # fmt: skip
        of = {who: [each["template_id"] for each in rows if each["borrower_id"] == who]
              for who in (other, at.who)}  # fmt: skip
        assert of[other] == ["opened", "limit-changed", "line-closed", "opened"]
        assert of[at.who] == ["paid", "paid", "contract-closed", "limit-changed"]
        await home.book.holds()


async def test_a_planner_that_dies_has_planned_nothing(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-PLAN-01."""
    async with house(pool) as home:
        at = await Owed.by(home)
        await quiet(home)
        before = await home.rows()
        await settle(home, at)
        await change_limit(home, at)
        with monkeypatch.context() as now:
            now.setattr(planner_sql, "MOVE_ON", "SELECT $1::xid8, $2::date, 1 / 0")
            with pytest.raises(Exception, match="division by zero"):
                await home.planner.step()
        assert await home.rows() == before
        planned = [each["template_id"] for each in (await home.planned())[len(before):]]
        assert planned == ["paid", "paid", "contract-closed", "limit-changed", "limit-changed"]


async def test_who_was_not_told_that_it_is_settled_is_not_told_that_it_is_not(pool: Pool) -> None:
    """R-PLAN-04."""
    async with house(pool) as home:
        at = await Owed.by(home)
        await quiet(home)
        done = await home.book.do(asked.Settle(contract_id=at.loan))
        back = asked.ChargeBack(contract_id=at.loan, of=done["event"]["seq"])
        await home.book.do(back)
        assert [each.split("自")[0][:6] for each in await texts(home)] == ["已收到您20"]
        again = await home.book.do(asked.Settle(contract_id=at.loan))
        assert (await texts(home))[-1] == SETTLED.format(FIRST)
        await home.book.do(asked.ChargeBack(contract_id=at.loan, of=again["event"]["seq"]))
        assert await texts(home) == [STATUS.format(LOAN, FIRST, "重新有应还款项")]


# -- debits ----------------------------------------------------------------------------------------


async def loaded(home: House, *lines: str, name: str = "bank.csv") -> list[str]:
    """A bank's file; what came of its rows."""
    found = await debit_file.load(home.book.book, name, content_of(*lines), ACTOR)
    return [row.outcome for row in found.rows]


def amount(units: int) -> str:
    return format_decimal(units, 2)


async def due(home: House) -> tuple[Owed, str, str]:
    """Somebody whose first instalment is due: the contract, and what it asks."""
    at = await Owed.by(home)
    await home.book.close_through(date(2025, 1, 31))
    await quiet(home)
    units = await home.pool.fetchval(
        "SELECT principal + interest FROM due WHERE contract_id = $1 AND n = 1", at.loan
    )
    return at, written("contract", at.loan), amount(units)


@pytest.mark.parametrize(("code", "why"), [
    ("51", "账户余额不足"), ("54", "账户状态异常"), ("05", "银行未说明原因"),
])  # fmt: skip
async def test_a_debit_that_failed_is_told(pool: Pool, code: str, why: str) -> None:
    async with house(pool) as home:
        _, contract, asks = await due(home)
        assert await loaded(home, line("D1", contract, asks, code=code)) == ["failed"]
        (text,) = await texts(home)
        whole = f"{float(asks):,.2f}"
        assert text.startswith(f"{LAST}的自动扣款{whole} 元未成功：{why}。您可自行打开应用还款。")
        assert await loaded(home, line("D1", contract, asks, code=code), name="b") == ["failed"]
        again = line("D1", contract, asks, code=code, bank="T2")
        assert await loaded(home, again) == ["failed"]
        assert await texts(home) == [], "of a reference once"
        await home.book.holds()


async def test_a_debit_that_came_back_is_told(pool: Pool) -> None:
    async with house(pool) as home:
        _, contract, asks = await due(home)
        assert await loaded(home, line("D1", contract, asks)) == ["paid"]
        assert len(await texts(home)) == 1
        assert await loaded(home, line("D1", contract, asks, code="R07")) == ["returned"]
        (text,) = await texts(home)
        assert "未成功：扣款授权已失效" in text
        await home.book.holds()


async def test_where_nothing_can_be_paid_no_debit_is_told(pool: Pool) -> None:
    """Settled meanwhile, of nobody, or of money that was never booked."""
    async with house(pool) as home:
        at, contract, asks = await due(home)
        await home.book.do(asked.Settle(contract_id=at.loan))
        await quiet(home)
        rows = [line("D1", contract, asks, code="51"), line("D2", "c-9", asks, code="51"),
                line("D3", "b-9", asks, code="51"), line("D4", contract, asks),
                line("D4", contract, asks, code="R01")]  # fmt: skip
        assert (await loaded(home, *rows))[:3] == ["failed"] * 3
        assert [each for each in await home.rows() if each["template_id"] == "debit-failed"] == []
        assert await texts(home) == []


async def test_of_all_contracts_and_in_sets(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A borrower's debit for everything, and a debit that settles, posted with many others."""
    monkeypatch.setattr(debit_bulk, "LEAST", 1)
    async with house(pool) as home:
        at, contract, _ = await due(home)
        other = await Owed.by(home)
        await quiet(home)
        for n in (1, 2):
            await home.book.do(asked.Repay(contract_id=at.loan, amount=10**5 * 4 + n * 8_000))
            await home.book.close_through(date(2025, 1 + n, 28))
        await home.book.close_through(date(2025, 3, 31))
        await quiet(home)
        left = await home.pool.fetchval(
            "SELECT sum(principal + interest + fee + penalty - paid_principal - paid_interest"
            " - paid_fee - paid_penalty)::bigint FROM due WHERE contract_id = $1", at.loan,
        )  # fmt: skip
        today = await home.book.today()
        outcomes = await loaded(
            home, line("E1", contract, amount(left), on=today),
            line("E2", written("borrower", other.who), "10.00", code="51", on=today),
        )  # fmt: skip
        assert outcomes == ["paid", "failed"]
        rows = [each for each in await home.planned() if each["state"] == 1]
        assert [(each["borrower_id"], each["template_id"]) for each in rows] == [
            (at.who, "paid"), (at.who, "contract-closed"), (other.who, "debit-failed"),
        ]  # fmt: skip
        assert rows[2]["contract_id"] == 0
