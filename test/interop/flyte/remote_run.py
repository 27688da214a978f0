"""`flyte.run` in remote mode: real tasks, executed by `signalbox worker --flyte`."""

import flyte
import flyte.errors
import pytest
import tasks
from conftest import (
    IS_STAND_IN,
    NOUN,
    PROJECT,
    VERSION,
    Condition,
    flyte_command,
    in_thread,
    signalbox_command,
    wait_until,
)
from connectrpc.errors import ConnectError
from flyte.remote import Action, Run

needs_signalbox = pytest.mark.skipif(IS_STAND_IN, reason="needs a Signalbox server")
SUCCEEDED, FAILED, ABORTED, PAUSED = 5, 6, 7, "ACTION_PHASE_PAUSED"
RUN_SECONDS = 180


def start(task, name=None, env_vars=None, **inputs):
    env_vars = {"LOG_LEVEL": "20", **(env_vars or {})}
    return flyte.with_runcontext(mode="remote", name=name, env_vars=env_vars).run(task, **inputs)


def open_condition(run, title):
    """The condition, once it waits. A server that is away for a moment is asked again."""

    def look():
        try:
            found = Condition.get(title, run_name=run)
        except (ConnectError, OSError):
            return None
        return found if found is not None and found.phase == PAUSED else None

    return wait_until(look, RUN_SECONDS)


def by_sdk(server, run, title, value):
    open_condition(run, title).signal(value)


def by_flyte_command(server, run, title, value):
    name = open_condition(run, title).action_name
    said, code = flyte_command(server, "signal", NOUN, run, name, str(value), project=PROJECT)
    assert code == 0, said


def by_signalbox(server, run, title, value):
    name = open_condition(run, title).action_name
    word = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    said, code = signalbox_command(server, "signal", run, name, word)
    assert code == 0, said


WAYS = {"sdk": by_sdk, "flyte-command": by_flyte_command, "signalbox": by_signalbox}


def ended(run, phase=SUCCEEDED):
    in_thread(lambda: run.wait(quiet=True))(RUN_SECONDS)
    run = Run.get(run.name)
    message = run.details().action_details.pb2.error_info.message
    assert run.raw_phase == phase, f"{run.raw_phase}: {message}"
    return run


@pytest.mark.parametrize(
    ("first", "second"),
    [("flyte-command", "signalbox"), ("signalbox", "sdk"), ("sdk", "flyte-command")],
)
def test_two_sub_tasks_and_two_conditions_run_to_their_end(worker, server, first, second):
    if IS_STAND_IN and "signalbox" in (first, second):
        pytest.skip("needs a Signalbox server")
    name = f"main-{first}"
    run = start(tasks.main, name, start=21)
    assert run.name == name
    WAYS[first](server, name, "approve", True)
    WAYS[second](server, name, "amount", 7)
    run = ended(run)
    assert run.outputs()[0] == "42-True-126-7"
    assert run.inputs()["start"] == 21
    kinds = [one.pb2.metadata.action_type for one in Action.listall(for_run_name=name)]
    assert sorted(kinds) == [1, 1, 1, 3, 3]


@needs_signalbox
def test_the_answers_arrive_although_the_worker_is_killed_before_each(worker, server):
    run = start(tasks.main, "killed-worker", start=2)
    for title, value in (("approve", True), ("amount", 9)):
        open_condition(run.name, title)
        worker.kill()
        by_sdk(server, run.name, title, value)
        worker.start()
    run = ended(run)
    assert run.outputs()[0] == "4-True-12-9"
    # The tasks were killed with their worker: each kill has cost an attempt.
    assert run.pb2.action.status.attempts == 3


@needs_signalbox
def test_an_answer_that_comes_after_the_parent_has_begun_again_arrives(worker, server, folder):
    """What the SDK takes for a task when it finds it open after a restart must still give its value."""
    mark = folder / "begun-again"
    run = start(tasks.main, "begun-again", env_vars={"INTEROP_MARK": str(mark)}, start=2)
    open_condition(run.name, "approve")
    wait_until(mark.exists, RUN_SECONDS)
    worker.kill()
    worker.start()
    wait_until(lambda: len(mark.read_text().splitlines()) >= 2, RUN_SECONDS)
    by_sdk(server, run.name, "approve", True)
    by_sdk(server, run.name, "amount", 3)
    assert ended(run).outputs()[0] == "4-True-12-3"


@needs_signalbox
def test_the_answers_arrive_although_the_server_is_killed_before_and_after_each(worker, server):
    run = start(tasks.main, "killed-server", start=3)
    for title, value in (("approve", False), ("amount", 4)):
        open_condition(run.name, title)
        server.kill()
        server.start()
        by_sdk(server, run.name, title, value)
        server.kill()
        server.start()
    wait_until(lambda: Run.get(run.name).done(), RUN_SECONDS)
    assert ended(Run.get(run.name)).outputs()[0] == "6-False-18-4"


def test_a_condition_without_an_answer_in_time_raises_the_timeout_error_of_the_sdk(worker):
    if VERSION < (2, 5, 2):
        pytest.skip("versions before 2.5.2 do not send the timeout")
    assert ended(start(tasks.hurried, "timeout", seconds=1.5)).outputs()[0] == "ConditionTimedoutError"


@needs_signalbox
def test_an_aborted_run_raises_the_abort_error_of_the_sdk_in_its_task(worker, folder):
    file = folder / "abort-error"
    run = start(tasks.waiting, "aborted", file=str(file))
    open_condition(run.name, "never")
    run.abort()
    ended(run, ABORTED)
    (condition,) = Condition.listall(run_name="aborted")
    assert condition.phase == "ACTION_PHASE_ABORTED"
    assert file.read_text() == "ActionAbortedError"


