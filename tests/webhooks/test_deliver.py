"""Messages on their way (R-HOOK-06): to a real receiver that fails in every way one can fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.webhooks.hooks import ACTOR, House, house
from tests.webhooks.receiver import Received, Receiver, receiving, status
from usance.core.refusals import Refused
from usance.platform import metrics
from usance.platform.database import Pool
from usance.webhooks import store
from usance.webhooks.policy import Reach, default_policy, policy_in
from usance.webhooks.verify import Memory, verify
from usance.webhooks.worker import TAKEN_EACH, Worker

HASTY = msgspec.structs.replace(default_policy(), answer_seconds=0.4, connect_seconds=0.4)
SCHEDULE = default_policy().retry_seconds


async def listening(home: House, receiver: Receiver, tests: int = 1) -> int:
    """An endpoint for which test messages wait."""
    endpoint = await home.register(receiver.url, ["day.closed"])
    for _ in range(tests):
        await home.endpoints.test(endpoint, home.client_id, ACTOR)
    return endpoint


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something, five seconds at most."""
    for _ in range(500):
        if happened():
            return
        await asyncio.sleep(0.01)


async def states(home: House, endpoint: int) -> list[int]:
    return [row["state"] for row in await home.queued(endpoint)]


# -- what is sent ----------------------------------------------------------------------------------


async def test_a_message_is_signed_and_says_what_happened(home: House, receiver: Receiver) -> None:
    endpoint = await listening(home, receiver)
    await home.told()
    (came,) = receiver.received
    assert came.path == "/in?from=usance"
    assert came.headers["content-type"] == "application/json"
    assert came.headers["host"] == f"127.0.0.1:{receiver.port}"
    body = came.document
    assert list(body) == [
        "id", "type", "sequence", "happened_at", "business_date", "operation_id", "data",
    ]  # fmt: skip
    assert (body["id"], body["type"], body["sequence"]) == (came.id, "webhook.test", 1)
    assert body["operation_id"].startswith("p-")
    now = home.clock.now().timestamp()
    secrets = await home.secrets(endpoint)
    assert verify(came.headers, came.body, secrets, now=now, memory=Memory()).message_id == came.id
    assert await states(home, endpoint) == [store.DELIVERED]
    assert await home.attempts(endpoint) == [(204, "")]


async def test_while_secrets_are_rotated_both_sign(home: House, receiver: Receiver) -> None:
    endpoint = await listening(home, receiver)
    (old,) = await home.secrets(endpoint)
    rotated = await home.endpoints.rotate(endpoint, home.client_id, ACTOR)
    new = rotated.document["secret"]
    assert await home.secrets(endpoint) == [old, new]
    with pytest.raises(Refused, match="R-HOOK-05"):
        await home.endpoints.rotate(endpoint, home.client_id, ACTOR)
    await home.told()
    await home.retire(endpoint, home.client_id, ACTOR)
    with pytest.raises(Refused, match="R-HOOK-05"):
        await home.retire(endpoint, home.client_id, ACTOR)
    await home.endpoints.test(endpoint, home.client_id, ACTOR)
    await home.told()
    now = home.clock.now().timestamp()
    opens = [
        [s for s in (old, new) if opened(each, s, now)] for each in receiver.received
    ]
    assert opens == [[old, new], [new]]


def opened(came: Received, secret: str, now: float) -> bool:
    try:
        verify(came.headers, came.body, [secret], now=now, memory=Memory())
    except Exception:
        return False
    return True


async def test_messages_share_connections(home: House, receiver: Receiver) -> None:
    await listening(home, receiver, tests=40)
    await home.told()
    assert sorted(receiver.ids) == sorted(f"w-1-{n}" for n in range(1, 41))
    assert receiver.connections <= default_policy().width


# -- what can go wrong -----------------------------------------------------------------------------


async def hang(_: Received, __: Any) -> bytes:
    await asyncio.sleep(3)
    return status("200 OK")


async def drip(_: Received, writer: Any) -> None:
    for byte in status("200 OK"):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


