"""Signed links with which a host application lets one of its users into the portal."""

from __future__ import annotations

from usance.identity.once import Answer
from usance.web.api import bodies
from usance.web.api.endpoint import Asked, Empty, change


@change("POST", "/v1/borrowers/{borrower_id}/portal-links", "portal:write")
async def make_portal_link(asked: Asked[Empty], body: bodies.LinkBody) -> Answer:
    """A link for one borrower: good for five minutes and once, wherever it is opened.

    ``path`` is to be opened in the borrower's browser, on the host that serves the portal.
    """
    return await asked.services.access.links.make(
        asked.at["borrower_id"], body.target, actor=asked.caller.actor, key=asked.key,
        request_hash=asked.request_hash,
    )  # fmt: skip
