import type { Action, Attempt } from "../../core/action.ts";
import type { Decision } from "../../core/change.ts";
import type { CommandKind, CommandOf, Stamp } from "../../core/command.ts";
import { decide as rules } from "../../core/decide.ts";
import { lastPosition, type Position, type Transaction } from "../../core/event.ts";
import type { Loaded } from "../../core/loaded.ts";
import { namespaceOf, type RunKey } from "../../core/name.ts";
import type { Op } from "../../core/ops/op.ts";
import type { Run } from "../../core/run.ts";
import type { Session } from "../../core/session.ts";
import { attemptsListedMax } from "../../limits.ts";
import { hasLabels, scanPage } from "../scan.ts";
import type * as seam from "../store.ts";
import { StoreUnavailable } from "../store.ts";
import { MemoryState } from "./memory-state.ts";
import { compareTexts } from "./sorted-set.ts";

/** The rules, as a store calls them. */
type Decide = <K extends CommandKind>(command: CommandOf<K>, loaded: Loaded, stamp: Stamp) => Decision<K>;

/** How a store in memory is made. */
export interface MemoryStoreOptions {
  /** The rules of `core` unless said. */
  readonly decide?: Decide;
}

/**
 * The store of tests and of servers that need not remember: plain maps, and nothing on disk. It does
 * everything in the simplest way that is right; the other stores are held against it.
 */
export class MemoryStore implements seam.Store {
  readonly feedId = crypto.randomUUID();
  readonly #decide: Decide;
  readonly #state = new MemoryState();
  #isClosed = false;

  constructor({ decide = rules }: MemoryStoreOptions = {}) {
    this.#decide = decide;
  }

  async transact<K extends CommandKind>(command: CommandOf<K>, stamp: Stamp): Promise<seam.Outcome<K>> {
    const state = this.#open();
    const decision = this.#decide<K>(command, state, stamp);
    if (!decision.ok) return decision;
    const position = state.apply(decision.change);
    return { ok: true, answer: decision.answer, effects: decision.effects, position };
  }

  async head(): Promise<Position> {
    return this.#open().head;
  }

  async oldest(): Promise<Position> {
    this.#open();
    return 0n as Position;
  }

  async readFeed({ after, run, eventsMax, bytesMax }: seam.FeedQuery): Promise<seam.FeedPage> {
    const { transactions: all, head } = this.#open();
    const transactions: Transaction[] = [];
    let eventCount = 0;
    let bytes = 0;
    for (let index = firstBehind(all, after); index < all.length; index += 1) {
      const transaction = all[index] as Transaction;
      if (run !== undefined && !isOfRun(transaction, run)) continue;
      transactions.push(transaction);
      eventCount += transaction.events.length;
      bytes += JSON.stringify(transaction.events).length;
      if (eventCount < eventsMax && bytes < bytesMax) continue;
      const through = lastPosition(transaction);
      return { transactions, through, atHead: through >= head };
    }
    return { transactions, through: after > head ? after : head, atHead: true };
  }

  async run(run: RunKey): Promise<Run | undefined> {
    return this.#open().run(run);
  }

