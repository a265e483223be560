"""Kernel functions as LLVM code: a small, strict translator for whole numbers and records.

It knows what the kernel uses and nothing else: 64-bit integers, records (a pointer to 64-bit
fields), lists of either (a pointer and a length), branches, loops over ranges, calls of other
kernel functions. Anything else is an ``UntranslatableError`` that names the function and the line.

Where Python's integers would not fit into 64 bits, a divisor is not positive, or an index is
outside its list, the compiled code counts a fault and goes on; ``batch`` then gives up. So compiled
results are those of plain Python, or none.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from llvmlite import ir

WORD = ir.IntType(64)
TRUTH = ir.IntType(1)
POINTER = ir.PointerType()
INT, BOOL, NONE = "int", "bool", "None"


class UntranslatableError(Exception):
    """A kernel function uses what the translator does not know."""


@dataclass(frozen=True)
class Layout:
    """A record: names of its fields, each with its offset and length in words (0: a list)."""

    name: str
    fields: dict[str, tuple[int, int]] = field(hash=False)
    words: int = 0
    of: "Layout | None" = field(default=None, hash=False)  # what its list field holds


@dataclass(frozen=True)
class Many:
    """A list of records or of integers."""

    of: Layout | str

    @property
    def words(self) -> int:
        """Of one element."""
        return self.of.words if isinstance(self.of, Layout) else 1


Kind = str | Layout | Many


@dataclass(frozen=True)
class Value:
    """A value in hand: its kind and its LLVM parts (two for a list, else one)."""

    kind: Kind
    parts: tuple[Any, ...]


def types_of(kind: Kind) -> list[Any]:
    """LLVM types of the parts of a value."""
    if isinstance(kind, Many):
        return [POINTER, WORD]
    return [POINTER if isinstance(kind, Layout) else TRUTH if kind == BOOL else WORD]


def definition(function: Callable[..., object]) -> ast.FunctionDef:
    """The syntax of a function, with its own line numbers."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree


@dataclass
class Program:
    """One LLVM module: the functions reached so far, and what they need."""

    layouts: dict[str, Layout]
    kernel: dict[str, Callable[..., object]]
    instead: dict[str, ast.FunctionDef]  # the primitives' compiled forms
    module: ir.Module = field(default_factory=lambda: ir.Module("usance"))
    made: dict[str, tuple[ir.Function, list[Kind], Kind]] = field(default_factory=dict)
    tags: dict[str, Any] = field(default_factory=dict)

    def tag(self, name: str) -> Any:
        """Two different fields never share memory: what LLVM needs to keep values in registers."""
        if name not in self.tags:
            root = self.module.add_metadata(["usance"])
            one = self.module.add_metadata([name, root, ir.Constant(WORD, 0)])
            self.tags[name] = self.module.add_metadata([one, one, ir.Constant(WORD, 0)])
        return self.tags[name]

    def kind_of(self, annotation: ast.expr | None) -> Kind:
        """The kind that an annotation names."""
        text = ast.unparse(annotation) if annotation is not None else NONE
        if text.startswith("list["):
            inner = self.kind_of(ast.parse(text[5:-1], mode="eval").body)
            assert not isinstance(inner, Many)
            return Many(inner)
        if text in (INT, NONE):
            return text
        return self.layouts[text]

    def function(self, name: str, space: dict[str, Any]) -> tuple[ir.Function, list[Kind], Kind]:
        """The compiled form of a kernel function or primitive, translated once."""
        if name in self.made:
            return self.made[name]
        if name in self.instead:
            return self.add(self.instead[name], space)
        if name not in self.kernel or space.get(name) is not self.kernel[name]:
            raise UntranslatableError(f"{name} is not part of the kernel")
        plain = self.kernel[name]
        return self.add(definition(plain), vars(sys.modules[plain.__module__]))

    def add(
        self, tree: ast.FunctionDef, space: dict[str, Any], *, exported: bool = False
    ) -> tuple[ir.Function, list[Kind], Kind]:
        """Translate one function; ``space`` is where its global names live."""
        kinds = [self.kind_of(each.annotation) for each in tree.args.args]
        gives = self.kind_of(tree.returns)
        result = ir.VoidType() if gives == NONE else types_of(gives)[0]
        arguments = [POINTER, *(each for kind in kinds for each in types_of(kind))]
        name = tree.name if exported else f"usance.{tree.name}"  # never a name the linker knows
        made = ir.Function(self.module, ir.FunctionType(result, arguments), name)
        made.attributes.add("nounwind")
        made.args[0].add_attribute("noalias")  # where faults are counted
        if not exported:
            made.linkage = "internal"
        self.made[tree.name] = made, kinds, gives
        from usance.contract.translate_body import Body

        Body(self, made, gives, space).translate(tree, kinds)
        return self.made[tree.name]
