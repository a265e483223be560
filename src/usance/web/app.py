"""The composition root: one place that knows every part and puts them together."""

from __future__ import annotations

from collections.abc import Mapping

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from usance.approvals.delegation import Delegations
from usance.approvals.rules import Policy
from usance.approvals.rules import policy as approvals_policy
from usance.approvals.service import Approvals
from usance.core.money import DECIMALS
from usance.identity.borrowers import Borrowers
from usance.identity.machine import MachineClients
from usance.identity.staff import Staff
from usance.platform.clock import Clock
from usance.platform.config import ConfigurationError, Settings
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.servicing import read
from usance.servicing.service import Book
from usance.web import operations, problems
from usance.web.acts import acts
from usance.web.api.dispatch import BODY_MAX, Api
from usance.web.api.routes import ENDPOINTS, openapi
from usance.web.console.pages import console_router, on_no_route
from usance.web.edge import Edge
from usance.web.security import Gate, check_declared, check_every_route
from usance.web.services import Services


async def open_services(
    settings: Settings, pool: Pool, keys: KeyService, book: Book, *,
    clock: Clock | None = None, hints: Mapping[str, str] | None = None,
    policy: Policy | None = None,
) -> Services:  # fmt: skip
    """What the routes work with, for the book in this database; there must be one.

    ``policy`` says what waits for a second person: the policy document, unless another is given.
    """
    found = await read.book(pool)
    if found is None:
        raise ConfigurationError("there is no book yet: `usance book create` makes one")
    decimals = DECIMALS[found.currency]
    approvals = Approvals(pool, policy or approvals_policy(decimals), acts(pool, book), clock)
    return Services(
        settings=settings, pool=pool, keys=keys, book=approvals, posting=book, approvals=approvals,
        delegations=Delegations(pool, clock), borrowers=Borrowers(pool, keys),
        staff=Staff(pool, clock), clients=MachineClients(pool),
        name=found.name, currency=found.currency, decimals=decimals,
        demo=found.demo, hints=hints or {},
    )  # fmt: skip


def create_app(services: Services) -> Litestar:
    """The application. Starting and stopping pool and book is for the caller."""
    gate = Gate(services.staff, services.clients)
    app = Litestar(
        route_handlers=[operations.health, operations.exposition, openapi, console_router()],
        guards=[gate.check],
        exception_handlers={**problems.HANDLERS, HTTPException: on_no_route},
        request_max_body_size=BODY_MAX,
        state=State({"services": services}),
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    check_every_route(app)
    for endpoint in ENDPOINTS:
        check_declared(endpoint.permission, endpoint.method, endpoint.name, endpoint.changes)
    app.asgi_handler = Edge(app.asgi_handler, Api(services, gate, ENDPOINTS))
    return app
