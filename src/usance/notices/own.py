"""What a borrower was told, in the words in which it was said: a version and its facts say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from usance.core.identifiers import cell_of_borrower
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.notices import own_sql, queue_sql, reading
from usance.notices.codes import grouped
from usance.notices.documents import INBOX, Language, TemplateDocument
from usance.notices.documents import read as read_document
from usance.notices.filling import values_of
from usance.notices.fitting import Fitted, fitted
from usance.notices.reading import Known, Reader
from usance.notices.rendering import render
from usance.platform.clock import Clock
from usance.platform.crypto import DecryptionError, KeyService, beside
from usance.platform.database import Pool
from usance.webhooks.store import listens
from usance.webhooks.types import NOTICE_PUSH

LAST = 2**63 - 1


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """A notice as its reader sees it. ``code``: what proves it, grouped; empty without one."""

    notice_id: int
    template_id: str
    purpose: str
    title: str
    text: str
    channel: str
    state: int
    sent_at: datetime | None
    seen_at: datetime | None
    contract_id: int
    code: str


class OwnNotices:
    """Notices of borrowers, opened for themselves."""

    def __init__(self, pool: Pool, keys: KeyService, clock: Clock, phone: str) -> None:
        self._pool = pool
        self._keys = keys
        self._clock = clock
        self._phone = phone

    async def page(
        self, borrower_id: int, language: Language, before: int = LAST, count: int = 40
    ) -> list[Shown]:
        """The newest before a place."""
        rows = await self._pool.fetch(
            own_sql.PAGE, cell_of_borrower(borrower_id), borrower_id, before, count
        )
        return await self._shown(borrower_id, language, rows)

    async def one(self, borrower_id: int, language: Language, notice_id: int) -> Shown | None:
        """One; it is seen from now on."""
        place = cell_of_borrower(borrower_id), borrower_id, notice_id
        rows = await self._pool.fetch(own_sql.ONE, *place)
        found = await self._shown(borrower_id, language, rows)
        if found and found[0].seen_at is None:
            await self._pool.execute(own_sql.SEE, *place, self._clock.now())
        return found[0] if found else None

    @rule("R-DELIVERY-08")
    async def app_listens(self) -> bool:
        """Whether a host application takes what is pushed to it."""
        return await listens(self._pool, NOTICE_PUSH.name, self._clock.now())

    async def unseen(self, borrower_id: int) -> int:
        """How many wait to be read."""
        count: int = await self._pool.fetchval(
            own_sql.UNSEEN, cell_of_borrower(borrower_id), borrower_id
        )
        return count

    async def fitted(self, document: TemplateDocument, borrower_id: int) -> Fitted | None:
        """A template with what is known of a borrower; None where nothing of them can be read."""
        return await fitted(self._pool, self._keys, self._phone, document, borrower_id)

    async def steps(self, borrower_id: int, notice_id: int) -> Sequence[Mapping[str, Any]]:
        """What happened to a notice, for staff: everything that the gate asked is in it."""
        rows: Sequence[Mapping[str, Any]] = await self._pool.fetch(
            own_sql.STEPS, cell_of_borrower(borrower_id), borrower_id, notice_id
        )
        return rows

    async def all(self, borrower_id: int, before: int, count: int) -> Sequence[Mapping[str, Any]]:
        """Every notice of a borrower in any state, without its words, for staff."""
        rows: Sequence[Mapping[str, Any]] = await self._pool.fetch(
            own_sql.ALL, cell_of_borrower(borrower_id), borrower_id, before, count
        )
        return rows

    @rule("R-SEND-05")
    async def _shown(
        self, borrower_id: int, language: Language, rows: Sequence[Mapping[str, Any]]
    ) -> list[Shown]:
        """Rows in words. What can be said no more (a name was forgotten) is left out."""
        if not rows:
            return []
        book = await self._pool.fetchrow(queue_sql.BOOK)
        known = Known(book["name"], book["currency"], book["business_date"])
        who = await self._pool.fetchrow(
            own_sql.WHO, cell_of_borrower(borrower_id), borrower_id
        )
        if who is None:
            return []
        whole = dict(who) | own_sql.NO_CHOICE | {"language": language}
        reader = await beside(self._keys, lambda: reading.opened(self._keys, whole))
        if reader is None:
            return []
        return [each for row in rows if (each := self._one(known, reader, row))]

    def _one(self, known: Known, reader: Reader, row: Mapping[str, Any]) -> Shown | None:
        document = read_document(row["body"])
        if INBOX not in document.channels:  # a code to come in is not shown inside
            return None
        try:
            secrets = reading.secrets_of(reader, row)
            facts = msgspec.json.decode(row["facts"])
            values = values_of(document, known, self._phone, reader, facts, secrets)
            words = render(document, INBOX, reader.person.language, values)
        except (Refused, DecryptionError):
            return None
        code = secrets.get("code", "") if row["purpose"] != "security" else ""
        return Shown(
            row["notice_id"], row["template_id"], row["purpose"], words.title, words.text,
            row["channel"], row["state"], row["sent_at"], row["seen_at"], row["contract_id"],
            grouped(code) if code else "",
        )  # fmt: skip

