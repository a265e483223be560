"""Machine code is kept by what it was made from; what the translator does not know is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from usance.contract import compiled, records
from usance.contract.records import Contract, Due, Terms
from usance.contract.translate import Program, UntranslatableError, definition
from usance.core.kernel import KERNEL

PACKAGE = Path(records.__file__).parents[1]
LOAD = "from usance.contract.batch import compiled; print(compiled().from_cache)"


def start(cache: Path, source: Path = PACKAGE.parent) -> subprocess.Popen[str]:
    environment = {**os.environ, "USANCE_CACHE": str(cache), "PYTHONPATH": str(source)}
    return subprocess.Popen(
        [sys.executable, "-c", LOAD], env=environment, stdout=subprocess.PIPE, text=True
    )


def from_cache(cache: Path, source: Path = PACKAGE.parent) -> bool:
    process = start(cache, source)
    shown, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return shown.strip() == "True"


def test_two_processes_compile_at_once_and_the_next_only_loads(tmp_path: Path) -> None:
    both = [start(tmp_path), start(tmp_path)]
    assert [each.communicate(timeout=120)[0].strip() for each in both].count("True") <= 1
    assert [each.returncode for each in both] == [0, 0]
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    assert from_cache(tmp_path)


def test_a_spoilt_file_is_compiled_anew(tmp_path: Path) -> None:
    assert not from_cache(tmp_path)
    (file,) = tmp_path.rglob("*.o")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert not from_cache(tmp_path)
    assert file.read_bytes()[32:100] == whole[32:100]


def test_one_byte_of_source_gives_another_place(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "usance", ignore=shutil.ignore_patterns("__pycache__"))
    cache = tmp_path / "cache"
    assert not from_cache(cache, tmp_path)
    with (tmp_path / "usance/core/money.py").open("a") as file:
        file.write("\n")
    assert not from_cache(cache, tmp_path)
    assert len(list(cache.rglob("*.o"))) == 2


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("not a directory")
    assert not from_cache(place)


def rest(n: int) -> int:
    for each in [1, 2]:
        n += each
    return n


def half(n: int) -> int:
    return n / 2  # type: ignore[return-value]


def foreign(n: int) -> int:
    return abs(n)


def unknown_field(c: Contract) -> int:
    return c.nothing  # type: ignore[attr-defined, no-any-return]


def two_kinds(c: Contract, d: Due) -> int:
    one = c
    one = d  # type: ignore[assignment]
    return one.n  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("bad", [rest, half, foreign, unknown_field, two_kinds])
def test_what_is_not_known_is_refused_by_name(bad: compiled.Loop) -> None:
    program = Program(compiled.layouts(), KERNEL, compiled.primitives())
    with pytest.raises(UntranslatableError, match=r"\w+"):
        program.add(definition(bad), globals())


def test_records_have_the_same_layout_in_both_worlds() -> None:
    for record, dtype in ((Terms, compiled.TERMS), (Contract, compiled.CONTRACT)):
        layout = compiled.layout_of(record)
        assert dtype.fields is not None
        offsets = {name: place[1] // 8 for name, place in dtype.fields.items()}
        assert {name: place[0] for name, place in layout.fields.items()} == offsets
        assert dtype.itemsize == 8 * layout.words
