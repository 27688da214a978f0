import type { Action } from "../../src/core/action.ts";
import type { Op } from "../../src/core/ops/op.ts";
import type { Run } from "../../src/core/run.ts";
import type { Session } from "../../src/core/session.ts";
import type {
  ConditionPlace,
  ConditionQuery,
  ConditionRow,
  OpPlace,
  RunPlace,
  RunQuery,
  Store,
} from "../../src/store/store.ts";
import { anyCondition, anyRun } from "./queries.ts";
import { readPages } from "./subject.ts";

const limit = 1_000;

/** Everything that can be read of a store, as JSON has it. Two stores with the same history say the same. */
export async function snapshotOf(store: Store, nowMs: number): Promise<Record<string, unknown>> {
  const runs = await runsOf(store, {});
  const actions: Action[] = [];
  for (const { key: run } of runs) {
    actions.push(
      ...(await readPages<Action, string>((after) => store.listActions({ run, states: [], after, limit }))),
    );
  }
  const tasks = actions.filter(({ attempt }) => attempt > 0);
  const conditions = (query: Partial<ConditionQuery>) =>
    readPages<ConditionRow, ConditionPlace>((after) =>
      store.listConditions({ ...anyCondition, ...query, after, limit }),
    );
  return {
    runs,
    paused: await runsOf(store, { namespace: "default", pausedOnly: true }),
    ofTasks: await runsOf(store, { op: "work", image: "image:1" }),
    recent: await runsOf(store, { createdFromMs: nowMs - 30_000, createdUntilMs: nowMs - 100 }),
    before: await store.listRuns({ ...anyRun, before: placeOf(runs.at(-1)), limit: 5 }),
    actions,
    attempts: await Promise.all(tasks.map(({ run, name }) => store.listAttempts(run, name))),
    open: await conditions({}),
    conditions: await conditions({ includeEnded: true, includeSnoozed: true }),
    byDeadline: await conditions({ order: "due", includeSnoozed: true }),
    ofAna: await conditions({ order: "due", assignee: "ana" }),
    keyed: await conditions({ correlationKey: "order-1", includeEnded: true }),
    posts: await store.duePosts(nowMs, limit),
    ...(await workersOf(store, actions)),
    ...(await registryOf(store)),
    due: await store.due(nowMs, limit),
    head: String(await store.head()),
    oldest: String(await store.oldest()),
  };
}

function runsOf(store: Store, query: Partial<RunQuery>): Promise<readonly Run[]> {
  return readPages<Run, RunPlace>((after) => store.listRuns({ ...anyRun, ...query, after, limit }));
}

function placeOf(run: Run | undefined): RunPlace | undefined {
  return run === undefined ? undefined : { timeMs: run.createTimeMs, run: run.key };
}

/** Sessions, what they hold, and what waits for them. */
async function workersOf(store: Store, actions: readonly Action[]): Promise<Record<string, unknown>> {
  const queued = actions.filter(({ state }) => state === "QUEUED");
  const sessions = await readPages<Session, string>((after) =>
    store.listSessions({ namespace: undefined, labels: {}, after, limit }),
  );
  const labels = { site: "x" };
  return {
    sessions,
    labelled: await store.listSessions({ namespace: "default", labels, after: undefined, limit }),
    heldCounts: await Promise.all(sessions.map(({ id }) => store.heldCount(id))),
    held: await Promise.all(sessions.map(({ id }) => store.listHeld(id, 3))),
    places: await Promise.all(queued.map((action) => store.queuePlace(action, limit))),
  };
}

/** Ops, limits and subscriptions. */
async function registryOf(store: Store): Promise<Record<string, unknown>> {
  const ops = (allVersions: boolean, namePrefix: string) =>
    readPages<Op, OpPlace>((after) =>
      store.listOps({ namespace: "default", allVersions, namePrefix, after, limit }),
    );
  const limits = (await store.listLimits({ namespace: undefined, after: undefined, limit })).items;
  const counters = await Promise.all(
    limits.map(({ namespace, name }) => store.listCounters(namespace, name, limit)),
  );
  const all = { namespace: undefined, after: undefined, limit };
  const subscriptions = (await store.listSubscriptions(all)).items;
  return {
    ops: await ops(false, ""),
    versions: await ops(true, "w"),
    named: await Promise.all(["1.0", "1.1", "1.2"].map((name) => store.opNamed("default", "work", name))),
    limits,
    counters,
    shares: await Promise.all(["default//", "other//"].map((key) => store.counter(key))),
    holders: await Promise.all(counters.flat().map(({ key }) => store.holders(key, 3))),
    subscriptions,
    deadLetters: await Promise.all(
      subscriptions.map(({ namespace, name }) =>
        store.listDeadLetters({ namespace, name, after: undefined, limit }),
      ),
    ),
  };
}
