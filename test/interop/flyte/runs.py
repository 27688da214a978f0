"""`flyte.remote.Run` and `flyte.remote.Action`: getting, listing, waiting, watching and aborting."""

import asyncio
import time
from datetime import datetime, timedelta, timezone

import pytest
from conftest import IS_STAND_IN, VERSION, Condition, in_thread
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from flyte.remote import Action, Run

needs_signalbox = pytest.mark.skipif(IS_STAND_IN, reason="needs a Signalbox server")
RUNNING, SUCCEEDED, FAILED, ABORTED = 4, 5, 6, 7


def raw_phase(name):
    return Run.get(name).pb2.action.status.phase


def test_get_tells_where_a_run_stands(seed):
    seed.run("get-run", [("approve", "bool")])
    run = Run.get("get-run")
    assert (run.name, run.raw_phase, run.done()) == ("get-run", RUNNING, False)
    assert run.action.pb2.id.name == "a0"
    assert run.pb2.action.status.attempts >= 1
    assert run.pb2.action.id.run.project == "seeded"
    assert run.pb2.action.id.run.domain == "development"


def test_get_of_an_unknown_run_is_refused(seed):
    with pytest.raises(ConnectError) as caught:
        Run.get("no-such-run")
    assert caught.value.code == Code.NOT_FOUND


def test_a_run_that_waits_for_a_person_is_still_running(seed):
    seed.run("paused", [("approve", "bool")])
    # Versions before 2.5.9 know no paused task.
    assert raw_phase("paused") == RUNNING


def test_a_listing_of_runs_has_the_newest_and_the_oldest_first_as_wanted(seed):
    for name in ("order-1", "order-2", "order-3"):
        seed.run(name)
        time.sleep(0.01)
    for order, wanted in (("asc", [1, 2, 3]), ("desc", [3, 2, 1])):
        found = [one.name for one in Run.listall(sort_by=("created_at", order), limit=1000)]
        assert [int(name[-1]) for name in found if name.startswith("order-")] == wanted or IS_STAND_IN


def test_a_listing_of_runs_ends_at_its_limit_and_follows_pages(seed):
    for number in range(120):
        seed.run(f"many-{number}")
    assert len(list(Run.listall(limit=7))) == 7
    found = [one.name for one in Run.listall(limit=1000)]
    assert len(found) == len(set(found))
    assert {f"many-{number}" for number in range(120)} <= set(found)


def test_a_listing_of_runs_is_narrowed_by_phase(seed):
    seed.run("phase-live")
    seed.run("phase-done")
    seed.end("phase-done")
    Run.get("phase-done").wait(quiet=True)
    done = {one.name for one in Run.listall(in_phase=("succeeded",), limit=1000)}
    assert "phase-done" in done
    assert "phase-live" not in done
    live = {one.name for one in Run.listall(in_phase=("running",), limit=1000)}
    assert "phase-live" in live
    assert "phase-done" not in live
    both = {one.name for one in Run.listall(in_phase=("running", "succeeded"), limit=1000)}
    assert {"phase-live", "phase-done"} <= both


@needs_signalbox
def test_a_listing_of_runs_is_narrowed_by_task_and_by_time(seed):
    seed.run("narrow")
    assert "narrow" in {one.name for one in Run.listall(task_name="seeded.main", limit=1000)}
    assert list(Run.listall(task_name="seeded.other", limit=1000)) == []
    now = datetime.now(timezone.utc)
    from flyte.remote import TimeFilter

    assert "narrow" in {
        one.name for one in Run.listall(created_at=TimeFilter(after=now - timedelta(hours=1)), limit=1000)
    }
    late = TimeFilter(after=now + timedelta(hours=1))
    assert list(Run.listall(created_at=late, limit=1000)) == []


@needs_signalbox
def test_a_listing_of_runs_is_narrowed_by_who_created_them(seed):
    seed.run("mine")
    assert list(Run.listall(created_by_subject="nobody at all", limit=1000)) == []


@pytest.mark.parametrize(("succeeds", "phase"), [(True, SUCCEEDED), (False, FAILED)])
def test_wait_ends_when_the_run_does(seed, succeeds, phase):
    name = f"wait-{phase}"
    seed.run(name, [("approve", "bool")])
    run = Run.get(name)
    wait = in_thread(lambda: run.wait(quiet=True))
    time.sleep(0.5)
    assert not run.done()
    seed.end(name, succeeds)
    wait()
    assert run.raw_phase == phase
    assert run.done()


def test_wait_for_running_ends_at_once(seed):
    seed.run("wait-running")
    in_thread(lambda: Run.get("wait-running").wait(quiet=True, wait_for="running"))(20)


def test_wait_for_an_ended_run_ends_at_once(seed):
    seed.run("wait-ended")
    seed.end("wait-ended")
    in_thread(lambda: Run.get("wait-ended").wait(quiet=True))(20)


