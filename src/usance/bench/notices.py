"""Benches of notices: planning the day of a million contracts, deciding, sending.

The yardstick of planning is the same day without notices; of deciding and sending, the marks.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime

from usance.bench import seed, sending
from usance.bench.common import Result, report
from usance.bench.day import CONTRACTS, databases, due_today, live_a_day, seeded
from usance.contract import batch
from usance.notices.counters import Counter
from usance.notices.gate import SEND, Gate, Notice, Recipient
from usance.notices.legal import law
from usance.notices.planner import Planner
from usance.platform.clock import FixedClock
from usance.platform.database import open_pool

NOON = datetime(2026, 6, 16, 4, tzinfo=UTC)
PLANNED_A_SECOND = 20_000
SENT_A_SECOND = 1_000
NOTICES = 30_000
DECISION_MICROSECONDS = 20.0
ROUNDS = 7
DECISIONS = 20_000


def run(*, as_json: bool = False) -> Result:
    """Everything; of the three figures, how many are in reach."""
    results = [run_gate(as_json=as_json), run_plan(as_json=as_json), run_send(as_json=as_json)]
    reached = sum(each.ok for each in results)
    return report(
        Result("notices", reached, "in reach", len(results), round(reached / len(results), 2),
               "gate, plan and send", reached == len(results)),
        as_json=as_json,
    )  # fmt: skip


def run_send(*, as_json: bool = False, notices: int = NOTICES) -> Result:
    """Claim, decide, render, hand over and note what came of it, through the sandbox."""
    seconds = asyncio.run(sending.measured(notices))
    rate = notices / seconds
    print(f"{notices} notices sent in {seconds:.2f} s", file=sys.stderr)
    return report(
        Result("notices-send", round(rate), "notices/s", SENT_A_SECOND,
               round(rate / SENT_A_SECOND, 2), ">= 1,000 notices/s", rate >= SENT_A_SECOND),
        as_json=as_json,
    )  # fmt: skip


def run_plan(*, as_json: bool = False, contracts: int = CONTRACTS) -> Result:
    """Plan, gate and enqueue what a day of a million contracts tells."""
    day, planning, planned = asyncio.run(planned_day(contracts))
    rate = planned / planning
    print(
        f"{planned} notices in {planning:.2f} s, {rate:,.0f} a second;"
        f" the day without: {day:.2f} s",
        file=sys.stderr,
    )
    ok = rate >= PLANNED_A_SECOND and day + planning <= 2 * day
    return report(
        Result("notices-plan", round(day + planning, 2), "s", round(day, 2),
               round((day + planning) / day, 2), "<= 2 x the day without, >= 20,000/s", ok),
        as_json=as_json,
    )  # fmt: skip


async def planned_day(contracts: int) -> tuple[float, float, int]:
    """Seconds of the day, seconds of planning it, notices planned."""
    async with databases() as make:
        await seeded(make, seed.ordinary_moulds(), contracts)
        pool = await open_pool(await make("lived", "seeded"), 4)
        planner = Planner(pool, FixedClock(NOON), Gate(law()), "CN")
        await planner.look()
        due = await due_today(pool)
        batch.compiled()
        await pool.execute("CHECKPOINT")
        day = await live_a_day(pool, due)
        started = time.perf_counter()
        await planner.look()
        planning = time.perf_counter() - started
        planned = await pool.fetchval("SELECT count(*) FROM notice")
        await pool.close()
    return day, planning, planned


def run_gate(*, as_json: bool = False) -> Result:
    """One decision with its trace: a reminder by text message in China, let through."""
    gate = Gate(law())
    notice = Notice("servicing", "sms", "borrower", "CN", datetime(2026, 6, 17, tzinfo=UTC))
    who = Recipient(gate.law.zones_of("CN")[0])
    counters = {row.id: Counter() for row in gate.caps(notice, NOON)}
    best = min(seconds_of(gate, notice, who, counters) for _ in range(ROUNDS))
    micros = best / DECISIONS * 1e6
    ok = micros <= DECISION_MICROSECONDS
    return report(
        Result("notices-gate", round(micros, 2), "us", DECISION_MICROSECONDS,
               round(micros / DECISION_MICROSECONDS, 2), "<= 20 us a decision", ok),
        as_json=as_json,
    )  # fmt: skip


def seconds_of(
    gate: Gate, notice: Notice, who: Recipient, counters: dict[str, Counter]
) -> float:
    """Seconds of many decisions."""
    started = time.perf_counter()
    for _ in range(DECISIONS):
        verdict = gate.decide(notice, who, counters, NOON)
    seconds = time.perf_counter() - started
    assert verdict.outcome == SEND
    assert len(verdict.trace) > 4
    return seconds
