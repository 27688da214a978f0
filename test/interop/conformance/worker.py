"""The Python worker that the conformance kit is run against; docs/conformance.md has its contract.

Usage: signalbox conformance worker -- python worker.py
"""

import asyncio
import os
import sys
import uuid
from typing import Any

from signalbox import NonRetryableError, TaskContext, Worker
from signalbox.worker.errors import WorkerError

worker = Worker(
    os.environ["SIGNALBOX_SERVER"],
    namespace=os.environ.get("SIGNALBOX_NAMESPACE", "default"),
    token=os.environ.get("SIGNALBOX_TOKEN") or None,
    concurrency=4,
)


class TypedError(Exception):
    """An error whose type is told, and not the name of its class."""

    error_type: str


class FinalError(NonRetryableError):
    """The same, and no further attempt helps."""

    error_type: str


@worker.op("conformance/echo")
async def echo(**inputs: Any) -> dict[str, Any]:
    return inputs


@worker.op("conformance/sleep")
async def sleep(ms: int, **_: Any) -> dict[str, Any]:
    await asyncio.sleep(ms / 1000)
    return {"ms": ms}


@worker.op("conformance/fail")
async def fail(type: str, message: str, non_retryable: bool) -> None:
    error = FinalError(message) if non_retryable else TypedError(message)
    error.error_type = type
    raise error


@worker.op("conformance/progress")
async def progress(ctx: TaskContext, steps: int) -> dict[str, Any]:
    execution = str(uuid.uuid4())
    for step in range(1, steps + 1):
        ctx.progress(100 * step / steps, f"step {step}")
        ctx.log(f"step {step}")
        await ctx.event("conformance.step", {"step": step, "execution": execution})
    return {"steps": steps}


@worker.op("conformance/ask")
async def ask(ctx: TaskContext, prompt: str) -> dict[str, Any]:
    return {"answer": await ctx.condition("answer", bool, prompt=prompt)}


try:
    worker.run()
except WorkerError as error:
    sys.exit(f"the worker has stopped: {error}")
