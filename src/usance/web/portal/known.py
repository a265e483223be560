"""What is known about me: facts with their source and time, what uses them, the household."""

from typing import Any

from litestar import Response, get, post

from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal.own_known import OwnKnown
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import Own
from usance.web.security import needs


@get("/known", opt=needs(BORROWER))
async def known(request: Asked) -> Response[Any]:
    """Everything that decisions may look at, and what they no longer do."""
    own = OwnKnown(request)
    current, before = await own.all()
    return show(
        request, "portal/known.html", current=current, before=before,
        uses={each.feature.name: own.uses(each.feature.name) for each in current},
        household=await own.household(), done=request.query_params.get("done") == "withdrawn",
    )  # fmt: skip


@post("/known/{consent:str}/withdraw", opt=needs(BORROWER))
async def withdraw_household(request: Asked, consent: Word) -> Response[Any]:
    """Take back what was agreed to about the household, at once."""
    form = await form_of(request)
    await Own(request).withdraw_consent(consent, key_of(form), hash_of(request, form))
    return moved("/my/known", done="withdrawn")


HANDLERS = [known, withdraw_household]
