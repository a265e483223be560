"""Small quote documents of round numbers, for arithmetic by hand."""

from __future__ import annotations

from typing import Any

from usance.contract.quote import quote

Json = dict[str, Any]


def numbered(events: tuple[Json, ...]) -> list[Json]:
    """Events with their places as numbers."""
    return [{"seq": place, **event} for place, event in enumerate(events, 1)]


def loan(as_of: str, *events: Json, **terms: Any) -> Json:
    """1,200.00 from New Year 2024 at 0.1 % a night: 1.20 a night; three rows of 400.00.

    Due on 1 February (31 nights), 1 March (29) and 1 April (31).
    """
    agreed: Json = {
        "kind": "term", "principal": "1200.00", "disbursed_on": "2024-01-01", "instalments": 3,
        "rate": {"daily": "0.001"}, "amortisation": "equal_principal",
    }  # fmt: skip
    return quote({"as_of": as_of, "terms": agreed | terms, "events": numbered(events)})


def line(as_of: str, *events: Json, **terms: Any) -> Json:
    """A line at 0.1 % a night: statements on the 1st, due on the 10th, in full."""
    agreed: Json = {
        "kind": "statement", "opened_on": "2024-01-01", "statement_day": 1, "due_day": 10,
        "rate": {"daily": "0.001"},
    }  # fmt: skip
    return quote({"as_of": as_of, "terms": agreed | terms, "events": numbered(events)})


def event(kind: str, on: str, amount: str = "", **more: Any) -> Json:
    """One event."""
    return {"type": kind, "on": on, **({"amount": amount} if amount else {}), **more}


def column(answer: Json, name: str) -> list[Any]:
    """One field of all rows."""
    return [row[name] for row in answer["schedule"]]


def parts(answer: Json, seq: int) -> dict[str, str]:
    """What an event did, without zeros."""
    row = answer["events"][seq - 1]
    return {k: v for k, v in row.items() if k != "seq" and v not in ("0.00", True)}
