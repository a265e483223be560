"""A version of a policy is written: checked, compared and tried as often as one likes; proposed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.policy import shipped
from usance.policy.documents import Policy
from usance.policy.reading import says_in, text_of
from usance.risk.backtesting import DAYS, Trial, tried_on
from usance.risk.register import AdoptPolicy, as_before, numbered, place_of
from usance.web.charts import Chart, Series
from usance.web.console.actions import asking_of, form_of
from usance.web.console.deeds import ask_for, moved_on
from usance.web.console.notice_templates import number_of, today_of
from usance.web.console.policies import (
    POLICIES,
    proposed_changes,
    speaker_of,
    versions_of,
    wrong_with,
)
from usance.web.console.policy_words import worded
from usance.web.console.render import Asked, services, show, translated
from usance.web.security import needs

DRAWN = 12
"""So many moves have a bar; all of them stand in the table."""


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


@get("/policy-drafts", opt=needs("policies:write"))
async def draft_page(request: Asked) -> Response[str]:
    """The form: the newest version to go on from, or an earlier one to go back to."""
    name = request.query_params.get("policy", "")
    return await written(request, {"text": await begun(request, name) if name else ""})


async def begun(request: Asked, name: str) -> str:
    """What the form begins with: the next version begins today, unless it is said otherwise."""
    versions, today = await versions_of(request, name), await today_of(request)
    chosen = numbered(versions, number_of(request, "version", versions[0].number)) or versions[0]
    says = as_before(chosen.policy.says, versions[0].number + 1, today)
    if chosen == versions[0] and chosen.effective_on > today:
        says = msgspec.structs.replace(says, effective_on=chosen.effective_on)
    return text_of(says)


async def written(
    request: Asked, given: Mapping[str, str], refusals: list[Refusal] | None = None,
    **looked: Any,
) -> Response[str]:  # fmt: skip
    """The form, with what is wrong, and what it would change where that was asked."""
    known = {"draft": None, "rows": [], "before": None, "changes": [], "trial": None,
             "drawing": None, "trial_rows": []} | looked  # fmt: skip
    return await show(
        request, "policy_draft.html", status=422 if refusals else 200, given=given,
        refusals=refusals or [], days=DAYS, **known,
    )  # fmt: skip


@post("/policy-drafts/look", opt=needs("policies:write", changes=False))
async def look(request: Asked) -> Response[str]:
    """What is wrong with it, what it changes, who would be decided otherwise; nothing is kept."""
    form = await form_of(request)
    try:
        draft = shipped.policy_of(says_in(form.get("text", "")))
    except Refused as refused:
        return await written(request, form, [refused.refusal])
    found = refusals_of(draft)
    before, changes = await proposed_changes(request, draft)
    trial = None
    if before is not None:
        since = services(request).clock.now() - timedelta(days=DAYS)
        trial = await tried_on(services(request).history, before.policy, draft, since)
    return await written(
        request, form, found, draft=draft, rows=speaker_of(request).rows(draft), before=before,
        changes=changes, trial=trial, drawing=drawn(request, trial) if trial else None,
        trial_rows=told(request, trial) if trial else [],
    )  # fmt: skip


def refusals_of(draft: Policy) -> list[Refusal]:
    """What checks find."""
    return [Refusal(each.rule, each.detail, place_of(each.row)) for each in wrong_with(draft)]


def told(request: Asked, trial: Trial) -> list[dict[str, Any]]:
    """Moves as the table shows them."""

    def said(text: str) -> str:
        return worded(text, lambda message: translated(request, message))

    return [
        {"number": n, "before": said(each.before), "after": said(each.after), "count": each.count,
         "change": ", ".join(f"{name} {said(size)}" for name, size in each.change.items())}
        for n, each in enumerate(trial.moved, 1)
    ]  # fmt: skip


def drawn(request: Asked, trial: Trial) -> Chart | None:
    """How many go from one outcome to another, the most first; numbered as in the table."""
    moved = trial.moved[:DRAWN]
    if not moved:
        return None
    words = translated(request, _("{moved} of {cases} cases would be decided otherwise."))
    return Chart(
        "stacked", translated(request, _("Who would be decided otherwise")),
        words.format(moved=f"{trial.cases - trial.same:,}", cases=f"{trial.cases:,}"),
        translated(request, _("No.")), [str(n) for n in range(1, len(moved) + 1)],
        [Series(translated(request, _("Cases")), [each.count for each in moved])],
        lambda value: f"{value:,}", wide=True,
    )  # fmt: skip


@post("/policy-drafts", opt=needs("policies:write"))
async def propose(request: Asked) -> Response[Any]:
    """Propose it as it stands in the form: a second person agrees, or not."""
    form = await form_of(request)
    try:
        says = says_in(form.get("text", ""))
        if found := refusals_of(shipped.policy_of(says)):
            return await written(request, form, found)
        answer = await ask_for(request, AdoptPolicy(says), asking_of(request, form))
    except Refused as refused:
        return await written(request, form, [refused.refusal])
    return moved_on(answer, f"{POLICIES}/{says.id}")


HANDLERS = [draft_page, look, propose]
