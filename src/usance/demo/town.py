"""The agenda of the town: who does what on which day."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

from usance.core.identifiers import borrower_of_contract, contract_of
from usance.demo.people import Deck, Inhabitant
from usance.demo.store import Bill, Standing
from usance.servicing.commands import Command

Answered: TypeAlias = Callable[[dict[str, Any]], "list[Act] | None"]


@dataclass(frozen=True, slots=True)
class Act:
    """A command, and what its answer leads to; acts that it gives are done on the same day."""

    command: Command
    then: Answered | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """Something planned for a day; ``act`` looks at the contract first and may do nothing."""

    contract_id: int
    act: Callable[[Standing], Iterable[Act]]


@dataclass(frozen=True, slots=True)
class News:
    """What the book says in the morning."""

    bills: list[Bill]
    hopeless: list[int]


@dataclass(slots=True)
class Town:
    """People, their agenda, and their chance; ``today`` is the business date."""

    rng: Random
    people: list[Inhabitant]
    today: int = 0
    decks: dict[str, Deck] = field(default_factory=dict)
    residents: dict[int, Inhabitant] = field(default_factory=dict)  # by borrower
    agenda: defaultdict[int, list[Deed]] = field(default_factory=lambda: defaultdict(list))

    def happens(self, what: str, per_mille: int) -> bool:
        """Whether this time it happens: exactly so often in the long run."""
        if what not in self.decks:
            self.decks[what] = Deck(self.rng, per_mille)
        return self.decks[what].draw()

    def plan(
        self, day: int, contract_id: int, act: Callable[[Standing], Iterable[Act]]
    ) -> None:
        """Put something on the agenda; never for today, which has begun."""
        self.agenda[max(day, self.today + 1)].append(Deed(contract_id, act))

    def in_days(self, least: int, most: int) -> int:
        """A day from ``least`` to ``most`` days ahead."""
        return self.today + self.rng.randrange(least, most + 1)

    def resident_of(self, contract_id: int) -> Inhabitant:
        """Whose contract it is."""
        return self.residents[borrower_of_contract(contract_id)]

    def contracts_of(self, who: Inhabitant) -> list[int]:
        """Everything the person has or had."""
        return ([who.account] if who.account else []) + who.loans

    def anchor(self, who: Inhabitant) -> int:
        """A contract under which to plan what is not about one contract."""
        return who.account or contract_of(who.borrower_id, 1)
