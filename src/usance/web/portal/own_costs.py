"""Offers and what they cost, on the way that ``scope`` is for all else: only the session's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from usance.core.identifiers import borrower_of_contract, cell_of_borrower, parse
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.once import Answer
from usance.platform.clock import microseconds
from usance.servicing import commands as asked
from usance.servicing import cost_read, read
from usance.servicing.cost_read import Kept
from usance.servicing.cost_sheet import LOAN, PLAN, SECOND, Sheet
from usance.servicing.pricing import check_principal, price
from usance.servicing.products import Product, product_of, products
from usance.web.console.render import services
from usance.web.portal.render import Asked, language_of, session_of
from usance.web.portal.scope import parse_amount
from usance.web.problems import not_found


@dataclass(frozen=True, slots=True)
class OwnOffer:
    """An offer with its sheet; ``wait``: seconds that reading still takes."""

    offer: Mapping[str, Any]
    kept: Kept
    today: int
    wait: int

    @property
    def open(self) -> bool:
        """Whether it can still be accepted."""
        valid: bool = self.offer["valid_until"].toordinal() >= self.today
        return valid and self.offer["status"] == 1


class OwnCosts:
    """The borrower's offers and cost sheets, and nobody else's."""

    def __init__(self, request: Asked) -> None:
        session = session_of(request)
        assert session is not None, "a page that uses this declares needs(BORROWER)"
        self._session = session
        self._services = services(request)
        self._language = language_of(request)

    async def today(self) -> int:
        """The business date as an ordinal."""
        book = await read.book(self._services.pool)
        assert book is not None  # the application does not start without one
        return book.today

    async def open_offers(self) -> list[Any]:
        """Offers that wait for an answer, newest first."""
        today = await self.today()
        return await cost_read.open_offers(self._services.pool, self._session.borrower_id, today)

    @rule("R-PORTAL-01")
    async def offer(self, text: str) -> OwnOffer:
        """One offer of this borrower; of anybody else's there is none."""
        borrower_id, offer_id = self._session.borrower_id, self._id("offer", text)
        pool = self._services.pool
        found = await read.offer(pool, cell_of_borrower(borrower_id), borrower_id, offer_id)
        kept = await cost_read.of_offer(pool, borrower_id, offer_id)
        if found is None or kept is None:
            raise not_found("offer")
        return OwnOffer(found, kept, await self.today(), self._wait(kept))

    def _wait(self, kept: Kept) -> int:
        """Seconds until the sheet may be confirmed, rounded up."""
        if kept.shown_at is None:
            return 0
        needed: int = kept.sheet["reading_seconds"] * SECOND + microseconds(kept.shown_at)
        return max(-((microseconds(self._services.clock.now()) - needed) // SECOND), 0)

    def _id(self, kind: str, text: str) -> int:
        try:
            return parse(kind, text)
        except ValueError as error:
            raise not_found(kind) from error

    async def show(self, text: str, key: str, request_hash: bytes) -> None:
        """The sheet comes before the borrower's eyes. Raises ``Refused``."""
        offer_id = (await self.offer(text)).kept.sheet_id
        await self._do(asked.ShowCosts(
            borrower_id=self._session.borrower_id, offer_id=offer_id, language=self._language
        ), key, request_hash)  # fmt: skip

    async def confirm(
        self, text: str, form: Mapping[str, str], key: str, request_hash: bytes
    ) -> None:
        """The borrower has read it. Raises ``Refused``."""
        offer_id = (await self.offer(text)).kept.sheet_id
        await self._do(asked.ConfirmCosts(
            borrower_id=self._session.borrower_id, offer_id=offer_id, how="borrower",
            digest=form.get("digest", ""), nonce=form.get("nonce", ""),
        ), key, request_hash)  # fmt: skip

    async def accept(self, text: str, key: str, request_hash: bytes) -> str:
        """The contract begins; its number. Raises ``Refused``."""
        offer_id = (await self.offer(text)).kept.sheet_id
        answer = await self._do(
            asked.AcceptOffer(borrower_id=self._session.borrower_id, offer_id=offer_id),
            key, request_hash,
        )  # fmt: skip
        return str(answer.document["contract_id"])

    async def _do(self, command: asked.Command, key: str, request_hash: bytes) -> Answer:
        """Ask the book, once for a form's key."""
        answer = await self._services.book.submit(
            command, actor=self._session.actor, key=key, request_hash=request_hash
        )
        if answer.status >= 400:
            problem = answer.document
            raise Refused(problem["rule"], problem["detail"], problem.get("path", ""))
        return answer

    @rule("R-PORTAL-01")
    async def of_contract(self, text: str) -> Kept | None:
        """What was shown before a contract of this borrower began; None for an older one."""
        contract_id = self._id("contract", text)
        if borrower_of_contract(contract_id) != self._session.borrower_id:
            raise not_found("contract")
        return await cost_read.of_contract(self._services.pool, contract_id)

    # -- the calculator ----------------------------------------------------------------------------

    def priced_products(self) -> list[Product]:
        """What can be reckoned: loans and plans of this book's currency."""
        currency = self._services.currency
        return [
            each for each in products().values() if each.kind == "term"
            and each.currency == currency
        ]  # fmt: skip

    @rule("R-COST-07")
    async def reckoned(self, code: str, amount: str, instalments: str) -> Sheet:
        """The sheet of a choice as if it began today; nothing of it is kept. Raises ``Refused``."""
        product = product_of(code)
        if product not in self.priced_products():
            raise Refused("R-PRODUCT-02", "this product is not drawn as a loan", "product")
        units = parse_amount(amount, self._services.decimals)
        check_principal(product, units)
        count = int(instalments) if instalments.isascii() and instalments.isdigit() else 0
        kind = PLAN if product.code == "instalment_plan" else LOAN
        return price(product, units, count, await self.today(), kind).sheet
