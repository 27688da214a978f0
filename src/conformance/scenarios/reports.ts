import { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import type { AttemptReference } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { Breach } from "../breach.ts";
import { concurrency, crossingMs } from "../conformance-limits.ts";
import type { Scenario } from "../scenario.ts";
import { isSame, type Stage, text, whole } from "../stage.ts";
import type { ServerStream } from "../wire/server-stream.ts";
import { addChild, answerCondition } from "./children.ts";
import { observeSteps, readStep } from "./steps.ts";

/** What a worker keeps over the end of a stream, and what it lets go. */
export const reportScenarios: readonly Scenario[] = [
  {
    name: "lost-recorded",
    shows:
      "A report without Recorded is said again on the next stream under its number; with it, never again.",
    matters: "A result that is forgotten is lost; one under a new number may count twice.",
    play: playLostRecorded,
  },
  {
    name: "cut-in-the-middle",
    shows: "After a cut it names what runs, says again what was not recorded, and goes on where it was.",
    matters: "Networks break every day; work of hours must not begin anew for that.",
    play: playCut,
  },
  {
    name: "kept-until-recorded",
    shows: "A result that came about without a stream is kept, and told on the next one.",
    matters: "A server that restarts must find the results of its absence.",
    play: playKept,
  },
  {
    name: "recorded-nonsense",
    shows: "Answers to reports that it never made, or had answered already, change nothing.",
    matters: "A repeated or misled answer must not count for another report.",
    play: playNonsense,
  },
  {
    name: "drop-stops-the-work",
    shows: "What Attached tells it to drop is stopped and not spoken of again; its place is free.",
    matters: "Another worker has it. Two of them write to the same place.",
    play: playDrop,
  },
  {
    name: "stale-report-stops-the-work",
    shows: "A report that is refused with STALE_EPOCH stops its attempt; its place is free.",
    matters: "It is how a worker learns that its lease was given to another.",
    play: playStaleReport,
  },
  {
    name: "declined-start-stops-the-work",
    shows: "An Accept that is answered with Declined and STALE_EPOCH stops its attempt.",
    matters: "The offer had run out on its way; somebody else has it.",
    play: playDeclined,
  },
  {
    name: "asks-again-for-children",
    shows: "After a cut it asks again for the child that it waits for, under the same name, and goes on.",
    matters: "The end of a child is told once; who does not ask again waits for ever.",
    play: playChildAgain,
  },
];

async function playLostRecorded(stage: Stage): Promise<void> {
  const first = await stage.ready();
  first.records = false;
  const task = stage.assignment("echo", { text: text("once") });
  first.assign(task);
  const end = await stage.end(first, task);
  cut(stage);
  const second = await stage.attach({}, "it did not attach again after its connection was cut");
  stage.require(names(second, task.attempt), "it does not name an attempt whose end is not recorded");
  const again = await stage.end(second, task);
  stage.require(again.sequence === end.sequence, "it says the end again under another number");
  // What follows Recorded on the stream and is answered shows that Recorded has arrived.
  await stage.isWell(second);
  cut(stage);
  const third = await stage.attach({}, "it did not attach again after its connection was cut");
  await stage.isWell(third);
  await stage.pass(crossingMs);
  const isRepeated = third.untaken.some(
    (said) => said.kind === "report" && isSame(said.attempt, task.attempt),
  );
  stage.require(!isRepeated, "it says an end again that was recorded");
}

async function playCut(stage: Stage): Promise<void> {
  const first = await stage.ready();
  first.records = false;
  const task = stage.assignment("progress", { steps: whole(4) });
  const sleeper = stage.assignment("sleep", { ms: whole(700) });
  first.assign(task, sleeper);
  const report = await stage.report(first, task, (one) => one.content.case === "event");
  const step = readStep(report);
  if (step === undefined) throw new Breach("its first event was to tell of its first step");
  await stage.taken(first, sleeper);
  cut(stage);
  const second = await stage.attach({}, "it did not attach again after its connection was cut");
  stage.require(names(second, task.attempt), "it does not name what it still runs");
  stage.require(names(second, sleeper.attempt), "it does not name what it still runs");
  const steps = await observeSteps(stage, second, task, step.execution);
  const told = `after the cut its events tell of the steps ${steps.join(", ")}, and were to tell of 1 to 4`;
  stage.require(steps.join() === "1,2,3,4", told);
  await stage.outputs(second, sleeper);
}

async function playKept(stage: Stage): Promise<void> {
  const first = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(1_000) });
  first.assign(task);
  await stage.taken(first, task);
  stage.note("network", "is down for 1.5 s");
  stage.server.front.refuse();
  stage.server.front.cut();
  await stage.pass(1_500);
  stage.server.front.accept();
  const second = await stage.attach({}, "it did not attach again once the network was back");
  stage.require(names(second, task.attempt), "it does not name what ended meanwhile");
  await stage.outputs(second, task);
}

