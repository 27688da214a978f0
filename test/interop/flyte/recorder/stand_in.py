"""A small stand-in for a Flyte server, which keeps every request it gets as it came over the wire.

It knows the calls of the Python SDK and no more, keeps all in memory, runs tasks as processes of this
machine, and is no reference for what a server should do: `record.py` uses it to learn what the SDK sends.
It reads and writes messages with the `flyteidl2` package of the environment that it runs in.
"""

import gzip
import importlib
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flyteidl2.common import identifier_pb2
from flyteidl2.core import execution_pb2, literals_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import json_format

# The services of the stand-in, with the module that has their messages.
MODULES = {
    "flyteidl2.workflow.RunService": "flyteidl2.workflow.run_service_pb2",
    "flyteidl2.actions.ActionsService": "flyteidl2.actions.actions_service_pb2",
    "flyteidl2.dataproxy.DataProxyService": "flyteidl2.dataproxy.dataproxy_service_pb2",
    "flyteidl2.cluster.ClusterService": "flyteidl2.cluster.service_pb2",
    "flyteidl2.task.TaskService": "flyteidl2.task.task_service_pb2",
    "flyteidl2.auth.AuthMetadataService": "flyteidl2.auth.auth_service_pb2",
    "flyteidl2.workflow.TrackedRunService": "flyteidl2.workflow.tracked_run_service_pb2",
}
TERMINAL = {5, 6, 7, 8, 10}
PAUSED = 9


