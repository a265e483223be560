"""The embedded server: shared, stopped by the last, and back after every kind of death."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.waiting import wait_until
from usance.platform import postgres, postgres_place
from usance.platform.config import Settings

HOLD = """
import sys
from pathlib import Path
from usance.platform import postgres
with postgres.using(Path(sys.argv[1])) as cluster:
    print(postgres.status(cluster), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def seed(short_directory: Path) -> Path:
    """A home whose cluster is made, to be copied: initdb once for all tests here."""
    home = short_directory / "seed"
    with postgres.using(home):
        pass
    return home


@pytest.fixture
def home(seed: Path, short_directory: Path) -> Iterator[Path]:
    home = short_directory / f"home-{time.monotonic_ns()}"
    home.mkdir()
    subprocess.run(["cp", "-a", f"{seed}/.", home], check=True)
    yield home
    postgres.stop(postgres.locate(home))
    shutil.rmtree(home)


def ask(url: str, query: str) -> object:
    async def asked() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(asked())


def hold(home: Path) -> tuple[subprocess.Popen, int]:
    """Another process that uses the server until its input closes."""
    command = [sys.executable, "-c", HOLD, str(home)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    return process, int(process.stdout.readline())


def test_a_cold_and_a_warm_start(short_directory: Path) -> None:
    home = short_directory / "cold"
    began = time.monotonic()
    with postgres.using(home) as cluster:
        cold = time.monotonic() - began
        assert ask(cluster.url(), "SELECT current_database()") == "usance"
        ask(cluster.url(), "CREATE TABLE kept AS SELECT 5 AS n")
    assert postgres.status(cluster) is None
    began = time.monotonic()
    with postgres.using(home) as cluster:
        warm = time.monotonic() - began
        assert ask(cluster.url(), "SELECT n FROM kept") == 5
    print(f"cold start {cold:.2f} s, warm start {warm:.2f} s")
    assert warm < cold < 20


@pytest.mark.parametrize(
    ("setting", "value"),
    [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"),
     ("jit", "off"), ("max_wal_size", "4GB"), ("listen_addresses", ""),
     ("data_checksums", "on"), ("server_encoding", "UTF8"), ("TimeZone", "UTC")],
)  # fmt: skip
def test_settings_are_those_of_durable_oltp(server, setting: str, value: str) -> None:
    assert ask(server.url("postgres"), f"SHOW {setting}") == value


def test_two_processes_share_one_server_and_the_last_stops_it(home: Path) -> None:
    first, pid = hold(home)
    second, same = hold(home)
    with postgres.using(home) as cluster:
        assert postgres.status(cluster) == pid == same
    first.communicate()
    assert postgres.status(cluster) == pid
    second.communicate()
    assert postgres.status(cluster) is None


def test_processes_that_start_at_once_start_one_server(home: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(home)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
    assert len({process.stdout.readline() for process in processes}) == 1
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert postgres.status(postgres.locate(home)) is None


def test_a_killed_user_leaves_a_server_that_the_next_one_takes_over(home: Path) -> None:
    process, pid = hold(home)
    process.kill()
    process.communicate()
    with postgres.using(home) as cluster:
        assert postgres.status(cluster) == pid
    assert postgres.status(cluster) is None


def test_an_interrupt_at_the_terminal_does_not_reach_the_server(home: Path) -> None:
    process, _ = hold(home)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()
    assert process.returncode != 0
    assert postgres.status(postgres.locate(home)) is None, "the interrupted process stopped it"


def test_committed_work_survives_a_killed_postmaster(home: Path) -> None:
    with postgres.using(home) as cluster:
        ask(cluster.url(), "CREATE TABLE kept AS SELECT 1 AS n")
        for round_number in range(2, 5):
            ask(cluster.url(), f"UPDATE kept SET n = {round_number}")
            os.kill(postgres.status(cluster), signal.SIGKILL)
            wait_until(lambda: postgres.status(cluster) is None)
            assert (cluster.data / "postmaster.pid").exists()
            with postgres.using(home) as again:
                assert ask(again.url(), "SELECT n FROM kept") == round_number


async def test_a_killed_server_comes_back_while_it_is_in_use(home: Path) -> None:
    settings = Settings.from_environment({"USANCE_HOME": str(home)})
    async with postgres.database_url(settings) as url:
        cluster = postgres.locate(home)
        pid = postgres.status(cluster)
        os.kill(pid, signal.SIGKILL)
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if postgres.status(cluster) not in (None, pid):
                break
        assert await wait_for_answer(url) == 1
    assert postgres.status(cluster) is None


async def wait_for_answer(url: str) -> object:
    for _ in range(1000):
        try:
            connection = await asyncpg.connect(url)
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.01)
            continue
        answer = await connection.fetchval("SELECT 1")
        await connection.close()
        return answer
    return None


def test_a_pid_file_that_names_a_stranger_is_not_believed(home: Path) -> None:
    """After a reboot the recorded number may belong to any process, here to this one."""
    cluster = postgres.locate(home)
    lines = [str(os.getpid()), str(cluster.data), "0", "5432", str(cluster.socket_dir), "", ""]
    (cluster.data / "postmaster.pid").write_text("\n".join(lines))
    os.chown(cluster.data / "postmaster.pid", *cluster.owner)
    with postgres.using(home):
        assert ask(cluster.url(), "SELECT 1") == 1


def test_a_half_made_cluster_is_made_anew(short_directory: Path) -> None:
    home = short_directory / "half"
    cluster = postgres.locate(home)
    (cluster.place / "data.new").mkdir()
    (cluster.place / "data.new" / "rubbish").write_text("power was lost here")
    with postgres.using(home) as cluster:
        assert ask(cluster.url(), "SELECT 1") == 1


def test_a_long_home_gets_a_short_socket(short_directory: Path, seed: Path) -> None:
    home = short_directory / ("long-" * 20) / "home"
    home.mkdir(parents=True)
    subprocess.run(["cp", "-a", f"{seed}/.", home], check=True)
    with postgres.using(home) as cluster:
        assert len(str(cluster.socket_dir)) < 100
        assert ask(cluster.url(), "SELECT 1") == 1
        assert cluster.socket_dir.stat().st_mode & 0o777 == 0o700
    cluster.socket_dir.rmdir()


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    cluster = postgres.locate(home)
    (cluster.data / "postgresql.conf").write_text("max_connections = many\n")
    with pytest.raises(postgres.PostgresError, match="max_connections"), postgres.using(home):
        pass


def test_a_configured_database_is_used_as_it_is(tmp_path: Path) -> None:
    environment = {"USANCE_HOME": str(tmp_path), "USANCE_DATABASE_URL": "postgresql://db/x"}

    async def used() -> str:
        async with postgres.database_url(Settings.from_environment(environment)) as url:
            return url

    assert asyncio.run(used()) == "postgresql://db/x"
    assert list(tmp_path.iterdir()) == []


def test_pgbench_comes_with_the_server() -> None:
    version = subprocess.run([postgres.pgbench_path(), "--version"], capture_output=True, text=True)
    assert version.stdout.startswith("pgbench (PostgreSQL) 18")


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")


@as_root
def test_root_keeps_its_home_private_and_still_has_a_server(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    home = tmp_path / "home"
    with postgres.using(home) as cluster:
        assert ask(cluster.url(), "SELECT 1") == 1
        assert cluster.place.parent == postgres_place.SHARED
        assert cluster.place.stat().st_mode & 0o777 == 0o700
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(cluster.place)


@as_root
def test_programs_that_the_server_cannot_reach_are_copied(
    tmp_path: Path, short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the checkout lies under /root: all of them run, with the libraries they came with."""
    tmp_path.chmod(0o700)
    package = postgres.pgbench_path().parents[2]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, tmp_path / folder.name, symlinks=True)
    hidden = tmp_path / package.name / "pginstall" / "bin"
    monkeypatch.setattr(postgres_place, "_wheel_binaries", lambda: hidden)
    with postgres.using(short_directory / "hidden") as cluster:
        assert ask(cluster.url(), "SELECT 1") == 1
        assert cluster.binaries.parents[2].parent == postgres_place.SHARED
        cluster.run("pgbench does not run", "pgbench", "--version")
    shutil.rmtree(cluster.binaries.parents[2])


@as_root
def test_an_ordinary_user_runs_a_server_of_its_own(short_directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    home = short_directory / "ordinary"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    program = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from usance.platform import postgres
        with postgres.using(Path(sys.argv[1])) as cluster:
            print(cluster.owner[0] == os.geteuid() != 0, postgres.status(cluster) is not None)
    """)
    source = Path(postgres.__file__).parents[2]
    packages = Path(asyncpg.__file__).parents[1]
    try:
        run = subprocess.run(
            [ordinary_python(), "-c", program, str(home)], capture_output=True, text=True, cwd="/",
            env={"PYTHONPATH": f"{source}:{packages}"},
            user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
        )  # fmt: skip
    except PermissionError:
        pytest.skip("no Python here that another user may run")
    if "No module named 'usance" in run.stderr:
        pytest.skip("this checkout cannot be read by another user")
    assert run.stdout.split() == ["True", "True"], run.stderr


def ordinary_python() -> str:
    """The system's Python where it is new enough: one under /root is out of others' reach."""
    system = Path("/usr/bin/python3")
    version = tuple(map(int, system.resolve().name.removeprefix("python").split(".")))
    return str(system) if version >= (3, 11) else sys.executable
