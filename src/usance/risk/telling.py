"""A stored decision in plain words: what, why, by which way through the table, of what. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.policy.cells import MISSING, said, value_said
from usance.policy.dictionary import (
    CHOICE,
    DAYS,
    MONTHS,
    PERCENT,
    YES_NO,
    Dictionary,
    Feature,
)
from usance.policy.documents import Policy
from usance.policy.reasons import Reason
from usance.risk.decisions import SCORE, Decider
from usance.risk.stored import Snapshot, Stored

CHOICES = {
    "granted": "同意", "refused": "不同意", "person": "转人工", "step_up": "需补充核验",
}  # fmt: skip
"""Outcomes in Chinese; tiers are letters in both languages."""
WHOLE = 10_000
"""All of something, in hundredths of a percent."""
ENGLISH = {"person": "a person decides", "step_up": "after one more check"}
CHINESE_UNITS = {DAYS: "天", MONTHS: "个月", PERCENT: "%"}


def spoken(value: int | None, feature: Feature, currency: str, language: str) -> str:
    """A value for people, ``en`` or ``zh``."""
    plain = value_said(MISSING if value is None else value, feature, currency)
    if language != "zh":
        answers = {"true": "yes", "false": "no", "missing": "not known"}
        return answers.get(plain, ENGLISH.get(plain, plain))
    if value is None:
        return "未知"
    if feature.type == YES_NO:
        return "是" if value else "否"
    if feature.type == CHOICE:
        return CHOICES.get(plain, plain)
    if feature.unit in (DAYS, MONTHS):
        return f"{value}{CHINESE_UNITS[feature.unit]}"
    return plain


@rule("R-DECIDE-02")
def outcome(stored: Stored, policy: Policy, language: str) -> list[dict[str, str]]:
    """What came out: name, meaning, and value in words."""
    currency = policy.says.currency
    return [
        {"name": each.name, "meaning": each.meaning[language],
         "value": spoken(stored.outcome[each.name], each, currency, language)}
        for each in policy.table.outputs
    ]  # fmt: skip


@rule("R-DECIDE-02")
def reasons(stored: Stored, known: Mapping[str, Reason], language: str) -> list[dict[str, str]]:
    """Why, at most four, and what somebody can do about each; empty where nobody can."""
    found = [known[each] for each in stored.reasons]
    return [
        {"id": each.id, "says": each.zh if language == "zh" else each.en,
         "helps": each.helps.get(language, "")}
        for each in found
    ]  # fmt: skip


@rule("R-DECIDE-08")
def told(stored: Stored, decider: Decider, language: str) -> dict[str, Any]:
    """What a borrower is told."""
    policy = decider.policy
    return {
        "policy": policy.says.title[language], "outcome": outcome(stored, policy, language),
        "reasons": reasons(stored, decider.reasons, language),
    }  # fmt: skip


@rule("R-DECIDE-01")
def path(stored: Stored, snapshot: Snapshot | None, policy: Policy, language: str) -> list[Any]:
    """Each row that was tried, with its conditions; ``failed`` is the one that did not hold.

    The last one is the row that was taken; of it nothing failed.
    """
    table, rows = policy.table, policy.table.rows[: stored.row_taken]
    values = of_score(stored, snapshot)
    failed = [*stored.tried, None]
    return [
        {
            "row": number, "taken": place is None,
            "conditions": [
                condition(each, said(cell, each, policy.says.currency), failed=n == place)
                for n, (each, cell) in enumerate(zip(table.inputs, row.cells, strict=True))
                if cell is not None
            ],
            "failed": table.inputs[place].name if place is not None else "",
            "value": spoken(
                values.get(table.inputs[place].name), table.inputs[place], policy.says.currency,
                language,
            ) if place is not None and values else "",
        }
        for number, (row, place) in enumerate(zip(rows, failed, strict=True), 1)
    ]  # fmt: skip


def condition(feature: Feature, says: str, *, failed: bool) -> dict[str, Any]:
    """One condition of a row."""
    return {"name": feature.name, "says": says, "failed": failed}


def of_score(stored: Stored, snapshot: Snapshot | None) -> dict[str, int | None]:
    """Facts, and the score where there is one."""
    if snapshot is None:
        return {}
    scored = {SCORE: stored.score} if stored.score is not None else {}
    return snapshot.facts | scored


@rule("R-DECIDE-01")
def facts(
    snapshot: Snapshot, policy: Policy, dictionary: Dictionary, language: str
) -> list[dict[str, str]]:
    """What it was made of: name, meaning, value in words, source, moment, and number of the fact.

    A feature that the dictionary has since lost is told by its name and number.
    """
    inputs = {each.name: each for each in policy.table.inputs}
    found = []
    for name, value in snapshot.facts.items():
        feature, origin = inputs.get(name) or dictionary.get(name), snapshot.given.get(name)
        plain = spoken(value, feature, policy.says.currency, language) if feature else str(value)
        found.append({
            "name": name, "meaning": feature.meaning[language] if feature else name,
            "value": plain, "source": origin.source if origin else "",
            "at": origin.at if origin else "",
            "fact": str(origin.fact_id) if origin and origin.fact_id else "",
        })  # fmt: skip
    return found


@rule("R-DECIDE-02")
def granted_limit(outcome: Mapping[str, int], income: int | None) -> int:
    """The limit in minor units: a share of a month's income up to an amount.

    Where the row gives no share (0 %), or nobody knows the income, it is the amount alone.
    """
    share, most = outcome["of_income"], outcome["limit_most"]
    if not share or income is None:
        return most
    return min(income * share // WHOLE, most)


def summary(stored: Stored) -> dict[str, Any]:
    """A decision without what is sealed, for lists and the API."""
    return {
        "decision_id": written("decision", stored.decision_id),
        "borrower_id": written("borrower", stored.borrower_id),
        "kind": stored.kind, "shadow": stored.shadow,
        "of_decision_id":
            written("decision", stored.of_decision_id) if stored.of_decision_id else None,
        "product": stored.product or None,
        "contract_id": written("contract", stored.contract_id) if stored.contract_id else None,
        "policy_id": stored.policy_id, "policy_version": stored.policy_version,
        "policy_digest": stored.policy_digest.hex(),
        "scorecard_digest": stored.scorecard_digest.hex() or None,
        "row": stored.row_taken, "reasons": list(stored.reasons), "score": stored.score,
        "status": stored.status,
        "case_id": written("case", stored.case_id) if stored.case_id else None,
        "decided_by": stored.actor, "business_date": stored.business_date.isoformat(),
        "decided_at": stored.decided_at.isoformat(), "latency_us": stored.latency_us,
        "fingerprint": stored.fingerprint.hex(),
        "operation_id": written("operation", stored.operation_id),
    }  # fmt: skip


