"""Follows the feed of a run from its beginning to its end and checks it, in Python.

Usage: python follow.py ADDRESS LABEL. Prints a line `ready` once it follows, then one line for each event,
and at the end `followed N events of RUN: STATE`. Ends with 1 where the feed breaks a promise.
"""

import asyncio
import sys

from signalbox import Client


async def main() -> None:
    seen: list[str] = []
    workers: dict[str, str] = {}
    async with Client(sys.argv[1]) as client:
        async for frame in client.events.watch(start="beginning", labels={"suite": sys.argv[2]}):
            if not seen and not frame.events:
                print("ready", flush=True)
            for event in frame.events:
                if seen and event.event_id <= seen[-1]:
                    sys.exit(f"{event.event_id} came behind {seen[-1]}")
                seen.append(event.event_id)
                print(event.kind, event.action, flush=True)
                if event.kind == "ACTION_STARTED":
                    workers[event.action] = event.detail["worker_id"]
                if event.kind == "RUN_ENDED":
                    print(f"workers: {' '.join(f'{name}={workers[name]}' for name in sorted(workers))}")
                    print(f"followed {len(seen)} events of {event.run_id}: {event.detail['state']}")
                    return


asyncio.run(main())
