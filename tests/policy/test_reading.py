"""Policies as somebody writes them."""

from __future__ import annotations

import pytest

from tests.policy.documents import texts
from usance.core.refusals import Refused
from usance.policy import shipped
from usance.policy.reading import SIZE_MAX, says_in, text_of


@pytest.mark.parametrize("name", sorted(texts()))
def test_what_is_written_reads_the_same(name: str) -> None:
    """R-POLICY-02: from the words of the file, and back from what it says."""
    says = says_in(texts()[name])
    assert says_in(text_of(says)) == says
    assert shipped.policy_of(says) in shipped.policies()


BOMB = "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(9))


@pytest.mark.parametrize(("text", "where"), [
    (BOMB, "text"), ("a: [", "text"), ("\x00", "text"), ("[" * 5_000, "text"), ("", ""),
    ("just words", ""), ("id: x", ""), ("when: 2026-13-45", "text"), ("x" * (SIZE_MAX + 1), "text"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused(text: str, where: str) -> None:
    """R-POLICY-02."""
    with pytest.raises(Refused) as found:
        says_in(text)
    assert (found.value.refusal.rule, found.value.refusal.path) == ("R-POLICY-02", where)
