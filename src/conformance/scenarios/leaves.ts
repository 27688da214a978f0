import { Code } from "@connectrpc/connect";
import { backoffWindowMs, clockToleranceMs, concurrency } from "../conformance-limits.ts";
import type { Scenario } from "../scenario.ts";
import { isSame, refusal, type Stage, whole } from "../stage.ts";
import type { ServerStream } from "../wire/server-stream.ts";

/** When a worker comes back, and when it does not. */
export const leaveScenarios: readonly Scenario[] = [
  {
    name: "leave-delay",
    shows: "After Leave it opens its next stream when it was told to, and not before.",
    matters: "A server that stops asks for time, and spreads its workers over it.",
    play: playDelay,
  },
  {
    name: "new-stream-first",
    shows: "On Leave it opens the new stream while the old one still carries its reports.",
    matters: "A deployment of the server then costs no worker a moment without a stream.",
    play: playNewFirst,
  },
  {
    name: "leave-storm",
    shows: "Sent away five times in a row it comes back each time, no sooner than told, and loses nothing.",
    matters: "Servers that are deployed one after the other do this.",
    play: playStorm,
  },
  {
    name: "leave-for-long",
    shows: "Told to come back in a thousand hours it does not come back at once.",
    matters: "A wait that overflows a timer becomes none, and the worker a storm of streams.",
    play: playLong,
  },
  {
    name: "connections-refused",
    shows: "While nobody listens it tries again and again, with waits that grow.",
    matters: "A server that comes up again must not be met by all its workers at once, all the time.",
    play: playRefusedConnections,
  },
  {
    name: "unavailable",
    shows: "While Attach is answered with UNAVAILABLE it tries again, with waits that grow.",
    matters: "The store is away; haste does not bring it back.",
    play: playUnavailable,
  },
  {
    name: "refused-for-good",
    shows: "Attach refused with INVALID_REQUEST ends the process with a failure that says why.",
    matters: "The same is refused again for ever; a person has to see it.",
    play: (stage) => playRefused(stage, Code.InvalidArgument, "INVALID_REQUEST"),
  },
  {
    name: "token-refused",
    shows:
      "Attach refused with UNAUTHENTICATED, the first time, ends the process with a failure that says why.",
    matters: "A worker with a wrong token otherwise looks as if it waited for work.",
    play: (stage) => playRefused(stage, Code.Unauthenticated, "UNAUTHENTICATED"),
  },
  {
    name: "superseded",
    shows: "When another process has taken its name it ends with a failure, and does not come back.",
    matters: "Two processes that both come back take the name from each other for ever.",
    play: playSuperseded,
  },
  {
    name: "session-gone",
    shows: "When its lease has run out it attaches again, stops what it lost, and takes work.",
    matters: "A machine that slept is well again, and has nothing of what it had.",
    play: playSessionGone,
  },
];

async function playDelay(stage: Stage): Promise<void> {
  const first = await stage.ready();
  const delayMs = 700;
  const toldAtMs = performance.now();
  first.leave("the server is stopping", delayMs);
  first.end();
  const second = await stage.attach({}, "it did not come back after Leave");
  isNotSooner(stage, second.openedAtMs - toldAtMs, delayMs);
  await stage.credits(second, concurrency);
  await stage.isWell(second);
}

async function playNewFirst(stage: Stage): Promise<void> {
  const first = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(150) });
  const later = stage.assignment("sleep", { ms: whole(1_200) });
  first.assign(task, later);
  await stage.taken(first, task);
  await stage.taken(first, later);
  first.leave("the server is stopping", 600);
  await stage.outputs(first, task);
  const second = await stage.stream("it opened no new stream after Leave");
  stage.require(!first.isOver, "it closed its stream before it had another one");
  stage.require(runs(second, later.attempt), "the new stream does not name what runs");
  second.attached();
  await stage.outputs(second, later);
  await stage.isWell(second);
}

async function playStorm(stage: Stage): Promise<void> {
  let stream = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(2_000) });
  stream.assign(task);
  await stage.taken(stream, task);
  for (let count = 1; count <= 5; count += 1) {
    const toldAtMs = performance.now();
    stream.leave(`storm ${count}`, 150);
    if (count % 2 === 0) stream.end();
    const next = await stage.stream(`it did not come back after Leave ${count}`);
    isNotSooner(stage, next.openedAtMs - toldAtMs, 150);
    stage.require(runs(next, task.attempt), `after Leave ${count} it does not name what runs`);
    next.attached();
    stream = next;
  }
  await stage.outputs(stream, task);
  await stage.isWell(stream);
}

