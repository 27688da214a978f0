"""Records what the SDK of this environment sends, for tests that run without Python.

Usage: python record.py FOLDER. Each file of the folder is one call as it came over the wire: its path, its
headers without what tells where it was made, its body in base64 as sent, and the message in it, to be read by
people. Of calls of one method in one scenario the first three are kept.
"""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ["_U_USE_ACTIONS"] = "1"
os.environ["FSSPEC_FILE_AUTO_MKDIR"] = "1"

import flyte
import flyte.errors
import flyte.remote as remote
import stand_in
import tasks

# The same on every machine, so that it may stand in what is recorded.
BLOBS = Path("/tmp/flyte-recorded")
KEPT_PER_METHOD = 3
# Header fields that say nothing of the SDK, or where it ran.
LEFT_OUT = {"host", "traceparent", "tracestate"}
Condition = getattr(remote, "Condition", None) or remote.Event
noun = "condition" if hasattr(remote, "Condition") else "event"


def start_run(task, name=None, **inputs):
    return flyte.with_runcontext(mode="remote", name=name, env_vars={"LOG_LEVEL": "30"}).run(task, **inputs)


def found(run_name, name):
    """A condition of the run, once it is there."""
    for _ in range(600):
        condition = Condition.get(name, run_name=run_name)
        if condition is not None:
            return condition
        time.sleep(0.1)
    raise TimeoutError(f"no condition {name} in {run_name}")


def cli(world, *words, standard_input=""):
    environment = {**os.environ, "FLYTE_ENDPOINT": "", "NO_COLOR": "1"}
    program = Path(sys.executable).parent / "flyte"
    command = [str(program), "--endpoint", f"localhost:{world.port}", "--insecure", *words]
    done = subprocess.run(
        command, input=standard_input, capture_output=True, text=True, env=environment, timeout=120
    )
    if done.returncode != 0:
        print("the command failed:", words, done.stdout, done.stderr)


def scenario(world, label):
    world.label = label
    print(f"recording {label}")


async def both_ways(run_name):
    """The asynchronous forms of the same calls."""
    async for _ in Condition.listall.aio(run_name=run_name):
        pass
    await Condition.get.aio("b", run_name=run_name, action_name="a0")


def record(world):
    scenario(world, "conditions")
    start_run(tasks.typed, "conditions", webhook="http://localhost:9/hook")
    for name, value in [("b", True), ("i", 7), ("f", 2.5), ("s", "go ahead")]:
        found("conditions", name)
    # What was asked while waiting for the first ones is not of interest.
    world.recorded[:] = [one for one in world.recorded if not one["path"].endswith("/ListActions")]
    scenario(world, "listall")
    list(Condition.listall(run_name="conditions"))
    list(Condition.listall(run_name="conditions", action_name="a0", limit=2))
    asyncio.run(both_ways("conditions"))
    scenario(world, "signal")
    wrong = found("conditions", "i")
    for name, value in [("b", True), ("f", 2.5), ("s", "go ahead")]:
        found("conditions", name).signal(value)
    scenario(world, "signal-wrong-type")
    try:
        wrong.signal("seven")
    except Exception as error:
        print("  ", type(error).__name__, error)
    scenario(world, "signal-int")
    wrong.signal(7)
    scenario(world, "run-wait")
    run = remote.Run.get("conditions")
    run.wait()
    print("  ", run.outputs())
    scenario(world, "run-lists")
    list(remote.Run.listall(limit=5))
    list(remote.Run.listall(in_phase=("running", "succeeded"), task_name="interop.main", limit=5))
    list(remote.Action.listall(for_run_name="conditions"))
    list(remote.Action.listall(for_run_name="conditions", in_phase=("succeeded",)))
    scenario(world, "action")
    action = remote.Action.get(run_name="conditions", name="a0")
    action.details()

    scenario(world, "main")
    run = start_run(tasks.main, "main", start=21)
    found("main", "approve").signal(True)
    found("main", "amount").signal(7)
    run.wait()
    print("  ", run.outputs())
    scenario(world, "trace")
    run = start_run(tasks.with_trace, "trace", number=1)
    run.wait()
    scenario(world, "unnamed")
    start_run(tasks.double, number=4).wait()
    scenario(world, "timeout")
    run = start_run(tasks.hurried, "timeout", seconds=1.5)
    if noun == "event":
        # Those versions do not send the timeout.
        found("timeout", "nobody").signal("somebody")
    run.wait()
    print("  ", run.outputs())
    scenario(world, "abort")
    run = start_run(tasks.waiting, "abort", file="/tmp/flyte-recorded/error")
    found("abort", "never")
    run.abort()
    scenario(world, "abort-action")
    remote.Action.get(run_name="abort", name="a0").abort() if hasattr(remote.Action, "abort") else None
    scenario(world, "same-name")
    try:
        start_run(tasks.double, "main", number=4)
    except flyte.errors.RuntimeUserError as error:
        print("  ", error.code, error)

    scenario(world, "cli")
    start_run(tasks.typed, "cli", webhook="")
    for name in "bifs":
        found("cli", name)
    world.recorded[:] = [one for one in world.recorded if one["label"] != "cli"]
    of_project = ["--project", "testing", "--domain", "development"]
    cli(world, "get", noun, *of_project, "cli")
    cli(world, "get", noun, *of_project, "cli", "a0")
    cli(world, "get", "run", *of_project)
    cli(world, "get", "run", *of_project, "cli")
    cli(world, "get", "action", *of_project, "cli")
    cli(world, "get", "action", *of_project, "cli", "a0")
    for name, word in [("b", "yes"), ("i", "7"), ("f", "2.5")]:
        action_name = found("cli", name).action_name
        cli(world, "signal", noun, *of_project, "cli", action_name, word)
    cli(world, "signal", noun, *of_project, "cli", found("cli", "s").action_name, standard_input="go\n")
    remote.Run.get("cli").wait()
    scenario(world, "cli-abort")
    start_run(tasks.waiting, "cli-abort", file="/tmp/flyte-recorded/error")
    found("cli-abort", "never")
    cli(world, "abort", "run", *of_project, "cli-abort")
    scenario(world, "logs")
    cli(world, "get", "logs", *of_project, "cli")
    scenario(world, "deploy")
    flyte.deploy(tasks.env, version="v1", copy_style="none")
    scenario(world, "fetched-task")
    task = remote.Task.get("interop.double", project="testing", domain="development", version="v1")
    run = flyte.with_runcontext(mode="remote", name="fetched").run(task, number=3)
    list(remote.Task.listall(limit=3))
    run.wait()
    record_what_newer_versions_have(world)


