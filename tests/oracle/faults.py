"""Faults: each breaks a story's document so that one refusal is the answer."""
from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from .sequences import Json, Story
from .view import money


def with_event(told: Story, **event: Any) -> Json:
    """The document with one more event."""
    document = told.document()
    new = {"seq": len(told.events) + 1, "on": told.today.isoformat(), **event}
    return {**document, "events": [*document["events"], new]}


def with_terms(told: Story, **terms: Any) -> Json:
    """The document with other terms."""
    return {**told.document(), "terms": {**told.terms, **terms}}


def huge(told: Story) -> str:
    return money(10**10, told.decimals)


def small(told: Story) -> str:
    return money(1, told.decimals)


def out_of_range(told: Story) -> Json:
    if told.line:
        return with_terms(told, rate={"daily": "1.5"})
    return with_terms(told, **told.random.choice((
        {"instalments": 481}, {"principal": money(10**11 + 1, told.decimals)},
        {"rate": {"daily": "1.5"}}, {"instalments": 0},
        {"first_due_on": (told.opened + timedelta(days=1)).isoformat(),
         "day_ends": {"first": False, "last": False}, "amortisation": "equal_principal"},
        {"first_due_on": (told.opened - timedelta(days=1)).isoformat()})))


def malformed(told: Story) -> Json:
    return told.random.choice((
        with_event(told, type="repayment"), with_event(told, type="fee", amount="ten"),
        with_event(told, type="fee", amount=small(told), colour="red"),
        with_event(told, type="fee", amount=small(told), on="2024-13-01"),
        with_terms(told, colour="red"), with_terms(told, rounding="sideways")))


def wrong_amount(told: Story) -> Json:
    finer = "0." + "0" * told.decimals + "1"
    return with_event(told, type="repayment", amount=told.random.choice(("0", "-1", finer)))


def wrong_seq(told: Story) -> Json:
    return told.random.choice((
        with_event(told, type="reversal"), with_event(told, type="reversal", of=99),
        with_event(told, type="reversal", of=len(told.events) + 1),
        with_event(told, type="fee", amount=small(told), seq=1) if told.events else
        with_event(told, type="reversal")))


def wrong_kind(told: Story) -> Json:
    reversal = told.pick("reversal")
    if reversal:
        return with_event(told, type="reversal", of=reversal)
    fee = told.pick("fee", "penalty", "purchase", "refund")
    if fee:
        return with_event(told, type="chargeback", of=fee, amount=small(told))
    return (with_event(told, type="extension", days=5) if told.line else
            with_event(told, type="purchase", amount=small(told)))


def wrong_date(told: Story) -> Json:
    before = (told.opened - timedelta(days=1)).isoformat()
    earlier = (told.today - timedelta(days=1)).isoformat()
    return told.random.choice((
        with_event(told, type="fee", amount=small(told), on=before),
        with_event(told, type="fee", amount=small(told), recorded_on=earlier)))


def reversed_twice(told: Story) -> Json | None:
    of = next((event["of"] for event in told.events if event["type"] == "reversal"), None)
    return with_event(told, type="reversal", of=of) if of else None


def returned_twice(told: Story) -> Json | None:
    if told.line or "rule" in told.seen():
        return None
    back = [{"seq": 900 + n, "on": told.today.isoformat(), "type": "drawing_returned"}
            for n in range(2)]
    return {**told.document(), "events": [*told.events, *back]}


def after_closing(told: Story) -> Json | None:
    answer = told.seen()
    if told.line or "rule" in answer or float(answer["totals"]["payoff"]):
        return None
    return with_event(told, **told.random.choice((
        {"type": "repayment", "amount": small(told)}, {"type": "fee", "amount": small(told)},
        {"type": "extension", "days": 3}, {"type": "charge_off"})))


def over_limit(told: Story) -> Json | None:
    return with_event(told, type="purchase", amount=huge(told)) if "limit" in told.terms else None


def over_repayment(told: Story) -> Json | None:
    of = told.pick("repayment")
    return with_event(told, type="chargeback", of=of, amount=huge(told)) if of else None


def over_purchase(told: Story) -> Json | None:
    of = told.pick("purchase")
    return with_event(told, type="refund", of=of, amount=huge(told)) if of else None


def over_waiver(told: Story) -> Json:
    return with_event(told, type="waiver", component="interest", amount=huge(told))


def over_payout(told: Story) -> Json:
    return with_event(told, type="payout", amount=huge(told))


def wrong_order_of_loss(told: Story) -> Json:
    off = any(event["type"] == "charge_off" for event in told.events)
    return with_event(told, **({"type": "repayment", "amount": small(told)} if off else
                               {"type": "recovery", "amount": small(told)}))


FAULTS: tuple[Callable[[Story], Json | None], ...] = (
    out_of_range, malformed, wrong_amount, wrong_seq, wrong_kind, wrong_date, reversed_twice,
    returned_twice, after_closing, over_limit, over_repayment, over_purchase, over_waiver,
    over_payout, wrong_order_of_loss)


def faulty(told: Story) -> Json | None:
    """The story's document with one fault."""
    return told.random.choice(FAULTS)(told)
