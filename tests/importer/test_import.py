"""The whole way through the book: balances, days past due, restarts, mutated rules."""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.importer.cards import REAL, SMALL, changed, imported
from tests.servicing.books import fingerprint
from usance.contract import line
from usance.contract.records import Contract, Due, Out, Terms
from usance.core.identifiers import borrower_of, contract_of
from usance.core.refusals import Refused
from usance.day import verify
from usance.identity.borrowers import Borrowers
from usance.importer import store, uci_sample
from usance.importer.compare import days_late
from usance.importer.plan import months
from usance.importer.report import markdown
from usance.importer.uci import read
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool, open_pool
from usance.risk.features import features_of_all
from usance.servicing.setup import create_book

ACCOUNTS = 12
HAND = {
    3: [0, 11, 41, 72, 103, 133],  # never pays the bill of April, due on 20 May
    7: [0, 11, 10, 11, 11, 10],  # one month behind ever after: money pays the oldest bill first
    12: [0, 0, 10, 11, 0, 0],  # misses June, pays everything in August
}
"""Days past due on the six statement days, worked out by hand; all others are never late."""

loading = sys.modules["usance.importer.load"]


async def late(pool: Pool) -> dict[int, list[int]]:
    """Days past due by account number, without those who never are."""
    contracts = {n: contract_of(b, 1) for n, b in (await store.borrowers(pool)).items()}
    found = await days_late(pool, sorted(contracts.values()))
    return {n: found[contract] for n, contract in contracts.items() if any(found[contract])}


async def test_book_and_file_agree(pool: Pool) -> None:
    found = await imported(pool)
    assert found.ok
    assert (found.equal, found.bills) == (ACCOUNTS * 6, ACCOUNTS * 6)
    assert (found.purchases, found.refunds, found.payments) == (42, 2, 32)
    assert [month.negative for month in found.months] == [1, 2, 2, 1, 2, 1]
    assert [month.over_limit for month in found.months] == [2] * 6
    assert await late(pool) == HAND
    assert found.differences == []
    # what happened is in the book: events of both kinds, one statement for each bill
    kinds = dict(await pool.fetch("SELECT kind, count(*) FROM event GROUP BY kind"))
    assert (kinds[2], kinds[3], kinds[4], kinds[11]) == (42, 32, 2, ACCOUNTS * 6)
    assert await pool.fetchval("SELECT business_date FROM book") == date(2005, 10, 1)
    assert await pool.fetchval("SELECT currency FROM book") == "TWD"
    assert (
        await pool.fetchval("SELECT count(*) FROM day_close WHERE finished_at IS NOT NULL") == 183
    )
    limits = await pool.fetch("SELECT limit_amount FROM line ORDER BY borrower_id")
    assert {row[0] for row in limits} >= {1_000_00, 50_000_00}
    assert await verify.run(pool) == []


async def test_status_and_days_past_due_are_counted_side_by_side(pool: Pool) -> None:
    found = await imported(pool)
    # the third account: 2, 3, 4, 5, 6, 7 in the file; 0, 11, 41, 72, 103, 133 days in the book
    wanted = {(2, 0), (3, 1), (4, 2), (5, 3), (6, 4), (7, 5)}
    assert wanted <= set(found.same_month)
    assert {(2, 1), (3, 2), (4, 3), (5, 4), (6, 5)} <= set(found.next_month)
    assert sum(found.same_month.values()) == ACCOUNTS * 6
    assert sum(found.next_month.values()) == ACCOUNTS * 5
    text = markdown(found)
    assert "72 of 72 statement balances equal" in text
    assert "| 2005-05-31 | 12 | 12 | TWD 37100.00 | 2 | 12 | 2 |" in text
    assert "42 purchases, 2 refunds; 32 payments of TWD" in text


