"""Documents, details and rules as words on a page: what codes stand for, in the language given."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from markupsafe import Markup, escape

from usance.core.identifiers import written
from usance.core.money import format_decimal, parse_decimal
from usance.web.console import labels, refusals

Gettext: TypeAlias = Callable[[str], str]
NOT_SETTINGS = ("id", "code", "name", "terms.kind", "terms.currency")
"""Of a product: its heading says them."""
IN_COLUMNS = ("code",)
"""Details of a bank's row that its table shows anyway."""
CODE = re.compile(r"`([^`]+)`")
RULE = re.compile(r"\bR(?:-[A-Z]+)+-\d\d\b")


def settings(document: dict[str, Any], gettext: Gettext) -> list[tuple[str, str]]:
    """(name, value) of every setting of a product or of agreed terms, in words."""
    found = [each for each in flat(document) if each[0] not in NOT_SETTINGS]
    found = [each for each in found if not each[0].startswith("name.")]
    return [(path_in_words(path, gettext), value_in_words(path, v, gettext)) for path, v in found]


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of everything in a document, names joined by dots."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from flat(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for place, each in enumerate(value, 1):
            yield from flat(each, f"{path}.{place}" if len(value) > 1 else path)
    else:
        yield path, value


def path_in_words(path: str, gettext: Gettext) -> str:
    """A setting's path: each part by its name, numbers as they are."""
    parts = path.removeprefix("terms.").split(".")
    return " › ".join(gettext(labels.TERMS[p]) if p in labels.TERMS else p for p in parts)


def value_in_words(path: str, value: Any, gettext: Gettext) -> str:
    """A setting's value: a rate in percent, an amount grouped, a code by its name."""
    name = path.rpartition(".")[2]
    if isinstance(value, list):
        return gettext(labels.COMMA).join(value_in_words(path, each, gettext) for each in value)
    if name in labels.RATES and isinstance(value, str):
        return share(value)
    if name in labels.AMOUNTS and isinstance(value, str):
        return decimal(value)
    text = str(value)
    return gettext(labels.VALUES[text]) if text in labels.VALUES else text


def percent(rate: int) -> str:
    """A rate per 10^8 in percent, without needless zeros."""
    whole, _, fraction = format_decimal(rate, 6).partition(".")
    kept = fraction.rstrip("0")
    return f"{whole}.{kept}%" if kept else f"{whole}%"


def decimal(text: str | None) -> str:
    """A decimal string, grouped."""
    if text is None:
        return "–"
    whole, dot, fraction = text.partition(".")
    return f"{int(whole):,}{dot}{fraction}"


def share(text: str | None) -> str:
    """A decimal string that is a share of one, in percent."""
    return "–" if text is None else percent(parse_decimal(text, 8))


def detail(value: Any, gettext: Gettext) -> str:
    """The details of an operation or of a bank's row in one line."""
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    if isinstance(value, dict):
        shown = [(name, each) for name, each in value.items() if each and name not in IN_COLUMNS]
        said = (f"{named(name, gettext)} {valued(name, each, gettext)}" for name, each in shown)
        return " · ".join(said)
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
        return f"{value[0]}/{value[1]}"  # an event: its contract and number
    if isinstance(value, list):
        return gettext(labels.COMMA).join(detail(each, gettext) for each in value)
    if isinstance(value, str) and value in labels.REASONS:
        return gettext(labels.REASONS[value])
    return "" if value is None else refusals.said(str(value), gettext)


def valued(name: str, value: Any, gettext: Gettext) -> str:
    """The value of a detail; at what somebody looked, in words."""
    if name == "what" and value in labels.LOOKED_AT:
        return gettext(labels.LOOKED_AT[value])
    return detail(value, gettext)


def named(name: str, gettext: Gettext) -> str:
    """The name of a detail."""
    return gettext(labels.DETAILS[name]) if name in labels.DETAILS else name


def actor(code: str, gettext: Gettext) -> str:
    """``staff:3`` or ``system:demo`` in words."""
    kind, _, name = code.partition(":")
    if kind not in labels.ACTORS:
        return code
    if kind == "borrower" and name.isdigit():
        name = written("borrower", int(name))
    return gettext(labels.ACTORS[kind]).format(actor(name, gettext) if kind == "system" else name)


def prose(text: str) -> Markup:
    """A rule's sentence: code as code, the names of other rules as links."""
    marked = CODE.sub(r"<code>\1</code>", str(escape(text)))
    linked = RULE.sub(r'<a class="id" href="/console/rules/\g<0>">\g<0></a>', marked)
    return Markup(linked)  # noqa: S704 - all of the text was escaped
