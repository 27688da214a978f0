"""Signalbox as a worker and a client in Python see it: grpcio, stubs from proto/, a started server.

Usage: test_signalbox.py HOST:PORT
"""

import collections
import itertools
import math
import queue
import sys
import threading
import traceback

import grpc
from google.protobuf import json_format, struct_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from signalbox.v1 import action_pb2 as actions
from signalbox.v1 import condition_pb2 as conditions
from signalbox.v1 import condition_service_pb2 as condition_calls
from signalbox.v1 import condition_service_pb2_grpc
from signalbox.v1 import event_service_pb2 as event_calls
from signalbox.v1 import event_service_pb2_grpc
from signalbox.v1 import reason_pb2 as reasons
from signalbox.v1 import run_pb2 as runs
from signalbox.v1 import run_service_pb2 as run_calls
from signalbox.v1 import run_service_pb2_grpc
from signalbox.v1 import worker_service_pb2 as worker
from signalbox.v1 import worker_service_pb2_grpc
from signalbox.v1.value_pb2 import VALUE_TYPE_BOOL, VALUE_TYPE_INT, Value, ValueReference

TIMEOUT_S = 30


class Clients:
    """A stub of every service, on one channel."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self.runs = run_service_pb2_grpc.RunServiceStub(self.channel)
        self.conditions = condition_service_pb2_grpc.ConditionServiceStub(self.channel)
        self.events = event_service_pb2_grpc.EventServiceStub(self.channel)
        self.workers = worker_service_pb2_grpc.WorkerServiceStub(self.channel)

    def create_task(self, run_id, op, **more):
        task = actions.TaskSpec(op=op, **more)
        request = run_calls.CreateRunRequest(run=runs.NewRun(run_id=run_id, task=task))
        return self.runs.CreateRun(request, timeout=TIMEOUT_S).run

    def create_plan(self, run_id, *planned):
        new_run = runs.NewRun(run_id=run_id, plan=runs.Plan(actions=planned), labels={"language": "python"})
        return self.runs.CreateRun(run_calls.CreateRunRequest(run=new_run), timeout=TIMEOUT_S).run

    def get_run(self, run_id):
        return self.runs.GetRun(run_calls.GetRunRequest(run_id=run_id), timeout=TIMEOUT_S).run

    def signal(self, run_id, name, value, **more):
        request = condition_calls.SignalConditionRequest(run_id=run_id, name=name, value=value, **more)
        return self.conditions.SignalCondition(request, timeout=TIMEOUT_S)

    def watch(self, run_id, **start):
        event_filter = event_calls.EventFilter(run_id=run_id)
        request = event_calls.WatchEventsRequest(filter=event_filter, **start)
        return self.events.WatchEvents(request, timeout=TIMEOUT_S)


class Session:
    """One worker stream: frames are sent at once, and taken by kind."""

    def __init__(self, clients, worker_id, ops, running=(), incarnation="only"):
        self._requests = queue.SimpleQueue()
        self._frames = collections.deque()
        self.stream = clients.workers.Attach(iter(self._requests.get, None), timeout=TIMEOUT_S)
        attach = worker.Attach(worker_id=worker_id, incarnation=incarnation, ops=ops, running=running)
        self.send(attach=attach)
        self.attached = self.next("attached")
        self._sequences = collections.defaultdict(itertools.count)

    def send(self, **frame):
        self._requests.put(worker.AttachRequest(**frame))

    def next(self, kind):
        """Takes the oldest frame of a kind; frames of other kinds stay."""
        for index, frame in enumerate(self._frames):
            if frame.WhichOneof("frame") == kind:
                del self._frames[index]
                return getattr(frame, kind)
        for frame in self.stream:
            if frame.WhichOneof("frame") == kind:
                return getattr(frame, kind)
            self._frames.append(frame)
        raise AssertionError(f"the stream ended before {kind}")

    def take(self):
        """Permits one assignment, waits for it and accepts it."""
        self.send(credit=worker.Credit(amount=1))
        (assignment,) = self.next("assign").assignments
        self.send(accept=worker.Accept(attempts=[assignment.attempt]))
        return assignment

    def report(self, attempt, **content):
        """Sends one report and waits until it is recorded; gives the refusal, None if there is none."""
        sequence = next(self._sequences[attempt.SerializeToString()]) + 1
        report = worker.AttemptReport(attempt=attempt, sequence=sequence, **content)
        self.send(report=worker.Report(reports=[report]))
        (recorded,) = self.next("recorded").reports
        assert (recorded.attempt, recorded.sequence) == (attempt, sequence), recorded
        return recorded.refusal if recorded.HasField("refusal") else None

    def succeed(self, attempt, **outputs):
        refusal = self.report(attempt, succeeded=worker.Succeeded(outputs=outputs))
        assert refusal is None, refusal

    def leave(self):
        """Says goodbye; the server ends the stream without an error."""
        self.send(leave=worker.Leave(cause="done"))
        assert [frame for frame in self.stream if frame.WhichOneof("frame") != "pulse"] == []
        assert self.stream.code() is grpc.StatusCode.OK
        self._requests.put(None)

    def vanish(self):
        """Cuts the stream without a word."""
        self.stream.cancel()
        self._requests.put(None)


def given(value):
    return actions.Input(value=value)


def output_of(name, output):
    return actions.Input(reference=actions.OutputReference(**{"from": name}, output=output))


def kinds(events):
    return [f"{event.WhichOneof('detail')} {event.action}".strip() for event in events]


def refusal_of(call):
    """The code and the details of the error that a call ends with, by type."""
    try:
        call()
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        assert status.code == error.code().value[0] and status.message == error.details(), status
        found = {}
        for packed in status.details:
            for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
                if packed.Is(kind.DESCRIPTOR):
                    found[kind.DESCRIPTOR.name] = kind()
                    packed.Unpack(found[kind.DESCRIPTOR.name])
        return error.code(), found
    raise AssertionError("the call succeeded")


def executes_a_plan_whose_inputs_refer_to_outputs(clients):
    session = Session(clients, "py-plan", ["py.count", "py.double", "py.join"])
    assert session.attached.session_id and session.attached.lease.seconds == 5
    count = actions.TaskSpec(op="py.count", inputs={"path": given(Value(string_value="a.txt"))})
    double = actions.TaskSpec(op="py.double", inputs={"n": output_of("count", "lines")})
    both = {"all": output_of("double", ""), "n": output_of("count", "lines")}
    join = actions.TaskSpec(op="py.join", inputs=both)
    clients.create_plan(
        "py-plan",
        actions.NewAction(name="join", task=join),
        actions.NewAction(name="double", task=double),
        actions.NewAction(name="count", task=count),
    )
    assignment = session.take()
    assert (assignment.op, assignment.inputs["path"].string_value) == ("py.count", "a.txt")
    assert assignment.run_labels == {"language": "python"}
    assert session.report(assignment.attempt, progress={"percent": 50, "message": "half"}) is None
    session.succeed(assignment.attempt, lines=Value(int_value=21))
    assignment = session.take()
    assert (assignment.op, assignment.inputs["n"].int_value) == ("py.double", 21)
    session.succeed(assignment.attempt, n=Value(int_value=42), note=Value(string_value="twice"))
    assignment = session.take()
    everything = json_format.MessageToDict(assignment.inputs["all"].json_value)
    assert everything["note"] == "twice" and assignment.inputs["n"].int_value == 21, assignment
    session.succeed(assignment.attempt)
    run = clients.get_run("py-plan")
    assert (run.state, run.ended_action_count) == (runs.Run.STATE_SUCCEEDED, 3), run
    session.leave()


def adds_a_condition_from_a_running_task_and_awaits_its_answer(clients):
    session = Session(clients, "py-children", ["py.ask"])
    clients.create_task("py-children", "py.ask")
    attempt = session.take().attempt
    spec = conditions.ConditionSpec(type=VALUE_TYPE_INT, prompt="How many?")
    added = [actions.NewAction(name="how-many", condition=spec), actions.NewAction(name="step", trace={})]
    session.send(add_actions=worker.AddActions(attempt=attempt, call_id=7, actions=added))
    answer = session.next("actions_added")
    assert answer.call_id == 7 and not answer.HasField("refusal"), answer
    assert [child.name for child in answer.actions] == ["main/how-many", "main/step"], answer
    assert answer.actions[0].state == actions.Action.STATE_PAUSED, answer
    ended = worker.TraceEnded(name="step", outputs={"took": Value(float_value=0.5)})
    assert session.report(attempt, trace_ended=ended) is None
    assert clients.get_run("py-children").paused_condition_count == 1
    signalled = clients.signal("py-children", "main/how-many", Value(int_value=3), signalled_by="python")
    assert signalled.condition.outcome == conditions.Condition.OUTCOME_ANSWERED, signalled
    child = session.next("child_ended")
    assert child.attempt == attempt and child.action.name == "main/how-many", child
    assert child.action.outputs["value"].int_value == 3 and child.action.condition.signalled_by == "python"
    # A parent that asks again finds its children as they ended.
    session.send(add_actions=worker.AddActions(attempt=attempt, call_id=8, actions=added))
    found = session.next("actions_added").actions
    assert [one.state for one in found] == [actions.Action.STATE_SUCCEEDED] * 2, found
    assert found[1].outputs["took"].float_value == 0.5, found
    session.succeed(attempt, answer=child.action.outputs["value"])
    assert clients.get_run("py-children").outputs["answer"].int_value == 3
    session.leave()


def resumes_the_feed_by_cursor_after_cancelling_it(clients):
    seen = queue.SimpleQueue()

    def follow(stream):
        try:
            for frame in stream:
                seen.put(frame)
        except grpc.RpcError as error:
            seen.put(error.code())

    def start(**where):
        stream = clients.watch("py-feed", **where)
        threading.Thread(target=follow, args=[stream], daemon=True).start()
        return stream

    def read_until(kind):
        """The events up to one of a kind, and the cursor behind it."""
        events = []
        while True:
            frame = seen.get(timeout=TIMEOUT_S)
            events.extend(frame.events)
            if any(event.WhichOneof("detail") == kind for event in frame.events):
                return events, frame.cursor

    stream = start()
    first = seen.get(timeout=TIMEOUT_S)
    assert not first.events and first.cursor, "the first frame is a bookmark"
    clients.create_plan(
        "py-feed",
        actions.NewAction(name="approve", condition={"type": VALUE_TYPE_BOOL}),
        actions.NewAction(name="publish", task={"op": "py.publish"}, dependencies=[{"action": "approve"}]),
    )
    before, cursor = read_until("condition_paused")
    stream.cancel()
    while seen.get(timeout=TIMEOUT_S) is not grpc.StatusCode.CANCELLED:
        pass
    clients.signal("py-feed", "approve", Value(bool_value=True))
    session = Session(clients, "py-feed", ["py.publish"])
    session.succeed(session.take().attempt)
    start(cursor=cursor)
    after, _ = read_until("run_ended")
    assert kinds(before + after) == [
        "run_created",
        "action_created approve",
        "run_started",
        "condition_paused approve",
        "action_created publish",
        "condition_answered approve",
        "action_ended approve",
        "action_queued publish",
        "action_assigned publish",
        "action_started publish",
        "action_ended publish",
        "run_ended",
    ], kinds(before + after)
    request = event_calls.ListEventsRequest(filter=event_calls.EventFilter(run_id="py-feed"))
    listed = clients.events.ListEvents(request, timeout=TIMEOUT_S).events
    assert list(listed) == before + after, "ListEvents gives the very same events"
    session.leave()


DOCUMENT = {
    "list": [None, True, -1.5, "text", [], {}],
    "nested": {"deep": {"deeper": [[[1]]]}},
    "__proto__": {"constructor": "x"},
    "emoji \U0001f686": "ü\u0000\u2028",
}
VALUES = {
    "null": Value(null_value=struct_pb2.NULL_VALUE),
    "false": Value(bool_value=False),
    "zero": Value(int_value=0),
    "int max": Value(int_value=2**63 - 1),
    "int min": Value(int_value=-(2**63)),
    "over double": Value(int_value=2**53 + 1),
    "nan": Value(float_value=math.nan),
    "infinity": Value(float_value=math.inf),
    "-infinity": Value(float_value=-math.inf),
    "tenth": Value(float_value=0.1),
    "smallest": Value(float_value=5e-324),
    "largest": Value(float_value=sys.float_info.max),
    "empty": Value(string_value=""),
    "text": Value(string_value="Zug \U0001f686 \u0000 'quoted' \"twice\" \\"),
    "no bytes": Value(bytes_value=b""),
    "bytes": Value(bytes_value=bytes(range(256))),
    "json": Value(json_value=json_format.ParseDict(DOCUMENT, struct_pb2.Value())),
    "json null": Value(json_value=struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)),
    "json number": Value(json_value=struct_pb2.Value(number_value=1e308)),
    "reference": Value(reference=ValueReference(uri="s3://b/k", sha256="0" * 64, size_bytes=2**40)),
}


def same_value(one, other):
    if one.WhichOneof("kind") == other.WhichOneof("kind") == "float_value":
        return same_float(one.float_value, other.float_value)
    return one == other


def same_float(one, other):
    return one == other or (math.isnan(one) and math.isnan(other))


def gets_every_value_back_as_it_was_sent(clients):
    session = Session(clients, "py-values", ["py.echo"])
    clients.create_task("py-values", "py.echo", inputs={name: given(value) for name, value in VALUES.items()})
    assignment = session.take()
    session.succeed(assignment.attempt, **assignment.inputs)
    session.leave()
    request = run_calls.GetActionRequest(run_id="py-values", name="main")
    action = clients.runs.GetAction(request, timeout=TIMEOUT_S).action
    for frame in clients.watch("py-values", beginning={}):
        if kinds(frame.events)[-1:] == ["run_ended"]:
            told = frame.events[-1].run_ended.outputs
            break
    places = {
        "the assignment": assignment.inputs,
        "the action's inputs": {name: stated.value for name, stated in action.inputs.items()},
        "the action's outputs": action.outputs,
        "the run's outputs": clients.get_run("py-values").outputs,
        "the feed": told,
    }
    wrong = [
        f"{name} in {place}: {values[name]!r} for {value!r}"
        for place, values in places.items()
        for name, value in VALUES.items()
        if name not in values or not same_value(values[name], value)
    ]
    assert not wrong, "\n".join(wrong)


def keeps_its_work_when_it_vanishes_and_attaches_again(clients):
    before = Session(clients, "py-keep", ["py.keep"])
    clients.create_task("py-keep", "py.keep")
    attempt = before.take().attempt
    assert before.report(attempt, heartbeat={}) is None
    before.vanish()
    after = Session(clients, "py-keep", ["py.keep"], running=[attempt])
    assert (list(after.attached.keep), list(after.attached.drop)) == ([attempt], []), after.attached
    # The number of a recorded report is answered again and changes nothing; the next one counts.
    assert after.report(attempt, heartbeat={}) is None
    after.succeed(attempt)
    assert clients.get_run("py-keep").state == runs.Run.STATE_SUCCEEDED
    after.leave()


def loses_its_work_to_another_process_of_its_name(clients):
    old = Session(clients, "py-name", ["py.name"], incarnation="old")
    clients.create_task("py-name", "py.name", retry={"max_attempts": 2})
    attempt = old.take().attempt
    new = Session(clients, "py-name", ["py.name"], running=[attempt], incarnation="new")
    assert (list(new.attached.keep), list(new.attached.drop)) == ([], [attempt]), new.attached
    refusal = new.report(attempt, succeeded={})
    assert refusal.reason == reasons.REASON_STALE_EPOCH, refusal
    # The old stream is told why it is over.
    code, found = refusal_of(lambda: old.next("nothing"))
    assert found["ErrorInfo"].reason == "SESSION_GONE", (code, found)
    new.leave()


def gets_refusals_with_their_facts(clients):
    clients.create_plan("py-refused", actions.NewAction(name="ask", condition={"type": VALUE_TYPE_BOOL}))
    code, found = refusal_of(lambda: clients.signal("py-refused", "ask", Value(string_value="yes")))
    assert code is grpc.StatusCode.INVALID_ARGUMENT and "BadRequest" not in found
    info = found["ErrorInfo"]
    assert (info.reason, info.domain) == ("SIGNAL_TYPE_MISMATCH", "signalbox"), info
    assert dict(info.metadata) == {"expected": "bool", "actual": "string"}, info
    clients.signal("py-refused", "ask", Value(bool_value=True))
    assert clients.signal("py-refused", "ask", Value(bool_value=True)).repeated
    code, found = refusal_of(lambda: clients.signal("py-refused", "ask", Value(bool_value=False)))
    assert (code, found["ErrorInfo"].reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_ANSWERED")


def gets_every_wrong_field_of_a_request(clients):
    cyclic = runs.Plan(
        actions=[
            actions.NewAction(name="a", task={"op": "x"}, dependencies=[{"action": "b"}]),
            actions.NewAction(name="b", task={"op": "x"}, dependencies=[{"action": "a"}]),
            actions.NewAction(name="c", task={"op": "x"}, dependencies=[{"action": "nobody"}]),
        ]
    )
    plans = {
        "of the schema": runs.NewRun(run_id="no spaces", priority=5000, task={"op": ""}),
        "of the plan": runs.NewRun(plan=cyclic),
    }
    fields = {}
    for name, plan in plans.items():
        request = run_calls.CreateRunRequest(run=plan)
        code, found = refusal_of(lambda request=request: clients.runs.CreateRun(request, timeout=TIMEOUT_S))
        assert (code, found["ErrorInfo"].reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        fields[name] = sorted({violation.field for violation in found["BadRequest"].field_violations})
    assert fields["of the schema"] == ["run.priority", "run.run_id", "run.task.op"], fields
    wrong = fields["of the plan"]
    assert any("actions[2]" in field for field in wrong) and len(wrong) > 1, wrong


def repeats_a_request_safely_by_its_id(clients):
    def create(op):
        request = run_calls.CreateRunRequest(run=runs.NewRun(task={"op": op}), request_id="py-once")
        return clients.runs.CreateRun(request, timeout=TIMEOUT_S).run.run_id

    assert create("py.once") == create("py.once")
    code, found = refusal_of(lambda: create("py.other"))
    assert (code, found["ErrorInfo"].reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


def publishes_events_of_its_own(clients):
    payload = json_format.ParseDict({"celsius": 21.5}, struct_pb2.Value())
    published = {"source": "sensor", "type": "reading", "attributes": {"room": "a"}, "payload": payload}
    event_filter = event_calls.EventFilter(kinds=[60])
    request = event_calls.WatchEventsRequest(filter=event_filter)
    stream = clients.events.WatchEvents(request, timeout=TIMEOUT_S)
    assert not next(stream).events
    request = event_calls.PublishEventsRequest(events=[{"published": published}, {"published": published}])
    clients.events.PublishEvents(request, timeout=TIMEOUT_S)
    frame = next(stream)
    assert kinds(frame.events) == ["published", "published"], frame
    assert frame.events[0].published.payload.struct_value["celsius"] == 21.5, frame
    stream.cancel()


TESTS = [
    executes_a_plan_whose_inputs_refer_to_outputs,
    adds_a_condition_from_a_running_task_and_awaits_its_answer,
    resumes_the_feed_by_cursor_after_cancelling_it,
    gets_every_value_back_as_it_was_sent,
    keeps_its_work_when_it_vanishes_and_attaches_again,
    loses_its_work_to_another_process_of_its_name,
    gets_refusals_with_their_facts,
    gets_every_wrong_field_of_a_request,
    repeats_a_request_safely_by_its_id,
    publishes_events_of_its_own,
]


def main(address):
    failed = 0
    clients = Clients(address)
    for test in TESTS:
        name = "python " + test.__name__.replace("_", " ")
        try:
            test(clients)
            print(f"ok - {name}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok - {name}\n{traceback.format_exc()}", flush=True)
    clients.channel.close()
    print(f"{len(TESTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
