"""Values: how Python's and Signalbox's stand for each other."""

from __future__ import annotations

import math
from typing import Any

import pytest

from signalbox import Reference
from signalbox.v1 import value_pb2
from signalbox.values import from_value, name_type, to_value, to_value_of_type

NESTED: dict[str, Any] = {"deep": [1, 2.5, None, True, {"text": "ä", "empty": []}], "none": None}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null_value"),
        (True, "bool_value"),
        (False, "bool_value"),
        (0, "int_value"),
        (-(2**63), "int_value"),
        (2**63 - 1, "int_value"),
        (1.0, "float_value"),
        (math.inf, "float_value"),
        ("", "string_value"),
        ("snow ☃ 🚂", "string_value"),
        (b"", "bytes_value"),
        (b"\x00\xff", "bytes_value"),
        ([], "json_value"),
        ({}, "json_value"),
        (NESTED, "json_value"),
        (Reference("s3://bucket/key", "a" * 64, 2**40), "reference"),
    ],
)
def test_a_value_comes_back_as_it_was(value: object, kind: str) -> None:
    converted = to_value(value)
    assert converted.WhichOneof("kind") == kind
    back = from_value(value_pb2.Value.FromString(converted.SerializeToString()))
    assert back == value
    assert type(back) is type(value)


def test_nan_stays_nan() -> None:
    assert math.isnan(from_value(to_value(math.nan)))


def test_a_tuple_becomes_a_list_and_a_bytearray_bytes() -> None:
    assert from_value(to_value((1, 2))) == [1, 2]
    assert from_value(to_value(bytearray(b"ab"))) == b"ab"


@pytest.mark.parametrize(
    ("value", "error", "told"),
    [
        (2**63, ValueError, "does not fit 64 bits"),
        (-(2**63) - 1, ValueError, "does not fit 64 bits"),
        ([2**53 + 1], ValueError, r"the value\[0\] is 9007199254740993 .*exact up to"),
        ({"a": {"b": math.nan}}, ValueError, r"the value\.a\.b is nan"),
        ({1: 2}, TypeError, "names are strings"),
        ({"a": {1, 2}}, TypeError, r"the value\.a is .*\(set\), which no value stands for"),
        (object(), TypeError, "which no value stands for"),
        ("\ud800", ValueError, "lone surrogate"),
        ([b"bytes"], TypeError, r"the value\[0\] is b'bytes'"),
    ],
)
def test_what_no_value_stands_for_is_refused_with_its_place(
    value: object, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        to_value(value)


def test_json_of_more_than_30_levels_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(29):
        nested = [nested]
    assert from_value(to_value(nested)) == nested
    with pytest.raises(ValueError, match="deeper than 30 levels"):
        to_value([[nested]])


@pytest.mark.parametrize(
    ("value", "kind", "sent"),
    [
        (5, "float", value_pb2.Value(float_value=5.0)),
        (5.5, "float", value_pb2.Value(float_value=5.5)),
        (5, "int", value_pb2.Value(int_value=5)),
        (True, "bool", value_pb2.Value(bool_value=True)),
    ],
)
def test_a_value_is_sent_in_the_type_that_is_asked_for(
    value: object, kind: str, sent: value_pb2.Value
) -> None:
    assert to_value_of_type(value, kind) == sent
    assert from_value(to_value_of_type(value, "json")) == value


@pytest.mark.parametrize(
    ("value", "kind"), [(1, "bool"), (True, "int"), (True, "float"), ("1", "int"), (1.0, "int")]
)
def test_a_value_of_another_type_is_refused(value: object, kind: str) -> None:
    with pytest.raises(TypeError, match=f"is to be a {kind}"):
        to_value_of_type(value, kind)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (bool, "bool"),
        (int, "int"),
        (float, "float"),
        (str, "string"),
        (dict, "json"),
        (list, "json"),
        ("json", "json"),
    ],
)
def test_the_type_of_a_condition_is_named_as_python_names_it(kind: type | str, name: str) -> None:
    assert name_type(kind) == name


def test_a_type_that_no_condition_asks_for_is_refused() -> None:
    with pytest.raises(TypeError, match="a condition asks for one of"):
        name_type(bytes)
