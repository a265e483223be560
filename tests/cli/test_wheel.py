"""An installed wheel works as the checkout does, and without it."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import environment
from tests.importer.cards import SMALL
from tests.web.console_site import free_port

ROOT = Path(__file__).parents[2]
PACKED = ("pyproject.toml", "LICENSE", "README.md", "src", "docs")
COMMAND = "from usance.cli.main import main; main()"
NAMES = ("log in as", "password", "API key")
PAGES = ("", "/borrowers", "/day", "/products", "/rules", "/operations", "/bank-files",
         "/audit")  # fmt: skip
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source tree, built in a copy of it."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKED:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(ROOT / name, copy / name)
    build = f"import flit_core.buildapi as build; print(build.build_wheel({str(out)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=copy, capture_output=True, text=True, check=True
    )
    return out / done.stdout.strip()


@dataclass(frozen=True)
class Installed:
    """A way to call an installed ``usance``, far from the checkout."""

    words: list[str]
    env: dict[str, str]
    place: Path

    def run(self, *words: str, stdin: str = "") -> str:
        """Run to a good end; what it printed."""
        done = subprocess.run(
            [*self.words, *words], env=self.env, cwd=self.place, input=stdin,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def unpacked(wheel: Path, place: Path) -> Installed:
    """The wheel unpacked before everything else; the libraries are those of the tests."""
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(place / "site")
    env = environment(place / "home", PYTHONPATH=str(place / "site"))
    return Installed([sys.executable, "-c", COMMAND], env, place)


def installed(wheel: Path, place: Path) -> Installed:
    """The wheel in an environment of its own, with what the lock names and nothing else."""
    venv.create(place / "venv", with_pip=True)
    pip = [place / "venv/bin/python", "-m", "pip", "--quiet", "install", "--no-deps"]
    lock = ROOT / "requirements.lock"
    subprocess.run([*pip, "--require-hashes", "-r", lock], check=True, cwd=place)
    subprocess.run([*pip, wheel], check=True, cwd=place)
    return Installed([str(place / "venv/bin/usance")], environment(place / "home"), place)


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        held = {name: packed.read(name) for name in packed.namelist()}
    package = ROOT / "src" / "usance"
    wanted = {
        f"usance/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {n: b for n, b in held.items() if ".dist-info/" not in n} == wanted
    kinds = {Path(name).suffix for name in wanted}
    assert {".py", ".html", ".css", ".js", ".po", ".yaml", ".md", ".sql"} <= kinds


@pytest.mark.parametrize(
    "install", [unpacked, pytest.param(installed, marks=pytest.mark.soak)]
)  # fmt: skip
def test_an_installed_wheel_does_everything(
    wheel: Path, short_directory: Path, install: Callable[[Path, Path], Installed]
) -> None:
    place = short_directory / install.__name__
    place.mkdir()
    usance = install(wheel, place)
    shown = usance.run("rule", "R-ALLOC-01")
    assert re.search(r"^lives +\S+:\d+ ", shown, re.MULTILINE)
    assert str(ROOT) not in shown
    assert shown.startswith("R-ALLOC-01 Order\n\nA repayment ")
    quote = '{"terms": {"kind": "statement", "opened_on": "2024-01-01"}}'
    assert '"schedule"' in usance.run("quote", "-", stdin=quote)
    with serving(usance) as (client, said):
        look_around(client, said)
    usance.env["USANCE_HOME"] = str(place / "import")
    assert "| " in usance.run("import", "uci-credit", str(SMALL))
    assert usance.run("verify").endswith("every invariant holds\n")
    usance.run("audit", "export", str(place / "export"))
    usance.env.update(USANCE_HOME=str(place / "elsewhere"), USANCE_DATABASE_URL=NOWHERE)
    assert " events have the root that " in usance.run("audit", "verify", str(place / "export"))


@contextmanager
def serving(usance: Installed) -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    """A demo book of few borrowers, served until the block ends: a client, and what it said."""
    port = free_port()
    server = subprocess.Popen(
        [*usance.words, "serve", "--demo", "--borrowers", "20", "--port", str(port)],
        env=usance.env, cwd=usance.place, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        said: dict[str, str] = {}
        while "API key" not in said:
            line = server.stdout.readline()
            assert line, "the server did not start"
            said |= {name: line.split()[-1] for name in NAMES if line.startswith(name)}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client, said
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
        assert not list(usance.place.rglob("postmaster.pid")), "the database still runs"


def look_around(client: httpx.Client, said: dict[str, str]) -> None:
    """The API, its description, rules; pages in both languages, and all that they link to."""
    bearer = {"authorization": f"Bearer {said['API key']}"}
    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
    rule = client.get("/v1/rules/R-IDEM-01", headers=bearer).json()
    assert rule["title"] == "One key, one request"
    borrowers = client.get("/v1/borrowers?limit=20", headers=bearer).json()["items"]
    assert len(borrowers) == 20
    answer = client.post(
        "/console/login", data={"name": said["log in as"], "password": said["password"]}
    )
    assert answer.status_code in (302, 303), answer.text
    linked: set[str] = set()
    for language, word in (("zh-CN", "借款人"), ("en", "Borrowers")):
        for page in (*PAGES, f"/borrowers/{borrowers[0]['borrower_id']}"):
            answer = client.get(f"/console{page}", headers={"accept-language": language})
            assert answer.status_code == 200, page
            assert word in answer.text, page
            linked |= set(re.findall(r'(?:src|href)="(/[^"]+\.(?:css|js|svg))', answer.text))
    assert {Path(each).suffix for each in linked} == {".css", ".js", ".svg"}
    assert [each for each in linked if client.get(each).status_code != 200] == []