def test_an_aborted_condition_raises_the_abort_error_of_the_sdk(worker, folder):
    file = folder / "abort-one-error"
    run = start(tasks.waiting, "aborted-one", file=str(file))
    name = open_condition(run.name, "never").action_name
    Action.get(run_name=run.name, name=name).abort()
    ended(run, FAILED)
    assert file.read_text() == "ActionAbortedError"


@needs_signalbox
def test_a_task_that_fails_is_tried_again_as_often_as_it_says(worker, folder):
    run = ended(start(tasks.second_time, "second-time", file=str(folder / "attempts")))
    assert run.outputs()[0] == 2
    assert run.pb2.action.status.attempts == 2


def test_the_error_of_a_task_that_fails_is_told(worker):
    run = ended(start(tasks.failing, "failing"), FAILED)
    assert "this is what is wrong" in run.details().action_details.pb2.error_info.message


def test_a_trace_is_recorded(worker):
    run = ended(start(tasks.with_trace, "traced", number=1))
    assert run.outputs()[0] == 2
    kinds = [one.pb2.metadata.action_type for one in Action.listall(for_run_name="traced")]
    assert sorted(kinds) == [1, 2]


def test_conditions_of_each_type_give_their_values(worker, server):
    run = start(tasks.typed, "typed", webhook="")
    for title, value in (("b", False), ("i", -3), ("f", 0.5), ("s", "as said")):
        by_sdk(server, run.name, title, value)
    assert ended(run).outputs()[0] == "[False, -3, 0.5, 'as said']"


@needs_signalbox
def test_the_webhook_of_a_condition_is_posted_with_an_address_that_answers_it(worker, server):
    if VERSION < (2, 5, 2):
        pytest.skip("versions before 2.5.2 do not send the webhook")
    import json
    import urllib.request
    from http.server import BaseHTTPRequestHandler, HTTPServer

    posted = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    handle = in_thread(receiver.serve_forever)
    try:
        run = start(tasks.typed, "webhook", webhook=f"http://127.0.0.1:{receiver.server_address[1]}/")
        wait_until(lambda: posted, RUN_SECONDS)
        address = posted[0]["answer_at"]
        body = json.dumps({"value": True}).encode()
        request = urllib.request.Request(address, body, {"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=30).close()
        wait_until(lambda: Condition.get("b", run_name=run.name).phase == "ACTION_PHASE_SUCCEEDED")
        for title, value in (("i", 1), ("f", 1.5), ("s", "x")):
            by_sdk(server, run.name, title, value)
        assert ended(run).outputs()[0] == "[True, 1, 1.5, 'x']"
    finally:
        receiver.shutdown()
        handle(10)
        receiver.server_close()


def test_a_second_run_of_a_name_is_refused_by_name(worker):
    start(tasks.double, "same-name", number=1)
    with pytest.raises(flyte.errors.RuntimeUserError) as caught:
        start(tasks.double, "same-name", number=1)
    assert caught.value.code == "RunAlreadyExistsError"


def test_a_run_without_a_name_gets_one(worker):
    run = start(tasks.double, number=4)
    assert run.name
    assert ended(run).outputs()[0] == 8


def test_a_deployed_task_is_found_and_run(worker):
    flyte.deploy(tasks.env, version="v7", copy_style="loaded_modules")
    task = flyte.remote.Task.get("interop.double", version="v7")
    run = flyte.with_runcontext(mode="remote", name="deployed").run(task, number=11)
    assert ended(run).outputs()[0] == 22


@needs_signalbox
def test_what_a_task_prints_is_in_its_logs(worker, server):
    run = ended(start(tasks.failing, "logs"), FAILED)
    said, code = flyte_command(server, "get", "logs", run.name, project=PROJECT)
    assert code == 0, said
    assert "this is what is wrong" in said


def test_runs_are_found_by_their_labels_and_by_a_condition_that_waits(worker, server):
    if VERSION < (2, 5, 18):
        pytest.skip("these versions cannot ask for labels")
    labels = {"team": "blue", "stage": "one"}
    context = flyte.with_runcontext(mode="remote", name="labelled", labels=labels)
    run = context.run(tasks.waiting, file="/dev/null")
    open_condition(run.name, "never")
    if IS_STAND_IN:
        return
    for asked, is_found in (
        ({"with_labels": {"team": "blue"}}, True),
        ({"with_labels": {"team": "blue", "stage": "two"}}, False),
        ({"with_labels": {"team": "green"}}, False),
        ({"with_label_keys": ["team"]}, True),
        ({"with_label_keys": ["nothing"]}, False),
        ({"paused_actions_only": True}, True),
    ):
        found = {one.name for one in Run.listall(limit=1000, **asked)}
        assert (run.name in found) == is_found, asked
    by_sdk(server, run.name, "never", "now")
    ended(run)
    assert run.name not in {one.name for one in Run.listall(limit=1000, paused_actions_only=True)}


def test_a_run_is_done_over_with_its_inputs_or_with_others(worker):
    if not hasattr(flyte, "rerun"):
        pytest.skip("these versions cannot do runs over")
    first = ended(start(tasks.double, "first-time", number=6))
    assert ended(flyte.rerun(first.name)).outputs()[0] == 12
    assert ended(flyte.rerun(first.name, number=7)).outputs()[0] == 14
