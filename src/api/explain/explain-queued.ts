import type { ExplainActionResponse } from "../../../gen/signalbox/v1/explanation_pb.ts";
import { ExplainActionResponse_Cause as Cause } from "../../../gen/signalbox/v1/explanation_pb.ts";
import type { Action, TaskSpec } from "../../core/action.ts";
import { queueKey } from "../../core/command.ts";
import { type Counter, type Limit, newCounter } from "../../core/limits/limit.ts";
import { areAllHeld, isFull, limitsOf } from "../../core/limits/limits-of.ts";
import { nextStartMs } from "../../core/limits/rate.ts";
import { namespaceOf, runIdOf } from "../../core/name.ts";
import { couldHold, placeOn } from "../../core/placement/fit.ts";
import { keptCount } from "../../core/placement/keep-free.ts";
import type { Session } from "../../core/session.ts";
import type { Engine } from "../../engine/engine.ts";
import {
  holdersListedMax,
  limitsPerNamespaceMax,
  pageStepRows,
  queuePlaceMax,
  workersExplainedMax,
} from "../../limits.ts";
import { toTimestamp } from "../mapping/time.ts";
import { type Explanation, explained } from "./explained.ts";
import { unmetByAll } from "./unmet.ts";

/** A worker of the op, and how many more assignments it permits. */
interface Worker {
  readonly session: Session;
  readonly credit: number;
}

/** A limit that lets nothing more start for the moment, with its counter. */
interface Full {
  readonly limit: Limit;
  readonly counter: Counter;
}

/**
 * Says why a queued task is not assigned: the first of these that holds. No worker of its op; none that
 * could ever hold it; a limit; none that permits more; none with enough free. It reads at most
 * `workersExplainedMax` workers and the limits of one namespace.
 */
export async function explainQueued(
  engine: Engine,
  action: Action,
  { op, demand }: TaskSpec,
): Promise<ExplainActionResponse> {
  const queue = queueKey(namespaceOf(action.run), op);
  const workerCount = engine.sessions.openOn(queue);
  const queuePosition = await engine.store.queuePlace(action, queuePlaceMax);
  const facts = { workerCount, queuePosition };
  const workers = await findWorkers(engine, queue);
  if (workers.length === 0) {
    const told = `no attached worker takes op ${op}; start one that does, or correct the name of the op; those that drain do not count`;
    return explained(Cause.NO_WORKER, told, { ...facts, workerCount: 0 });
  }
  const fitting = workers.filter(({ session }) => couldHold(demand, session));
  if (fitting.length === 0) {
    const sessions = workers.map(({ session }) => session);
    const unmet = [...unmetByAll(demand, sessions)];
    return explained(Cause.NO_WORKER_FITS, noneFits(op, unmet), { ...facts, unmet });
  }
  const full = await findFull(engine, action);
  if (full !== undefined) return explainFull(engine, full, facts);
  const which = `worker of op ${op}${fitting.length === workers.length ? "" : " that could hold it"}`;
  const permitting = fitting.filter(({ credit }) => credit > 0);
  if (permitting.length === 0) {
    const told = `every ${which} is busy, ${fitting.length} in all; wait, or start more of them`;
    return explained(Cause.NO_CREDIT, told, facts);
  }
  if (!permitting.some(({ session }) => placeOn(demand, session) !== undefined)) {
    const reserved = queuePosition === 0 && keptCount(action, engine.nowMs()) > 0;
    const told = `no ${which} has enough free, of ${permitting.length}; wait, or start more of them`;
    const kept = reserved ? "; it has waited for so long that one is kept free for it" : "";
    return explained(Cause.NO_CAPACITY, `${told}${kept}`, { ...facts, reserved });
  }
  const told = `it will be assigned next, with ${queuePosition} of its op before it`;
  return explained(Cause.IN_QUEUE, told, facts);
}

function noneFits(op: string, unmet: readonly string[]): string {
  const [first = ""] = unmet;
  const more = unmet.length > 1 ? `, and ${unmet.length - 1} more` : "";
  return (
    `no attached worker of op ${op} could ever hold it (${first}${more}); ` +
    "start one that could, or have the task ask for less"
  );
}

/** The workers that take from a queue, as they stand in the store. */
async function findWorkers({ sessions, store }: Engine, queue: string): Promise<readonly Worker[]> {
  const open = sessions.takersOf(queue, workersExplainedMax);
  const workers: Worker[] = [];
  for (let index = 0; index < open.length; index += pageStepRows) {
    const step = open.slice(index, index + pageStepRows);
    const found = await Promise.all(step.map((one) => store.sessionOf(one.namespace, one.workerId)));
    found.forEach((session, at) => {
      const taker = step[at];
      if (session === undefined || session.id !== taker?.sessionId || session.state !== "ATTACHED") return;
      workers.push({ session, credit: taker.credit });
    });
  }
  return workers;
}

/** The limit that a task is parked on, or else one that is full for it. */
async function findFull(engine: Engine, action: Action): Promise<Full | undefined> {
  const { store } = engine;
  const namespace = namespaceOf(action.run);
  const all = { namespace, after: undefined, limit: limitsPerNamespaceMax };
  const { items: limits } = await store.listLimits(all);
  if (limits.length === 0) return undefined;
  const run = await store.run(action.run);
  const applied = limitsOf(action, run?.labels ?? {}, limits);
  const counters = await Promise.all(applied.map(({ key }) => store.counter(key)));
  const nowMs = engine.nowMs();
  const parkedAt = applied.findIndex(({ key }) => key === action.parkedOn);
  const fullAt = applied.findIndex(({ limit }, index) => isFull(counters[index], limit, nowMs));
  const at = parkedAt < 0 ? fullAt : parkedAt;
  const full = applied[at];
  return full && { limit: full.limit, counter: counters[at] ?? newCounter(full.key) };
}

async function explainFull(
  engine: Engine,
  { limit, counter }: Full,
  facts: Explanation,
): Promise<ExplainActionResponse> {
  const startMs = Math.ceil(nextStartMs(counter, limit));
  const isTooFast = startMs > engine.nowMs();
  const isHeld = areAllHeld(counter, limit);
  const holding = isHeld ? await engine.store.holders(counter.key, holdersListedMax) : [];
  const explanation: Explanation = {
    ...facts,
    limit: limit.name,
    holders: holding.map(({ run, name }) => `${runIdOf(run)}/${name}`),
    ...(isTooFast ? { nextStartTime: toTimestamp(startMs) } : {}),
  };
  const of = counter.value === "" ? "" : ` for ${JSON.stringify(counter.value)}`;
  return explained(Cause.LIMIT_FULL, sentenceOf({ limit, of, isHeld, startMs, isTooFast }), explanation);
}

function sentenceOf(said: {
  readonly limit: Limit;
  readonly of: string;
  readonly isHeld: boolean;
  readonly isTooFast: boolean;
  readonly startMs: number;
}): string {
  const { limit, of, isHeld, isTooFast, startMs } = said;
  const { name, concurrentMax } = limit;
  if (isHeld) {
    const taken =
      concurrentMax === 1
        ? `the one place of limit ${name}${of} is taken; wait for its end`
        : `all ${concurrentMax} places of limit ${name}${of} are taken; wait for the end of one`;
    return `${taken}, or set it higher`;
  }
  if (!isTooFast) return `limit ${name}${of} has a place again; it goes back to its queue in a moment`;
  const at = new Date(startMs).toISOString();
  return `the rate of limit ${name}${of} lets the next one start at ${at}; wait, or set it higher`;
}
