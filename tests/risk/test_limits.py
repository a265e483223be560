"""Limits by themselves: caps, steps up, more for a while and cuts, over whatever numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib import resources
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from usance.core.refusals import Refused
from usance.policy import shipped
from usance.risk.limits import (
    MONTH,
    Standing,
    check_acceptable,
    check_cap,
    check_cut,
    check_temporary,
    may_rise,
    most_of,
    room_under,
    rounded,
    step_down,
    step_up,
)
from usance.risk.limits_policy import LimitPolicy, limit_policy, limit_policy_in

AMOUNTS = st.integers(0, 40_000_000)
WHOLE = st.sampled_from([1, 100, 10_000])
CAPS = st.none() | AMOUNTS
TODAY = 740_000
GOOD = Standing(
    limit=500_000, used=200_000, others=0, most=20_000_000, tier=1, late=False, objected=False,
    offered=False, pending=False, told_on=TODAY - 6 * MONTH,
)  # fmt: skip
STANDINGS = st.builds(
    Standing, limit=st.integers(1, 30_000_000), used=st.integers(-100, 30_000_000), others=AMOUNTS,
    most=AMOUNTS, tier=st.none() | st.integers(0, 4), late=st.booleans(), objected=st.booleans(),
    offered=st.booleans(), pending=st.booleans(), told_on=st.integers(TODAY - 400, TODAY),
    temporary_on=st.just(0) | st.integers(TODAY - 400, TODAY),
)  # fmt: skip


def policy() -> LimitPolicy:
    return limit_policy()


def document() -> dict[str, Any]:
    text = resources.files("usance.policies").joinpath("limits.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_cap_is_what_the_register_of_law_says() -> None:
    """R-LIMIT-04: CNY 200,000 a person, since order 9 of 2020 is in force."""
    cap = policy().cap_on("CNY", date(2020, 7, 17))
    assert cap is not None
    assert (cap.most, cap.source) == (20_000_000, "CN-CBIRC-2020-9")
    assert policy().cap_on("CNY", date(2020, 7, 16)) is None
    assert policy().cap_on("TWD", date(2026, 1, 1)) is None
    sources = {each.id: each for each in shipped.register().sources}
    assert sources[cap.source].limits["line_of_a_person"] == "200000.00 CNY"


@given(limit=AMOUNTS, before=AMOUNTS, others=AMOUNTS, cap=CAPS)
def test_no_limit_goes_up_above_the_cap(
    limit: int, before: int, others: int, cap: int | None
) -> None:
    """R-LIMIT-04: and whatever goes down is let through."""
    above = cap is not None and limit + others > cap
    if limit > before and above:
        with pytest.raises(Refused, match="R-LIMIT-04"):
            check_cap(limit, before, others, cap)
    else:
        check_cap(limit, before, others, cap)
    left = room_under(cap, others)
    assert left is None or left == max((cap or 0) - others, 0)


@given(decided=AMOUNTS, most=AMOUNTS, cap=CAPS, others=AMOUNTS, whole=WHOLE)
def test_a_line_is_a_whole_multiple_under_every_bound(
    decided: int, most: int, cap: int | None, others: int, whole: int
) -> None:
    """R-LIMIT-05."""
    found = most_of(decided, most, cap, others, whole)
    assert 0 <= found <= min(decided, most)
    assert found % whole == 0
    assert cap is None or found == 0 or found + others <= cap
    bound = min(decided, most, decided if cap is None else max(cap - others, 0))
    assert bound - found < whole
    assert rounded(123_456, 10_000) == 120_000


@given(line=STANDINGS, decided=AMOUNTS, cap=CAPS, whole=WHOLE)
def test_a_step_up_is_never_too_large(
    line: Standing, decided: int, cap: int | None, whole: int
) -> None:
    """R-LIMIT-06: within the step, what was decided, the product and the cap; never down."""
    after = step_up(line, policy().raises, decided=decided, cap=cap, whole=whole)
    assert after >= line.limit
    if after > line.limit:
        assert after * 100 <= line.limit * (100 + policy().raises.share_percent)
        assert after <= min(decided, line.most)
        assert after % whole == 0
        assert cap is None or after + line.others <= cap


@given(line=STANDINGS)
def test_nobody_who_is_late_or_objects_is_offered_more(line: Standing) -> None:
    """R-LIMIT-06."""
    may = may_rise(line, policy().raises, TODAY)
    if line.late or line.objected or line.offered or line.pending or line.tier not in (0, 1):
        assert not may
    if may:
        assert line.used * 100 >= 30 * line.limit
        assert TODAY - line.told_on >= 180


@pytest.mark.parametrize(("change", "may"), [
    ({}, True), ({"tier": 0}, True), ({"tier": 2}, False), ({"tier": None}, False),
    ({"late": True}, False), ({"objected": True}, False), ({"pending": True}, False),
    ({"offered": True}, False), ({"used": 150_000}, True), ({"used": 149_999}, False),
    ({"told_on": TODAY - 6 * MONTH + 1}, False),
])  # fmt: skip
def test_who_may_have_a_step_up(change: dict[str, Any], may: bool) -> None:  # noqa: FBT001
    """R-LIMIT-06."""
    assert may_rise(replace(GOOD, **change), policy().raises, TODAY) == may
    full = step_up(GOOD, policy().raises, decided=2_000_000, cap=20_000_000, whole=10_000)
    assert full == 600_000


@pytest.mark.parametrize("line", [
    None, replace(GOOD, limit=500_001), replace(GOOD, late=True), replace(GOOD, objected=True),
    replace(GOOD, tier=2), replace(GOOD, tier=None), replace(GOOD, pending=True),
], ids=str)  # fmt: skip
def test_an_offer_that_no_longer_fits(line: Standing | None) -> None:
    """R-LIMIT-07."""
    check_acceptable(replace(GOOD, offered=True), policy().raises, 500_000)
    with pytest.raises(Refused, match="R-LIMIT-07"):
        check_acceptable(line, policy().raises, 500_000)


@pytest.mark.parametrize(("change", "limit", "days"), [
    ({"tier": 3}, 550_000, 10), ({"tier": None}, 550_000, 10), ({"late": True}, 550_000, 10),
    ({"objected": True}, 550_000, 10), ({"pending": True}, 550_000, 10), ({}, 500_000, 10),
    ({"offered": True}, 550_000, 10),
    ({}, 600_001, 10), ({}, 550_000, 30), ({}, 550_000, -1),
    ({"temporary_on": TODAY - 3 * MONTH + 1}, 550_000, 10),
], ids=str)  # fmt: skip
def test_more_for_a_while_has_its_bounds(change: dict[str, Any], limit: int, days: int) -> None:
    """R-LIMIT-08."""
    known = policy().temporary
    for good in (GOOD, replace(GOOD, tier=2), replace(GOOD, temporary_on=TODAY - 3 * MONTH)):
        check_temporary(good, known, limit=600_000, until=TODAY + 29, on=TODAY)
        check_temporary(good, known, limit=500_001, until=TODAY, on=TODAY)
    with pytest.raises(Refused, match="R-LIMIT-08"):
        check_temporary(
            replace(GOOD, **change), known, limit=limit, until=TODAY + days, on=TODAY
        )


@given(line=STANDINGS, whole=WHOLE)
def test_a_cut_is_never_below_what_is_used(line: Standing, whole: int) -> None:
    """R-LIMIT-09."""
    after = step_down(line, policy().cuts, whole)
    assert after <= line.limit
    if after < line.limit:
        assert after >= max(line.used, whole)
        assert line.tier in (3, 4)
        assert not line.objected
        assert not line.pending
        check_cut(line, line.limit, after)
        for wrong in (0, line.limit, line.used - 1):
            with pytest.raises(Refused, match="R-LIMIT-09"):
                check_cut(line, line.limit, wrong)
        with pytest.raises(Refused, match="R-LIMIT-09"):
            check_cut(replace(line, objected=True), line.limit, after)
        with pytest.raises(Refused, match="R-LIMIT-09"):
            check_cut(replace(line, limit=line.limit + 1), line.limit, after)
    with pytest.raises(Refused, match="R-LIMIT-09"):
        check_cut(None, line.limit, after)


@pytest.mark.parametrize(("change", "after"), [
    ({"tier": 3}, 350_000), ({"tier": 4}, 200_000), ({"tier": 4, "used": -50}, 10_000),
    ({"tier": 3, "used": 499_000}, 500_000), ({"tier": 2}, 500_000),
    ({"tier": 4, "pending": True}, 500_000), ({"tier": 4, "offered": True}, 200_000),
], ids=str)  # fmt: skip
def test_to_what_a_tier_is_cut(change: dict[str, Any], after: int) -> None:
    """R-LIMIT-09."""
    assert step_down(replace(GOOD, **change), policy().cuts, 10_000) == after


@pytest.mark.parametrize(("place", "name", "value"), [
    ("raises", "share_percent", 101), ("raises", "months", 0), ("raises", "tiers", ["A", "D"]),
    ("raises", "tiers", ["Z"]), ("temporary", "days", 400), ("cuts", "notice_days", 0),
    ("cuts", "tiers", {"D": -1}), ("cuts", "notice", {"en": "x"}), ("whole", "CNY", "0"),
    ("caps", "CNY", {"source": "CN-NFRA-2025-9", "limit": "annual_cost"}),
])  # fmt: skip
def test_a_document_that_cannot_be(place: str, name: str, value: object) -> None:
    """R-LIMIT-04 to R-LIMIT-09: it is refused as it is read."""
    found = document()
    found[place][name] = value
    with pytest.raises(ValueError, match=r".+"):
        limit_policy_in(found)
    assert limit_policy_in(document()) == policy()
