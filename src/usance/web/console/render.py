"""A page: the reader's language and colours, and what every template knows."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias, cast
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response
from litestar.params import FromPath
from litestar.response import Redirect
from markupsafe import Markup

from usance.core.days import NEVER
from usance.core.identifiers import parse, written
from usance.core.money import format_decimal
from usance.identity.borrowers import masked
from usance.identity.permissions import STAFF
from usance.identity.staff import StaffSession
from usance.identity.staff_policy import staff_policy
from usance.notices import changes
from usance.servicing import read
from usance.web import i18n, rulebook
from usance.web.console import (
    case_words,
    consent_words,
    decision_words,
    fact_words,
    labels,
    limit_words,
    notice_words,
    policy_words,
    refusals,
    warning_words,
    words,
)
from usance.web.console.forms import Action
from usance.web.grades import permission_of
from usance.web.portal import labels as portal_labels
from usance.web.problems import not_found
from usance.web.services import Services

Asked = Request[Any, Any, Any]
Word: TypeAlias = FromPath[str]
Number: TypeAlias = FromPath[int]
"""Parts of an address."""
INTEGER_MAX = 2**31 - 1
"""The most that a number of the book's smaller tables can be."""

MENU = (
    ("/console", "Overview", "book:read"), ("/console/borrowers", "Borrowers", "borrowers:read"),
    ("/console/day", "Day close", "day:read"), ("/console/bank-files", "Bank files", "files:read"),
    ("/console/receipts", "Unallocated receipts", "files:read"),
    ("/console/cases", "Cases", "cases:read"),
    ("/console/alerts", "Alerts", "alerts:read"),
    ("/console/contacts", "Numbers to look at", "borrowers:read"),
    ("/console/verification", "Forged messages", "notices:read"),
    ("/console/sandbox/messages", "Messages of the sandbox", "messages:read"),
    ("/console/approvals", "Approvals", "approvals:read"),
    ("/console/portfolio", "Portfolio", "monitors:read"),
    ("/console/scores", "Scorecard monitors", "monitors:read"),
    ("/console/products", "Products", "products:read"),
    ("/console/clients", "Machine clients", "clients:read"),
    ("/console/notices", "Sending", "notices:read"),
    ("/console/templates", "Templates", "notices:read"),
    ("/console/consent-documents", "Consent documents", "consents:read"),
    ("/console/policies", "Policies", "policies:read"),
    ("/console/scorecards", "Scorecards", "policies:read"),
    ("/console/law", "Register of law", "policies:read"),
    ("/console/webhooks", "Webhooks", "webhooks:read"),
    ("/console/operations", "Operations", "operations:read"),
    ("/console/audit", "Audit", "audit:read"), ("/console/staff", "Staff", "staff:read"),
    ("/console/rules", "Rules", STAFF),
)  # fmt: skip
"""Address, name, and the permission without which it is not shown."""
CASE_WORDS = {
    "kind": case_words.KINDS, "state": case_words.STATES, "channel": case_words.CHANNELS,
    "result": case_words.RESULTS, "outcome": case_words.OUTCOMES, "way": case_words.WAYS,
    "remedy": case_words.REMEDIES, "detail": case_words.DETAILS, "subject": case_words.SUBJECTS,
    "event": case_words.EVENTS, "approval": case_words.APPROVALS,
    "place": case_words.JURISDICTIONS,
}  # fmt: skip
"""Names of what cases hold, by the ends of their filters."""
NOTICE_WORDS = {
    "notice_state": notice_words.STATES, "way_of": notice_words.WAYS,
    "notice_step": notice_words.STEPS, "receipt": notice_words.RECEIPTS,
    "breaker_state": notice_words.BREAKER_STATES,
    "breaker_kind": notice_words.BREAKER_KINDS, "breaker_because": notice_words.BECAUSE,
    "notice_purpose": notice_words.PURPOSES, "notice_audience": notice_words.AUDIENCES,
    "notice_scope": notice_words.SCOPES, "placeholder": notice_words.TYPES,
    "consent_word": consent_words.ALL, "consent_is": consent_words.STATES,
    "party": consent_words.PARTIES, "entered_by": consent_words.ENTERED_BY,
}
POLICY_WORDS = {
    "decides": policy_words.DECIDES, "hit": policy_words.HITS,
    "scorecard_role": policy_words.ROLES, "law_of": policy_words.JURISDICTIONS,
}
FACT_WORDS = {
    "fact_state": fact_words.STATES, "fact_source": fact_words.SOURCES,
    "fact_ground": fact_words.GROUNDS, "pull_state": fact_words.PULLS,
    "pull_because": fact_words.BECAUSE,
}  # fmt: skip
DRAFTS = {"/console/template-drafts": "/console/templates",
          "/console/consent-drafts": "/console/consent-documents",
          "/console/policy-drafts": "/console/policies"}  # fmt: skip
