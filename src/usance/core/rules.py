"""Every rule has a name: the register that ties ``R-ALLOC-01`` to the function that is the rule.

Sentence and source of a rule stand in ``docs`` (``usance.web.rulebook``), packed with the wheel;
the decorator says where the rule lives. One rule may need several functions, one function may be
several rules.
"""

from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])

WHERE: dict[str, list[Callable[..., object]]] = {}


def rule(*identifiers: str) -> Callable[[Function], Function]:
    """Say that the function is (part of) the rules named."""

    def register(function: Function) -> Function:
        for identifier in identifiers:
            WHERE.setdefault(identifier, []).append(function)
        return function

    return register
