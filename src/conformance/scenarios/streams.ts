import { create, toBinary } from "@bufbuild/protobuf";
import type { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import { AttachResponseSchema } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { frameBytesMax, idleProxyMs, leaseMs, pulseIntervalMs } from "../conformance-limits.ts";
import type { Scenario } from "../scenario.ts";
import { isSame, type Stage, text, whole } from "../stage.ts";
import { addChild, answerCondition } from "./children.ts";
import { observeSteps } from "./steps.ts";

/** What networks, proxies and newer or confused servers do to a stream. */
export const streamScenarios: readonly Scenario[] = [
  {
    name: "half-open-server",
    shows: "When the server says nothing for a few pulse intervals, it gives the stream up for another.",
    matters: "A worker on a stream that is dead at the other end gets no work, and looks alive for ever.",
    play: (stage) => playSilence(stage, "server"),
  },
  {
    name: "half-open-network",
    shows: "The same on a connection whose network swallows everything and closes nothing.",
    matters: "It is what a lost route or a halted machine looks like; the kernel notices after minutes.",
    play: (stage) => playSilence(stage, "network"),
  },
  {
    name: "no-work-is-fine",
    shows: "On a stream with pulses and nothing else it stays, without end.",
    matters: "A worker that attaches anew for want of work costs the server as much as a busy one.",
    play: playNoWork,
  },
  {
    name: "idle-proxy",
    shows: "A proxy that closes idle connections after 700 ms never finds one, with pulses every 200 ms.",
    matters: "Most proxies between a worker and its server do so, after a minute.",
    play: playIdleProxy,
  },
  {
    name: "goaway",
    shows:
      "GOAWAY on its connection costs it nothing: what runs is finished and told, here or on a new stream.",
    matters: "Proxies say it whenever they are deployed anew.",
    play: playGoAway,
  },
  {
    name: "tiny-writes",
    shows: "Frames that come in pieces of one byte are the same frames.",
    matters: "TCP owes nobody whole frames.",
    play: playTinyWrites,
  },
  {
    name: "large-assignment",
    shows: "An assignment of nearly 4 MiB is taken like any other.",
    matters: "The contract allows it; a client with a smaller limit breaks on that task again and again.",
    play: playLarge,
  },
  {
    name: "newer-server",
    shows: "Frames and fields that it does not know are passed over; all else goes on.",
    matters: "Servers are upgraded before workers.",
    play: playNewer,
  },
  {
    name: "clock-jumps",
    shows:
      "Times far in the past or future, and leases and intervals that make no sense, do not matter to it.",
    matters: "Clocks of servers jump. A worker goes by its own, and only by differences.",
    play: playClock,
  },
];

async function playSilence(stage: Stage, who: "server" | "network"): Promise<void> {
  const first = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(200) });
  first.assign(task);
  await stage.taken(first, task);
  const silentAtMs = performance.now();
  first.records = false;
  first.answersPulses = false;
  if (who === "network") stage.server.front.silence();
  stage.note(who === "network" ? "network" : "kit", "is silent from here on");
  const bound = 8 * pulseIntervalMs + 2_500;
  const second = await stage.attach({}, `it did not notice the silence of the ${who}`);
  const tookMs = Math.round(second.openedAtMs - silentAtMs);
  stage.require(
    tookMs >= pulseIntervalMs,
    `it gave the stream up after ${tookMs} ms of silence, which is nothing`,
  );
  stage.require(tookMs <= bound, `it noticed the silence after ${tookMs} ms, and ${bound} ms is the longest`);
  await stage.outputs(second, task);
  await stage.isWell(second);
}

async function playNoWork(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  await stage.staysAway(4 * leaseMs, "it attached again though its server pulsed");
  stage.require(!stream.isOver, "it left a stream on which its server pulsed");
  await stage.isWell(stream);
}

async function playIdleProxy(stage: Stage): Promise<void> {
  stage.server.front.idleMs = idleProxyMs;
  const stream = await stage.ready();
  await stage.pass(5 * idleProxyMs);
  const { idleClosedCount } = stage.server.front;
  stage.require(idleClosedCount === 0, "the proxy found its connection idle, and closed it");
  await stage.isWell(stream);
}

async function playGoAway(stage: Stage): Promise<void> {
  const first = await stage.ready();
  const task = stage.assignment("sleep", { ms: whole(500) });
  first.assign(task);
  await stage.taken(first, task);
  for (let count = 0; count < 3; count += 1) {
    stage.server.goAway();
    await stage.pass(100);
  }
  const onNew = stage.attach({}, "").then((second) => stage.outputs(second, task));
  const onOld = stage.outputs(first, task);
  for (const one of [onNew, onOld]) one.catch(() => undefined);
  await Promise.any([onNew, onOld]).catch(() => {
    stage.require(false, "after GOAWAY it told the end of what ran neither on its stream nor on a new one");
  });
}

