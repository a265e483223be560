"""R-PROOF-08: what an auditor is given can be checked without the book; no edit passes."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import asyncpg
import pytest

from tests.audit.trees import CHECKPOINTS, KEY, OTHER, Signed, signed_book
from usance.audit import outside
from usance.audit.export import MANIFEST, export, manifest_text
from usance.audit.note import NotProven, signed_checkpoint
from usance.audit.verify_export import verify
from usance.core.refusals import Refused
from usance.platform.database import Pool

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def book(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signed_book(new_database(), tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def exported(book: Signed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exports") / "export"
    book.ask(lambda pool: export(pool, KEY, place, NOON))
    return place


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """An export to be damaged."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def kept(book: Signed) -> list[str]:
    return [path.read_text() for path in outside.files(book.kept)]


def test_an_export_proves_itself(book: Signed, exported: Path) -> None:
    for keys in ([KEY.public], [OTHER.public, KEY.public], []):
        found = verify(exported, keys, kept(book))
        assert found.believed == KEY.public
        assert len(found.lines) == 3
    assert f"{CHECKPOINTS} checkpoints, each extends the one before" in found.lines[1]
    assert "turnover of 28 closed days" in found.lines[2]
    with pytest.raises(NotProven, match="not signed by usance/other"):
        verify(exported, [OTHER.public])


