"""Comparing the kernel's answer with the oracle's, and shrinking what differs."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

from .quote import Oracle
from .sequences import Json, Story

FIELDS = ("schedule", "open_cycle", "totals", "events", "rule")
Quote = Callable[[Json], Json]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure of an answer under its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{place}]")
    else:
        yield path, value


def differences(kernel: Json, oracle: Json) -> dict[str, tuple[Any, Any]]:
    """{path: (kernel, oracle)}: every figure of the oracle that the kernel shows otherwise."""
    seen = dict(leaves({field: kernel.get(field) for field in FIELDS}))
    told = {path: value for path, value in leaves({f: oracle.get(f) for f in FIELDS})
            if not (path.startswith(".open_cycle") and value is None)}
    differ = {path: (seen.get(path), value) for path, value in told.items()
              if seen.get(path) != value}
    rows = ("schedule", "events")
    for part in rows if "rule" not in oracle else ():
        sizes = len(kernel.get(part) or ()), len(oracle[part])
        if sizes[0] != sizes[1]:
            differ[f".{part} rows"] = sizes
    return differ


def compared(quote: Quote, document: Json) -> dict[str, tuple[Any, Any]]:
    """How the two differ on this document; a crash of the kernel is a difference."""
    try:
        kernel = quote(document)
    except Exception as crash:  # whatever it is, it is the finding
        return {"crash": (repr(crash), None)}
    oracle = Oracle(document["terms"]).quote(document)
    if "rule" in kernel and "rule" not in oracle:
        return {".rule": (kernel["rule"], None)}
    return differences(kernel, oracle)


def shrunk(quote: Quote, document: Json) -> Json:
    """Drop events, then terms, as long as a difference of the same kind stays."""
    kind = "crash" in compared(quote, document), ".rule" in compared(quote, document)
    while True:
        for smaller in [*fewer_events(document), *fewer_terms(document)]:
            found = compared(quote, smaller)
            if found and ("crash" in found, ".rule" in found) == kind:
                document = smaller
                break
        else:
            return document


def fewer_events(document: Json) -> Iterator[Json]:
    """The document less one event (and less what refers to it)."""
    for event in document["events"]:
        rest = [other for other in document["events"]
                if other is not event and other.get("of") != event["seq"]]
        yield {**document, "events": rest}


def fewer_terms(document: Json) -> Iterator[Json]:
    """The document less one field of the terms, which then has its default."""
    needed = ("kind", "principal", "disbursed_on", "opened_on", "instalments", "rate",
              "interest_from", "day_count", "currency")
    for field in document["terms"]:
        if field not in needed:
            rest = {name: value for name, value in document["terms"].items() if name != field}
            yield {**document, "terms": rest}


def looks(random: Random, told: Story) -> Iterator[Json]:
    """The document after every prefix of its events, seen that day and on days that tell."""
    for count in range(len(told.events) + 1):
        events = told.events[:count]
        recorded = [date.fromisoformat(e.get("recorded_on") or e["on"]) for e in events]
        latest = max([told.opened, *recorded])
        for days in (0, random.choice((1, 2, 3, 10, 29, 30, 31, 45, 60, 100))):
            as_of = latest + timedelta(days=days)
            yield {"as_of": as_of.isoformat(), "terms": told.terms, "events": events}
    yield {"as_of": (told.opened + timedelta(days=random.randint(0, 400))).isoformat(),
           "terms": told.terms, "events": timely(told)}


def timely(told: Story) -> list[Json]:
    """The events that were recorded on their own day."""
    late = {event["seq"] for event in told.events if "recorded_on" in event}
    return [e for e in told.events if e["seq"] not in late and e.get("of") not in late]
