"""The composition root: one place that knows every part and puts them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import httpx
from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from usance.allowance.leases import Allowance
from usance.approvals.delegation import Delegations
from usance.approvals.rules import Policy
from usance.approvals.rules import policy as approvals_policy
from usance.approvals.service import Approvals
from usance.audit.key import open_key
from usance.cases.borrower import OwnCases
from usance.cases.deciding import Deciding as DecidingCases
from usance.cases.policy import case_policy
from usance.cases.remedies import Follows
from usance.cases.service import Cases
from usance.cases.watch import Watch
from usance.cases.work import Desk
from usance.consents.service import Consents
from usance.core.money import DECIMALS
from usance.family.service import Family
from usance.identity.access import BorrowerAccess
from usance.identity.accesses import Accesses
from usance.identity.borrowers import Borrowers
from usance.identity.changing import complete
from usance.identity.machine import MachineClients
from usance.identity.provider import Provider
from usance.identity.staff import Staff
from usance.identity.staff_policy import StaffPolicy
from usance.identity.staff_policy import staff_policy as policy_of_staff
from usance.notices.asking import Verification
from usance.notices.calls import counting_calls
from usance.notices.gate import Gate as GateOfNotices
from usance.notices.legal import law
from usance.notices.receipts import ReceiptDesk
from usance.notices.reporting import Reports
from usance.notices.starting import adopt_starting_set
from usance.notices.surge_watch import SurgeWatch
from usance.notices.templates import Templates
from usance.payments.intents import Payments
from usance.payments.notifications import Notifications
from usance.payments.sandbox_bank import Post, SandboxBank
from usance.platform.clock import Clock, SystemClock
from usance.platform.config import ConfigurationError, Settings
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.risk.book_source import snapshots
from usance.risk.bureau import Bureau, HttpBureau
from usance.risk.bureau_pulls import BureauPulls
from usance.risk.decided import Decided
from usance.risk.deciding import Deciding
from usance.risk.early_warning import EarlyWarning
from usance.risk.evening import evening_of
from usance.risk.fact_keeping import Facts
from usance.risk.fact_source import FactSource
from usance.risk.facts_policy import fact_policy
from usance.risk.limit_answers import LimitAnswers
from usance.risk.measuring import Portfolio
from usance.risk.opening import Archive
from usance.risk.register import Policies
from usance.risk.registered import BookVersions
from usance.risk.sandbox_bureau import BureauInside
from usance.risk.score_watch import ScoreWatch
from usance.risk.scorecards import Scorecards
from usance.risk.shipping import adopt_shipped
from usance.risk.signs import Signs
from usance.risk.snapshots import Source
from usance.servicing import read
from usance.servicing.service import Book
from usance.web import banking, operations, problems, receiving, verifying
from usance.web.acts import (
    acts,
    acts_of_the_house,
    acts_on_consents,
    acts_on_limits,
    acts_on_policies,
)
from usance.web.api.dispatch import BODY_MAX, Api
from usance.web.api.routes import ENDPOINTS, openapi
from usance.web.closing import Closing
from usance.web.console.pages import console_router
from usance.web.deciding import DecidedBook
from usance.web.edge import Edge
from usance.web.notices import notice_room
from usance.web.paying import BookTill
from usance.web.portal.pages import family_router, on_no_route, portal_router
from usance.web.remedies import CaseHandlers, Followed, Remedies
from usance.web.security import Gate, check_declared, check_every_route
from usance.web.services import CaseRoom, DecisionRoom, GenuineRoom, Services, Submits, WarningRoom
from usance.web.workers import Workers
from usance.webhooks.endpoints import Endpoints
from usance.webhooks.policy import Reach


async def open_services(
    settings: Settings, pool: Pool, keys: KeyService, book: Book, *,
    clock: Clock | None = None, hints: Mapping[str, str] | None = None,
    policy: Policy | None = None, staff_policy: StaffPolicy | None = None,
    sources: Sequence[Source] = (),
) -> Services:  # fmt: skip
    """What the routes work with, for the book in this database; there must be one.

    ``policy`` says what waits for a second person, ``staff_policy`` who needs a second factor: the
    policy documents, unless others are given. ``sources`` know more of a borrower than the book.
    """
    found = await read.book(pool)
    if found is None:
        raise ConfigurationError("there is no book yet: `usance book create` makes one")
    await complete(pool, adopt_starting_set)
    await complete(pool, adopt_shipped)
    clock, for_staff = clock or SystemClock(), staff_policy or policy_of_staff()
    elsewhere, decimals = settings.identity_provider, DECIMALS[found.currency]
    access, played = BorrowerAccess.over(pool, keys, clock), found.demo or settings.sandbox
    clients = MachineClients(pool, clock)
    reach = Reach(settings.webhooks_allow_http or found.demo, settings.webhooks_networks)
    webhooks = Endpoints(pool, keys, clock=clock, reach=reach)
    closing = Closing()
    consents = Consents(pool, keys, clock)
    await consents.enter_shipped()
    known = acts(pool, book, clients)
    known |= acts_of_the_house(pool, webhooks, closing, settings.erasures_file)
    known |= acts_on_consents(pool, clock) | acts_on_policies(pool) | acts_on_limits(pool, clock)
    approvals = Approvals(pool, policy or approvals_policy(decimals), known, clock)
    decisions = decision_room(pool, keys, clock, (FactSource(keys, clock), *sources))
    closing.also = evening_of(pool, keys, decisions.deciding, approvals, clock).close
    decided = DecidedBook(approvals, decisions, book)
    cases = case_room(pool, keys, approvals, found.currency, clock, Followed(approvals))
    home = case_policy().home(found.currency)
    facts = Facts(pool, keys, clock, found.currency)
    bureau = bureau_of(settings, found.currency, played=played)
    family = Family.over(pool, keys, home, cases.own, clock)
    return Services(
        settings=settings, pool=pool, keys=keys, book=decided, decided=decided, decisions=decisions,
        limits=LimitAnswers(pool, decisions.deciding), posting=book, approvals=approvals,
        delegations=Delegations(pool, clock), borrowers=Borrowers(pool, keys),
        staff=Staff(pool, clock, keys, for_staff), accesses=Accesses(pool, clock, for_staff, keys),
        clients=clients, allowance=Allowance(pool, clock),
        webhooks=webhooks, closing=closing,
        provider=Provider(elsewhere, pool, keys, clock) if elsewhere else None,
        cases=cases, consents=consents, facts=facts,
        bureau=BureauPulls(pool, keys, clock, found.currency, bureau),
        genuine=genuine_room(cases.desk), family=family,
        name=found.name, currency=found.currency, decimals=decimals,
        demo=found.demo, hints=hints or {}, audit_key=open_key(settings.audit_key_file).public,
        templates=Templates(pool), policies=Policies(pool), scorecards=Scorecards(pool),
        history=Decided(Archive(pool, keys, BookVersions())), clock=clock, access=access,
        warning=warning_room(pool, keys, clock),
        notices=notice_room(
            settings, pool, keys, clock, access, home, family.members, played=played
        ),
        payments=Payments(pool, clock, found.currency),
        notifications=Notifications(pool, clock, BookTill(pool, book), found.currency, decimals),
        receipts=ReceiptDesk(
            pool, clock, settings.carriers.receipt_secrets,
            listener=counting_calls(GateOfNotices(law()), home),
        ),
        bank=SandboxBank(pool, keys, clock, decimals) if played else None,
    )  # fmt: skip


def route_handlers() -> list[ControllerRouterHandler]:
    """Everything that the web framework serves; the API is beside it."""
    return [
        operations.health, operations.exposition, openapi, console_router(), portal_router(),
        banking.notification, *banking.PAGES, receiving.receipts, verifying.verifying_router(),
        family_router(),
    ]  # fmt: skip


def bureau_of(settings: Settings, currency: str, *, played: bool) -> Bureau | None:
    """The credit bureau that is set up, or in a sandbox the one inside; None without any."""
    patience, file = fact_policy().bureau, settings.bureau_token_file
    if settings.bureau_url and file:
        try:
            token = file.read_text("utf-8").partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError("USANCE_BUREAU_TOKEN_FILE cannot be read") from error
        if not (token.isascii() and token.isprintable() and token):
            raise ConfigurationError("USANCE_BUREAU_TOKEN_FILE begins with a line of plain signs")
        return HttpBureau(settings.bureau_url, token, patience)
    return BureauInside(patience, currency) if played else None


def case_room(
    pool: Pool, keys: KeyService, book: Submits, currency: str, clock: Clock,
    follows: Follows | None = None,
) -> CaseRoom:
    """The room of cases on a book; ``follows`` knows what became of remedies held back."""
    policy = case_policy()
    desk = Desk(pool, keys, clock, policy, policy.home(currency))
    remedies = Remedies(book, pool, keys, Facts(pool, keys, clock, currency))
    work, deciding = Cases(desk, CaseHandlers(pool)), DecidingCases(desk, remedies)
    return CaseRoom(desk, work, deciding, OwnCases(work), Watch(deciding, follows))


def decision_room(
    pool: Pool, keys: KeyService, clock: Clock, sources: Sequence[Source] = ()
) -> DecisionRoom:
    """The room of automated decisions on a book."""
    versions = BookVersions()
    deciding = Deciding(pool, keys, versions, snapshots(sources), clock=clock)
    return DecisionRoom(deciding, Archive(pool, keys, versions))


def genuine_room(desk: Desk) -> GenuineRoom:
    """The room of whoever asks whether a notice is genuine."""
    asking = Verification(desk.pool, desk.keys, desk.clock)
    return GenuineRoom(asking, Reports(desk, asking), SurgeWatch(desk.pool, desk.clock, asking))


def warning_room(pool: Pool, keys: KeyService, clock: Clock) -> WarningRoom:
    """The room of what watches the book."""
    versions = BookVersions()
    return WarningRoom(
        EarlyWarning(pool, clock, Signs().facts_of, versions.policy_in_force), Portfolio(pool),
        ScoreWatch(pool, clock, Archive(pool, keys, versions)),
    )  # fmt: skip


def create_app(services: Services) -> Litestar:
    """The application. Starting and stopping pool, book and workers is for the caller."""
    gate = Gate(services.staff, services.clients, services.allowance, services.access.sessions)
    app = Litestar(
        route_handlers=route_handlers(),
        guards=[gate.check],
        exception_handlers={**problems.HANDLERS, HTTPException: on_no_route},
        request_max_body_size=BODY_MAX,
        state=State({"services": services}),
        openapi_config=None,
        logging_config=None,
        debug=False,
    )  # fmt: skip
    check_every_route(app)
    for endpoint in ENDPOINTS:
        check_declared(endpoint.permission, endpoint.method, endpoint.name, endpoint.changes)
    app.asgi_handler = Edge(app.asgi_handler, Api(services, gate, ENDPOINTS))
    if isinstance(services.bank, SandboxBank):
        services.bank.post = over_http(app)
    return app


def workers_of(services: Services) -> Workers:
    """Background work, to be started beside the application."""
    return Workers.of(services)


def over_http(app: Litestar) -> Post:
    """The sandbox bank's way to us: requests through the whole application, from its edge on."""
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)

    async def post(path: str, body: bytes, headers: Mapping[str, str]) -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://usance.bank") as client:
            answer = await client.post(path, content=body, headers=dict(headers))
        return answer.status_code

    return post
