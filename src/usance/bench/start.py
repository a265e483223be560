"""From a fresh clone to the console answering with the demo book, as the README says it.

The yardstick is the installation alone: what no program of ours can make faster.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from usance.bench.common import Result, report
from usance.bench.house import free_port

ROOT = Path(__file__).parents[3]
SECONDS_MAX = 90
FILL_MAX = 30
SIZE_MAX = 550  # MB


@dataclass(frozen=True, slots=True)
class Started:
    """What one start took."""

    install: float
    total: float
    fill: float
    megabytes: int


async def measure() -> Started:
    """Clone, install, serve, ask the console."""
    with tempfile.TemporaryDirectory(prefix="usance-start-") as folder:
        Path(folder).chmod(0o711)
        clone, home = Path(folder) / "clone", Path(folder) / "home"
        began = time.perf_counter()
        run("git", "clone", "--quiet", str(ROOT), str(clone))
        run("make", "--quiet", "venv", cwd=clone)
        install = time.perf_counter() - began
        output = Path(folder) / "output"
        port = free_port()
        server = serve(clone, home, port, output)
        try:
            await answering(port, server)
            total = time.perf_counter() - began
        finally:
            server.terminate()
            server.wait(30)
        return Started(install, total, fill_seconds(output.read_text()), size_of(clone / ".venv"))


def run(*command: str, cwd: Path | None = None) -> None:
    """One command that must succeed."""
    subprocess.run(command, cwd=cwd, check=True, stdout=sys.stderr)


def serve(clone: Path, home: Path, port: int, output: Path) -> subprocess.Popen[bytes]:
    """The demo, in a home of its own."""
    environment = os.environ | {"USANCE_HOME": str(home)}
    environment.pop("USANCE_DATABASE_URL", None)
    command = [str(clone / ".venv/bin/usance"), "serve", "--demo", "--port", str(port)]
    with output.open("wb") as file:
        return subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)


async def answering(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait for the log-in page of the console."""
    while server.poll() is None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.write(b"GET /console/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        if answer.startswith(b"HTTP/1.1 200"):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the server ended before it answered")


def fill_seconds(text: str) -> float:
    """What the fill itself says it took."""
    found = re.search(r"operations, .* in ([0-9.]+) s", text)
    assert found is not None, text
    return float(found[1])


def size_of(folder: Path) -> int:
    """Megabytes on disk."""
    text = subprocess.run(["du", "-sm", str(folder)], check=True, capture_output=True, text=True)
    return int(text.stdout.split()[0])


def run_start(*, as_json: bool = False) -> Result:
    """Measure and print."""
    if not (ROOT / "Makefile").exists():
        raise RuntimeError("this bench needs the repository, not an installed package")
    found = asyncio.run(measure())
    ok = found.total <= SECONDS_MAX and found.fill <= FILL_MAX and found.megabytes <= SIZE_MAX
    reach = (
        f"<= {SECONDS_MAX} s in all, filling <= {FILL_MAX} s (found {found.fill:.1f} s), "
        f"installed <= {SIZE_MAX} MB (found {found.megabytes} MB)"
    )
    result = Result("start", round(found.total, 1), "s", round(found.install, 1),
                    round(found.total / found.install, 2), reach, ok)  # fmt: skip
    return report(result, as_json=as_json)
