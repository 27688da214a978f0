import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ConditionReplay as ConditionReplays } from "../../../gen/signalbox/v1/replay_pb.ts";
import { Run_State } from "../../../gen/signalbox/v1/run_pb.ts";
import { CreateRunRequestSchema } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { followRun, type RunFrame, toRunFrame } from "../follow.ts";
import { type NewRun, toNewRun } from "../spec/plan.ts";
import type { NameOf } from "../views/name.ts";
import { type Run, type RunState, toRun } from "../views/run.ts";
import {
  type CallOptions,
  type Calls,
  type ChangeOptions,
  required,
  toWireOptions,
  type WatchOptions,
} from "../wire/calls.ts";
import { coalesceCreateRun } from "../wire/coalesce.ts";
import { listPages, type Pages } from "../wire/pages.ts";
import { newRequestId } from "../wire/request-id.ts";
import { mapWatch } from "../wire/watch.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { type Actions, makeActions } from "./actions.ts";

/** Which runs are wanted; what is said must all hold. A namespace of `-` means all. */
export interface RunQuery extends CallOptions {
  /** In any of these states. */
  readonly states?: readonly Exclude<RunState, "UNSPECIFIED">[];
  /** With all of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Only runs of which a condition waits for its answer. */
  readonly pausedOnly?: boolean;
  /** Only runs of one task of this op, or with this container image. */
  readonly op?: string;
  readonly image?: string;
  /** Only runs created then or later, and then or earlier. */
  readonly createdFrom?: Date;
  readonly createdUntil?: Date;
}

/** What an update changes; what is not said stays. */
export interface RunChange extends ChangeOptions {
  readonly priority?: number;
  readonly setLabels?: Readonly<Record<string, string>>;
  readonly removeLabels?: readonly string[];
}

/** What becomes of the answer that a condition had: it counts, is asked for again, or must be given again. */
export type ConditionReplay = Exclude<NameOf<typeof ConditionReplays>, "UNSPECIFIED">;

/** What becomes of earlier answers when a run is done again. */
export interface ReplayOptions {
  /** Of all conditions; unless said a rerun reuses answers, and a retry of all asks again. */
  readonly replay?: ConditionReplay;
  /** Of single conditions, by their whole names. */
  readonly replayByCondition?: Readonly<Record<string, ConditionReplay>>;
}

