"""People planted to be looked for afterwards, in every form that a value may take."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

import asyncpg

from usance.platform.logs import JsonFormatter, TextFormatter

PEOPLE = (
    {"name": "欧阳漱石轩", "phone": "139 8765-4321", "identity_number": "11010119900307 123x",
     "email": "ouyang.shushi@geheim.example"},
    {"name": "Zaphod Quibblesworth", "phone": "+44 (20) 7946.0958",
     "identity_number": "qx-1234567-zz", "email": "Zaphod+Loans@Quibble.example",
     "language": "en"},
    {"name": unicodedata.normalize("NFD", "Zoé Ñandú Ångström"), "phone": "１３７００００９９８８",
     "identity_number": "ＺＺ99887766Ｑ", "email": "zoé@ñandú.example"},
    {"name": "O'Brien \"Bob\" <b>&amp; Söhne", "phone": "0086 15876543210",
     "identity_number": "QUOTE-77-88-99", "email": "o'brien@\"quoted\".example"},
)  # fmt: skip


NEW_PHONES = [f"1397766554{n}" for n in range(4, 10)]
"""One for each: so many codes go to a number in a quarter of an hour."""
NEW_PHONE = NEW_PHONES[0]
"""To which they want to change."""


def spellings(person: dict[str, str]) -> set[str]:
    """What may be found of a person: as typed, as kept, and the parts that say most."""
    number = unicodedata.normalize("NFKC", person["identity_number"]).upper()
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", person["phone"]))
    digits = digits.removeprefix("00").removeprefix("86").removeprefix("44")
    found = {*(value for key, value in person.items() if key != "language"), digits}
    found |= {unicodedata.normalize(form, person["name"]) for form in ("NFC", "NFD", "NFKC")}
    return found | {re.sub(r"[\s\-]", "", number), person["email"].partition("@")[0]}


def forms(value: str) -> Iterator[bytes]:
    """A value in plain, percent-encoded, hex, base64 and escaped form, in lower case."""
    raw = value.encode()
    yield raw
    yield quote(value, safe="").encode()
    yield quote_plus(value).encode()
    yield raw.hex().encode()
    yield json.dumps(value)[1:-1].encode()
    yield ascii(value)[1:-1].encode()
    yield value.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&#39;").encode()
    for shift in range(3):  # wherever the value begins in what was encoded
        text = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        yield text[(0, 2, 3)[shift] : -1].encode()
        yield text[(0, 2, 3)[shift] : -1].replace("+", "-").replace("/", "_").encode()


NEEDLES = sorted({
    form.lower() for value in (*NEW_PHONES, *(v for each in PEOPLE for v in spellings(each)))
    for form in forms(value)
})  # fmt: skip


def hits(where: str, text: bytes | str) -> list[str]:
    """Each planted value that a text holds, with what stands around it."""
    raw = (text.encode(errors="surrogatepass") if isinstance(text, str) else text).lower()
    found = []
    for needle in NEEDLES:
        place = raw.find(needle)
        if place >= 0:
            around = raw[max(place - 80, 0) : place + 80]
            found.append(f"{where}: {needle!r} in {around!r}")
    return found


async def dump(connection: asyncpg.Connection) -> dict[str, bytes]:
    """Every table as ``pg_dump`` writes it (COPY in text, bytes in hex), and its bytes as such."""
    names = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )
    found = {}
    for (name,) in names:
        written, binary = io.BytesIO(), io.BytesIO()
        await connection.copy_from_table(name, output=written)
        await connection.copy_from_table(name, output=binary, format="binary")
        found[name] = written.getvalue() + b"\n" + binary.getvalue()
    return found


REFUSED = r'<div class="note(?:-box)? refused".*?</div>'


@dataclass
class Heard:
    """Everything that was logged, in both formats, and every answer that was a refusal."""

    json: io.StringIO = field(default_factory=io.StringIO)
    text: io.StringIO = field(default_factory=io.StringIO)
    problems: list[str] = field(default_factory=list)

    def answered(self, answer: Any) -> Any:
        """Keep a refusal."""
        if answer.status_code >= 400:
            headers = " ".join(f"{name}={value}" for name, value in answer.headers.items())
            self.problems.append(f"{answer.status_code} {headers} {answer.text}")
        return answer


    def shown(self, answer: Any) -> Any:
        """Keep what a page says of a refusal; its form shows what was typed to who typed it."""
        if answer.status_code >= 400:
            (said,) = re.findall(REFUSED, answer.text, re.S)
            self.problems.append(said)
        return answer

    def told(self, answer: Any) -> Any:
        """The same, where a bank may have been told, too."""
        pages = answer.headers.get("content-type", "").startswith("text/html")
        return self.shown(answer) if pages else self.answered(answer)


@contextmanager
def heard() -> Iterator[Heard]:
    """Listen to all logs, from the lowest level on."""
    found, root = Heard(), logging.getLogger()
    handlers = []
    for stream, formatter in ((found.json, JsonFormatter()), (found.text, TextFormatter())):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        root.addHandler(handler)
        handlers.append(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # who asks, not who answers
    try:
        yield found
    finally:
        root.setLevel(level)
        logging.getLogger("httpx").setLevel(logging.NOTSET)
        for handler in handlers:
            root.removeHandler(handler)
