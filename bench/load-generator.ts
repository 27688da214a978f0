import { setTimeout as delay } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { CreateRunRequestSchema } from "../gen/signalbox/v1/run_service_pb.ts";
import { createClient } from "../src/client/client.ts";
import { type FromGenerator, nowMs, type ToGenerator } from "./messages.ts";

type Submit = Extract<ToGenerator, { kind: "submit" }>;

/** The process that submits: `node bench/load-generator.ts ADDRESS`. */
const [address = ""] = process.argv.slice(2);
const client = createClient({ address });
let requestCount = 0;

function say(message: FromGenerator): void {
  process.send?.(message);
}

/** A run of one task with one small input, and a request id of its own. */
function newRequest(op: string, number: number) {
  requestCount += 1;
  const input = {
    source: { case: "value", value: { kind: { case: "intValue", value: BigInt(number) } } },
  } as const;
  const work = { case: "task", value: { op, inputs: { number: input } } } as const;
  return create(CreateRunRequestSchema, { run: { work }, requestId: `${process.pid}-${requestCount}` });
}

/** Submits one message; answers how many runs it created. */
async function submitOnce({ mode, op, batchSize }: Submit, number: number): Promise<number> {
  if (mode === "single") {
    await client.runs.create({ op, input: { number } });
    return 1;
  }
  if (mode === "raw") {
    await client.raw.runs.createRun(newRequest(op, number));
    return 1;
  }
  const requests = Array.from({ length: batchSize }, (_, index) => newRequest(op, number + index));
  const { results } = await client.raw.runs.batchCreateRuns({ requests });
  const refused = results.find(({ result }) => result.case !== "run");
  if (refused !== undefined) throw new Error(`a run was refused: ${JSON.stringify(refused)}`);
  return results.length;
}

async function submit(wanted: Submit): Promise<void> {
  const firstMs = nowMs();
  const endMs = firstMs + wanted.seconds * 1_000;
  const tookMs: number[] = [];
  let count = 0;
  let begun = 0;
  const size = wanted.mode === "batch" ? wanted.batchSize : 1;
  async function call(): Promise<void> {
    while (nowMs() < endMs && begun < wanted.countMax) {
      const callMs = nowMs();
      const number = begun;
      begun += size;
      const created = await submitOnce(wanted, number);
      count += created;
      tookMs.push(nowMs() - callMs);
    }
  }
  await Promise.all(Array.from({ length: wanted.inFlight }, call));
  tookMs.sort((one, other) => one - other);
  const share = (part: number): number => tookMs[Math.floor((tookMs.length - 1) * part)] ?? 0;
  say({ kind: "submitted", count, firstMs, lastMs: nowMs(), ackMs: { p50: share(0.5), p99: share(0.99) } });
}

/** Submits one run after the other at an even pace. */
function pace({ op, ...pacing }: Extract<ToGenerator, { kind: "pace" }>): Promise<void> {
  return callAtPace(pacing, (number) => client.runs.create({ op, input: { number } }));
}

/** Signals one paused run after the other at an even pace. */
async function signal({ op, ...pacing }: Extract<ToGenerator, { kind: "signal" }>): Promise<void> {
  const runIds: string[] = [];
  for (let number = 0; number < pacing.samples; number += 1) {
    const { runId } = await client.runs.create({
      plan: [
        { name: "approve", condition: { type: "bool", prompt: "Go on?" } },
        { name: "work", task: { op, input: { number } }, dependsOn: ["approve"] },
      ],
    });
    runIds.push(runId);
  }
  await callAtPace(pacing, (number) => client.conditions.signal(runIds[number] ?? "", "approve", true));
}

/** Makes one call after the other at an even pace, and says when each was made and how long it took. */
async function callAtPace(
  { samples, intervalMs }: { readonly samples: number; readonly intervalMs: number },
  make: (number: number) => Promise<unknown>,
): Promise<void> {
  const submitMs: number[] = [];
  const ackMs: number[] = [];
  const calls: Promise<void>[] = [];
  const startMs = nowMs();
  for (let number = 0; number < samples; number += 1) {
    await delay(Math.max(0, startMs + number * intervalMs - nowMs()));
    const callMs = nowMs();
    submitMs[number] = callMs;
    const call = make(number);
    calls.push(call.then(() => void (ackMs[number] = nowMs() - callMs)));
  }
  await Promise.all(calls);
  say({ kind: "paced", submitMs, ackMs });
}

process.on("message", (message: ToGenerator) => {
  switch (message.kind) {
    case "submit":
      void submit(message);
      return;
    case "pace":
      void pace(message);
      return;
    case "signal":
      void signal(message);
      return;
    case "stop":
      client.close();
      process.disconnect();
  }
});
say({ kind: "ready" });