async function playNonsense(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  stream.records = false;
  const task = stage.assignment("progress", { steps: whole(2) });
  stream.assign(task);
  const first = await stage.report(stream, task, (one) => readStep(one)?.step === 1);
  const attempt = task.attempt;
  const nowhere = { ...attempt, action: "nowhere" };
  stream.answer([
    { attempt: nowhere, sequence: 1n },
    { attempt: { ...attempt, epoch: 99n }, sequence: first.sequence },
    { attempt, sequence: first.sequence + 100n },
    { sequence: 1n },
  ]);
  await stage.pass(crossingMs);
  const isEarly = stream.untaken.some((said) => said.kind === "report" && readStep(said.report)?.step === 2);
  stage.require(!isEarly, "it took an answer that was not about its report for one");
  for (let sequence = 1n; sequence <= first.sequence; sequence += 1n) {
    stream.answer([
      { attempt, sequence },
      { attempt, sequence },
    ]);
  }
  stream.records = true;
  const second = await stage.report(stream, task, (one) => readStep(one)?.step === 2);
  stage.require(second.sequence > first.sequence, "its numbers do not grow");
  await stage.outputs(stream, task);
  await stage.isWell(stream);
}

async function playDrop(stage: Stage): Promise<void> {
  const first = await stage.ready();
  const dropped = stage.assignment("sleep", { ms: whole(60_000) });
  const kept = stage.assignment("sleep", { ms: whole(1_500) });
  first.assign(dropped, kept);
  await stage.taken(first, dropped);
  await stage.taken(first, kept);
  cut(stage);
  const second = await stage.attach({ drop: [dropped.attempt] }, "it did not attach again after a cut");
  await stage.outputs(second, kept);
  await stage.credits(second, concurrency);
  cut(stage);
  const third = await stage.attach({}, "it did not attach again after a cut");
  stage.require(!names(third, dropped.attempt), "it still holds what it was told to drop");
  await stage.isWell(third);
}

async function playStaleReport(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  stream.records = false;
  const task = stage.assignment("progress", { steps: whole(50) });
  stream.assign(task);
  const { attempt, sequence } = await stage.report(stream, task);
  const refusal = { reason: Reason.STALE_EPOCH, message: "the lease has moved on to epoch 2" };
  stream.answer([{ ...(attempt && { attempt }), sequence, refusal }]);
  await stage.credits(stream, concurrency);
  await stage.pass(2 * crossingMs);
  stream.records = true;
  await stage.isWell(stream);
}

async function playDeclined(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(60_000) });
  stream.assign(task);
  await stage.taken(stream, task);
  const refusal = { reason: Reason.STALE_EPOCH, message: "the lease has moved on to epoch 2" };
  stream.send({ case: "declined", value: { attempt: task.attempt, refusal } });
  await stage.credits(stream, concurrency);
  await stage.isWell(stream);
}

async function playChildAgain(stage: Stage): Promise<void> {
  const first = await stage.ready();
  const task = stage.assignment("ask", { prompt: text("still there?") });
  first.assign(task);
  const asked = await addChild(stage, first, task);
  answerCondition(first, asked, "waiting");
  await stage.pass(100);
  cut(stage);
  const second = await stage.attach({}, "it did not attach again after a cut");
  const again = await addChild(stage, second, task);
  const isSameName = again.action.name === asked.action.name;
  stage.require(isSameName, "it asks again under another name: to the server that is another child");
  answerCondition(second, again, "answered as ended");
  const outputs = await stage.outputs(second, task);
  stage.require(outputs["answer"]?.kind.value === true, "it does not put out the answer it was given");
}

function cut(stage: Stage): void {
  stage.note("network", "cuts every connection");
  stage.server.front.cut();
}

function names({ attach }: ServerStream, attempt: AttemptReference): boolean {
  return attach.running.some((reference) => isSame(reference, attempt));
}
