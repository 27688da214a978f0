"""How Python values and Signalbox values stand for each other, for the client and the worker alike.

| Python | Signalbox | and back |
|--|--|--|
| `None` | null | `None` |
| `bool` | bool | `bool` |
| `int` of 64 bits | int | `int` |
| `float` | float | `float` |
| `str` | string | `str` |
| `bytes`, `bytearray`, `memoryview` | bytes | `bytes` |
| `dict` with names that are strings, `list`, `tuple` | JSON | `dict`, `list` |
| `Reference` | reference | `Reference` |

Nothing is pickled, and nothing else is converted: a datetime, a set or an instance of a class is a TypeError
that says where. An int beyond 64 bits is a ValueError. JSON has one type for numbers: an int inside of a dict
or list must be exact as a float (up to 2**53), and a number without a fraction comes back as an int.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from google.protobuf import struct_pb2

from signalbox.limits import JSON_LEVELS_MAX
from signalbox.v1 import value_pb2

PlainValue: TypeAlias = Any
"""A value as Python has it; the table above says which there are."""

ConditionType: TypeAlias = Literal["bool", "int", "float", "string", "json"]
"""The types that a condition can ask for, by name."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where something larger than 1 MiB is kept, and how to tell that it is the one meant."""

    uri: str
    """A URI that its readers understand; at most 2,048 characters."""
    sha256: str = ""
    """The SHA-256 of the content in lower-case hexadecimal digits; empty if it is not known."""
    size_bytes: int = 0
    """The size of the content; 0 if it is not known."""


def to_value(value: PlainValue, place: str = "the value") -> value_pb2.Value:
    """Turns a Python value into a Signalbox value. `place` is named in the error of what cannot be."""
    if value is None:
        return value_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return value_pb2.Value(bool_value=value)
    if isinstance(value, int):
        return value_pb2.Value(int_value=_checked_int(value, place))
    if isinstance(value, float):
        return value_pb2.Value(float_value=value)
    if isinstance(value, str):
        return value_pb2.Value(string_value=_checked_text(value, place))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return value_pb2.Value(bytes_value=bytes(value))
    if isinstance(value, Reference):
        reference = value_pb2.ValueReference(uri=value.uri, sha256=value.sha256, size_bytes=value.size_bytes)
        return value_pb2.Value(reference=reference)
    return value_pb2.Value(json_value=to_json(value, place))


def to_values(
    values: Mapping[str, PlainValue] | None, place: str = "the value"
) -> dict[str, value_pb2.Value]:
    """Turns each named Python value into a Signalbox value."""
    named = {} if values is None else values
    return {_checked_name(name, place): to_value(value, f"{place} {name}") for name, value in named.items()}


def to_value_of_type(value: PlainValue, kind: str, place: str = "the value") -> value_pb2.Value:
    """Turns a Python value into a Signalbox value of the very type: `5` as a float, `"yes"` as JSON."""
    if kind == "json":
        return value_pb2.Value(json_value=to_json(value, place))
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return value_pb2.Value(float_value=float(_checked_int(value, place)))
    converted = to_value(value, place)
    if converted.WhichOneof("kind") != f"{kind}_value":
        raise TypeError(f"{place} is to be a {kind} and is {describe(value)}")
    return converted


def from_value(value: value_pb2.Value) -> PlainValue:
    """Turns a Signalbox value into a Python value. A value of a kind that is not known is None."""
    kind = value.WhichOneof("kind")
    if kind == "json_value":
        return from_json(value.json_value)
    if kind == "reference":
        reference = value.reference
        return Reference(reference.uri, reference.sha256, reference.size_bytes)
    if kind is None or kind == "null_value":
        return None
    return getattr(value, kind)


def from_values(values: Mapping[str, value_pb2.Value]) -> dict[str, PlainValue]:
    """Turns each named Signalbox value into a Python value."""
    return {name: from_value(value) for name, value in values.items()}


def to_json(value: PlainValue, place: str = "the value", level: int = 0) -> struct_pb2.Value:
    """Turns a Python value into a JSON value of protobuf."""
    if level > JSON_LEVELS_MAX:
        raise ValueError(f"{place} is nested deeper than {JSON_LEVELS_MAX} levels")
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, (int, float)):
        return struct_pb2.Value(number_value=_checked_number(value, place))
    if isinstance(value, str):
        return struct_pb2.Value(string_value=_checked_text(value, place))
    if isinstance(value, (list, tuple)):
        elements = [to_json(element, f"{place}[{index}]", level + 1) for index, element in enumerate(value)]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=elements))
    if isinstance(value, Mapping):
        fields = {
            _checked_name(name, place): to_json(field, f"{place}.{name}", level + 1)
            for name, field in value.items()
        }
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
    raise TypeError(f"{place} is {describe(value)}, which no value stands for")


def from_json(value: struct_pb2.Value) -> PlainValue:
    """Turns a JSON value of protobuf into a Python value."""
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= 2**53 else number
    if kind == "list_value":
        return [from_json(element) for element in value.list_value.values]
    if kind == "struct_value":
        return from_struct(value.struct_value)
    if kind is None or kind == "null_value":
        return None
    return getattr(value, kind)


def to_struct(value: Mapping[str, PlainValue], place: str = "the object") -> struct_pb2.Struct:
    """Turns a dict into a JSON object of protobuf."""
    return to_json(dict(value), place).struct_value


def from_struct(struct: struct_pb2.Struct) -> dict[str, PlainValue]:
    """Turns a JSON object of protobuf into a dict."""
    return {name: from_json(field) for name, field in struct.fields.items()}


def name_type(kind: type | str) -> ConditionType:
    """The name of a condition's type: `bool`, `int`, `float`, `str`, `dict`, `list`, or the name itself."""
    name: Any = _NAME_BY_TYPE.get(kind) if isinstance(kind, type) else kind
    if name not in _TYPE_NAMES:
        raise TypeError(f"a condition asks for one of {', '.join(_TYPE_NAMES)}, and not for {kind!r}")
    checked: ConditionType = name
    return checked


def describe(value: object) -> str:
    """What a value is, for the message of an error."""
    shown = repr(value)
    return f"{shown if len(shown) <= 80 else shown[:77] + '...'} ({type(value).__name__})"


_TYPE_NAMES = ("bool", "int", "float", "string", "json")
_NAME_BY_TYPE: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    dict: "json",
    list: "json",
}


def _checked_int(value: int, place: str) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{place} is {describe(value)}, which does not fit 64 bits")
    return int(value)


def _checked_number(value: float, place: str) -> float:
    if isinstance(value, int):
        if abs(value) > 2**53:
            raise ValueError(f"{place} is {describe(value)}: JSON numbers are exact up to 2**53")
        return float(value)
    if not math.isfinite(value):
        raise ValueError(f"{place} is {value}, and JSON has no such number")
    return value


def _checked_text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{place} is text with half a character in it (a lone surrogate)") from None
    return str(value)


def _checked_name(name: object, place: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{place} has the name {describe(name)}, and names are strings")
    return name
