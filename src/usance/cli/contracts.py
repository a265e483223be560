"""``usance quote`` and ``usance rule``: what a contract owes, and why."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

Language = Literal["en", "zh-CN"]
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Where an environment says which language it wants; the first that says anything is obeyed."""


def quote(file: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Say what a contract owes: a quote document in, its answer out (exit status 2 if refused).

    Parameters
    ----------
    file
        A JSON file, or - for standard input.
    """
    from usance.contract.quote import quote as answer
    from usance.core.refusals import Refused

    raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        document: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        document = Refused("R-DOC-01", f"not JSON: {error}").refusal.document()
    else:
        document = answer(document)
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    sys.stdout.flush()
    if "rule" in document:
        sys.exit(2)


def rule(identifier: str, *, language: Language | None = None) -> None:
    """Print a rule: its sentence, where it lives, and the tests that name it.

    Parameters
    ----------
    identifier
        Such as R-ALLOC-01.
    language
        Of its sentence; else Chinese where the environment is (LC_ALL, LANG), or English.
    """
    from usance.core.refusals import Refused
    from usance.web.rulebook import lives, rule_text, tests_of

    name, spoken = identifier.upper(), language or language_of(os.environ)
    found, places = rule_text(name, spoken.partition("-")[0]), lives(name)
    if found is None and not places:
        raise Refused("R-FOUND-01", f"there is no rule {name}")
    if found is not None:
        say(f"{found.identifier} {found.title}\n\n{found.sentence}\n\nsource  {found.source}")
    else:
        print(f"{name}\n")
    for word, lines in (("lives", places), ("tests", tests_of(name))):
        for line in lines:
            print(f"{word:7} {line}")


def language_of(environment: Mapping[str, str]) -> Language:
    """Chinese where the locale is Chinese, of any country, as the console does; else English."""
    locale = next(filter(None, map(environment.get, LOCALE)), "")
    return "zh-CN" if locale.startswith("zh") else "en"


def say(text: str) -> None:
    """Print a line; what the terminal's characters lack is a question mark, not an error."""
    encoding = sys.stdout.encoding
    print(text.encode(encoding, "replace").decode(encoding))