async def test_lateness_is_what_the_lender_before_told(pool: Pool) -> None:
    """R-IMPORT-03: as of each month's end, by the file's status; once, however often it runs."""
    await imported(pool)
    await imported(pool)
    borrowers = await store.borrowers(pool)
    accounts = {account.number: account for account in read(SMALL.read_bytes())}
    late = 0
    for month in months():
        found = await features_of_all(pool, month.statement_on)
        for number, account in accounts.items():
            wanted = 30 * max(account.status[month.place], 0)
            assert found.of(borrowers[number])["days_late"] == wanted
            late += wanted > 0
    assert late > 5
    told = await pool.fetchval("SELECT count(*) FROM operation WHERE action = 'TellLateness'")
    assert told == 5, "in May nothing is said anew"
    assert await verify.run(pool) == []


async def test_a_sample_has_the_outcomes_of_the_file(pool: Pool, tmp_path: Path) -> None:
    """R-SCORE-08: and says of each account what the book says."""
    await imported(pool)
    await uci_sample(SMALL, pool, tmp_path / "sample.csv")
    with SMALL.open() as file, (tmp_path / "sample.csv").open() as sampled:
        bad = {row["ID"]: row["default.payment.next.month"] for row in csv.DictReader(file)}
        rows = list(csv.DictReader(sampled))
    assert {row["account"]: row["bad"] for row in rows} == bad
    assert "borrower_id" not in rows[0]
    assert {int(row["days_late"]) % 30 for row in rows} == {0}


async def test_borrowers_have_no_personal_data(pool: Pool) -> None:
    await imported(pool)
    rows = await pool.fetch("SELECT data_key, name, phone, identity_number, email FROM borrower")
    assert {tuple(row) for row in rows} == {(b"",) * 5}
    keys = LocalKeyService(b"i" * 32, {1: b"m" * 32})
    shown = await Borrowers(pool, keys).read(borrower_of(1))
    assert shown is not None
    assert (shown.name, shown.phone) == ("", "")


async def test_the_same_file_again_changes_nothing(pool: Pool) -> None:
    first = await imported(pool)
    before = await fingerprint(pool)
    second = await imported(pool)
    assert await fingerprint(pool) == before
    assert second == first


async def test_another_file_is_refused(pool: Pool, tmp_path: Path) -> None:
    await imported(pool)
    before = await fingerprint(pool)
    with pytest.raises(Refused, match="R-IMPORT-02"):
        await imported(pool, changed(tmp_path, 2, "PAY_AMT1", "501"))
    assert await fingerprint(pool) == before


async def test_a_bad_file_imports_nothing(pool: Pool, tmp_path: Path) -> None:
    before = await fingerprint(pool)
    with pytest.raises(Refused, match="line 13, column PAY_AMT6"):
        await imported(pool, changed(tmp_path, 13, "PAY_AMT6", "none"))
    assert await fingerprint(pool) == before


async def test_a_book_of_another_lender_is_left_alone(pool: Pool) -> None:
    await create_book(pool, name="mine", opened_on=date(2005, 4, 1))
    before = await fingerprint(pool)
    with pytest.raises(Refused, match="R-IMPORT-02"):
        await imported(pool)
    assert await fingerprint(pool) == before


FACTS = """
SELECT e.contract_id, seq, kind, effective_on, booked_on, e.amount, principal, credit,
    (SELECT sum(t.amount) FROM transfer t WHERE t.contract_id = e.contract_id AND t.event_seq = seq)
FROM event e ORDER BY 1, 2
"""