  async listRuns(query: seam.RunQuery): Promise<seam.Page<Run, seam.RunPlace>> {
    const { after, namespace, states, labels, pausedOnly, limit } = query;
    const runs = [...this.#open().runs.values()]
      .filter((run) => namespace === undefined || namespaceOf(run.key) === namespace)
      .filter((run) => !pausedOnly || run.pausedConditionCount > 0)
      .filter((run) => after === undefined || byAge(placeOfRun(run), after) < 0)
      .sort((one, other) => byAge(placeOfRun(other), placeOfRun(one)));
    return scanPage({
      rows: runs,
      limit,
      matches: (run) => (states.length === 0 || states.includes(run.state)) && hasLabels(run.labels, labels),
      placeOf: placeOfRun,
    });
  }

  async action(run: RunKey, name: string): Promise<Action | undefined> {
    return this.#open().action(run, name);
  }

  async listActions({ run, states, after, limit }: seam.ActionQuery): Promise<seam.Page<Action, string>> {
    const actions = this.#open().actions(run);
    return scanPage({
      rows: actions.filter((action) => after === undefined || action.name > after),
      limit,
      matches: (action) => states.length === 0 || states.includes(action.state),
      placeOf: (action) => action.name,
    });
  }

  async listAttempts(run: RunKey, name: string): Promise<readonly Attempt[]> {
    return this.#open().attempts(run, name).slice(-attemptsListedMax);
  }

  async listConditions(
    query: seam.ConditionQuery,
  ): Promise<seam.Page<seam.ConditionRow, seam.ConditionPlace>> {
    const { run: wanted, namespace, includeEnded, after } = query;
    const state = this.#open();
    const rows: seam.ConditionRow[] = [];
    for (const run of state.runs.values()) {
      if (namespace !== undefined && namespaceOf(run.key) !== namespace) continue;
      if (wanted !== undefined && run.key !== wanted) continue;
      for (const action of state.actions(run.key)) {
        const isListed = includeEnded ? action.state !== "PENDING" : action.state === "PAUSED";
        if (action.spec.kind !== "condition" || !isListed) continue;
        if (after === undefined || byAge(placeOfCondition(action), after) > 0) {
          rows.push({ action, runLabels: run.labels });
        }
      }
    }
    return scanPage({
      rows: rows.sort((one, other) => byAge(placeOfCondition(one.action), placeOfCondition(other.action))),
      limit: query.limit,
      matches: (row) => hasLabels(row.runLabels, query.labels),
      placeOf: (row) => placeOfCondition(row.action),
    });
  }

  async op(namespace: string, name: string, version: number): Promise<Op | undefined> {
    return this.#open().op(namespace, name, version);
  }

  async listOps(query: Parameters<seam.Store["listOps"]>[0]): Promise<seam.Page<Op, string>> {
    const { namespace, after, limit } = query;
    const ops = [...this.#open().ops.values()]
      .map((versions) => versions.at(-1) as Op)
      .filter((op) => op.namespace === namespace && (after === undefined || op.name > after))
      .sort((one, other) => compareTexts(one.name, other.name));
    return scanPage({ rows: ops, limit, matches: () => true, placeOf: (op) => op.name });
  }

  async sessionOf(namespace: string, workerId: string): Promise<Session | undefined> {
    return this.#open().sessionOf(namespace, workerId);
  }

  async listSessions(query: Parameters<seam.Store["listSessions"]>[0]): Promise<seam.Page<Session, string>> {
    const { namespace, after, limit } = query;
    const slash = after?.indexOf("/") ?? 0;
    const last = { namespace: after?.slice(0, slash) ?? "", workerId: after?.slice(slash + 1) ?? "" };
    const sessions = this.#open()
      .sessions()
      .filter((session) => namespace === undefined || session.namespace === namespace)
      .filter((session) => after === undefined || byWorker(session, last) > 0)
      .toSorted(byWorker);
    return scanPage({
      rows: sessions,
      limit,
      matches: () => true,
      placeOf: (session) => `${session.namespace}/${session.workerId}`,
    });
  }

  async heldCount(sessionId: string): Promise<number> {
    return this.#open().heldBy(sessionId).length;
  }

  async queuePlace(action: Action, limit: number): Promise<number> {
    return Math.min(limit, this.#open().queuePlace(action));
  }

  async due(nowMs: number, limit: number): ReturnType<seam.Store["due"]> {
    const found = this.#open().deadlinesFirst(limit + 1);
    const count = found.slice(0, limit).filter(({ atMs }) => atMs <= nowMs).length;
    return { due: found.slice(0, count).map(({ due }) => due), nextMs: found[count]?.atMs };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #open(): MemoryState {
    if (this.#isClosed) throw new StoreUnavailable("the store is closed");
    return this.#state;
  }
}

function placeOfRun(run: Run): seam.RunPlace {
  return { timeMs: run.createTimeMs, run: run.key };
}

function placeOfCondition({ createTimeMs, run, name }: Action): seam.ConditionPlace {
  return { timeMs: createTimeMs, run, name };
}

/** Orders places by time, then run, then name if they have one; negative if the first is older. */
function byAge(one: seam.RunPlace & { name?: string }, other: seam.RunPlace & { name?: string }): number {
  return (
    one.timeMs - other.timeMs ||
    compareTexts(one.run, other.run) ||
    compareTexts(one.name ?? "", other.name ?? "")
  );
}

function byWorker(
  one: Pick<Session, "namespace" | "workerId">,
  other: Pick<Session, "namespace" | "workerId">,
): number {
  return compareTexts(one.namespace, other.namespace) || compareTexts(one.workerId, other.workerId);
}

/** The index of the first transaction behind a position. */
function firstBehind(transactions: readonly Transaction[], after: Position): number {
  let low = 0;
  let high = transactions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lastPosition(transactions[middle] as Transaction) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isOfRun(transaction: Transaction, run: RunKey): boolean {
  return transaction.events.some(
    (event) => event.runId !== "" && `${event.namespace}/${event.runId}` === run,
  );
}
