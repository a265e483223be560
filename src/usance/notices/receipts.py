"""Takes what providers tell of messages: signed, in any order, twice, and too early."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.notices import receipts_sql as sql
from usance.notices.outbox import BUNDLE, FAILED
from usance.notices.queue_sql import FOLLOW, minute_of
from usance.notices.receipt_rules import (
    COUNTED,
    Policy,
    look_again,
    receipt_policy,
    silenced,
    state_after,
)
from usance.notices.receipt_words import (
    AT_ONCE,
    BODY_MAX,
    PROVIDER_HEADER,
    SIGNATURE_HEADER,
    TIME_HEADER,
    Receipt,
    Receipts,
)
from usance.notices.store import Row
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.looks import Looks
from usance.platform.signing import is_fresh, is_signed

Key: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Heard:
    """A word that was new of a notice, and the state that it is in now."""

    cell: int
    borrower_id: int
    notice_id: int
    number: int
    channel: str
    template_id: str
    contact_hash: bytes
    word: str
    error: str
    state: int
    changed: bool

    @property
    def key(self) -> Key:
        """Of the notice."""
        return self.cell, self.borrower_id, self.notice_id


Listener: TypeAlias = Callable[[Connection, Sequence[Heard], datetime], Awaitable[None]]
"""Told of new words within the transaction that notes them."""


class ReceiptDesk(Looks):
    """Takes receipts; ``secrets`` by the names of providers. Looks again for what came early."""

    every_seconds = 1

    def __init__(
        self, pool: Pool, clock: Clock, secrets: Mapping[str, bytes], *,
        policy: Policy | None = None, listener: Listener | None = None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._secrets = secrets
        self._policy = policy or receipt_policy()
        self._listener = listener

    @rule("R-REPORT-01", "R-REPORT-02")
    async def receive(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Take receipts; raises ``Refused``, and then nothing has changed.

        The same bytes again say nothing new, so it needs no memory of signatures.
        """
        now = self._clock.now()
        provider = self._provider(headers, body, now)
        said = read(body).receipts
        async with transaction(self._pool) as connection:
            return await self.hear(connection, provider, said, now)

    async def hear(
        self, connection: Connection, provider: str, said: Sequence[Receipt], now: datetime
    ) -> dict[str, Any]:
        """Take receipts of a provider that is known; those that come too early wait."""
        new, unknown = await self._take(connection, provider, said, now)
        if unknown:
            rows = [(each.reference, each.state, each.error) for each in unknown]
            await sql.keep(connection, provider, rows, now, look_again(now, 0))
        return {"new": new, "waiting": len(unknown)}

    @rule("R-REPORT-02")
    def _provider(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """Who tells it."""
        provider, time = headers.get(PROVIDER_HEADER, ""), headers.get(TIME_HEADER, "")
        given = headers.get(SIGNATURE_HEADER, "")
        if not is_signed(self._secrets.get(provider), time, given, body):
            raise Refused("R-REPORT-02", "the receipts are not signed by a provider")
        if not is_fresh(time, now):
            raise Refused("R-REPORT-02", "the receipts are too old or from the future")
        return provider

    @rule("R-REPORT-05")
    async def look(self) -> int:
        """Take receipts that came before their message was known; how many were looked at."""
        looked = last = await self._look_once()
        while last == AT_ONCE:
            last = await self._look_once()
            looked += last
        return looked

    async def _look_once(self) -> int:
        """As many as are looked at in one transaction."""
        now, looked = self._clock.now(), 0
        async with transaction(self._pool) as connection:
            rows = await sql.due(connection, now, AT_ONCE)
            looked = len(rows)
            by_provider: dict[str, list[Receipt]] = {}
            for row in rows:
                receipt = Receipt(row["reference"], row["word"], row["error"])
                by_provider.setdefault(row["provider"], []).append(receipt)
            missing = set[tuple[str, str, str]]()
            for provider, said in sorted(by_provider.items()):
                _, unknown = await self._take(connection, provider, said, now)
                missing |= {(provider, each.reference, each.state) for each in unknown}
            named = {(r["provider"], r["reference"], r["word"]): r["looks"] for r in rows}
            if named.keys() - missing:
                await sql.forget(connection, sorted(named.keys() - missing))
            if missing:
                later = [(*each, look_again(now, named[each] + 1)) for each in sorted(missing)]
                await sql.put_off(connection, later, now, self._policy.patience)
        return looked

    async def _take(
        self, connection: Connection, provider: str, said: Sequence[Receipt], now: datetime
    ) -> tuple[int, list[Receipt]]:
        """Apply receipts; how many were new, and those that are about nothing known."""
        references = sorted({each.reference for each in said})
        notices = await sql.lock(connection, provider, references)
        known = {row["reference"] for row in notices}
        unknown = [each for each in said if each.reference not in known]
        if not notices:
            return 0, unknown
        ids = [(row["cell"], row["borrower_id"], row["notice_id"]) for row in notices]
        steps = await sql.steps(connection, provider, ids)  # by a look after the lock
        heard = [new for row in notices for new in new_words(row, steps, said)]
        if heard:
            await self._note(connection, provider, heard, now)
        return len(heard), unknown

    @rule("R-REPORT-03", "R-REPORT-04")
    async def _note(
        self, connection: Connection, provider: str, heard: Sequence[Heard], now: datetime
    ) -> None:
        """States, steps, contacts to be left in peace, and counts; the busiest rows last."""
        ends = {each.key: each for each in heard if each.changed}
        if ends:
            changes = [(*each.key, each.state, because(each)) for each in ends.values()]
            await sql.change(connection, changes, now)
            messages = [each.key for each in ends.values() if each.template_id == BUNDLE]
            if messages:
                await connection.execute(FOLLOW, *sql.columns(messages, 3))
        steps = [(*each.key, each.number, each.channel, each.word, each.error) for each in heard]
        await sql.note(connection, provider, steps, now)
        silences = self._silences(heard, now)
        if silences:
            await sql.silence(connection, silences, now)
        if self._listener is not None:
            await self._listener(connection, heard, now)
        counts = counted(provider, heard)
        if counts:
            await sql.count(connection, minute_of(now), counts)

    def _silences(
        self, heard: Sequence[Heard], now: datetime
    ) -> list[tuple[bytes, str, str, datetime | None, int]]:
        found: dict[tuple[bytes, str], tuple[bytes, str, str, datetime | None, int]] = {}
        for each in heard:
            silence = silenced(self._policy, each.word, each.channel, now)
            if silence is None or not each.contact_hash:
                continue
            row = each.contact_hash, each.channel, each.word, silence.until, each.notice_id
            before = found.get(row[:2])
            if before is None or (before[3] is not None and longer(silence.until, before[3])):
                found[row[:2]] = row
        return list(found.values())


def longer(until: datetime | None, than: datetime) -> bool:
    """Whether a silence outlasts another; None never ends by itself."""
    return until is None or until > than


def new_words(
    row: Row, steps: Mapping[Key, tuple[int, frozenset[str]]], said: Sequence[Receipt]
) -> list[Heard]:
    """What of all that was said is new of one notice."""
    key = row["cell"], row["borrower_id"], row["notice_id"]
    number, before = steps.get(key, (0, frozenset[str]()))
    state, found = row["state"], []
    for each in said:
        if each.reference != row["reference"] or each.state in before:
            continue
        number, after = number + 1, state_after(state, before, each.state)
        found.append(Heard(
            *key, number, row["channel"], row["template_id"], row["contact_hash"], each.state,
            each.error, after, after != state,
        ))  # fmt: skip
        state, before = after, before | {each.state}
    return found


def because(each: Heard) -> str:
    """Why a notice did not arrive."""
    return (each.error or each.word) if each.state == FAILED else ""


def counted(provider: str, heard: Sequence[Heard]) -> list[tuple[str, str, int, int, int]]:
    """What breakers count, of a channel, a template and a provider: each word once a message."""
    found = Counter[tuple[str, str, str]]()
    for each in heard:
        if each.word in COUNTED:
            for kind, name in (
                ("channel", each.channel), ("template", each.template_id),
                ("provider", f"{each.channel} {provider}"),
            ):  # fmt: skip
                found[kind, name, each.word] += 1
    names = sorted({(kind, name) for kind, name, _ in found})
    failed, bounced, complained = COUNTED
    return [
        (*name, found[*name, failed], found[*name, bounced], found[*name, complained])
        for name in names
    ]


@rule("R-DOC-01")
def read(body: bytes) -> Receipts:
    """Receipts in their shape; raises ``Refused``."""
    if len(body) > BODY_MAX:
        raise Refused("R-DOC-01", f"receipts have at most {BODY_MAX} bytes")
    try:
        return msgspec.json.decode(body, type=Receipts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("R-DOC-01", "not receipts", "") from error
