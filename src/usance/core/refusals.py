"""A refusal is a value: the rule that says no, in words, and where in the input.

Refusals are for what people and programs may get wrong; bugs are assertions, accidents are
exceptions.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not done; nothing was changed."""

    rule: str
    detail: str
    path: str = ""

    def document(self) -> dict[str, object]:
        """The problem document (RFC 9457) that the library, the command and the API share."""
        return {
            "type": f"urn:usance:rule:{self.rule}",
            "title": "refused",
            "status": 422,
            "rule": self.rule,
            "detail": self.detail,
            "path": self.path,
        }


ENUM_VALUE = re.compile(r"""Invalid enum value (?:'.*'|".*")""", re.DOTALL)
ODD_FIELD = re.compile(r"Object contains unknown field `(?![a-z_]{1,40}`).*`", re.DOTALL)


def without_values(detail: str) -> str:
    """What a decoder says of a document, less the value that was sent: it could name somebody."""
    plain = ENUM_VALUE.sub("not one of the choices", detail)
    return ODD_FIELD.sub("Object contains an unknown field", plain)


class Refused(Exception):
    """Carries a refusal out of nested parsing, where returning it would drown the rule."""

    def __init__(self, rule: str, detail: str, path: str = "") -> None:
        super().__init__(f"{rule}: {detail}")
        self.refusal = Refusal(rule, detail, path)
