/**
 * Holds runs that look as Flyte's do, without executing anything: through Signalbox's own contract it creates
 * runs of one task `a0` and stays their worker, adding conditions below `a0`, until it is told to end them.
 *
 * Usage: node seed.ts ADDRESS NAMESPACE. Reads one JSON object a line, answers each with one:
 *
 *     {"run": "r1", "conditions": [{"name": "k1", "title": "approve", "type": "bool"}]}
 *     {"end": "r1"}
 *     {"fail": "r1"}
 *
 * The first creates the run if it is not there, and adds the conditions; the others end its task, and wait
 * until it has ended.
 *
 * It ends with standard input.
 */
import { createInterface } from "node:readline";
import { createClient } from "../../../src/client/client.ts";
import {
  type ConditionType,
  createWorker,
  NonRetryableError,
  Refused,
  type TaskContext,
} from "../../../src/worker/worker.ts";

interface SeededCondition {
  /** The name of the action. */
  readonly name: string;
  /** The name that people see. */
  readonly title: string;
  readonly type: ConditionType;
  readonly prompt?: string;
  readonly description?: string;
}

interface Request {
  readonly run?: string;
  readonly conditions?: readonly SeededCondition[];
  readonly end?: string;
  readonly fail?: string;
}

interface Held {
  readonly context: TaskContext;
  readonly finish: PromiseWithResolvers<void>;
}

const [address = "", namespace = ""] = process.argv.slice(2);
const client = createClient({ address, namespace });
const worker = createWorker({ address, namespace, workerId: "seed", concurrency: 1_000 });
const started = new Map<string, PromiseWithResolvers<Held>>();

function startedOf(run: string): PromiseWithResolvers<Held> {
  const known = started.get(run) ?? Promise.withResolvers<Held>();
  started.set(run, known);
  return known;
}

worker.task("flyte", async (context) => {
  const finish = Promise.withResolvers<void>();
  startedOf(context.runId).resolve({ context, finish });
  context.signal.addEventListener("abort", () => finish.reject(context.signal.reason), { once: true });
  await finish.promise;
});

async function addConditions(run: string, conditions: readonly SeededCondition[]): Promise<void> {
  if (!started.has(run)) {
    startedOf(run);
    const labels = { "flyte-task": "main" };
    const input = { task: { name: "seeded.main", shortName: "main", version: "v1", functionName: "main" } };
    await client.runs.create({ runId: run, plan: [{ name: "a0", labels, task: { op: "flyte", input } }] });
  }
  const { context } = await startedOf(run).promise;
  const refused = new AbortController();
  for (const { name, title, ...terms } of conditions) {
    const labels = { "flyte-condition": title };
    // How it ends is for the tests to see; one that cannot be added ends the wait for them.
    context.condition(name, { ...terms, labels }).catch((error: unknown) => {
      if (error instanceof Refused) refused.abort(error);
    });
  }
  await haveAppeared(run, new Set(conditions.map(({ name }) => `a0/${name}`)), refused.signal);
}

/** Waits until the run has actions of all the names. */
async function haveAppeared(run: string, names: Set<string>, signal: AbortSignal): Promise<void> {
  for await (const { actions } of client.runs.watch(run, { signal })) {
    for (const action of actions) {
      names.delete(action.name);
    }
    if (names.size === 0) {
      return;
    }
  }
  signal.throwIfAborted();
}

async function carryOut(request: Request): Promise<void> {
  if (request.run !== undefined) {
    await addConditions(request.run, request.conditions ?? []);
  }
  if (request.end !== undefined) {
    (await startedOf(request.end).promise).finish.resolve();
    await client.runs.wait(request.end);
  }
  if (request.fail !== undefined) {
    (await startedOf(request.fail).promise).finish.reject(new NonRetryableError("seeded to fail"));
    await client.runs.wait(request.fail);
  }
}

await worker.start();
process.stdout.write("{}\n");
for await (const line of createInterface({ input: process.stdin })) {
  try {
    await carryOut(JSON.parse(line) as Request);
    process.stdout.write("{}\n");
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  }
}
process.exit(0);
