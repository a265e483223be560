"""Costs are disclosed: a sheet is kept with an offer, shown, read for a while, and confirmed.

Moments come from the clock of the book (``service.Book.stamped``), never from who asks; the sheet
itself says how many seconds reading it takes at least.
"""

from __future__ import annotations

import secrets
from typing import Any

from usance.core.identifiers import written as spelled
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.clock import moment_at
from usance.platform.identifiers import new_operation_id
from usance.servicing import commands as asked
from usance.servicing.cost_policy import LANGUAGES
from usance.servicing.cost_sheet import KINDS, LINE, SECOND, Written
from usance.servicing.hand import BorrowerBook, CostSheet, Offer

WAYS = ("borrower", "desk")
OPEN_OFFER = 1


@rule("R-COST-03")
def keep(book: BorrowerBook, sheet_id: int, kind: str, words: Written) -> CostSheet:
    """A sheet stands beside what it is of; the audit event says under which digest."""
    found = CostSheet(
        sheet_id, book.borrower_id, KINDS.index(kind), words.text, words.digest, new=True
    )
    book.sheets[sheet_id] = found
    say(book, found)
    return found


@rule("R-COST-06")
def give_line(book: BorrowerBook, contract_id: int, words: Written) -> CostSheet:
    """The sheet of a line that was just opened is a document of its account from the start."""
    found = keep(book, new_operation_id(), LINE, words)
    found.contract_id = contract_id
    return found


def say(book: BorrowerBook, sheet: CostSheet, **more: Any) -> None:
    """What became of a sheet stands with the audit event."""
    told = {"kind": KINDS[sheet.kind], "digest": sheet.digest.hex()}
    book.said = book.said | {"cost_sheet": told | more}


def show(book: BorrowerBook, command: asked.ShowCosts) -> dict[str, Any]:
    """The sheet, as somebody sees it now; the first time counts for how long it was read."""
    if command.language not in LANGUAGES:
        raise Refused("R-DOC-01", f"language must be one of {', '.join(LANGUAGES)}", "language")
    sheet = sheet_of(book, open_offer(book, command.offer_id).offer_id)
    if not sheet.shown_at:
        sheet.shown_at, sheet.language = command.at, command.language
        sheet.nonce, sheet.dirty = secrets.token_hex(16), True
    say(book, sheet, shown_at=stamp(sheet.shown_at))
    return told(sheet) | {"nonce": sheet.nonce}


@rule("R-OFFER-03")
def open_offer(book: BorrowerBook, offer_id: int) -> Offer:
    """An offer that can be accepted: once, and only while it is valid."""
    offer = book.offers.get(offer_id)
    if offer is None:
        raise Refused("R-FOUND-01", "there is no such offer", "offer_id")
    if offer.status != OPEN_OFFER:
        raise Refused("R-OFFER-03", "the offer has been used or withdrawn", "offer_id")
    if book.business_date > offer.valid_until:
        raise Refused("R-OFFER-03", "the offer is no longer valid", "offer_id")
    return offer


@rule("R-COST-03")
def sheet_of(book: BorrowerBook, offer_id: int) -> CostSheet:
    """The sheet of an offer; one of before there were sheets has none, and is made anew."""
    found = book.sheets.get(offer_id)
    if found is None:
        raise Refused("R-COST-03", "the offer has no cost sheet: make a new one", "offer_id")
    return found


@rule("R-COST-03")
def confirm(book: BorrowerBook, command: asked.ConfirmCosts) -> dict[str, Any]:
    """What was shown, and only that, has been read for long enough."""
    sheet = sheet_of(book, open_offer(book, command.offer_id).offer_id)
    if command.how not in WAYS:
        raise Refused("R-DOC-01", f"how must be one of {', '.join(WAYS)}", "how")
    if not sheet.shown_at:
        raise Refused("R-COST-03", "the cost sheet has not been shown", "offer_id")
    if command.digest != sheet.digest.hex():
        raise Refused("R-COST-03", "this is not the sheet that was shown", "digest")
    if not secrets.compare_digest(command.nonce.encode(), sheet.nonce.encode()):
        raise Refused("R-COST-03", "this is not how the sheet was shown", "nonce")
    if not sheet.confirmed_at:
        check_read(sheet, command.at)
        sheet.confirmed_at, sheet.how, sheet.dirty = command.at, command.how, True
    say(book, sheet, confirmed_at=stamp(sheet.confirmed_at), how=sheet.how)
    return told(sheet)


@rule("R-COST-04")
def check_read(sheet: CostSheet, now: int) -> None:
    """Nobody has read a sheet in the moment in which it appears."""
    wait = seconds_left(sheet, now)
    if wait > 0:
        raise Refused("R-COST-04", f"please read it: {wait} more seconds", "at")


def seconds_left(sheet: CostSheet, now: int) -> int:
    """Whole seconds that reading still takes, rounded up."""
    needed: int = Written(sheet.text, sheet.digest).sheet["reading_seconds"]
    return max(-((now - sheet.shown_at - needed * SECOND) // SECOND), 0)


@rule("R-COST-04")
def check_confirmed(book: BorrowerBook, offer_id: int) -> CostSheet:
    """Nobody agrees to what they have not been shown; raises ``Refused``."""
    sheet = sheet_of(book, offer_id)
    if not sheet.confirmed_at:
        raise Refused("R-COST-04", "its cost sheet must be shown and confirmed first", "offer_id")
    return sheet


def begin(book: BorrowerBook, sheet: CostSheet, contract_id: int) -> None:
    """The sheet is the contract's from here on."""
    sheet.contract_id, sheet.dirty = contract_id, True
    say(book, sheet)


def told(sheet: CostSheet) -> dict[str, Any]:
    """A sheet as the API shows it."""
    words = Written(sheet.text, sheet.digest)
    return {
        "offer_id": spelled("offer", sheet.sheet_id), "digest": sheet.digest.hex(),
        "sheet": words.sheet, "shown_at": stamp(sheet.shown_at), "language": sheet.language,
        "confirm_from": stamp(sheet.shown_at + words.sheet["reading_seconds"] * SECOND),
        "confirmed_at": stamp(sheet.confirmed_at), "how": sheet.how,
    }  # fmt: skip


def stamp(at: int) -> str | None:
    """A moment as ISO 8601; None for never."""
    return moment_at(at).isoformat() if at else None
