/**
 * A small worker without the SDK that has one fault, for tests of the conformance kit: what it is to find.
 *
 * Usage: node faulty-worker.ts FAULT, where `none` has none that the tested scenarios look for.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationMs, ValueSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  type Assignment,
  type AttachRequest,
  AttachRequestSchema,
  type AttachResponse,
  type AttemptReference,
  type AttemptReport,
  AttemptReportSchema,
  WorkerService,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";

const fault = process.argv[2] ?? "none";
const { SIGNALBOX_SERVER: server = "", SIGNALBOX_NAMESPACE: namespace = "" } = process.env;
const incarnation = randomUUID();
const ops = ["echo", "sleep", "fail", "progress", "ask"].map((op) => `conformance/${op}`);
type Frame = NonNullable<MessageInitShape<typeof AttachRequestSchema>["frame"]>;

interface Held {
  reference: AttemptReference;
  readonly stop: AbortController;
  sequence: bigint;
  unrecorded: AttemptReport[];
}

const held = new Map<string, Held>();
let say: (frame: Frame) => void = () => undefined;

function keyOf({ runId, action, epoch }: AttemptReference): string {
  return fault === "takes-the-new-epoch" ? `${runId} ${action}` : `${runId} ${action} ${epoch}`;
}

function report(attempt: Held, content: AttemptReport["content"]): void {
  attempt.sequence += 1n;
  const said = create(AttemptReportSchema, {
    attempt: attempt.reference,
    sequence: attempt.sequence,
    content,
  });
  attempt.unrecorded.push(said);
  say({ case: "report", value: { reports: [said] } });
}

async function execute(attempt: Held, { op, inputs }: Assignment): Promise<void> {
  const number = (name: string) => Number(inputs[name]?.kind.value ?? 0);
  if (op === "conformance/sleep") {
    await sleep(number("ms"), undefined, { signal: attempt.stop.signal }).catch(() => undefined);
    if (attempt.stop.signal.aborted) return;
  }
  const execution = randomUUID();
  for (let step = 1; op === "conformance/progress" && step <= number("steps"); step += 1) {
    const payload = create(ValueSchema, {
      kind: {
        case: "structValue",
        value: {
          fields: {
            step: { kind: { case: "numberValue", value: step } },
            execution: { kind: { case: "stringValue", value: execution } },
          },
        },
      },
    });
    const message = `step ${step}`;
    report(attempt, {
      case: "progress",
      value: { $typeName: "signalbox.v1.ActionProgressed", percent: 1, message },
    });
    report(attempt, { case: "log", value: { $typeName: "signalbox.v1.ActionLogged", level: 2, message } });
    const published = { $typeName: "signalbox.v1.Published", source: "t", type: "conformance.step" } as const;
    report(attempt, { case: "event", value: { ...published, attributes: {}, payload } });
  }
  report(attempt, { case: "succeeded", value: { $typeName: "signalbox.v1.Succeeded", outputs: inputs } });
  say({ case: "credit", value: { amount: 1 } });
}

function assigned(assignment: Assignment): void {
  const reference = assignment.attempt;
  if (reference === undefined) return;
  const known = held.get(keyOf(reference));
  if (known !== undefined && fault === "takes-the-new-epoch") {
    known.reference = reference;
  } else if (known === undefined || fault === "executes-twice") {
    const attempt = { reference, stop: new AbortController(), sequence: 0n, unrecorded: [] };
    held.set(keyOf(reference), attempt);
    say({ case: "accept", value: { attempts: [reference] } });
    void execute(attempt, assignment);
  } else {
    say({ case: "credit", value: { amount: 1 } });
  }
}

function received({ frame }: AttachResponse): void {
  if (frame.case === "assign") frame.value.assignments.forEach(assigned);
  if (frame.case !== "recorded") return;
  for (const { attempt, sequence } of frame.value.reports) {
    const known = attempt && held.get(keyOf(attempt));
    if (known === undefined || fault === "never-forgets") continue;
    const recorded = known.unrecorded.find((one) => one.sequence === sequence);
    known.unrecorded = known.unrecorded.filter((one) => one !== recorded);
    if (recorded?.content.case === "succeeded" && attempt) held.delete(keyOf(attempt));
  }
}

/** What is said again on a new stream. */
function resume(dropped: readonly AttemptReference[]): void {
  for (const reference of fault === "ignores-drop" ? [] : dropped) {
    held.get(keyOf(reference))?.stop.abort();
    held.delete(keyOf(reference));
  }
  let busy = 0;
  for (const attempt of held.values()) {
    const reports = attempt.unrecorded;
    if (!reports.some(({ content }) => content.case === "succeeded")) busy += 1;
    if (fault === "numbers-anew") {
      attempt.unrecorded = [];
      for (const { content } of reports) report(attempt, content);
    } else if (reports.length > 0) {
      say({ case: "report", value: { reports } });
    }
  }
  if (busy < 4) say({ case: "credit", value: { amount: 4 - busy } });
}

/** One stream; resolves to how long to wait before the next one. */
async function attach(): Promise<number> {
  if (fault === "loses-results") held.clear();
  const frames: Frame[] = [];
  let wake: () => void = () => undefined;
  const running = [...held.values()].map(({ reference }) => reference);
  say = (frame) => {
    frames.push(frame);
    wake();
  };
  say({ case: "attach", value: { workerId: "faulty", incarnation, namespace, ops, running } });
  async function* requests(): AsyncGenerator<AttachRequest> {
    for (;;) {
      const frame = frames.shift();
      if (frame !== undefined) yield create(AttachRequestSchema, { frame });
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  }
  const headers = { authorization: `Bearer ${process.env["SIGNALBOX_TOKEN"]}` };
  const client = createClient(WorkerService, createGrpcTransport({ baseUrl: server }));
  let pulses: NodeJS.Timeout | undefined;
  let waitMs = 100;
  try {
    for await (const response of client.attach(requests(), { headers })) {
      const { frame } = response;
      if (frame.case === "attached") {
        const intervalMs = frame.value.pulseInterval ? durationMs(frame.value.pulseInterval) : 1_000;
        const pulse = () => say({ case: "pulse", value: {} });
        if (fault !== "never-pulses") pulses = setInterval(pulse, intervalMs);
        resume(frame.value.drop);
      } else if (frame.case === "leave" && frame.value.reconnectAfter && fault !== "ignores-delay") {
        waitMs = durationMs(frame.value.reconnectAfter);
      }
      received(response);
    }
  } catch {
    // The next stream goes on.
  } finally {
    clearInterval(pulses);
  }
  return waitMs;
}

process.on("SIGTERM", () => process.exit(0));
for (;;) await sleep(await attach());
