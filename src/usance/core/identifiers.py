"""Ids of borrowers and contracts carry their place: cell in borrower, borrower in contract.

``borrower_id = number << 10 | cell`` and ``contract_id = borrower_id << 12 | number``, below 2^53
so that every JSON reader holds them. Outside they are written with a prefix: ``b-...``, ``c-...``
in base 32.
"""

CELLS = 1024
CONTRACTS_MAX = 4095
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's, lower case
PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
PREFIXES = {
    "borrower": "b", "contract": "c", "offer": "o", "authorisation": "a", "operation": "p",
    "proposal": "q", "case": "m", "payment": "y", "session": "s", "device": "d", "change": "n",
    "flag": "f", "link": "k", "consent": "r", "notice": "t", "report": "w", "member": "h",
    "decision": "j", "fact": "v", "pull": "u", "alert": "l", "limit_offer": "x", "measure": "z",
}  # fmt: skip


def borrower_of(number: int) -> int:
    """Borrower id of a running number; the cell is a hash of it, so neighbours spread."""
    cell = (number * 2_654_435_761 >> 12) % CELLS
    return number << 10 | cell


def cell_of_borrower(borrower_id: int) -> int:
    """The borrower's cell."""
    return borrower_id % CELLS


def contract_of(borrower_id: int, number: int) -> int:
    """Contract id of a borrower's n-th contract."""
    assert 1 <= number <= CONTRACTS_MAX
    return borrower_id << 12 | number


def borrower_of_contract(contract_id: int) -> int:
    """Whose contract it is."""
    return contract_id >> 12


def cell_of_contract(contract_id: int) -> int:
    """The cell of a contract."""
    return (contract_id >> 12) % CELLS


def written(kind: str, identifier: int) -> str:
    """An id as people and programs outside see it."""
    digits = ""
    while identifier:
        digits = PAIRS[identifier & 1023] + digits
        identifier >>= 10
    return f"{PREFIXES[kind]}-{digits.lstrip('0') or '0'}"


def parse(kind: str, text: str) -> int:
    """The way back; ValueError if it is not an id of this kind."""
    prefix, dash, digits = text.partition("-")
    if prefix != PREFIXES[kind] or not dash or not 1 <= len(digits) <= 13:
        raise ValueError(f"not a {kind} id")
    value = 0
    for digit in digits:
        place = ALPHABET.find(digit)
        if place < 0:
            raise ValueError(f"not a {kind} id")
        value = value * 32 + place
    if value >= 2**63:
        raise ValueError(f"not a {kind} id")
    return value
