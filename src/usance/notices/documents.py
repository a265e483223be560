"""A template is a document: what is said, where, in which language, with which kinds of facts.

A version never changes. Its canonical form is JSON with sorted names and every field written out;
its digest is the SHA-256 of that.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct, field

from usance.core.refusals import Refused, without_values
from usance.core.rules import rule

Language: TypeAlias = Literal["zh-CN", "en"]
Channel: TypeAlias = Literal["sms", "email", "inbox", "voice"]
Way: TypeAlias = Literal["sms", "email", "inbox", "voice", "webhook"]
"""How somebody is reached: a channel, or the host application, told by a webhook."""
Purpose: TypeAlias = Literal[
    "servicing", "collection", "security", "consent", "marketing", "family"
]
Audience: TypeAlias = Literal["borrower", "family_member"]
Scope: TypeAlias = Literal["", "borrowing", "plan", "overdue"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
CHANNELS: tuple[Channel, ...] = get_args(Channel)
WAYS: tuple[Way, ...] = get_args(Way)
INBOX: Final[Channel] = "inbox"
WEBHOOK: Final[Way] = "webhook"
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
SCOPES: tuple[Scope, ...] = get_args(Scope)

TemplateId = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,39}$")]
Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
Event = Annotated[str, Meta(pattern=r"^[a-z]+(\.[a-z_]+)+$", max_length=40)]
Domain = Annotated[str, Meta(min_length=1, max_length=253)]
Choice = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
Line = Annotated[str, Meta(max_length=200)]


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said on a channel in a language: a subject in an e-mail, a title in the inbox."""

    text: Annotated[str, Meta(max_length=4000)]
    subject: Line = ""
    title: Line = ""

    @property
    def heading(self) -> str:
        """Subject or title."""
        return self.subject or self.title


class Placeholder(Struct, frozen=True, forbid_unknown_fields=True):
    """A fact of the book by its type; ``choices`` are the words of each choice, by language."""

    type: Literal[
        "money", "date", "count", "name", "masked_name", "code", "choice", "percent", "phone",
        "texts",
    ]
    choices: dict[Choice, dict[Language, Line]] = field(default_factory=dict)


class TemplateDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """One version of a template.

    ``amounts``: only for relatives whose consent covers amounts. ``domains``: where links may lead.
    """

    id: TemplateId
    version: Annotated[int, Meta(ge=1, le=9999)]
    event: Event
    purpose: Purpose
    audience: Audience
    channels: dict[Channel, dict[Language, Words]]
    effective_on: date
    placeholders: dict[Name, Placeholder] = field(default_factory=dict)
    scope: Scope = ""
    amounts: bool = False
    retired_on: date | None = None
    domains: Annotated[list[Domain], Meta(max_length=10)] = field(default_factory=list)

    @property
    def of_family(self) -> bool:
        """Whether a relative reads it."""
        return self.audience == "family_member"


@rule("R-DELIVERY-08")
def spoken(way: Way) -> Channel:
    """The channel whose words a way says: the host application says what leads to the inbox."""
    return INBOX if way == "webhook" else way


@rule("R-DELIVERY-08")
def speaks(document: TemplateDocument, way: Way) -> bool:
    """Whether a template has words for a way.

    The host application gets no value, also in no title.
    """
    words = document.channels.get(spoken(way))
    if words is None or way != WEBHOOK:
        return words is not None
    return not document.of_family and not any("{" in each.title for each in words.values())


@rule("R-TEMPLATE-01")
def canonical(document: TemplateDocument) -> str:
    """The one way to write a document down."""
    return msgspec.json.encode(document, order="sorted").decode()


@rule("R-TEMPLATE-01")
def digest_of(body: str) -> bytes:
    """SHA-256 of a canonical document."""
    return hashlib.sha256(body.encode()).digest()


def read(body: str) -> TemplateDocument:
    """A document that was stored."""
    return msgspec.json.decode(body, type=TemplateDocument)


@rule("R-TEMPLATE-01")
def document_in(plain: Any) -> TemplateDocument:
    """A document as YAML or JSON gives it. Raises ``Refused``."""
    try:
        return msgspec.convert(plain, TemplateDocument)
    except msgspec.ValidationError as error:
        detail, _, path = without_values(str(error)).partition(" - at `")
        raise Refused("R-TEMPLATE-01", detail, path.removeprefix("$").strip(".`")) from error
