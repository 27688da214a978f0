"""The tasks that the tests run, in processes of a worker, with the SDK as it is installed."""

import os
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="interop", image="none/none:none")

# Event was renamed to Condition in 2.5.0, without an alias.
new_condition = getattr(flyte, "new_condition", None) or flyte.new_event


@env.task
async def double(number: int) -> int:
    return number * 2


@env.task
async def triple(number: int) -> int:
    return number * 3


@env.task(retries=3)
async def main(start: int) -> str:
    """Two sub-tasks and two conditions, one after the other."""
    doubled = await double(start)
    approve = await new_condition.aio("approve", prompt="Go on?", data_type=bool)
    if mark := os.environ.get("INTEROP_MARK"):
        with open(mark, "a") as file:
            file.write("waiting\n")
    is_approved = await approve.wait.aio()
    tripled = await triple(doubled)
    amount = await new_condition.aio("amount", prompt="How many?", data_type=int, description="a number")
    count = await amount.wait.aio()
    return f"{doubled}-{is_approved}-{tripled}-{count}"


@env.task
async def hurried(seconds: float) -> str:
    """Waits for a condition that nobody answers, and tells which error came."""
    condition = await new_condition.aio("nobody", prompt="Anybody?", data_type=str, timeout=seconds)
    try:
        await condition.wait.aio()
    except Exception as error:
        return type(error).__name__
    return "answered"


@env.task
async def waiting(file: str) -> str:
    """Waits for a condition, and leaves the name of the error that ends the wait in a file."""
    condition = await new_condition.aio("never", prompt="Ever?", data_type=str)
    try:
        return await condition.wait.aio()
    except BaseException as error:
        Path(file).write_text(type(error).__name__)
        raise


@env.task(retries=2)
async def second_time(file: str) -> int:
    """Fails in its first attempt."""
    path = Path(file)
    attempts = int(path.read_text()) + 1 if path.exists() else 1
    path.write_text(str(attempts))
    if attempts == 1:
        raise ValueError("not the first time")
    return attempts


@env.task
async def failing() -> int:
    raise ValueError("this is what is wrong")


@flyte.trace
async def traced(number: int) -> int:
    return number + 1


@env.task
async def with_trace(number: int) -> int:
    return await traced(number) + len(os.environ["RUN_NAME"]) * 0


@env.task
async def typed(webhook: str) -> str:
    """A condition of each type, at the same time, the first with all that one may say."""
    more = {"webhook": webhook_of(webhook)} if webhook else {}
    conditions = [
        await new_condition.aio(
            "b", prompt="**b**", prompt_type="markdown", data_type=bool, timeout=300, **more
        ),
        await new_condition.aio("i", prompt="i", data_type=int),
        await new_condition.aio("f", prompt="f", data_type=float),
        await new_condition.aio("s", prompt="s", data_type=str, description="what s is"),
    ]
    return repr([await condition.wait.aio() for condition in conditions])


def webhook_of(url):
    make = getattr(flyte, "ConditionWebhook", None) or flyte.EventWebhook
    return make(url=url, payload={"answer_at": "{callback_uri}"})
