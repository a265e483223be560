"""The file is read and checked as a whole; what is wrong is named by line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importer.cards import SMALL, changed
from usance.core.refusals import Refused
from usance.importer.plan import entry, happened, months
from usance.importer.uci import HEADER, MONTHS, read
from usance.servicing import commands as asked

CONTENT = SMALL.read_bytes()
HEAD, FIRST, SECOND, *REST = CONTENT.splitlines()


def test_months_are_in_the_order_of_time_and_in_minor_units() -> None:
    account = read(CONTENT)[0]
    assert account.limit == 20_000_00
    assert account.bills == (1000_00, 2000_00, 1500_00, 1000_00, 500_00, 800_00)
    assert account.payments == (0, 1000_00, 2000_00, 1500_00, 1000_00, 500_00)
    assert read(CONTENT)[2].status == (2, 3, 4, 5, 6, 7)


def test_nothing_about_the_person_is_kept() -> None:
    account = read(CONTENT)[0]
    assert {name for name in dir(account) if not name.startswith("_")} == {
        "line", "number", "limit", "status", "bills", "payments",
    }  # fmt: skip


def test_two_accounts_may_say_the_same_under_different_numbers() -> None:
    """The real file has such rows; they are two accounts."""
    eighth, ninth = read(CONTENT)[7:9]
    assert (eighth.bills, eighth.payments) == (ninth.bills, ninth.payments)
    assert (eighth.number, ninth.number) == (8, 9)


def test_a_byte_order_mark_and_dos_lines_are_no_fault() -> None:
    assert read(b"\xef\xbb\xbf" + CONTENT.replace(b"\n", b"\r\n")) == read(CONTENT)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ID", "0"), ("ID", ""), ("ID", "x"), ("ID", "2"), ("LIMIT_BAL", "0"),
        ("LIMIT_BAL", "1000001"), ("LIMIT_BAL", "20000.00"), ("SEX", "f"), ("AGE", "-1"),
        ("MARRIAGE", ""), ("EDUCATION", "1e3"), ("PAY_0", "-3"), ("PAY_6", "10"), ("PAY_3", "NA"),
        ("BILL_AMT1", "12.5"), ("BILL_AMT6", "--5"), ("BILL_AMT3", "100000001"),
        ("BILL_AMT2", "-100000001"), ("PAY_AMT1", "-1"), ("PAY_AMT6", " 5"), ("PAY_AMT4", "٣"),
        ("PAY_AMT2", "1" * 30), ("default.payment.next.month", "2"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named(tmp_path: Path, column: str, value: str) -> None:
    line = 4
    with pytest.raises(Refused) as refused:
        read(changed(tmp_path, line, column, value).read_bytes())
    assert refused.value.refusal.rule == "R-IMPORT-01"
    assert refused.value.refusal.path == f"line {line}, column {column}"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"", "line 1, column ID"),
        (HEAD + b"\n", "line 1"),
        (HEAD.replace(b"PAY_0", b"PAY_1") + b"\n" + FIRST, "line 1, column PAY_0"),
        (HEAD.replace(b"SEX,", b"") + b"\n" + FIRST, "line 1, column SEX"),
        (HEAD + b",more\n" + FIRST, "line 1"),
        (FIRST + b"\n" + SECOND, "line 1, column ID"),
        (HEAD + b"\n" + FIRST + b"\n\n" + SECOND, "line 3"),
        (HEAD + b"\n" + FIRST + b"\n" + SECOND[:-2], "line 3, column default.payment.next.month"),
        (HEAD + b"\n" + FIRST + b"\n3,20000", "line 3, column SEX"),
        (HEAD + b"\n" + FIRST + b",7\n", "line 2"),
        (HEAD + b"\n" + FIRST + b"\n\"" + SECOND, "line 3"),
        (HEAD + b"\n" + FIRST + b"\n" + b"\xff\xfe", "line 3"),
        (HEAD + b"\n" + FIRST + b"\n" + FIRST, "line 3, column ID"),
        (HEAD + b"\n" + FIRST + b"\n" + SECOND.replace(b",", b";"), "line 3, column LIMIT_BAL"),
    ],
)  # fmt: skip
def test_a_bad_file_is_named_by_its_line(content: bytes, where: str) -> None:
    with pytest.raises(Refused) as refused:
        read(content)
    assert refused.value.refusal.path == where
    assert where in refused.value.refusal.detail


def test_there_are_25_columns() -> None:
    assert len(HEADER) == 25


def test_bills_are_due_on_the_20th_and_issued_at_the_ends_of_six_months() -> None:
    assert [str(m.statement_on) for m in months()] == [
        "2005-04-30", "2005-05-31", "2005-06-30", "2005-07-31", "2005-08-31", "2005-09-30",
    ]  # fmt: skip
    assert {m.posted_on.day for m in months()} == {20}


def test_entries_lead_from_bill_to_bill() -> None:
    for account in read(CONTENT):
        balance = 0
        for place in range(MONTHS):
            balance += entry(account, place) - account.payments[place]
            assert balance == account.bills[place]


def test_a_month_is_one_entry_and_one_payment_at_most() -> None:
    sixth = read(CONTENT)[5]
    kinds = [[type(c).__name__ for _, c in happened(sixth, 1 << 10, m)] for m in range(MONTHS)]
    assert kinds == [["Purchase"], ["Refund"], ["Purchase", "Repay"], ["Refund"], [], []]
    assert happened(sixth, 1 << 10, 1) == [
        ("entry", asked.Refund(contract_id=1 << 22 | 1, amount=2000_00))
    ]
