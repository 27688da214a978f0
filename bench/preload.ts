import type { CommandKind, CommandOf } from "../src/core/command.ts";
import { noCapacity } from "../src/core/placement/demand.ts";
import type { AttemptReference, NewTask } from "../src/core/stated.ts";
import { EmbeddedStore } from "../src/store/embedded/embedded-store.ts";
import type { Outcome } from "../src/store/store.ts";
import { demandOf } from "./placement/scenery.ts";

/** How many commands are on their way to the store at once. */
const lotSize = 250;
const namespace = "default";

/** What a store is to hold. */
export interface Contents {
  /** Runs of one task that succeeded. */
  readonly ended: number;
  /** Runs of one condition that wait for a signal. */
  readonly paused: number;
  /** Runs of one task that wait for a worker of this op. */
  readonly queued: number;
  readonly queuedOp: string;
  /** Runs of one task that asks for resources and labels, by op; see `placement/scenery.ts`. */
  readonly placed?: readonly { readonly op: string; readonly count: number }[];
}

type Work = CommandOf<"createRun">["work"];

/**
 * Fills a store, in process: as fast as it can be written, and with what the same runs leave behind over the
 * wire.
 */
export async function preload(folder: string, contents: Contents): Promise<void> {
  const { ended, paused, queued, queuedOp, placed = [] } = contents;
  if (ended + paused + queued + placed.length === 0) return;
  const store = await EmbeddedStore.open({ path: folder });
  try {
    await endRuns(store, ended);
    await createRuns(store, paused, () => theCondition);
    await createRuns(store, queued, (number) => taskOf(queuedOp, number));
    for (const { op, count } of placed) {
      await createPlaced(store, op, { from: 0, count });
    }
  } finally {
    await store.close();
  }
}

/** Creates runs of one task each that asks for resources and labels; see `placement/scenery.ts`. */
export async function createPlaced(
  store: EmbeddedStore,
  op: string,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<void> {
  await createRuns(store, count, (number) => taskOf(op, from + number, demandOf(from + number)));
}

const theCondition: Work = {
  plan: [
    {
      name: "approve",
      labels: {},
      dependencies: [],
      spec: {
        kind: "condition",
        type: "bool",
        prompt: "Go on?",
        description: "",
        timeoutMs: undefined,
        defaultValue: undefined,
        terms: undefined,
      },
    },
  ],
};

function taskOf(
  op: string,
  number: number,
  demand: Pick<NewTask, "resources" | "placement"> = { resources: undefined, placement: undefined },
): Work {
  const input = { value: { kind: "int", value: String(number) } } as const;
  const asUsual = { retry: undefined, timeouts: undefined, cancelGraceMs: undefined, image: "", handler: "" };
  return { task: { kind: "task", op, opVersion: 0, inputs: { number: input }, ...asUsual, ...demand } };
}

async function createRuns(
  store: EmbeddedStore,
  count: number,
  workOf: (number: number) => Work,
): Promise<void> {
  for (let first = 0; first < count; first += lotSize) {
    const lot = Math.min(lotSize, count - first);
    await Promise.all(Array.from({ length: lot }, (_, index) => createRun(store, workOf(first + index))));
  }
}

let created = 0;

async function createRun(store: EmbeddedStore, work: Work): Promise<void> {
  created += 1;
  const number = String(created).padStart(10, "0");
  await ask<"createRun">(store, {
    kind: "createRun",
    request: { requestId: `preload-${number}`, digest: `preload-${number}` },
    namespace,
    runId: "",
    newRunId: `preload-${number}`,
    labels: {},
    priority: 0,
    timeoutMs: undefined,
    delivery: undefined,
    createdBy: "anonymous",
    work,
  });
}

async function endRuns(store: EmbeddedStore, count: number): Promise<void> {
  if (count === 0) return;
  const sessionId = "preload";
  const identity = { namespace, workerId: "preload", incarnation: "1", ops: ["preload"], labels: {} };
  const leaseMs = 3_600_000;
  const place = { capacity: noCapacity, taints: [], sharedNamespaces: [], running: [] };
  await ask<"attach">(store, { kind: "attach", newSessionId: sessionId, ...identity, ...place, leaseMs });
  for (let first = 0; first < count; first += lotSize) {
    const lot = Math.min(lotSize, count - first);
    await createRuns(store, lot, (number) => taskOf("preload", number));
    const sessions = [{ sessionId, credit: lot }];
    const assign = { kind: "assign", sessions, limit: lot, acceptTimeoutMs: 60_000 } as const;
    const { assignments } = await ask<"assign">(store, assign);
    await endAll(
      store,
      sessionId,
      assignments.map(({ assignment }) => assignment.attempt),
    );
  }
  await ask<"leave">(store, { kind: "leave", sessionId, cause: "done" });
}

async function endAll(
  store: EmbeddedStore,
  sessionId: string,
  attempts: readonly AttemptReference[],
): Promise<void> {
  await ask<"accept">(store, { kind: "accept", sessionId, attempts });
  const content = { kind: "succeeded", outputs: {} } as const;
  const reports = attempts.map((attempt) => ({ attempt, sequence: 1, content }));
  await ask<"report">(store, { kind: "report", sessionId, reports });
}

async function ask<K extends CommandKind>(store: EmbeddedStore, command: CommandOf<K>) {
  const outcome: Outcome<K> = await store.transact<K>(command, { nowMs: Date.now(), chance: 0.5 });
  if (!outcome.ok) throw new Error(`${command.kind} was refused: ${JSON.stringify(outcome.refusal)}`);
  return outcome.answer;
}
