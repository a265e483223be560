"""R-TEMPLATE-19: what a book begins with is without a finding, and reads well."""

from __future__ import annotations

import re

import pytest

from tests.notices.drafts import POLICY
from usance.core.refusals import Refused
from usance.notices.documents import (
    CHANNELS,
    LANGUAGES,
    TemplateDocument,
    canonical,
    digest_of,
    read,
)
from usance.notices.lints import findings
from usance.notices.previews import checked, preview
from usance.notices.samples import samples
from usance.notices.starting import starting_set
from usance.notices.values import Money

SET = starting_set()
EVENTS = {
    "contract.opened", "drawing.booked", "statement.issued", "due.reminder", "repayment.booked",
    "debit.failed", "contract.overdue", "refund.booked", "limit.changed", "status.changed",
    "line.closed", "contract.closed", "consent.given", "consent.withdrawn", "consent.reminder",
    "device.new", "number.changed", "login.code", "family.invitation",
    "family.borrowing_before", "family.borrowing_after", "family.plan", "family.overdue",
    "family.withdrawn", "number.in_use", "number.proof_new", "number.proof_old",
    "family.ended", "family.reminder", "family.proof", "notices.digest",
}  # fmt: skip


def test_there_is_one_for_every_event() -> None:
    assert {each.event for each in SET} == EVENTS
    assert len({each.id for each in SET}) == len(SET) == 35
    assert {each.version for each in SET} == {1}


@pytest.mark.parametrize("document", SET, ids=lambda each: each.id)
def test_it_has_no_finding_and_reads_in_both_languages(document: TemplateDocument) -> None:
    assert findings(document, POLICY) == []
    found = checked(document, POLICY).previews
    assert {each.language for each in found} == set(LANGUAGES)
    assert len(found) == 2 * len(document.channels)
    for each in found:
        assert not re.search(r"[{}]", each.text + each.title)
        if each.language == "en":
            assert not re.search("[\u4e00-\u9fff]", each.text + each.title)
        if each.channel in ("email", "inbox"):
            assert each.title
        if each.channel != "voice" and document.purpose != "security":
            assert "400-820-8820" in each.text  # where to ask or to object


@pytest.mark.parametrize("document", SET, ids=lambda each: each.id)
def test_every_choice_can_be_said(document: TemplateDocument) -> None:
    for name, placeholder in document.placeholders.items():
        for choice in placeholder.choices:
            values = samples(document) | {name: choice}
            for channel in document.channels:
                said = preview(document, channel, "en", values).text
                assert placeholder.choices[choice]["en"] in said or f"{{{name}}}" not in (
                    document.channels[channel]["en"].text
                )


def test_of_what_is_overdue_a_relative_never_sees_an_amount() -> None:
    (document,) = (each for each in SET if each.scope == "overdue")
    values = samples(document) | {"amount": Money(1, "CNY")}
    with pytest.raises(Refused):
        preview(document, "sms", "en", values)


def test_the_canonical_form_is_one() -> None:
    """R-TEMPLATE-01."""
    for document in SET:
        body = canonical(document)
        assert canonical(read(body)) == body
        assert len(digest_of(body)) == 32
        assert set(document.channels) <= set(CHANNELS)
    assert len({digest_of(canonical(each)) for each in SET}) == len(SET)
