"""One quote of a cash loan in 12 instalments with a repayment, through the library."""

from time import perf_counter
from typing import Any

import msgspec

from usance.bench.common import Result, report
from usance.contract.quote import quote

REACH = 1.0
ROUNDS = 1_000
DOCUMENT: dict[str, Any] = {
    "as_of": "2024-07-01",
    "terms": {
        "kind": "term", "currency": "CNY", "principal": "10000.00", "disbursed_on": "2024-01-01",
        "amortisation": "equal_instalment", "rate": {"annual": "0.12"}, "day_count": "actual/365",
        "instalments": 12, "every": {"months": 1},
        "penalty": {"daily": "0.00075", "grace_days": 3},
    },
    "events": [{"seq": 1, "on": "2024-02-01", "type": "repayment", "amount": "888.49"}],
}  # fmt: skip


def median_time(call: Any, rounds: int) -> float:
    """Milliseconds of the middle one of so many calls."""
    times = []
    for _ in range(rounds):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return sorted(times)[rounds // 2] * 1000


def run(*, as_json: bool = False) -> Result:
    """Measure against writing and reading the same answer as JSON, and print."""
    answer = quote(DOCUMENT)
    assert len(answer["schedule"]) == 12
    figure = median_time(lambda: quote(DOCUMENT), ROUNDS)
    yardstick = median_time(lambda: msgspec.json.decode(msgspec.json.encode(answer)), ROUNDS)
    result = Result(
        "quote", round(figure, 3), "ms", round(yardstick, 4), round(figure / yardstick, 1),
        "<= 1 ms, the middle of 1,000", figure <= REACH,
    )  # fmt: skip
    return report(result, as_json=as_json)
