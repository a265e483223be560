"""One browser or one address from which far too many relatives are named."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from tests.family.house import ONES, House
from usance.core.identifiers import cell_of_borrower
from usance.core.refusals import Refused
from usance.family.policy import family_policy
from usance.family.records import Nomination
from usance.family.sources import Source
from usance.identity.changing import Asking
from usance.notices.health import Health
from usance.notices.watches import DEVICE, NETWORK

BROWSER = b"b" * 32
STAFF = Asking("staff:1")
WHY = "A branch of ours, where people are helped at one desk."
MOST = family_policy().from_device


def health(home: House) -> Health:
    policy = family_policy()
    watches = {DEVICE: policy.from_device, NETWORK: policy.from_network}
    return Health(home.pool, home.clock, {}, watches=watches)


async def logged_in(home: House, who: int, token_hash: bytes = BROWSER) -> int:
    """A device of a borrower, as it is known after a log-in."""
    await home.pool.execute(
        "INSERT INTO device (cell, borrower_id, device_id, token_hash, family, first_seen_at,"
        " last_seen_at) VALUES ($1, $2, $3, $4, 'Chrome', $5, $5)",
        cell_of_borrower(who), who, who + 1, token_hash, home.clock.now(),
    )  # fmt: skip
    return who + 1


async def names(home: House, who: int, source: Source, number: int = 0) -> None:
    """A borrower names somebody."""
    asked = Nomination(
        name="李梅", relation="parent", phone=f"+86139222{who % 1000:03}{number:02}",
        scopes=("plan",), versions=ONES, language="en",
    )  # fmt: skip
    answer = await home.family.nominate(who, asked, home.asking(who), source)
    assert answer.status == 201


async def breakers(home: House) -> dict[str, tuple[str, str]]:
    rows = await health(home).breakers()
    return {row["kind"]: (row["state"], row["because"]) for row in rows}


async def from_one_browser(home: House, count: int, *, token_hash: bytes = BROWSER) -> list[int]:
    """So many borrowers, each of whom names somebody there."""
    people = await home.book.borrowers(count)
    for who in people:
        await names(home, who, Source(await logged_in(home, who, token_hash)))
    return people


async def test_a_browser_that_names_many_is_told_of_and_stopped(home: House) -> None:
    """R-FAMILY-19: by whoever has logged in there; then somebody of staff looks."""
    await from_one_browser(home, MOST.warn - 1)
    assert await breakers(home) == {}
    await from_one_browser(home, 1)
    assert await breakers(home) == {"device": ("warning", "many")}
    await from_one_browser(home, MOST.stop - MOST.warn)
    assert await breakers(home) == {"device": ("open", "many")}
    (who,) = await home.book.borrowers(1)
    source = Source(await logged_in(home, who))
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await names(home, who, source)
        assert (refused.value.refusal.rule, refused.value.refusal.path) == ("R-FAMILY-19", "")
    count = await home.pool.fetchval("SELECT count(*) FROM family_link")
    assert count == MOST.stop
    await names(home, who, Source(), 1)
    await names(home, who, Source(await logged_in(home, home.who, b"c" * 32)), 2)
    (row,) = await health(home).breakers()
    await health(home).close(DEVICE, row["name"], WHY, STAFF)
    (other,) = await home.book.borrowers(1)
    await names(home, other, Source(await logged_in(home, other)))
    assert await breakers(home) == {"device": ("closed", "")}
    assert list((await health(home).counts([(DEVICE, row["name"])])).values()) == [1]


async def test_an_address_that_names_many_is_told_of_and_stopped(home: House) -> None:
    """R-FAMILY-19: also where each has a browser of their own; of IPv6 it is the /64."""
    most = family_policy().from_network
    people = await home.book.borrowers(most.stop + 1)
    for number, who in enumerate(people[:-1]):
        await names(home, who, Source(0, f"2001:db8::{number:x}"))
    assert await breakers(home) == {"network": ("open", "many")}
    with pytest.raises(Refused, match="R-FAMILY-19"):
        await names(home, people[-1], Source(0, "2001:db8::ffff"))
    await names(home, people[-1], Source(0, "2001:db8:1::1"))


async def test_a_refusal_says_nothing_of_who_was_named(home: House) -> None:
    """R-FAMILY-19, R-FAMILY-04: numbers that take none are counted like all others."""
    bar = "INSERT INTO family_bar (number_hash, borrower_id, since) VALUES ($1, 0, now())"
    people = await home.book.borrowers(MOST.warn)
    for who in people:
        source = Source(await logged_in(home, who))
        await names(home, who, source)
        row = await home.pool.fetchval(
            "SELECT number_hash FROM family_link WHERE borrower_id = $1", who
        )
        await home.pool.execute(bar, row)
    assert await breakers(home) == {"device": ("warning", "many")}


async def test_what_was_refused_for_another_reason_is_not_counted(home: House) -> None:
    """R-FAMILY-19."""
    source = Source(await logged_in(home, home.who))
    await names(home, home.who, source)
    for _ in range(MOST.stop):
        with pytest.raises(Refused, match="R-FAMILY-03"):
            await names(home, home.who, source)
    assert await breakers(home) == {}


async def test_after_the_days_of_the_policy_it_is_forgotten(home: House) -> None:
    """R-FAMILY-19."""
    await from_one_browser(home, MOST.warn)
    await health(home).look()
    assert await breakers(home) == {"device": ("warning", "many")}
    home.clock.advance(timedelta(days=MOST.slots + 1))
    await health(home).look()
    assert await breakers(home) == {"device": ("closed", "")}


async def test_many_at_once_are_counted_too(home: House) -> None:
    """R-FAMILY-19."""
    people = await home.book.borrowers(MOST.stop + 4)
    sources = [Source(await logged_in(home, who)) for who in people]
    results = await asyncio.gather(
        *(names(home, who, source) for who, source in zip(people, sources, strict=True)),
        return_exceptions=True,
    )
    assert sum(each is None for each in results) == MOST.stop
    assert sum(isinstance(each, Refused) for each in results) == 4


async def test_a_browser_is_nowhere_in_clear(home: House) -> None:
    """R-FAMILY-19: nor is an address; what stands in the tables is a keyed hash."""
    who = await home.book.borrower()
    await names(home, who, Source(await logged_in(home, who), "203.0.113.7"))
    rows = await home.pool.fetch("SELECT subject FROM notice_counter")
    assert len(rows) == 2
    for row in rows:
        assert BROWSER.hex().encode() not in row["subject"]
        assert BROWSER not in row["subject"]
        assert b"203.0.113.7" not in row["subject"]
    assert msgspec.structs.asdict(MOST)["slots"] == 30
