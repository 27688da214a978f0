"""What the suites share: a server of their own, runs that look like Flyte's, and the SDK connected to both.

With FLYTE_STAND_IN=1 they run against the recorder's stand-in instead, to try them without a Signalbox
server; what needs more than that is skipped.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
NODE = ROOT / "node_modules/.bin/node"
PROJECT, DOMAIN = "testing", "development"
IS_STAND_IN = os.environ.get("FLYTE_STAND_IN") == "1"
os.environ["FSSPEC_FILE_AUTO_MKDIR"] = "1"
os.environ["_U_USE_ACTIONS"] = "1"
sys.path.insert(0, str(HERE))

import flyte
import flyte.remote

VERSION = tuple(int(part) for part in flyte.__version__.split(".")[:3])
# Event was renamed to Condition in 2.5.0, without an alias.
Condition = getattr(flyte.remote, "Condition", None) or flyte.remote.Event
NOUN = "condition" if hasattr(flyte.remote, "Condition") else "event"
SIMPLE = {"int": 1, "float": 2, "string": 3, "bool": 4}


def wait_until(is_true, seconds=60):
    """What `is_true` gives, once that is something; fails after the seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = is_true()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"not within {seconds} s")


def read_line(stream, seconds):
    """A line of a process, within the seconds."""
    ready, _, _ = select.select([stream], [], [], seconds)
    if not ready:
        raise TimeoutError(f"the process said nothing for {seconds} s")
    return stream.readline()