class Declined(Exception):
    """A Connect error code and its message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


HTTP_STATUS = {"not_found": 404, "invalid_argument": 400, "failed_precondition": 400, "already_exists": 409}


class Row:
    """An action."""

    def __init__(self, run, name, parent, kind):
        self.run, self.name, self.parent, self.kind = run, name, parent, kind
        self.phase, self.group = 1, ""
        self.task = self.condition = self.error = self.value = None
        self.input_uri = self.output_uri = ""
        self.created = time.time()
        self.ended = None
        self.process = None
        self.spec = None


class World:
    """The runs, by name, and what has been asked for."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.runs, self.specs, self.changed = {}, {}, threading.Condition(threading.RLock())
        self.recorded, self.label = [], "none"
        self.port = 0
        self.tasks = {}

    def row(self, action_id):
        row = self.runs.get(action_id.run.name, {}).get(action_id.name)
        if row is None:
            raise Declined("not_found", f"there is no action {action_id.name} in run {action_id.run.name}")
        return row

    def to_phase(self, row, phase):
        with self.changed:
            if row.phase not in TERMINAL:
                row.phase = phase
                if phase in TERMINAL:
                    row.ended = time.time()
            self.changed.notify_all()

    def abort(self, row):
        for other in list(self.runs[row.run.name].values()):
            if other is row or other.parent == row.name:
                if other.phase not in TERMINAL:
                    self.to_phase(other, 7)
                    if other.process is not None:
                        other.process.kill()
                    if other is not row:
                        self.abort(other)

    def identifier(self, row):
        return identifier_pb2.ActionIdentifier(run=row.run, name=row.name)

    def status(self, row):
        status = run_definition_pb2.ActionStatus(phase=row.phase, attempts=1)
        status.start_time.FromMilliseconds(int(row.created * 1000))
        if row.ended is not None:
            status.end_time.FromMilliseconds(int(row.ended * 1000))
            status.duration_ms = int((row.ended - row.created) * 1000)
        return status

    def metadata(self, row):
        metadata = run_definition_pb2.ActionMetadata(parent=row.parent, group=row.group, action_type=row.kind)
        if row.condition is not None:
            metadata.condition.name = row.condition.name
            metadata.condition.type.CopyFrom(row.condition.type)
        if row.task is not None:
            template = row.task.task_template
            metadata.task.id.CopyFrom(task_identifier(template.id))
            metadata.task.task_type = template.type
            metadata.task.short_name = row.task.short_name
        return metadata

    def action(self, row):
        return run_definition_pb2.Action(
            id=self.identifier(row), metadata=self.metadata(row), status=self.status(row)
        )

    def details(self, row):
        details = run_definition_pb2.ActionDetails(
            id=self.identifier(row), metadata=self.metadata(row), status=self.status(row)
        )
        if row.task is not None:
            details.task.CopyFrom(row.task)
        if row.condition is not None:
            details.condition.CopyFrom(row.condition)
        if row.error is not None:
            details.error_info.message = row.error.message
        if row.phase == 7:
            details.abort_info.reason = "aborted"
        attempt = details.attempts.add(phase=row.phase, attempt=1)
        attempt.start_time.CopyFrom(details.status.start_time)
        attempt.outputs.output_uri = row.output_uri
        attempt.logs_available = True
        return details

    def execute(self, row):
        """Runs the container command of a task, as an executor would."""
        base = self.folder / row.run.name
        attempt = base / row.name / "1"
        attempt.mkdir(parents=True, exist_ok=True)
        values = {
            "input": row.input_uri,
            "outputPrefix": str(attempt),
            "rawOutputDataPrefix": str(attempt / "raw"),
            "checkpointOutputPrefix": str(attempt / "checkpoint"),
            "prevCheckpointPrefix": "",
            "runName": row.run.name,
            "actionName": row.name,
            "runStartTime": "2026-01-01T00:00:00Z",
        }
        container = row.task.task_template.container
        words = []
        for word in [*container.command, *container.args]:
            for name, value in values.items():
                word = word.replace("{{." + name + "}}", value)
            words.append(word)
        cwd = attempt / "work"
        cwd.mkdir(exist_ok=True)
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("_U_")},
            **{pair.key: pair.value for pair in container.env},
            **{pair.key: pair.value for pair in row.spec},
            "ACTION_NAME": row.name,
            "RUN_NAME": row.run.name,
            "_U_RUN_BASE": str(base),
            "_U_ORG_NAME": row.run.org or "none",
            "FLYTE_INTERNAL_EXECUTION_PROJECT": row.run.project,
            "FLYTE_INTERNAL_EXECUTION_DOMAIN": row.run.domain,
            "_U_EP_OVERRIDE": f"localhost:{self.port}",
            "_U_INSECURE": "true",
            "_U_USE_ACTIONS": "1",
            "FSSPEC_FILE_AUTO_MKDIR": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self.to_phase(row, 4)
        with open(attempt / "log", "wb") as log:
            row.process = subprocess.Popen(words, cwd=cwd, env=env, stdout=log, stderr=log)
            code = row.process.wait()
        error = attempt / "error.pb"
        if code == 0 and not error.exists():
            row.output_uri = str(attempt)
            self.to_phase(row, 5)
            return
        row.error = execution_pb2.ExecutionError(code="Exit", message=f"exit {code}")
        if error.exists():
            document = execution_pb2.ErrorDocument.FromString(error.read_bytes()).error
            row.error = execution_pb2.ExecutionError(code=document.code, message=document.message)
        self.to_phase(row, 6)

    def begin(self, row):
        threading.Thread(target=self.execute, args=[row], daemon=True).start()

    def expire(self, row):
        self.to_phase(row, 8)


def task_identifier(found):
    from flyteidl2.task import task_definition_pb2

    return task_definition_pb2.TaskIdentifier(
        org=found.org, project=found.project, domain=found.domain, name=found.name, version=found.version
    )


def first(values, default=None):
    return next(iter(values), default)


def listed(rows, request):
    """A page of rows, and the token of the next one."""
    kept = rows
    for one in request.filters:
        if one.field == "action_type":
            kept = [row for row in kept if str(row.kind) in one.values]
        if one.field == "parent_name":
            kept = [row for row in kept if row.parent in one.values]
        if one.field == "phase":
            kept = [row for row in kept if str(row.phase) in one.values]
    kept = sorted(kept, key=lambda row: row.phase != PAUSED)
    start, size = int(request.token or 0), request.limit or 50
    return kept[start : start + size], str(start + size) if start + size < len(kept) else ""


