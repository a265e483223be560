"""A message that somebody thinks is not the lender's: what it is, and what can be seen of it. Pure.

What is found is counted, never repeated: the words themselves may be about anybody.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.notices import links
from usance.notices.asking_policy import ReportPolicy
from usance.notices.policy import template_policy

CHANNELS = ("sms", "email", "voice", "other")
SENDER_MAX, CODE_MAX = 100, 40
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
CODE = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{5}[-\u2013][0-9A-Za-z]{5}(?![0-9A-Za-z])")
AMOUNT = re.compile(r"\d+\.\d{2}")
ALIKE = 7
"""So many last digits at least make one number another's, with or without what stands before."""


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """What somebody reports; never printed. ``sender``: a number or an address, as it was seen."""

    text: str
    channel: str
    sender: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was checked: links and numbers that are not the lender's, sender, code.

    ``sender``: ``ours``, ``other`` or ``none``. ``code``: ``made`` (one that is out, which may have
    been copied), ``unknown`` or ``none``.
    """

    foreign_links: int
    foreign_numbers: int
    sender: str
    code: str

    def document(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)


@rule("R-VERIFY-06")
def checked(message: Message, policy: ReportPolicy) -> Message:
    """A message as it is kept; raises ``Refused`` without repeating it."""
    text = unicodedata.normalize("NFC", message.text).replace("\r\n", "\n").replace("\r", "\n")
    text, sender, code = text.strip(), message.sender.strip(), message.code.strip()
    if not 1 <= len(text) <= policy.text_max or CONTROL.search(text):
        detail = f"a message has 1 to {policy.text_max} characters and no control characters"
        raise Refused("R-VERIFY-06", detail, "text")
    if message.channel not in CHANNELS:
        raise Refused("R-VERIFY-06", "say how the message came", "channel")
    if len(sender) > SENDER_MAX or not sender.isprintable():
        raise Refused("R-VERIFY-06", "a sender has at most 100 printable characters", "sender")
    if len(code) > CODE_MAX or not code.isprintable():
        raise Refused("R-VERIFY-06", "a code has at most 40 printable characters", "code")
    return Message(text, message.channel, sender, code)


def code_in(message: Message) -> str:
    """The code that was given, or else the first thing in the text that looks like one."""
    found = CODE.search(message.text)
    return message.code or (found[0] if found else "")


@rule("R-VERIFY-06")
def looked_at(message: Message, code: str, policy: ReportPolicy) -> Findings:
    """What can be seen of a message, when it is known what ``code`` its code is."""
    whole = message.text
    own_code = code_in(message)
    rest = links.ADDRESS.sub(" ", whole.replace(own_code, " ") if own_code else whole)
    numbers = {
        each for each in links.numbers(rest)
        if not AMOUNT.fullmatch(each) and not is_one_of(each, policy.numbers)
    }  # fmt: skip
    linked = foreign_links(whole, policy.hosts)
    return Findings(linked, len(numbers), sender_of(message, policy), code)


def foreign_links(text: str, own: Collection[str]) -> int:
    """How many places a text leads to that are not the lender's; or links that lead nowhere."""
    seen, shorteners = links.plain(text), template_policy().shorteners
    places = {each for each in links.hosts(seen) if links.fault_of(each, own, shorteners)}
    places |= {each[0] for each in links.ADDRESS.finditer(seen)}
    return len(places) or len(set(links.faults(text, own, shorteners)))


def sender_of(message: Message, policy: ReportPolicy) -> str:
    """Whether the sender is the lender, as far as what was seen says it."""
    if not message.sender:
        return "none"
    host = message.sender.rpartition("@")[2].casefold()
    by_mail = "@" in message.sender and links.within(host, policy.hosts)
    return "ours" if by_mail or is_one_of(message.sender, policy.numbers) else "other"


def is_one_of(number: str, own: Collection[str]) -> bool:
    """Whether it is one of the lender's numbers, however it is written."""
    plain = re.sub(r"\D", "", number)
    for each in own:
        known = re.sub(r"\D", "", each)
        longest, shortest = max(plain, known, key=len), min(plain, known, key=len)
        if plain == known or (len(shortest) >= ALIKE and longest.endswith(shortest)):
            return bool(plain)
    return False
