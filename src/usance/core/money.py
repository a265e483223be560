"""Money in minor units and rates per 10^8, and the way between them and decimal strings."""

from functools import lru_cache

from usance.core.kernel import kernel
from usance.core.rules import rule

RATE_ONE = 10**8  # a rate of 1 (100 %)
PRODUCT_ROOM = 2**61  # amount x rate stays below it; sums of two products fit 64 bits
AMOUNT_MAX = 10**11  # minor units; products with a rate stay below 2^62 (checked where terms enter)

HALF_EVEN = 1
HALF_UP = 2
UP = 3
DOWN = 4

DECIMALS = {
    "CNY": 2, "USD": 2, "EUR": 2, "GBP": 2, "HKD": 2, "SGD": 2, "TWD": 2, "INR": 2, "IDR": 2,
    "PHP": 2, "MXN": 2, "BRL": 2, "ZAR": 2, "THB": 2, "MYR": 2, "CHF": 2, "AUD": 2, "CAD": 2,
    "JPY": 0, "KRW": 0, "VND": 0, "CLP": 0,
    "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3,
}  # fmt: skip
"""ISO 4217 minor units of the currencies that the platform knows."""


@kernel
@rule("R-ROUND-01")
def rounded(whole: int, remainder: int, denominator: int, mode: int) -> int:
    """``whole + remainder / denominator`` as a whole number; 0 <= remainder < denominator."""
    if remainder == 0 or mode == DOWN:
        return whole
    if mode == UP:
        return whole + 1
    twice = 2 * remainder
    if twice > denominator:
        return whole + 1
    if twice < denominator or (mode == HALF_EVEN and whole % 2 == 0):
        return whole
    return whole + 1


@kernel
def share(amount: int, part: int, whole: int) -> int:
    """``amount x part / whole`` rounded down, 0 <= part <= whole <= 10^12; within 64 bits."""
    quotient, rest = 0, 0
    for i in range(3):  # the part in pieces of 16 bits, so that no product is large
        rest = rest * 65536 + amount % whole * (part >> (32 - 16 * i) & 65535)
        quotient = quotient * 65536 + rest // whole
        rest %= whole
    return amount // whole * part + quotient


def divide_half_even(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` rounded half-even, for any sign of the numerator."""
    whole, remainder = divmod(numerator, denominator)
    return rounded(whole, remainder, denominator, HALF_EVEN)


def parse_decimal(text: str, decimals: int) -> int:
    """A plain decimal string as an integer per 10^decimals; ValueError if it is not one."""
    sign = -1 if text.startswith("-") else 1
    units, dot, fraction = text.removeprefix("-").partition(".")
    plain = units.isascii() and units.isdigit() and len(units) <= 18
    if dot:
        plain = plain and fraction.isascii() and fraction.isdigit()
    if not plain:
        raise ValueError("not a decimal number")
    kept = fraction.rstrip("0")
    if len(kept) > decimals:
        raise ValueError(f"more than {decimals} decimals")
    size: int = int(units) * 10**decimals + int(kept.ljust(decimals, "0") or "0")
    return sign * size


@lru_cache(maxsize=65_536)
def format_decimal(amount: int, decimals: int) -> str:
    """An integer per 10^decimals as a decimal string."""
    if decimals == 0:
        return str(amount)
    digits = str(abs(amount)).zfill(decimals + 1)
    return f"{'-' if amount < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"
