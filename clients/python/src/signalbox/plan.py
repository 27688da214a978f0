"""What runs are made of: tasks, conditions and what they wait for.

from signalbox import plan

run = await client.runs.create(
    plan=[
        plan.task("count", op="count", inputs={"path": "notes.txt"}),
        plan.condition("approve", bool, prompt="Publish?", after=["count"]),
        plan.task(
            "publish",
            op="publish",
            inputs={"lines": plan.output("count", "lines")},
            after=[plan.after("approve", equals=True)],
        ),
    ]
)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from signalbox.model.condition_terms import ConditionTerms, write_terms
from signalbox.model.convert import enum_number, to_duration, write
from signalbox.model.op import Delivery, RetryPolicy, Timeouts
from signalbox.model.output_of import OutputOf
from signalbox.model.resource import Placement, Resources
from signalbox.model.unset import UNSET
from signalbox.v1 import action_pb2, condition_pb2, run_pb2, value_pb2
from signalbox.values import PlainValue, from_value, name_type, to_value, to_value_of_type

if TYPE_CHECKING:
    from typing_extensions import Unpack

PlannedAction: TypeAlias = action_pb2.NewAction
"""One action of a plan, made by `task` or `condition`."""

NewRun: TypeAlias = run_pb2.NewRun
"""A run to be, made by `run`."""

After: TypeAlias = "str | action_pb2.Dependency"
"""What an action waits for: the name of one that must have succeeded, or what `after` makes."""

Inputs: TypeAlias = "Mapping[str, PlainValue | OutputOf]"
"""Inputs by name: values, or outputs of other actions."""


def output(action: str, name: str = "") -> OutputOf:
    """Refers to an output of another action: the input gets its value, and the action waits for it.

    The answer to a condition is its output `value`. Without a name it is all outputs, as one JSON object.
    """
    return OutputOf(action, name)


def after(action: str, *, equals: PlainValue = UNSET, however_ended: bool = False) -> action_pb2.Dependency:
    """Waits for another action: until it has succeeded; with `equals` only if it put out this very value as
    output `value`, as a condition does with its answer; with `however_ended` whatever became of it.
    """
    requirement = "ENDED" if however_ended else "SUCCEEDED"
    dependency = action_pb2.Dependency(
        action=action, requirement=enum_number(action_pb2.Dependency.Requirement, requirement)
    )
    if equals is not UNSET:
        dependency.equals.CopyFrom(to_value(equals, f"{action} equals"))
    return dependency


def task(
    name: str,
    op: str,
    inputs: Inputs | None = None,
    *,
    after: Sequence[After] = (),
    labels: Mapping[str, str] | None = None,
    op_version: int = 0,
    retry: RetryPolicy | None = None,
    timeouts: Timeouts | None = None,
    cancel_grace: float | None = None,
    resources: Resources | None = None,
    placement: Placement | None = None,
    image: str = "",
    handler: str = "",
) -> PlannedAction:
    """Work for a worker. What is not said is the op's, if it is registered.

    `cancel_grace` is how many seconds a running attempt has after a cancel; 10 unless said.
    """
    spec = _task_spec(
        op,
        inputs,
        place=f"{name}: input",
        op_version=op_version,
        retry=retry,
        timeouts=timeouts,
        cancel_grace=cancel_grace,
        resources=resources,
        placement=placement,
        image=image,
        handler=handler,
    )
    return action_pb2.NewAction(name=name, task=spec, dependencies=_dependencies(after), labels=labels or {})


def condition(
    name: str,
    type: type | str,
    *,
    prompt: str = "",
    description: str = "",
    timeout: float | None = None,
    default: PlainValue = UNSET,
    after: Sequence[After] = (),
    labels: Mapping[str, str] | None = None,
    **terms: Unpack[ConditionTerms],
) -> PlannedAction:
    """A wait for a typed signal. The type is `bool`, `int`, `float`, `str`, `dict`, `list` or a name of
    `ConditionType`.

    `timeout` is in seconds, without end if not said; `default` is the answer it takes when its time runs out.
    `ConditionTerms` says what else there is: a `schema` of the answer, `choices`, an `answer_rule`, ….
    """
    kind = name_type(type)
    spec = condition_pb2.ConditionSpec(
        type=enum_number(value_pb2.ValueType, kind), prompt=prompt, description=description
    )
    if timeout is not None:
        spec.timeout.CopyFrom(to_duration(timeout))
    if default is not UNSET:
        spec.default_value.CopyFrom(to_value_of_type(default, kind, f"{name}: the default"))
    write_terms(spec, terms, kind, f"the condition {name}")
    return action_pb2.NewAction(
        name=name, condition=spec, dependencies=_dependencies(after), labels=labels or {}
    )


def run(
    op: str | None = None,
    inputs: Inputs | None = None,
    *,
    plan: Sequence[PlannedAction] | None = None,
    run_id: str = "",
    namespace: str = "",
    labels: Mapping[str, str] | None = None,
    priority: int = 0,
    timeout: float | None = None,
    delivery: Delivery | None = None,
    op_version: int = 0,
    retry: RetryPolicy | None = None,
    timeouts: Timeouts | None = None,
    cancel_grace: float | None = None,
    resources: Resources | None = None,
    placement: Placement | None = None,
    image: str = "",
    handler: str = "",
) -> NewRun:
    """A run to be: of one task, by its `op`, which becomes the action `main`; or of a plan.

    Higher priorities, 0 to 1,000, are assigned first. `timeout` is how many seconds the whole run may take.
    What follows `delivery` is about the only task, and is said in a plan by each task itself.
    """
    if (op is None) == (plan is None):
        raise TypeError("a run is of an op or of a plan, and of one of them")
    new_run = run_pb2.NewRun(namespace=namespace, run_id=run_id, labels=labels or {}, priority=priority)
    if timeout is not None:
        new_run.timeout.CopyFrom(to_duration(timeout))
    if delivery is not None:
        new_run.delivery.CopyFrom(write(delivery))
    if plan is not None:
        new_run.plan.CopyFrom(run_pb2.Plan(actions=_with_typed_guards(plan)))
    elif op is not None:
        spec = _task_spec(
            op,
            inputs,
            place="input",
            op_version=op_version,
            retry=retry,
            timeouts=timeouts,
            cancel_grace=cancel_grace,
            resources=resources,
            placement=placement,
            image=image,
            handler=handler,
        )
        new_run.task.CopyFrom(spec)
    return new_run


def _task_spec(
    op: str,
    inputs: Inputs | None,
    *,
    place: str,
    op_version: int,
    retry: RetryPolicy | None,
    timeouts: Timeouts | None,
    cancel_grace: float | None,
    resources: Resources | None,
    placement: Placement | None,
    image: str,
    handler: str,
) -> action_pb2.TaskSpec:
    given = {name: _to_input(value, f"{place} {name}") for name, value in (inputs or {}).items()}
    spec = action_pb2.TaskSpec(op=op, op_version=op_version, inputs=given, image=image, handler=handler)
    if retry is not None:
        spec.retry.CopyFrom(write(retry))
    if timeouts is not None:
        spec.timeouts.CopyFrom(write(timeouts))
    if cancel_grace is not None:
        spec.cancel_grace.CopyFrom(to_duration(cancel_grace))
    if resources is not None:
        spec.resources.CopyFrom(write(resources))
    if placement is not None:
        spec.placement.CopyFrom(write(placement))
    return spec


def _to_input(value: PlainValue | OutputOf, place: str) -> action_pb2.Input:
    if isinstance(value, OutputOf):
        reference = action_pb2.OutputReference(**{"from": value.action, "output": value.output})
        return action_pb2.Input(reference=reference)
    return action_pb2.Input(value=to_value(value, place))


def _dependencies(after: Sequence[After]) -> list[action_pb2.Dependency]:
    if isinstance(after, str):
        raise TypeError(f"`after` is a list of names, and not the text {after!r}")
    return [action_pb2.Dependency(action=one) if isinstance(one, str) else one for one in after]


def _with_typed_guards(plan: Sequence[PlannedAction]) -> list[PlannedAction]:
    """The plan with each `equals` in the type that its condition asks for: `5` is a float for a float."""
    types = {action.name: action.condition.type for action in plan if action.HasField("condition")}
    typed = []
    for action in plan:
        copy = action_pb2.NewAction()
        copy.CopyFrom(action)
        for dependency in copy.dependencies:
            if dependency.HasField("equals"):
                _type_guard(dependency.equals, types.get(dependency.action))
        typed.append(copy)
    return typed


def _type_guard(value: value_pb2.Value, kind: value_pb2.ValueType.ValueType | None) -> None:
    held = value.WhichOneof("kind")
    if kind == value_pb2.VALUE_TYPE_FLOAT and held == "int_value":
        value.CopyFrom(value_pb2.Value(float_value=float(value.int_value)))
    elif kind == value_pb2.VALUE_TYPE_JSON and held not in (None, "json_value"):
        value.CopyFrom(to_value_of_type(from_value(value), "json"))
