"""What a person's details must look like before they enter the book (R-BORR-01)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.crypto import normalise_identity_number, normalise_phone
from usance.platform.logs import conceal

LANGUAGES = ("zh-CN", "en")
NAME_MAX = 100
EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}\.[^@\s\x00-\x1f.]{1,63}")


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """A person's details in one spelling; never printed."""

    name: str
    phone: str
    identity_number: str
    email: str = ""
    language: str = "zh-CN"


@rule("R-BORR-01")
def checked(person: Person) -> Person:
    """The details in their one spelling; raises ``Refused`` with the path, never the value.

    Whatever this request logs from here on is without them.
    """
    name = name_of(person.name)
    if person.language not in LANGUAGES:
        raise Refused("R-BORR-01", f"a language is one of {', '.join(LANGUAGES)}", "language")
    return Person(
        name=name,
        phone=phone_of(person.phone),
        identity_number=identity_number_of(person.identity_number),
        email=email_of(person.email),
        language=person.language,
    )


@rule("R-BORR-01")
def name_of(text: str) -> str:
    """A name in its one spelling; raises ``Refused``."""
    name = unicodedata.normalize("NFC", text).strip()
    conceal((text, name))
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise Refused("R-BORR-01", f"a name has 1 to {NAME_MAX} printable characters", "name")
    return name


@rule("R-BORR-01")
def email_of(text: str) -> str:
    """An e-mail address, or none; raises ``Refused``."""
    conceal((text,))
    if text and not (EMAIL.fullmatch(text) and text.isprintable()):
        raise Refused("R-BORR-01", "not an e-mail address", "email")
    return text


@rule("R-BORR-01")
def phone_of(text: str) -> str:
    """A phone number in its one spelling; raises ``Refused``."""
    conceal((text,))
    try:
        phone = normalise_phone(text)
    except ValueError as error:
        raise Refused("R-BORR-01", str(error), "phone") from error
    conceal((phone,))
    return phone


@rule("R-BORR-01")
def identity_number_of(text: str) -> str:
    """An identity number in its one spelling; raises ``Refused``."""
    conceal((text,))
    try:
        number = normalise_identity_number(text)
    except ValueError as error:
        raise Refused("R-BORR-01", str(error), "identity_number") from error
    conceal((number,))
    return number
