import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { AttemptReference } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { concurrency, crossingMs } from "../conformance-limits.ts";
import type { Scenario } from "../scenario.ts";
import { isSame, type Stage, whole } from "../stage.ts";
import type { ServerStream } from "../wire/server-stream.ts";

/** How attempts are stopped, and how a worker stops. */
export const endingScenarios: readonly Scenario[] = [
  {
    name: "cancel-within-grace",
    shows: "A cancelled attempt stops within its grace and says `stopped`; others go on.",
    matters: "After the grace the server ends it without its worker, and what it was doing stays half done.",
    play: playCancel,
  },
  {
    name: "cancel-of-the-unknown",
    shows: "A cancel of what it does not have, or has ended, does nothing.",
    matters: "A cancel and an end cross on the wire every day.",
    play: playUnknownCancel,
  },
  {
    name: "cancel-again-after-cut",
    shows: "A cancel that comes again on a new stream stops the attempt like the first would have.",
    matters: "The first may have been lost with its stream.",
    play: playCancelAgain,
  },
  {
    name: "drain-by-the-server",
    shows: "Asked to drain it permits no more, finishes what it has, says Leave and ends.",
    matters: "It is how an operator empties a machine.",
    play: playServerDrain,
  },
  {
    name: "sigterm-finishes",
    shows: "On SIGTERM it says Drain, finishes and reports what runs, says Leave and ends with 0.",
    matters: "Deployments must not cost attempts.",
    play: playTerminate,
  },
  {
    name: "work-while-draining",
    shows: "An assignment that crosses its Drain is declined or finished, and never left alone.",
    matters: "It is then somebody else's at once, and not after a timeout.",
    play: playCrossing,
  },
  {
    name: "cut-while-draining",
    shows: "Cut off while it drains it attaches again, says Drain, tells the end, and leaves.",
    matters: "What it finished in its last minute counts as well.",
    play: playCutWhileDraining,
  },
  {
    name: "sigterm-while-away",
    shows: "With nothing in hand and nobody listening, SIGTERM ends it with 0 at once.",
    matters: "A supervisor waits, and then kills.",
    play: playTerminateWhileAway,
  },
];

async function playCancel(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const cancelled = stage.assignment("sleep", { ms: whole(60_000) });
  const other = stage.assignment("sleep", { ms: whole(900) });
  stream.assign(cancelled, other);
  await stage.taken(stream, cancelled);
  await stage.taken(stream, other);
  cancel(stream, cancelled.attempt);
  const { content } = await stage.end(stream, cancelled);
  stage.require(
    content.case === "stopped",
    `a cancelled attempt says ${content.case}, and was to say stopped`,
  );
  await stage.outputs(stream, other);
  await stage.credits(stream, concurrency);
}

async function playUnknownCancel(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const ended = stage.assignment("sleep", { ms: whole(1) });
  const running = stage.assignment("sleep", { ms: whole(600) });
  stream.assign(ended, running);
  await stage.outputs(stream, ended);
  await stage.taken(stream, running);
  const { attempt } = running;
  cancel(stream, { ...attempt, action: "nowhere" });
  cancel(stream, { ...attempt, epoch: 99n });
  cancel(stream, { ...attempt, attempt: 2 });
  cancel(stream, ended.attempt);
  const outputs = await stage.outputs(stream, running);
  stage.require(outputs["ms"]?.kind.value === 600n, "a cancel of another attempt has disturbed it");
  await stage.isWell(stream);
}

async function playCancelAgain(stage: Stage): Promise<void> {
  const first = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(60_000) });
  first.assign(task);
  await stage.taken(first, task);
  stage.note("network", "cuts every connection");
  stage.server.front.cut();
  const second = await stage.attach({}, "it did not attach again after a cut");
  cancel(second, task.attempt);
  cancel(second, task.attempt);
  const { content } = await stage.end(second, task);
  stage.require(
    content.case === "stopped",
    `a cancelled attempt says ${content.case}, and was to say stopped`,
  );
  await stage.credits(second, concurrency);
}

async function playServerDrain(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(800) });
  stream.assign(task);
  await stage.taken(stream, task);
  stage.expectEnd();
  stream.send({ case: "drain", value: {} });
  await stage.outputs(stream, task);
  await stream.next("leave", "it did not say Leave when it had drained");
  await stage.exit(0);
}

async function playTerminate(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const tasks = [400, 900].map((ms) => stage.assignment("sleep", { ms: whole(ms) }));
  stream.assign(...tasks);
  for (const task of tasks) await stage.taken(stream, task);
  stage.terminate();
  await stream.next("drain", "it did not say Drain after SIGTERM");
  for (const task of tasks) await stage.outputs(stream, task);
  await stream.next("leave", "it did not say Leave when it had finished");
  await stage.exit(0);
}

async function playCrossing(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const running = stage.assignment("sleep", { ms: whole(800) });
  stream.assign(running);
  await stage.taken(stream, running);
  stage.terminate();
  await stream.next("drain", "it did not say Drain after SIGTERM");
  const crossing = stage.assignment("sleep", { ms: whole(1) });
  stream.assign(crossing);
  const isAnswered = () => {
    const known = stage.witness.attempt(crossing.attempt);
    return known?.isDeclined === true || known?.hasEnded === true;
  };
  await stream.until(isAnswered, "it neither declined nor finished what crossed its Drain");
  await stage.outputs(stream, running);
  await stage.exit(0);
}

async function playCutWhileDraining(stage: Stage): Promise<void> {
  const first = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(700) });
  first.assign(task);
  await stage.taken(first, task);
  stage.terminate();
  await first.next("drain", "it did not say Drain after SIGTERM");
  stage.note("network", "cuts every connection");
  stage.server.front.cut();
  const second = await stage.attach({}, "it did not attach again though something ran");
  const isNamed = second.attach.running.some((reference) => isSame(reference, task.attempt));
  stage.require(isNamed, "it does not name what it still runs");
  await second.next("drain", "it did not say Drain on its new stream");
  await stage.outputs(second, task);
  await second.next("leave", "it did not say Leave when it had finished");
  await stage.exit(0);
}

async function playTerminateWhileAway(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  await stage.isWell(stream);
  // So that Recorded has arrived: a result that is not recorded is something in hand.
  await stage.pass(crossingMs);
  stage.note("network", "is down");
  stage.server.front.refuse();
  stage.server.front.cut();
  await stage.pass(300);
  stage.terminate();
  await stage.exit(0);
}

function cancel(stream: ServerStream, attempt: AttemptReference): void {
  const grace = durationFromMs(2_000);
  stream.send({ case: "cancel", value: { attempts: [{ attempt, grace, cause: "nobody wants it" }] } });
}
