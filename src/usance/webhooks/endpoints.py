"""What can be done to endpoints, each with its audit event and once for a caller's key."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import keys_sql
from usance.identity.changing import Asking, Change, Making, once, rehearsed
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.platform.clock import Clock, SystemClock
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Pool
from usance.webhooks import secrets, store, types
from usance.webhooks.acts import ChangeWebhook, RetireWebhookSecret, WebhookAct
from usance.webhooks.policy import Policy, Reach, default_policy
from usance.webhooks.rules import target_of

SECRETS_MAX = 2
GONE = "gone"
"""Who stopped an endpoint: its receiver, by answering 410."""


class Endpoints:
    """The endpoints of a book. ``client_id`` None stands for staff, who see those of all."""

    def __init__(
        self, pool: Pool, keys: KeyService, *, clock: Clock | None = None,
        reach: Reach | None = None, policy: Policy | None = None,
    ) -> None:  # fmt: skip
        self.pool = pool
        self.keys = keys
        self.clock = clock or SystemClock()
        self.reach = reach or Reach()
        self.policy = policy or default_policy()

    @rule("R-HOOK-01", "R-HOOK-04")
    async def register(
        self, client_id: int, url: str, names: Sequence[str], asking: Asking
    ) -> Answer:
        """A new endpoint of a client, with its first secret. Raises ``Refused``."""
        target_of(url, self.reach)

        async def make(change: Change) -> dict[str, Any]:
            scopes = await store.client_scopes(change.connection, client_id)
            if scopes is None:
                raise Refused("R-HOOK-01", "an endpoint belongs to an active client", "client_id")
            chosen, most = types.checked(names, scopes), self.policy.endpoints_of_a_client
            if await store.count_endpoints(change.connection, client_id) >= most:
                raise Refused("R-HOOK-04", f"a client has at most {most} endpoints", "url")
            number = await store.new_endpoint_id(change.connection)
            wrapped = await beside(
                self.keys, lambda: secrets.new_wrapped_key(self.keys, number)
            )
            await secrets.check_current(change.connection, wrapped)
            await store.insert_endpoint(change.connection, number, client_id, url, chosen, wrapped)
            secret_id = await self._add_secret(change, number, wrapped)
            await self._note(change, "RegisterWebhook", number, client_id, types=chosen)
            return {"webhook_id": number, "secret_id": secret_id}

        done = await once(self.pool, asking, make, keys_sql.TOGETHER)
        return await self._with_secret(done)

    async def perform(self, act: WebhookAct, asking: Asking) -> Answer:
        """Do it, once for the caller's key. Raises ``Refused``."""
        return await once(self.pool, asking, self._making(act))

    async def rehearse(self, act: WebhookAct, actor: str) -> None:
        """Whether it could be done now. Raises ``Refused`` if not."""
        await rehearsed(self.pool, actor, self._making(act))

    def _making(self, act: WebhookAct) -> Making:
        """How it is done."""

        async def make(change: Change) -> dict[str, Any]:
            row = await self._take(change, act.webhook_id, act.client_id)
            answer, more = {"webhook_id": act.webhook_id}, dict[str, Any]()
            if isinstance(act, ChangeWebhook):
                more = await self._changed(change, row, act)
            elif isinstance(act, RetireWebhookSecret):
                answer["secret_id"] = await self._retired(change, act.webhook_id)
            else:
                await store.delete_endpoint(change.connection, act.webhook_id, self.clock.now())
            await self._note(change, type(act).__name__, act.webhook_id, row["client_id"], **more)
            return answer

        return make

    async def _changed(
        self, change: Change, row: store.Row, act: ChangeWebhook
    ) -> dict[str, Any]:
        """Another address, other types, stopped or started; what the audit event says of it."""
        if act.url is not None:
            target_of(act.url, self.reach)
        chosen = types_of(row)
        if act.types is not None:
            scopes = await store.client_scopes(change.connection, row["client_id"])
            chosen = types.checked(act.types, scopes or frozenset())
        await store.change_endpoint(
            change.connection, act.webhook_id, act.url or row["url"], chosen
        )
        if act.active is True and not row["active"]:
            await store.start_endpoint(change.connection, act.webhook_id)
        if act.active is False and row["active"]:
            await store.stop_endpoint(change.connection, act.webhook_id, change.actor)
        return {"types": chosen} | ({} if act.active is None else {"active": act.active})

    @rule("R-HOOK-05")
    async def _retired(self, change: Change, endpoint_id: int) -> int:
        """The older of two secrets signs no more; which it was."""
        active = await store.secrets_of(change.connection, endpoint_id)
        if len(active) < SECRETS_MAX:
            raise Refused("R-HOOK-05", "the only secret is not retired: rotate it first")
        secret_id: int = active[0]["secret_id"]
        await store.retire_secret(change.connection, secret_id, self.clock.now())
        return secret_id

    @rule("R-HOOK-05")
    async def rotate(self, endpoint_id: int, client_id: int | None, asking: Asking) -> Answer:
        """A second secret, by which messages are signed too. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            row = await self._take(change, endpoint_id, client_id)
            if len(await store.secrets_of(change.connection, endpoint_id)) >= SECRETS_MAX:
                raise Refused("R-HOOK-05", "two secrets sign already; retire the old one first")
            secret_id = await self._add_secret(change, endpoint_id, row["data_key"])
            await self._note(change, "RotateWebhookSecret", endpoint_id, row["client_id"])
            return {"webhook_id": endpoint_id, "secret_id": secret_id}

        return await self._with_secret(await once(self.pool, asking, make))

    @rule("R-HOOK-09")
    async def test(self, endpoint_id: int, client_id: int | None, asking: Asking) -> Answer:
        """Queue a message that says nothing but that it came. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            row = await self._take(change, endpoint_id, client_id)
            if not row["active"]:
                raise Refused("R-HOOK-09", "the endpoint is stopped: start it first")
            sequence = await store.queue_one(
                change.connection, endpoint_id, types.TEST.name, {}, self.clock.now(), change.on,
                change.operation_id,
            )  # fmt: skip
            await self._note(
                change, "TestWebhook", endpoint_id, row["client_id"], sequence=sequence
            )
            return {"webhook_id": endpoint_id, "sequence": sequence}

        return await once(self.pool, asking, make)

    @rule("R-HOOK-09")
    async def redeliver(
        self, endpoint_id: int, client_id: int | None, sequence: int, asking: Asking
    ) -> Answer:
        """A message that was delivered or given up is sent again, as it was. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            row = await self._take(change, endpoint_id, client_id)
            state = await store.state_of(change.connection, endpoint_id, sequence)
            if state is None:
                raise Refused("R-FOUND-01", "there is no such delivery", "sequence")
            if state == store.WAITING:
                raise Refused("R-HOOK-09", "the message still waits to be sent", "sequence")
            await store.send_again(change.connection, endpoint_id, sequence, self.clock.now())
            await self._note(
                change, "RedeliverWebhook", endpoint_id, row["client_id"], sequence=sequence
            )
            return {"webhook_id": endpoint_id, "sequence": sequence}

        return await once(self.pool, asking, make)

    @rule("R-HOOK-09")
    async def redeliver_given_up(
        self, endpoint_id: int, client_id: int | None, asking: Asking
    ) -> Answer:
        """Everything that was given up is sent again. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            row = await self._take(change, endpoint_id, client_id)
            count = await store.send_given_up(change.connection, endpoint_id, self.clock.now())
            await self._note(
                change, "RedeliverWebhook", endpoint_id, row["client_id"], messages=count
            )
            return {"webhook_id": endpoint_id, "messages": count}

        return await once(self.pool, asking, make)

    async def stop_gone(self, endpoint_id: int) -> None:
        """The receiver says that there is nobody any more (410)."""

        async def make(change: Change) -> dict[str, Any]:
            row = await self._take(change, endpoint_id, None)
            if row["active"]:
                await store.stop_endpoint(change.connection, endpoint_id, GONE)
                await self._note(change, "StopWebhook", endpoint_id, row["client_id"])
            return {}

        with suppress(Refused):  # it was deleted meanwhile
            await once(self.pool, Asking("system:webhooks"), make)

    @rule("R-HOOK-01")
    async def _take(self, change: Change, endpoint_id: int, client_id: int | None) -> store.Row:
        """The endpoint, locked; refused alike whether it is another client's or not there."""
        row = await store.take_endpoint(change.connection, endpoint_id, client_id)
        if row is None:
            raise Refused("R-FOUND-01", "there is no such webhook", "webhook_id")
        return row

    async def _add_secret(self, change: Change, endpoint_id: int, wrapped: bytes) -> int:
        secret_id = await store.new_secret_id(change.connection)
        secret = secrets.new_secret()
        value = await beside(
            self.keys, lambda: secrets.sealed(self.keys, wrapped, endpoint_id, secret_id, secret)
        )
        now = self.clock.now()
        await store.insert_secret(change.connection, secret_id, endpoint_id, value, now)
        return secret_id

    async def _with_secret(self, answer: Answer) -> Answer:
        """The answer with the secret, which is not kept in it: it is decrypted again.

        So the first answer can be given again to the same key, for as long as the secret signs.
        """
        number = answer.document["webhook_id"]
        rows = await store.secrets_of(self.pool, number)
        opened = await beside(self.keys, lambda: secrets.opened(self.keys, number, rows))
        secret = opened.get(answer.document["secret_id"])
        return replace(answer, document=answer.document | {"secret": secret})

    async def _note(
        self, change: Change, action: str, endpoint_id: int, client_id: int, **more: object
    ) -> None:
        detail = {"webhook_id": endpoint_id, "client_id": client_id} | more
        await change.note(action, digest([("webhook_endpoint", [(endpoint_id,)])]), detail)


def types_of(row: store.Row) -> list[str]:
    """The types of messages that an endpoint is told of."""
    return msgspec.json.decode(row["types"], type=list[str])
