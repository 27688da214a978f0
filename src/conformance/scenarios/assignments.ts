import { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import type { AttemptReference } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { concurrency, crossingMs } from "../conformance-limits.ts";
import type { Scenario } from "../scenario.ts";
import { isSame, type Stage, text, whole } from "../stage.ts";
import { isEnd } from "../wire/said.ts";
import type { ServerStream } from "../wire/server-stream.ts";
import { observeSteps } from "./steps.ts";

/** What a worker makes of work that comes otherwise than it is to come. */
export const assignmentScenarios: readonly Scenario[] = [
  {
    name: "duplicate-assignment",
    shows: "The same attempt under the same epoch, assigned twice, is executed and reported once.",
    matters: "A network that repeats a message must not charge a card twice.",
    play: playDuplicate,
  },
  {
    name: "unknown-op",
    shows: "An assignment of an op that it does not have is declined, and its credit is given back.",
    matters: "Left alone it is lost until its time is over; executed as something else it does harm.",
    play: playUnknownOp,
  },
  {
    name: "stale-epoch",
    shows: "An assignment under a lower epoch than one that it has of the same action is not executed.",
    matters: "It is an old message on a long way; what it asks for is somebody else's by now.",
    play: playStaleEpoch,
  },
  {
    name: "granted-again",
    shows:
      "Granted again under a higher epoch, an attempt is done anew; nothing old is said under the new one.",
    matters: "The new lease vouches for the new execution, and not for what an old one had seen.",
    play: playGrantedAgain,
  },
  {
    name: "credit-never-exceeded",
    shows: "Over forty quick tasks it never permits more than it has places, and always as many.",
    matters: "Credit is all that keeps work from piling up at a slow worker.",
    play: playCredit,
  },
  {
    name: "over-assignment",
    shows: "Assignments beyond its credit are each accepted or declined, and credit is right afterwards.",
    matters: "A worker that breaks on a server's mistake takes four healthy tasks with it.",
    play: playOverAssignment,
  },
];

async function playDuplicate(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const task = stage.assignment("progress", { steps: whole(3) });
  stream.assign(task);
  stream.assign(task);
  await stage.taken(stream, task);
  stream.assign(task, task);
  const steps = await observeSteps(stage, stream, task);
  stage.require(
    steps.join() === "1,2,3",
    `its events tell of the steps ${steps.join(", ")}, and there are 3`,
  );
  await stage.pass(crossingMs);
  const isRepeated = stream.untaken.some(
    (said) => said.kind === "report" && isSame(said.attempt, task.attempt),
  );
  stage.require(!isRepeated, "it reports the attempt once more after its end: it has executed it twice");
  await stage.credits(stream, concurrency);
}

async function playUnknownOp(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const task = stage.assignment({ unknown: "conformance/no-such-op" });
  stream.assign(task);
  await stream.next("decline", "it did not decline a task that it cannot run", ({ attempt }) =>
    isSame(attempt, task.attempt),
  );
  await stage.credits(stream, concurrency);
  await stage.isWell(stream);
}

async function playStaleEpoch(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const current = stage.assignment("sleep", { ms: whole(900) }, { action: "fenced", epoch: 7n });
  stream.assign(current);
  await stage.taken(stream, current);
  const stale = stage.assignment("progress", { steps: whole(1) }, { action: "fenced", epoch: 6n });
  stream.assign(stale);
  const outputs = await stage.outputs(stream, current);
  stage.require(outputs["ms"]?.kind.value === 900n, "what runs under the higher epoch was disturbed");
  const hasRun = stream.untaken.some((said) => said.kind === "report" && isSame(said.attempt, stale.attempt));
  stage.require(!hasRun, "it executes the attempt under the lower epoch beside the one under the higher");
  await stage.isWell(stream);
}

async function playGrantedAgain(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  stream.records = false;
  const old = stage.assignment("sleep", { ms: whole(600) }, { action: "granted", epoch: 1n });
  stream.assign(old);
  await stage.taken(stream, old);
  const renewed = stage.assignment("sleep", { ms: whole(601) }, { action: "granted", epoch: 2n });
  stream.assign(renewed);
  refuseUnder(stage, stream, old.attempt);
  const end = await stage.end(stream, renewed);
  const { content } = end;
  const isNew = content.case === "succeeded" && content.value.outputs["ms"]?.kind.value === 601n;
  stage.require(isNew, "under the new epoch it does not report what was executed under it");
  stream.record(end);
  stream.records = true;
  await stage.credits(stream, concurrency);
  await stage.isWell(stream);
}

/** Refuses all reports under an old epoch, as the server does. */
function refuseUnder(stage: Stage, stream: ServerStream, old: AttemptReference): void {
  const refused = async () => {
    for (;;) {
      const { attempt, sequence } = await stage.report(stream, { attempt: old });
      if (attempt === undefined) return;
      const refusal = { reason: Reason.STALE_EPOCH, message: "the lease has moved on" };
      stream.answer([{ attempt, sequence, refusal }]);
    }
  };
  // None may come: the worker can know by itself that the lease has moved on.
  refused().catch(() => undefined);
}

async function playCredit(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  let given = 0;
  const total = 40;
  const ended = new Set<string>();
  while (ended.size < total) {
    for (; given < total && stage.witness.openCredit(stream) > 0; given += 1) {
      const op = given % 3 === 0 ? "sleep" : "echo";
      stream.assign(stage.assignment(op, { ms: whole(given % 7), text: text(`${given}`) }));
    }
    if (ended.size === given) {
      // The credit of what has ended may come in a later frame than the end.
      await stage.credits(stream, 1);
      continue;
    }
    const { attempt } = await stream.next(
      "report",
      `only ${ended.size} of ${given} tasks came to an end, and nothing more comes`,
      ({ report }) => isEnd(report),
    );
    ended.add(attempt.action);
  }
  await stage.credits(stream, concurrency);
}

async function playOverAssignment(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const tasks = Array.from({ length: 3 * concurrency }, () => stage.assignment("sleep", { ms: whole(300) }));
  stream.assign(...tasks);
  const isAnswered = ({ attempt }: (typeof tasks)[number]) => {
    const known = stage.witness.attempt(attempt);
    return known?.isDeclined === true || known?.hasEnded === true;
  };
  const missing = "it neither declined nor finished what was assigned beyond its credit";
  await stream.until(() => tasks.every(isAnswered), missing);
  await stage.credits(stream, concurrency);
  await stage.isWell(stream);
}
