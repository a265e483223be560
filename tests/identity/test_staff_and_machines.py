"""Sessions end when they must; keys open what their scopes say, nothing once taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio

from usance.core.refusals import Refusal, Refused
from usance.identity import machine
from usance.identity.attempts import OF_A_NAME, WITHIN
from usance.identity.machine import MachineClients
from usance.identity.staff import Staff
from usance.platform.clock import FixedClock
from usance.platform.database import Pool
from usance.servicing.setup import create_book

PASSWORD = "correct horse battery"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 1, 8, tzinfo=UTC))


@pytest_asyncio.fixture
async def staff(pool: Pool, clock: FixedClock) -> AsyncIterator[Staff]:
    await create_book(pool, name="Test", opened_on=date(2026, 1, 5))
    accounts = Staff(pool, clock)
    await accounts.create("anna", PASSWORD, ["service", "auditor"])
    yield accounts


async def test_a_session_is_opaque_and_only_its_hash_is_kept(staff: Staff, pool: Pool) -> None:
    token, session = await staff.log_in("anna", PASSWORD)
    assert await staff.session(token) == session
    assert session.actor == f"staff:{session.staff_id}"
    assert await staff.session(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    rows = await pool.fetch("SELECT * FROM staff_session")
    assert all(token.encode() not in bytes(row["token_hash"]) for row in rows)
    assert PASSWORD not in await pool.fetchval("SELECT password_hash FROM staff")


async def test_an_idle_session_ends(staff: Staff, clock: FixedClock) -> None:
    token, _ = await staff.log_in("anna", PASSWORD)
    for _ in range(3):
        clock.advance(timedelta(minutes=29))
        assert await staff.session(token) is not None
    clock.advance(timedelta(minutes=31))
    assert await staff.session(token) is None


async def test_a_busy_session_ends_after_twelve_hours(staff: Staff, clock: FixedClock) -> None:
    token, _ = await staff.log_in("anna", PASSWORD)
    for _ in range(35):
        clock.advance(timedelta(minutes=20))
        assert await staff.session(token) is not None
    clock.advance(timedelta(minutes=20))
    assert await staff.session(token) is None


async def test_log_out_kill_and_a_new_password_end_sessions(staff: Staff) -> None:
    tokens = [(await staff.log_in("anna", PASSWORD))[0] for _ in range(4)]
    await staff.log_out(tokens[0])
    assert [await staff.session(t) is not None for t in tokens] == [False, True, True, True]
    session = await staff.session(tokens[1])
    assert session is not None
    assert await staff.kill_sessions(session.staff_id) == 3
    assert [await staff.session(t) for t in tokens] == [None] * 4
    token, _ = await staff.log_in("anna", PASSWORD)
    assert await staff.change_password("anna", "another long password")
    assert await staff.session(token) is None
    with pytest.raises(Refused, match="R-AUTH-04"):
        await staff.log_in("anna", PASSWORD)


async def test_a_closed_account_is_out_at_the_next_request(staff: Staff, pool: Pool) -> None:
    token, _ = await staff.log_in("anna", PASSWORD)
    await pool.execute("UPDATE staff SET active = false")
    assert await staff.session(token) is None


async def fail(staff: Staff, name: str, times: int, address: str = "") -> None:
    """Wrong passwords, each refused as such."""
    for _ in range(times):
        with pytest.raises(Refused, match="R-AUTH-04"):
            await staff.log_in(name, "not this one at all", address)


async def test_wrong_passwords_are_refused_alike_and_then_slowed_down(
    staff: Staff, pool: Pool, clock: FixedClock
) -> None:
    """R-AUTH-05: for every process, until a quarter of an hour has passed."""
    with pytest.raises(Refused) as unknown:
        await staff.log_in("nobody", PASSWORD)
    await fail(staff, "anna", OF_A_NAME)
    for process in (staff, Staff(pool, clock)):
        with pytest.raises(Refused, match="R-AUTH-05"):
            await process.log_in("anna", PASSWORD)
    assert unknown.value.refusal == Refusal("R-AUTH-04", "the name or the password is wrong")
    clock.advance(WITHIN)
    await staff.log_in("anna", PASSWORD)


async def test_attempts_at_once_are_counted_too(staff: Staff) -> None:
    """R-AUTH-05: an attempt is counted before its password is looked at."""
    tries = (staff.log_in("anna", "not this one at all") for _ in range(OF_A_NAME + 5))
    found = await asyncio.gather(*tries, return_exceptions=True)
    rules = [each.refusal.rule for each in found if isinstance(each, Refused)]
    assert sorted(rules) == ["R-AUTH-04"] * OF_A_NAME + ["R-AUTH-05"] * 5


async def test_an_address_is_slowed_down_whatever_the_name(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-AUTH-05."""
    monkeypatch.setattr("usance.identity.attempts.OF_AN_ADDRESS", 4)
    for number in range(4):
        await fail(staff, f"name {number}", 1, "203.0.113.9")
    with pytest.raises(Refused, match="R-AUTH-05"):
        await staff.log_in("anna", PASSWORD, "203.0.113.9")
    await staff.log_in("anna", PASSWORD, "203.0.113.10")


