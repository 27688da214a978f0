"""Counts the lines of a file, asks whether to publish, and goes on with the answer.

    python examples/publish.py [FILE] [--server HOST:PORT]

It is worker and client in one process. While it waits, answer from another shell, or from any other language:

    npm run signalbox -- signal RUN main/approve true --by carol
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from signalbox import Client, NonRetryableError, SyncTaskContext, TaskContext, Worker


def count(ctx: SyncTaskContext, path: str) -> dict[str, int]:
    """Counts the lines of a file. A sync function runs in a thread."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    ctx.log(f"read {path}")
    return {"lines": len(lines)}


async def publish(ctx: TaskContext, path: str) -> dict[str, Any]:
    """Publishes a file, if somebody says so. An async function runs in the event loop of the worker."""
    counted = await ctx.task("count", "count", {"path": path})
    ctx.progress(50, f"{counted['lines']} lines")
    if not await ctx.condition("approve", bool, prompt=f"Publish the {counted['lines']} lines of {path}?"):
        raise NonRetryableError("nobody wanted it")
    # A later attempt would not do this again, but find what it gave.
    url = await ctx.step("upload", lambda: f"https://example.com/{Path(path).name}")
    return {"url": url, **counted}


async def main(server: str, path: str) -> int:
    """Runs the worker, creates a run, and tells what becomes of it."""
    worker = Worker(server)
    worker.op("count")(count)
    worker.op("publish")(publish)
    async with worker, Client(server) as client:
        run = await client.runs.create("publish", {"path": path})
        async for frame in client.runs.watch(run.run_id):
            for action in frame.actions:
                if action.kind == "CONDITION" and action.state == "PAUSED" and action.condition is not None:
                    print(action.condition.spec.prompt)
                    print(f"answer: npm run signalbox -- signal {run.run_id} {action.name} true", flush=True)
        ended = await client.runs.get(run.run_id)
    print(ended.state, dict(ended.outputs) if ended.error is None else ended.error.message)
    return 0 if ended.state == "SUCCEEDED" else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", default=__file__)
    parser.add_argument("--server", default="localhost:7233")
    arguments = parser.parse_args()
    raise SystemExit(asyncio.run(main(arguments.server, arguments.file)))
