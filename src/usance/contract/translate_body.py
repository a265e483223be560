"""The body of one kernel function as LLVM instructions; see ``translate``."""

import ast
from typing import Any, NoReturn

from llvmlite import ir

from usance.contract.translate import (
    BOOL,
    INT,
    NONE,
    POINTER,
    TRUTH,
    WORD,
    Kind,
    Layout,
    Many,
    Program,
    UntranslatableError,
    Value,
    types_of,
)

ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "sadd_with_overflow",
    ast.Sub: "ssub_with_overflow",
    ast.Mult: "smul_with_overflow",
}
BITS: dict[type[ast.operator], str] = {ast.RShift: "ashr", ast.BitAnd: "and_", ast.BitOr: "or_"}
COMPARISON: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


HALF = ir.IntType(32)
LINE_WORDS = 8  # of a processor's cache line


def number(value: int) -> Any:
    """A constant."""
    return ir.Constant(WORD, value)


class Body:
    """Translates statements in order; local variables are stack slots that LLVM makes registers."""

    def __init__(
        self, program: Program, function: ir.Function, gives: Kind, space: dict[str, Any]
    ) -> None:
        self.program = program
        self.function = function
        self.gives = gives
        self.space = space
        self.entry = ir.IRBuilder(function.append_basic_block("entry"))
        self.b = ir.IRBuilder(function.append_basic_block("body"))
        self.locals: dict[str, tuple[Kind, list[Any]]] = {}
        self.exits: list[tuple[Any, Any]] = []  # of the loops around: (next round, after)

    def translate(self, tree: ast.FunctionDef, kinds: list[Kind]) -> None:
        """The whole function."""
        self.fault, *given = self.function.args
        parts = iter(given)
        for argument, kind in zip(tree.args.args, kinds, strict=True):
            self.assign(argument.arg, Value(kind, tuple(next(parts) for _ in types_of(kind))))
        self.block(tree.body)
        if not self.b.block.is_terminated:
            self.leave(None)
        self.entry.branch(self.function.blocks[1])

    def refuse(self, node: ast.AST, what: str) -> NoReturn:
        """Name the function and the line."""
        line = getattr(node, "lineno", 0)
        raise UntranslatableError(f"{self.function.name}, line {line}: {what}")

    # -- statements -----------------------------------------------------------------------------

    def block(self, statements: list[ast.stmt]) -> None:
        """Statements up to the first that leaves."""
        for each in statements:
            if self.b.block.is_terminated:
                return
            handler = getattr(self, f"do_{type(each).__name__.lower()}", None)
            if handler is None:
                self.refuse(each, f"{type(each).__name__} is not known")
            handler(each)

    def do_expr(self, node: ast.Expr) -> None:
        """A call for its effect; a docstring is nothing."""
        if isinstance(node.value, ast.Call):
            self.value(node.value)
        elif not isinstance(node.value, ast.Constant):
            self.refuse(node, "an expression without effect")

    def do_pass(self, _node: ast.Pass) -> None:
        """Nothing."""

    def do_assign(self, node: ast.Assign) -> None:
        """One target, or as many as values."""
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            values = [self.value(each) for each in node.value.elts]
            for one, value in zip(target.elts, values, strict=True):
                self.store(one, value)
        else:
            self.store(target, self.value(node.value))

    def do_augassign(self, node: ast.AugAssign) -> None:
        """``+=`` and its kin."""
        self.store(node.target, self.binary(node, self.value(node.target), self.value(node.value)))

    def do_return(self, node: ast.Return) -> None:
        """Leave with a value or none."""
        self.leave(self.value(node.value) if node.value is not None else None)

    def leave(self, value: Value | None) -> None:
        """Return, as the function's signature says."""
        if self.gives == NONE:
            self.b.ret_void()
        elif value is None:
            self.b.unreachable()
        else:
            assert value.kind == self.gives, self.function.name
            self.b.ret(value.parts[0])

    def do_if(self, node: ast.If) -> None:
        """Two ways that meet again."""
        yes, no, after = (self.new_block() for _ in range(3))
        self.b.cbranch(self.truth(node.test), yes, no)
        for start, statements in ((yes, node.body), (no, node.orelse)):
            self.b.position_at_end(start)
            self.block(statements)
            self.go(after)
        self.b.position_at_end(after)

    def do_while(self, node: ast.While) -> None:
        """Rounds while the test holds."""
        test, body, after = (self.new_block() for _ in range(3))
        self.go(test)
        self.b.position_at_end(test)
        self.b.cbranch(self.truth(node.test), body, after)
        self.round(node.body, body, test, after)

    def do_for(self, node: ast.For) -> None:
        """Over a range with a constant step; its ends are taken once, as in Python."""
        call, target = node.iter, node.target
        if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "range"):
            self.refuse(node, "only range can be looped over")
        assert isinstance(target, ast.Name)
        ends = [self.whole(each) for each in call.args]
        start, stop = (number(0), ends[0]) if len(ends) == 1 else ends[:2]
        step = ends[2].constant if len(ends) == 3 else 1
        counter = self.entry.alloca(WORD)
        self.b.store(start, counter)
        test, body, advance, after = (self.new_block() for _ in range(4))
        self.b.branch(test)
        self.b.position_at_end(test)
        at = self.b.load(counter, typ=WORD)
        self.b.cbranch(self.b.icmp_signed("<" if step > 0 else ">", at, stop), body, after)
        self.b.position_at_end(advance)
        self.b.store(self.b.add(self.b.load(counter, typ=WORD), number(step)), counter)
        self.b.branch(test)
        self.b.position_at_end(body)
        self.assign(target.id, Value(INT, (at,)))
        self.round(node.body, body, advance, after)

    def round(self, statements: list[ast.stmt], body: Any, again: Any, after: Any) -> None:
        """One round of a loop."""
        self.exits.append((again, after))
        self.b.position_at_end(body)
        self.block(statements)
        self.go(again)
        self.exits.pop()
        self.b.position_at_end(after)

    def do_break(self, _node: ast.Break) -> None:
        """To what follows the loop."""
        self.b.branch(self.exits[-1][1])

    def do_continue(self, _node: ast.Continue) -> None:
        """To the next round."""
        self.b.branch(self.exits[-1][0])

    def new_block(self) -> Any:
        """A block to jump to."""
        return self.function.append_basic_block()

    def go(self, block: Any) -> None:
        """Jump there, unless the statements before have left."""
        if not self.b.block.is_terminated:
            self.b.branch(block)

    # -- places ---------------------------------------------------------------------------------

    def assign(self, name: str, value: Value) -> None:
        """Into a local variable, which keeps its kind."""
        if name not in self.locals:
            slots = [self.entry.alloca(each) for each in types_of(value.kind)]
            self.locals[name] = value.kind, slots
        kind, slots = self.locals[name]
        if kind != value.kind:
            raise UntranslatableError(f"{self.function.name}: {name} changes its kind")
        for part, slot in zip(value.parts, slots, strict=True):
            self.b.store(part, slot)

    def store(self, target: ast.expr, value: Value) -> None:
        """Into a variable, a field or an element of a list of integers."""
        if isinstance(target, ast.Name):
            self.assign(target.id, value)
            return
        if value.kind != INT:
            self.refuse(target, "fields hold integers only")
        place, name = self.place(target)
        self.b.store(value.parts[0], place).set_metadata("tbaa", self.program.tag(name))

    def place(self, node: ast.expr) -> tuple[Any, str]:
        """Address of a field or of an integer in a list, and the name of its kind of memory."""
        if isinstance(node, ast.Attribute):
            record = self.value(node.value)
            assert isinstance(record.kind, Layout)
            name = f"{record.kind.name}.{node.attr}"
            return self.offset(record.parts[0], record.kind.fields[node.attr][0]), name
        assert isinstance(node, ast.Subscript)
        many = self.value(node.value)
        return self.element(many, self.whole(node.slice)), "integers"

    def offset(self, pointer: Any, words: int) -> Any:
        """An address so many words further."""
        return self.b.gep(pointer, [number(words)], source_etype=WORD, inbounds=True)

    def element(self, many: Value, index: Any) -> Any:
        """Address of an element; an index outside is a fault."""
        assert isinstance(many.kind, Many)
        pointer, length = many.parts
        outside = self.b.icmp_unsigned(">=", index, length)
        self.fault_if(outside)
        safe = self.b.select(outside, number(0), index)
        words = self.b.mul(safe, number(many.kind.words))
        return self.b.gep(pointer, [words], source_etype=WORD, inbounds=True)

    def load(self, place: Any, name: str) -> Value:
        """An integer from memory."""
        loaded = self.b.load(place, typ=WORD)
        loaded.set_metadata("tbaa", self.program.tag(name))
        return Value(INT, (loaded,))

    # -- expressions ----------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Value:
        """Any expression."""
        handler = getattr(self, f"of_{type(node).__name__.lower()}", None)
        if handler is None:
            self.refuse(node, f"{type(node).__name__} is not known")
        found: Value = handler(node)
        return found

    def whole(self, node: ast.expr) -> Any:
        """An integer expression."""
        found = self.value(node)
        if found.kind != INT:
            self.refuse(node, "an integer is needed")
        return found.parts[0]

    def truth(self, node: ast.expr) -> Any:
        """A condition."""
        found = self.value(node)
        if found.kind != BOOL:
            self.refuse(node, "a comparison is needed")
        return found.parts[0]

    def of_constant(self, node: ast.Constant) -> Value:
        """An integer as written."""
        if type(node.value) is not int:
            self.refuse(node, "only integers are known")
        return Value(INT, (number(node.value),))

    def of_name(self, node: ast.Name) -> Value:
        """A local variable, or an integer constant of the module."""
        if node.id in self.locals:
            kind, slots = self.locals[node.id]
            types = types_of(kind)
            parts = [self.b.load(s, typ=t) for s, t in zip(slots, types, strict=True)]
            return Value(kind, tuple(parts))
        constant = self.space.get(node.id)
        if type(constant) is not int:
            self.refuse(node, f"{node.id} is neither a variable nor an integer constant")
        return Value(INT, (number(constant),))

    def of_attribute(self, node: ast.Attribute) -> Value:
        """A field: an integer, an array of them, or a list."""
        record = self.value(node.value)
        if not isinstance(record.kind, Layout) or node.attr not in record.kind.fields:
            self.refuse(node, f"no field {node.attr}")
        offset, length = record.kind.fields[node.attr]
        place = self.offset(record.parts[0], offset)
        name = f"{record.kind.name}.{node.attr}"
        if length == 0:
            assert record.kind.of is not None
            pointer = self.b.inttoptr(self.load(place, name).parts[0], ir.PointerType())
            room = self.load(self.offset(record.parts[0], offset + 1), f"{name}.room")
            return Value(Many(record.kind.of), (pointer, room.parts[0]))
        if length > 1:
            return Value(Many(INT), (place, number(length)))
        return self.load(place, name)

    def of_subscript(self, node: ast.Subscript) -> Value:
        """An element, or a part of a list."""
        many = self.value(node.value)
        if not isinstance(many.kind, Many):
            self.refuse(node, "not a list")
        if isinstance(node.slice, ast.Slice):
            assert node.slice.lower is not None
            assert node.slice.upper is not None
            start, stop = self.whole(node.slice.lower), self.whole(node.slice.upper)
            words = self.b.mul(start, number(many.kind.words))
            pointer = self.b.gep(many.parts[0], [words], source_etype=WORD)
            return Value(many.kind, (pointer, self.b.sub(stop, start)))
        if isinstance(many.kind.of, Layout):
            return Value(many.kind.of, (self.element(many, self.whole(node.slice)),))
        return self.load(*self.place(node))

    def of_unaryop(self, node: ast.UnaryOp) -> Value:
        """``-`` and ``not``."""
        if isinstance(node.op, ast.Not):
            return Value(BOOL, (self.b.not_(self.truth(node.operand)),))
        if not isinstance(node.op, ast.USub):
            self.refuse(node, "only minus and not")
        if isinstance(node.operand, ast.Constant) and type(node.operand.value) is int:
            return Value(INT, (number(-node.operand.value),))
        return Value(
            INT, (self.checked("ssub_with_overflow", number(0), self.whole(node.operand)),)
        )

    def of_binop(self, node: ast.BinOp) -> Value:
        """Two operands."""
        return self.binary(node, self.value(node.left), self.value(node.right))

    def binary(self, node: ast.BinOp | ast.AugAssign, left: Value, right: Value) -> Value:
        """Integers as Python has them; what does not fit is a fault."""
        if left.kind != INT or right.kind != INT:
            self.refuse(node, "only integers can be calculated with")
        (a,), (b,) = left.parts, right.parts
        operator = type(node.op)
        if operator in ARITHMETIC:
            return Value(INT, (self.checked(ARITHMETIC[operator], a, b),))
        if operator in BITS:
            return Value(INT, (getattr(self.b, BITS[operator])(a, b),))
        if operator in (ast.FloorDiv, ast.Mod):
            quotient, rest = self.floor(a, b)
            return Value(INT, (quotient if operator is ast.FloorDiv else rest,))
        return self.refuse(node, f"{operator.__name__} is not known")

    def checked(self, operation: str, a: Any, b: Any) -> Any:
        """A sum, difference or product; leaving 64 bits is a fault."""
        pair = getattr(self.b, operation)(a, b)
        self.fault_if(self.b.extract_value(pair, 1))
        return self.b.extract_value(pair, 0)

    def floor(self, a: Any, b: Any) -> tuple[Any, Any]:
        """Floor quotient and its rest; a divisor that is not positive is a fault."""
        wrong = self.b.icmp_signed("<=", b, number(0))
        self.fault_if(wrong)
        by = self.b.select(wrong, number(1), b)
        sign = self.b.ashr(a, number(63))  # -1 or 0: ~(~a / b) is the floor of a negative a
        quotient = self.b.xor(self.b.udiv(self.b.xor(a, sign), by), sign)
        return quotient, self.b.sub(a, self.b.mul(quotient, by))

    def fault_if(self, wrong: Any) -> None:
        """Count a fault; never expected, so out of the way."""
        with self.b.if_then(wrong, likely=False):
            so_far = self.load(self.fault, "faults").parts[0]
            noted = self.b.store(self.b.add(so_far, number(1)), self.fault)
            noted.set_metadata("tbaa", self.program.tag("faults"))

    def of_compare(self, node: ast.Compare) -> Value:
        """One comparison of integers."""
        if len(node.ops) != 1 or type(node.ops[0]) not in COMPARISON:
            self.refuse(node, "one comparison at a time")
        a, b = self.whole(node.left), self.whole(node.comparators[0])
        return Value(BOOL, (self.b.icmp_signed(COMPARISON[type(node.ops[0])], a, b),))

    def of_boolop(self, node: ast.BoolOp) -> Value:
        """``and``, ``or``: what follows is only looked at when it matters."""
        result = self.entry.alloca(TRUTH)
        after = self.new_block()
        for each in node.values:
            found = self.truth(each)
            self.b.store(found, result)
            more = self.new_block()
            ways = (more, after) if isinstance(node.op, ast.And) else (after, more)
            self.b.cbranch(found, *ways)
            self.b.position_at_end(more)
        self.b.branch(after)
        self.b.position_at_end(after)
        return Value(BOOL, (self.b.load(result, typ=TRUTH),))

    def of_ifexp(self, node: ast.IfExp) -> Value:
        """One of two integers; the other is not looked at."""
        result = self.entry.alloca(WORD)
        yes, no, after = (self.new_block() for _ in range(3))
        self.b.cbranch(self.truth(node.test), yes, no)
        for start, each in ((yes, node.body), (no, node.orelse)):
            self.b.position_at_end(start)
            self.b.store(self.whole(each), result)
            self.b.branch(after)
        self.b.position_at_end(after)
        return Value(INT, (self.b.load(result, typ=WORD),))

    def of_call(self, node: ast.Call) -> Value:
        """``min``, ``max``, ``len``, or another function of the kernel."""
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        given = [self.value(each) for each in node.args]
        if name in ("min", "max"):
            return self.extreme(name, [each.parts[0] for each in given])
        if name == "len":
            return Value(INT, (given[0].parts[1],))
        if name == "faults":
            return self.load(self.fault, "faults")
        if name == "foresee":
            return self.foresee(given[0])
        function, kinds, gives = self.program.function(name, self.space)
        if [each.kind for each in given] != kinds:
            self.refuse(node, f"{name} takes other kinds")
        parts = [part for each in given for part in each.parts]
        result = self.b.call(function, [self.fault, *parts])
        return Value(gives, (result,))

    def foresee(self, record: Value) -> Value:
        """Ask for each cache line of a record, into the second level.

        Only few lines at a time may be on their way to the first, and the kernel's own loads would
        have to wait behind them.
        """
        assert isinstance(record.kind, Layout)
        fetch = self.program.module.declare_intrinsic(
            "llvm.prefetch", (POINTER,), ir.FunctionType(ir.VoidType(), [POINTER, *[HALF] * 3])
        )
        for words in range(0, record.kind.words, LINE_WORDS):
            place = self.offset(record.parts[0], words)
            self.b.call(fetch, [place, HALF(0), HALF(2), HALF(1)])  # to be read, level 2, data
        return Value(NONE, ())

    def extreme(self, name: str, given: list[Any]) -> Value:
        """``min`` or ``max`` of integers."""
        best = given[0]
        for each in given[1:]:
            better = self.b.icmp_signed("<" if name == "min" else ">", each, best)
            best = self.b.select(better, each, best)
        return Value(INT, (best,))
