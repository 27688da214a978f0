"""The Python worker of the run that three languages share: it makes a score of a count of words.

Usage: python worker.py ADDRESS. Ends with SIGTERM.
"""

import sys

from signalbox import TaskContext, Worker

worker = Worker(sys.argv[1], worker_id="python")


@worker.op("words.score")
async def score(ctx: TaskContext, count: int) -> dict[str, float]:
    ctx.progress(50, "scoring")
    return {"score": count / 4}


worker.run()