class Calls:
    """What answers each call: a message, or a generator of messages."""

    def __init__(self, world):
        self.world = world

    # RunService

    def create_run(self, request, answer):
        world = self.world
        run = identifier_pb2.RunIdentifier()
        if request.WhichOneof("id") == "run_id":
            run.CopyFrom(request.run_id)
        else:
            run.project, run.domain = request.project_id.name, request.project_id.domain
            run.name = f"rmade{len(world.runs)}"
        if run.name in world.runs:
            raise Declined("already_exists", f"there is a run {run.name}")
        row = Row(run, "a0", "", 1)
        if request.WhichOneof("task") == "task_id":
            request.task_spec.CopyFrom(world.tasks[request.task_id.name].spec)
        row.task, row.spec = request.task_spec, request.run_spec.envs.values
        row.input_uri = request.offloaded_input_data.uri
        if not row.input_uri.endswith(".pb"):
            row.input_uri += "/inputs.pb"
        with world.changed:
            world.runs[run.name] = {"a0": row}
            world.specs[run.name] = request.run_spec
        world.begin(row)
        answer.run.action.CopyFrom(world.action(row))
        return answer

    def abort_run(self, request, answer):
        if request.run_id.name not in self.world.runs:
            raise Declined("not_found", "there is no such run")
        self.world.abort(self.world.runs[request.run_id.name]["a0"])
        return answer

    def abort_action(self, request, answer):
        self.world.abort(self.world.row(request.action_id))
        return answer

    def get_run_details(self, request, answer):
        rows = self.world.runs.get(request.run_id.name)
        if rows is None:
            raise Declined("not_found", f"there is no run {request.run_id.name}")
        answer.details.action.CopyFrom(self.world.details(rows["a0"]))
        if request.run_id.name in self.world.specs:
            answer.details.run_spec.CopyFrom(self.world.specs[request.run_id.name])
        return answer

    def get_action_details(self, request, answer):
        answer.details.CopyFrom(self.world.details(self.world.row(request.action_id)))
        return answer

    def watch_action_details(self, request, answer):
        row, last = self.world.row(request.action_id), None
        while last not in TERMINAL:
            with self.world.changed:
                self.world.changed.wait_for(lambda: row.phase != last, timeout=60)
                last = row.phase
            one = type(answer)()
            one.details.CopyFrom(self.world.details(row))
            yield one

    def list_runs(self, request, answer):
        rows = [rows["a0"] for rows in self.world.runs.values()]
        found, answer.token = listed(rows, request.request)
        for row in found:
            answer.runs.add().action.CopyFrom(self.world.action(row))
        return answer

    def list_actions(self, request, answer):
        rows = self.world.runs.get(request.run_id.name)
        if rows is None:
            raise Declined("not_found", f"there is no run {request.run_id.name}")
        found, answer.token = listed(list(rows.values()), request.request)
        for row in found:
            answer.actions.add().CopyFrom(self.world.action(row))
        return answer

    def signal_event(self, request, answer):
        row = self.world.row(request.action_id)
        if row.condition is None:
            raise Declined("failed_precondition", f"action {row.name} is not a condition")
        kind = request.payload.WhichOneof("value")
        primitive = literals_pb2.Primitive()
        if kind == "bool_value":
            primitive.boolean = request.payload.bool_value
        elif kind == "int_value":
            primitive.integer = request.payload.int_value
        elif kind == "float_value":
            primitive.float_value = request.payload.float_value
        elif kind == "string_value":
            primitive.string_value = request.payload.string_value
        else:
            raise Declined("invalid_argument", "signal value must be a concrete bool/int/float/str literal")
        value = literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))
        if row.value is not None:
            if row.value == value:
                return answer
            raise Declined("failed_precondition", "already signalled with a different value")
        if row.phase in TERMINAL:
            raise Declined("failed_precondition", "already completed")
        numbers = {"integer": 1, "float_value": 2, "string_value": 3, "boolean": 4}
        simple = numbers[primitive.WhichOneof("value")]
        if simple != row.condition.type.simple:
            raise Declined("invalid_argument", "signal value type does not match declared condition type")
        row.value = value
        self.world.to_phase(row, 5)
        return answer

    def get_action_data_u_r_is(self, request, answer):
        row = self.world.row(request.action_id)
        answer.inputs_uri, answer.outputs_uri = row.input_uri, f"{row.output_uri}/outputs.pb"
        return answer

    # ActionsService

    def enqueue(self, request, answer):
        action, rows = request.action, self.world.runs[request.action.action_id.run.name]
        name = action.action_id.name
        kind = action.WhichOneof("spec")
        if name in rows:
            if kind == "condition":
                return answer
            raise Declined("already_exists", f"there is an action {name}")
        number = {"task": 1, "trace": 2, "condition": 3}[kind]
        row = Row(action.action_id.run, name, action.parent_action_name, number)
        row.group, row.input_uri = action.group, action.input_uri
        if kind == "trace":
            row.phase, row.output_uri = action.trace.phase, action.trace.outputs.output_uri
        elif kind == "condition":
            row.condition, row.phase = action.condition, PAUSED
            if action.condition.HasField("timeout"):
                seconds = action.condition.timeout.ToMilliseconds() / 1000
                timer = threading.Timer(seconds, self.world.expire, [row])
                timer.daemon = True
                timer.start()
        else:
            row.task, row.spec = action.task.spec, request.run_spec.envs.values or rows["a0"].spec
        with self.world.changed:
            rows[name] = row
            self.world.changed.notify_all()
        if kind == "task":
            self.world.begin(row)
        return answer

    def watch_for_updates(self, request, answer):
        parent, sent = request.parent_action_id, {}

        def fresh():
            rows = list(self.world.runs[parent.run.name].values())
            return [row for row in rows if row.parent == parent.name and sent.get(row.name) != row.phase]

        def update(row):
            sent[row.name] = row.phase
            one = type(answer)()
            one.action_update.action_id.CopyFrom(self.world.identifier(row))
            one.action_update.phase = row.phase
            one.action_update.output_uri = row.output_uri
            if row.error is not None and row.phase == 6:
                one.action_update.error.CopyFrom(row.error)
            if row.value is not None:
                one.action_update.value.CopyFrom(row.value)
            return one

        for row in fresh():
            if row.condition is None or row.phase in TERMINAL:
                yield update(row)
        sentinel = type(answer)()
        sentinel.control_message.sentinel = True
        yield sentinel
        while True:
            with self.world.changed:
                self.world.changed.wait_for(fresh, timeout=10)
                found = fresh()
            for row in found:
                yield update(row)
            yield sentinel

    def abort_of_actions_service(self, request, answer):
        self.world.abort(self.world.row(request.action_id))
        return answer

    # DataProxyService, ClusterService

    def upload_inputs(self, request, answer):
        folder = self.world.folder / "inputs" / str(len(self.world.recorded))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "inputs.pb").write_bytes(request.inputs.SerializeToString())
        answer.offloaded_input_data.uri = str(folder)
        answer.offloaded_input_data.inputs_hash = "hash"
        return answer

    def create_upload_location(self, request, answer):
        name = f"{len(self.world.recorded)}-{request.filename or 'file'}"
        answer.signed_url = f"http://localhost:{self.world.port}/uploads/{name}"
        answer.native_url = str(self.world.folder / "uploads" / name)
        return answer

    def create_download_link(self, request, answer):
        answer.pre_signed_urls.signed_url.append(f"http://localhost:{self.world.port}/report")
        return answer

    def get_action_data(self, request, answer):
        row = self.world.row(request.action_id)
        if row.input_uri and Path(row.input_uri).exists():
            answer.inputs.CopyFrom(common_pb2.Inputs.FromString(Path(row.input_uri).read_bytes()))
        outputs = Path(row.output_uri) / "outputs.pb"
        if row.output_uri and outputs.exists():
            answer.outputs.CopyFrom(common_pb2.Outputs.FromString(outputs.read_bytes()))
        return answer

    def tail_logs(self, request, answer):
        row = self.world.row(request.action_id)
        one = type(answer)()
        one.logs.add().lines.add(message=f"a line of {row.name}")
        yield one

    def select_cluster(self, request, answer):
        return answer

    # TaskService

    def deploy_task(self, request, answer):
        self.world.tasks[request.task_id.name] = request
        return answer

    def get_task_details(self, request, answer):
        found = self.world.tasks.get(request.task_id.name)
        if found is None:
            raise Declined("not_found", f"there is no task {request.task_id.name}")
        answer.details.task_id.CopyFrom(found.task_id)
        answer.details.spec.CopyFrom(found.spec)
        return answer

    def list_tasks(self, request, answer):
        for found in self.world.tasks.values():
            task = answer.tasks.add()
            task.task_id.CopyFrom(found.task_id)
            task.metadata.short_name = found.spec.short_name
        return answer

    # TrackedRunService

    def create_run_of_tracked_run_service(self, request, answer):
        run = identifier_pb2.RunIdentifier(project=request.project_id.name, domain=request.project_id.domain)
        run.name = "tracked"
        if request.WhichOneof("id") == "run_id":
            run.CopyFrom(request.run_id)
        row = Row(run, "a0", "", 1)
        row.task, row.phase = request.task_spec, 4
        self.world.runs[run.name] = {"a0": row}
        answer.run.action.CopyFrom(self.world.action(row))
        return answer

    def report_actions(self, request, answer):
        return answer


