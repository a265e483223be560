"""A document as its readers would see it, and everything that is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from usance.core.refusals import Refusal, Refused
from usance.notices.documents import Channel, Language, TemplateDocument
from usance.notices.lints import findings, said_in
from usance.notices.policy import Policy
from usance.notices.rendering import Rendered, render
from usance.notices.samples import samples
from usance.notices.segments import Segments, segments_of


class Preview(Struct, frozen=True):
    """Words on a channel in a language; how a text message is sent, with a signature."""

    channel: Channel
    language: Language
    title: str
    text: str
    sms: Segments | None = None


class Checked(Struct, frozen=True):
    """What is wrong with a draft, and how it reads."""

    findings: list[Refusal]
    previews: list[Preview]


def preview(
    document: TemplateDocument, channel: Channel, language: Language,
    values: Mapping[str, Any] | None = None,
) -> Rendered:  # fmt: skip
    """A document in words, with made-up values unless others are given. Raises ``Refused``."""
    return render(document, channel, language, samples(document) if values is None else values)


def checked(
    document: TemplateDocument, policy: Policy,
    values: Mapping[str, Mapping[str, Any]] | None = None,
) -> Checked:  # fmt: skip
    """All findings, and a preview of every text that can be rendered; ``values`` by language."""
    shown = []
    for channel, language, _ in said_in(document):
        try:
            given = None if values is None else values[language]
            words = preview(document, channel, language, given)
        except Refused:  # the findings say why
            continue
        sms = segments_of(words.text, policy.signature[language]) if channel == "sms" else None
        shown.append(Preview(channel, language, words.title, words.text, sms))
    return Checked(findings(document, policy), shown)
