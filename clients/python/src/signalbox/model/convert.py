"""Turns messages of the contract into the data classes that stand for them, and back.

A data class stands for one message: its fields have the names of the message's, those that Python keeps for
itself (`from`) with a `_` behind. What a field becomes is told by the message's descriptor: times are
datetimes in UTC, durations seconds, enums their names without the prefix, values plain Python values, and
messages the data classes that stand for them, or a dict where there is none.
"""

from __future__ import annotations

import dataclasses
import datetime
import keyword
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message

from signalbox.model.output_of import OutputOf
from signalbox.values import from_json, from_struct, from_value, to_json, to_struct, to_value

M = TypeVar("M", bound=Message)
T = TypeVar("T")

_class_by_message: dict[str, type[Any]] = {}
_message_by_class: dict[type[Any], type[Message]] = {}
_PLAIN_TYPES = frozenset({"ValueType", "SpecType"})
"""Enums whose names are written small, as those of Python's types are."""


def stands_for(message: type[Message]) -> Callable[[type[T]], type[T]]:
    """Says which message a data class stands for."""

    def register(model: type[T]) -> type[T]:
        _class_by_message[message.DESCRIPTOR.full_name] = model
        _message_by_class[model] = message
        return model

    return register


def read(model: type[T], message: Message) -> T:
    """Turns a message into the data class."""
    known: set[str] = {field.name for field in dataclasses.fields(cast(Any, model))}
    values = {name_field(name): value for name, value in _read_fields(message).items()}
    return model(**{name: value for name, value in values.items() if name in known})


def read_plain(message: Message) -> dict[str, Any]:
    """Turns a message into a dict of all its fields; those that can be absent, and are, are None."""
    absent = {field.name: None for field in message.DESCRIPTOR.fields if field.has_presence}
    return {**absent, **_read_fields(message)}


def write(model: object, kind: type[M] | None = None) -> M:
    """Turns a data class into the message that it stands for."""
    message = _message_by_class[type(model)]()
    for field in dataclasses.fields(cast(Any, model)):
        descriptor = message.DESCRIPTOR.fields_by_name.get(field.name.rstrip("_"))
        value = getattr(model, field.name)
        if descriptor is not None and value is not None:
            _write_field(message, descriptor, value)
    return cast(M, message)


def name_field(name: str) -> str:
    """The name in a data class of a message's field."""
    return f"{name}_" if keyword.iskeyword(name) else name


def to_duration(seconds: float | datetime.timedelta) -> duration_pb2.Duration:
    """A duration in seconds as the message for it."""
    if isinstance(seconds, datetime.timedelta):
        seconds = seconds.total_seconds()
    if not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        raise TypeError(f"a duration is a number of seconds and not {seconds!r}")
    nanos = round(seconds * 1e9)
    sign = -1 if nanos < 0 else 1
    return duration_pb2.Duration(
        seconds=sign * (abs(nanos) // 1_000_000_000), nanos=sign * (abs(nanos) % 1_000_000_000)
    )


def to_seconds(duration: duration_pb2.Duration) -> float:
    """A duration as seconds."""
    return duration.seconds + duration.nanos / 1e9


def name_enum(descriptor: EnumDescriptor, number: int) -> str:
    """The name of an enum's value without its prefix; its number if it is newer than this package."""
    found = descriptor.values_by_number.get(number)
    name = str(number) if found is None else found.name.removeprefix(_prefix(descriptor))
    return name.lower() if descriptor.name in _PLAIN_TYPES else name


def number_enum(descriptor: EnumDescriptor, name: str) -> int:
    """The number of an enum's value by its name without the prefix."""
    found = descriptor.values_by_name.get(f"{_prefix(descriptor)}{name.upper()}")
    if found is None:
        known = ", ".join(name_enum(descriptor, value.number) for value in descriptor.values if value.number)
        raise ValueError(f"{name!r} is none of {known}")
    return int(found.number)


def enum_number(kind: Any, name: str) -> Any:
    """The same by the generated enum itself, as constructors of messages take it."""
    return number_enum(kind.DESCRIPTOR, name)


def _prefix(descriptor: EnumDescriptor) -> str:
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in descriptor.name)
    return f"{words.lstrip('_').upper()}_"


def _read_fields(message: Message) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        if not field.has_presence or message.HasField(field.name):
            values[field.name] = _read_field(field, getattr(message, field.name))
    return values


def _read_field(field: Any, value: Any) -> Any:
    if is_map(field):
        part = field.message_type.fields_by_name["value"]
        return {key: _read_one(part, value[key]) for key in value}
    if field.is_repeated:
        return [_read_one(field, part) for part in value]
    return _read_one(field, value)


def _read_one(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        name = field.message_type.full_name
        reader = _READERS.get(name)
        if reader is not None:
            return reader(value)
        model = _class_by_message.get(name)
        return read_plain(value) if model is None else read(model, value)
    if field.enum_type is not None:
        return name_enum(field.enum_type, value)
    return value


def _write_field(message: Message, field: Any, value: Any) -> None:
    place = field.name
    if is_map(field):
        part = field.message_type.fields_by_name["value"]
        for key, one in value.items():
            if part.message_type is None:
                getattr(message, field.name)[key] = one
            else:
                getattr(message, field.name)[key].CopyFrom(_write_one(part, one, f"{place} {key}"))
    elif field.is_repeated:
        getattr(message, field.name).extend(_write_one(field, one, place) for one in value)
    elif field.message_type is None:
        setattr(message, field.name, _write_one(field, value, place))
    elif field.message_type.full_name == "google.protobuf.Empty":
        if value:
            getattr(message, field.name).SetInParent()
    else:
        getattr(message, field.name).CopyFrom(_write_one(field, value, place))


def _write_one(field: Any, value: Any, place: str) -> Any:
    if field.message_type is not None:
        writer = _WRITERS.get(field.message_type.full_name)
        return write(value) if writer is None else writer(value, place)
    if field.enum_type is not None:
        return number_enum(field.enum_type, value)
    return value


def is_map(field: Any) -> bool:
    """True of a map, which a descriptor shows as a list of entries."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _read_input(message: Any) -> Any:
    if message.WhichOneof("source") == "reference":
        return OutputOf(getattr(message.reference, "from"), message.reference.output)
    return from_value(message.value)


def to_timestamp(value: datetime.datetime, place: str = "the time") -> timestamp_pb2.Timestamp:
    """A time as the message for it. Raises ValueError for one without a time zone."""
    if value.tzinfo is None:
        raise ValueError(f"{place} is a time without a time zone; say datetime.timezone.utc")
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(value)
    return stamp


def _from_time(value: Any) -> datetime.datetime:
    return cast(datetime.datetime, value.ToDatetime(tzinfo=datetime.timezone.utc))


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "google.protobuf.Timestamp": _from_time,
    "google.protobuf.Duration": to_seconds,
    "google.protobuf.Struct": from_struct,
    "google.protobuf.Value": from_json,
    "google.protobuf.Empty": lambda _: True,
    "signalbox.v1.Value": from_value,
    "signalbox.v1.Input": _read_input,
}

_WRITERS: Mapping[str, Callable[[Any, str], Message]] = {
    "google.protobuf.Timestamp": to_timestamp,
    "google.protobuf.Duration": lambda value, _: to_duration(value),
    "google.protobuf.Struct": to_struct,
    "google.protobuf.Value": to_json,
    "signalbox.v1.Value": to_value,
}