"""Where something is written, and the entry of the menu that it belongs to."""
OF_BORROWERS = ("/console/contracts", "/console/borrowers", "/console/decisions")
THEMES = ("auto", "light", "dark")
STATIC = {
    each.name: each.read_bytes()
    for each in files("usance.web").joinpath("static").iterdir()
    if each.name.endswith((".css", ".js", ".svg"))
}
"""Everything that is served as it is, read once."""


@dataclass(frozen=True, slots=True)
class Flash:
    """What was done by the form that led here."""

    words: str
    operation: str


@dataclass(frozen=True, slots=True)
class Page:
    """What every template knows as ``page``."""

    language: str
    theme: str
    address: str
    staff: StaffSession | None
    book: read.Book | None
    flash: Flash | None
    sandbox: bool = False

    @property
    def inside(self) -> bool:
        """Whether the reader has come in, and lacks nothing."""
        return self.staff is not None and not self.staff.lacks

    @property
    def lang(self) -> str:
        """For the page's ``lang``."""
        return i18n.LANGUAGES[self.language]

    def may(self, permission: str) -> bool:
        """Whether the reader is allowed to; what they may not do is not offered."""
        if self.staff is None or self.staff.lacks:
            return False
        return permission in self.staff.permissions | {STAFF}

    def open_to(self, actions: Iterable[Action]) -> list[Action]:
        """Of these actions, those that the reader may ask for."""
        return [each for each in actions if self.may(permission_of(each.command))]

    @property
    def menu(self) -> list[tuple[str, str]]:
        """The entries that the reader may open."""
        return [
            (address, name) for address, name, permission in MENU
            if self.may(permission) and (self.sandbox or "/sandbox/" not in address)
        ]  # fmt: skip

    @property
    def csrf(self) -> str:
        """The session's token for forms."""
        return self.staff.csrf if self.staff else ""

    @property
    def section(self) -> str:
        """The entry of the menu that the page belongs to."""
        if self.address.startswith(OF_BORROWERS):
            return "/console/borrowers"
        if self.address.startswith(("/console/me", "/console/fresh")):
            return ""
        if self.address.startswith("/console/delegations"):
            return "/console/approvals"
        for drafts, section in DRAFTS.items():
            if self.address.startswith(drafts):
                return section
        found = [each for each, _ in self.menu if self.address.startswith(each)]
        return max(found, key=len, default="")

    @property
    def path(self) -> str:
        """The page's address without its query: where its form goes."""
        return self.address.partition("?")[0]

    def sentence(self, identifier: str) -> str:
        """A rule's sentence in the reader's language; nothing if no document has it."""
        found = rulebook.rule_text(identifier, self.language)
        return found.sentence if found else ""

    def new_key(self) -> str:
        """An idempotency key for one form."""
        return secrets.token_hex(16)

    def asset(self, name: str) -> str:
        """Address of a static file; it changes with the file, so it may be kept for ever."""
        return f"/console/static/{name}?v={digest_of(name)}"


@cache
def digest_of(name: str) -> str:
    """Short digest of a static file."""
    return hashlib.sha256(STATIC[name]).hexdigest()[:12]


def services(request: Asked) -> Services:
    """What the composition root made."""
    return cast(Services, request.app.state.services)


