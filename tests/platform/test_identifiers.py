"""Operation ids are unique, rise, and say when they were made."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.platform import identifiers
from usance.platform.identifiers import EPOCH_MILLISECONDS, IdentifierSource, moment_of

MOMENTS = st.lists(st.integers(EPOCH_MILLISECONDS, EPOCH_MILLISECONDS + 10), min_size=1)


@given(MOMENTS)
def test_ids_rise_whatever_the_clock_does(moments: list[int]) -> None:
    source = IdentifierSource(3)
    made = [source.next(moment) for moment in moments]
    assert made == sorted(set(made))


def test_a_full_millisecond_runs_on_into_the_next() -> None:
    source = IdentifierSource(0)
    made = [source.next(EPOCH_MILLISECONDS + 5) for _ in range(5000)]
    assert len(set(made)) == 5000
    assert moment_of(made[4095]) == EPOCH_MILLISECONDS + 5
    assert moment_of(made[4096]) == EPOCH_MILLISECONDS + 6


@given(MOMENTS, st.integers(0, 1023), st.integers(0, 1023))
def test_two_workers_never_make_the_same_id(moments: list[int], one: int, two: int) -> None:
    sources = IdentifierSource(one), IdentifierSource(two)
    made = [{source.next(moment) for moment in moments} for source in sources]
    assert one == two or made[0].isdisjoint(made[1])


def test_ids_fit_63_bits_for_69_years() -> None:
    last = EPOCH_MILLISECONDS + 2**41 - 1
    assert 0 < IdentifierSource(1023).next(last) < 2**63


def test_threads_share_a_source() -> None:
    identifiers.set_worker(9)
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: identifiers.new_operation_id(), range(4000)))
    assert len(set(made)) == 4000
    assert {operation_id >> 12 & 1023 for operation_id in made} == {9}
    assert abs(moment_of(made[-1]) - time.time() * 1000) < 5000


@pytest.mark.parametrize("worker", [-1, 1024])
def test_a_worker_number_out_of_range_is_refused(worker: int) -> None:
    with pytest.raises(ValueError, match="0 to 1023"):
        IdentifierSource(worker)