def hang_up(_: Received, writer: Any) -> None:
    writer.transport.abort()


def half(_: Received, writer: Any) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")


def endless_head(_: Received, writer: Any) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: aaaaaaaaaaaaaaaa\r\n" * 5_000)


ANSWERS: dict[str, tuple[Callable[..., Any], tuple[int, str]]] = {
    "500": (lambda *_: status("500 Oops", b"it broke"), (500, "status")),
    "404": (lambda *_: status("404 Not Found"), (404, "status")),
    "redirect": (
        lambda *_: status("302 Found", b"", "Location: http://127.0.0.1:9/"), (302, "status")
    ),
    "hangs": (hang, (0, "timeout")),
    "slow loris": (drip, (0, "timeout")),
    "hangs up": (hang_up, (0, "connection")),
    "closes early": (half, (0, "closed_early")),
    "no HTTP": (lambda *_: b"SSH-2.0-OpenSSH_9.2\r\n", (0, "not_http")),
    "no end of the head": (endless_head, (0, "not_http")),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_failure_is_noted_and_tried_again(
    pool: Pool, receiver: Receiver, name: str
) -> None:
    receiver.answer, wanted = ANSWERS[name]
    async with house(pool, policy=HASTY) as home:
        endpoint = await listening(home, receiver)
        began = time.perf_counter()
        await home.told()
        assert time.perf_counter() - began < 2
        found = await home.attempts(endpoint)
        if name == "hangs up":  # as the system sees it: reset, or closed without a byte
            assert found[0][1] in ("connection", "closed_early")
        else:
            assert found == [wanted]
        assert await states(home, endpoint) == [store.WAITING]
        receiver.answer = None
        await home.told()
        assert await states(home, endpoint) == [store.WAITING], "it is not yet time"
        await home.after(SCHEDULE[0])
        assert await states(home, endpoint) == [store.DELIVERED]
        assert len(set(receiver.ids)) == 1, "the same id at every attempt"


async def test_nobody_is_there(pool: Pool) -> None:
    async with house(pool, policy=HASTY) as home:
        endpoint = await home.register("http://127.0.0.1:1/", ["day.closed"])
        await home.endpoints.test(endpoint, home.client_id, ACTOR)
        await home.told()
        assert await home.attempts(endpoint) == [(0, "connection")]


async def test_a_large_answer_is_not_read_and_little_of_it_kept(
    home: House, receiver: Receiver
) -> None:
    sent = 0

    async def ten_megabytes(_: Received, writer: Any) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"ab\ncd\x00efgh" * 1000)
            await writer.drain()
            sent += 10_000

    receiver.answer = ten_megabytes
    endpoint = await listening(home, receiver)
    await home.told()
    assert await states(home, endpoint) == [store.DELIVERED]
    (attempt,) = await store.attempts(home.pool, endpoint, 1)
    assert len(attempt["answer"]) == default_policy().answer_kept
    assert attempt["answer"].startswith("ab cd efgh")
    assert sent < 9_000_000


async def test_a_redirect_leads_nowhere(home: House, receiver: Receiver) -> None:
    async with receiving() as other:
        receiver.answer = lambda *_: status("307 Moved", b"", f"Location: {other.url}")
        await listening(home, receiver)
        await home.told()
        assert other.received == []


async def test_the_schedule_ends_and_the_message_is_kept(home: House, receiver: Receiver) -> None:
    receiver.answer = lambda *_: status("503 Later")
    endpoint = await listening(home, receiver)
    await home.told()
    for seconds in SCHEDULE:
        await home.after(seconds - 1)
        before = len(receiver.received)
        await home.after(1)
        assert len(receiver.received) == before + 1
    assert len(receiver.received) == 1 + len(SCHEDULE)
    assert await states(home, endpoint) == [store.GIVEN_UP]
    await home.after(10**6)
    assert len(receiver.received) == 1 + len(SCHEDULE)
    assert len(set(receiver.ids)) == 1


