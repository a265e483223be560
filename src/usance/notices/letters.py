"""An e-mail as bytes: plain text, and headers that nobody can add a line to. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from usance.core.rules import rule
from usance.notices.providers import Order

POLICY = SMTP.clone(cte_type="7bit")
"""What every server takes, whatever its extensions."""
MARKETING = "marketing"
ADDRESS = re.compile(
    r"(?P<local>[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)"
    r"@(?P<domain>[^\s@<>()\[\]\\,;:\"]{1,255})"
)
LOCAL_MAX, ADDRESS_MAX, NAME_MAX, SUBJECT_MAX = 64, 254, 100, 200
DOMAIN = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class From:
    """Who writes: addresses of the house; ``unsubscribe`` is mailto: or https:, or nothing."""

    address: str
    name: str = ""
    reply_to: str = ""
    unsubscribe: str = ""

    @property
    def domain(self) -> str:
        """Of the ids of messages."""
        return self.address.rpartition("@")[2]


def mailbox(text: str, name: str = "") -> Address | None:
    """An address as it stands in a header and in an envelope; None if it can be none."""
    found = ADDRESS.fullmatch(text)
    if found is None or len(text) > ADDRESS_MAX or len(found["local"]) > LOCAL_MAX:
        return None
    try:
        domain = found["domain"].encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    return Address(name, found["local"], domain) if DOMAIN.fullmatch(domain) else None


def one_line(text: str, most: int) -> str:
    """Text that fits into a header: no line breaks, no controls, nothing invisible.

    Nor the beginning of an encoded word: what is hidden in one (a line break, too) would be read.
    """
    seen = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(seen.split())[:most].rstrip().replace("=?", "= ?")


def message_id(key: str, domain: str) -> str:
    """The name of a message, the same however often its notice is handed over."""
    return f"{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}"


@rule("R-DELIVERY-04")
def letter(order: Order, to: Address, house: From, now: datetime) -> bytes:
    """The whole message, as it goes over the wire."""
    found = EmailMessage(policy=POLICY)
    writer = mailbox(house.address, one_line(order.sender or house.name, NAME_MAX))
    assert writer is not None, "settings hold an address"
    found["From"], found["To"] = writer, to
    if house.reply_to:
        found["Reply-To"] = house.reply_to
    found["Subject"] = one_line(order.title, SUBJECT_MAX)
    found["Date"] = format_datetime(now)
    found["Message-ID"] = f"<{message_id(order.key, house.domain)}>"
    found["Auto-Submitted"] = "auto-generated"
    if order.purpose == MARKETING and house.unsubscribe:
        found["List-Unsubscribe"] = f"<{house.unsubscribe}>"
    found.set_content(body_of(order.text))
    found["Content-Language"] = order.language
    return found.as_bytes()


def body_of(text: str) -> str:
    """Lines of text without controls."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = ["".join(each if each.isprintable() else " " for each in line) for line in lines]
    return "\n".join(kept) + "\n"
