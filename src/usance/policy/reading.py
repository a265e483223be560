"""A policy as somebody writes it: YAML without references, so that it is as long as it looks."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from usance.core.refusals import Refused, without_values
from usance.core.rules import rule
from usance.policy.documents import FORM, PolicySays

SIZE_MAX = 200_000
"""Characters of a document."""


@rule(FORM)
def says_in(text: str) -> PolicySays:
    """What a document says, not yet held against the dictionary. Raises ``Refused``."""
    if len(text) > SIZE_MAX:
        raise Refused(FORM, f"a document has at most {SIZE_MAX} characters", "text")
    try:
        return msgspec.convert(_plain(text), PolicySays)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, msgspec.ValidationError):
            raise Refused(FORM, without_values(str(error)), "") from error
        raise _unreadable(error) from error


def _plain(text: str) -> Any:
    """The document, in which nothing refers to something else."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise Refused(FORM, "a document does not refer to parts of itself", "text")
    return yaml.safe_load(text)


def _unreadable(error: Exception) -> Refused:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return Refused(FORM, "not YAML that can be read", "text")
    return Refused(FORM, f"not YAML that can be read, line {mark.line + 1}", "text")


ROW_ORDER = ("when", "then", "because")
EMPTY: tuple[Any, ...] = ("", 0, (), {})
"""What need not be written, for it is what a document means that does not say it."""


def text_of(says: PolicySays) -> str:
    """The document as somebody would write it; reading it gives the same."""
    lines = []
    for name, value in msgspec.to_builtins(says).items():
        if name in ("outputs", "rows", "guards"):
            lines += [f"{name}:", *(f"  - {_entry(each)}" for each in value)] if value else []
        elif name == "effective_on":
            lines.append(f"{name}: {value}")
        else:
            lines.append(f"{name}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _entry(entry: dict[str, Any]) -> str:
    """A row, an output or a guard: conditions first, and nothing that goes without saying."""
    names = sorted(entry, key=lambda name: ROW_ORDER.index(name) if name in ROW_ORDER else -1)
    return _flow({name: entry[name] for name in names if entry[name] not in EMPTY})


def _flow(value: Any) -> str:
    """In one line."""
    written: str = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=1_000_000
    )
    return written.removesuffix("\n...\n").strip()
