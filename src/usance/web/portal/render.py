"""A borrower's page: language, colours, and dates and money as people say them."""

import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from jinja2 import Environment
from litestar import Request, Response
from litestar.datastructures import Cookie
from markupsafe import Markup, escape

from usance.core.identifiers import written
from usance.core.refusals import Refusal
from usance.identity.borrower_sessions import BorrowerSession
from usance.servicing.cost_words import percent
from usance.web import i18n, rulebook
from usance.web.console import fact_words
from usance.web.console import render as base
from usance.web.portal import labels
from usance.web.security import portal_cookie

Asked = Request[Any, Any, Any]
LOCALES = {"zh": "zh_CN", "en": "en_GB"}
LANGUAGE_OF = {"zh-CN": "zh", "en": "en"}
CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Page:
    """What every template knows as ``page``."""

    language: str
    theme: str
    address: str
    session: BorrowerSession | None
    lender: str
    demo: bool

    @property
    def lang(self) -> str:
        """For the page's ``lang``."""
        return i18n.LANGUAGES[self.language]

    @property
    def csrf(self) -> str:
        """The session's token for forms."""
        return self.session.csrf if self.session else ""

    @property
    def menu(self) -> tuple[tuple[str, str], ...]:
        """The places of the menu."""
        return labels.MENU

    @property
    def path(self) -> str:
        """The page's address without its query."""
        return self.address.partition("?")[0]

    @property
    def start(self) -> str:
        """Where whoever reads it begins."""
        if self.path == "/family" or self.path.startswith("/family/"):
            return "/family"
        return "/my" if self.session else "/my/login"

    @property
    def settings(self) -> str:
        """Where language and colours are chosen."""
        return "/family/settings" if self.start == "/family" else "/my/settings"

    @property
    def section(self) -> str:
        """The place of the menu that the page belongs to."""
        path = self.path
        if path.startswith(("/my/payments", "/my/pay")):
            return "/my/pay"
        if path.startswith(("/my/you", *(each for each, _, _ in labels.YOU))):
            return "/my/you"
        found = [each for each, _ in labels.MENU if path == each or path.startswith(f"{each}/")]
        return max(found, key=len, default="")

    def sentence(self, identifier: str) -> str:
        """A rule's sentence in the reader's language; nothing if no document has it."""
        found = rulebook.rule_text(identifier, self.language)
        return found.sentence if found else ""

    def new_key(self) -> str:
        """A key for one form, so that it is done once."""
        return secrets.token_hex(16)

    def asset(self, name: str) -> str:
        """Address of a static file; it changes with the file, so it may be kept for ever."""
        return f"/my/static/{name}?v={base.digest_of(name)}"


@cache
def environment(language: str, currency: str, decimals: int) -> Environment:
    """The console's environment, with what borrowers read."""
    found = base.environment(language, decimals).overlay()
    catalogue = i18n.translations(language)
    gettext = catalogue.gettext
    name = base.named(gettext)
    locale = LOCALES[language]
    found.filters = found.filters | {
        "cash": lambda units: cash(units, currency, decimals, locale),
        "on": lambda value: spoken_day(value, locale),
        "at": lambda value: spoken_moment(value, locale),
        "happened": name(labels.EVENTS), "payment_status": name(labels.PAYMENT_STATUS),
        "opened_by": name(labels.OPENED_BY), "own_case": name(labels.CASE_KINDS),
        "own_case_state": name(labels.CASE_STATES), "own_case_result": name(labels.CASE_RESULTS),
        "own_case_event": name(labels.CASE_EVENTS),
        "consent_state": name(labels.CONSENT_STATES),
        "consent_without": name(labels.CONSENT_WITHOUT),
        "consent_channel": name(labels.CONSENT_CHANNELS),
        "genuine_way": name(labels.GENUINE_WAYS), "genuine_state": name(labels.GENUINE_STATES),
        "genuine_event": name(labels.GENUINE_EVENTS),
        "told_by": name(labels.WAYS), "purpose": name(labels.PURPOSES),
        "notice_state": name(labels.NOTICE_STATES),
        "consent_recipient": name(labels.CONSENT_RECIPIENTS), "term_of_sum": name(labels.TERMS),
        "decided": name(labels.DECISIONS), "own_limit": name(labels.LIMITS),
        "decision_is": name(labels.DECISION_STATES),
        "fact_from": name(labels.FACT_SOURCES),
        "relation": name(dict(labels.RELATIONS)), "family_end": name(labels.FAMILY_ENDS),
        "family_notice": name(labels.FAMILY_NOTICES), "arrival": name(labels.ARRIVALS),
        "member": lambda each: written("member", each),
        "iso_day": date.fromisoformat,
        "iso_moment": datetime.fromisoformat,
        "payment": lambda each: written("payment", each),
        "session": lambda each: written("session", each),
        "device": lambda each: written("device", each),
        "consent": lambda each: written("consent", each),
        "notice": lambda each: written("notice", each),
        "plainly": plainly, "yearly": percent,
        "fact_source": name(fact_words.OWN_SOURCES), "fact_state": name(fact_words.OWN_STATES),
        "fact_value": lambda value, feature: fact_words.said(
            value, feature, catalogue, lambda units: cash(units, currency, decimals, locale)
        ),
    }  # fmt: skip
    return found


