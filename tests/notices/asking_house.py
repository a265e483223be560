"""A book whose notices carry codes, as a sender leaves them, and a clock that is set."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from msgspec import structs

from tests.servicing.books import KEYS, TestBook, fresh
from usance.core.identifiers import cell_of_borrower
from usance.identity.changing import complete
from usance.notices import codes, outbox
from usance.notices.asking import Verification
from usance.notices.asking_policy import AskingPolicy, Limit, asking_policy
from usance.notices.code_keys import code_keys
from usance.notices.codes import Said
from usance.notices.starting import adopt_starting_set
from usance.notices.surge_watch import SurgeWatch
from usance.platform.clock import FixedClock
from usance.platform.crypto import KeyService, LocalKeyService
from usance.platform.database import Pool
from usance.web import personal  # noqa: F401 (enters what is told and forgotten)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MASTER = {1: b"m" * 32}
OLD = LocalKeyService({1: b"i" * 32}, MASTER)
BOTH = LocalKeyService({1: b"i" * 32, 2: b"j" * 32}, MASTER)
NEW = LocalKeyService({2: b"j" * 32}, MASTER)
DIGITS = "4821"
WRONG = "0000"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sent:
    """A notice that went out: its number, and the code in it."""

    notice_id: int
    borrower_id: int
    code: str


def roomy(policy: AskingPolicy | None = None) -> AskingPolicy:
    """The policy with limits that nobody reaches."""
    policy = policy or asking_policy()
    wide = {name: Limit(10**6, 60) for name in policy.limits}
    return structs.replace(policy, limits=wide)


async def sent(
    pool: Pool, borrower_id: int, keys: KeyService = KEYS, *, digits: str = DIGITS,
    template: str = "due-tomorrow", channel: str = "sms", state: int = outbox.TAKEN,
    at: datetime = NOON, facts: dict[str, Any] | None = None, code: str = "",
) -> Sent:  # fmt: skip
    """A notice with the hashes that a sender leaves."""
    number = next(_numbers)
    facts = facts or {"amount": 123_450, "due_on": "2026-03-02"}
    said = Said(number, "c0ffee", template, 1, channel, 0, 123_450, "2026-03-02")
    key = (await code_keys(keys))[0]
    code = code or codes.code_of(key, said)
    notice_id = await pool.fetchval(
        "INSERT INTO notice (cell, borrower_id, key, template_id, version, purpose, audience,"
        " facts, business_date, not_before, until, state, channel, sent_at, code_hash,"
        " digits_hash) VALUES ($1, $2, $3, $4, 1, 'servicing', 'borrower', $5, $6, $7, $7, $8,"
        " $9, $7, $10, $11) RETURNING notice_id",
        cell_of_borrower(borrower_id), borrower_id, f"test {number}", template, json.dumps(facts),
        date(2026, 3, 1), at, state, channel, codes.kept(key, code),
        codes.kept_digits(key, code, digits),
    )  # fmt: skip
    return Sent(notice_id, borrower_id, code)


async def many(pool: Pool, count: int) -> None:
    """So many further notices, each with hashes of nothing."""
    await pool.execute(
        "INSERT INTO notice (cell, borrower_id, key, template_id, version, purpose, audience,"
        " facts, business_date, not_before, until, state, channel, sent_at, code_hash, digits_hash)"
        " SELECT n % 1024, n, 'many', 'due-tomorrow', 1, 'servicing', 'borrower', '{}',"
        " '2026-03-01', now(), now(), 3, 'sms', now(), sha256(('code' || n)::bytea),"
        " sha256(('digits' || n)::bytea) FROM generate_series(1, $1) AS n",
        count,
    )
    await pool.execute("VACUUM ANALYZE notice")


@dataclass
class House:
    """Who answers, over a book with a borrower."""

    book: TestBook
    clock: FixedClock
    who: int
    keys: KeyService
    verification: Verification
    watch: SurgeWatch

    @property
    def pool(self) -> Pool:
        return self.book.pool

    def other(self, keys: KeyService, policy: AskingPolicy | None = None) -> Verification:
        """Another process, that may have other keys."""
        return Verification(self.pool, keys, self.clock, policy)

    async def sent(self, **more: Any) -> Sent:
        return await sent(self.pool, self.who, self.keys, **more)

    async def counted(self) -> tuple[int, int, int]:
        """Found, missed and refused until now."""
        row = await self.pool.fetchrow(
            "SELECT coalesce(sum(found), 0), coalesce(sum(missed), 0), coalesce(sum(refused), 0)"
            " FROM verify_minute"
        )
        return row[0], row[1], row[2]


@asynccontextmanager
async def house(
    pool: Pool, policy: AskingPolicy | None = None, keys: KeyService = KEYS
) -> AsyncIterator[House]:
    """Open it."""
    async with fresh(pool) as book:
        await complete(pool, adopt_starting_set)
        clock = FixedClock(NOON)
        verification = Verification(pool, keys, clock, policy)
        watch = SurgeWatch(pool, clock, verification, policy)
        yield House(book, clock, await book.borrower(), keys, verification, watch)


def spelled(code: str) -> Iterable[str]:
    """How people type a code."""
    return (code, codes.grouped(code), codes.grouped(code).lower(), f" {code[:5]} {code[5:]} ",
            code.replace("0", "O").replace("1", "l"))  # fmt: skip