async function playTinyWrites(stage: Stage): Promise<void> {
  stage.server.front.pieceBytes = 1;
  const stream = await stage.ready();
  const task = stage.assignment("progress", { steps: whole(3) });
  stream.assign(task, stage.assignment("echo", { text: text("x".repeat(2_000)) }));
  const steps = await observeSteps(stage, stream, task);
  stage.require(steps.length === 3, "it lost a step");
  await stage.isWell(stream);
}

async function playLarge(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const ballast = (sizeBytes: number) => text("b".repeat(sizeBytes));
  const inputs = (rest: number) => ({
    ms: whole(1),
    ...Object.fromEntries([1, 2, 3].map((number) => [`ballast${number}`, ballast(1_000_000)])),
    ballast4: ballast(rest),
  });
  const empty = stage.assignment("sleep", inputs(0));
  const frame = create(AttachResponseSchema, { frame: { case: "assign", value: { assignments: [empty] } } });
  // What the lengths of the last input take, and a little more.
  const rest = frameBytesMax - toBinary(AttachResponseSchema, frame).byteLength - 64;
  const task = stage.assignment("sleep", inputs(Math.min(rest, 1_048_576)));
  stream.assign(task);
  await stage.outputs(stream, task);
  await stage.isWell(stream);
}

const unknownField = (no: number) => ({ no, wireType: 2, data: new Uint8Array([3, 1, 2, 3]) });

async function playNewer(stage: Stage): Promise<void> {
  const stream = await stage.stream();
  const sendUnknown = () => {
    const response = create(AttachResponseSchema);
    response.$unknown = [unknownField(1_000)];
    stream.sendWhole(response);
  };
  stream.attached();
  sendUnknown();
  await stage.credits(stream, 1);
  const task = stage.assignment("echo", { text: text("as ever") });
  task.$unknown = [unknownField(900)];
  const response = create(AttachResponseSchema, {
    frame: { case: "assign", value: { assignments: [task] } },
  });
  response.$unknown = [unknownField(901)];
  stream.sendWhole(response);
  sendUnknown();
  const outputs = await stage.outputs(stream, task);
  stage.require(outputs["text"]?.kind.value === "as ever", "its outputs are not its inputs");
  const attempt = { runId: "conformance", action: "elsewhere", attempt: 1, epoch: 1n };
  const declined = { attempt, refusal: { reason: Number(9_999) as Reason, message: "a reason of tomorrow" } };
  stream.send({ case: "declined", value: declined });
  await stage.isWell(stream);
  // A value of a kind that does not exist yet cannot be read; the attempt may fail, and the worker may not.
  const unreadable = stage.assignment("echo", { value: {} });
  const [value] = Object.values(unreadable.inputs);
  if (value !== undefined) value.$unknown = [unknownField(77)];
  stream.assign(unreadable);
  const isAnswered = () => {
    const known = stage.witness.attempt(unreadable.attempt);
    return known?.hasEnded === true || known?.isDeclined === true;
  };
  await stream.until(isAnswered, "it neither ended nor declined an attempt with an input of an unknown kind");
  await stage.isWell(stream);
}

async function playClock(stage: Stage): Promise<void> {
  const hourMs = 3_600_000;
  const first = await stage.attach({ leaseMs: 10_000 * hourMs, pulseIntervalMs });
  await askWithTimes(stage, first, { createdMs: 0, endedMs: 86_400_000 });
  await stage.isWell(first);
  const far = Date.UTC(9_999, 11, 31);
  for (const odd of [undefined, 0, -5_000, 1_000 * hourMs]) {
    stage.note("network", `cuts every connection; the next pulse interval is ${odd ?? "not set"}`);
    stage.server.front.cut();
    const lease = odd === undefined ? { leaseMs: undefined } : { leaseMs: odd };
    const next = await stage.attach(
      { ...lease, pulseIntervalMs: odd },
      "it did not attach again after a cut",
    );
    await askWithTimes(stage, next, { createdMs: far, endedMs: 1 });
    await stage.pass(600);
    const count = next.pulsesAtMs.length;
    stage.require(count <= 3, `it pulsed ${count} times in 600 ms, and the interval is ${odd ?? "not set"}`);
    await stage.isWell(next);
  }
}

async function askWithTimes(
  stage: Stage,
  stream: Parameters<typeof addChild>[1],
  times: { readonly createdMs: number; readonly endedMs: number },
): Promise<void> {
  await stage.credits(stream, 1);
  const task = stage.assignment("ask", { prompt: text("what time is it?") });
  stream.assign(task);
  const asked = await addChild(stage, stream, task);
  answerCondition(stream, asked, "waiting", times);
  answerCondition(stream, asked, "ended", times);
  const end = await stage.end(stream, task);
  stage.require(end.attempt !== undefined && isSame(end.attempt, task.attempt), "it reports another attempt");
  stage.require(end.content.case === "succeeded", "it did not go on with an answer whose times are odd");
}