def language_of(request: Asked) -> str:
    """The reader's language."""
    return i18n.choose(request.cookies.get("language"), request.headers.get("accept-language", ""))


def translated(request: Asked, message: str) -> str:
    """A message in the reader's language."""
    return i18n.translations(language_of(request)).gettext(message)


@cache
def environment(language: str, decimals: int) -> Environment:
    """Templates for one language and currency."""
    found = Environment(
        loader=PackageLoader("usance.web"), autoescape=True, undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    catalogue = i18n.translations(language)
    found.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    gettext = catalogue.gettext
    name = named(gettext)
    found.filters |= FILTERS | {
        "money": lambda units: money(units, decimals),
        "plain": lambda units: format_decimal(units, decimals),
        "hundredths": lambda text: money(int(text), decimals + 2),
        "event": name(labels.EVENTS), "component": name(labels.COMPONENTS),
        "action": name(labels.ACTIONS), "outcome": name(labels.OUTCOMES),
        "figure": name(labels.FIGURES), "entry": name(labels.ENTRIES),
        "offer_status": name(labels.OFFER_STATUS), "hold_status": name(labels.HOLD_STATUS),
        "line_status": name(labels.LINE_STATUS), "borrower_status": name(labels.BORROWER_STATUS),
        "receipt_status": name(labels.RECEIPT_STATUS),
        "delivery_state": name(labels.DELIVERY_STATES), "attempt": name(labels.ATTEMPTS),
        "way": name(labels.WAYS), "looked_at": name(labels.LOOKED_AT),
        "role": lambda code: staff_policy().name_of_role(code, language),
        "proposal_state": name(labels.PROPOSAL_STATES), "weight": name(labels.WEIGHTS),
        "argument": name(labels.ARGUMENTS), "reason": name(labels.REASONS),
        "hint": name(labels.HINTS), "tr": gettext,
        **{f"case_{key}": name(table) for key, table in CASE_WORDS.items()},
        **{key: name(table) for key, table in (NOTICE_WORDS | POLICY_WORDS).items()},
        "refusal": lambda detail: refusals.sentence(detail, gettext),
        "settings": lambda document: words.settings(document, gettext),
        "detail": lambda value: words.detail(value, gettext),
        "actor": lambda code: words.actor(code, gettext),
        "place": lambda where: notice_words.place(where, gettext), "lines": changes.lines,
        "suspicious_channel": name(dict(portal_labels.SUSPICIOUS_CHANNELS)),
        "code_finding": name(labels.CODE_FINDINGS), "sender_finding": name(labels.SENDER_FINDINGS),
        "flag": name(portal_labels.FLAGS), "message": name(portal_labels.MESSAGES),
        "limit_change": name(limit_words.CHANGES),
        "limit_offer_kind": name(limit_words.OFFERS),
        "limit_offer_state": name(limit_words.STATES),
        "decision_kind": name(decision_words.KINDS),
        "decision_state": name(decision_words.STATES),
        "alert_level": name(warning_words.LEVELS), "alert_state": name(warning_words.STATES),
        "alert_outcome": name(warning_words.OUTCOMES), "alert_reason": name(warning_words.REASONS),
        "card_role": name(warning_words.ROLES),
        "family_scope": name(portal_labels.FAMILY_SCOPES),
        "family_state": name(portal_labels.FAMILY_STATES),
        "family_ending": name(labels.FAMILY_ENDINGS),
        "fact_value": lambda value, feature: fact_words.said(
            value, feature, catalogue, lambda units: money(units, decimals)
        ),
        **{key: name(table) for key, table in FACT_WORDS.items()},
    }  # fmt: skip
    return found


def named(gettext: Any) -> Any:
    """A filter maker: a code's name in the language, or the code itself."""
    return lambda table: lambda code: gettext(table[code]) if code in table else str(code)


def money(units: int | None, decimals: int) -> str:
    """Minor units as people read them: grouped, with a true minus sign."""
    if units is None:
        return "–"
    whole, _, fraction = format_decimal(abs(units), decimals).partition(".")
    text = f"{int(whole):,}" + (f".{fraction}" if fraction else "")
    return f"−{text}" if units < 0 else text


def day(value: int | date | None) -> str:
    """An ordinal or a date in ISO form; a dash for none."""
    if value is None or value in (0, NEVER):
        return "–"
    return value.isoformat() if isinstance(value, date) else date.fromordinal(value).isoformat()


def moment(value: datetime | None) -> Markup | str:
    """Wall clock, to the second, in UTC."""
    if value is None:
        return "–"
    text = value.strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), text)