def snake(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("transfer-encoding", "") == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def keep(self, method, body, decoded):
        self.world.recorded.append(
            {
                "label": self.world.label,
                "method": method,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body,
                "decoded": decoded,
            }
        )

    def do_PUT(self):
        body = self.body()
        self.keep("PUT", body[:64], None)
        path = self.world.folder / "uploads" / Path(self.path).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        self.reply(200, "text/plain", b"")

    def do_GET(self):
        self.keep("GET", b"", None)
        self.reply(200, "text/html", b"<html></html>")

    def do_POST(self):
        raw = self.body()
        service, _, method = self.path.strip("/").partition("/")
        try:
            module = importlib.import_module(MODULES[service])
            found = module.DESCRIPTOR.services_by_name[service.rsplit(".", 1)[1]].methods_by_name[method]
        except (KeyError, ImportError):
            self.keep("POST", raw, None)
            body = json.dumps({"code": "unimplemented", "message": self.path}).encode()
            self.reply(404, "application/json", body)
            return
        request = message_class(found.input_type)()
        answer = message_class(found.output_type)()
        is_stream = "connect+proto" in self.headers["content-type"]
        body = raw
        if is_stream:
            compressed, size = raw[0] & 1, int.from_bytes(raw[1:5], "big")
            body = raw[5 : 5 + size]
            body = gzip.decompress(body) if compressed else body
        elif self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(raw)
        request.ParseFromString(body)
        self.keep("POST", raw, json_format.MessageToDict(request, preserving_proto_field_name=True))
        calls = Calls(self.world)
        name = snake(method)
        own = getattr(calls, f"{name}_of_{snake(service.rsplit('.', 1)[1])}", None)
        call = own or getattr(calls, name)
        try:
            if is_stream:
                self.stream(call(request, answer))
            else:
                self.reply(200, "application/proto", call(request, answer).SerializeToString())
        except Declined as declined:
            body = json.dumps({"code": declined.code, "message": str(declined)}).encode()
            self.reply(HTTP_STATUS[declined.code], "application/json", body)

    def reply(self, status, content_type, body):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, messages):
        self.send_response(200)
        self.send_header("content-type", "application/connect+proto")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

        def frame(flags, data):
            data = bytes([flags]) + len(data).to_bytes(4, "big") + data
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        end = {}
        try:
            try:
                for message in messages:
                    frame(0, message.SerializeToString())
            except Declined as declined:
                end = {"error": {"code": declined.code, "message": str(declined)}}
            frame(2, json.dumps(end).encode())
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


def message_class(descriptor):
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(descriptor)


def start(folder):
    """Starts the stand-in on a free port of this machine, in a thread; gives its world."""
    world = World(folder)
    handler = type("Bound", (Handler,), {"world": world})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    world.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return world


__all__ = ["Row", "World", "start"]