async def test_who_is_gone_is_told_nothing_more(home: House, receiver: Receiver) -> None:
    receiver.answer = lambda *_: status("410 Gone")
    endpoint = await listening(home, receiver, tests=3)
    await home.told()
    row = (await store.endpoints(home.pool, None, 0, 9))[0]
    assert (row["active"], row["stopped_by"]) == (False, "gone")
    audit = await home.pool.fetchrow("SELECT actor FROM operation WHERE action = 'StopWebhook'")
    assert audit["actor"] == "system:webhooks"
    asked_before = len(receiver.received)
    await home.after(10**6)
    assert len(receiver.received) == asked_before
    with pytest.raises(Refused, match="R-HOOK-09"):
        await home.endpoints.test(endpoint, home.client_id, ACTOR)
    receiver.answer = None
    await home.change(endpoint, home.client_id, ACTOR, active=True)
    await home.told()
    assert await states(home, endpoint) == [store.DELIVERED] * 3, "what waited is not lost"


@pytest.mark.parametrize("what", ["stopped", "moved", "rotated and retired", "deleted"])
async def test_a_change_is_heeded_with_the_next_messages(
    home: House, receiver: Receiver, what: str
) -> None:
    """Also while many are on their way: what is in the hand goes as it is, nothing after it."""
    mine = home.client_id, ACTOR

    async def changing(request: Received, _: Any) -> bytes:
        if request.document["sequence"] == 1:
            if what == "stopped":
                await home.change(endpoint, *mine, active=False)
            elif what == "moved":
                await home.change(endpoint, *mine, url=f"{receiver.url}&moved=1")
            elif what == "deleted":
                await home.delete(endpoint, *mine)
            else:
                await home.endpoints.rotate(endpoint, *mine)
                await home.retire(endpoint, *mine)
        return status("200 OK")

    receiver.answer = changing
    endpoint = await listening(home, receiver, tests=90)
    await home.told()
    in_hand = default_policy().width * TAKEN_EACH
    later = [each for each in receiver.received if each.document["sequence"] > in_hand]
    if what in ("stopped", "deleted"):
        assert later == []
    else:
        assert len(receiver.received) == 90
    if what == "moved":
        assert {each.path for each in later} == {"/in?from=usance&moved=1"}
    if what == "rotated and retired":
        (new,) = await home.secrets(endpoint)
        now = home.clock.now().timestamp()
        assert all(opened(each, new, now) for each in later)


async def test_a_failing_endpoint_rests_and_is_probed_by_one_message(
    home: House, receiver: Receiver
) -> None:
    receiver.answer = lambda *_: status("500 Oops")
    endpoint = await listening(home, receiver, tests=40)
    await home.told()
    assert len(receiver.received) < 10, "the queue is not tried in vain"
    row = (await store.endpoints(home.pool, None, 0, 9))[0]
    assert row["failures"] == 3
    assert row["resting_until"] > home.clock.now()
    receiver.answer = None
    await home.told()
    assert len(receiver.received) < 10
    await home.after(60)
    assert set(await states(home, endpoint)) == {store.DELIVERED}
    assert (await store.endpoints(home.pool, None, 0, 9))[0]["failures"] == 0


async def test_one_bad_message_does_not_hold_up_the_others(
    home: House, receiver: Receiver
) -> None:
    def choosy(request: Received, _: Any) -> bytes:
        return status("500 No") if request.document["sequence"] % 10 == 3 else status("200 OK")

    receiver.answer = choosy
    endpoint = await listening(home, receiver, tests=30)
    await home.told()
    found = await states(home, endpoint)
    assert [n for n, state in enumerate(found, 1) if state == store.WAITING] == [3, 13, 23]


async def test_a_slow_endpoint_does_not_hold_up_others(pool: Pool, receiver: Receiver) -> None:
    slow = msgspec.structs.replace(default_policy(), answer_seconds=5)
    receiver.answer = hang
    async with house(pool, policy=slow) as home, receiving() as quick:
        await listening(home, receiver, tests=20)
        await listening(home, quick, tests=20)
        worker = Worker(home.endpoints)
        worker.start()
        began = time.perf_counter()
        await until(lambda: len(quick.received) == 20)
        taken = time.perf_counter() - began
        await worker.stop()
    assert len(quick.received) == 20
    assert taken < 2.5, taken


