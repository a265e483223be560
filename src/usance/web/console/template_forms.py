"""A template as a form: every text a field of its own, named by its place in the document. Pure.

Placeholders are written one a line: ``amount: money``. Choices stand under theirs, each with its
words in Chinese and in English: ``weekly = 每周 | weekly``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from usance.core.refusals import Refusal, Refused
from usance.notices.documents import (
    CHANNELS,
    LANGUAGES,
    Channel,
    Language,
    TemplateDocument,
    document_in,
)
from usance.notices.lints import HEADINGS

KINDS = ("event", "purpose", "audience", "scope")
"""What all versions have in common; asked for only with the first."""
PLAIN = ("id", *KINDS, "amounts", "effective_on", "retired_on", "domains", "placeholders")
LINE = re.compile(r"([A-Za-z0-9_]+)\s*:\s*([a-z_]+)")
CHOICE = re.compile(r"([A-Za-z0-9_]+)\s*=\s*(.+?)\s+\|\s+(.+)")


def text_fields() -> Iterator[tuple[Channel, Language, str, str]]:
    """Channel, language, part and name of every field for words."""
    for channel in CHANNELS:
        for language in LANGUAGES:
            for part in filter(None, (HEADINGS[channel], "text")):
                yield channel, language, part, f"channels.{channel}.{language}.{part}"


FIELDS = (*PLAIN, *(name for _, _, _, name in text_fields()))
"""Names of all fields, in the order of the page."""


def given_of(document: TemplateDocument) -> dict[str, str]:
    """A document as the form shows it."""
    found = {
        "id": document.id, "version": str(document.version), "event": document.event,
        "purpose": document.purpose, "audience": document.audience, "scope": document.scope,
        "amounts": "1" if document.amounts else "",
        "effective_on": document.effective_on.isoformat(),
        "retired_on": document.retired_on.isoformat() if document.retired_on else "",
        "domains": "\n".join(document.domains),
        "placeholders": "\n".join(placeholder_lines(document)),
    }  # fmt: skip
    for channel, language, part, name in text_fields():
        words = document.channels.get(channel, {}).get(language)
        found[name] = getattr(words, part) if words else ""
    return found


def placeholder_lines(document: TemplateDocument) -> Iterator[str]:
    """Each placeholder, its choices under it."""
    for name, placeholder in document.placeholders.items():
        yield f"{name}: {placeholder.type}"
        for choice, words in placeholder.choices.items():
            yield f"  {choice} = {words.get('zh-CN', '')} | {words.get('en', '')}"


def document_of(form: Mapping[str, str]) -> TemplateDocument:
    """The document that a filled-in form stands for. Raises ``Refused``."""
    given = {name: value.replace("\r\n", "\n") for name, value in form.items()}
    found: dict[str, Any] = {name: given.get(name, "").strip() for name in ("id", *KINDS)}
    version = given.get("version", "")
    found["version"] = int(version) if version.isascii() and version.isdigit() else 0
    found["amounts"] = given.get("amounts") == "1"
    found["effective_on"] = day_of(given, "effective_on", needed=True)
    found["retired_on"] = day_of(given, "retired_on", needed=False)
    found["domains"] = given.get("domains", "").split()
    found["placeholders"] = placeholders_of(given.get("placeholders", ""))
    found["channels"] = channels_of(given)
    return document_in(found)


def day_of(given: Mapping[str, str], name: str, *, needed: bool) -> str | None:
    """A day of the form. Raises ``Refused``."""
    text = given.get(name, "").strip()
    if not text and not needed:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Refused("R-FORM-03", "not a day (year-month-day)", name) from error


def channels_of(given: Mapping[str, str]) -> dict[str, dict[str, dict[str, str]]]:
    """What is said where; a channel in whose fields nothing stands is not spoken."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for channel, language, part, name in text_fields():
        if text := given.get(name, ""):
            words = found.setdefault(channel, {}).setdefault(language, {"text": ""})
            words[part] = text
    return found


def placeholders_of(text: str) -> dict[str, dict[str, Any]]:
    """Placeholders with their types and choices. Raises ``Refused``."""
    found: dict[str, dict[str, Any]] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if read := LINE.fullmatch(line.strip()):
            name = read[1]
            if name in found:
                raise odd(number, "a placeholder that is there already")
            found[name] = {"type": read[2]}
        elif (read := CHOICE.fullmatch(line.strip())) and name:
            choices = found[name].setdefault("choices", {})
            if read[1] in choices:
                raise odd(number, "a choice that is there already")
            choices[read[1]] = {"zh-CN": read[2], "en": read[3]}
        else:
            raise odd(number, "neither a placeholder nor a choice")
    return found


def odd(number: int, detail: str) -> Refused:
    """A line of the placeholders that says nothing."""
    return Refused("R-TEMPLATE-01", f"line {number}: {detail}", "placeholders")


def field_of(path: str, fields: Collection[str] = FIELDS) -> str:
    """The field that a refusal is about: the one of this name, else the first nearest to it."""
    path, listed, _ = path.partition("[")  # a decoder names no keys, only that there are some
    if path in fields or listed:
        return path if path in fields else ""
    for each in fields:
        if path.startswith(f"{each}.") or (path and each.startswith(f"{path}.")):
            return each
    return ""


def by_field(
    refusals: Iterable[Refusal], fields: Collection[str] = FIELDS
) -> dict[str, list[Refusal]]:
    """Refusals by the field that each is about; those about none under the empty name."""
    found: dict[str, list[Refusal]] = {}
    for each in refusals:
        found.setdefault(field_of(each.path, fields), []).append(each)
    return found