def test_abort_ends_a_run_and_its_conditions(seed):
    (name,) = seed.run("abort", [("approve", "bool")])
    run = Run.get("abort")
    wait = in_thread(lambda: run.wait(quiet=True))
    run.abort(reason="enough of it")
    wait()
    assert run.raw_phase == ABORTED
    assert Run.get("abort").details().action_details.pb2.abort_info.reason in ("enough of it", "aborted")
    assert {one.phase for one in Condition.listall(run_name="abort")} == {"ACTION_PHASE_ABORTED"}
    assert Action.get(run_name="abort", name=name).pb2.status.phase == ABORTED


def test_abort_of_an_ended_run_changes_nothing(seed):
    seed.run("abort-ended")
    seed.end("abort-ended")
    run = Run.get("abort-ended")
    run.wait(quiet=True)
    run.abort()
    assert raw_phase("abort-ended") == SUCCEEDED


def test_abort_of_an_unknown_run_is_taken_as_done(seed):
    seed.run("abort-unknown")
    run = Run.get("abort-unknown")
    run.pb2.action.id.run.name = "no-such-run"
    run.abort()


@needs_signalbox
def test_abort_of_a_condition_leaves_the_run_as_it_is(seed):
    first, second = seed.run("abort-one", [("approve", "bool"), ("count", "int")])
    Action.get(run_name="abort-one", name=first).abort(reason="not this one")
    assert Action.get(run_name="abort-one", name=first).pb2.status.phase == ABORTED
    assert {one.action_name: one.phase for one in Condition.listall(run_name="abort-one")} == {
        first: "ACTION_PHASE_ABORTED",
        second: "ACTION_PHASE_PAUSED",
    }
    assert raw_phase("abort-one") == RUNNING


def test_actions_are_listed_with_their_parents(seed):
    names = seed.run("actions", [(f"c{number}", "int") for number in range(130)])
    found = list(Action.listall(for_run_name="actions"))
    assert sorted(one.name for one in found) == sorted(["a0", *names])
    assert {one.pb2.metadata.parent for one in found if one.name != "a0"} == {"a0"}
    kinds = {one.name: one.pb2.metadata.action_type for one in found}
    assert kinds["a0"] == 1
    assert set(kinds[name] for name in names) == {3}


def test_actions_are_narrowed_by_phase(seed):
    first, second = seed.run("actions-phase", [("one", "int"), ("two", "int")])
    Condition.get("one", run_name="actions-phase").signal(1)
    done = Action.listall(for_run_name="actions-phase", in_phase=("succeeded",))
    assert [one.name for one in done] == [first]
    several = Action.listall(for_run_name="actions-phase", in_phase=("succeeded", "paused"))
    assert sorted(one.name for one in several) == sorted([first, second])


def test_get_tells_where_an_action_stands(seed):
    (name,) = seed.run("action-get", [("approve", "bool", {"prompt": "Really?"})])
    action = Action.get(run_name="action-get", name=name)
    assert (action.name, action.run_name, action.pb2.status.phase) == (name, "action-get", 9)
    condition = action._details.pb2.condition
    assert (condition.name, condition.prompt, condition.type.simple) == ("approve", "Really?", 4)
    if VERSION >= (2, 5, 9):
        assert action.phase.value == "paused"


def test_get_of_an_unknown_action_is_refused(seed):
    seed.run("action-unknown")
    with pytest.raises(ConnectError) as caught:
        Action.get(run_name="action-unknown", name="nothing")
    assert caught.value.code == Code.NOT_FOUND


def test_watching_an_action_gives_its_state_and_each_change_until_its_end(seed):
    (name,) = seed.run("watch", [("approve", "bool")])
    action = Action.get(run_name="watch", name=name)
    seen = []

    async def follow():
        async for details in action.watch():
            seen.append(details.pb2.status.phase)

    wait = in_thread(lambda: asyncio.run(follow()))
    deadline = time.monotonic() + 30
    while not seen and time.monotonic() < deadline:
        time.sleep(0.02)
    Condition.get("approve", run_name="watch").signal(True)
    wait()
    assert seen[0] == 9
    assert seen[-1] == SUCCEEDED


def test_watching_an_ended_action_gives_its_end(seed):
    (name,) = seed.run("watch-ended", [("approve", "bool")])
    Condition.get("approve", run_name="watch-ended").signal(True)
    action = Action.get(run_name="watch-ended", name=name)

    async def follow():
        return [details.pb2.status.phase async for details in action.watch()]

    assert in_thread(lambda: asyncio.run(follow()))(20) == [SUCCEEDED]


@needs_signalbox
def test_who_signalled_what_stands_in_the_details(seed):
    (name,) = seed.run("signalled-by", [("count", "int")])
    Condition.get("count", run_name="signalled-by").signal(12)
    details = Action.get(run_name="signalled-by", name=name)._details.pb2
    if hasattr(details, "signal_info"):
        assert details.signal_info.output.scalar.primitive.integer == 12
