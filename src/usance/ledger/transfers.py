"""Effects of the kernel as transfers: one debit account, one credit account, one amount > 0."""

from collections.abc import Iterable

from usance.contract.records import Effect
from usance.core.rules import rule
from usance.ledger.chart import SIDES

Pair = tuple[int, int]


@rule("R-LEDGER-01")
def pairs_of(effects: Iterable[Effect]) -> dict[Pair, int]:
    """Net amount by (debit, credit); a negative effect goes the other way."""
    found: dict[Pair, int] = {}
    for effect in effects:
        sides = SIDES[effect.kind]
        if sides is not None:
            found[sides] = found.get(sides, 0) + effect.amount
    return found


@rule("R-LEDGER-02")
def transfers_of(pairs: dict[Pair, int]) -> list[tuple[int, int, int]]:
    """(debit, credit, amount > 0) in a fixed order, opposite pairs netted."""
    netted: dict[Pair, int] = {}
    for (debit, credit), amount in pairs.items():
        if debit < credit:
            netted[debit, credit] = netted.get((debit, credit), 0) + amount
        else:
            netted[credit, debit] = netted.get((credit, debit), 0) - amount
    found = []
    for (low, high), amount in sorted(netted.items()):
        if amount > 0:
            found.append((low, high, amount))
        elif amount < 0:
            found.append((high, low, -amount))
    return found


@rule("R-REV-01")
def differences(new: dict[Pair, int], old: dict[Pair, int]) -> dict[Pair, int]:
    """What must be booked so that the book shows ``new`` where it shows ``old``."""
    return {pair: new.get(pair, 0) - old.get(pair, 0) for pair in new.keys() | old.keys()}