def cash(units: int | None, currency: str, decimals: int, locale: str) -> str:
    """Minor units with their currency, as the language writes them."""
    if units is None:
        return "–"
    amount = Decimal(units).scaleb(-decimals)
    text = format_currency(amount, currency, locale=locale)
    # The book has one currency, so there is none to mix it up with.
    return text.replace("-", "−").replace("CN¥", "¥")


def spoken_day(value: int | date | None, locale: str) -> Markup | str:
    """A day as the language writes it; a dash for none."""
    if not value:
        return "–"
    day = value if isinstance(value, date) else date.fromordinal(value)
    text = format_date(day, "long", locale=locale)
    return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), text)


def spoken_moment(value: datetime | None, locale: str) -> Markup | str:
    """A moment as the language writes it, in UTC."""
    if value is None:
        return "–"
    text = format_datetime(value, "long", locale=locale)
    text = re.sub(r"(:\d\d):\d\d", r"\1", text)
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), text)


def plainly(text: str) -> Markup:
    """A rule's sentence without links: code as code."""
    marked = CODE.sub(r"<code>\1</code>", str(escape(text)))
    return Markup(marked)  # noqa: S704 - all of the text was escaped


def session_of(request: Asked) -> BorrowerSession | None:
    """The borrower who is logged in, on a page that asks for one."""
    found = request.scope.get("user")
    return found if isinstance(found, BorrowerSession) else None


def language_of(request: Asked) -> str:
    """What the reader chose, else what the borrower speaks, else what the browser says."""
    chosen, session = request.cookies.get("language"), session_of(request)
    if chosen not in i18n.LANGUAGES and session is not None:
        return LANGUAGE_OF.get(session.language, "zh")
    return i18n.choose(chosen, request.headers.get("accept-language", ""))


def page_of(request: Asked) -> Page:
    """The frame of a page."""
    found = base.services(request)
    return Page(
        language_of(request), base.theme_of(request), base.address_of(request),
        session_of(request), found.name, found.demo,
    )  # fmt: skip


def show(request: Asked, template: str, *, status: int = 200, **known: Any) -> Response[str]:
    """Render a page."""
    page, found = page_of(request), base.services(request)
    source = environment(page.language, found.currency, found.decimals)
    text = source.get_template(template).render(page=page, **known)
    headers = {"vary": "Cookie, Accept-Language"}
    return Response(text, status_code=status, media_type="text/html", headers=headers)


def problem_page(request: Asked, status: int, refusal: Refusal) -> Response[str]:
    """A refusal as a page."""
    return show(request, "portal/problem.html", status=status, refusal=refusal)


def remember(
    request: Asked, answer: Response[Any], name: str, value: str, seconds: int, *,
    strict: bool = False,
) -> None:  # fmt: skip
    """Set a cookie that only this host and no script gets; an empty value takes it away."""
    answer.set_cookie(
        Cookie(
            key=portal_cookie(request, name), value=value, path="/", httponly=True,
            secure=request.scope["scheme"] == "https", samesite="strict" if strict else "lax",
            max_age=seconds if value else 0,
        )
    )
