"""Signed links: real, fresh, used once, of one borrower, to one page."""

from __future__ import annotations

import asyncio
import string
from datetime import timedelta
from typing import Any

import pytest

from tests.identity.doors import House, refused
from usance.core.identifiers import contract_of, written
from usance.core.refusals import Refused
from usance.identity.devices import device_of
from usance.identity.links import target_of

DEVICE = device_of("", "Chrome Android")


async def make(door: House, key: str = "k1", target: str = "", borrower: int = 0) -> dict[str, Any]:
    answer = await door.access.links.make(
        borrower or door.borrower_id, target, actor="machine:1", key=key, request_hash=b"h"
    )
    assert answer.status == 201
    return answer.document


def token_of(document: dict[str, Any]) -> str:
    return str(document["path"]).partition("?t=")[2]


async def test_a_link_opens_a_session_of_its_borrower_at_its_page(door: House) -> None:
    document = await make(door, target="pay")
    begun, target = await door.access.links.enter(token_of(document), DEVICE)
    session = await door.access.sessions.session(begun.token)
    assert session is not None
    assert (session.borrower_id, target) == (door.borrower_id, "pay")


async def test_a_link_is_used_once_also_by_twenty_at_once(door: House) -> None:
    """R-LINK-03."""
    token = token_of(await make(door))
    tries = (door.access.links.enter(token, DEVICE) for _ in range(20))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, tuple) for each in found) == 1
    rules = {each.refusal.rule for each in found if isinstance(each, Refused)}
    assert rules == {"R-LINK-03"}
    assert await door.pool.fetchval("SELECT count(*) FROM borrower_session") == 1


async def test_looking_at_a_link_uses_nothing_up(door: House) -> None:
    token = token_of(await make(door))
    for _ in range(5):
        await door.access.links.read(token)
    await door.access.links.enter(token, DEVICE)


async def test_a_link_is_valid_for_five_minutes(door: House) -> None:
    """R-LINK-02."""
    token = token_of(await make(door))
    door.clock.advance(timedelta(minutes=5))
    await refused(door.access.links.enter(token, DEVICE), "R-LINK-02")


async def test_a_forged_link_is_refused(door: House) -> None:
    """R-LINK-01: another borrower, another link, another end, another signature, no link at all."""
    token = token_of(await make(door))
    borrower, link, ends, signature = token.split(".")
    other = written("borrower", door.other_id)
    theirs = token_of(await make(door, "k2", borrower=door.other_id)).split(".")
    forged = [
        f"{other}.{link}.{ends}.{signature}", f"{borrower}.{theirs[1]}.{ends}.{signature}",
        f"{borrower}.{link}.{int(ends) + 300}.{signature}", f"{other}.{link}.{ends}.{theirs[3]}",
        f"{borrower}.{link}.{ends}.", token[:-1],
        token + "=", "", ".", "...", "b-1.k-1.1." + "A" * 43, token.replace(".", " "), "é" * 90,
        f"{borrower}.{link}.{ends}.{signature}.{signature}",
    ]  # fmt: skip
    letters = set(string.ascii_letters + string.digits + "-_") - {signature[-1]}
    forged += [token[:-1] + each for each in sorted(letters)]
    for each in forged:
        await refused(door.access.links.enter(each, DEVICE), "R-LINK-01")
    assert await door.pool.fetchval("SELECT count(*) FROM borrower_session") == 0
    await door.access.links.enter(token, DEVICE)


async def test_the_same_key_gives_the_same_link_and_the_book_keeps_none(door: House) -> None:
    """R-IDEM-01: the answer that is kept is what a link is made from, not the link."""
    first, again = await make(door), await make(door)
    assert first == again
    assert await door.pool.fetchval("SELECT count(*) FROM portal_link") == 1
    kept = await door.pool.fetchval("SELECT answer FROM idempotency")
    assert token_of(first).rpartition(".")[2] not in kept
    tries = (make(door, "k9") for _ in range(10))
    assert len({str(each["path"]) for each in await asyncio.gather(*tries)}) == 1
    answer = door.access.links.make(
        door.borrower_id, "", actor="machine:1", key="k1", request_hash=b"other"
    )
    await refused(answer, "R-IDEM-01")


async def test_a_link_leads_to_a_page_of_the_borrower_only(door: House) -> None:
    """R-LINK-01."""
    mine = f"contracts/{written('contract', contract_of(door.borrower_id, 1))}"
    theirs = f"contracts/{written('contract', contract_of(door.other_id, 1))}"
    assert target_of(door.borrower_id, mine) == mine
    assert target_of(door.borrower_id, "/my/pay") == "pay"
    for target in (theirs, "//evil.example", "https://evil.example", "../console", "contracts/",
                   "contracts/c-1/../../x", "logout", "javascript:x()", "pay?x=1"):  # fmt: skip
        with pytest.raises(Refused, match="R-LINK-01"):
            target_of(door.borrower_id, target)
    await refused(make(door, "k5", theirs), "R-LINK-01")


async def test_there_is_no_link_for_nobody(door: House) -> None:
    await refused(make(door, "k1", borrower=door.borrower_id + 1024 * 999), "R-FOUND-01")
    token = token_of(await make(door, "k2"))
    await door.pool.execute("UPDATE borrower SET status = 2")
    await refused(door.access.links.enter(token, DEVICE), "R-LINK-03")
