"""`Oracle(terms).quote(document)`: refusals in their order, replay, answer (0002)."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from .days import ONE_DAY
from .line import LineContract
from .reached import REFUSED, Refused, reached, refuse_if
from .term import TermContract
from .terms import Event, Terms, day, read_event, read_terms
from .view import answer

BOTH = {"repayment", "fee", "penalty", "refund", "goodwill", "chargeback", "reversal", "waiver",
        "charge_off", "recovery", "payout"}
KNOWN = {"term": BOTH | {"extension", "restructuring", "drawing_returned"},
         "statement": BOTH | {"purchase"}}
MONEY = ("repayment", "recovery", "refund", "chargeback", "payout")
Contract = TermContract | LineContract


class Oracle:
    """What a contract of these terms (the JSON terms of a quote document) owes."""

    def __init__(self, terms: Mapping[str, Any]) -> None:
        self.given = terms

    def quote(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a quote document, or {"rule": ...} where it is refused."""
        try:
            return self.answer(document)
        except Refused as refusal:
            REFUSED[refusal.rule] += 1
            return {"rule": refusal.rule}

    def answer(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Read everything, then replay what is there on `as_of`."""
        refuse_if(bool(set(document) - {"as_of", "terms", "events"}), "R-DOC-01")
        given = document.get("events", [])
        first = min((day(event.get("on")) for event in given), default=None)
        terms = read_terms(self.given, first)
        events = [read_event(event, terms.decimals) for event in given]
        opened = terms.opened_on
        refuse_if(opened is None, "R-DOC-01", "neither an opening day nor an event")
        assert opened is not None
        latest = max([opened, *(event.on for event in events)])
        as_of = day(document["as_of"]) if document.get("as_of") else latest
        refuse_if(as_of < opened, "R-DATE-01")
        return Replay(terms, [event for event in events if event.on <= as_of]).until(as_of)


class Replay:
    """One replay of the events that are there (R-ORDER-01, R-REV-01, R-STMT-01)."""

    def __init__(self, terms: Terms, events: list[Event]) -> None:
        self.terms = terms
        self.events = sorted(events, key=lambda event: (event.on, event.seq))
        self.by_seq = {event.seq: event for event in reversed(self.events)}
        self.statements: dict[date, dict[str, int] | None] = {}
        self.undone = {event.of for event in self.events
                       if event.type == "reversal" and event.of in self.by_seq}
        if self.undone:
            reached("R-REV-01")
        self.back = next((event for event in self.events if event.type == "drawing_returned"
                          and event.seq not in self.undone), None)

    def until(self, as_of: date) -> dict[str, Any]:
        """The answer as of that day."""
        contract, parts = self.play(as_of)
        return answer(contract, self.events, parts, {seq for seq in self.undone if seq})

    def play(self, as_of: date) -> tuple[Contract, dict[int, dict[str, int]]]:
        """Every event in its order; the first one refused refuses all."""
        contract: Contract = (TermContract(self.terms) if self.terms.kind == "term"
                              else LineContract(self.terms, self.said))
        if self.back and isinstance(contract, TermContract):
            contract.never_paid_out(self.back.seq)
        parts: dict[int, dict[str, int]] = {}
        self.reversed_so_far: set[int | None] = set()
        self.seen: set[int] = set()
        reached("R-ORDER-01")
        for event in self.events:
            self.check(event)
        for event in self.events:
            if event.type == "reversal" or event.seq in self.undone or self.fell_away(event):
                continue
            contract.advance(event.on)
            parts[event.seq] = contract.apply(self.as_it_turned_out(event))
        contract.advance(as_of)
        return contract, parts

    def fell_away(self, event: Event) -> bool:
        """R-DRAW-01: what happened to a loan before it came back, unless it was money."""
        if self.back is None or event.seq > self.back.seq:
            return False
        return event.type not in MONEY

    def as_it_turned_out(self, event: Event) -> Event:
        """R-DRAW-01: what was recovered on a loan that was never paid out is a payment."""
        if event.type == "recovery" and self.back is not None and event.seq < self.back.seq:
            return replace(event, type="repayment")
        return event

    def check(self, event: Event) -> None:
        """What can be said of an event without the state of the contract."""
        refuse_if(event.seq in self.seen, "R-SEQ-01")
        self.seen.add(event.seq)
        refers = event.type in ("reversal", "chargeback")
        refuse_if(refers and event.of is None, "R-SEQ-01")
        refuse_if(event.of is not None and (event.of not in self.by_seq or event.of >= event.seq),
                  "R-SEQ-01")
        self.check_kind(event)
        assert self.terms.opened_on is not None
        refuse_if(event.posted_on < self.terms.opened_on, "R-DATE-01")
        refuse_if(event.recorded_on < event.on, "R-DATE-01")
        refuse_if(event.of is not None and self.by_seq[event.of].on > event.on, "R-DATE-01")
        if event.type == "reversal":
            refuse_if(event.of in self.reversed_so_far, "R-REV-02")
            self.reversed_so_far.add(event.of)
        if event.type == "drawing_returned" and event.seq not in self.undone:
            reached("R-DRAW-02")
            refuse_if(self.back is not event, "R-DRAW-02")

    def check_kind(self, event: Event) -> None:
        """R-KIND-01."""
        refuse_if(event.type not in KNOWN[self.terms.kind], "R-KIND-01")
        of = self.by_seq[event.of].type if event.of is not None else None
        refuse_if(event.type == "reversal" and of == "reversal", "R-KIND-01")
        refuse_if(event.type == "chargeback" and of != "repayment", "R-KIND-01")
        refuse_if(event.type == "refund" and of not in (None, "purchase"), "R-KIND-01")

    def said(self, statement: date) -> dict[str, int] | None:
        """What the statement of this day said when it was issued; None if nothing came later.

        Empty if none was issued, because the line stood charged off (R-OFF-01)."""
        known = [event for event in self.events if event.recorded_on <= statement]
        there = [event for event in self.events if event.on <= statement]
        late = [event for event in self.events if event.type == "reversal"
                and event.recorded_on > statement and self.by_seq.get(event.of or 0) in there]
        if len(known) == len(there) and not late:
            return None
        if statement not in self.statements:
            self.statements[statement] = self.as_issued(known, statement)
        return self.statements[statement]

    def as_issued(self, known: list[Event], statement: date) -> dict[str, int]:
        """What that statement asked, from what was known then; empty if none was issued."""
        contract, _ = Replay(self.terms, known).play(statement + ONE_DAY)
        assert isinstance(contract, LineContract)
        if contract.open_cycle.start != statement + ONE_DAY:
            return {}
        issued = contract.cycles[-2]
        return issued.said or {**issued.asked_parts, "minimum_due": issued.minimum_due,
                               "balance": issued.balance}
