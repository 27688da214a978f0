"""What runs are made of, as messages."""

from __future__ import annotations

import pytest

from signalbox import Resources, RetryPolicy, plan
from signalbox.v1 import action_pb2, value_pb2


def test_an_input_is_a_value_or_the_output_of_another_action() -> None:
    made = plan.task("publish", "publish", {"lines": plan.output("count", "lines"), "draft": False})
    assert getattr(made.task.inputs["lines"].reference, "from") == "count"
    assert made.task.inputs["draft"].value.bool_value is False


def test_what_is_not_said_of_a_task_is_left_to_its_op() -> None:
    made = plan.task("a", "op")
    assert made == action_pb2.NewAction(name="a", task=action_pb2.TaskSpec(op="op"))


def test_what_is_said_of_a_task_goes_with_it() -> None:
    made = plan.task(
        "a", "op", retry=RetryPolicy(max_attempts=3), cancel_grace=0.5, resources=Resources(vram_mb=0)
    )
    assert made.task.retry.max_attempts == 3
    assert made.task.cancel_grace.nanos == 500_000_000
    assert made.task.resources.HasField("vram_mb")
    assert not made.task.resources.HasField("cpu")


def test_an_answer_is_compared_in_the_type_that_its_condition_asks_for() -> None:
    made = plan.run(
        plan=[
            plan.condition("share", float),
            plan.condition("form", dict),
            plan.task("a", "op", after=[plan.after("share", equals=1), plan.after("form", equals="yes")]),
        ]
    )
    share, form = (dependency.equals for dependency in made.plan.actions[2].dependencies)
    assert share == value_pb2.Value(float_value=1.0)
    assert form.json_value.string_value == "yes"


def test_a_default_of_none_is_said_only_where_null_is_an_answer() -> None:
    assert not plan.condition("a", dict).condition.HasField("default_value")
    assert plan.condition("a", dict, default=None).condition.default_value.HasField("json_value")
    with pytest.raises(TypeError, match="is to be a bool"):
        plan.condition("a", bool, default=None)


def test_a_run_is_of_an_op_or_of_a_plan() -> None:
    with pytest.raises(TypeError, match="of an op or of a plan"):
        plan.run()
    with pytest.raises(TypeError, match="of an op or of a plan"):
        plan.run("op", plan=[])


def test_a_text_is_not_taken_for_a_list_of_names() -> None:
    with pytest.raises(TypeError, match="a list of names"):
        plan.task("a", "op", after="count")
