"""A version of a consent document is written and proposed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec
from litestar import Response, get, post

from usance.consents import rules
from usance.consents.acts import AdoptConsentDocument
from usance.consents.documents import ConsentDocument
from usance.consents.rules import LANGUAGES
from usance.core.refusals import Refusal, Refused
from usance.web.console import consent_words as words
from usance.web.console.actions import asking_of, form_of
from usance.web.console.consent_documents import DOCUMENTS, versions_of
from usance.web.console.deeds import CHECKED, ask_for, moved_on
from usance.web.console.render import Asked, services, show
from usance.web.console.template_forms import by_field, day_of
from usance.web.security import needs

LISTS = {
    "scopes": words.SCOPES, "recipients": words.RECIPIENTS, "channels": words.CHANNELS,
    "withdrawal": words.METHODS, "jurisdictions": words.JURISDICTIONS,
}  # fmt: skip
"""What is chosen from known words, with their names."""
PARTS = ("title", "paragraphs", "risks")
FIELDS = (
    "document_id", "purpose", *LISTS, "controller", "retention_years", "days", "effective_on",
    "two_sided", *(f"texts.{language}.{part}" for language in LANGUAGES for part in PARTS),
)  # fmt: skip


@get("/consent-drafts", opt=needs("consents:adopt"))
async def draft_page(request: Asked) -> Response[str]:
    """The form: the newest version of a document to go on from, or an empty one."""
    name = request.query_params.get("document", "")
    found = await versions_of(request, name) if name else []
    today = services(request).clock.now().date()
    if not found:
        given = {"document_id": name, "version": "1", "effective_on": today.isoformat()}
        return await written(request, given)
    last = found[0].document
    again = msgspec.structs.replace(
        last, version=last.version + 1, effective_on=max(today, last.effective_on)
    )
    return await written(request, dict(given_of(again)))


def given_of(document: ConsentDocument) -> Iterator[tuple[str, str]]:
    """A document as the form shows it."""
    plain: dict[str, Any] = msgspec.to_builtins(document)
    for name, value in plain.items():
        if name in LISTS:
            yield from ((f"{CHECKED}{name}.{each}", "1") for each in value)
        elif name == "texts":
            for language, text in value.items():
                for part in PARTS:
                    said = text[part]
                    yield f"texts.{language}.{part}", (
                        said if isinstance(said, str) else "\n".join(said)
                    )
        elif isinstance(value, bool):
            yield name, "1" if value else ""
        else:
            yield name, str(value)


def document_of(form: Mapping[str, str]) -> ConsentDocument:
    """The document that a filled-in form stands for. Raises ``Refused``."""
    day = day_of(form, "effective_on", needed=True)
    assert day is not None
    texts = {language: {
        "title": form.get(f"texts.{language}.title", "").strip(),
        "paragraphs": lines_of(form, f"texts.{language}.paragraphs"),
        "risks": lines_of(form, f"texts.{language}.risks"),
    } for language in LANGUAGES}  # fmt: skip
    lists = {name: [each for each in known if form.get(f"{CHECKED}{name}.{each}") == "1"]
             for name, known in LISTS.items()}  # fmt: skip
    return msgspec.convert({
        "document_id": form.get("document_id", "").strip(),
        "version": whole(form, "version"), "purpose": form.get("purpose", ""),
        "controller": form.get("controller", "").strip(),
        "retention_years": whole(form, "retention_years"), "days": whole(form, "days"),
        "two_sided": form.get("two_sided") == "1", "effective_on": date.fromisoformat(day),
        "texts": texts, **lists,
    }, ConsentDocument)  # fmt: skip


def lines_of(form: Mapping[str, str], name: str) -> list[str]:
    """Paragraphs: one a line, empty lines are none."""
    return [line.strip() for line in form.get(name, "").splitlines() if line.strip()]


def whole(form: Mapping[str, str], name: str) -> int:
    """A whole number of the form. Raises ``Refused``."""
    text = form.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Refused("R-FORM-02", "not a whole number in range", name)
    return int(text)


async def written(
    request: Asked, given: Mapping[str, str], refusal: Refusal | None = None
) -> Response[str]:
    """The form, with what is wrong beside its field."""
    found = [refusal] if refusal else []
    return await show(
        request, "consent_draft.html", status=422 if found else 200, given=given, refusals=found,
        wrong=by_field(found, FIELDS), fields=FIELDS, lists=LISTS, checked=CHECKED,
        purposes=words.PURPOSES.items(), first=given.get("version") == "1", languages=LANGUAGES,
    )  # fmt: skip


@post("/consent-drafts", opt=needs("consents:adopt"))
async def propose(request: Asked) -> Response[Any]:
    """Propose it as it stands in the form: a second person agrees, or not."""
    form = await form_of(request)
    try:
        document = document_of(form)
        rules.check_document(document)
        answer = await ask_for(request, AdoptConsentDocument(document), asking_of(request, form))
    except Refused as refused:
        return await written(request, form, refused.refusal)
    return moved_on(answer, f"{DOCUMENTS}/{document.document_id}")


HANDLERS = [draft_page, propose]
