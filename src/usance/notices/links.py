"""What a telephone would make a link or a number of, however it is dressed up. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from usance.core.rules import rule

HAN = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
IDEOGRAPH = re.compile(f"[{HAN}]")
SCHEME = re.compile(r"(?:[a-z][a-z0-9+-]*:/|\b(?:mailto|tel|sms|javascript|data):)", re.IGNORECASE)
LABEL = r"[^\W_](?:[\w-]{0,62})"
HOST = re.compile(rf"{LABEL}(?:\.{LABEL})*\.(?:[^\W\d_][^\W_]+|xn--[\w-]+)")
IDEOGRAPHIC_HOST = re.compile(rf"[{HAN}]+\.(?:[{HAN}]{{2,}}|[a-z]{{2,}})", re.IGNORECASE)
ADDRESS = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|\[[0-9a-f]*:[0-9a-f:.]*\]|\b0x[0-9a-f]{8}\b",
    re.IGNORECASE,
)
IDEOGRAPHIC_DOT = re.compile(r"(?<=[^\W_])\u3002(?=[a-z0-9])", re.IGNORECASE | re.ASCII)
SPACED_DOT = re.compile(r"(?<=\w) ?(?:\[\.\]|\(\.\)|\[dot\]|\(dot\)) ?(?=\w)", re.IGNORECASE)
NUMBER = re.compile(r"(?:\+ ?)?\d(?:[ ().\-\u2010-\u2015]*\d){4,}")
DAY = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
SPELLED_NUMBER = re.compile("[零〇一二三四五六七八九幺两]{7,}")
LOOKS_LIKE = str.maketrans(
    {"0": "o", "1": "l", "3": "e", "5": "s", "i": "l", "-": "", "а": "a", "е": "e", "о": "o",
     "р": "p", "с": "c", "х": "x", "у": "y", "і": "l", "ѕ": "s", "ԁ": "d", "һ": "h", "ո": "n",
     "ο": "o", "α": "a", "ν": "v", "ι": "l", "κ": "k", "ρ": "p", "τ": "t", "ı": "l", "ɡ": "g"}
)  # fmt: skip


class _Visible(dict[int, int | None]):
    """For ``str.translate``: what is invisible falls out; each sign is looked up once."""

    def __missing__(self, sign: int) -> int | None:
        found = self[sign] = None if unicodedata.category(chr(sign)) == "Cf" else sign
        return found


VISIBLE = _Visible()


def plain(text: str) -> str:
    """A text as an eye sees it: compatibility forms unified, nothing invisible."""
    seen = unicodedata.normalize("NFKC", text).translate(VISIBLE)
    return SPACED_DOT.sub(".", IDEOGRAPHIC_DOT.sub(".", seen))


def hosts(text: str) -> Iterator[str]:
    """Names of hosts in a plain text, also without a scheme."""
    for found in HOST.finditer(IDEOGRAPH.sub(" ", text)):
        yield found[0].casefold()
    for found in IDEOGRAPHIC_HOST.finditer(text):
        yield found[0].casefold()


@rule("R-TEMPLATE-07")
def faults(text: str, allowed: Collection[str], shorteners: Collection[str]) -> Iterator[str]:
    """What is wrong with the links of a text, in words."""
    seen = plain(text)
    for found in ADDRESS.finditer(seen):
        yield f"an address in numbers: {found[0]}"
    for host in hosts(seen):
        if fault := fault_of(host, allowed, shorteners):
            yield fault
    for found in SCHEME.finditer(seen):
        yield from _of_scheme(found, seen)


def _of_scheme(found: re.Match[str], seen: str) -> Iterator[str]:
    """A link is https, and leads to a host that is written out."""
    if found[0].casefold() != "https:/":
        yield f"a link other than https: {found[0]}"
    elif not HOST.match(seen, found.end() + 1):
        yield "a link without the name of a host"


def fault_of(host: str, allowed: Collection[str], shorteners: Collection[str]) -> str:
    """What is wrong with a host; nothing where the template allows it."""
    if within(host, shorteners):
        return f"a shortened link: {host}"
    if any(label.startswith("xn--") for label in host.split(".")):
        return f"a host in punycode: {host}"
    if within(host, allowed) and host.isascii():
        return ""
    skeleton = drawn(host)
    alike = [each for each in allowed if within(skeleton, [drawn(each)])]
    if alike:
        return f"a host that looks like {alike[0]}: {host}"
    if not host.isascii():
        return f"a host in other letters: {host}"
    return f"a host that the template does not allow: {host}"


def domain_fault(domain: str, shorteners: Collection[str]) -> str:
    """What is wrong with a domain that a template would allow."""
    if domain != domain.casefold() or not domain.isascii() or not HOST.fullmatch(domain):
        return f"not a domain in plain small letters: {domain}"
    return fault_of(domain, [domain], shorteners)


def within(host: str, domains: Collection[str]) -> bool:
    """Whether a host is one of these domains or below one."""
    return any(host == each or host.endswith(f".{each}") for each in domains)


def drawn(host: str) -> str:
    """A host by the look of its letters."""
    return host.translate(LOOKS_LIKE).replace("rn", "m").replace("vv", "w")


@rule("R-TEMPLATE-08")
def any_link(text: str) -> bool:
    """Whether there is a link of any kind, allowed or not."""
    return any(True for _ in faults(text, (), ()))


@rule("R-TEMPLATE-15")
def numbers(text: str) -> list[str]:
    """What could be dialled: five digits or more, also in groups or in words."""
    seen = DAY.sub(" ", plain(text))
    return [each[0] for each in (*NUMBER.finditer(seen), *SPELLED_NUMBER.finditer(seen))]
