"""Decides about one notice that is due: which way it goes, whether now, and in which words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from usance.consents import asking, records
from usance.consents.asking import What
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.notices import codes, reading, sealing, watching
from usance.notices.breaker_moves import Place, open_now
from usance.notices.code_keys import CodeKeys
from usance.notices.codes import Said
from usance.notices.counting import Counting
from usance.notices.documents import INBOX, WEBHOOK, TemplateDocument, speaks, spoken
from usance.notices.failover import chosen
from usance.notices.filling import values_of
from usance.notices.gate import (
    DIGEST,
    DROP,
    HOLD,
    PREFERENCE,
    SECURITY,
    SEND,
    SUPPRESSED,
    Gate,
    Notice,
    Recipient,
    Step,
    Verdict,
)
from usance.notices.health_policy import Document, health_policy
from usance.notices.links import faults
from usance.notices.outbox import DROPPED, FAILED, GOING, STOPPED, TAKEN, UNBEGUN, WAITS
from usance.notices.providers import EMAIL, REFUSED, UNKNOWN, Order
from usance.notices.queue_sql import Row
from usance.notices.reading import BY_PHONE, Bundled, Known, Reader
from usance.notices.recipients import Members
from usance.notices.rendering import Rendered, render
from usance.notices.sending import Sending
from usance.notices.templates import Version
from usance.notices.watches import RECIPIENT
from usance.platform.crypto import KeyService
from usance.platform.database import Connection

NOBODY, NOT_IN_FORCE, PAID, NO_WAY, UNREADABLE = (
    "NOBODY", "R-TEMPLATE-18", "PAID", "NO-WAY", "UNREADABLE",
)  # fmt: skip
"""Why something is dropped without asking the gate."""
UNSCOPED = {"marketing": "offers"}
"""What consents call the scope of notices that have none."""
HELD_OUT = "R-MEASURE-01"
BREAKER = "R-BREAKER-01"
LINKS = "links"
"""Why a breaker opens at once: words as they would leave have a link that nobody allowed."""


@dataclass(slots=True, repr=False)
class Decision:
    """What becomes of a notice now; with an order, it is handed over."""

    row: Row
    state: int
    not_before: datetime
    because: str = ""
    channel: str = ""
    provider: str = ""
    version: int = 0
    facts: str = ""
    box: bytes = b""
    attempts: int = 0
    counted_at: datetime | None = None
    sent_at: datetime | None = None
    contact_hash: bytes = b""
    code_hash: bytes = b""
    digits_hash: bytes = b""
    stopped_by: str = ""
    trace: tuple[Step, ...] = ()
    order: Order | None = None
    bundle: int = 0
    joining: Bundled | None = None
    """What of it goes in a message with others, if any go with it."""


@dataclass(slots=True)
class House:
    """What all decisions of a process go by. ``carriers``: names of providers, by channel."""

    keys: KeyService
    gate: Gate
    jurisdiction: str
    phone: str
    policy: Sending
    carriers: Mapping[str, Sequence[str]]
    members: Members | None = None
    health: Document = field(default_factory=health_policy)
    codes: CodeKeys = field(init=False)

    def __post_init__(self) -> None:
        self.codes = CodeKeys(self.keys)


@dataclass(slots=True, repr=False)
class Asking:
    """One notice while it is decided about. ``together``: whether others may go with it."""

    connection: Connection
    house: House
    known: Known
    row: Row
    now: datetime
    code_key: bytes
    together: bool = False

    async def decide(self) -> Decision:
        """Whatever is wrong with one notice stops that one alone."""
        row = self.row
        reader = self.known.reader_of(row)
        version = self.known.templates.get(row["template_id"])
        if reader is None:
            return self.dropped(NOBODY)
        if row["notice_id"] in self.known.unreadable:
            return self.dropped(UNREADABLE)
        if version is None:
            return self.dropped(NOT_IN_FORCE)
        facts = msgspec.json.decode(row["facts"])
        if not self.still_so(facts):
            return self.dropped(PAID)
        if row["counted_at"] is not None:
            counted = self.sort(row["channel"], facts)
            self.counting(reader).uncount(counted, row["counted_at"])
            for place in self.places(reader, row["channel"])[:1]:
                numbers = self.house.health.recipient
                watching.uncount(self.known.counters, place, numbers, row["counted_at"])
        try:
            return await self.by_some_way(reader, version, facts)
        except Refused as refused:
            return self.dropped(refused.refusal.rule)

    @rule("R-SEND-03")
    def still_so(self, facts: dict[str, Any]) -> bool:
        """Whether what it says of a due is still so; its amount becomes that of this moment."""
        if "n" not in facts:
            return True
        due = self.known.dues.get((self.row["contract_id"], facts["n"]))
        if due is None or due["unpaid"] <= 0 or not due["active"]:
            return False
        if self.row["said"] != UNKNOWN:  # that is asked for again word for word
            facts["amount"] = due["unpaid"]
        return bool(self.row["purpose"] != "collection" or due["late_from"] > 0)

    async def by_some_way(
        self, reader: Reader, version: Version, facts: dict[str, Any]
    ) -> Decision:
        """The first way that is not closed to it for good."""
        trace: tuple[Step, ...] = ()
        verdict, way = Verdict(DROP, NO_WAY), ""
        for way in self.ways(reader, version.document):
            verdict = await self.asked(reader, way, facts)
            trace += verdict.trace
            if verdict.because not in (PREFERENCE, SUPPRESSED) or verdict.outcome != DROP:
                break
        if verdict.outcome == DROP and verdict.because == NO_WAY and self.row["channel"]:
            return self.decision(FAILED, self.row["said"], trace)
        if verdict.outcome == DROP:
            return self.decision(DROPPED, verdict.because, trace, channel=way)
        if verdict.outcome == HOLD:
            assert verdict.not_before is not None
            return self.decision(
                WAITS, verdict.because, trace, channel=self.row["channel"],
                not_before=verdict.not_before,
            )  # fmt: skip
        if by := self.breaker(reader, version, way):
            return self.stopped(by, trace)
        if self.together and way != INBOX and EMAIL in version.document.channels:
            return await self.joining(reader, version, facts, way, trace)
        return await self.ready(reader, version, facts, way, trace)

    @rule("R-SEND-01")
    def ways(
        self, reader: Reader, document: TemplateDocument
    ) -> list[str]:
        """The channels that the template speaks and that reach its reader, in their order.

        What may have been taken is asked for again where it was, and laid into the inbox if that is
        closed meanwhile; what a way refused goes on by the next one.
        """
        row = self.row
        inbox: list[str] = [INBOX] if INBOX in document.channels and not row["member_id"] else []

        def reaches(way: str) -> bool:
            known = way in reader.person.contacts and bool(self.house.carriers.get(way))
            return known and (way != WEBHOOK or self.is_pushed())

        if row["channel"] and row["said"] == UNKNOWN:
            return [each for each in (row["channel"],) if reaches(each)] + inbox
        if self.held_out():
            return inbox
        order: Sequence[str] = self.house.policy.ways[row["purpose"]]
        if row["purpose"] != SECURITY:  # what protects somebody takes no way that is slower
            order = reader.person.ways or order
        found = [
            each for each in (*order, *(inbox if INBOX not in order else ()))
            if each in inbox or (speaks(document, each) and reaches(each))
        ]
        if row["said"] == REFUSED and row["channel"] in found:
            return found[found.index(row["channel"]) + 1 :]
        return found

    @rule("R-DELIVERY-08")
    def is_pushed(self) -> bool:
        """Whether the host application may be told, and listens."""
        return self.known.app_listens and self.row["purpose"] in self.house.policy.push

    def held_out(self) -> bool:
        """Whether it is only laid into the inbox, so that its effect can be measured."""
        row = self.row
        return self.house.policy.holdout.holds_out(
            row["template_id"], row["borrower_id"], row["key"]
        )

    async def asked(self, reader: Reader, way: str, facts: Mapping[str, Any]) -> Verdict:
        """What the gate says of a way."""
        row, gate, person, notice = self.row, self.house.gate, reader.person, self.sort(way, facts)
        consents: set[tuple[str, str, str]] = set()
        if gate.rows(notice, self.now).consent and await self.agreed(reader, way):
            consents.add((row["purpose"], row["scope"], way))
        suppressed = self.known.suppressed
        here = reader.lookups.get(way, ())
        who = Recipient(
            person.zone,
            suppressed=(reader.suspended and way in BY_PHONE)
            or any((each, way) in suppressed or (each, "any") in suppressed for each in here),
            refused=frozenset(purpose for purpose, by in person.refused if by in (way, "any")),
            hours=person.hours if way != INBOX else None,
            consents=frozenset(consents),
            digest=person.digest if way != INBOX and self.can_wait() else None,
        )
        counters = self.counting(reader).asked(notice, self.now)
        return gate.decide(notice, who, counters, self.now)

    @rule("R-DIGEST-01")
    def can_wait(self) -> bool:
        """Whether it may wait to be told with others: what has waited or was begun does not."""
        row = self.row
        return (
            row["template_id"] in self.house.policy.digest.templates
            and row["because"] != DIGEST and not row["said"] and not row["box"]
        )

    def counting(self, reader: Reader) -> Counting:
        """The counters that it moves."""
        return Counting(
            self.known.counters, self.house.gate, reader, self.row["contract_id"]
        )

    def sort(self, way: str, facts: Mapping[str, Any]) -> Notice:
        """The notice as far as the gate is concerned."""
        row = self.row
        return Notice(
            row["purpose"], way, row["audience"], self.house.jurisdiction, row["until"],
            row["scope"], max(facts.get("days", 0), 0),
        )  # fmt: skip

    async def agreed(self, reader: Reader, way: str) -> bool:
        """Whether there is a live consent, held until the transaction ends."""
        row = self.row
        borrower = records.borrower(row["borrower_id"])
        other = reader.person.party if row["member_id"] else records.NOBODY
        what = What(row["purpose"], row["scope"] or UNSCOPED.get(row["purpose"], ""), way)
        return await asking.live(self.connection, borrower, what, self.now, other) is not None

    # -- breakers ----------------------------------------------------------------------------------

    def breaker(self, reader: Reader, version: Version, way: str) -> Place | None:
        """The open breaker that stops it; what protects somebody is not held back from a number."""
        words = self.row["template_id"], version.document.version, way, reader.person.language
        found: list[Place] = [
            ("channel", way), ("template", self.row["template_id"]),
            ("words", ".".join(map(str, words))),
        ]  # fmt: skip
        if self.row["purpose"] != SECURITY:
            found += self.places(reader, way)
        return next((each for each in found if each in self.known.open_breakers), None)

    def places(self, reader: Reader, way: str) -> list[Place]:
        """The breaker of the number that a way leads to, under each of its hashes."""
        return [(RECIPIENT, each.hex()) for each in reader.lookups.get(way, ())]

    @rule("R-BREAKER-05")
    async def watch(self, reader: Reader, way: str) -> None:
        """Count it to the number that it goes to, whosever notice it is."""
        for place in self.places(reader, way)[:1]:
            numbers, counters = self.house.health.recipient, self.known.counters
            if await watching.count(self.connection, counters, place, numbers, self.now):
                self.known.open_breakers.add(place)

    # -- words -------------------------------------------------------------------------------------

    async def ready(
        self, reader: Reader, version: Version, facts: dict[str, Any], way: str,
        trace: tuple[Step, ...],
    ) -> Decision:  # fmt: skip
        """The words, the code, and who carries them."""
        row, document = self.row, version.document
        secrets = self.known.secrets.get(row["notice_id"], {})
        found = self.decision(GOING, "", trace, channel=way, version=document.version)
        found.not_before = self.now + self.house.policy.lease
        if "code" in document.placeholders and "code" not in secrets:
            self.with_code(found, reader, facts, secrets, way)
        own: dict[str, Any] = dict(
            self.known.of_members.get((row["borrower_id"], row["member_id"]), {})
        )
        inner = self.known.bundled.get(row["notice_id"], ())
        if inner:
            own["texts"] = tuple(self.text_of(reader, each.document, each.facts)
                                 for each in inner)  # fmt: skip
        words = self.worded(reader, document, facts, way, own | secrets)
        domains = {each for one in inner for each in one.document.domains}
        if await self.is_harmful(words.text, {*document.domains, *domains}):
            return self.stopped(("template", row["template_id"]), trace)
        self.counting(reader).count(self.sort(way, facts), self.now)
        await self.watch(reader, way)
        found.facts = reading.as_json(facts)
        found.contact_hash = reader.hashes.get(way, b"")
        found.counted_at = self.now
        found.attempts = row["attempts"] + 1
        if way == INBOX:
            found.state, found.sent_at, found.not_before = TAKEN, self.now, self.now
            found.because = HELD_OUT if self.held_out() else ""
            return found
        found.provider = self.provider(way)
        found.order = order_of(row, way, words, reader)
        return found

    def worded(
        self, reader: Reader, document: TemplateDocument, facts: Mapping[str, Any], way: str,
        own: Mapping[str, Any],
    ) -> Rendered:  # fmt: skip
        """What is said. Raises ``Refused``."""
        values = values_of(document, self.known, self.house.phone, reader, facts, own)
        channel = spoken(way)  # type: ignore[arg-type]
        return render(document, channel, reader.person.language, values)

    def text_of(
        self, reader: Reader, document: TemplateDocument, facts: Mapping[str, Any]
    ) -> tuple[str, str]:
        """The heading and the text of a notice that goes with others. Raises ``Refused``."""
        words = self.worded(reader, document, facts, EMAIL, {})
        return words.title, words.text

    async def is_harmful(self, text: str, domains: Collection[str]) -> bool:
        """Whether there is a link that nobody allowed; then its template stops."""
        if not any(faults(text, sorted(domains), ())):
            return False
        place = "template", self.row["template_id"]
        await open_now(self.connection, place, LINKS, self.now)
        self.known.open_breakers.add(place)
        return True

    @rule("R-DIGEST-02")
    async def joining(
        self, reader: Reader, version: Version, facts: dict[str, Any], way: str,
        trace: tuple[Step, ...],
    ) -> Decision:  # fmt: skip
        """It may go this way now, in a message with others; it is not counted by itself."""
        document = version.document
        _, text = self.text_of(reader, document, facts)
        if await self.is_harmful(text, document.domains):
            return self.stopped(("template", self.row["template_id"]), trace)
        found = self.decision(
            WAITS, DIGEST, trace, channel=way, version=document.version
        )
        found.facts = reading.as_json(facts)
        found.joining = Bundled(document, facts)
        return found

    def provider(self, way: str) -> str:
        """Who carries it: again the same where it may have been taken."""
        row = self.row
        if row["said"] == UNKNOWN and row["provider"] in self.house.carriers[way]:
            return str(row["provider"])
        known = {each.name: each for each in self.known.providers.get(way, ())}
        able = [known[name] for name in self.house.carriers[way] if name in known]
        if len(able) < len(self.house.carriers[way]):
            able = []
        asked = row["said"] not in ("", UNBEGUN) and row["channel"] == way
        tried = [row["provider"]] if asked else []
        point = row["notice_id"] * 37 % 100
        picked = chosen(able, point, tried) or chosen(able, point)
        return picked.name if picked else self.house.carriers[way][0]

    @rule("R-CODE-01")
    def with_code(
        self, found: Decision, reader: Reader, facts: Mapping[str, Any], secrets: dict[str, str],
        way: str,
    ) -> None:  # fmt: skip
        """A fresh code, by which its reader can ask whether the notice is genuine."""
        row = self.row
        phone = reader.person.contacts.get("sms", "")
        said = Said(
            row["notice_id"], reader.hashes.get(way, b"").hex(), row["template_id"],
            found.version, way, row["contract_id"], facts.get("amount", 0),
            str(facts.get("due_on", "")),
        )  # fmt: skip
        code = codes.code_of(self.code_key, said)
        secrets["code"] = code
        found.code_hash = codes.kept(self.code_key, code)
        digits = "".join(each for each in phone if each.isdigit())[-codes.DIGITS :]
        if len(digits) == codes.DIGITS:
            found.digits_hash = codes.kept_digits(self.code_key, code, digits)
        found.box = sealing.sealed_under(
            reader.data_key, row["borrower_id"], row["key"], secrets
        )

    # -- what becomes of it ------------------------------------------------------------------------

    def dropped(self, because: str) -> Decision:
        """Not at all."""
        return self.decision(DROPPED, because, (Step(because, DROP),))

    def stopped(self, by: Place, trace: tuple[Step, ...]) -> Decision:
        """Kept, until a person lets it go on or drops it."""
        kind, name = by
        found = self.decision(STOPPED, BREAKER, trace, channel=self.row["channel"])
        found.stopped_by = "" if kind == "template" else name
        return found

    def decision(
        self, state: int, because: str, trace: tuple[Step, ...], *, channel: str = "",
        version: int = 0, not_before: datetime | None = None,
    ) -> Decision:  # fmt: skip
        """A decision that changes nothing but that."""
        row = self.row
        return Decision(
            row, state, not_before or self.now, because, channel, row["provider"], version,
            row["facts"], row["box"], row["attempts"], None, None, b"", row["code_hash"],
            row["digits_hash"], trace=trace,
        )  # fmt: skip


def order_of(row: Row, way: str, words: Rendered, reader: Reader) -> Order:
    """What a carrier is asked."""
    return Order(
        f"n-{row['borrower_id']}-{row['notice_id']}", way, reader.person.contacts[way],
        words.text, reader.person.language,
        "", words.title, (row["borrower_id"], row["notice_id"], row["template_id"]),
        row["purpose"],
    )  # fmt: skip


def words_of(decision: Decision) -> str:
    """Which words they are: of which version of a template, by which way, in which language."""
    order = decision.order
    assert order is not None
    return f"{decision.row['template_id']}.{decision.version}.{order.channel}.{order.language}"


def decided(each: Decision) -> tuple[Any, ...]:
    """A decision as its row."""
    row = each.row
    return (
        row["cell"], row["borrower_id"], row["notice_id"], each.state, each.not_before,
        each.attempts, each.version, each.facts, each.box, each.channel, each.provider,
        each.because, each.counted_at, each.contact_hash, each.code_hash, each.digits_hash,
        each.sent_at, each.stopped_by, each.bundle,
    )  # fmt: skip


def noted(each: Decision, now: datetime) -> tuple[Any, ...]:
    """A decision as a step, with everything that was asked."""
    row = each.row
    said = {WAITS: HOLD, GOING: SEND, TAKEN: SEND, DROPPED: DROP, FAILED: "failed",
            STOPPED: "stopped"}[each.state]  # fmt: skip
    if each.bundle:
        said = SEND
    trace = msgspec.json.encode(each.trace).decode()
    return (row["cell"], row["borrower_id"], row["notice_id"], 2 * row["fence"], said, now,
            each.channel, each.provider if each.order else "", each.because, trace)  # fmt: skip
