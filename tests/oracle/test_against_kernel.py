"""The kernel against the oracle on random documents, after every event and on several days.

USANCE_SEED repeats a run, USANCE_ORACLE_SECONDS is its time (60); `make soak` runs 1,000,000
operations (one operation: one document answered by both and compared)."""
from __future__ import annotations

import importlib.util
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from .compare import Quote, compared, looks, shrunk
from .faults import FAULTS, faulty
from .reached import REACHED, REFUSED
from .sequences import story

DOCS = Path(__file__).parents[2] / "docs"
# What a quote document cannot show: what is income when.
NOT_IN_A_QUOTE = {"R-NONACC-01"}
MILLION = 1_000_000
PARTS = 2
"""Of the million, so that two cores share it."""


def kernel() -> Quote:
    """The kernel's quote; there is none before the kernel is."""
    if importlib.util.find_spec("usance.contract.quote") is None:
        pytest.skip("the kernel has no quote yet")
    from usance.contract.quote import quote
    return quote


def rules() -> set[str]:
    """The rule ids of the product text."""
    text = (DOCS / "product.md").read_text().split("\n## 8.")[0]  # what a contract owes
    return set(re.findall(r"\*\*(R-[A-Z]+-\d\d)", text)) - NOT_IN_A_QUOTE


def refusals() -> set[str]:
    """The refusals of 0002."""
    text = next((DOCS / "decisions").glob("0002-*.md")).read_text()
    return set(re.findall(r"`(R-[A-Z]+-\d\d)`", text.split("**Refusals**")[1]))


def show(quote: Quote, document: dict[str, object], seed: str) -> str:
    """The smallest document that still differs, and how."""
    small = shrunk(quote, dict(document))
    fields = compared(quote, small) or compared(quote, dict(document))
    lines = [f"{path}: kernel {ours!r}, oracle {theirs!r}"
             for path, (ours, theirs) in fields.items()]
    return "\n".join([f"USANCE_SEED={seed}", json.dumps(small), *lines])


def run_one(quote: Quote, seed: str) -> int:
    """One story and one fault; returns the number of comparisons."""
    random = Random(seed)
    told = story(random)
    documents = list(looks(random, told))
    fault = faulty(told)
    documents += [fault] if fault else []
    for document in documents:
        assert not compared(quote, document), show(quote, document, seed)
    return len(documents)


def table() -> str:
    """How often each rule and each refusal was reached."""
    counts = [f"{rule} {REACHED[rule]}" for rule in sorted(rules())]
    refused = [f"{rule} {REFUSED[rule]}" for rule in sorted(refusals())]
    return "\n".join(["reached:", *counts, "refused:", *refused])


def test_random_documents_within_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = float(os.environ.get("USANCE_ORACLE_SECONDS", "60"))
    end = time.monotonic() + seconds
    report = compare_until(lambda _: time.monotonic() >= end)
    with capsys.disabled():
        print(report)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_a_million_operations(capsys: pytest.CaptureFixture[str], part: int) -> None:
    next_told, wanted = 0, MILLION // PARTS

    def enough(done: int) -> bool:
        nonlocal next_told
        if done >= next_told:
            next_told += wanted // 20
            with capsys.disabled():
                print(f"{done} of {wanted} operations", flush=True)
        return done >= wanted

    report = compare_until(enough, f"{part}-")
    with capsys.disabled():
        print(report)


def compare_until(enough: Callable[[int], bool], prefix: str = "") -> str:
    """Compare story after story; then every rule and every refusal must have been reached."""
    quote = kernel()
    REACHED.clear()
    REFUSED.clear()
    seed = os.environ.get("USANCE_SEED", str(time.time_ns()))
    seed = prefix + seed if ":" not in seed else seed
    if ":" in seed:  # one story of an earlier run
        return f"seed {seed}: {run_one(quote, seed)} comparisons"
    done = number = 0
    while not enough(done):
        done += run_one(quote, f"{seed}:{number}")
        number += 1
    never = sorted(rule for rule in rules() if not REACHED[rule])
    never += sorted(rule for rule in refusals() if not REFUSED[rule])
    assert not never, f"never reached with seed {seed}: {never}\n{table()}"
    return f"\nseed {seed}: {number} stories, {done} comparisons\n{table()}"


def test_every_fault_is_made() -> None:
    random = Random(7)
    made: set[Callable[..., object]] = set()
    for number in range(400):
        told = story(Random(number), 6)
        fault = random.choice(FAULTS)
        if fault(told) is not None:
            made.add(fault)
    assert made == set(FAULTS)