async def test_good_attempts_do_not_count_and_old_ones_go(
    staff: Staff, pool: Pool, clock: FixedClock
) -> None:
    """R-AUTH-05: nothing is kept of who does know the password, nor of last week."""
    for _ in range(2 * OF_A_NAME):
        await staff.log_in("anna", PASSWORD, "203.0.113.9")
    await fail(staff, "bert", 1, "203.0.113.10")
    clock.advance(WITHIN)
    await staff.log_in("anna", PASSWORD)
    rows = await pool.fetch("SELECT subject, attempts FROM log_in_attempt")
    assert [row["attempts"] for row in rows] == [0]


@pytest.mark.parametrize(
    ("name", "password", "rule"),
    [
        ("bert", "short", "R-STAFF-01"),
        ("bert", "x" * 201, "R-STAFF-01"),
        ("", PASSWORD, "R-STAFF-02"),
        ("a\x00", PASSWORD, "R-STAFF-02"),
        ("anna", PASSWORD, "R-STAFF-02"),
    ],
)
async def test_accounts_that_cannot_be(staff: Staff, name: str, password: str, rule: str) -> None:
    with pytest.raises(Refused, match=rule):
        await staff.create(name, password, ["viewer"])


async def test_a_key_is_known_by_its_hash_with_its_scopes(staff: Staff, pool: Pool) -> None:
    clients = MachineClients(pool)
    secret = await clients.create("shop", ["payments:write", "book:read"])
    found = await clients.identify(secret)
    assert found is not None
    assert found.scopes == {"payments:write", "book:read"}
    assert await clients.identify(secret + "x") is None
    assert secret.encode() not in await pool.fetchval("SELECT secret_hash FROM machine_key")


async def test_a_key_that_was_taken_back_or_renewed_opens_nothing(
    staff: Staff, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients, elsewhere = MachineClients(pool), MachineClients(pool)
    secret = await clients.create("shop", ["book:read"])
    assert await elsewhere.identify(secret) is not None
    renewed = await clients.renew("shop")
    assert renewed is not None
    assert await clients.identify(secret) is None
    assert await clients.identify(renewed) is not None
    await clients.deactivate("shop")
    assert await clients.identify(renewed) is None
    monkeypatch.setattr(machine.time, "monotonic_ns", lambda: 2**62)  # the other process's cache
    assert await elsewhere.identify(secret) is None
    with pytest.raises(Refused, match="R-CLIENT-03"):
        await clients.deactivate("shop")


@pytest.mark.parametrize(
    ("name", "scopes", "rule"),
    [
        ("x", [], "R-CLIENT-01"),
        ("x", ["everything"], "R-CLIENT-01"),
        ("", ["book:read"], "R-CLIENT-02"),
    ],
)
async def test_clients_that_cannot_be(
    staff: Staff, pool: Pool, name: str, scopes: list[str], rule: str
) -> None:
    with pytest.raises(Refused, match=rule):
        await MachineClients(pool).create(name, scopes)


async def test_every_change_has_its_audit_event(staff: Staff, pool: Pool) -> None:
    clients = MachineClients(pool)
    await clients.create("shop", ["book:read"])
    await clients.renew("shop")
    await clients.deactivate("shop")
    await staff.change_password("anna", "another long password")
    rows = await pool.fetch("SELECT action FROM operation WHERE actor <> 'usance'"
                            " ORDER BY operation_id")  # fmt: skip
    assert [row[0] for row in rows] == [
        "CreateStaff", "CreateClient", "RenewClient", "DeactivateClient", "ChangePassword",
    ]  # fmt: skip
