"""``usance quote`` and ``usance rule``: what a contract owes, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter


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


def rule(identifier: str) -> None:
    """Print a rule: its sentence, where it lives, and the tests that name it.

    Parameters
    ----------
    identifier
        Such as R-ALLOC-01.
    """
    from usance.core.refusals import Refused
    from usance.web.rulebook import lives, rule_text, tests_of

    name = identifier.upper()
    found, places = rule_text(name), lives(name)
    if found is None and not places:
        raise Refused("R-FOUND-01", f"there is no rule {name}")
    if found is not None:
        print(f"{found.identifier} {found.title}\n\n{found.sentence}\n\nsource  {found.source}")
    else:
        print(f"{name}\n")
    for word, lines in (("lives", places), ("tests", tests_of(name))):
        for line in lines:
            print(f"{word:7} {line}")
