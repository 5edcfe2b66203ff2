# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Reads the pickles in PyTorch's files: plain values and tensors, and nothing else.

A pickle may ask for any function of any module to be called. So none is given to Python's unpickler: the few opcodes
that tensors need are carried out here, and a name that is not in _NAMES is refused. That also spares us nested tuples
as dictionary keys: 200 bytes of them take Python's unpickler hours to hash, 200 kB end the process.

Follows torch/_utils.py and torch/_tensor.py of PyTorch 2.13.
"""

import dataclasses
import math
import pickletools
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.weights.refusal import RefusedError, printable, refuse

# Room for 7,000 tensors. A byte of a pickle can ask for a dictionary, which takes 80.
_LARGEST_PICKLE = 2 * 2**20
# Strides of 0 make a tensor larger than the file. One that is copied later must not fill the memory.
_MOST_REPEATED = 2**24
HINT = "; save the state_dict alone: torch.save(model.state_dict(), FILE)"


class Storage(NamedTuple):
    """The elements that tensors share; the content is None while it is not known where it lies."""

    content: memoryview | None
    dtype: np.dtype


def unpickle(content: bytes | memoryview, start: int = 0, refer: Callable[[Any], Any] | None = None) -> tuple[Any, int]:
    """The object of the pickle that begins at start, and where the pickle ends.

    Args:
      refer: a persistent identity -> what it stands for, such as a storage; None: there must be none.

    Raises:
      RefusedError: the pickle asks for more than tensors and plain values. Other errors: it is damaged.
    """
    stack, marks, memo = [], [], {}
    for opcode, argument, position in pickletools.genops(bytes(content[start : start + 2 * _LARGEST_PICKLE])):
        if (position or 0) >= _LARGEST_PICKLE:
            break
        values = _take(stack, marks, opcode)
        match opcode.name, values:
            case "STOP", [value]:
                return _tensor_of(value), start + (position or 0) + 1
            case "PROTO" | "FRAME", _:
                pass
            case "MARK", _:
                marks.append(len(stack))
            case "BINPUT" | "LONG_BINPUT", _:
                memo[argument] = stack[-1]
            case "MEMOIZE", [value]:
                stack.append(value)
                memo[len(memo)] = value
            case "BINGET" | "LONG_BINGET", _:
                stack.append(memo[argument])
            case "BINPERSID", [identity] if refer:
                stack.append(refer(identity))
            case name, _:
                stack.append(_made(name, argument, values))
    raise RefusedError(f"has a pickle of more than {_LARGEST_PICKLE} bytes, which tensors alone do not need{HINT}")


def _take(stack: list[Any], marks: list[int], opcode: pickletools.OpcodeInfo) -> list[Any]:
    """Takes what the opcode needs off the stack."""
    count = len(opcode.stack_before)
    if pickletools.markobject in opcode.stack_before:  # all that came since the mark, and the target before it
        count = len(stack) - marks.pop() + opcode.stack_before.index(pickletools.markobject)
    if not 0 <= count <= len(stack):
        refuse("has a pickle that takes more values than there are")
    values = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return values


def _made(name: str, argument: Any, values: list[Any]) -> Any:
    """What an opcode makes of its argument and of the values that it took."""
    match name, values:
        case "EMPTY_TUPLE" | "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3", _:
            return tuple(values)
        case "EMPTY_LIST", _:
            return []
        case "APPEND" | "APPENDS", [list() as target, *items]:
            target.extend(items)
            return target
        case "EMPTY_DICT", _:
            return {}
        case "SETITEM" | "SETITEMS", [dict() as target, *items]:
            target.update(_checked(zip(items[::2], items[1::2], strict=True)))
            return target
        case "BUILD", [dict() as target, _]:  # attributes, such as a state_dict's _metadata: not its content
            return target
        case "BUILD", [_Parameter() as target, tuple() as state]:
            target.data = state[0] if len(state) == 5 else target.data
            return target
        # INST, which makes an object of its class at once, is here to be refused by the name that it asks for.
        case ("GLOBAL" | "INST", _) | ("STACK_GLOBAL", [str(), str()]):
            return _named(*(str(argument).split(" ", 1) if argument else values))
        case "NEWOBJ", [types.FunctionType() as function, tuple() as arguments] if function is _parameter:
            return function(*arguments)
        case "REDUCE", [types.FunctionType() as function, tuple() as arguments] if len(arguments) <= 7:
            return function(*arguments)  # one of _NAMES, of which none takes more
        case name, _ if name in _LITERALS:
            return argument
        case name, _ if name in _CONSTANTS:
            return _CONSTANTS[name]
        case name, _:
            kinds = ", ".join(type(value).__name__ for value in values[:2])
            raise RefusedError(
                f"has the pickle opcode {name}({kinds}), which is not part of a tensor file; refused{HINT}"
            )


def _named(module: str, name: str) -> Any:
    if (module, name) not in _NAMES:
        refuse(f"asks for {printable(f'{module}.{name}')}, which is not part of a tensor file; refused{HINT}")
    return _NAMES[module, name]


def find_storage(identity: Any, find: Callable[[str, np.dtype, int], Storage]) -> Storage:
    """The storage of a persistent identity, ("storage", type, key, location, elements).

    Args:
      find: key, type and number of elements -> the storage.
    """
    match identity:
        case (str("storage"), np.dtype() as dtype, str(key), str(), count):
            check_numbers(count)
            return find(key, dtype, count)
        case (_, _, _, _, _, None):
            return find_storage(identity[:5], find)
        case (_, _, _, _, count, (str(), offset, size)):  # a part of a storage, as before PyTorch 0.4
            return part_of(find_storage(identity[:5], find), count, offset, size)
        case _:
            raise RefusedError("refers to something that is not a storage")


def part_of(storage: Storage, count: Any, offset: Any, size: Any) -> Storage:
    """The elements from offset of a storage of `count` elements."""
    check_numbers(offset, size)
    if offset + size > count:
        refuse(f"refers to {size} elements from {offset} in a storage of {count}")
    width = storage.dtype.itemsize
    part = slice(offset * width, (offset + size) * width)
    return Storage(None if storage.content is None else storage.content[part], storage.dtype)


def make_tensor(
    storage: Any, offset: Any, size: Any, stride: Any, _grad: Any = None, _hooks: Any = None, lazy: Any = None
):
    """As torch._utils._rebuild_tensor_v2. lazy: negations and conjugates that are still to be made."""
    if not isinstance(storage, Storage) or not isinstance(size, tuple) or not isinstance(stride, tuple) or lazy:
        refuse("has a tensor of another kind than a plain one, or a lazy view: save tensor.resolve_neg()")
    if len(size) != len(stride) or len(size) > 32:
        refuse(f"has a tensor of {len(size)} dimensions with {len(stride)} strides")
    check_numbers(offset, *size, *stride)
    if storage.content is None:
        return None
    width = storage.dtype.itemsize
    held, count = len(storage.content) // width, math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if not count:
        offset, stride = 0, [0] * len(size)
    elif last >= held or count > max(held, _MOST_REPEATED):
        refuse(f"has a tensor of shape {size} and strides {stride} from {offset} in a storage of {held} elements")
    return np.ndarray(size, storage.dtype, storage.content, offset * width, [step * width for step in stride])


@dataclasses.dataclass
class _Parameter:
    """nn.Parameter as the first versions wrote it: an object that is given its tensor with its state, or before."""

    data: Any = None


def _parameter(data: Any = None, *_: Any) -> _Parameter:
    return _Parameter(data)


def _tensor_of(value: Any) -> Any:
    """A parameter's tensor; all else as it is."""
    return value.data if isinstance(value, _Parameter) else value


