"""The one way from a borrower's page to data: ``Own`` yields what is the session's borrower's.

Whatever stands in an address is held against the session first: an id of somebody else is answered
like one that does not exist. Handlers of pages know neither the pool nor the book nor a store; a
test of the source sees to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from usance.cases.intake import Opening
from usance.cases.read import File
from usance.cases.work import Acting
from usance.consents.records import Saying, borrower
from usance.consents.service import Offered
from usance.contract.records import ACTIVE, CLOSED
from usance.core.identifiers import borrower_of_contract, parse, written
from usance.core.money import parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.accesses import ShownAccess
from usance.identity.borrower_sessions import BorrowerSession
from usance.identity.borrowers import Borrower
from usance.identity.contact_changes import Asker
from usance.notices.documents import Language
from usance.notices.own import LAST as LAST_NOTICE
from usance.notices.own import Shown
from usance.notices.preferences import Preferences, choose, chosen_by
from usance.notices.reporting import PORTAL
from usance.notices.suspicious import Message
from usance.servicing import own_read, own_why, read, read_page, what_if, why
from usance.servicing.read import Product, Standing
from usance.servicing.why_dues import Explanation
from usance.web import personal
from usance.web.console.render import services
from usance.web.portal.render import Asked, language_of, session_of
from usance.web.problems import not_found

PAGE = 40
LANGUAGE: Mapping[str, Language] = {"zh": "zh-CN", "en": "en"}
LOOKS = 100
"""Looks on a page."""
Row = Mapping[str, Any]


def parse_amount(text: str, decimals: int) -> int:
    """Minor units of what somebody typed in; raises ``Refused``."""
    plain = text.strip().replace(",", "").replace("，", "")
    try:
        return parse_decimal(plain, decimals)
    except ValueError as error:
        raise Refused("R-AMT-01", "not an amount of money", "amount") from error



@dataclass(frozen=True, slots=True)
class Owed:
    """What one or all contracts owe today, and what comes next."""

    today: int
    contracts: list[Standing]

    @property
    def open(self) -> list[Standing]:
        """Contracts on which something runs or is owed."""
        return [s for s in self.contracts if s.state.status != CLOSED and not s.undrawn]

    @property
    def active(self) -> list[Standing]:
        """Contracts that one payment may be shared among."""
        return [s for s in self.open if s.state.status == ACTIVE]

    @property
    def due_now(self) -> int:
        """What should have been paid by today."""
        return own_why.due_now(self.active).amount

    @property
    def late_from(self) -> int:
        """The oldest unmet due day before today; 0 if nothing is late."""
        return min((s.state.late_from for s in self.active if s.dpd), default=0)

    @property
    def account_is_late(self) -> bool:
        """Whether nothing can be bought now, because the pay-later account itself is late."""
        return any(s.is_line and s.dpd for s in self.active)

    @property
    def next_due_on(self) -> int:
        """The next day on which something is due; 0 if there is none."""
        return min((s.next_due_on for s in self.active if s.next_due_on), default=0)

    @property
    def next_due(self) -> int:
        """What is due at least on that day."""
        return own_why.next_due(self.active, self.next_due_on).amount

    @property
    def next_in_full(self) -> int:
        """What was asked for that day in full, of statements more than what is required."""
        return own_why.next_in_full(self.active, self.next_due_on).amount

    @property
    def everything(self) -> int:
        """What closes all of it today."""
        return own_why.pay_off(self.active).amount


@dataclass(frozen=True, slots=True)
class Home:
    """What the first page shows."""

    owed: Owed
    lines: list[Any]
    products: dict[int, Product]
    payments: list[Row]

    @property
    def sums(self) -> dict[str, own_why.Sum]:
        """Every figure over all contracts, by its name; of a line with the code of its product."""
        owed, day = self.owed, self.owed.next_due_on
        found = [
            own_why.due_now(owed.active), own_why.next_due(owed.active, day),
            own_why.next_in_full(owed.active, day), own_why.pay_off(owed.active),
            *(own_why.room(line, owed.contracts, self.products[line["product_id"]].code)
              for line in self.lines),
        ]  # fmt: skip
        return {each.figure: each for each in found}


class Own:
    """Everything that is the borrower's own, and nothing else."""

    def __init__(self, request: Asked) -> None:
        session = session_of(request)
        assert session is not None, "a page that uses this declares needs(BORROWER)"
        self._session: BorrowerSession = session
        self._request = request
        self._services = services(request)
        self._access = self._services.access

    # -- whose it is -------------------------------------------------------------------------------

    @rule("R-PORTAL-01")
    def _contract_id(self, text: str) -> int:
        """The id of a contract of this borrower; of anybody else's there is none."""
        contract_id = self._id("contract", text)
        if borrower_of_contract(contract_id) != self._session.borrower_id:
            raise not_found("contract")
        return contract_id

    def _id(self, kind: str, text: str) -> int:
        try:
            return parse(kind, text)
        except ValueError as error:
            raise not_found(kind) from error

    async def today(self) -> int:
        """The business date as an ordinal."""
        book = await read.book(self._services.pool)
        assert book is not None  # the application does not start without one
        return book.today

    async def products(self) -> dict[int, Product]:
        """All products by id; they are nobody's."""
        return await read.products(self._services.pool)

    # -- what is owed ------------------------------------------------------------------------------

    async def home(self) -> Home:
        """What is owed and when."""
        today = await self.today()
        found = await read.borrower_page(self._services.pool, self._session.borrower_id, today)
        return Home(
            Owed(today, found.contracts), found.lines, await self.products(),
            await self.payments_on_their_way(),
        )  # fmt: skip

    async def owed(self, contract: str = "") -> Owed:
        """What one contract owes, or all of them together."""
        today = await self.today()
        async with self._services.pool.acquire() as connection:
            if not contract:
                all_of_them = await read.contracts_of(
                    connection, self._session.borrower_id, today, closed=False
                )
                return Owed(today, all_of_them)
            found = await read.contract(connection, self._contract_id(contract), today)
        if found is None:
            raise not_found("contract")
        return Owed(today, [found])

    async def contract(self, text: str) -> read_page.ContractPage:
        """One contract with the newest of everything."""
        found = await read_page.contract_page(self._services.pool, self._contract_id(text))
        if found is None:
            raise not_found("contract")
        return found

    async def schedule(self, found: Standing) -> list[Any]:
        """All dues of a contract that was found here."""
        assert found.borrower_id == self._session.borrower_id
        return await read.dues(self._services.pool, found, limit=120)

    async def contract_events(self, text: str) -> list[Any]:
        """What happened on one contract, newest first, without days that only passed."""
        return await read.events(
            self._services.pool, self._contract_id(text), limit=PAGE, day_ends=False
        )

    async def statement(self, text: str, number: int) -> tuple[Row, Any, list[Any]]:
        """One statement, its due as it stands, and the purchases in it."""
        contract_id, before = self._contract_id(text), min(number, 2**30) + 1
        async with self._services.pool.acquire() as connection:
            rows = await read.statements(connection, contract_id, before, 1)
            standing = await read.contract(connection, contract_id, await self.today())
            if not rows or rows[0]["number"] != number or standing is None:
                raise not_found("statement")
            dues = await read.dues(connection, standing, rows[0]["cycle"] + 1, 1)
            events = await read.events_of_cycle(connection, contract_id, rows[0]["cycle"])
        return rows[0], dues[0] if dues else None, events

    async def statements(self) -> list[Any]:
        """The newest statements of all contracts."""
        return await own_read.statements(self._services.pool, self._session.borrower_id, PAGE)

    async def events(self, skipped: int) -> list[Any]:
        """What happened on all contracts, newest first."""
        borrower_id = self._session.borrower_id
        return await own_read.events(self._services.pool, borrower_id, skipped, PAGE + 1)

    async def why(self, text: str, figure: str, n: int) -> Explanation:
        """A figure of a contract, opened."""
        found = await why.explain(self._services.pool, self._contract_id(text), figure, n)
        if found is None:
            raise not_found("figure")
        return found

    @rule("R-PORTAL-05")
    async def why_in_all(self, figure: str) -> own_why.Sum:
        """A figure over all of the borrower's contracts, opened."""
        home = await self.home()
        if figure not in home.sums:
            raise not_found("figure")
        return home.sums[figure]

    async def what_if(self, text: str, amount: int) -> what_if.WhatIf | None:
        """What comes of paying early, the minimum, or of missing one; None: nothing is to come."""
        contract_id = self._contract_id(text)
        await self.owed(text)
        return await what_if.what_if(self._services.pool, contract_id, amount)

    # -- payments ----------------------------------------------------------------------------------

    @property
    def can_pay(self) -> bool:
        """Whether there is a bank to pay at from here."""
        return self._services.bank is not None

    def amount(self, text: str) -> int:
        """Minor units of what was typed in."""
        return parse_amount(text, self._services.decimals)

    async def pay(self, contract: str, amount: int, key: str) -> Row:
        """A payment with its order at the bank, once for a form's key."""
        bank = self._services.bank
        if bank is None:
            raise Refused("R-PORTAL-04", "payments from here are not set up")
        owed = await self.owed(contract)
        most = owed.contracts[0].pay_off if contract else owed.everything
        return await self._services.payments.begin(
            bank, self._session.borrower_id, self._contract_id(contract) if contract else 0,
            amount, most, form_key=key, actor=self._session.actor,
        )  # fmt: skip

    async def payment(self, text: str) -> Row:
        """One payment."""
        intent_id = self._id("payment", text)
        found = await self._services.payments.one(self._session.borrower_id, intent_id)
        if found is None:
            raise not_found("payment")
        return found

    async def parts_of(self, payment: Row) -> list[Any]:
        """What a payment paid, contract by contract."""
        if not payment["operation_id"]:
            return []
        assert payment["borrower_id"] == self._session.borrower_id
        return await own_read.parts(
            self._services.pool, self._session.borrower_id, payment["operation_id"]
        )

    async def payments(self) -> Sequence[Row]:
        """The newest payments from these pages."""
        return await self._services.payments.of(self._session.borrower_id)

    async def payments_on_their_way(self) -> list[Row]:
        """Those of which nothing was heard yet."""
        now = self._services.clock.now()
        return [
            row for row in await self.payments() if row["status"] == 2 and row["expires_at"] > now
        ]

    # -- cases ---------------------------------------------------------------------------------

    async def cases(self) -> list[dict[str, Any]]:
        """The borrower's cases, newest first."""
        return await self._services.cases.own.of_borrower(self._session.borrower_id)

    async def case(self, text: str) -> dict[str, Any]:
        """One case with what was said to and by the borrower."""
        case_id = self._id("case", text)
        return await self._services.cases.own.read(self._session.borrower_id, case_id)

    async def open_case(self, form: Mapping[str, str], key: str, request_hash: bytes) -> str:
        """Open a case as a form asks; its number."""
        subject, subject_id, number = self._subject(form)
        opening = Opening(
            kind=form.get("kind", ""), text=form.get("text", ""), subject=subject,
            subject_id=subject_id, subject_number=number,
        )  # fmt: skip
        answer = await self._services.cases.own.open(
            self._session.borrower_id, opening, self._acting(key, request_hash)
        )
        return str(answer.document["case_id"])

    def _subject(self, form: Mapping[str, str]) -> tuple[str, int, int]:
        """What a form says the case is about: a case, a fact, an entry, a contract or nothing."""
        if against := form.get("against", ""):
            return "case", self._id("case", against), 0
        if fact := form.get("fact", ""):
            return "fact", self._id("fact", fact), 0
        if not form.get("contract", ""):
            return "nothing", 0, 0
        contract_id, event = self._contract_id(form["contract"]), form.get("event", "")
        if event.isascii() and event.isdigit() and len(event) < 10:
            return "event", contract_id, int(event)
        return "contract", contract_id, 0

    async def write_in_case(self, text: str, words: str, key: str, request_hash: bytes) -> None:
        """A message of the borrower in a case."""
        await self._services.cases.own.say(
            self._session.borrower_id, self._id("case", text), words,
            self._acting(key, request_hash),
        )  # fmt: skip

    async def attach_to_case(
        self, text: str, name: str, content: bytes, key: str, request_hash: bytes
    ) -> None:
        """A file of the borrower in a case."""
        await self.case(text)
        await self._services.cases.own.attach(
            self._session.borrower_id, self._id("case", text), name, content,
            self._acting(key, request_hash),
        )  # fmt: skip

    async def file_of_case(self, text: str, number: int) -> File:
        """A file of a case that is not one of the house's own."""
        case_id = self._id("case", text)
        return await self._services.cases.own.file(self._session.borrower_id, case_id, number)

    async def withdraw_case(self, text: str, key: str, request_hash: bytes) -> None:
        """Take a case back."""
        await self._services.cases.own.withdraw(
            self._session.borrower_id, self._id("case", text), self._acting(key, request_hash)
        )

    async def reopen_case(self, text: str, words: str, key: str, request_hash: bytes) -> None:
        """Have a case taken up again."""
        await self._services.cases.own.reopen(
            self._session.borrower_id, self._id("case", text), words,
            self._acting(key, request_hash),
        )  # fmt: skip

    def _acting(self, key: str, request_hash: bytes) -> Acting:
        return Acting(self._session.actor, frozenset(), key, request_hash)

    async def report_message(self, form: Mapping[str, str], key: str, request_hash: bytes) -> str:
        """Report a message that may be forged; the number of the case that it is."""
        message = Message(
            form.get("text", ""), form.get("channel", ""), form.get("sender", ""),
            form.get("code", ""),
        )  # fmt: skip
        answer = await self._services.genuine.reports.of_borrower(
            self._session.borrower_id, message, PORTAL, self._acting(key, request_hash)
        )
        return str(answer.document["case_id"])

    @property
    def report_most(self) -> int:
        """How long such a message may be."""
        return self._services.genuine.reports.policy.reports.text_max

    # -- consents --------------------------------------------------------------------------------

    async def consents(self) -> list[Offered]:
        """What the borrower can agree to or has said something of, and how it stands."""
        return await self._services.consents.offered(self._session.borrower_id)

    async def consent_document(self, document_id: str) -> Offered:
        """One document of these."""
        for each in await self.consents():
            if each.document.document_id == document_id:
                return each
        raise not_found("document")

    async def give_consent(
        self, document_id: str, form: Mapping[str, str], key: str, request_hash: bytes
    ) -> str:
        """Agree to a document that was shown, for the channels that the form ticks."""
        found = (await self.consent_document(document_id)).document
        ticked = tuple(each for each in found.channels if form.get(f"by-{each}"))
        if not ticked:
            raise Refused("R-FORM-01", "choose at least one way", "channels")
        said = self._saying(document_id, form, ticked)
        asking = self._asker(key, request_hash).asking
        answer = await self._services.consents.grant(said, asking)
        return str(answer.document["state"])

    async def refuse_consent(
        self, document_id: str, form: Mapping[str, str], key: str, request_hash: bytes
    ) -> str:
        """Do not agree."""
        said = self._saying(document_id, form, ())
        asking = self._asker(key, request_hash).asking
        answer = await self._services.consents.refuse(said, asking)
        return str(answer.document["state"])

    def _saying(
        self, document_id: str, form: Mapping[str, str], channels: tuple[str, ...]
    ) -> Saying:
        """In the words of the language and of the version that the page showed."""
        version, borrower_id = form.get("version", ""), self._session.borrower_id
        shown = int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0
        return Saying(
            borrower_id, borrower(borrower_id), document_id, shown,
            form.get("language", ""), "portal", channels=channels,
        )  # fmt: skip

    async def withdraw_consent(self, text: str, key: str, request_hash: bytes) -> None:
        """Take a consent back."""
        asking, record_id = self._asker(key, request_hash).asking, self._id("consent", text)
        await self._services.consents.withdraw(
            self._session.borrower_id, record_id, "portal", "", asking
        )

    async def consent_receipt(self, text: str) -> bytes:
        """The receipt of a consent, as a JSON document."""
        record_id = self._id("consent", text)
        found = await self._services.consents.receipt(self._session.borrower_id, record_id)
        return msgspec.json.format(msgspec.json.encode(found))

    # -- notices -----------------------------------------------------------------------------------

    async def notices(self, before: str) -> tuple[list[Shown], str]:
        """What the borrower was told, newest first; where older ones begin, if there are any."""
        start = LAST_NOTICE
        with suppress(ValueError):
            start = parse("notice", before)
        found = await self._services.notices.own.page(
            self._session.borrower_id, LANGUAGE[language_of(self._request)], start, PAGE + 1
        )
        older = written("notice", found[PAGE - 1].notice_id) if len(found) > PAGE else ""
        return found, older

    async def notice(self, text: str) -> Shown:
        """One of them."""
        found = await self._services.notices.own.one(
            self._session.borrower_id, LANGUAGE[language_of(self._request)],
            self._id("notice", text),
        )  # fmt: skip
        if found is None:
            raise not_found("notice")
        return found

    async def preferences(self) -> Preferences:
        """By which ways and in which hours the borrower wants to be told."""
        return await chosen_by(self._services.pool, self._session.borrower_id)

    async def app_listens(self) -> bool:
        """Whether the app that leads here takes messages for its people."""
        return await self._services.notices.own.app_listens()

    async def choose_notices(
        self, wanted: Preferences, key: str, request_hash: bytes
    ) -> None:
        """Choose them."""
        asking = self._asker(key, request_hash).asking
        await choose(
            self._services.pool, self._services.clock, self._session.borrower_id, wanted, asking
        )

    # -- the person --------------------------------------------------------------------------------

    async def person(self) -> Borrower:
        """The borrower's details."""
        found = await self._services.borrowers.read(self._session.borrower_id)
        assert found is not None  # a session ends with its borrower
        return found

    async def everything_held(self) -> bytes:
        """Everything held about the borrower, as a JSON document."""
        found = await personal.export(
            self._services.pool, self._services.keys, self._session.borrower_id, None, own=True
        )
        assert found is not None  # a session ends with its borrower
        return msgspec.json.format(msgspec.json.encode(found))

    async def looks(self, before: str) -> tuple[list[ShownAccess], str]:
        """Who looked at the borrower's details, newest first; where older ones begin, if any do."""
        start = read.LAST
        with suppress(ValueError):
            start = parse("operation", before)
        found = await self._services.accesses.shown_to_person(
            self._session.borrower_id, language_of(self._request), start, LOOKS + 1
        )
        older = written("operation", found[LOOKS - 1][0]) if len(found) > LOOKS else ""
        return [each for _, each in found[:LOOKS]], older

    def _asker(self, key: str = "", request_hash: bytes = b"") -> Asker:
        session = self._session
        return Asker(session.actor, session.csrf, session.session_id, key, request_hash)

    async def number(self) -> dict[str, Any]:
        """The number that codes go to, and the change that is on its way."""
        change = await self._access.changes.open_one(self._session.borrower_id)
        wanted = await self._access.changes.new_number(change) if change else ""
        known = await self._access.contacts.of(self._session.borrower_id)
        return known | {"change": change, "wanted": wanted}

    async def change_number(self, text: str, key: str, request_hash: bytes) -> int:
        """Begin a change of the number."""
        asker = self._asker(key, request_hash)
        return await self._access.changes.ask(self._session.borrower_id, text, asker)

    async def prove_number(self, side: str, code: str) -> bool:
        """A code from the new or the old number."""
        if side not in ("new", "old"):
            raise not_found("change")
        return await self._access.changes.prove(
            self._session.borrower_id, side, code, self._asker()
        )

    async def send_code_again(self, side: str, key: str, request_hash: bytes) -> None:
        """Another code to the new or the old number."""
        if side not in ("new", "old"):
            raise not_found("change")
        asker = self._asker(key, request_hash)
        await self._access.changes.send_again(self._session.borrower_id, side, asker)

    async def lost_old_number(self) -> None:
        """The old number is lost: staff has to look."""
        await self._access.changes.lost_old(self._session.borrower_id, self._asker())

    async def stop_change(self, key: str, request_hash: bytes) -> None:
        """The number stays as it is."""
        asker = self._asker(key, request_hash)
        await self._access.changes.stop(self._session.borrower_id, asker)

    async def devices(self) -> Sequence[Row]:
        """Devices that are remembered."""
        return await self._access.devices.of(self._session.borrower_id)

    async def sessions(self) -> Sequence[Row]:
        """Sessions that are open."""
        return await self._access.sessions.of(self._session.borrower_id)

    async def forget_device(self, text: str, key: str, request_hash: bytes) -> None:
        """A device is new again when it comes next."""
        asking = self._asker(key, request_hash).asking
        device_id = self._id("device", text)
        await self._access.devices.forget(self._session.borrower_id, device_id, asking)

    async def end_session(self, text: str, key: str, request_hash: bytes) -> None:
        """End one session."""
        asking = self._asker(key, request_hash).asking
        await self._access.sessions.end(self._session, self._id("session", text), asking)

    async def end_other_sessions(self, key: str, request_hash: bytes) -> None:
        """End every other session."""
        asking = self._asker(key, request_hash).asking
        await self._access.sessions.end_others(self._session, asking)

    async def log_out(self) -> None:
        """End this session."""
        await self._access.sessions.log_out(self._session)
