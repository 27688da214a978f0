"""Data classes, and what keeps them and the sync client in step with the contract."""

from __future__ import annotations

import dataclasses
import datetime
import inspect
from typing import Any, get_args

import pytest

import signalbox
from signalbox.client.client import Client
from signalbox.model import convert
from signalbox.model.convert import enum_number, name_enum, name_field, read, to_duration, to_seconds, write
from signalbox.model.event import EventKind
from signalbox.model.run import RunState
from signalbox.sync.client import SyncClient
from signalbox.v1 import event_pb2, limit_pb2, op_pb2, run_pb2, subscription_pb2

MODELS = sorted(convert._message_by_class.items(), key=lambda pair: pair[0].__name__)


@pytest.mark.parametrize(("model", "message"), MODELS, ids=[model.__name__ for model, _ in MODELS])
def test_a_data_class_has_every_field_of_its_message(model: Any, message: Any) -> None:
    fields = {field.name for field in dataclasses.fields(model)}
    assert fields == {name_field(name) for name in message.DESCRIPTOR.fields_by_name}


@pytest.mark.parametrize(("model", "message"), MODELS, ids=[model.__name__ for model, _ in MODELS])
def test_an_empty_message_can_be_read(model: Any, message: Any) -> None:
    needed = {
        field.name
        for field in dataclasses.fields(model)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    absent = {field.name for field in message.DESCRIPTOR.fields if field.has_presence}
    filled = message()
    for name in needed & absent:
        getattr(filled, name).SetInParent()
    assert isinstance(read(model, filled), model)


def test_the_kinds_of_events_are_those_of_the_contract() -> None:
    kinds = {name_enum(event_pb2.EventKind.DESCRIPTOR, value) for value in event_pb2.EventKind.values()}
    assert set(get_args(EventKind)) == kinds - {"UNSPECIFIED"}


def test_the_states_of_runs_are_those_of_the_contract() -> None:
    states = {name_enum(run_pb2.Run.State.DESCRIPTOR, value) for value in run_pb2.Run.State.values()}
    assert set(get_args(RunState)) == states


def test_a_name_that_no_enum_has_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(ValueError, match="'DONE' is none of QUEUED, RUNNING, SUCCEEDED"):
        enum_number(run_pb2.Run.State, "DONE")


@pytest.mark.parametrize("seconds", [0.0, 0.25, 1.5, 3600.0, 31_622_400.0, -0.5])
def test_a_duration_comes_back_as_it_was(seconds: float) -> None:
    assert to_seconds(to_duration(seconds)) == seconds
    assert to_seconds(to_duration(datetime.timedelta(seconds=seconds))) == seconds


def test_a_registered_op_comes_back_as_it_was() -> None:
    op = signalbox.Op(
        name="count",
        inputs={
            "path": signalbox.InputSpec(type="string", schema={"minLength": 1}),
            "depth": signalbox.InputSpec(type="int", required=False, default_value=3),
        },
        outputs={"lines": signalbox.OutputSpec(type="int")},
        retry=signalbox.RetryPolicy(
            max_attempts=3, initial_backoff=0.0, non_retryable_error_types=["KeyError"]
        ),
        timeouts=signalbox.Timeouts(start_to_end=60.0),
        resources=signalbox.Resources(cpu=1.5, vram_mb=0),
        placement=signalbox.Placement(worker_labels={"zone": "a"}, tolerations=[signalbox.Toleration("gpu")]),
        delivery=signalbox.Delivery("runs.count", {"team": "docs"}),
    )
    message = op_pb2.Op.FromString(write(op).SerializeToString())
    assert message.inputs["depth"].type == op_pb2.SPEC_TYPE_INT
    assert not message.inputs["path"].HasField("required")
    assert read(signalbox.Op, message) == op


def test_a_scope_or_target_without_fields_is_said_by_true() -> None:
    limit = signalbox.Limit(name="all", whole_namespace=True, rate=signalbox.Rate(5, 1.0))
    message: limit_pb2.Limit = write(limit)
    assert message.WhichOneof("scope") == "whole_namespace"
    assert read(signalbox.Limit, message) == limit
    subscription: subscription_pb2.Subscription = write(signalbox.Subscription(name="mail", pull=True))
    assert subscription.WhichOneof("target") == "pull"


def test_a_time_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        write(signalbox.Op(name="a", create_time=datetime.datetime(2026, 1, 1)))


def _public(part: object) -> set[str]:
    return {name for name, _ in inspect.getmembers(type(part), callable) if not name.startswith("_")}


def test_the_sync_client_has_each_call_of_the_async_one() -> None:
    client, sync = Client(), SyncClient()
    parts = [name for name, part in vars(client).items() if not name.startswith("_")]
    assert parts == [name for name in vars(sync) if not name.startswith("_")]
    for name in parts:
        assert _public(getattr(sync, name)) == _public(getattr(client, name)), name


def test_a_call_of_the_sync_client_tells_what_that_of_the_async_one_tells() -> None:
    assert inspect.signature(SyncClient().runs.create).parameters.keys() >= {"op", "inputs", "plan"}
    assert "durable when this returns" in (SyncClient().runs.create.__doc__ or "")


def test_everything_public_says_what_it_is() -> None:
    silent = []
    for name in signalbox.__all__:
        found = getattr(signalbox, name)
        if not inspect.getdoc(found):
            silent.append(name)
        if inspect.isclass(found):
            methods = inspect.getmembers(found, inspect.isfunction)
            silent += [
                f"{name}.{method}"
                for method, function in methods
                if not method.startswith("_") and not function.__doc__
            ]
    assert silent == []
