"""Everything that may be wrong with a template, each under its rule. Pure.

A document without findings may be proposed; what is in force has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.notices import links, wording
from usance.notices.documents import CHANNELS, LANGUAGES, Channel, Language, TemplateDocument, Words
from usance.notices.policy import Policy
from usance.notices.rendering import pieces, render
from usance.notices.samples import samples
from usance.notices.segments import segments_of

STANDS_FOR = "x"
"""What a placeholder is while a text is looked at: so ``{name}.com`` is a link, too."""
HEADINGS = {"sms": "", "email": "subject", "inbox": "title", "voice": ""}
LENDERS_NUMBER = "lender_phone"


class Piece(NamedTuple):
    """A text of a document, and where it stands."""

    path: str
    channel: Channel | None
    language: Language
    text: str
    is_heading: bool = False


class Drawn:
    """A document with what several lints look at."""

    def __init__(self, document: TemplateDocument, policy: Policy) -> None:
        self.document = document
        self.policy = policy

    @cached_property
    def texts(self) -> list[Piece]:
        """Every text: of channels, headings and choices."""
        found = []
        for channel, language, words in said_in(self.document):
            path = f"channels.{channel}.{language}"
            found.append(Piece(f"{path}.text", channel, language, words.text))
            if words.heading:
                heading = f"{path}.{HEADINGS[channel] or 'heading'}"
                found.append(Piece(heading, channel, language, words.heading, is_heading=True))
        for name, placeholder in self.document.placeholders.items():
            for choice, spoken in placeholder.choices.items():
                path = f"placeholders.{name}.choices.{choice}"
                found += [Piece(f"{path}.{each}", None, each, text)
                          for each, text in spoken.items()]  # fmt: skip
        return found

    def literal(self, piece: Piece) -> str:
        """A text with something in the place of every placeholder."""
        if piece.channel is None:
            return piece.text
        return "".join(text + (STANDS_FOR if name else "") for text, name in pieces(piece.text))


def said_in(document: TemplateDocument) -> Iterator[tuple[Channel, Language, Words]]:
    """Channel, language and words, in our order."""
    for channel in CHANNELS:
        spoken = document.channels.get(channel, {})
        yield from ((channel, each, spoken[each]) for each in LANGUAGES if each in spoken)


def findings(document: TemplateDocument, policy: Policy) -> list[Refusal]:
    """All that is wrong with a document; a text that is no template hides what lies behind it."""
    drawn = Drawn(document, policy)
    broken = list(braces(drawn))
    if broken:
        return broken
    return [each for lint in LINTS for each in lint(drawn)]


@rule("R-TEMPLATE-02")
def braces(drawn: Drawn) -> Iterator[Refusal]:
    """Every text is one that the renderer reads."""
    for piece in drawn.texts:
        if piece.channel is None:
            if "{" in piece.text or "}" in piece.text:
                yield Refusal("R-TEMPLATE-02", "a choice has no braces", piece.path)
            continue
        try:
            list(pieces(piece.text))
        except Refused as refused:
            yield Refusal("R-TEMPLATE-02", refused.refusal.detail, piece.path)


@rule("R-TEMPLATE-01")
def named(drawn: Drawn) -> Iterator[Refusal]:
    """Names are exactly what they seem: a pattern lets a line break at the end pass."""
    document = drawn.document
    for path, name in (
        ("id", document.id), ("event", document.event),
        *(("placeholders", each) for each in document.placeholders),
        *(("placeholders", choice) for each in document.placeholders.values()
          for choice in each.choices),
    ):  # fmt: skip
        if not name.isprintable():
            yield Refusal("R-TEMPLATE-01", "a name is one line", path)


@rule("R-TEMPLATE-11")
def whole(drawn: Drawn) -> Iterator[Refusal]:
    """Both languages on each channel, with a heading where there is one, and the choices too."""
    document = drawn.document
    if not document.channels:
        yield Refusal("R-TEMPLATE-11", "a template says something on a channel", "channels")
    for channel, spoken in document.channels.items():
        for language in LANGUAGES:
            if language not in spoken:
                path = f"channels.{channel}.{language}"
                yield Refusal("R-TEMPLATE-11", "both languages are needed", path)
    for channel, language, words in said_in(document):
        path, wanted = f"channels.{channel}.{language}", HEADINGS[channel]
        given = [name for name in ("subject", "title") if getattr(words, name)]
        if given != ([wanted] if wanted else []):
            detail = f"a {wanted} is needed, and nothing else" if wanted else "a text alone"
            yield Refusal("R-TEMPLATE-11", detail, path)
        if not words.text.strip():
            yield Refusal("R-TEMPLATE-11", "a text is needed", f"{path}.text")
    for name, placeholder in document.placeholders.items():
        path = f"placeholders.{name}"
        if (placeholder.type == "choice") != bool(placeholder.choices):
            yield Refusal("R-TEMPLATE-11", "a choice, and only a choice, has choices", path)
        for choice, said in placeholder.choices.items():
            if any(not said.get(each, "").strip() for each in LANGUAGES):
                detail = "a choice has words in both languages"
                yield Refusal("R-TEMPLATE-11", detail, f"{path}.choices.{choice}")


@rule("R-TEMPLATE-11")
def declared(drawn: Drawn) -> Iterator[Refusal]:
    """What is used is declared, what is declared is used, and both languages use the same."""
    known = drawn.document.placeholders
    used: dict[tuple[Channel, Language], set[str]] = {}
    for piece in drawn.texts:
        if piece.channel is not None:
            names = {name for _, name in pieces(piece.text) if name}
            used.setdefault((piece.channel, piece.language), set()).update(names)
            for name in sorted(names - known.keys()):
                yield Refusal("R-TEMPLATE-11", f"{name} is not declared", piece.path)
    for name in known:
        for language in LANGUAGES:
            if not any(name in each for (_, spoken), each in used.items() if spoken == language):
                detail = f"{name} is declared and not used in {language}"
                yield Refusal("R-TEMPLATE-11", detail, f"placeholders.{name}")
    for channel in drawn.document.channels:
        both = [used.get((channel, language)) for language in LANGUAGES]
        if None not in both and both[0] != both[1]:
            detail = "both languages use the same placeholders"
            yield Refusal("R-TEMPLATE-11", detail, f"channels.{channel}")


@rule("R-TEMPLATE-07")
def free_links(drawn: Drawn) -> Iterator[Refusal]:
    """A link leads to a domain that the document names."""
    document, shorteners = drawn.document, drawn.policy.shorteners
    for n, domain in enumerate(document.domains):
        if fault := links.domain_fault(domain, shorteners):
            yield Refusal("R-TEMPLATE-07", fault, f"domains.{n}")
    for piece in drawn.texts:
        for fault in links.faults(drawn.literal(piece), document.domains, shorteners):
            yield Refusal("R-TEMPLATE-07", fault, piece.path)


def is_bill(document: TemplateDocument, policy: Policy) -> bool:
    """Whether it reminds a borrower of something to be paid."""
    return document.event in policy.bills and not document.of_family


@rule("R-TEMPLATE-08")
def no_links(drawn: Drawn) -> Iterator[Refusal]:
    """Neither a bill reminder nor a notice to a relative has a link."""
    document = drawn.document
    if not (is_bill(document, drawn.policy) or document.of_family):
        return
    if document.domains:
        yield Refusal("R-TEMPLATE-08", "such a notice has no links", "domains")
    for piece in drawn.texts:
        if links.any_link(drawn.literal(piece)):
            yield Refusal("R-TEMPLATE-08", "such a notice has no links", piece.path)


@rule("R-TEMPLATE-09")
def words_used(drawn: Drawn) -> Iterator[Refusal]:
    """No threat to anybody; of a relative nothing is asked."""
    document = drawn.document
    for piece in drawn.texts:
        text = drawn.literal(piece)
        for word in wording.threats(text, drawn.policy):
            yield Refusal("R-TEMPLATE-09", f"a threat: {word}", piece.path)
        if document.of_family:
            for word in wording.demands(text, document.scope, drawn.policy):
                detail = f"a demand on a relative, or beyond the scope: {word}"
                yield Refusal("R-TEMPLATE-09", detail, piece.path)


def proves_a_number(document: TemplateDocument) -> bool:
    """Whether all that a relative reads is a code to their own number: that protects them."""
    kinds = {name: each.type for name, each in document.placeholders.items()}
    return document.of_family and document.purpose == "security" and not document.scope and (
        kinds == {"code": "code", LENDERS_NUMBER: "phone"}
    )


@rule("R-TEMPLATE-10")
def scope(drawn: Drawn) -> Iterator[Refusal]:
    """A relative is told what the scope of the consent lets through, and a borrower has none."""
    document = drawn.document
    if document.of_family != (document.purpose == "family") and not proves_a_number(document):
        yield Refusal("R-TEMPLATE-10", "the purpose of what a relative reads is family", "purpose")
    if not document.of_family:
        if document.scope or document.amounts:
            yield Refusal("R-TEMPLATE-10", "only what a relative reads has a scope", "scope")
        return
    allowed = drawn.policy.scopes[document.scope]
    if document.amounts and not allowed.amounts:
        yield Refusal("R-TEMPLATE-10", "this scope never covers amounts", "amounts")
    types = allowed.types | ({"money"} if document.amounts and allowed.amounts else set())
    for name, placeholder in document.placeholders.items():
        if placeholder.type not in types:
            detail = f"the scope does not let through: {placeholder.type}"
            yield Refusal("R-TEMPLATE-10", detail, f"placeholders.{name}")
    for piece in drawn.texts:
        for amount in wording.amounts(drawn.literal(piece)):
            yield Refusal("R-TEMPLATE-10", f"an amount that is written out: {amount}", piece.path)


@rule("R-TEMPLATE-12")
def code(drawn: Drawn) -> Iterator[Refusal]:
    """A bill reminder has a code on every channel, by which it can be told from a forged one."""
    document = drawn.document
    if not is_bill(document, drawn.policy):
        return
    codes = {name for name, each in document.placeholders.items() if each.type == "code"}
    for channel, language, words in said_in(document):
        if codes.isdisjoint(name for _, name in pieces(words.text)):
            detail = "a bill reminder has a code"
            yield Refusal("R-TEMPLATE-12", detail, f"channels.{channel}.{language}.text")


@rule("R-DIGEST-03")
def texts(drawn: Drawn) -> Iterator[Refusal]:
    """What others say stands in an e-mail, where there is room, to the borrower."""
    document = drawn.document
    kinds = {name for name, each in document.placeholders.items() if each.type == "texts"}
    if kinds and document.purpose != "servicing":
        yield Refusal("R-DIGEST-03", "only what is for servicing goes together", "purpose")
    for piece in drawn.texts:
        if piece.channel is None or (piece.channel == "email" and not piece.is_heading):
            continue
        if not kinds.isdisjoint(name for _, name in pieces(piece.text)):
            detail = "texts of other notices stand only in the text of an e-mail"
            yield Refusal("R-DIGEST-03", detail, piece.path)


@rule("R-TEMPLATE-13")
def needless(drawn: Drawn) -> Iterator[Refusal]:
    """No placeholder for what a notice does not need to know of a person."""
    for name, placeholder in drawn.document.placeholders.items():
        path = f"placeholders.{name}"
        for word in drawn.policy.personal:
            if word in name:
                yield Refusal("R-TEMPLATE-13", f"a notice does not need it: {word}", path)
        is_phone = "phone" in name or placeholder.type == "phone"
        if is_phone and (name, placeholder.type) != (LENDERS_NUMBER, "phone"):
            detail = f"the only number is the lender's: {LENDERS_NUMBER}"
            yield Refusal("R-TEMPLATE-13", detail, path)


@rule("R-TEMPLATE-14")
def lengths(drawn: Drawn) -> Iterator[Refusal]:
    """Texts are short and of plain signs."""
    policy = drawn.policy
    for piece in drawn.texts:
        is_text = piece.channel is not None and not piece.is_heading
        most = policy.lengths[piece.channel if is_text and piece.channel else "heading"]
        if len(piece.text) > most:
            yield Refusal("R-TEMPLATE-14", f"longer than {most} characters", piece.path)
        if not is_text and "\n" in piece.text:
            yield Refusal("R-TEMPLATE-14", "a heading is one line", piece.path)
        for sign in sorted(set(wording.odd_signs(piece.text, policy.emoji))):
            yield Refusal("R-TEMPLATE-14", f"a sign that is not allowed: {sign}", piece.path)


@rule("R-TEMPLATE-15")
def dialled(drawn: Drawn) -> Iterator[Refusal]:
    """No number is written out: the only one that can be dialled is the lender's placeholder."""
    for piece in drawn.texts:
        for number in links.numbers(drawn.literal(piece)):
            yield Refusal("R-TEMPLATE-15", f"a telephone number: {number}", piece.path)


@rule("R-TEMPLATE-06")
def parts(drawn: Drawn) -> Iterator[Refusal]:
    """A text message has few parts, also with long values."""
    document, most = drawn.document, drawn.policy.segments_max
    for language in document.channels.get("sms", {}):
        try:
            text = render(document, "sms", language, samples(document)).text
        except Refused:  # what is wrong with it, another lint says
            continue
        found = segments_of(text, drawn.policy.signature[language])
        if found.segments > most:
            detail = f"{found.segments} parts of a text message, at most {most}"
            yield Refusal("R-TEMPLATE-06", detail, f"channels.sms.{language}.text")


LINTS = (
    named, whole, declared, free_links, no_links, words_used, scope, code, texts, needless,
    lengths, dialled, parts,
)  # fmt: skip
