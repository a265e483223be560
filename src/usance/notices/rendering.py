"""From a document to words. The renderer knows names in braces, and nothing else.

No expressions, no attributes, no loops: what a template can say is what one sees in it. A value is
put in once and never looked at again, so it cannot open a placeholder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.notices.documents import Channel, Language, TemplateDocument
from usance.notices.values import said

PIECE = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]{0,31})\}|[{}]", re.ASCII)


class Rendered(Struct, frozen=True):
    """Words as they are sent; ``title`` is the subject of an e-mail, and empty elsewhere."""

    title: str
    text: str


@rule("R-TEMPLATE-02")
def pieces(text: str) -> Iterator[tuple[str, str]]:
    """Literal text and the name of the placeholder behind it, which may be empty.

    Raises ``Refused`` for a brace that is neither doubled nor around a name.
    """
    start, literal = 0, ""
    for found in PIECE.finditer(text):
        literal += text[start : found.start()]
        start = found.end()
        if found[1]:
            yield literal, found[1]
            literal = ""
        elif len(found[0]) == 2:
            literal += found[0][0]
        else:
            detail = "a brace is doubled, or stands around the name of a placeholder"
            raise Refused("R-TEMPLATE-02", detail)
    yield literal + text[start:], ""


@lru_cache(maxsize=4_096)
def parsed(text: str) -> tuple[tuple[str, str], ...]:
    """The same of a text of a template, which is said again and again."""
    return tuple(pieces(text))


@rule("R-TEMPLATE-03")
def render(
    document: TemplateDocument, channel: Channel, language: Language, values: Mapping[str, Any]
) -> Rendered:
    """What is said on a channel in a language; ``values`` holds each declared placeholder.

    Raises ``Refused`` for a channel or language that is not there, and for values of another type,
    missing or unknown.
    """
    words = document.channels.get(channel, {}).get(language)
    if words is None:
        raise Refused("R-TEMPLATE-03", "the template says nothing there", f"{channel} {language}")
    declared = document.placeholders
    for name in declared.keys() - values.keys():
        raise Refused("R-TEMPLATE-03", "a value is missing", name)
    for _ in values.keys() - declared.keys():
        raise Refused("R-TEMPLATE-03", "a value that the template does not declare", "values")
    written = {
        name: said(name, placeholder, values[name], language)
        for name, placeholder in declared.items()
    }
    return Rendered(filled(words.heading, written), filled(words.text, written))


def filled(text: str, written: Mapping[str, str]) -> str:
    """A text with its values. Raises ``Refused`` for a placeholder that is not declared."""
    found = []
    for literal, name in parsed(text):
        if name and name not in written:
            raise Refused("R-TEMPLATE-03", "a placeholder that is not declared", name)
        found += [literal, written.get(name, "")]
    return "".join(found)