async def test_an_import_that_was_broken_off_goes_on_where_it_stopped(
    pool: Pool, module_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies in the middle of postings and of day closes, again and again; nothing is doubled."""
    monkeypatch.setattr(loading, "BATCH", 5)
    post, close = loading.Book.post, loading.close.run
    chance, deaths = random.Random(20050401), 0

    async def dies(*args: Any, **kwargs: Any) -> Any:
        if chance.random() < 0.2:
            raise ConnectionError("gone")
        return await (post if isinstance(args[0], loading.Book) else close)(*args, **kwargs)

    monkeypatch.setattr(loading.Book, "post", dies)
    monkeypatch.setattr(loading.close, "run", dies)
    found = None
    while found is None:
        try:
            found = await imported(pool)
        except ConnectionError:
            deaths += 1
    assert found.ok
    assert deaths > 5
    facts = [tuple(row) for row in await pool.fetch(FACTS)]
    assert await late(pool) == HAND
    assert await verify.run(pool) == []
    monkeypatch.undo()
    undisturbed = await open_pool(module_database, 4)
    await imported(undisturbed)
    assert [tuple(row) for row in await undisturbed.fetch(FACTS)] == facts
    await undisturbed.close()


# -- a wrong rule is noticed -----------------------------------------------------------------------


def loses_overpayment(c: Contract, amount: int, source: int, out: Out) -> None:
    """R-CREDIT-01 broken: what exceeds everything owed vanishes."""


def keeps_credit(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """R-CREDIT-02 broken: a credit balance does not pay what is asked."""


def forgets(c: Contract, d: Due, to: Due) -> None:
    """R-LINE-02 broken: the remainder of a met cycle does not roll over."""
    d.principal, d.bearing, d.contingent = d.paid_principal, 0, 0


def pays_half(
    t: Terms, c: Contract, dues: list[Due], last: int, amount: int, source: int, out: Out
) -> int:
    """R-ALLOC-01 broken: half of the money is not allocated."""
    return amount - amount // 2 + PAY_DUES(t, c, dues, last, amount // 2, source, out)


PAY_DUES = line.pay_dues


@pytest.mark.parametrize(
    ("name", "mutant"),
    [
        ("to_credit", loses_overpayment), ("use_line_credit", keeps_credit), ("roll", forgets),
        ("pay_dues", pays_half),
    ],
)  # fmt: skip
async def test_a_mutated_rule_makes_the_comparison_fail(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, name: str, mutant: Callable[..., Any]
) -> None:
    monkeypatch.setattr(line, name, mutant)
    found = await imported(pool)
    assert not found.ok
    assert found.differences
    assert "NOT EQUAL" in markdown(found)


async def test_a_mutated_order_of_allocation_makes_days_past_due_differ(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Balances do not depend on which bill money pays; days past due do."""

    def newest_first(
        t: Terms, c: Contract, dues: list[Due], last: int, amount: int, source: int, out: Out
    ) -> int:
        for due in reversed(dues):
            if due.n <= last:
                amount -= line.pay(t, c, due, 3, amount, source, out)
        return amount

    monkeypatch.setattr(line, "pay_dues", newest_first)
    assert (await imported(pool)).ok
    assert await late(pool) != HAND


# -- the real file, where it is -------------------------------------------------------------------

real = pytest.mark.skipif(not REAL.is_file(), reason="the real file is not here")


@real
async def test_a_part_of_the_real_file(pool: Pool, tmp_path: Path) -> None:
    """Every 50th account of 30,000, in full: 3,600 bills."""
    head, *rows = REAL.read_bytes().splitlines(keepends=True)
    part = tmp_path / "part.csv"
    part.write_bytes(head + b"".join(rows[::50]))
    found = await imported(pool, part)
    assert (found.accounts, found.equal, found.bills) == (600, 3600, 3600)
    assert found.ok
    assert await verify.run(pool, sample=100) == []


@real
@pytest.mark.soak
async def test_the_whole_real_file(pool: Pool) -> None:
    found = await imported(pool, REAL)
    assert (found.accounts, found.equal, found.bills) == (30_000, 180_000, 180_000)
    assert found.ok
    assert await verify.run(pool) == []


def test_the_small_file_is_of_the_same_shape_as_the_real_one() -> None:
    if not REAL.is_file():
        pytest.skip("the real file is not here")
    with REAL.open() as real_file, SMALL.open() as small_file:
        assert real_file.readline() == small_file.readline()
