"""The pure rules of payments, and the signature of a bank's notification."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from usance.core.refusals import Refused
from usance.payments import rules
from usance.payments.bank import (
    KEY_HEADER,
    REMEMBERED,
    SIGNATURE_HEADER,
    TIME_HEADER,
    TOLERANCE,
    check_signature,
    seconds,
    sign,
)
from usance.payments.rules import Standing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = {"a": b"first", "b": b"second"}
BODY = b'{"id":"n-1"}'


@pytest.mark.parametrize(("amount", "owed"), [(101, 100), (0, 100), (-5, 100), (1, 0)])
def test_a_payment_is_no_more_than_is_owed(amount: int, owed: int) -> None:
    """R-PAY-01."""
    rules.check_amount(1, 1)
    rules.check_amount(100, 100)
    with pytest.raises(Refused, match="R-PAY-01"):
        rules.check_amount(amount, owed)


def test_ten_payments_may_be_on_their_way() -> None:
    """R-PAY-02."""
    rules.check_open(9)
    with pytest.raises(Refused, match="R-PAY-02"):
        rules.check_open(10)


@pytest.mark.parametrize(("status", "outcome", "said", "then"), [
    (rules.SUBMITTED, "", "paid", (rules.SUBMITTED, "received")),
    (rules.EXPIRED, "", "paid", (rules.EXPIRED, "received")),
    (rules.CREATED, "", "paid", (rules.CREATED, "received")),
    (rules.SUBMITTED, "", "declined", (rules.FAILED, "")),
    (rules.EXPIRED, "", "declined", (rules.FAILED, "")),
    (rules.FAILED, "", "declined", (rules.FAILED, "")),
    (rules.FAILED, "", "paid", None), (rules.SUCCEEDED, "booked", "paid", None),
    (rules.SUCCEEDED, "booked", "declined", None), (rules.SUBMITTED, "received", "declined", None),
    (rules.SUCCEEDED, "unallocated", "declined", None),
])  # fmt: skip
def test_what_a_bank_may_say(
    status: int, outcome: str, said: str, then: tuple[int, str] | None
) -> None:
    """R-PAY-06, R-PAY-07: money that comes late comes; a bank does not contradict itself."""
    found = Standing(status, outcome, 100)
    if then is not None:
        assert rules.next_status(found, said) == then
        return
    with pytest.raises(Refused, match="R-PAY-06"):
        rules.next_status(found, said)


def test_only_what_was_meant_is_booked_as_that() -> None:
    """R-PAY-05."""
    assert rules.fits(100, 100)
    assert not rules.fits(99, 100)
    assert not rules.fits(101, 100)


def headers(name: str = "a", moment: datetime = NOW, body: bytes = BODY) -> dict[str, str]:
    return {KEY_HEADER: name, TIME_HEADER: str(seconds(moment)),
            SIGNATURE_HEADER: sign(KEYS[name], moment, body)}  # fmt: skip


def test_either_of_two_keys_signs() -> None:
    first = check_signature(KEYS, headers("a"), BODY, NOW)
    assert first != check_signature(KEYS, headers("b"), BODY, NOW)
    assert first == check_signature(KEYS, headers("a"), BODY, NOW + TOLERANCE)


FORGERIES = [
    ({SIGNATURE_HEADER: ""}, BODY), ({SIGNATURE_HEADER: "0" * 64}, BODY), ({}, BODY + b" "),
    ({}, BODY[:-1]), ({KEY_HEADER: "b"}, BODY), ({KEY_HEADER: "c"}, BODY), ({KEY_HEADER: ""}, BODY),
    ({TIME_HEADER: str(seconds(NOW) + 1)}, BODY), ({TIME_HEADER: ""}, BODY),
    ({TIME_HEADER: "now"}, BODY), ({TIME_HEADER: "9" * 40}, BODY), ({TIME_HEADER: "-1"}, BODY),
    ({SIGNATURE_HEADER: "é"}, BODY), ({TIME_HEADER: f" {seconds(NOW)}"}, BODY),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "body"), FORGERIES)
def test_a_forged_notification_is_refused(changed: dict[str, str], body: bytes) -> None:
    """R-PAY-03."""
    with pytest.raises(Refused, match="R-PAY-03"):
        check_signature(KEYS, headers() | changed, body, NOW)


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
def test_a_notification_is_fresh(minutes: int) -> None:
    """R-PAY-03."""
    with pytest.raises(Refused, match="R-PAY-03"):
        check_signature(KEYS, headers(), BODY, NOW + timedelta(minutes=minutes))


def test_a_signature_is_remembered_longer_than_it_is_good() -> None:
    """R-PAY-04: else it could be used again once it was forgotten."""
    assert REMEMBERED > 2 * TOLERANCE
