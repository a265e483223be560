"""Names of accounts, for pages that say who did something."""

from __future__ import annotations

from usance.web.console.render import Asked, services


async def names_of(request: Asked) -> dict[str, str]:
    """Names of accounts by how the audit log calls them."""
    names = await services(request).staff.names()
    return {f"staff:{number}": name for number, name in names.items()}
