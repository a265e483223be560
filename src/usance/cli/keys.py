"""``usance keys ...``: rotation of the keys of personal data, and a sandbox key service."""

from __future__ import annotations

import os
import socket as sockets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from usance.cli.house import opened, operator, run
from usance.cli.serve import bound
from usance.core.rules import rule

if TYPE_CHECKING:
    from usance.platform.config import Settings
    from usance.platform.database import Pool


def status() -> None:
    """Show how much is wrapped under which master key, and hashed under which index key."""
    run(_status())


async def _status() -> None:
    from usance.identity import rotation
    from usance.platform.key_client import open_keys
    from usance.web import personal  # noqa: F401 (enters every column of wrapped keys)

    async with opened() as (settings, pool):
        found = await rotation.status(pool, open_keys(settings))
    print("\n".join(rotation.in_words(found)))


def rotate(*, workers: int = 2) -> None:
    """Add a master key to the key file, then wrap every data key under it; old keys stay.

    Servers notice the file by themselves. What is killed goes on with `usance keys rewrap`.

    Parameters
    ----------
    workers
        How many portions are worked on at once.
    """
    sys.exit(run(_rotate(workers)))


async def _rotate(workers: int) -> int:
    from usance.identity import rotation
    from usance.web import personal  # noqa: F401 (enters every column of wrapped keys)

    check_workers(workers)
    async with opened() as (settings, pool):
        number = await rotation.add_master_key(pool, key_file_of(settings), actor=operator())
        print(f"master key {number} wraps from now on", flush=True)
        return await _rewrapped(settings, pool, workers)


def rewrap(*, workers: int = 2) -> None:
    """Wrap what is still under older master keys; any number of processes may do it at once.

    Exit status 1 if something cannot be opened: the log names it.

    Parameters
    ----------
    workers
        How many portions are worked on at once.
    """
    sys.exit(run(_rewrap(workers)))


async def _rewrap(workers: int) -> int:
    check_workers(workers)
    async with opened() as (settings, pool):
        return await _rewrapped(settings, pool, workers)


async def _rewrapped(settings: Settings, pool: Pool, workers: int) -> int:
    from usance.identity import rewrap as work
    from usance.platform.key_client import open_keys
    from usance.web import personal  # noqa: F401 (enters every column of wrapped keys)

    left = await work.rewrap(pool, open_keys(settings), workers=workers, tell=print)
    print(f"{left} keys could not be wrapped anew" if left else "everything is wrapped anew")
    return 1 if left else 0


def retire(number: int, *, keep: Path | None = None) -> None:
    """Take an old master key out of the key file, once nothing is wrapped under it any more.

    Parameters
    ----------
    number
        The key's number, as `usance keys status` shows it.
    keep
        A new file to move the key to: older backups cannot be read without it.
    """
    run(_retire(number, keep))


async def _retire(number: int, keep: Path | None) -> None:
    from usance.identity import rotation
    from usance.web import personal  # noqa: F401 (enters every column of wrapped keys)

    async with opened() as (settings, pool):
        path = key_file_of(settings)
        await rotation.retire_master_key(pool, path, number, actor=operator(), kept_in=keep)
    where = f"it is kept in {keep}" if keep else "it is kept nowhere else by usance"
    print(f"master key {number} is out of the key file; {where}")
    print("backups from before the last rotation need it: a person in them cannot be read without")


def rotate_index(*, workers: int = 2) -> None:
    """Add an index key to the key file, then enter everybody in the directory under it.

    People are found under the old key and the new until the old one is retired.

    Parameters
    ----------
    workers
        How many portions are worked on at once.
    """
    sys.exit(run(_rotate_index(workers)))


async def _rotate_index(workers: int) -> int:
    from usance.identity import rotation

    check_workers(workers)
    async with opened() as (settings, pool):
        number = await rotation.add_index_key(pool, key_file_of(settings), actor=operator())
        print(f"index key {number} is looked up first from now on", flush=True)
        return await _rehashed(settings, pool, workers)


def rehash(*, workers: int = 2) -> None:
    """Enter who is still missing under the newest index key.

    Parameters
    ----------
    workers
        How many portions are worked on at once.
    """
    sys.exit(run(_rehash(workers)))


async def _rehash(workers: int) -> int:
    check_workers(workers)
    async with opened() as (settings, pool):
        return await _rehashed(settings, pool, workers)