def test_the_readme_says_how_to_do_it_by_hand(exported: Path) -> None:
    """Its program prints the root of the last checkpoint."""
    text = (exported / "README.md").read_text()
    program = "\n".join(line[4:] for line in re.findall(r"^    (?!usance ).*$", text, re.MULTILINE))
    done = subprocess.run([sys.executable, "-c", program], cwd=exported, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert done.stdout.strip() == outside.files(exported / "checkpoints")[-1].read_text().split(
        "\n"
    )[2]  # fmt: skip
    for path in exported.iterdir():
        assert path.name in text or path.name == "README.md"


def test_what_is_in_it(exported: Path) -> None:
    """Balances that sum to nothing, products and policies, and no personal data."""
    rows = list(csv.DictReader((exported / "trial_balance.csv").open()))
    assert sum(int(row["balance"]) for row in rows) == 0
    assert {row["name"] for row in rows} >= {"Principal", "Interest income"}
    products = json.loads((exported / "products.json").read_text())
    assert {each["code"] for each in products} >= {"cash_loan", "pay_later"}
    assert (exported / "policies/cn/products.yaml").read_text().startswith("#")
    assert b"Li 0" not in b"".join(path.read_bytes() for path in exported.rglob("*.*"))


def line_gone(raw: bytes, place: int) -> bytes:
    lines = raw.split(b"\n")[:-1]
    del lines[place]
    return b"".join(line + b"\n" for line in lines)


def hexes(raw: bytes) -> bytes:
    """The first hash with another digit."""
    digit = re.search(rb'"[0-9a-f]{64}"', raw)
    assert digit is not None
    at = digit.start() + 1
    return raw[:at] + b"%x" % (int(raw[at : at + 1], 16) ^ 1) + raw[at + 1 :]


def more(raw: bytes, column: int) -> bytes:
    """One more in a column of the first row."""
    head, row, rest = raw.split(b"\n", 2)
    cells = row.split(b",")
    cells[column] = b"%d" % (int(cells[column]) + 1)
    return b"\n".join([head, b",".join(cells), rest])


EDITS: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "an event": ("events.jsonl", lambda raw: raw.replace(b'"Repay"', b'"Repax"', 1),
                 r"events.jsonl line \d+ is not the event of its leaf: .*Repax"),
    "a lost event": ("events.jsonl", lambda raw: line_gone(raw, 9),
                     "events.jsonl line 10 is not the event of its leaf"),
    "a lost last event": ("events.jsonl", lambda raw: line_gone(raw, -1), "is missing"),
    "an event too many": ("events.jsonl", lambda raw: raw + raw[:50] + b"\n", "one too many"),
    "half an event": ("events.jsonl", lambda raw: raw[:-9], "last line has no end"),
    "a leaf": ("leaves.txt", lambda raw: b"00" + raw[2:], "events.jsonl line 1 is not"),
    "a checkpoint's size": ("checkpoints/*",
                            lambda raw: re.sub(rb"\n\d+\n", b"\n3\n", raw, count=1),
                            "does not hold"),
    "a checkpoint of nobody": ("checkpoints/*", lambda raw: raw[:-30] + b"\n", "base 64"),
    "a proof between checkpoints": ("consistency.json", hexes, "do not extend"),
    "fewer proofs": ("consistency.json", lambda raw: b"[]", "every two checkpoints"),
    "a turnover": ("ledger.csv", lambda raw: more(raw, 4), "ledger.csv lines .*debits are"),
    "a turnover on both sides": ("ledger.csv", lambda raw: more(more(raw, 4), 5),
                                 "not what the end of the day signed"),
    "a lost turnover": ("ledger.csv", lambda raw: line_gone(raw, 1), "ledger.csv lines 2 to"),
    "no turnover": ("ledger.csv", lambda raw: raw.split(b"\n")[0] + b"\n", "are missing"),
    "a turnover out of order": ("ledger.csv", lambda raw: raw + raw.split(b"\n")[1] + b"\n",
                                "out of order"),
    "words for numbers": ("ledger.csv", lambda raw: raw.replace(b",0,", b",o,", 1),
                          "ledger.csv line 2 cannot be read"),
    "other columns": ("ledger.csv", lambda raw: b"x" + raw, "line 1: other columns"),
    "a balance": ("trial_balance.csv", lambda raw: more(raw, 3), "trial_balance.csv line 2 is"),
    "a product": ("products.json", lambda raw: raw.replace(b"cash_loan", b"cash_lone"),
                  "products.json is not the file that was signed"),
    "a policy": ("policies/cn/products.yaml", lambda raw: raw + b"\n", "policies/cn/products.yaml"),
    "the README": ("README.md", lambda raw: raw + b"\n", "README.md is not the file"),
    "the manifest": ("manifest.json", lambda raw: raw.replace(b'"Test"', b'"Tess"')
                     .replace(b'"test"', b'"tess"'), "manifest.json is not what was signed"),
    "a manifest of another kind": ("manifest.json", lambda raw: raw.replace(b"export 1", b"x 2"),
                                   "no format of an export"),
    "no manifest": ("manifest.json", lambda raw: b"{}", "manifest.json cannot be read"),
    "a signature": ("manifest.note", lambda raw: raw[:-40] + b"A" + raw[-39:], "manifest.note"),
    "no text": ("manifest.note", lambda raw: b"\xff" + raw, "manifest.note is no text"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_found_and_named(copy: Path, name: str) -> None:
    pattern, edit, message = EDITS[name]
    path = sorted(copy.glob(pattern))[0]
    before = path.read_bytes()
    path.write_bytes(edit(before))
    assert path.read_bytes() != before
    with pytest.raises(NotProven, match=message):
        verify(copy, [KEY.public])


@pytest.mark.parametrize("name", ["events.jsonl", "leaves.txt", "ledger.csv", "trial_balance.csv",
                                  "products.json", "consistency.json", "README.md",
                                  "manifest.note", "manifest.json"])  # fmt: skip
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(NotProven, match=f"{name} is missing"):
        verify(copy, [KEY.public])


def test_files_too_many_and_elsewhere(copy: Path) -> None:
    (copy / "more.txt").write_text("x")
    with pytest.raises(NotProven, match=r"more\.txt is not part"):
        verify(copy, [KEY.public])
    (copy / "more.txt").unlink()
    for path in outside.files(copy / "checkpoints")[:-1]:
        path.unlink()
    with pytest.raises(NotProven, match="every two checkpoints"):
        verify(copy, [KEY.public])
    outside.files(copy / "checkpoints")[0].unlink()
    with pytest.raises(NotProven, match="no checkpoint of"):
        verify(copy, [KEY.public])


def test_any_byte_of_any_file(exported: Path, tmp_path: Path) -> None:
    """Two hundred bytes at random; nothing but the time of a signature can be lost unseen."""
    rng = Random(11)
    files = sorted(path for path in exported.rglob("*") if path.is_file())
    for n in range(200):
        path = rng.choice(files)
        copy = Path(shutil.copytree(exported, tmp_path / str(n)))
        place = copy / path.relative_to(exported)
        raw = bytearray(place.read_bytes())
        at, change = rng.randrange(len(raw)), rng.randrange(1, 256)
        raw[at] ^= change
        place.write_bytes(bytes(raw))
        try:
            verify(copy, [KEY.public])
        except NotProven:
            pass
        else:
            assert place.name == "manifest.note", (place, at, change)
        shutil.rmtree(copy)


def test_a_tree_rewritten_with_the_lenders_own_key(
    book: Signed, copy: Path
) -> None:
    """The lender signs another past: only what was kept before tells."""
    lines = (copy / "events.jsonl").read_bytes().replace(b'"Repay"', b'"Nope!"').split(b"\n")[:-1]
    resign(copy, lines)
    assert verify(copy, [KEY.public]).believed == KEY.public
    first = r"kept before: the root of \d+ events is another; the first bad row is one of events"
    with pytest.raises(NotProven, match=first):
        verify(copy, [KEY.public], kept(book))


def resign(place: Path, lines: list[bytes]) -> None:
    """All files of an export anew over other events, with one checkpoint."""
    from usance.audit import merkle

    (place / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    hashes = [merkle.leaf_hash(line) for line in lines]
    (place / "leaves.txt").write_text("".join(f"{each.hex()}\n" for each in hashes))
    peaks = merkle.Peaks()
    for each in hashes:
        peaks.add(each)
    for path in outside.files(place / "checkpoints"):
        path.unlink()
    made = signed_checkpoint(KEY, "usance/test", peaks.size, peaks.root(), NOON)
    outside.keep(place / "checkpoints", made.size, made.note)
    (place / "consistency.json").write_text("[]")
    manifest = json.loads((place / MANIFEST).read_text())
    manifest["files"] = {
        path.relative_to(place).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size,
        }
        for path in sorted(place.rglob("*")) if path.is_file() and "manifest" not in path.name
    }  # fmt: skip
    content = json.dumps(manifest).encode()
    (place / MANIFEST).write_bytes(content)
    (place / "manifest.note").write_text(KEY.sign(manifest_text(content), NOON))


def test_a_checkpoint_of_more_than_was_exported(book: Signed, exported: Path) -> None:
    later = signed_checkpoint(KEY, "usance/test", 10_000, b"r" * 32, NOON)
    with pytest.raises(NotProven, match="has only"):
        verify(exported, [KEY.public], [later.note])
    stranger = signed_checkpoint(OTHER, "usance/test", 3, b"r" * 32, NOON)
    with pytest.raises(NotProven, match="not signed by usance/test"):
        verify(exported, [KEY.public], [stranger.note])


def test_an_export_of_a_damaged_book_says_so(book: Signed, tmp_path: Path) -> None:
    """It is written, and does not verify: the auditor sees what the row says today."""

    async def damaged() -> None:
        connection = await asyncpg.connect(book.url)
        where = "WHERE operation_id = (SELECT operation_id FROM audit_leaf WHERE leaf_index = 12)"
        kept_actor = await connection.fetchval(f"SELECT actor FROM operation {where}")
        await connection.execute(f"UPDATE operation SET actor = 'nobody:1' {where}")
        try:
            await asyncio.to_thread(
                book.ask, lambda pool: export(pool, KEY, tmp_path / "export", NOON)
            )
        finally:
            await connection.execute(f"UPDATE operation SET actor = $1 {where}", kept_actor)
            await connection.close()

    asyncio.run(damaged())
    with pytest.raises(NotProven, match=r"events.jsonl line 13 is not .*nobody:1"):
        verify(tmp_path / "export", [KEY.public])


def test_where_an_export_may_go(book: Signed, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Refused) as refusal:
        book.ask(lambda pool: export(pool, KEY, tmp_path, NOON))
    assert refusal.value.refusal.rule == "R-PROOF-08"


async def test_before_the_first_checkpoint(pool: Pool, tmp_path: Path) -> None:
    """R-PROOF-11."""
    with pytest.raises(Refused) as refusal:
        await export(pool, KEY, tmp_path, NOON)
    assert refusal.value.refusal.rule == "R-PROOF-11"
