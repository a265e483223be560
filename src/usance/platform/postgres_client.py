"""Client programs of PostgreSQL: backup, its check, and the stream of the write-ahead log.

They come with the embedded server and run as whoever calls them. A password in an address goes
into the environment: the command line is for everybody to see.
"""

from __future__ import annotations

import os
import subprocess
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from usance.platform.postgres_place import PostgresError, pgbench_path

APPLICATION = "usance_backup"
"""How the server sees these connections (``pg_stat_replication``)."""


class ClientFailed(PostgresError):
    """A program ended with an error; ``lines`` is what it said."""

    def __init__(self, program: str, lines: list[str]) -> None:
        self.lines = [_plain(line) for line in lines] or [f"{program} says nothing"]
        super().__init__(f"{program}: {self.lines[0]}")


def run_client(program: str, *options: str, url: str = "") -> str:
    """Run a program to its end; what it wrote on standard output."""
    done = subprocess.run(
        command(program, *options, url=url), env=environment(url), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise ClientFailed(program, [line for line in said if "error" in line] or said)
    return done.stdout


def command(program: str, *options: str, url: str = "") -> list[str]:
    """The command line, without the password of ``url``."""
    found = [str(pgbench_path().with_name(program)), *options]
    return [*found, f"--dbname={without_password(url)[0]}", "--no-password"] if url else found


def environment(url: str) -> dict[str, str]:
    """Ours, in English, and the password of ``url``."""
    password = without_password(url)[1] if url else ""
    more = {"PGPASSWORD": password} if password else {}
    return os.environ | {"LC_ALL": "C", "PGAPPNAME": APPLICATION} | more


def without_password(url: str) -> tuple[str, str]:
    """An address and the password that stood in it."""
    parts = urlsplit(url)
    head, at, hosts = parts.netloc.rpartition("@")
    user, _, password = head.partition(":")
    query = dict(parse_qsl(parts.query))
    password = query.pop("password", unquote(password))
    query.pop("application_name", None)
    plain = parts._replace(netloc=f"{user}{at}{hosts}", query=urlencode(query, quote_via=quote))
    text = plain.geturl()
    if not plain.netloc:  # urlsplit drops the empty host of postgresql:///name
        text = text.replace(f"{plain.scheme}:/", f"{plain.scheme}:///", 1)
    return text, password


def _plain(line: str) -> str:
    """Without the program's name and the word for what kind of message it is."""
    for part in ("error: ", "fatal: "):
        line = line.partition(part)[2] or line
    return line.strip()
