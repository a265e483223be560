"""What of limits a person is told who asks for everything that is held."""

from __future__ import annotations

from typing import Any

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.platform.database import Connection
from usance.platform.personal import part
from usance.risk import limit_store as store
from usance.risk.limit_answers import STATES, document
from usance.servicing.products import by_id


@part("limits", "limit_offer", "limit_answer", "limit_measure")
@rule("R-LIMIT-07", "R-LIMIT-09")
async def limits(connection: Connection, borrower_id: int) -> dict[str, Any]:
    """Offers with what came of them, and cuts that were approved with their notice."""
    offers = await store.offers(connection, borrower_id)
    measures = await store.measures(connection, borrower_id)
    return {
        "offers": [
            document(each, by_id()[each["product_id"]]) | {"state": STATES[each["state"]]}
            for each in offers
        ],
        "cuts": [measure_document(each) for each in measures],
    }  # fmt: skip


def measure_document(measure: dict[str, Any]) -> dict[str, Any]:
    """An approved cut, for the export and the API."""
    product = by_id()[measure["product_id"]]
    return {
        "measure_id": written("measure", measure["measure_id"]), "product": product.code,
        "limit_from": product.plain(measure["limit_from"]),
        "limit_to": product.plain(measure["limit_to"]),
        "not_before": measure["not_before"].isoformat(), "reasons": measure["reasons"],
        "notice": measure["notice"], "decision_id": written("decision", measure["decision_id"]),
        "approved_at": measure["approved_at"].isoformat(),
    }  # fmt: skip
