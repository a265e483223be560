"""Endpoints of clients (R-HOOK-01 to 05): whose, for what, how many, and their secrets at rest."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.servicing.books import KEYS
from tests.webhooks.hooks import ACTOR, House, house
from usance.core.refusals import Refused
from usance.identity import rewrap, rotation
from usance.identity.changing import Asking
from usance.identity.machine import MachineClients
from usance.identity.permissions import SCOPES
from usance.platform import key_file
from usance.platform.crypto import (
    DecryptionError,
    LocalKeyService,
    MissingKeyError,
    master_id_of,
)
from usance.platform.database import Pool
from usance.webhooks import secrets, store, types
from usance.webhooks.policy import default_policy

URL = "https://hooks.example.com/in"


async def test_types_ask_for_scopes_that_there_are(home: House) -> None:
    assert {each.scope for each in types.CHOICES.values()} <= SCOPES
    assert types.TEST.name not in types.CHOICES


@pytest.mark.parametrize(
    ("names", "rule"),
    [([], "R-HOOK-03"), (["nothing.happened"], "R-HOOK-03"), (["webhook.test"], "R-HOOK-03"),
     (["day.closed", "x"], "R-HOOK-03")],
)  # fmt: skip
async def test_types_that_cannot_be_chosen(home: House, names: list[str], rule: str) -> None:
    with pytest.raises(Refused, match=rule):
        await home.endpoints.register(home.client_id, URL, names, ACTOR)
    assert await home.pool.fetchval("SELECT count(*) FROM webhook_endpoint") == 0


async def test_nobody_is_told_what_they_may_not_read(home: House) -> None:
    await MachineClients(home.pool).create("bank", ["webhooks:write", "day:read"])
    bank = await home.pool.fetchval("SELECT max(client_id) FROM machine_client")
    with pytest.raises(Refused, match="R-HOOK-03"):
        await home.endpoints.register(bank, URL, ["repayment.booked"], ACTOR)
    made = await home.endpoints.register(bank, URL, ["day.closed"], ACTOR)
    number = made.document["webhook_id"]
    with pytest.raises(Refused, match="R-HOOK-03"):
        await home.change(number, bank, ACTOR, types=("day.closed", "line.changed"))
    row = (await store.endpoints(home.pool, bank, 0, 9))[0]
    assert msgspec.json.decode(row["types"]) == ["day.closed"]


async def test_an_endpoint_is_its_clients_own(home: House) -> None:
    endpoint = await home.register(URL)
    await home.endpoints.test(endpoint, home.client_id, ACTOR)
    other = home.client_id + 1
    for act in (
        home.change(endpoint, other, ACTOR, url=URL),
        home.delete(endpoint, other, ACTOR),
        home.endpoints.rotate(endpoint, other, ACTOR),
        home.retire(endpoint, other, ACTOR), home.endpoints.test(endpoint, other, ACTOR),
        home.endpoints.redeliver(endpoint, other, 1, ACTOR),
        home.endpoints.redeliver_given_up(endpoint, other, ACTOR),
    ):  # fmt: skip
        with pytest.raises(Refused, match="R-FOUND-01"):
            await act
    assert await store.endpoints(home.pool, other, 0, 9) == []
    await home.change(endpoint, None, ACTOR, active=False)  # staff see those of all


async def test_only_an_active_client_has_endpoints_and_not_too_many(home: House) -> None:
    most = default_policy().endpoints_of_a_client
    for _ in range(most):
        await home.register(URL, ["day.closed"])
    with pytest.raises(Refused, match="R-HOOK-04"):
        await home.register(URL, ["day.closed"])
    await home.delete(1, home.client_id, ACTOR)
    await home.register(URL, ["day.closed"])
    await MachineClients(home.pool).deactivate("shop")
    with pytest.raises(Refused, match="R-HOOK-01"):
        await home.register(URL, ["day.closed"])


async def test_parallel_registrations_are_counted_together(home: House) -> None:
    most = default_policy().endpoints_of_a_client
    tries = (home.register(URL, ["day.closed"]) for _ in range(most + 5))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, int) for each in found) == most


# -- once ------------------------------------------------------------------------------------------


async def test_fifty_requests_under_one_key_are_one_and_answered_alike(home: House) -> None:
    """The secret too, although no table holds it in clear."""
    asking = Asking("machine:1", "once", b"h")
    names = ["day.closed"]
    answers = await asyncio.gather(*(
        home.endpoints.register(home.client_id, URL, names, asking) for _ in range(50)
    ))  # fmt: skip
    assert len({msgspec.json.encode(each.document) for each in answers}) == 1
    assert [each.replayed for each in answers].count(False) == 1
    assert answers[0].document["secret"].startswith("whsec_")
    assert await home.pool.fetchval("SELECT count(*) FROM webhook_endpoint") == 1
    with pytest.raises(Refused, match="R-IDEM-01"):
        await home.endpoints.register(home.client_id, URL, names, Asking("machine:1", "once", b"x"))


async def test_a_rotation_under_one_key_makes_one_secret(home: House) -> None:
    """Though a second rotation would be refused, the same one is answered again."""
    endpoint = await home.register(URL)
    asking = Asking("machine:1", "turn", b"h")
    answers = await asyncio.gather(*(
        home.endpoints.rotate(endpoint, home.client_id, asking) for _ in range(20)
    ))  # fmt: skip
    assert len({each.document["secret"] for each in answers}) == 1
    assert len(await home.secrets(endpoint)) == 2


# -- secrets at rest -------------------------------------------------------------------------------


async def everything(pool: Pool) -> str:
    """All tables as text."""
    names = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    texts = [
        await pool.fetchval(f"SELECT string_agg(t::text, E'\\n') FROM {name} t") or ""
        for (name,) in names
    ]
    return "\n".join(texts)


async def test_no_table_holds_a_secret(home: House) -> None:
    endpoint = await home.register(URL)
    await home.endpoints.rotate(endpoint, home.client_id, Asking("machine:1", "k", b"h"))
    dump = await everything(home.pool)
    for secret in await home.secrets(endpoint):
        assert secret not in dump
        assert secret.encode().hex() not in dump
    assert "whsec_" not in dump


async def test_a_secret_opens_in_its_place_only(home: House) -> None:
    first, second = await home.register(URL), await home.register(URL)
    rows = [dict((await store.secrets_of(home.pool, each))[0]) for each in (first, second)]
    moved = rows[0] | {"sealed": rows[1]["sealed"]}
    for endpoint, row in ((first, moved), (second, rows[0]), (first, rows[0] | {"secret_id": 9})):
        with pytest.raises(DecryptionError):
            secrets.opened(KEYS, endpoint, [row])


async def test_a_retired_secret_and_a_deleted_endpoint_leave_no_ciphertext(home: House) -> None:
    endpoint = await home.register(URL)
    await home.endpoints.rotate(endpoint, home.client_id, ACTOR)
    await home.retire(endpoint, home.client_id, ACTOR)
    sealed = "SELECT count(*) FROM webhook_secret WHERE sealed <> ''"
    assert await home.pool.fetchval(sealed) == 1
    await home.endpoints.test(endpoint, home.client_id, ACTOR)
    await home.delete(endpoint, home.client_id, ACTOR)
    assert await home.pool.fetchval("SELECT count(*) FROM webhook_secret") == 0
    assert [row["state"] for row in await home.queued(endpoint)] == [store.GIVEN_UP]
    with pytest.raises(Refused, match="R-FOUND-01"):
        await home.endpoints.test(endpoint, home.client_id, ACTOR)
    await home.told()


async def test_a_new_master_key_takes_the_secrets_along(home: House, tmp_path: Path) -> None:
    """R-KEY-02: wrapped anew while in use; a process with the old key file makes nothing."""
    path = tmp_path / "master.key"
    home.endpoints.keys = old = LocalKeyService.open(path)
    endpoint = await home.register(URL)
    (row,) = await store.secrets_of(home.pool, endpoint)
    (secret,) = secrets.opened(old, endpoint, [row]).values()
    stale = LocalKeyService(*held(path))
    number = await rotation.add_master_key(home.pool, path, actor="operator")
    assert await rewrap.rewrap(home.pool, LocalKeyService.open(path)) == 0
    await rotation.retire_master_key(home.pool, path, 1, actor="operator")
    keys = LocalKeyService.open(path)
    (row,) = await store.secrets_of(home.pool, endpoint)
    assert master_id_of(row["data_key"]) == number
    assert list(secrets.opened(keys, endpoint, [row]).values()) == [secret]
    home.endpoints.keys = stale
    with pytest.raises(MissingKeyError):
        await home.register(URL)
    assert await home.pool.fetchval("SELECT count(*) FROM webhook_endpoint") == 1


def held(path: Path) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Index keys and master keys of a file, as a process remembers them."""
    ring = key_file.read(path)
    return ring.index_keys, ring.master_keys


async def test_every_change_has_its_audit_event(home: House) -> None:
    endpoint = await home.register(URL)
    mine = endpoint, home.client_id, ACTOR
    await home.change(*mine, url="https://hooks.example.com/other")
    await home.endpoints.rotate(*mine)
    await home.retire(*mine)
    await home.endpoints.test(*mine)
    await home.endpoints.redeliver_given_up(*mine)
    await home.delete(*mine)
    rows: list[Any] = await home.pool.fetch(
        "SELECT action, detail FROM operation WHERE actor = 'machine:1' ORDER BY operation_id"
    )
    assert [row["action"] for row in rows] == [
        "RegisterWebhook", "ChangeWebhook", "RotateWebhookSecret", "RetireWebhookSecret",
        "TestWebhook", "RedeliverWebhook", "DeleteWebhook",
    ]  # fmt: skip
    assert all("hooks.example.com" not in row["detail"] for row in rows)


async def test_nothing_is_registered_before_there_is_a_book(pool: Pool) -> None:
    async with house(pool) as home:
        await pool.execute("DELETE FROM book")
        with pytest.raises(Refused, match="R-BOOK-01"):
            await home.register(URL)
