"""The content of a pickle, without executing it.

A pickle is a program. Here its instructions are followed only as far as they build plain values. If
one names a class or a function, nothing is imported or called: tensors become descriptions, values
of a few well-known inert classes become :class:`Opaque`, and all other names are reported, so that
the file can be refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from models_zoo.checkpoint.inert import is_inert
from models_zoo.checkpoint.stored import DamagedError
from models_zoo.checkpoint.tensors import rebuilt

STEPS = 1_000_000
"""Maximum number of instructions in the pickles of a file; a checkpoint of 1,000 layers has
100,000."""

Resolve = Callable[[object], object]

_PUSHED = {
    *("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUT, _GET = {"PUT", "BINPUT", "LONG_BINPUT"}, {"GET", "BINGET", "LONG_BINGET"}
_DICTS = {
    *("collections.OrderedDict", "collections.defaultdict", "collections.Counter"),
    *("builtins.dict", "__builtin__.dict"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A class or function that a pickle names.

    Attributes:
        name: with its module, such as ``"collections.OrderedDict"``.
    """

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A value that is not built, or a key that is not a string.

    Attributes:
        kind: its class, as a name.
        value: its content, if that is a plain value.
    """

    kind: str
    value: object = None


@dataclass
class Steps:
    """Remaining instructions for the pickles of a file, and the names that may not be used.

    Attributes:
        left: remaining instructions.
        unsafe: names of classes and functions that are not known to be inert.
    """

    left: int = STEPS
    unsafe: set[str] = field(default_factory=set)


def follow(stream: BytesIO, steps: Steps, resolve: Resolve) -> object:
    """Read the pickle at a stream's position, and leave the stream after it.

    Args:
        stream: contains the pickle.
        steps: counts the instructions and collects names.
        resolve: returns the object of a persistent id.

    Raises:
        DamagedError: it has too many instructions, or is not a pickle.
        Exception: any error that a damaged pickle causes.
    """
    machine = _Machine(steps, resolve)
    for opcode, argument, _ in pickletools.genops(stream):
        steps.left -= 1
        if steps.left < 0:
            raise DamagedError(f"its pickle has more than {STEPS:,} instructions")
        machine.step(opcode.name, argument)
    return machine.stack[-1]


class _Machine:
    def __init__(self, steps: Steps, resolve: Resolve) -> None:
        self.steps, self.resolve = steps, resolve
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in _PUT:
            self.memo[int(argument)] = stack[-1]
        elif name in _GET:
            stack.append(self.memo[int(argument)])
        elif name in _PUSHED:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            stack.append(tuple(self.pop(_TUPLES[name])))
        elif (method := getattr(self, f"do_{name.lower()}", None)) is not None:
            method(argument)
        else:
            raise DamagedError(f"its pickle has an instruction {name}")

    def pop(self, count: int) -> list[Any]:
        if count > len(self.stack) - (self.marks[-1] if self.marks else 0):
            raise DamagedError("its pickle pops from an empty stack")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def pop_mark(self) -> list[Any]:
        start = self.marks.pop()
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def named(self, module: object, name: object) -> Global:
        found = Global(f"{module}.{name}")
        if not is_inert(found.name):
            self.steps.unsafe.add(found.name)
        return found

    def do_proto(self, _: Any) -> None:
        return None

    do_frame = do_stop = do_proto

    def do_mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def do_pop(self, _: Any) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.pop(1)

    def do_pop_mark(self, _: Any) -> None:
        self.pop_mark()

    def do_dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def do_memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def do_empty_list(self, _: Any) -> None:
        self.stack.append([])

    def do_list(self, _: Any) -> None:
        self.stack.append(self.pop_mark())

    def do_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self.pop_mark()))

    def do_empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def do_dict(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append(_filled({}, items))

    def do_empty_set(self, _: Any) -> None:
        self.stack.append(Opaque("set"))

    def do_frozenset(self, _: Any) -> None:
        self.pop_mark()
        self.stack.append(Opaque("frozenset"))

    def do_append(self, _: Any) -> None:
        self.extend(self.pop(1))

    def do_appends(self, _: Any) -> None:
        self.extend(self.pop_mark())

    do_additems = do_appends

    def extend(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)
        elif not isinstance(self.stack[-1], Opaque):
            raise DamagedError("its pickle appends to something that is not a list")

    def do_setitem(self, _: Any) -> None:
        self.fill(self.pop(2))

    def do_setitems(self, _: Any) -> None:
        self.fill(self.pop_mark())

    def fill(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], dict):
            _filled(self.stack[-1], items)
        elif not isinstance(self.stack[-1], Opaque):
            raise DamagedError("its pickle sets items of something that has none")

    def do_global(self, argument: str) -> None:
        self.stack.append(self.named(*argument.split(" ", 1)))

    def do_stack_global(self, _: Any) -> None:
        self.stack.append(self.named(*self.pop(2)))

    def do_inst(self, argument: str) -> None:
        self.pop_mark()
        self.stack.append(Opaque(self.named(*argument.split(" ", 1)).name))

    def do_obj(self, _: Any) -> None:
        self.made(self.pop_mark()[0])

    def do_newobj(self, _: Any) -> None:
        self.made(self.pop(2)[0])

    def do_newobj_ex(self, _: Any) -> None:
        self.made(self.pop(3)[0])

    def made(self, kind: Any) -> None:
        if isinstance(kind, Global) and kind.name in _DICTS:
            self.stack.append({})
        else:
            self.stack.append(Opaque(kind.name if isinstance(kind, Global) else "object"))

    def do_reduce(self, _: Any) -> None:
        function, arguments = self.pop(2)
        if not isinstance(arguments, tuple):
            raise DamagedError("its pickle calls something with arguments that are not a tuple")
        self.stack.append(_called(function, arguments))

    def do_build(self, _: Any) -> None:
        self.pop(1)  # attributes, such as the versions of a state dict's modules
        if not self.stack:
            raise DamagedError("its pickle sets attributes of None")

    def do_persid(self, argument: str) -> None:
        self.stack.append(self.resolve(argument))

    def do_binpersid(self, _: Any) -> None:
        self.stack.append(self.resolve(self.pop(1)[0]))

    def do_ext1(self, argument: int) -> None:
        self.stack.append(self.named("copyreg", f"extension {argument}"))

    do_ext2 = do_ext4 = do_ext1


def _filled(target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise DamagedError("its pickle has a key without a value")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # Other keys are compared by identity: hashing a tuple of tuples can take forever.
        target[key if isinstance(key, str) else Opaque(type(key).__name__, key)] = value
    return target


def _called(function: object, arguments: tuple[Any, ...]) -> object:
    if not isinstance(function, Global):
        return Opaque("object")
    if function.name in _DICTS:
        pairs = arguments[0] if arguments and isinstance(arguments[0], list) else []
        flat = [each for pair in pairs if isinstance(pair, tuple | list) for each in pair]
        return _filled({}, flat)
    name, values = function.name, list(arguments)
    if name == "torch._tensor._rebuild_from_type_v2" and len(values) >= 3:
        name, kind, values = (_name(values[0]), _name(values[1]), values[2])
        return rebuilt(name, list(values), kind)
    return rebuilt(name, values) or Opaque(name)


def _name(value: object) -> str:
    return value.name if isinstance(value, Global) else ""