def when(text: str) -> Markup | str:
    """A moment of a receipt, which has it in ISO form."""
    return moment(datetime.fromisoformat(text))


FILTERS = {
    "when": when, "day": day, "moment": moment, "percent": words.percent, "decimal": words.decimal,
    "share": words.share, "prose": words.prose, "masked": masked,
    "borrower": lambda each: written("borrower", each),
    "contract": lambda each: written("contract", each),
    "offer": lambda each: written("offer", each),
    "hold": lambda each: written("authorisation", each),
    "operation": lambda each: written("operation", each),
    "report": lambda each: written("report", each),
    "flag_id": lambda each: written("flag", each),
    "proposal": lambda each: written("proposal", each),
    "case": lambda each: written("case", each),
    "notice": lambda each: written("notice", each),
    "consent": lambda each: written("consent", each),
    "fact": lambda each: written("fact", each), "pull": lambda each: written("pull", each),
    "decision": lambda each: written("decision", each),
}  # fmt: skip


def identifier(kind: str, text: str) -> int:
    """An id from an address; ``ProblemError`` (404) if it is none."""
    try:
        return parse(kind, text)
    except ValueError as error:
        raise not_found(kind) from error


def session_of(request: Asked) -> StaffSession | None:
    """Who asks, if it is a member of staff."""
    staff = request.scope.get("user")
    return staff if isinstance(staff, StaffSession) else None


async def page_of(request: Asked) -> Page:
    """The frame of a page: one query for the book, one more after a form."""
    session = session_of(request)
    pool = services(request).pool
    return Page(
        language_of(request), theme_of(request), address_of(request), session,
        await read.book(pool) if session else None, await flash_of(request),
        services(request).sandbox,
    )  # fmt: skip


def theme_of(request: Asked) -> str:
    """The colours that the reader chose."""
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in THEMES else "auto"


def address_of(request: Asked) -> str:
    """Path and query of this page, without what was said once."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "done"]
    path = str(request.scope["path"])
    return f"{path}?{urlencode(kept)}" if kept else path


async def flash_of(request: Asked) -> Flash | None:
    """What the operation in ``?done=`` was: read from the audit log, so a link cannot lie."""
    done = request.query_params.get("done", "")
    if not re.fullmatch(r"p-[0-9a-z]{1,13}", done):
        return None
    row = await read.operation(services(request).pool, identifier("operation", done))
    if row is None:
        return None
    what = translated(request, labels.ACTIONS.get(row["action"], row["action"]))
    return Flash(translated(request, labels.DONE).format(what), done)


async def show(request: Asked, template: str, *, status: int = 200, **known: Any) -> Response[str]:
    """Render a page, or only its content when the window in a page asks for it."""
    return rendered(request, await page_of(request), template, status, known)


def rendered(
    request: Asked, page: Page, template: str, status: int, known: dict[str, Any]
) -> Response[str]:
    """The answer with a template's text."""
    fragment = request.headers.get("x-fragment") == "1"
    source = environment(page.language, services(request).decimals)
    text = source.get_template(f"console/{template}").render(page=page, fragment=fragment, **known)
    headers = {"vary": "X-Fragment, Cookie, Accept-Language"}
    return Response(text, status_code=status, media_type="text/html", headers=headers)


def moved(address: str, **query: str) -> Redirect:
    """See other: what a form leads to."""
    target = f"{address}?{urlencode(query)}" if query else address
    return Redirect(target, status_code=303)


