"""`flyte.remote.Event` and `flyte.remote.Condition`: listing, getting and signalling."""

import asyncio

import pytest
from conftest import IS_STAND_IN, Condition, signalbox_command
from connectrpc.code import Code
from connectrpc.errors import ConnectError

FOUR = [("yes-or-no", "bool"), ("count", "int"), ("share", "float"), ("reason", "string")]
needs_signalbox = pytest.mark.skipif(IS_STAND_IN, reason="needs a Signalbox server")


def declined(call, code):
    with pytest.raises(ConnectError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return caught.value.message


def phase_of(run, name):
    return next(one.phase for one in Condition.listall(run_name=run) if one.action_name == name)


def test_a_listing_tells_name_type_phase_and_parent_of_each_condition(seed):
    names = seed.run("list", FOUR)
    found = {one.name: one for one in Condition.listall(run_name="list")}
    assert {name: one.expected_type for name, one in found.items()} == {
        "yes-or-no": bool,
        "count": int,
        "share": float,
        "reason": str,
    }
    assert {one.phase for one in found.values()} == {"ACTION_PHASE_PAUSED"}
    assert {one.pb2.metadata.parent for one in found.values()} == {"a0"}
    assert {one.run_name for one in found.values()} == {"list"}
    assert sorted(one.action_name for one in found.values()) == sorted(names)


def test_a_listing_is_empty_for_a_run_without_conditions(seed):
    seed.run("empty")
    assert list(Condition.listall(run_name="empty")) == []


def test_a_listing_has_no_tasks(seed):
    seed.run("only-conditions", [("approve", "bool")])
    assert [one.name for one in Condition.listall(run_name="only-conditions")] == ["approve"]


@pytest.mark.parametrize("size", [7, 100, 200])
def test_pages_give_each_of_250_conditions_once(seed, size):
    name = f"paged{size}"
    seed.run(name, [(f"c{number}", "bool") for number in range(250)])
    found = [one.name for one in Condition.listall(run_name=name, limit=size)]
    assert len(found) == 250
    assert set(found) == {f"c{number}" for number in range(250)}


def test_pages_have_nothing_twice_while_conditions_are_answered_between_them(seed):
    seed.run("moving", [(f"c{number}", "bool") for number in range(60)])
    found = []
    for condition in Condition.listall(run_name="moving", limit=10):
        found.append(condition.name)
        condition.signal(True)
    if not IS_STAND_IN:
        assert len(found) == len(set(found)) == 60


def test_the_asynchronous_forms_do_the_same(seed):
    seed.run("aio", FOUR)

    async def both():
        found = [one.name async for one in Condition.listall.aio(run_name="aio")]
        one = await Condition.get.aio("count", run_name="aio")
        await one.signal.aio(5)
        return found, one

    found, one = asyncio.run(both())
    assert sorted(found) == sorted(title for title, _ in FOUR)
    assert phase_of("aio", one.action_name) == "ACTION_PHASE_SUCCEEDED"


@pytest.mark.parametrize(("parent", "count"), [("a0", 4), ("nobody", 0)])
def test_action_name_narrows_a_listing_to_the_children_of_an_action(seed, parent, count):
    seed.run(f"narrow-{parent}", FOUR)
    assert len(list(Condition.listall(run_name=f"narrow-{parent}", action_name=parent))) == count


def test_get_finds_a_condition_by_its_name(seed):
    seed.run("get", FOUR)
    found = Condition.get("share", run_name="get", action_name="a0")
    assert (found.name, found.expected_type, found.phase) == ("share", float, "ACTION_PHASE_PAUSED")


def test_get_gives_nothing_for_an_unknown_name(seed):
    seed.run("get-none", FOUR)
    assert Condition.get("nothing", run_name="get-none") is None


def test_get_finds_the_open_condition_of_several_of_one_name(seed):
    seed.run("again", [("approve", "bool")])
    Condition.get("approve", run_name="again").signal(True)
    (second,) = seed.run("again", [("approve", "bool")])
    found = Condition.get("approve", run_name="again")
    assert (found.action_name, found.phase) == (second, "ACTION_PHASE_PAUSED")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("yes-or-no", True),
        ("yes-or-no", False),
        ("count", 0),
        ("count", 42),
        ("count", -(2**53) + 1),
        ("share", 0.1),
        ("share", -1e300),
        ("reason", "go ahead"),
        ("reason", ""),
        ("reason", "Grüße, 世界 🙂"),
    ],
)
def test_a_signal_of_the_right_type_answers_the_condition_at_once(seed, name, value, request):
    run = f"right-{abs(hash(request.node.name)) % 10**9}"
    seed.run(run, FOUR)
    condition = Condition.get(name, run_name=run)
    condition.signal(value)
    assert phase_of(run, condition.action_name) == "ACTION_PHASE_SUCCEEDED"
    others = [one.phase for one in Condition.listall(run_name=run) if one.name != name]
    assert others == ["ACTION_PHASE_PAUSED"] * 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("yes-or-no", "true"),
        ("yes-or-no", 1),
        ("count", True),
        ("count", 1.0),
        ("count", "1"),
        ("share", 1),
        ("share", "1.5"),
        ("reason", 7),
        ("reason", True),
    ],
)
def test_a_signal_of_another_type_is_refused_and_changes_nothing(seed, name, value, request):
    run = f"wrong-{abs(hash(request.node.name)) % 10**9}"
    seed.run(run, FOUR)
    condition = Condition.get(name, run_name=run)
    declined(lambda: condition.signal(value), Code.INVALID_ARGUMENT)
    assert phase_of(run, condition.action_name) == "ACTION_PHASE_PAUSED"


