"""Products and the terms that their offers start from, as the policy documents say."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import yaml

from usance import policies
from usance.contract import documents as shape
from usance.contract.records import Terms
from usance.contract.terms import Agreed, agree_line, agree_term
from usance.core.money import DECIMALS, format_decimal, parse_decimal
from usance.core.refusals import Refused, without_values


@dataclass(frozen=True, slots=True)
class Product:
    """One product as the policy document has it; amounts in minor units."""

    product_id: int
    code: str
    country: str
    name_zh: str
    name_en: str
    kind: str
    currency: str
    settings: dict[str, Any]

    @property
    def authorised_elsewhere(self) -> bool:
        """Whether another system says yes to its purchases, and agreed its terms with people."""
        return self.settings.get("purchases") == "authorised_elsewhere"

    @property
    def decimals(self) -> int:
        """Of the currency."""
        return DECIMALS[self.currency]

    def amount(self, *path: str) -> int:
        """An amount among the settings; 0 if it is not set."""
        value: Any = self.settings
        for name in path:
            value = value.get(name, {}) if isinstance(value, dict) else {}
        return parse_decimal(value, self.decimals) if isinstance(value, str) else 0

    def name(self, language: str) -> str:
        """In the reader's language, ``en`` or ``zh``."""
        return self.name_zh if language == "zh" else self.name_en

    def plain(self, units: int) -> str:
        """Minor units as a decimal string."""
        return format_decimal(units, self.decimals)

    def terms(self, **changes: object) -> dict[str, Any]:
        """The quote document's terms with changes."""
        own: dict[str, Any] = self.settings["terms"]
        return own | {"currency": self.currency} | changes


@cache
def products() -> dict[str, Product]:
    """All products by code: of every document in the folder of every country."""
    return {
        each.code: each
        for country in policies.countries()
        for text in policies.texts_in(country).values()
        for each in products_in(text, country.name)
    }


def products_in(text: str, country: str) -> list[Product]:
    """The products of one document."""
    document = yaml.safe_load(text)
    return [
        Product(
            each["id"], each["code"], country, each["name"]["zh"], each["name"]["en"],
            each["kind"], document["currency"], each,
        )
        for each in document.get("products", ())
    ]  # fmt: skip


def product_of(code: str) -> Product:
    """The product with this code; refused if there is none."""
    found = products().get(code)
    if found is None:
        raise Refused("R-PRODUCT-01", "there is no such product", "product")
    return found


@cache
def by_id() -> dict[int, Product]:
    """All products by id."""
    return {each.product_id: each for each in products().values()}


@cache
def account_terms(product: str, statement_day: int) -> Terms:
    """Terms of a pay-later account; the day on which it opens is not among them."""
    return agreed(product_of(product).terms(statement_day=statement_day), 0).terms


def agreed(terms: dict[str, Any], opened_on: int) -> Agreed:
    """Terms of either kind, checked."""
    try:
        given = msgspec.convert(terms, shape.TermTerms | shape.StatementTerms)
    except msgspec.ValidationError as error:
        raise Refused("R-DOC-01", without_values(str(error)), "terms") from error
    if isinstance(given, shape.TermTerms):
        return agree_term(given)
    return agree_line(given, opened_on)