class Server:
    """A Signalbox server in a process of its own, on a port that it keeps when it is started again."""

    def __init__(self, folder):
        self.folder, self.port, self.process = Path(folder), 0, None
        self.log = open(self.folder / "server.log", "ab")
        self.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        command = [NODE, ROOT / "src/main.ts", "--port", str(self.port), "--data", self.folder / "data"]
        self.process = subprocess.Popen(
            [*map(str, command), "--lease-ms", "5000", "--pulse-interval-ms", "500"],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        line = read_line(self.process.stdout, 30)
        if "listens on" not in line:
            raise RuntimeError(f"the server did not start: {line} {(self.folder / 'server.log').read_text()}")
        self.port = int(line.strip().rsplit(":", 1)[1])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()


class StandIn:
    """The recorder's stand-in, which runs tasks by itself."""

    def __init__(self, folder):
        sys.path.insert(0, str(HERE / "recorder"))
        import stand_in

        self.world = stand_in.start(folder)
        self.port = self.world.port

    @property
    def address(self):
        return f"http://localhost:{self.port}"

    def stop(self):
        for rows in self.world.runs.values():
            for row in rows.values():
                if row.process is not None and row.process.poll() is None:
                    row.process.kill()


@dataclass
class Seed:
    """Runs that look like Flyte's and are executed by nobody."""

    server: object
    process: subprocess.Popen | None = None
    made: dict = field(default_factory=dict)

    def ask(self, **request):
        if self.process is None:
            command = [NODE, HERE / "seed.ts", self.server.address, f"seeded--{DOMAIN}"]
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            read_line(self.process.stdout, 30)
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(read_line(self.process.stdout, 120))
        assert "error" not in answer, answer

    def run(self, name, conditions=()):
        """A run whose a0 is RUNNING, with conditions given as (title, type) or (title, type, more)."""
        made = self.made.setdefault(name, [])
        wanted = []
        for title, kind, *more in conditions:
            made.append({"name": f"k{len(made)}", "title": title, "type": kind, **(more[0] if more else {})})
            wanted.append(made[-1])
        if not IS_STAND_IN:
            self.ask(run=name, conditions=wanted)
            return [one["name"] for one in wanted]
        from flyteidl2.common import identifier_pb2
        from flyteidl2.workflow import run_definition_pb2
        from stand_in import Row

        world = self.server.world
        run = identifier_pb2.RunIdentifier(project="seeded", domain=DOMAIN, name=name)
        rows = world.runs.setdefault(name, {"a0": Row(run, "a0", "", 1)})
        rows["a0"].phase = 4
        for one in wanted:
            row = Row(run, one["name"], "a0", 3)
            row.condition = run_definition_pb2.ConditionAction(name=one["title"])
            row.condition.prompt = one.get("prompt", "")
            row.condition.type.simple = SIMPLE[one["type"]]
            row.phase = 9
            rows[one["name"]] = row
        return [one["name"] for one in wanted]

    def end(self, name, succeeds=True):
        if not IS_STAND_IN:
            self.ask(**{"end" if succeeds else "fail": name})
            return
        self.server.world.to_phase(self.server.world.runs[name]["a0"], 5 if succeeds else 6)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def descendants(pid):
    """The processes that a process has started, and theirs, by their ids."""
    children = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    found, open_ones = [], [pid]
    while open_ones:
        more = children.get(open_ones.pop(), [])
        found += more
        open_ones += more
    return found


class Worker:
    """`signalbox worker --flyte`, with the environment of this SDK in front of its path."""

    def __init__(self, server, folder):
        self.server, self.process = server, None
        self.log = open(Path(folder) / "worker.log", "ab")

    def start(self):
        command = [NODE, ROOT / "bin/signalbox.js", "worker", "--flyte", "--server", self.server.address]
        self.process = subprocess.Popen(
            [*map(str, command), "--namespace", f"{PROJECT}--{DOMAIN}"],
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=self.log,
            stderr=self.log,
        )

    def kill(self):
        """Ends it and all the tasks that it runs, as the loss of its machine would."""
        if self.process is not None and self.process.poll() is None:
            # The worker first stands still, so that it begins no other task meanwhile.
            os.kill(self.process.pid, signal.SIGSTOP)
            for one in [*descendants(self.process.pid), self.process.pid]:
                try:
                    os.kill(one, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()

    def stop(self):
        self.kill()
        self.log.close()


@pytest.fixture(scope="session")
def folder():
    with tempfile.TemporaryDirectory(prefix="flyte-") as made:
        yield Path(made)


@pytest.fixture(scope="session")
def server(folder):
    made = (StandIn if IS_STAND_IN else Server)(folder)
    yield made
    made.stop()
    log = folder / "server.log"
    if os.environ.get("FLYTE_SHOW_LOG") == "1" and log.exists():
        print(log.read_text()[-8000:])


def connect(server, project):
    """Points the SDK at the server, as a user does."""
    flyte.init(
        endpoint=f"localhost:{server.port}", insecure=True, project=project, domain=DOMAIN, root_dir=HERE
    )


@pytest.fixture(scope="session")
def seed(server):
    connect(server, "seeded")
    made = Seed(server)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def worker(server, folder):
    connect(server, PROJECT)
    if IS_STAND_IN:
        yield None
        return
    made = Worker(server, folder)
    made.start()
    yield made
    made.stop()
    if os.environ.get("FLYTE_SHOW_LOG") == "1":
        print((folder / "worker.log").read_text()[-8000:])


def flyte_command(server, *words, answers="", project="seeded"):
    """Runs the SDK's command line; standard output and standard error as one text, and the exit code."""
    program = Path(sys.executable).parent / "flyte"
    scope = ["--project", project, "--domain", DOMAIN]
    verb, noun, *rest = words
    done = subprocess.run(
        [str(program), "--endpoint", f"localhost:{server.port}", "--insecure", verb, noun, *scope, *rest],
        input=answers,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"},
        timeout=120,
    )
    # The SDK's HTTP library sometimes aborts the process while the interpreter goes down, with all done.
    code = 0 if done.returncode == -signal.SIGABRT else done.returncode
    return done.stdout, code


def signalbox_command(server, *words, project=PROJECT):
    """Runs our own command line in the namespace of the project."""
    command = [NODE, ROOT / "bin/signalbox.js", *words, "--server", server.address]
    done = subprocess.run(
        [*map(str, command), "--namespace", f"{project}--{DOMAIN}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.stdout, done.returncode


def in_thread(call):
    """Starts the call in a thread; gives what waits for its result."""
    result = {}

    def run():
        try:
            result["value"] = call()
        except BaseException as error:
            result["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait(seconds=60):
        thread.join(seconds)
        assert not thread.is_alive(), f"not within {seconds} s"
        if "error" in result:
            raise result["error"]
        return result.get("value")

    return wait
