"""Where providers tell what became of messages."""

from litestar import post
from litestar.response.base import ASGIResponse

from usance.core.refusals import Refused
from usance.identity.permissions import SIGNED
from usance.notices.receipt_words import BODY_MAX, RECEIPTS_PATH
from usance.web.console.render import services
from usance.web.portal.render import Asked
from usance.web.problems import ProblemError, refusal_of, respond
from usance.web.security import needs

STATUS = {"R-REPORT-02": 401}
"""Of refusals of receipts; of all others 422."""


@post(RECEIPTS_PATH, opt=needs(SIGNED), request_max_body_size=BODY_MAX, status_code=200)
async def receipts(request: Asked) -> ASGIResponse:
    """Take receipts: signed, of about now, in any order, and also again."""
    body = await request.body()
    try:
        document = await services(request).receipts.receive(request.headers, body)
    except Refused as refused:
        refusal = refused.refusal
        status = STATUS.get(refusal.rule, 422)
        error = ProblemError(status, refusal.rule, refusal.detail, refusal.path)
        status, text, headers = refusal_of(error, request.method, RECEIPTS_PATH)
        named = {name.decode(): value.decode() for name, value in headers}
        return ASGIResponse(body=text, status_code=status, headers=named)
    return respond(200, document)