async function playLong(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  stream.leave("come back in six weeks", 1_000 * 3_600_000);
  await stage.staysAway(1_500, "it came back at once, and was told to in a thousand hours");
  await stage.isWell(stream);
}

async function playRefusedConnections(stage: Stage): Promise<void> {
  const { front } = stage.server;
  await stage.ready();
  const before = front.askedAtMs.length;
  stage.note("network", "refuses every connection");
  front.refuse();
  front.cut();
  await stage.pass(backoffWindowMs);
  isBackingOff(stage, front.askedAtMs.slice(before), "connection");
  front.accept();
  stage.note("network", "takes connections again");
  const next = await stage.attach({}, "it did not come back once somebody listened again");
  await stage.isWell(next);
}

async function playUnavailable(stage: Stage): Promise<void> {
  const untilMs = performance.now() + backoffWindowMs;
  const first = await stage.ready();
  first.fail(refusal(Code.Unavailable, "STORE_UNAVAILABLE", "the store cannot be used"));
  const askedAtMs: number[] = [];
  let next = await stage.stream("it did not come back after UNAVAILABLE");
  while (performance.now() < untilMs) {
    askedAtMs.push(next.openedAtMs);
    next.fail(refusal(Code.Unavailable, "STORE_UNAVAILABLE", "the store cannot be used"));
    next = await stage.stream("it did not come back after UNAVAILABLE");
  }
  isBackingOff(stage, [...askedAtMs, next.openedAtMs], "stream");
  next.attached();
  await stage.isWell(next);
}

async function playRefused(stage: Stage, code: Code, reason: string): Promise<void> {
  const stream = await stage.stream();
  stage.expectEnd();
  stream.fail(refusal(code, reason, "this worker is not wanted as it is"));
  await stage.exit("failure");
  const isTold = stage.worker.output.includes("not wanted as it is");
  stage.require(isTold, "it ends without a word of why the server refuses it");
  stage.require(stage.untakenStreams === 0, "it attached again before it ended");
}

async function playSuperseded(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  stage.expectEnd();
  stream.leave("superseded");
  stream.fail(refusal(Code.FailedPrecondition, "SESSION_GONE", "another process has the name"));
  await stage.exit("failure");
  stage.require(stage.untakenStreams === 0, "it attached again before it ended");
}

async function playSessionGone(stage: Stage): Promise<void> {
  const first = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(60_000) });
  first.assign(task);
  await stage.taken(first, task);
  first.leave("lease expired");
  first.fail(refusal(Code.FailedPrecondition, "SESSION_GONE", "the lease of the session has run out"));
  const second = await stage.stream("it did not attach again after its lease had run out");
  second.attached({ keep: [], drop: second.attach.running });
  await stage.credits(second, concurrency);
  await stage.isWell(second);
}

function runs({ attach }: ServerStream, attempt: Parameters<typeof isSame>[0]): boolean {
  return attach.running.some((reference) => isSame(reference, attempt));
}

function isNotSooner(stage: Stage, tookMs: number, delayMs: number): void {
  const fault = `it came back after ${Math.round(tookMs)} ms, and was told to after ${delayMs} ms`;
  stage.require(tookMs >= delayMs - clockToleranceMs, fault);
}

/** At least four tries, and the last waits are clearly longer than the first. */
function isBackingOff(stage: Stage, askedAtMs: readonly number[], what: string): void {
  const waits = askedAtMs.slice(1).map((at, index) => Math.round(at - (askedAtMs[index] ?? at)));
  const told = `the waits before each ${what} are ${waits.join(", ")} ms`;
  stage.require(
    waits.length >= 2,
    `it tried ${askedAtMs.length} times in ${backoffWindowMs} ms, which is too seldom`,
  );
  stage.require(waits.length <= 30, `it tried ${askedAtMs.length} times in ${backoffWindowMs} ms: ${told}`);
  const [first = 0] = waits;
  const longest = Math.max(...waits.slice(-2));
  stage.require(longest >= 1.5 * first, `they do not grow: ${told}`);
}
