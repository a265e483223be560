"""Reports of suspicious messages: taken from anybody, looked at by staff.

A borrower's report is a case of theirs, an incident, with all that cases have. What somebody
reports who has not logged in belongs to nobody: its words are kept under a key of its own, which is
destroyed some time after the report was closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from usance.cases import rules as case_rules
from usance.cases import work
from usance.cases.intake import Opening, opened
from usance.cases.work import Acting, Desk
from usance.core.identifiers import parse, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import keys_sql
from usance.identity.changing import Asking, Change, answered, once
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.notices import suspicious
from usance.notices import verification_sql as sql
from usance.notices.asking import LIMITS, Verification, hashed
from usance.notices.asking_policy import AskingPolicy, asking_policy
from usance.notices.buckets import Ask, Limiter, network_of
from usance.notices.suspicious import Findings, Message
from usance.platform.crypto import (
    KeyService,
    MissingKeyError,
    beside,
    decrypt_field,
    encrypt_field,
    master_id_of,
    new_data_key,
)
from usance.platform.database import Connection
from usance.platform.derived import DerivedSecrets
from usance.platform.logs import conceal
from usance.platform.personal import wrapped_keys

TABLE = "suspicious_report"
PLACE = {"table": TABLE, "column": "box"}
PUBLIC_PAGE, PORTAL, API = "public", "portal", "api"
"""Ways that a report comes by."""
NOBODY = "system:portal"
"""Who reports without a log-in."""
REASON_MAX = 500

wrapped_keys(TABLE, "data_key", "report_id", has_cells=False)


class Reports:
    """Takes reports, and shows them to staff."""

    def __init__(
        self, desk: Desk, verification: Verification, policy: AskingPolicy | None = None
    ) -> None:
        self._desk = desk
        self._verification = verification
        self.policy = policy or asking_policy()
        self._secrets = DerivedSecrets(desk.keys)
        kept = sql.Kept(desk.pool, self.policy, "report_address", "report_page")
        self._limiter = Limiter(kept, self.policy.bucket("report_page"))

    @rule("R-VERIFY-06")
    async def of_anybody(
        self, message: Message, way: str, address: str, asking: Asking
    ) -> Answer:
        """Keep what somebody reports who is not known.

        Without an address it comes from a program, whose requests are counted as such.
        """
        before = await answered(self._desk.pool, asking)
        if before is not None:
            return before
        message, findings = await self._looked_at(message)
        if address:
            await self._let_through(address)

        async def make(change: Change) -> dict[str, Any]:
            number, connection = change.operation_id, change.connection
            key, wrapped = await own_key(connection, self._desk.keys, number)
            words = {"text": message.text, "sender": message.sender, "code": message.code}
            box = encrypt_field(key, msgspec.json.encode(words).decode(), **PLACE, row_id=number)
            await self._insert(connection, number, message, way, findings, 0, wrapped, box)
            counts = {"foreign_links": findings.foreign_links,
                      "foreign_numbers": findings.foreign_numbers}  # fmt: skip
            detail = {"channel": message.channel, "way": way} | counts
            await change.note(
                "ReportSuspiciousMessage", digest([(TABLE, [(number,)])]), detail
            )
            return {"report_id": written("report", number), "case_id": None}

        return await once(self._desk.pool, asking, make)

    @rule("R-VERIFY-06")
    async def of_borrower(
        self, borrower_id: int, message: Message, way: str, acting: Acting
    ) -> Answer:
        """Open a case of a borrower about it."""
        message, findings = await self._looked_at(message)
        asked = Opening(kind="incident", text=as_words(message), borrower_id=borrower_id)
        channel = case_rules.PORTAL if way == PORTAL else case_rules.API

        async def act(change: work.Change) -> dict[str, Any]:
            document = await opened(change, asked, channel)
            number, case_id = change.operation_id, case_of(document)
            await self._insert(
                change.connection, number, message, way, findings, case_id, b"", b""
            )
            return {"report_id": written("report", number), "case_id": document["case_id"]}

        return await work.once(self._desk, acting, act)

    async def _looked_at(self, message: Message) -> tuple[Message, Findings]:
        conceal((message.text, message.sender, message.code))
        message = suspicious.checked(message, self.policy.reports)
        code = await self._verification.knows(suspicious.code_in(message))
        return message, suspicious.looked_at(message, code, self.policy.reports)

    @rule("R-VERIFY-02")
    async def _let_through(self, address: str) -> None:
        key = (await self._secrets.of(LIMITS))[0]
        network, page = f"report network\0{network_of(address)}", "report page"
        ask = Ask(hashed(key, network), hashed(key, page))
        if await self._limiter.full(ask, self._desk.clock.now()):
            raise Refused("R-VERIFY-02", "too many have asked; try again later or call us")

    async def _insert(
        self, connection: Connection, number: int, message: Message, way: str, findings: Findings,
        case_id: int, wrapped: bytes, box: bytes,
    ) -> None:  # fmt: skip
        found = msgspec.json.encode(findings.document()).decode()
        now = self._desk.clock.now()
        row = number, now, message.channel, way, case_id, wrapped, box, found
        await sql.insert_report(connection, row)

    # -- what staff does ---------------------------------------------------------------------------

    async def all(
        self, before: int, limit: int, *, open_only: bool = False
    ) -> Sequence[Mapping[str, Any]]:
        """Reports without their words, the newest first."""
        return [shown(row) for row in
                await sql.reports(self._desk.pool, before, limit, open_only=open_only)]  # fmt: skip

    async def one(self, report_id: int) -> dict[str, Any]:
        """A report with its words, where they are kept here; raises ``Refused``."""
        row = await sql.report(self._desk.pool, report_id)
        if row is None:
            raise Refused("R-FOUND-01", "there is no such report", "report_id")
        return shown(row) | {"words": await self._words(row)}

    async def _words(self, row: sql.Row) -> dict[str, str] | None:
        """What was reported; None where the case has it, or nobody any more."""
        if not row["data_key"]:
            return None
        number, keys = row["report_id"], self._desk.keys
        key = await beside(keys, lambda: keys.unwrap(row["data_key"], number, TABLE))
        text = decrypt_field(key, row["box"], **PLACE, row_id=number)
        words = msgspec.json.decode(text, type=dict[str, str])
        conceal(words.values())
        return words

    @rule("R-VERIFY-07")
    async def close(self, report_id: int, reason: str, asking: Asking) -> Answer:
        """Somebody has looked, and says what came of it."""
        reason = reason_of(reason)

        async def make(change: Change) -> dict[str, Any]:
            now = self._desk.clock.now()
            done = await sql.close_report(
                change.connection, report_id, now, asking.actor, reason
            )
            if not done:
                raise Refused("R-FOUND-01", "there is no such report that is open", "report_id")
            number = written("report", report_id)
            rows = digest([(TABLE, [(report_id, sql.CLOSED)])])
            await change.note("CloseSuspiciousReport", rows, {"report": number})
            return {"report_id": number}

        return await once(self._desk.pool, asking, make)


def case_of(document: Mapping[str, Any]) -> int:
    """The number of a case that was opened."""
    return parse("case", document["case_id"])


def as_words(message: Message) -> str:
    """A report as the words of a case: the message, and what was said of it."""
    said = [f"[{message.channel}]", message.sender, message.code]
    return message.text + "\n\n" + " · ".join(each for each in said if each)


def shown(row: sql.Row) -> dict[str, Any]:
    """A report without what is secret of it."""
    known = {name: each for name, each in row.items() if name not in ("data_key", "box")}
    return known | {"findings": msgspec.json.decode(row["findings"])}


@rule("R-VERIFY-07")
def reason_of(text: str) -> str:
    """Why somebody ends an alarm or closes a report: some words, about nobody."""
    reason = text.strip()
    if not (4 <= len(reason) <= REASON_MAX and reason.isprintable()):
        raise Refused("R-VERIFY-07", "a reason has 4 to 500 printable characters", "reason")
    return reason


@rule("R-KEY-02")
async def own_key(
    connection: Connection, keys: KeyService, report_id: int
) -> tuple[bytes, bytes]:
    """A fresh key of a report, and the same wrapped; never under a master key that is retired."""
    await connection.execute(keys_sql.TOGETHER)
    data_key = new_data_key()
    wrapped = await beside(keys, lambda: keys.wrap(data_key, report_id, TABLE))
    if (keys_sql.MASTER, master_id_of(wrapped)) in await keys_sql.retired(connection):
        raise MissingKeyError("the key file of this process is an old one")
    return data_key, wrapped
