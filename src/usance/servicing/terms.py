"""Agreed terms stored once for all contracts that share them."""

import hashlib
import json
from dataclasses import asdict

from usance.contract.records import Terms, names
from usance.platform.database import Connection, Pool
from usance.servicing import columns as sql
from usance.servicing import store

RULES_VERSION = "1"
"""Of the kernel's rules that new terms are bound to; a change of meaning gets the next number."""

IDS: dict[bytes, int] = {}
FIELDS = names(Terms)


def digest_of(terms: Terms) -> bytes:
    """The content address of terms."""
    values = {name: getattr(terms, name) for name in FIELDS}
    numbers = json.dumps([RULES_VERSION, values], sort_keys=True)
    return hashlib.sha256(numbers.encode()).digest()


def id_of(terms: Terms) -> int:
    """The id of terms that were interned before."""
    return IDS[digest_of(terms)]


async def intern(source: Pool | Connection, terms: Terms) -> int:
    """The id of these terms, stored now if nobody has them yet. Commits on its own."""
    key = digest_of(terms)
    if key not in IDS:
        await source.execute(sql.INSERT_TERMS, key, json.dumps(asdict(terms)), RULES_VERSION)
        number: int = await source.fetchval(sql.TERMS_ID, key)
        IDS[key] = number
        store.TERMS[number] = terms
    return IDS[key]


async def within(connection: Connection, terms: Terms) -> int:
    """The same in the caller's transaction: the id is remembered by nobody before it commits."""
    key = digest_of(terms)
    if key in IDS:
        return IDS[key]
    await connection.execute(sql.INSERT_TERMS, key, json.dumps(asdict(terms)), RULES_VERSION)
    number: int = await connection.fetchval(sql.TERMS_ID, key)
    return number


def forget() -> None:
    """Forget what was seen: this process serves a book from here on, maybe not the one before."""
    IDS.clear()
    store.TERMS.clear()