def record_what_newer_versions_have(world):
    """Each in a scenario of its own, which a version that does not have it leaves empty."""
    labelled = {"name": "labelled", "labels": {"team": "blue"}, "annotations": {"note": "x"}}
    context = flyte.with_runcontext(mode="remote", **labelled)
    tried(world, "run-labels", lambda: context.run(tasks.double, number=5))
    for label, filters in {
        "run-lists-labels": {"with_labels": {"team": "blue"}},
        "run-lists-label-keys": {"with_label_keys": ["team"]},
        "run-lists-paused": {"paused_actions_only": True},
        "run-lists-created-by": {"created_by_subject": "somebody"},
        "run-lists-version": {"task_version": "v1", "sort_by": ("created_at", "desc")},
        "run-lists-time": {"created_at": time_filter(), "updated_at": time_filter()},
    }.items():
        tried(world, label, lambda filters=filters: list(remote.Run.listall(**filters)))
    narrowed = {"for_run_name": "main", "parent_name": "a0"}
    tried(world, "action-lists-parent", lambda: list(remote.Action.listall(**narrowed)))
    tried(world, "run-inputs", lambda: remote.Run.get("main").inputs())
    tried(world, "run-report", lambda: remote.Run.get("main").get_report())
    tried(world, "action-watch", lambda: asyncio.run(watched("main")))
    tried(world, "rerun", lambda: flyte.rerun("main"))
    tried(world, "rerun-recover", lambda: flyte.rerun("main", recover=True))
    tried(world, "rerun-inputs", lambda: flyte.rerun("fetched", number=9))
    tried(world, "rerun-action", lambda: flyte.rerun("fetched", action_name="a0"))
    if hasattr(flyte, "rerun"):
        tracked = flyte.with_runcontext(mode="local", tracked=True)
        tried(world, "tracked", lambda: tracked.run(tasks.double, number=6))
    time.sleep(3)


def time_filter():
    from datetime import datetime, timezone

    make = getattr(remote, "TimeFilter", None)
    return make(after=datetime(2026, 1, 1, tzinfo=timezone.utc)) if make is not None else None


async def watched(run_name):
    async for _ in remote.Action.get(run_name=run_name, name="a0").watch():
        pass


def tried(world, label, call):
    scenario(world, label)
    try:
        call()
    except Exception as error:
        print(f"   not recorded whole: {type(error).__name__} {error}")


def data_of(one):
    """What is kept of a call."""
    kept = {
        "label": one["label"],
        "method": one["method"],
        "path": one["path"],
        "headers": {name: value for name, value in sorted(one["headers"].items()) if name not in LEFT_OUT},
        "body": base64.b64encode(one["body"]).decode(),
    }
    if one["decoded"] is not None:
        kept["message"] = one["decoded"]
    return kept


def write(recorded, folder):
    """Writes a file for each call; those of one method in one scenario at most three times."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    counts = {}
    for one in recorded:
        method = one["path"].rsplit("/", 1)[1] if one["method"] == "POST" else one["method"]
        key = f"{one['label']}-{method}"
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= KEPT_PER_METHOD:
            text = json.dumps(data_of(one), indent=1, sort_keys=False)
            (folder / f"{key}-{counts[key]}.json").write_text(text + "\n")
    methods = {}
    for one in recorded:
        methods[one["path"].split("?")[0]] = methods.get(one["path"], 0) + 1
    for path, count in sorted(methods.items()):
        print(f"  {count:5} {path}")


def main():
    folder = Path(sys.argv[1])
    shutil.rmtree(BLOBS, ignore_errors=True)
    world = stand_in.start(BLOBS)
    flyte.init(
        endpoint=f"localhost:{world.port}",
        insecure=True,
        project="testing",
        domain="development",
        root_dir=Path(__file__).parent.parent,
    )
    try:
        record(world)
    finally:
        write(world.recorded, folder)
        for rows in world.runs.values():
            for row in rows.values():
                if row.process is not None and row.process.poll() is None:
                    row.process.kill()


if __name__ == "__main__":
    main()
