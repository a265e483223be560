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
        raise Refused(FORM, f"not YAML that can be read{_where(error)}", "text") from error


def _plain(text: str) -> Any:
    """The document, in which nothing refers to something else."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise Refused(FORM, "a document does not refer to parts of itself", "text")
    return yaml.safe_load(text)


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark is not None else ""


def text_of(says: PolicySays) -> str:
    """The document as somebody would write it; reading it gives the same."""
    lines = []
    for name, value in msgspec.to_builtins(says).items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{name}:")
            lines += [f"  - {_flow(each)}" for each in value]
        else:
            lines.append(f"{name}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """In one line."""
    written: str = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=1_000_000
    )
    return written.removesuffix("\n...\n").strip()
