"""A consent document: everything that somebody agrees to, word for word, in both languages.

A version never changes: it is kept as canonical JSON under the SHA-256 of it. Those in
``policies/consents`` come with the book as its first versions; later versions come as proposals.
"""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache
from typing import Any

import msgspec
import yaml

from usance.policies import texts_of

FOLDER = "consents"


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is shown in one language."""

    title: str
    paragraphs: tuple[str, ...]
    risks: tuple[str, ...]
    """What may come of it that one would not like."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of exactly this text."""
        return hashlib.sha256(canonical(self)).digest()


class ConsentDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version. Words of lists are those that ``rules`` knows."""

    document_id: str
    version: int
    purpose: str
    scopes: tuple[str, ...]
    """What is covered."""
    recipients: tuple[str, ...]
    channels: tuple[str, ...]
    controller: str
    retention_years: int
    """For so long the record is kept after it has ended."""
    withdrawal: tuple[str, ...]
    """How it can be withdrawn."""
    days: int
    """For how long an agreement holds; 0 until it is withdrawn."""
    jurisdictions: tuple[str, ...]
    effective_on: date
    texts: dict[str, Text]
    two_sided: bool = False
    """Whether it holds only while the counterparty has agreed to the same."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(canonical(self)).digest()


def canonical(value: Any) -> bytes:
    """JSON with sorted names: the same document has the same bytes."""
    return msgspec.json.encode(value, order="sorted")


def document_of(body: str) -> ConsentDocument:
    """The document of such bytes."""
    return msgspec.json.decode(body, type=ConsentDocument)


@cache
def shipped() -> tuple[ConsentDocument, ...]:
    """The documents that come with the book, by their ids."""
    return tuple(document_in(text) for text in texts_of(FOLDER).values())


def document_in(text: str) -> ConsentDocument:
    """A document as the policy document has it."""
    return msgspec.convert(yaml.safe_load(text), ConsentDocument)