def _ordered_dict(pairs: Any = None) -> dict[Any, Any]:
    """Python 2 gives the entries as pairs. Their list is emptied: made into many dictionaries it fills the memory."""
    if pairs is None:
        return {}
    if not isinstance(pairs, list):
        refuse("has an OrderedDict of something else than a list")
    items = pairs.copy()
    pairs.clear()
    return dict(_checked(items))


def _checked(items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for key, value in items:
        if not isinstance(key, str | int | float | None):  # the hash of nested tuples can take for ever
            refuse(f"has a dictionary with a {type(key).__name__} for a key")
        yield key, _tensor_of(value)


def check_numbers(*values: Any) -> None:
    # Neither bool, nor so large that sums and products of them take long.
    if not all(type(value) is int and 0 <= value < 2**62 for value in values):
        refuse("has a size, stride or offset that is not a number from 0 to 2**62")


_LITERALS = ("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE")
_LITERALS += ("BINSTRING", "SHORT_BINSTRING")  # Python 2's
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_DTYPES = {"float64": "Double", "float32": "Float", "float16": "Half", "bfloat16": "BFloat16", "bool": "Bool"}
_DTYPES |= {"int64": "Long", "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte"}
_NAMES: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _ordered_dict,
    ("torch", "Size"): lambda values: values,
    ("torch", "device"): lambda *place: place,
    ("torch._utils", "_rebuild_tensor"): make_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): make_tensor,
    ("torch._utils", "_rebuild_parameter"): lambda data, _grad, _hooks: data,
    ("torch.nn.parameter", "Parameter"): _parameter,
}
for _name, _kind in _DTYPES.items():
    _dtype = np.dtype(tf.bfloat16.as_numpy_dtype if _name == "bfloat16" else _name)
    _NAMES |= {("torch", name): _dtype for name in (_name, f"{_kind}Storage", f"{_kind}Tensor")}