def test_a_signal_that_the_sdk_cannot_send_is_refused_by_the_sdk(seed):
    seed.run("type-error", FOUR)
    with pytest.raises(TypeError):
        Condition.get("reason", run_name="type-error").signal(["a"])


def test_the_same_signal_again_is_fine(seed):
    seed.run("twice", FOUR)
    condition = Condition.get("count", run_name="twice")
    condition.signal(3)
    condition.signal(3)


def test_another_signal_after_the_first_is_refused(seed):
    seed.run("other", FOUR)
    condition = Condition.get("count", run_name="other")
    condition.signal(3)
    message = declined(lambda: condition.signal(4), Code.FAILED_PRECONDITION)
    assert "already signalled" in message
    # What has been signalled is told before what is wrong with the new value.
    declined(lambda: condition.signal("four"), Code.FAILED_PRECONDITION)


def test_a_signal_to_an_unknown_condition_is_refused(seed):
    seed.run("unknown", FOUR)
    condition = Condition.get("count", run_name="unknown")
    condition.pb2.id.name = "nothing"
    declined(lambda: condition.signal(3), Code.NOT_FOUND)
    condition.pb2.id.run.name = "no-such-run"
    declined(lambda: condition.signal(3), Code.NOT_FOUND)


def test_a_signal_to_a_task_is_refused(seed):
    seed.run("a-task", FOUR)
    condition = Condition.get("count", run_name="a-task")
    condition.pb2.id.name = "a0"
    message = declined(lambda: condition.signal(3), Code.FAILED_PRECONDITION)
    assert "not a condition" in message


def test_a_signal_needs_no_parent(seed):
    seed.run("no-parent", FOUR)
    condition = Condition.get("count", run_name="no-parent")
    condition.pb2.metadata.parent = ""
    condition.signal(3)
    assert phase_of("no-parent", condition.action_name) == "ACTION_PHASE_SUCCEEDED"


@needs_signalbox
def test_a_signal_after_the_run_has_ended_is_refused(seed):
    seed.run("ended", FOUR)
    condition = Condition.get("count", run_name="ended")
    seed.end("ended", succeeds=False)
    message = declined(lambda: condition.signal(3), Code.FAILED_PRECONDITION)
    assert "already completed" in message


@needs_signalbox
def test_the_condition_stands_in_the_inbox_and_is_answered_by_our_own_command(seed, server):
    (name,) = seed.run("inbox", [("approve", "bool", {"prompt": "Go on with it?"})])
    shown, code = signalbox_command(server, "conditions", "--limit", "0", project="seeded")
    assert code == 0
    assert "Go on with it?" in shown
    said, code = signalbox_command(server, "signal", "inbox", name, "yes", project="seeded")
    assert code == 0, said
    assert phase_of("inbox", name) == "ACTION_PHASE_SUCCEEDED"
    Condition.get("approve", run_name="inbox").signal(True)


@needs_signalbox
def test_a_signal_of_the_sdk_is_in_the_feed(seed, server):
    (name,) = seed.run("feed", [("approve", "bool")])
    Condition.get("approve", run_name="feed").signal(True)
    told, code = signalbox_command(server, "events", project="seeded")
    assert code == 0
    assert name in told
