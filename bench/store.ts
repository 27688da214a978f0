import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandKind, CommandOf } from "../src/core/command.ts";
import { noCapacity } from "../src/core/placement/demand.ts";
import type { AttemptReference } from "../src/core/stated.ts";
import { EmbeddedStore } from "../src/store/embedded/embedded-store.ts";
import type { Outcome, Store } from "../src/store/store.ts";

/**
 * How many lifecycles a second the embedded store takes, and how much CPU each costs, over all threads: a run
 * of one task is created with a request id, assigned, accepted, and reported as succeeded.
 *
 * `node bench/store.ts [milliseconds for each row] [how many in flight ...]`
 */
const [measuredMs = 3_000, ...widths] = process.argv.slice(2).map(Number);
const namespace = "default";
const sessionId = "bench-session";
let created = 0;

/** A command's answer; a refusal is a mistake of the benchmark. */
async function ask<K extends CommandKind>(store: Store, command: CommandOf<K>) {
  const outcome: Outcome<K> = await store.transact<K>(command, { nowMs: Date.now(), chance: 0.5 });
  if (!outcome.ok) throw new Error(`${command.kind} was refused: ${JSON.stringify(outcome.refusal)}`);
  return outcome.answer;
}

async function create(store: Store): Promise<void> {
  created += 1;
  const number = String(created).padStart(10, "0");
  await ask<"createRun">(store, {
    kind: "createRun",
    request: { requestId: `request-${number}`, digest: `digest-${number}` },
    namespace,
    runId: "",
    newRunId: `r${number}`,
    labels: { team: "bench" },
    priority: 0,
    timeoutMs: undefined,
    delivery: undefined,
    createdBy: "anonymous",
    work: {
      task: {
        kind: "task",
        op: "work",
        opVersion: 0,
        inputs: { text: { value: { kind: "string", value: "x".repeat(100) } } },
        retry: undefined,
        timeouts: undefined,
        cancelGraceMs: undefined,
        resources: undefined,
        placement: undefined,
        image: "",
        handler: "",
      },
    },
  });
}

async function execute(store: Store, attempt: AttemptReference): Promise<void> {
  await ask<"accept">(store, { kind: "accept", sessionId, attempts: [attempt] });
  await ask<"report">(store, {
    kind: "report",
    sessionId,
    reports: [
      {
        attempt,
        sequence: 1,
        content: { kind: "succeeded", outputs: { value: { kind: "string", value: "y".repeat(100) } } },
      },
    ],
  });
}

/** Keeps `width` lifecycles in flight for a time; answers how many ended. */
async function run(
  store: Store,
  { width, durationMs }: { readonly width: number; readonly durationMs: number },
): Promise<number> {
  const endMs = performance.now() + durationMs;
  let endedCount = 0;
  let queuedCount = 0;
  let isAssigning = false;
  const lives: Promise<unknown>[] = [];
  const done = Promise.withResolvers<void>();
  let livingCount = 0;

  async function assignAll(): Promise<void> {
    if (isAssigning) return;
    isAssigning = true;
    while (queuedCount > 0) {
      const limit = Math.min(queuedCount, 256);
      const { assignments } = await ask<"assign">(store, {
        kind: "assign",
        sessions: [{ sessionId, credit: limit }],
        limit,
        acceptTimeoutMs: 60_000,
      });
      queuedCount -= assignments.length;
      for (const { assignment } of assignments) lives.push(live(assignment.attempt));
    }
    isAssigning = false;
  }

  async function live(attempt: AttemptReference): Promise<void> {
    await execute(store, attempt);
    endedCount += 1;
    livingCount -= 1;
    await begin();
  }

  async function begin(): Promise<void> {
    if (performance.now() >= endMs) {
      if (livingCount === 0) done.resolve();
      return;
    }
    livingCount += 1;
    await create(store);
    queuedCount += 1;
    void assignAll().catch(done.reject);
  }

  for (let index = 0; index < width; index += 1) begin().catch(done.reject);
  await done.promise;
  await Promise.all(lives);
  return endedCount;
}

const path = mkdtempSync(join(tmpdir(), "signalbox-bench-"));
const store = await EmbeddedStore.open({ path });
try {
  await ask<"attach">(store, {
    kind: "attach",
    newSessionId: sessionId,
    namespace,
    workerId: "bench",
    incarnation: "1",
    ops: ["work"],
    labels: {},
    capacity: noCapacity,
    taints: [],
    sharedNamespaces: [],
    running: [],
    leaseMs: 3_600_000,
  });
  // What is measured is not the compiler's work.
  await run(store, { width: 100, durationMs: measuredMs / 2 });
  process.stdout.write("in flight   lifecycles/s   CPU µs each\n");
  for (const width of widths.length > 0 ? widths : [1, 10, 100, 1_000]) {
    const before = process.cpuUsage();
    const startMs = performance.now();
    const count = await run(store, { width, durationMs: measuredMs });
    const seconds = (performance.now() - startMs) / 1_000;
    const used = process.cpuUsage(before);
    const rate = Math.round(count / seconds);
    const each = ((used.user + used.system) / count).toFixed(1);
    process.stdout.write(`${String(width).padStart(9)}${String(rate).padStart(15)}${each.padStart(14)}\n`);
  }
} finally {
  await store.close();
  rmSync(path, { recursive: true, force: true });
}
