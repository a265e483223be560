"""What a case is about: that it is there, that it is the borrower's, and whose act it was."""

from __future__ import annotations

from usance.cases import rules, store
from usance.cases.records import Case
from usance.cases.rules import Involved
from usance.core.identifiers import borrower_of_contract
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.database import Connection, Pool
from usance.risk import facts_store


@rule("R-CASE-04")
async def check_subject(
    connection: Connection | Pool, borrower_id: int, subject: int, subject_id: int, number: int
) -> None:
    """It is there and concerns this borrower; raises ``Refused`` alike for both."""
    if subject == rules.NOTHING:
        if subject_id or number:
            raise Refused("R-CASE-04", "what a case is about has a kind", "subject")
        return
    if not 0 < subject_id < 2**63 or not 0 <= number < 2**31:
        raise Refused("R-CASE-04", "there is nothing like that about this borrower", "subject")
    if not await SEEN[subject](connection, borrower_id, subject_id, number):
        raise Refused("R-CASE-04", "there is nothing like that about this borrower", "subject")


async def seen_contract(
    connection: Connection | Pool, borrower_id: int, contract_id: int, number: int
) -> bool:
    """A contract of the borrower."""
    own = borrower_of_contract(contract_id) == borrower_id
    return own and not number and await store.contract_exists(connection, contract_id)


async def seen_event(
    connection: Connection | Pool, borrower_id: int, contract_id: int, seq: int
) -> bool:
    """An event of a contract of the borrower."""
    own = borrower_of_contract(contract_id) == borrower_id
    return own and await store.event_actor(connection, contract_id, seq) is not None


async def seen_operation(
    connection: Connection | Pool, borrower_id: int, operation_id: int, number: int
) -> bool:
    """An operation on the borrower; an incident without one may be about any of the house."""
    found = await store.operation(connection, operation_id)
    if found is None or number:
        return False
    concerned = found["borrower_id"], borrower_of_contract(found["contract_id"])
    return not borrower_id or borrower_id in concerned


async def seen_case(
    connection: Connection | Pool, borrower_id: int, case_id: int, number: int
) -> bool:
    """An earlier case of the borrower that was decided."""
    found = await store.case_of(connection, case_id, borrower_id)
    return found is not None and not number and found.decided_on is not None


async def seen_notice(
    connection: Connection | Pool, borrower_id: int, contract_id: int, n: int
) -> bool:
    """A notice about a due of a contract of the borrower."""
    own = borrower_of_contract(contract_id) == borrower_id
    return own and await store.notice_exists(connection, contract_id, n)


async def seen_fact(
    connection: Connection | Pool, borrower_id: int, fact_id: int, number: int
) -> bool:
    """A fact of the borrower."""
    return not number and await facts_store.fact_exists(connection, borrower_id, fact_id)


SEEN = {
    rules.CONTRACT: seen_contract, rules.EVENT: seen_event, rules.OPERATION: seen_operation,
    rules.CASE: seen_case, rules.NOTICE: seen_notice,
    rules.FACT: seen_fact,
}  # fmt: skip


@rule("R-CASE-09")
async def involved(connection: Connection | Pool, case: Case) -> Involved:
    """Who had a part in a case: who handled it, whose act it is about, who decided it before."""
    outcomes = await store.outcomes(connection, case)
    handled = await store.assigned_to(connection, case) | {case.handler}
    return Involved(
        handled=frozenset(handled - {""} | {each.proposed_by for each in outcomes}),
        acted=frozenset(await actors(connection, case)),
        decided=frozenset(each.decided_by for each in outcomes if each.state == rules.FINAL),
    )


async def actors(connection: Connection | Pool, case: Case) -> set[str]:
    """Who did what the case is about, by the audit events concerned, and who agreed to it."""
    if case.subject == rules.EVENT:
        place = case.subject_id, case.subject_number
        found = {await store.event_actor(connection, *place) or ""}
        found |= await store.agreed_to(connection, await store.event_operation(connection, *place))
    elif case.subject == rules.OPERATION:
        row = await store.operation(connection, case.subject_id)
        found = {str(row["actor"]) if row else ""}
        found |= await store.agreed_to(connection, case.subject_id)
    elif case.subject == rules.CASE:
        earlier = await store.case_of(connection, case.subject_id, case.borrower_id)
        decided = await store.outcomes(connection, earlier) if earlier else []
        final = [each for each in decided if each.state == rules.FINAL]
        found = {who for each in final for who in (each.decided_by, each.proposed_by)}
    else:
        found = set()
    return found - {""}
