"""What a draw or a plan of a product would cost: the one calculation behind offers and what-ifs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from usance.contract.quote import quote
from usance.core.days import iso
from usance.core.money import format_decimal, parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.servicing.cost_policy import cost_policy
from usance.servicing.cost_sheet import Sheet, loan_sheet
from usance.servicing.products import Product


@dataclass(frozen=True, slots=True)
class Priced:
    """Terms, the kernel's quote of them, and the cost sheet."""

    terms: dict[str, Any]
    quoted: dict[str, Any]
    sheet: Sheet


@rule("R-OFFER-02")
def price(
    product: Product, principal: int, instalments: int, day: int, kind: str, **changes: Any
) -> Priced:
    """Price it from ``day`` on; ``Refused`` for what is not offered or too dear."""
    if instalments not in product.settings["instalments"]:
        raise Refused(
            "R-OFFER-02", f"instalments must be one of {product.settings['instalments']}",
            "instalments",
        )  # fmt: skip
    terms = product.terms(
        principal=format_decimal(principal, product.decimals), disbursed_on=iso(day),
        instalments=instalments, **changes,
    )  # fmt: skip
    quoted = quote({"terms": terms})
    if "rule" in quoted:
        raise Refused(str(quoted["rule"]), str(quoted["detail"]), str(quoted["path"]))
    check_cap(product, quoted["irr"])
    return Priced(terms, quoted, loan_sheet(product, terms, quoted, day, kind))


@rule("R-OFFER-01")
def check_principal(product: Product, principal: int) -> None:
    """Within the product's smallest and largest contract."""
    least, most = product.amount("principal", "least"), product.amount("principal", "most")
    if not least <= principal <= most:
        sizes = product.settings["principal"]
        raise Refused(
            "R-OFFER-01", f"the amount must lie between {sizes['least']} and {sizes['most']}",
            "principal",
        )  # fmt: skip


@rule("R-CAP-01")
def check_cap(product: Product, irr: str | None) -> None:
    """The all-in annual cost stays within what law and product allow."""
    cap = cost_policy().cap_of(product)
    if cap is None or irr is None:
        return
    if parse_decimal(irr, 6) > cap.rate:
        raise Refused("R-CAP-01", f"the all-in annual cost {irr} exceeds {cap.annual}", "terms")
