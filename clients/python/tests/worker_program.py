"""A worker in a process of its own, for tests that end it. Usage: worker_program.py ADDRESS WORKER_ID"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from signalbox import TaskContext, Worker

worker = Worker(sys.argv[1], worker_id=sys.argv[2])


@worker.op("hold")
async def hold(ctx: TaskContext) -> dict[str, Any]:
    first = await ctx.step("first", lambda: ctx.attempt)
    try:
        await ctx.condition("go-on", bool)
    except asyncio.CancelledError:
        print("lost", type(ctx.cancel_reason).__name__, flush=True)
        raise
    return {"attempt": ctx.attempt, "first": first}


async def main() -> None:
    serving = asyncio.create_task(worker.serve())
    # Ready once SIGTERM is caught and the server has answered.
    while not worker._attached.done() and not serving.done():
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await serving


asyncio.run(main())