# -- again -----------------------------------------------------------------------------------------


async def test_a_message_is_sent_again_as_it_was(home: House, receiver: Receiver) -> None:
    endpoint = await listening(home, receiver)
    with pytest.raises(Refused, match="R-HOOK-09"):
        await home.endpoints.redeliver(endpoint, home.client_id, 1, ACTOR)
    await home.told()
    await home.endpoints.redeliver(endpoint, home.client_id, 1, ACTOR)
    await home.after(5)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert first.headers["usance-webhook-timestamp"] != second.headers["usance-webhook-timestamp"]
    assert await home.attempts(endpoint) == [(204, ""), (204, "")]
    with pytest.raises(Refused, match="R-FOUND-01"):
        await home.endpoints.redeliver(endpoint, home.client_id, 2, ACTOR)


async def test_what_was_given_up_begins_its_schedule_anew(home: House, receiver: Receiver) -> None:
    receiver.answer = lambda *_: status("500 Oops")
    endpoint = await listening(home, receiver, tests=2)
    while set(await states(home, endpoint)) != {store.GIVEN_UP}:
        await home.after(7200)
    answer = await home.endpoints.redeliver_given_up(endpoint, home.client_id, ACTOR)
    assert answer.document["messages"] == 2
    await home.after(60)
    assert await states(home, endpoint) == [store.WAITING] * 2
    receiver.answer = None
    await home.after(60 + SCHEDULE[0])
    assert await states(home, endpoint) == [store.DELIVERED] * 2


async def test_the_queue_of_who_never_answers_does_not_grow_for_ever(
    home: House, receiver: Receiver
) -> None:
    receiver.answer = lambda *_: status("500 Oops")
    endpoint = await listening(home, receiver, tests=50)
    await home.told()
    home.clock.advance(default_policy().whole_schedule - timedelta(seconds=61))
    await home.worker._clear()
    assert store.GIVEN_UP not in await states(home, endpoint)
    await home.after(3600)
    await home.worker._clear()
    assert (await states(home, endpoint)).count(store.GIVEN_UP) > 40
    receiver.answer = None
    await home.endpoints.redeliver_given_up(endpoint, home.client_id, ACTOR)
    await home.after(100_000)
    assert set(await states(home, endpoint)) == {store.DELIVERED}


# -- many workers ----------------------------------------------------------------------------------


async def test_two_workers_deliver_each_message_once(pool: Pool, receiver: Receiver) -> None:
    async with house(pool) as home:
        endpoint = await listening(home, receiver, tests=150)
        workers = [Worker(home.endpoints) for _ in range(2)]
        for each in workers:
            each.start()
        for _ in range(500):
            await asyncio.sleep(0.02)
            if set(await states(home, endpoint)) == {store.DELIVERED}:
                break
        for each in workers:
            await each.stop()
        assert sorted(receiver.ids) == sorted(f"w-1-{n}" for n in range(1, 151))


async def test_a_worker_that_lost_its_lease_changes_nothing(
    home: House, receiver: Receiver
) -> None:
    """Its message was taken over meanwhile: the state is that of who holds it now."""
    endpoint = await listening(home, receiver)
    lease = timedelta(seconds=60)
    (mine,) = await store.claim(home.pool, endpoint, home.clock.now(), lease, 5)
    assert await store.claim(home.pool, endpoint, home.clock.now(), lease, 5) == []
    home.clock.advance(lease)
    (theirs,) = await store.claim(home.pool, endpoint, home.clock.now(), lease, 5)
    assert theirs["fence"] == mine["fence"] + 1
    now = home.clock.now()
    async with home.pool.acquire() as connection:
        lost = [(1, mine["fence"], store.GIVEN_UP, now)]
        await store.settle(connection, endpoint, lost, now)
        assert await states(home, endpoint) == [store.WAITING]
        held = [(1, theirs["fence"], store.DELIVERED, now)]
        await store.settle(connection, endpoint, held, now)
    assert await states(home, endpoint) == [store.DELIVERED]


