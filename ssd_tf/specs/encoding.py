# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Frozen dataclasses <-> what json.dumps takes, with every value checked against the type of its field."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from ssd_tf.utils.errors import UserError


def encoded(value: Any) -> Any:
    """Dataclasses as dicts and tuples as lists; raises ValueError for a list, which cannot be frozen."""
    if isinstance(value, list):
        raise UserError(f"expected a tuple in a spec. Received: the list {value!r}")
    if dataclasses.is_dataclass(value):
        return {field.name: encoded(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [encoded(part) for part in value] if isinstance(value, tuple) else value


def decoded(kind: Any, value: Any, where: str, build: bool = True) -> Any:
    """The value of a field of type `kind` from JSON; with build=False it is only checked."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _decoded_dataclass(kind, value, where, build)
    if origin is types.UnionType:
        if types.NoneType in arguments:  # X | None
            return None if value is None else decoded(arguments[0], value, where, build)
        return _decoded_dataclass(_of_kind(arguments, value, where), value, where, build)
    if origin is Literal:
        if value not in arguments:
            raise UserError(f"{where}: expected {' or '.join(map(repr, arguments))}. Received: {value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise UserError(f"{where}: expected a list. Received: {value!r}")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(value) != len(kinds):
            raise UserError(f"{where}: expected {len(kinds)} values. Received: {value!r}")
        return tuple(
            decoded(part, entry, f"{where}[{i}]", build)
            for i, (part, entry) in enumerate(zip(kinds, value, strict=True))
        )
    # bool is an int to Python, and a whole number may stand for a float.
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
    if not fits or (kind is float and not math.isfinite(value)):
        raise UserError(f"{where}: expected {kind.__name__}. Received: {value!r}")
    return value


def _decoded_dataclass(kind: Any, content: Any, where: str, build: bool) -> Any:
    if not isinstance(content, Mapping):
        raise UserError(f"{where}: expected an object. Received: {content!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := [name for name in content if name not in fields]:
        raise UserError(f"{where}: unknown field {unknown[0]!r}; expected one of: {', '.join(fields)}")
    for name, field in fields.items():
        if name not in content and field.default is dataclasses.MISSING:
            raise UserError(f"{where}: missing field {name!r}")
    hints = typing.get_type_hints(kind)
    values = {name: decoded(hints[name], value, f"{where}.{name}", build) for name, value in content.items()}
    return kind(**values) if build else None


def _of_kind(choices: tuple[Any, ...], content: Any, where: str) -> Any:
    """The dataclass that the content's field `kind` names; the first one where it has none."""
    by_kind = {choice.kind: choice for choice in choices}
    kind = content.get("kind", choices[0].kind) if isinstance(content, Mapping) else choices[0].kind
    if not isinstance(kind, str) or kind not in by_kind:
        raise UserError(f"{where}.kind: expected {' or '.join(map(repr, by_kind))}. Received: {kind!r}")
    return by_kind[kind]
