"""Routes that do or open one thing: why, settle and close, day closes, balances of the book."""

from __future__ import annotations

import asyncio
import functools
import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.reading import read_costs_at
from tests.web.api_site import Site
from usance.day import verify
from usance.platform.database import Pool
from usance.servicing import debit_file
from usance.web import closing

TODAY = date(2026, 1, 5)


def refused(answer: httpx.Response, status: int, rule: str) -> bool:
    return (answer.status_code, answer.json()["rule"]) == (status, rule)


async def loan_of(site: Site) -> str:
    borrower = await site.borrower()
    await site.post(f"/v1/borrowers/{borrower}/lines", {"product": "cash_loan", "limit": "9000"})
    asked = {"product": "cash_loan", "principal": "6000.00", "instalments": 6}
    offer = (await site.post(f"/v1/borrowers/{borrower}/offers", asked)).json()["offer_id"]
    await read_costs_at(site.post, f"/v1/borrowers/{borrower}/offers/{offer}")
    accepted = await site.post(f"/v1/borrowers/{borrower}/offers/{offer}/accept", {})
    return str(accepted.json()["contract_id"])


async def why(site: Site, contract: str, figure: str, number: int = 0) -> Any:
    query = {"figure": figure, "number": number}
    answer = await site.client.get(f"/v1/contracts/{contract}/why", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- why -------------------------------------------------------------------------------------------


async def test_every_number_of_a_loan_opens_down_to_its_rules(site: Site) -> None:
    loan = await loan_of(site)
    await site.close_days(40)
    page = (await site.client.get(f"/v1/contracts/{loan}")).json()["contract"]
    top = await why(site, loan, "pay-off")
    assert top["amount"] == page["pay_off"]
    todo, seen = [("pay-off", 0), ("due-now", 0), ("dpd", 0), ("paid", 1)], set()
    while todo:
        figure, number = todo.pop()
        seen.add(figure)
        found = await why(site, loan, figure, number)
        if found["unit"] == "money":
            total = sum(Decimal(each["amount"]) for each in found["entries"])
            assert total == Decimal(found["amount"]), (figure, number)
        opens = [each["opens"] for each in found["entries"] if each["opens"]]
        todo += [(each["figure"], each["number"]) for each in opens]
    assert {"unpaid-principal", "unpaid-interest", "running", "asked-interest"} <= seen
    ran = (await why(site, loan, "asked-interest", 1))["ran"]
    assert [each["rate"] for each in ran] == ["0.00040000"] * len(ran)
    assert sum(Decimal(e["base"]) * Decimal(e["rate"]) * e["days"] for e in ran) == sum(
        Decimal(e["exact"]) for e in ran
    )


async def test_the_days_past_due_are_days_and_not_money(site: Site) -> None:
    loan = await loan_of(site)
    await site.close_days(40)
    found = await why(site, loan, "dpd")
    assert (found["unit"], found["amount"]) == ("days", "9")


async def test_a_figure_that_is_not(site: Site) -> None:
    account = await site.account()
    path = f"/v1/contracts/{account}/why"
    for query in ("figure=nothing", "figure=event&number=99", "figure=paid-interest&number=7"):
        assert refused(await site.client.get(f"{path}?{query}"), 404, "R-FOUND-01"), query
    for query in ("", "figure=", "figure=dpd&number=-1", "figure=dpd&more=1"):
        assert refused(await site.client.get(f"{path}?{query}"), 422, "R-DOC-01"), query
    unknown = await site.client.get("/v1/contracts/c-1001/why?figure=dpd")
    assert refused(unknown, 404, "R-FOUND-01")


# -- settle and close ------------------------------------------------------------------------------


async def test_a_loan_is_settled_and_closed(site: Site) -> None:
    loan = await loan_of(site)
    answer = await site.post(f"/v1/contracts/{loan}/closure", {}, "end")
    assert answer.status_code == 201
    assert answer.json()["contract"]["status"] == "closed"
    again = await site.post(f"/v1/contracts/{loan}/closure", {}, "end")
    assert (again.json(), again.headers["idempotent-replayed"]) == (answer.json(), "true")
    before = await site.written()
    assert refused(await site.post(f"/v1/contracts/{loan}/closure", {}), 422, "R-PAYOFF-02")
    assert await site.written() == before
    assert await verify.run(site.pool) == []


async def account_with_plan(site: Site) -> tuple[str, str]:
    account = await site.account()
    path = f"/v1/contracts/{account}"
    asked = {"instalments": 3, "amount": "600.00", "purchase": 2}
    offer = (await site.post(f"{path}/plan-offers", asked)).json()
    borrower = (await site.client.get(path)).json()["contract"]["borrower_id"]
    path = f"/v1/borrowers/{borrower}/offers/{offer['offer_id']}"
    await read_costs_at(site.post, path)
    return account, str((await site.post(f"{path}/accept", {})).json()["contract_id"])


async def test_an_account_ends_with_its_plans_and_its_line(site: Site) -> None:
    account, plan = await account_with_plan(site)
    await site.close_days(30)
    answer = (await site.post(f"/v1/contracts/{account}/closure", {})).json()
    assert answer["line"]["status"] == "closed"
    assert {part["contract"]["contract_id"] for part in answer["parts"]} == {account, plan}
    for each in (account, plan):
        page = (await site.client.get(f"/v1/contracts/{each}")).json()["contract"]
        assert (page["status"], page["pay_off"]) == ("closed", "0.00")
    audit = (await site.client.get(f"/v1/operations/{answer['operation_id']}")).json()
    assert audit["action"] == "SettleAndClose"
    await site.close_days(2)
    assert await verify.run(site.pool) == []


async def test_a_credit_balance_is_paid_out_at_the_end(site: Site) -> None:
    account = await site.account()
    await site.post(f"/v1/contracts/{account}/repayments", {"amount": "1200.00"})
    answer = (await site.post(f"/v1/contracts/{account}/closure", {})).json()
    assert [part["event"]["credit"] for part in answer["parts"]] == ["200.00"]
    assert answer["contract"]["credit_balance"] == "0.00"
    assert await verify.run(site.pool) == []


async def test_an_open_hold_refuses_the_whole(site: Site) -> None:
    account, _ = await account_with_plan(site)
    borrower = (await site.client.get(f"/v1/contracts/{account}")).json()["contract"]["borrower_id"]
    hold = {"product": "pay_later", "merchant": "Tea", "amount": "5.00"}
    await site.post(f"/v1/borrowers/{borrower}/authorisations", hold)
    before = await site.written()
    assert refused(await site.post(f"/v1/contracts/{account}/closure", {}), 422, "R-CLOSE-02")
    assert await site.written() == before


# -- day closes ------------------------------------------------------------------------------------


async def finished(site: Site, day: date) -> dict[str, Any]:
    for _ in range(200):
        state: dict[str, Any] = (await site.client.get(f"/v1/day/closes/{day}")).json()
        if state["state"] == "finished":
            return state
        await asyncio.sleep(0.02)
    raise AssertionError(state)


async def begin(site: Site, day: date | str, key: str = "") -> httpx.Response:
    return await site.post("/v1/day/closes", {"business_date": str(day)}, key)


async def test_a_day_is_closed_once_and_its_state_can_be_asked(site: Site) -> None:
    await site.account()
    twins = await asyncio.gather(*(begin(site, TODAY, "close") for _ in range(8)))
    assert {answer.status_code for answer in twins} == {201}
    assert len({answer.content for answer in twins}) == 1
    state = await finished(site, TODAY)
    assert (state["waiting"], len(state["digest"])) == (0, 64)
    assert (await site.client.get("/v1/day")).json()["business_date"] == str(TODAY + timedelta(1))
    operation = twins[0].json()["operation_id"]
    audit = (await site.client.get(f"/v1/operations/{operation}")).json()
    assert (audit["action"], audit["business_date"]) == ("BeginClose", str(TODAY))
    assert await verify.run(site.pool) == []


async def test_only_the_open_day_can_be_closed(site: Site) -> None:
    await begin(site, TODAY)
    await finished(site, TODAY)
    before = await site.written()
    for day in (TODAY, TODAY + timedelta(2), date(1900, 1, 1)):
        assert refused(await begin(site, day), 422, "R-CLOSE-DAY-04")
    assert refused(await begin(site, "2026-02-30"), 422, "R-DOC-01")
    for day in ("2026-01-06", "never", "2026-02-30"):
        answer = await site.client.get(f"/v1/day/closes/{day}")
        assert refused(answer, 404, "R-FOUND-01")
    assert await site.written() == before


@pytest.mark.parametrize("key", ["close", "another"])
async def test_a_close_that_broke_off_goes_on_when_asked_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Under the same key (its answer was lost) or a new one; the next day waits meanwhile."""

    async def dies(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(closing.close, "close_one", dies)
        first = await begin(site, TODAY, "close")
        await site.services.closing.stop()
    state = (await site.client.get(f"/v1/day/closes/{TODAY}")).json()
    assert (state["state"], state["digest"]) == ("under_way", None)
    assert (await site.client.get("/v1/day")).json()["is_closing"]
    assert refused(await begin(site, TODAY + timedelta(1)), 422, "R-CLOSE-DAY-04")
    assert refused(await begin(site, TODAY + timedelta(1), "close"), 409, "R-IDEM-01")
    again = (await begin(site, TODAY, key)).json()
    assert (again == first.json()) == (key == "close")
    await finished(site, TODAY)
    assert (await begin(site, TODAY + timedelta(1))).status_code == 201
    await finished(site, TODAY + timedelta(1))
    assert await verify.run(site.pool) == []


# -- balances of the book --------------------------------------------------------------------------

FROM_TRANSFERS = """
SELECT account, sum(debit)::bigint, sum(credit)::bigint FROM (
    SELECT debit AS account, amount AS debit, 0 AS credit FROM transfer WHERE {axis}_on <= $1
    UNION ALL SELECT credit, 0, amount FROM transfer WHERE {axis}_on <= $1
) AS side GROUP BY account ORDER BY account
"""
FILL = """
INSERT INTO transfer (cell, contract_id, event_seq, number, debit, credit, amount, effective_on,
    booked_on, product_id)
SELECT 0, 0, 900000 + n, 1, 1101, 2001, 1 + n % 7, day, day, 1
FROM generate_series(1, $1) AS n, LATERAL (SELECT $2::date - 1 - n % 300 AS day) AS spread
"""
FILL_DAYS = """
INSERT INTO ledger_day (booked_on, product_id, account, debit, credit)
SELECT booked_on, 1, 1101, sum(amount), 0 FROM transfer WHERE event_seq > 900000 GROUP BY booked_on
UNION ALL
SELECT booked_on, 1, 2001, 0, sum(amount) FROM transfer WHERE event_seq > 900000 GROUP BY booked_on
"""


async def balances_agree(site: Site, days: list[date]) -> None:
    for axis in ("booked", "effective"):
        for day in days:
            query = {"axis": axis, "on": str(day)}
            found = (await site.client.get("/v1/ledger/balances", params=query)).json()
            wanted = await site.pool.fetch(FROM_TRANSFERS.format(axis=axis), day)
            assert [
                (a["account"], Decimal(a["debit"]) * 100, Decimal(a["credit"]) * 100)
                for a in found["accounts"]
            ] == [tuple(row) for row in wanted], query


async def test_balances_are_those_of_the_transfers_on_both_axes(site: Site) -> None:
    account, loan = await site.account(), await loan_of(site)
    await site.close_days(20)
    back_dated = {"amount": "300.00", "effective_on": "2026-01-10"}
    for contract in (account, loan):
        answer = await site.post(f"/v1/contracts/{contract}/repayments", back_dated)
        assert answer.status_code == 201
    days = [TODAY + timedelta(n) for n in (-1, 0, 4, 5, 6, 19, 20, 21)]
    await balances_agree(site, days)
    await site.close_days(1)
    await balances_agree(site, days)


async def test_balances_do_not_read_all_transfers(site: Site) -> None:
    """The plan is by the days that are kept and the index of what is not: no scan of the table."""
    pool: Pool = site.pool
    await site.account()
    await site.close_days(1)
    await pool.execute(FILL, 300_000, TODAY)
    await pool.execute(FILL_DAYS)
    await pool.execute("ANALYZE transfer")
    began = time.perf_counter()
    answers = [
        await site.client.get(f"/v1/ledger/balances?axis={axis}")
        for axis in ("booked", "effective") for _ in range(10)
    ]  # fmt: skip
    assert (time.perf_counter() - began) / len(answers) < 0.05
    assert {answer.status_code for answer in answers} == {200}
    await balances_agree(site, [TODAY - timedelta(100), TODAY, TODAY + timedelta(1)])


# -- bank files ------------------------------------------------------------------------------------


async def test_a_file_that_broke_off_goes_on_under_its_key(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-HTTP-07 meanwhile; the key stands for the file from the start; each row is entered once."""
    account = await site.account()
    lines = "reference,id,amount,result_code,value_date,bank_transaction_id\n"
    lines += f"a,{account},100.00,00,{TODAY},t1\nb,c-1001,5.00,00,{TODAY},\n"

    async def load(content: str, key: str) -> httpx.Response:
        headers = {"content-type": "text/csv", "idempotency-key": key}
        path = "/v1/bank-files?name=day.csv"
        return await site.client.post(path, content=content.encode(), headers=headers)

    enter = debit_file.enter

    async def dies_at(row: int, *given: Any) -> None:
        if given[2][0].number == row:
            raise ConnectionError
        await enter(*given)

    monkeypatch.setattr(debit_file, "PORTION", 1)
    for row in (1, 2):
        with monkeypatch.context() as patched:
            patched.setattr(debit_file, "enter", functools.partial(dies_at, row))
            assert (await load(lines, "file")).status_code == 503
        other = await load(lines.replace("100.00", "50.00"), "file")
        assert refused(other, 409, "R-IDEM-01")
        assert await site.pool.fetchval("SELECT count(*) FROM bank_file") == 1
    done = await load(lines, "file")
    assert (done.status_code, "idempotent-replayed" in done.headers) == (201, False)
    again = await load(lines, "file")
    assert (again.json(), again.headers["idempotent-replayed"]) == (done.json(), "true")
    other_key = await load(lines, "another")
    assert other_key.json() == done.json()
    assert await site.pool.fetchval("SELECT count(*) FROM bank_file_row") == 2
    spent = await site.post(f"/v1/contracts/{account}/repayments", {"amount": "1"}, "file")
    assert refused(spent, 409, "R-IDEM-01")
    assert await verify.run(site.pool) == []


async def test_two_files_under_one_key_at_once(site: Site) -> None:
    lines = "reference,id,amount,result_code,value_date,bank_transaction_id\n"
    files = [lines + f"r{n},c-1001,{n}.00,00,{TODAY},t\n" for n in (1, 2)]
    headers = {"content-type": "text/csv", "idempotency-key": "twins"}
    answers = await asyncio.gather(*(
        site.client.post("/v1/bank-files?name=a.csv", content=each.encode(), headers=headers)
        for each in files
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await site.pool.fetchval("SELECT count(*) FROM bank_file") == 1


async def test_what_cannot_be_back_dated_does_not_take_a_day(site: Site) -> None:
    """A day that would be overlooked is refused, not ignored."""
    loan = await loan_of(site)
    for name, body in {
        "settlement": {}, "reversals": {"of": 1}, "extensions": {"days": 3}, "charge-off": {},
        "charges": {"component": "fee", "amount": "1.00"}, "payouts": {}, "closure": {},
    }.items():  # fmt: skip
        path = f"/v1/contracts/{loan}/{name}"
        answer = await site.post(path, body | {"effective_on": "2026-01-01"})
        assert refused(answer, 422, "R-DOC-01"), name