async def test_a_worker_that_is_stopped_gives_back_what_it_did_not_send(
    pool: Pool, receiver: Receiver
) -> None:
    async def slowly(_: Received, __: Any) -> bytes:
        await asyncio.sleep(0.3)
        return status("200 OK")

    receiver.answer = slowly
    async with house(pool) as home:
        endpoint = await listening(home, receiver, tests=8)
        worker = Worker(home.endpoints)
        worker.start()
        await until(lambda: bool(receiver.received))
        await worker.stop()
        assert 0 < len(receiver.received) < 8
        delivered = (await states(home, endpoint)).count(store.DELIVERED)
        assert delivered == len(receiver.received), "what was under way came to its end"
        await home.told()
        assert sorted(receiver.ids) == sorted(f"w-1-{n}" for n in range(1, 9)), "none twice"


async def test_no_message_is_begun_that_would_outlast_its_lease(
    home: House, receiver: Receiver
) -> None:
    """Nine seconds each: after six on every connection the lease is nearly over."""

    def slowly(_: Received, __: Any) -> bytes:
        home.clock.advance(timedelta(seconds=9 / default_policy().width))
        return status("200 OK")

    receiver.answer = slowly
    endpoint = await listening(home, receiver, tests=32)
    lane = await home.worker._open(endpoint)
    assert lane is not None
    taken = await home.worker._take(lane)
    assert len(taken) == 32
    await home.worker._send(lane, taken)
    lane.close()
    sent = [each for each in taken if each.outcome is not None]
    assert 20 <= len(sent) < 32
    assert len(receiver.received) == len(sent)
    await home.worker._settle(lane, taken)
    await home.told()
    assert len(set(receiver.ids)) == len(receiver.ids) == 32, "none twice"


async def test_a_served_process_paces_itself(pool: Pool, receiver: Receiver) -> None:
    async with house(pool) as home:
        await listening(home, receiver, tests=30)
        worker = Worker(home.endpoints, per_second=40)
        began = time.perf_counter()
        await worker.drain()
        assert 0.5 < time.perf_counter() - began < 3
        assert len(receiver.received) == 30


# -- what is kept ----------------------------------------------------------------------------------


async def test_old_messages_go_with_their_attempts(home: House, receiver: Receiver) -> None:
    endpoint = await listening(home, receiver)
    await home.told()
    receiver.answer = lambda *_: status("500 Oops")
    await home.endpoints.test(endpoint, home.client_id, ACTOR)
    await home.told()
    home.clock.advance(timedelta(days=default_policy().kept_days + 1))
    await home.worker._clear()
    assert [row["sequence"] for row in await home.queued(endpoint)] == [2], "what waits stays"
    assert await home.pool.fetchval("SELECT count(*) FROM webhook_attempt") == 1


async def test_the_lag_is_that_of_the_oldest_message(home: House, receiver: Receiver) -> None:
    from usance.webhooks.worker import observe

    await listening(home, receiver)
    home.clock.advance(timedelta(seconds=90))
    await observe(home.endpoints)
    assert metrics.webhook_lag_seconds._value.get() == pytest.approx(90)
    await home.told()
    await observe(home.endpoints)
    assert metrics.webhook_lag_seconds._value.get() == 0


def test_a_lease_outlasts_an_attempt() -> None:
    document = msgspec.to_builtins(default_policy())
    with pytest.raises(ValueError, match="lease"):
        policy_in(document | {"lease_seconds": 10})
    assert policy_in(document) == default_policy()


async def test_only_what_is_allowed_is_sent_to(pool: Pool, receiver: Receiver) -> None:
    """A setting that was taken back holds for endpoints that are there already."""
    async with house(pool) as home:
        endpoint = await listening(home, receiver)
        home.worker._sender.reach = Reach(allow_http=True)
        await home.told()
        assert await home.attempts(endpoint) == [(0, "address")]
        assert receiver.received == []
