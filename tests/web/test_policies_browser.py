"""Policies, scorecards and the register of law in a real browser: each page is sound."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from tests.risk.registering import CARD, OTHER
from tests.risk.test_backtesting import Given, cases
from tests.web.browsing import Open
from tests.web.console_site import SECOND, Site
from tests.web.test_templates_browser import SIZES, look
from usance.identity.changing import Asking
from usance.policy import shipped
from usance.risk.scorecards import AdoptScorecard, Scorecards
from usance.web.services import Services

pytestmark = pytest.mark.browser

REPORT: dict[str, Any] = {
    "rows": 30_000, "held_out": 6_000, "bad_share": 0.2212, "seed": 7, "calibration": [],
    "scorecard": {"auc": 0.7712, "ks": 0.4103, "brier": 0.1361},
    "folds": {"auc": 0.7698, "ks": 0.4088, "brier": 0.1365}, "challenger": None,
    "with_protected": {"auc": 0.7715, "ks": 0.411, "brier": 0.136}, "stability": 0.0012,
    "features": [], "left_out": [], "groups": [{
        "column": "sex", "group": "1", "count": 12_000, "bad_share": 0.24, "mean_points": 561.2,
        "above": 0.47, "auc": 0.77,
    }],
}  # fmt: skip


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_a_policy_is_written_looked_at_and_agreed_with(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    page, base, faults = enter(width, locale, scheme), f"{site.address}/console", {}
    name = ("cn-tier", "cn-draw", "cn-warning", "cn-extension")[
        SIZES.index((width, locale, scheme))
    ]
    for label, path in (("policies", "/policies"), ("law", "/law"),
                        ("policy", f"/policies/{name}"), ("policy-new", "/policy-drafts"),
                        ("policy-first", f"/policies/{name}/changes")):  # fmt: skip
        page.goto(base + path)
        look(page, width, label, faults)
    page.goto(f"{base}/policy-drafts?policy={name}")
    look(page, width, "policy-draft", faults)
    text = page.locator("#f-text")
    good = text.input_value()
    text.fill(good.replace("rows:\n", "rows:\n  - {then: {}}\n"))
    page.locator("button[formaction$='/look']").click()
    page.wait_for_selector("#refusal")
    look(page, width, "policy-refused", faults)
    text.fill(good.replace("title: {en: ", "title: {en: New "))
    page.locator("button[formaction$='/look']").click()
    page.wait_for_selector("#looked [role=status]")
    look(page, width, "policy-looked-at", faults)
    page.locator("main form button.main").click()
    page.wait_for_url("**/approvals/q-*")
    look(page, width, "policy-proposal", faults)
    proposal = page.url
    page.goto(f"{base}/policies")
    look(page, width, "policies-waiting", faults)
    second = enter(width, locale, scheme, SECOND)
    second.goto(proposal)
    second.locator("form[action$='/approve'] button.main").click()
    second.wait_for_url(proposal)
    page.goto(f"{base}/policies/{name}")
    assert page.locator("table tbody tr th[scope=row] a").count() == 2
    look(page, width, "policy-two-versions", faults)
    page.goto(f"{base}/policies/{name}/changes?from=1&to=2")
    look(page, width, "policy-changes", faults)
    page.goto(f"{base}/policy-drafts?policy={name}&version=1")
    assert "version: 3" in text.input_value()
    assert "New " not in text.input_value()
    assert faults == {}


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_scorecards(site: Site, enter: Open, width: int, locale: str, scheme: str) -> None:
    page, base, faults = enter(width, locale, scheme), f"{site.address}/console", {}
    card = f"behaviour-{SIZES.index((width, locale, scheme))}"
    site.ask(registered(site, card))
    page.goto(f"{base}/scorecards")
    look(page, width, "scorecards", faults)
    page.goto(f"{base}/scorecards/{card}/1")
    look(page, width, "scorecard", faults)
    page.goto(f"{base}/scorecards/{card}/2/do/role")
    look(page, width, "scorecard-role", faults)
    page.select_option("#f-role", "retired")
    page.fill("#f-effective_on", "2031-01-01")
    page.locator("main form button.main, main form button.grave").first.click()
    page.wait_for_url("**/approvals/q-*")
    look(page, width, "scorecard-proposal", faults)
    page.goto(f"{base}/scorecards")
    look(page, width, "scorecards-waiting", faults)
    assert faults == {}


async def registered(site: Site, name: str) -> None:
    """A champion with a report, and a challenger."""
    cards = Scorecards(site.pool)
    today = await site.pool.fetchval("SELECT business_date FROM book")
    for version, (role, card, share) in enumerate(
        (("champion", CARD, 0), ("challenger", OTHER, 2_000)), 1
    ):
        act = AdoptScorecard(
            scorecard=msgspec.structs.replace(card, name=name), version=version,
            role=role, effective_on=today, share=share, report=REPORT,  # type: ignore[arg-type]
        )  # fmt: skip
        await cards.perform(act, Asking("staff:1"))


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_a_draft_is_tried_on_what_was_decided(
    site: Site, enter: Open, monkeypatch: pytest.MonkeyPatch, width: int, locale: str, scheme: str
) -> None:
    """R-POLICY-18: with a drawing, and the numbers of it as a table."""
    history = Given(cases(400, 3), "")
    monkeypatch.setattr(Services, "history", property(lambda _: history), raising=False)
    page, faults = enter(width, locale, scheme), {}
    page.goto(f"{site.address}/console/policy-drafts?policy=cn-tier&version=1")
    text = page.locator("#f-text")
    text.fill(text.input_value().replace("failed_debits_90d: '>= 3'", "failed_debits_90d: '>= 1'"))
    page.locator("button[formaction$='/look']").click()
    page.wait_for_selector("#trial svg")
    assert page.locator("#trial tbody tr").count() >= 1
    assert page.locator("ul.diff li.came").count() >= 1
    look(page, width, "policy-trial", faults)
    assert faults == {}


@pytest.mark.parametrize("policy", shipped.policies(), ids=lambda each: each.says.id)
def test_every_shipped_policy_is_in_the_readers_language(
    site: Site, enter: Open, policy: Any
) -> None:
    """Not one word of a condition stays in English on a Chinese page."""
    page = enter(1280, "zh-CN", "light")
    page.goto(f"{site.address}/console/policies/{policy.says.id}")
    words = " ".join(page.locator("table.words strong").all_inner_texts())
    assert set(re.findall(r"[A-Za-z_]+", words)) <= {"A", "B", "C", "D", "E", "CNY"}
