"""The register of law: each source, since when it holds, what rests on it, and what changed."""

from __future__ import annotations

from litestar import Response, get

from usance.policy import shipped
from usance.policy.sources import touched
from usance.risk.register import Version, in_force
from usance.web.console.notice_templates import today_of
from usance.web.console.render import Asked, services, show
from usance.web.rulebook import rule_texts
from usance.web.security import needs


@get("/law", opt=needs("policies:read"))
async def law(request: Asked) -> Response[str]:
    """Every source with the policies in force and the rules that rest on it."""
    today = await today_of(request)
    by_id: dict[str, list[Version]] = {}
    for each in await services(request).policies.versions():
        by_id.setdefault(each.policy.says.id, []).append(each)
    current = [now.policy for found in by_id.values() if (now := in_force(found, today))]
    rules = {name: each.source for name, each in rule_texts().items()}
    rows = [
        (each, [name.split(" ") for name in touched(each, current, {})], touched(each, [], rules))
        for each in shipped.register().sources
    ]
    changes = sorted(shipped.register().changes, key=lambda each: each.since, reverse=True)
    return await show(request, "law.html", rows=rows, changes=changes, today=today)


HANDLERS = [law]
