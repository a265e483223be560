"""Reversals and back-dated entries: replay the contract, book only the differences, today."""

from usance.contract.records import CLOSE, MOVE_OUT, REVERSAL, Event
from usance.contract.replay import Parts
from usance.contract.step import KIND, REFUSALS
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.ledger.streams import rounding_of
from usance.ledger.transfers import Pair, differences, pairs_of, transfers_of
from usance.servicing.hand import Booked, Hand

RESTED_ON = (MOVE_OUT, CLOSE)
"""Events on which something outside the contract rests."""


def booked_pairs(hand: Hand) -> dict[Pair, int]:
    """What the book shows of the contract: stored transfers and those in the hand."""
    found = dict(hand.stored_pairs)
    for entry in hand.booked:
        for debit, credit, amount in entry.transfers:
            found[debit, credit] = found.get((debit, credit), 0) + amount
    return found


@rule("R-REV-01", "R-STMT-01")
def enter(hand: Hand, event: Event, business_date: int) -> Booked:
    """Enter an event that changes the past (or undoes part of it); raises ``Refused``."""
    history = hand.history
    assert history is not None, "the poster loads the history of what changes the past"
    history.rebuild(business_date)
    rounding = rounding_of(history.state.effects)
    event.seq = hand.state.seq + 1
    event.booked_on = business_date
    history.take(event)
    history.rebuild(business_date)
    old = booked_pairs(hand)
    new = pairs_of(history.state.effects)
    hand.state, hand.dues = history.state.contract, history.state.dues
    hand.state.seq = event.seq
    hand.take_terms(history.state.terms)
    hand.settle_alarm()
    parts = history.state.parts.get(event.seq, Parts())
    entry = Booked(event, parts, transfers_of(differences(new, old)))
    hand.booked.append(entry)
    hand.note_change(history.state.effects, business_date, -rounding)
    hand.dirty = True
    return entry


@rule("R-REV-02", "R-REV-01")
def reverse(hand: Hand, of: int, business_date: int) -> Booked:
    """An event never happened; refused where later events rest on it."""
    history = hand.history
    assert history is not None
    target = history.known.get(of)
    if target is None:
        raise Refused("R-SEQ-01", "there is no such event to reverse", "of")
    if target.kind == REVERSAL:
        raise Refused(REFUSALS[KIND][0], "a reversal is not reversed: enter the event again", "of")
    if target.kind in RESTED_ON:
        raise Refused("R-REV-02", "a plan or the end of the line rests on it", "of")
    if of in history.reversed:
        raise Refused("R-REV-02", "the event is reversed already", "of")
    entry = enter(hand, Event(kind=REVERSAL, on=business_date, of=of), business_date)
    hand.reversed_events[of] = entry.event.seq
    return entry