/** How a run is done over. */
export interface RerunOptions extends ChangeOptions, ReplayOptions {
  /** An id of the caller's own for the new run. */
  readonly newRunId?: string;
  /** Actions at the top to execute again although they succeeded, with all that depends on them. */
  readonly again?: readonly string[];
  /** Labels to set beside those of the earlier run. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly priority?: number;
}

/** Runs and their actions. */
export interface Runs extends Actions {
  /**
   * Creates a run of one task or of a plan; it is durable when the promise is fulfilled. Calls made at the
   * same time travel together, each with an answer of its own, unless they have a `timeoutMs` or a `signal`.
   */
  create(run: NewRun, options?: ChangeOptions): Promise<Run>;
  get(runId: string, options?: CallOptions): Promise<Run>;
  /** Lists runs, the newest first. */
  list(query?: RunQuery): Pages<Run>;
  /** Ends a run: what runs gets its grace, everything else ends at once. */
  cancel(runId: string, options?: ChangeOptions & { readonly cause?: string }): Promise<Run>;
  /**
   * Opens an ended run again: what succeeded stays, unless `all` does everything again. `force` goes beyond
   * the attempts that the policy allows, and does a run that succeeded again; `all` takes it along.
   */
  retry(
    runId: string,
    options?: ChangeOptions & ReplayOptions & { readonly force?: boolean; readonly all?: boolean },
  ): Promise<Run>;
  /**
   * Creates a run that does an ended one over: what succeeded there is RECOVERED with its outputs, unless it
   * is named in `again` or waits for something that is.
   */
  rerun(
    runId: string,
    options?: RerunOptions,
  ): Promise<{ readonly run: Run; readonly recoveredCount: number }>;
  /** Changes a run's priority or labels. */
  update(runId: string, change: RunChange): Promise<Run>;
  /** Follows a run: its state first, then every change, until it has ended. Resumes by itself. */
  watch(runId: string, options?: WatchOptions): AsyncGenerator<RunFrame, undefined>;
  /** Waits until a run has ended, however it does. */
  wait(runId: string, options?: Omit<WatchOptions, "cursor">): Promise<Run>;
}

/** The part of the client that is about runs. */
export function makeRuns(calls: Calls): Runs {
  return { ...runCalls(calls), ...changeCalls(calls), ...makeActions(calls) };
}

function runCalls(calls: Calls): Pick<Runs, "create" | "get" | "list" | "watch" | "wait"> {
  const { raw } = calls;
  const createRun = coalesceCreateRun({ ...calls, runs: raw.runs });
  const get: Runs["get"] = async (runId, options = {}) => {
    const request = { namespace: options.namespace ?? calls.namespace, runId };
    const { run } = await raw.runs.getRun(request, toWireOptions(options));
    return toRun(required(run));
  };
  return {
    async create(newRun, options = {}) {
      const run = toNewRun(newRun, options.namespace ?? calls.namespace);
      const request = create(CreateRunRequestSchema, { run, requestId: options.requestId ?? newRequestId() });
      if (options.signal === undefined && options.timeoutMs === undefined) {
        return toRun(await createRun(request));
      }
      const answer = await raw.runs.createRun(request, toWireOptions(options));
      return toRun(required(answer.run));
    },
    get,
    list({ namespace = calls.namespace, ...query } = {}) {
      const filter = toRunFilter({ ...query, namespace });
      return listPages(async ({ size, token }) => {
        const request = { filter, pageSize: size, pageToken: token };
        const { runs, nextPageToken } = await raw.runs.listRuns(request, toWireOptions(query));
        return { items: runs.map(toRun), nextPageToken, last: nextPageToken === "" };
      });
    },
    watch: (runId, options = {}) => mapWatch(followRun(calls, runId, options), toRunFrame),
    async wait(runId, options = {}) {
      for await (const { frame } of followRun(calls, runId, options)) {
        if (frame.ended && frame.run !== undefined) {
          return toRun(frame.run);
        }
      }
      return await get(runId, options);
    },
  };
}

/** The fields of a request that say what becomes of earlier answers. */
export function toReplays({ replay, replayByCondition = {} }: ReplayOptions) {
  const byCondition = Object.entries(replayByCondition).map(([name, one]) => [name, ConditionReplays[one]]);
  return {
    replay: ConditionReplays[replay ?? "UNSPECIFIED"],
    replayByCondition: Object.fromEntries(byCondition) as Record<string, ConditionReplays>,
  };
}

/** The message for a query. */
export function toRunFilter({ states = [], labels = {}, createdFrom, createdUntil, ...query }: RunQuery) {
  return withoutUndefined({
    namespace: query.namespace ?? "",
    states: states.map((state) => Run_State[state]),
    labels,
    pausedOnly: query.pausedOnly ?? false,
    op: query.op ?? "",
    image: query.image ?? "",
    createdFrom: createdFrom && timestampFromDate(createdFrom),
    createdUntil: createdUntil && timestampFromDate(createdUntil),
  });
}

function changeCalls({ raw, namespace }: Calls): Pick<Runs, "cancel" | "retry" | "rerun" | "update"> {
  const ofRun = (runId: string, options: ChangeOptions) => ({
    namespace: options.namespace ?? namespace,
    runId,
    requestId: options.requestId ?? "",
  });
  return {
    async cancel(runId, { cause = "", ...options } = {}) {
      const { run } = await raw.runs.cancelRun({ ...ofRun(runId, options), cause }, toWireOptions(options));
      return toRun(required(run));
    },
    async retry(runId, { all = false, force = all, ...options } = {}) {
      const request = { ...ofRun(runId, options), ...toReplays(options), force, all };
      const { run } = await raw.runs.retryRun(request, toWireOptions(options));
      return toRun(required(run));
    },
    async rerun(runId, options = {}) {
      const { newRunId = "", again = [], labels = {}, priority } = options;
      const answer = await raw.runs.rerunRun(
        {
          ...ofRun(runId, options),
          ...toReplays(options),
          ...withoutUndefined({ priority }),
          requestId: options.requestId ?? newRequestId(),
          newRunId,
          again: [...again],
          labels: { ...labels },
        },
        toWireOptions(options),
      );
      return { run: toRun(required(answer.run)), recoveredCount: answer.recoveredCount };
    },
    async update(runId, { priority, setLabels = {}, removeLabels = [], ...options }) {
      const request = {
        ...ofRun(runId, options),
        ...withoutUndefined({ priority }),
        setLabels,
        removeLabels: [...removeLabels],
      };
      const { run } = await raw.runs.updateRun(request, toWireOptions(options));
      return toRun(required(run));
    },
  };
}
