"""A book that has been lived in, served to attackers: real ids, and what was written so far."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.risk.warned import planted
from tests.web import console_site
from tests.web.limit_offers import good_tier, offered
from usance.audit.key import open_key
from usance.audit.sequencer import Sequencer
from usance.consents.records import Saying, borrower
from usance.core.identifiers import written
from usance.identity.changing import Asking
from usance.identity.machine import MachineClients
from usance.identity.permissions import SCOPES, STAFF_ONLY
from usance.platform.clock import SystemClock
from usance.platform.config import Settings

T = TypeVar("T")
HANDLED = ("/v1/cases/{case_id}/proposals", "/v1/cases/{case_id}/extensions")
"""What only the handler of a case asks for."""
KINDS = {"borrower_id", "contract_id", "offer_id", "authorisation_id", "operation_id",
         "proposal_id", "case_id", "report_id", "notice_id", "decision_id", "alert_id",
         "limit_offer_id"}  # fmt: skip
TABLES = """SELECT tablename FROM pg_tables WHERE schemaname = 'public'
    AND tablename NOT IN ('rate_bucket', 'machine_key', 'staff_session', 'verify_bucket',
    'verify_minute') ORDER BY 1"""
"""All but those that say how often, and when, a client, a session or anybody asked: a refused
request counts too."""


@dataclass
class LivedIn:
    """A served book; ``key`` opens everything, ``key_without`` everything but one scope."""

    site: console_site.Site
    key: str = ""
    token: str = ""
    csrf: str = ""
    handler: dict[str, str] = field(default_factory=dict)
    key_without: dict[str, str] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)
    snapshot: str = ""
    phone: str = ""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def credentials(self, permission: str, path: str) -> dict[str, str]:
        """Of whoever may: a member of staff for what is for people alone, a machine otherwise.

        Some things only the handler of a case asks for; another decides. Who proposes a consent
        document or a policy has a role that the other has not.
        """
        if path in HANDLED or permission in ("consents:adopt", "policies:write"):
            return self.handler
        if permission in STAFF_ONLY:
            return {"Cookie": f"usance_session={self.token}", "X-CSRF-Token": self.csrf}
        return {"Authorization": f"Bearer {self.key}"}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """In the loop of the site."""
        return asyncio.run_coroutine_threadsafe(work, self.site.loop).result(60)

    def done(
        self, path: str, body: Any, credentials: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """A mutation that is carried out."""
        headers = credentials or {"authorization": f"Bearer {self.key}"}
        headers = headers | {"idempotency-key": self.fresh_key()}
        answer = self.session.post(self.site.address + path, json=body, headers=headers)
        assert answer.status_code in (201, 202), answer.text
        document: dict[str, Any] = answer.json()
        return document

    def load_file(self, content: str) -> None:
        """A bank's debit-result file."""
        headers = {"authorization": f"Bearer {self.key}", "idempotency-key": self.fresh_key(),
                   "content-type": "text/csv"}  # fmt: skip
        address = f"{self.site.address}/v1/bank-files?name=bank.csv"
        answer = self.session.post(address, data=content, headers=headers)
        assert answer.status_code == 201, answer.text

    def fresh_key(self) -> str:
        """An Idempotency-Key that nobody used."""
        return f"fresh-{next(self.numbers)}"

    def today(self) -> date:
        """The open business date."""
        found: date = self.site.fetch("SELECT business_date FROM book")[0][0]
        return found

    def written(self) -> set[tuple[Any, ...]]:
        """Differs after a row of any table was inserted, updated or deleted."""
        return {tuple(row) for row in self.site.fetch(self.snapshot)}

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query, ids and days as they are written outside."""
        return [
            {name: spelled(name, value) for name, value in row.items()}
            for row in self.site.fetch(query)
        ]

    def settle_down(self) -> None:
        """Wait until a close that has begun is finished."""
        query = "SELECT count(*) FROM day_close WHERE finished_at IS NULL"
        while self.site.fetch(query)[0][0]:
            self.run(asyncio.sleep(0.01))


OTHERS = {"record_id": "consent", "member_id": "member", "pull_id": "pull"}
"""Ids that are not called as what they are of."""


def spelled(name: str, value: Any) -> Any:
    """As it stands in a path."""
    if name in KINDS:
        return written(name.removesuffix("_id"), value)
    if name in OTHERS:
        return written(OTHERS[name], value)
    return value.isoformat() if isinstance(value, date) else value


OPEN_BREAKERS = """INSERT INTO breaker
SELECT 'channel', 'way-' || n, 'open', 'failed', now() FROM generate_series(1, 60) AS n"""


@contextmanager
def lived_in(url: str, home: Path, *, borrowers: int, months: int) -> Iterator[LivedIn]:
    """A book with months of life in it, served until the block ends."""
    with console_site.served(url, home, borrowers=borrowers, months=months) as site:
        found = LivedIn(site)
        found.run(make_keys(found))
        found.run(sign(found, home))
        found.run(site.services.pool.execute(OPEN_BREAKERS))
        found.run(agree(found))
        sending = site.services.notices.delivery
        assert sending is not None
        found.run(site.services.warning.alerts.look())  # of the days that are closed
        found.run(sending.stop())  # what is written is written by what was asked, and nothing else
        found.snapshot = " UNION ALL ".join(
            f"SELECT '{name}', count(*), max(xmin::text::bigint) FROM {name}"
            for (name,) in site.fetch(TABLES)
        )
        yield found


async def agree(book: LivedIn) -> None:
    """Some let a bureau be asked about them; one was asked about, and nobody answers."""
    services, said = book.site.services, "bureau-pull"
    rows = await book.site.pool.fetch("SELECT borrower_id FROM borrower ORDER BY 1 DESC LIMIT 12")
    for (number,) in rows:
        saying = Saying(number, borrower(number), said, 1, "en", "portal")
        await services.consents.grant(saying, Asking(f"borrower:{number}"))
    await services.bureau.ask(rows[0][0], Asking("staff:1"))


async def sign(book: LivedIn, home: Path) -> None:
    """Two checkpoints over what there is, once: what is written later can be counted."""
    settings = Settings.from_environment({"USANCE_HOME": str(home)})
    sequencer = Sequencer(book.site.pool, open_key(settings.audit_key_file))
    await sequencer.catch_up()
    await MachineClients(book.site.pool).create("between checkpoints", ["book:read"])
    await sequencer.catch_up()


async def make_keys(book: LivedIn) -> None:
    """Before the first request, because a served book learns of new keys with a delay."""
    clients = MachineClients(book.site.pool)
    for scope in SCOPES:
        book.key_without[scope] = await clients.create(f"without {scope}", SCOPES - {scope})
    book.key = await clients.create("all", SCOPES)
    book.token, session = await book.site.services.staff.log_in(
        console_site.SECOND, console_site.PASSWORD
    )
    book.csrf = session.csrf
    token, session = await book.site.services.staff.log_in(
        console_site.NAME, console_site.PASSWORD
    )
    book.handler = {"Cookie": f"usance_session={token}", "X-CSRF-Token": session.csrf}


def read_offer(book: LivedIn, path: str, asked: dict[str, Any]) -> str:
    """An offer whose costs were shown and confirmed."""
    offer = str(book.done(f"{path}/offers", asked)["offer_id"])
    shown = book.done(f"{path}/offers/{offer}/shown", {})
    read = {"digest": shown["digest"], "nonce": shown["nonce"], "how": "borrower"}
    book.done(f"{path}/offers/{offer}/confirmed", read)
    return offer


def newcomers(book: LivedIn) -> None:
    """One with a loan, an account, an offer and holds; one with credit; one with nothing yet.

    And bank money of somebody whom nobody knows.
    """
    first, second = registered(book), registered(book)
    account, _ = opened(book, first, "pay_later"), opened(book, first, "cash_loan")
    path = f"/v1/borrowers/{first}"
    asked = {"product": "cash_loan", "principal": "1200.00", "instalments": 6}
    for _ in range(2):
        offer = read_offer(book, path, asked)
        loan = book.done(f"{path}/offers/{offer}/accept", {})["contract_id"]
    book.done(f"/v1/contracts/{loan}/charge-off", {})
    book.site.agree(loan)
    read_offer(book, path, asked)
    for _ in range(3):
        hold = {"product": "pay_later", "amount": "700.00", "merchant": "Tea", "valid_days": 30}
        book.done(f"{path}/authorisations", hold)
    for amount in ("5.00", "900.00", "700.00"):
        book.done(f"/v1/contracts/{account}/purchases", {"amount": amount})
    book.done(f"/v1/contracts/{account}/repayments", {"amount": "10.00"})
    for _ in range(4):
        book.done(f"/v1/contracts/{account}/charge-off", {})  # it waits for a second person
    overpaid = opened(book, second, "pay_later")
    book.done(f"/v1/contracts/{overpaid}/repayments", {"amount": "50.00"})
    registered(book)
    may_have_more(book)
    calm = registered(book)
    opened(book, calm, "cash_loan")
    offer = read_offer(book, f"/v1/borrowers/{calm}", asked)
    book.done(f"/v1/borrowers/{calm}/offers/{offer}/accept", {})  # nothing is late, or was put off
    forgeries(book)
    who = book.site.fetch("SELECT borrower_id FROM borrower WHERE status = 1 ORDER BY 1 DESC")
    for (each,) in who[:6]:
        alert = book.run(planted(book.site.pool, each))
    second = book.run(book.site.services.staff.number(console_site.SECOND))
    book.run(book.site.services.warning.alerts.take(alert, Asking(f"staff:{second}")))
    head = "reference,id,amount,result_code,value_date,bank_transaction_id"
    rows = (f"{book.fresh_key()},c-1001,5.00,00,{book.today()}," for _ in range(2))
    book.load_file("\n".join([head, *rows, ""]))
    if len(book.site.fetch("SELECT FROM webhook_endpoint WHERE deleted_at IS NULL")) < 6:
        listeners(book)


def may_have_more(book: LivedIn) -> None:
    """Two who are offered a higher limit, and one who may ask for more for a while."""
    for _ in range(2):
        who = registered(book)
        opened(book, who, "pay_later")
        book.run(offered(book.site, who, 2_100_000))
    other = registered(book)
    opened(book, other, "pay_later", limit="2000.00")
    income = {"name": "income", "source": "income", "value": "9000.00 CNY",
              "observed_at": SystemClock().now().isoformat()}  # fmt: skip
    book.done(f"/v1/borrowers/{other}/facts", income)
    book.run(good_tier(book.site, other))


def forgeries(book: LivedIn) -> None:
    """A report of a message, and an alarm at which nobody has looked."""
    address = f"10.8.{next(book.numbers) % 256}.1"
    report = {"text": "Pay at once!", "channel": "sms", "address": address}
    book.done("/v1/suspicious-messages", report)
    book.site.fetch("INSERT INTO verify_alarm (raised_at, calm_at, missed, mark)"
                    " VALUES (now(), now(), 40, 30)")  # fmt: skip


def listeners(book: LivedIn) -> None:
    """Endpoints with one secret and with two, for each of which a message waits and one is done."""
    for rotations in (1, 0, 1):
        hook = {"url": "https://hooks.example.com/in", "types": ["day.closed"]}
        path = f"/v1/webhooks/{book.done('/v1/webhooks', hook)['webhook_id']}"
        for _ in range(2):
            book.done(f"{path}/test", {})
        for _ in range(rotations):
            book.done(f"{path}/secrets", {})
    book.site.fetch("UPDATE webhook_delivery SET state = 1 WHERE sequence = 1")


def opened(book: LivedIn, borrower: str, product: str, limit: str = "20000.00") -> str:
    """A line; its account, if it has one."""
    line = {"product": product, "limit": limit}
    return str(book.done(f"/v1/borrowers/{borrower}/lines", line)["contract_id"])


def registered(book: LivedIn) -> str:
    """A new borrower."""
    n = next(book.numbers)
    book.phone = f"1370{n:07}"
    person = {"name": "Ann", "phone": book.phone, "identity_number": f"ID7{n:06}"}
    return str(book.done("/v1/borrowers", person)["borrower_id"])


def new_cases(book: LivedIn) -> None:
    """Cases of a new borrower: one with a file, one without, one proposed, one decided."""
    borrower = registered(book)
    (row,) = book.site.fetch("SELECT staff_id FROM staff WHERE name = $1", console_site.NAME)
    decider = book.credentials("cases:decide", "")
    finding = {"result": "upheld", "reasons": "Our mistake."}
    for stage in ("proposed", "decided", "with a file", "given", "given"):
        opened_case = {"kind": "complaint", "text": "Twice!", "borrower_id": borrower}
        path = f"/v1/cases/{book.done('/v1/cases', opened_case)['case_id']}"
        book.done(f"{path}/assignment", {"staff_id": row["staff_id"]})
        if stage in ("proposed", "decided"):
            book.done(f"{path}/proposals", finding, book.handler)
        if stage == "decided":
            book.done(f"{path}/decision", {"proposal": 1, "follow": True}, decider)
        if stage == "with a file":
            attach(book, path)


def attach(book: LivedIn, path: str) -> None:
    """A file of a case."""
    headers = {"authorization": f"Bearer {book.key}", "idempotency-key": book.fresh_key(),
               "content-type": "application/octet-stream"}  # fmt: skip
    address = f"{book.site.address}{path}/attachments?name=a.txt"
    answer = book.session.post(address, data=b"Hello", headers=headers)
    assert answer.status_code == 201, answer.text