async def _rehashed(settings: Settings, pool: Pool, workers: int) -> int:
    from usance.identity import rewrap as work
    from usance.platform.key_client import open_keys
    from usance.web import personal  # noqa: F401 (enters what people are found by)

    left = await work.rehash(pool, open_keys(settings), workers=workers, tell=print)
    print(f"{left} entries could not be hashed anew" if left else "everybody is hashed anew")
    return 1 if left else 0


def retire_index(number: int) -> None:
    """Take an old index key out of the key file, and its entries out of the directory.

    Parameters
    ----------
    number
        The key's number, as `usance keys status` shows it.
    """
    run(_retire_index(number))


async def _retire_index(number: int) -> None:
    from usance.identity import rotation

    async with opened() as (settings, pool):
        path = key_file_of(settings)
        dropped = await rotation.retire_index_key(pool, path, number, actor=operator())
    print(f"index key {number} is out of the key file; {dropped} entries dropped")


def renew_borrower(borrower: str) -> None:
    """Encrypt everything of a person anew under a fresh data key, after a suspected leak.

    Parameters
    ----------
    borrower
        The borrower's id, b-...
    """
    run(_renew_borrower(borrower))


async def _renew_borrower(borrower: str) -> None:
    from usance.cli.people import borrower_of
    from usance.identity import rotation
    from usance.platform.key_client import open_keys
    from usance.web import personal  # noqa: F401 (enters every encrypted column)

    borrower_id = borrower_of(borrower)
    async with opened() as (settings, pool):
        await rotation.renew_borrower(
            pool, open_keys(settings), borrower_id, actor=operator()
        )
    print(f"{borrower} has a new data key")


def erasures(*, reapply: bool = False) -> None:
    """List who was erased, from the file beside the master key and the book; both know all then.

    Parameters
    ----------
    reapply
        After a restore: erase again whom the backup brought back.
    """
    run(_erasures(reapply))


async def _erasures(reapply: bool) -> None:  # noqa: FBT001 (from the command line)
    from usance.identity import erasure
    from usance.web import personal  # noqa: F401 (enters what each room forgets)

    async with opened() as (settings, pool):
        path = settings.erasures_file
        if reapply:
            done = await erasure.reapply(pool, path, actor=operator())
            print(f"{done.erased} erased again, {done.already} had nothing left")
        else:
            for each in await erasure.write_list(pool, path):
                print(each.line)


def serve(*, socket: Path | None = None, port: int = 0) -> None:
    """Serve the key file as a key service, to try out USANCE_KEY_SERVICE_URL.

    Parameters
    ----------
    socket
        A unix socket to listen on, for processes of the same user.
    port
        Or a port of 127.0.0.1; USANCE_KEY_SERVICE_TOKEN_FILE is needed then.
    """
    import uvicorn

    from usance.platform.config import ConfigurationError, Settings
    from usance.platform.crypto import LocalKeyService
    from usance.platform.key_client import token_of
    from usance.platform.key_server import KeyServer

    settings = Settings.from_environment()
    token = token_of(settings.key_service_token_file)
    if (socket is None) == (port == 0):
        raise ConfigurationError("say --socket PATH or --port NUMBER")
    if port and not token:
        raise ConfigurationError("a port needs USANCE_KEY_SERVICE_TOKEN_FILE")
    app = KeyServer(LocalKeyService.open(settings.master_key_file), token)
    config = uvicorn.Config(
        app, lifespan="off", access_log=False, log_config=None, server_header=False
    )
    with private_socket(socket) if socket else bound("127.0.0.1", port) as address:
        uvicorn.Server(config).run(sockets=[address])


def private_socket(path: Path) -> sockets.socket:
    """A unix socket that only its owner can open, in the place of one that nobody serves."""
    if path.is_socket() and not _is_served(path):
        path.unlink()
    found = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        found.bind(str(path))
        found.listen()
    finally:
        os.umask(before)
    return found


def _is_served(path: Path) -> bool:
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


@rule("R-KEY-07")
def key_file_of(settings: Settings) -> Path:
    """The key file, where usance keeps the keys itself."""
    from usance.core.refusals import Refused
    from usance.platform import key_file

    if settings.key_service_url is not None:
        raise Refused("R-KEY-07", "the key service adds and removes its keys itself")
    key_file.create(settings.master_key_file)
    return settings.master_key_file


def check_workers(workers: int) -> None:
    """Between one and 64."""
    from usance.core.refusals import Refused

    if not 1 <= workers <= 64:
        raise Refused("R-RANGE-01", "workers lie between 1 and 64", "--workers")
