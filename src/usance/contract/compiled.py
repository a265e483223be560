"""The kernel compiled: the same functions, over records of structured arrays.

``Compiled`` translates loops and every kernel function they reach (``translate``), lets LLVM
optimise them as one module and keeps the machine code in a file named by a hash of all sources, the
compiler and the processor. So a second process only loads it, and old code never meets a changed
source.
"""

import ast
import ctypes
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from usance.contract import records
from usance.contract.records import Contract, Due, Effect, Event, Streams, Terms, names
from usance.contract.translate import Layout, Many, Program, definition
from usance.core.kernel import KERNEL

ROOMS = ("core", "contract")
INLINE_UP_TO = 500  # LLVM's measure; the kernel's functions are small and their calls many
ARRAY_FIELDS = {
    "penalty_from": records.STEPS_MAX,
    "penalty_rate": records.STEPS_MAX,
    "waterfall_from": records.WATERFALLS_MAX,
    "waterfall_by": records.WATERFALLS_MAX,
    "waterfall_order": records.WATERFALLS_MAX,
    "overdue_step": records.OVERDUE_STEPS_MAX,
    "reminder": 4,
}

Loop = Callable[..., None]


def dtype_of(record: type) -> np.dtype[Any]:
    """The structured dtype with the record's field names, all 64-bit integers."""
    fields_: list[Any] = []
    for name in names(record):
        size = ARRAY_FIELDS.get(name)
        fields_.append((name, np.int64, (size,)) if size else (name, np.int64))
    return np.dtype(fields_)


RECORDS = (Terms, Contract, Due, Event, Effect, Streams)
TERMS, CONTRACT, DUE, EVENT, EFFECT, STREAMS = map(dtype_of, RECORDS)
OUT = np.dtype([("effects", np.int64), ("room", np.int64), ("place", np.int64)])
"""Where effects go: address and room of an array of ``EFFECT``, and how many there are."""


def layout_of(record: type) -> Layout:
    """The same for the translator, in words of 64 bits."""
    at, places = 0, {}
    for name in names(record):
        places[name] = at, ARRAY_FIELDS.get(name, 1)
        at += ARRAY_FIELDS.get(name, 1)
    return Layout(record.__name__, places, at)


def layouts() -> dict[str, Layout]:
    """Every record that a kernel function may take."""
    found = {each.__name__: layout_of(each) for each in RECORDS}
    places = {"effects": (0, 0), "place": (2, 1)}
    return found | {"Out": Layout("Out", places, 3, found["Effect"])}


def faults() -> int:
    """How many results did not fit so far; Python's integers always do, compiled ones may not."""
    return 0


def foresee(record: object) -> None:
    """A record is needed soon: the processor may fetch it from memory meanwhile."""


def counted(out: records.Out) -> int:
    """How many effects there are."""
    return len(out.effects)


PRIMITIVES = f"""
def append_due(dues: list[Due], c: Contract) -> Due:
    d = dues[c.count + 1 - dues[0].n]
    {"; ".join(f"d.{each.name} = {each.default}" for each in fields(Due))}
    d.n = c.count + 1
    c.count += 1
    return d

def emit(out: Out, source: int, component: int, n: int, amount: int):
    if amount != 0:
        if out.place < len(out.effects):
            each = out.effects[out.place]
            each.kind = source * 8 + component
            each.n = n
            each.amount = amount
        out.place += 1

def why(out: Out, code: int, on: int, n: int, component: int, base: int, rate: int, days: int,
        amount: int, basis: int):
    pass

def lowered_instalment(t: Terms, c: Contract, dues: list[Due]) -> int:
    return 1 // 0

def counted(out: Out) -> int:
    return out.place
"""
"""What differs compiled: room is there already, nobody asks why, and big integers are a fault."""


def primitives() -> dict[str, ast.FunctionDef]:
    """The compiled forms by name."""
    functions = ast.parse(PRIMITIVES).body
    return {each.name: each for each in functions if isinstance(each, ast.FunctionDef)}


def program(loops: tuple[Loop, ...]) -> Program:
    """The loops and all that they reach, as one module of LLVM."""
    made = Program(layouts(), KERNEL, primitives())
    for loop in loops:
        made.add(definition(loop), vars(sys.modules[loop.__module__]), exported=True)
    return made


@cache
def machine() -> llvm.TargetMachine:
    """The processor of this computer; functions call each other by distance, not by address."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2,
        reloc="pic", codemodel="small",
    )  # fmt: skip


def compile_object(loops: tuple[Loop, ...]) -> bytes:
    """Machine code as an object file."""
    target = machine()
    module = llvm.parse_assembly(str(program(loops).module))
    module.triple = llvm.get_default_triple()
    module.data_layout = str(target.target_data)
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.inlining_threshold = INLINE_UP_TO
    builder = llvm.create_pass_builder(target, tuning)
    builder.getModulePassManager().run(module, builder)
    code: bytes = target.emit_object(module)
    return code


def source_digest() -> str:
    """Hash of what the machine code depends on: all sources, the compiler, the processor."""
    root = Path(records.__file__).parent.parent
    digest = hashlib.sha256(f"{llvmlite.__version__} {llvm.get_host_cpu_name()}".encode())
    digest.update(llvm.get_host_cpu_features().flatten().encode())
    for room in ROOMS:
        for path in sorted((root / room).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def cache_directory() -> Path:
    """Where machine code is kept between runs."""
    base = os.environ.get("USANCE_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    return root / "usance" / f"kernel-{source_digest()}"


def kept(path: Path) -> bytes | None:
    """Machine code kept earlier, if it is whole: a file begins with the hash of its rest."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    code = content[32:]
    return code if hashlib.sha256(code).digest() == content[:32] else None


def keep(path: Path, code: bytes) -> None:
    """For the next process, in one move; a cache that cannot be written is no reason to stop."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(code).digest() + code)
        Path(file.name).replace(path)
    except OSError:
        return


class Compiled:
    """Loaded loops as methods of this process; ``from_cache`` says whether nothing was compiled."""

    def __init__(self, loops: tuple[Loop, ...]) -> None:
        path = cache_directory() / f"{'-'.join(each.__name__ for each in loops)}.o"
        code = kept(path)
        self.from_cache = code is not None
        if code is None:
            code = compile_object(loops)
            keep(path, code)
        self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()
        self.kinds = {each.__name__: kinds_of(each) for each in loops}

    def run(self, name: str, *arrays: np.ndarray[Any, Any]) -> None:
        """Call a loop on arrays: contiguous, of the dtypes that its annotations say."""
        counter = np.zeros(1, np.int64)  # of faults, the run's own
        words: list[int] = [counter.ctypes.data]
        for array, kind in zip(arrays, self.kinds[name], strict=True):
            assert array.flags.c_contiguous, name
            of = kind.of if isinstance(kind, Many) else kind
            assert array.dtype.itemsize == 8 * (of.words if isinstance(of, Layout) else 1), name
            words.append(array.ctypes.data)
            if isinstance(kind, Many):
                words.append(len(array))
        address = self.engine.get_function_address(name)
        ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(words))(address)(*words)


def kinds_of(loop: Loop) -> list[Any]:
    """Kinds of the arguments of a loop."""
    known = Program(layouts(), KERNEL, {})
    return [known.kind_of(each.annotation) for each in definition(loop).args.args]
