"""For operators: /health says whether the book can be reached, /metrics gives the figures."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.response.base import ASGIResponse

from usance.day.close import observe_last_close
from usance.identity.permissions import PUBLIC
from usance.identity.store import business_date
from usance.notices.health import observe_lag
from usance.platform import metrics
from usance.recovery import store as recovery
from usance.web.problems import respond
from usance.web.security import needs
from usance.webhooks.worker import observe as observe_webhooks


@get("/health", opt=needs(PUBLIC), include_in_schema=False)
async def health(request: Request[Any, Any, Any]) -> ASGIResponse:
    """200 while the database answers (503 by the last resort when it does not)."""
    pool = request.app.state.services.pool
    on = await business_date(pool)
    await observe_lag(pool)
    lag = metrics.registry.get_sample_value("usance_outbox_lag_seconds") or 0
    document = {
        "status": "ok",
        "business_date": on.isoformat() if on else None,
        "outbox_lag_seconds": int(lag),
    }
    return respond(200, document)


@get("/metrics", opt=needs("metrics:read"), include_in_schema=False)
async def exposition(request: Request[Any, Any, Any]) -> ASGIResponse:
    """Prometheus' text format."""
    pool = request.app.state.services.pool
    await observe_lag(pool)
    await recovery.observe(pool)
    await observe_webhooks(request.app.state.services.webhooks)
    await observe_last_close(pool)
    if on := await business_date(pool):
        metrics.business_date.set(on.toordinal())
    return ASGIResponse(body=metrics.exposition(), media_type=metrics.CONTENT_TYPE)
