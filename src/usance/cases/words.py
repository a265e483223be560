"""What is said in a case and what is attached to it, under the key of its borrower."""

from __future__ import annotations

from usance.cases import files, rules, store
from usance.cases.records import Attachment, Case, Message
from usance.cases.sealing import Seal, seal_of
from usance.cases.work import Change
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.identifiers import new_operation_id

MESSAGES_MOST = 500
"""Of a case."""


@rule("R-CASE-03", "R-CASE-07")
async def said(change: Change, case: Case, way: int, text: str, *, wait: bool = False) -> int:
    """Write a message; the first one to the borrower acknowledges, a question waits for theirs."""
    rules.check_takes_words(case.state)
    if wait and (way != rules.TO_BORROWER or case.state not in rules.UNDER_WAY):
        raise Refused("R-CASE-07", "only a question to the borrower waits", "wait")
    await message(change, case, way, text)
    if way == rules.TO_BORROWER:
        case.acknowledged_on = case.acknowledged_on or change.today(case)
        case.state = rules.WAITING if wait else case.state
    if way == rules.FROM_BORROWER and case.state == rules.WAITING:
        case.state = rules.OPEN
    name, waits = rules.name_of(rules.WAYS, way), {"waits": True} if wait else {}
    await change.note(case, name, "WriteInCase", number=case.messages, **waits)
    return case.messages


@rule("R-CASE-14", "R-CASE-16")
async def message(change: Change, case: Case, way: int, text: str) -> None:
    """The next message of a case, under its borrower's key."""
    if not case.borrower_id and way != rules.NOTE:
        raise Refused("R-CASE-14", "a case without a borrower has notes alone", "way")
    if case.messages >= MESSAGES_MOST:
        raise Refused("R-CASE-16", f"a case has at most {MESSAGES_MOST} messages")
    seal = await writable(change, case)
    case.messages += 1
    message_id = new_operation_id()
    sealed = seal.sealed(text, "case_message", "text", message_id)
    await store.insert(
        change.connection,
        Message(
            case.cell, case.borrower_id, message_id, case.case_id, case.messages, way,
            change.acting.actor, sealed, change.operation_id, change.now,
        ),
    )  # fmt: skip


async def writable(change: Change, case: Case) -> Seal:
    """The seal of a case; refused once the borrower's key is destroyed."""
    seal = await seal_of(change.connection, change.desk.keys, case)
    if seal.key is None:
        raise Refused("R-CASE-04", "the borrower was erased", "case_id")
    return seal


@rule("R-FILE-02")
async def check_own_room(change: Change, borrower_id: int, size: int) -> None:
    """A borrower attaches only so many bytes a day, whatever cases they belong to.

    The borrower's row is locked: files of one borrower come in one after the other.
    """
    if not change.is_own(borrower_id):
        return
    actor, most = change.acting.actor, change.desk.policy.own_bytes_a_day
    await store.borrower(change.connection, borrower_id, lock=True)
    held = await store.attached_since(change.connection, borrower_id, actor, change.day_before)
    if held + size > most:
        detail = f"a borrower attaches at most {most} bytes a day"
        raise Refused("R-FILE-02", detail, "file")


@rule("R-CASE-07", "R-FILE-02")
async def attached(
    change: Change, case: Case, way: int, name: str, media_type: str, content: bytes
) -> int:
    """Keep a file, encrypted; its number."""
    rules.check_takes_words(case.state)
    if not case.borrower_id and way != rules.NOTE:
        raise Refused("R-CASE-14", "a case without a borrower has notes alone", "way")
    files.check_room(len(content), case.attachments, case.attached_bytes)
    await check_own_room(change, case.borrower_id, len(content))
    seal = await writable(change, case)
    case.attachments += 1
    case.attached_bytes += len(content)
    number = new_operation_id()
    await store.insert(
        change.connection,
        Attachment(
            case.cell, case.borrower_id, number, case.case_id, case.attachments, way,
            change.acting.actor, media_type, len(content),
            seal.sealed(name, "case_attachment", "name", number),
            seal.sealed_file(content, number), change.operation_id, change.now,
        ),
    )  # fmt: skip
    kind = "attached" if way != rules.NOTE else "kept"  # a note's file is not told
    await change.note(
        case, kind, "AttachToCase", number=case.attachments, type=media_type,
        bytes=len(content),
    )  # fmt: skip
    return case.attachments
