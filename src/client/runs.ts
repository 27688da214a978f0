import { create } from "@bufbuild/protobuf";
import { Action_State } from "../../gen/signalbox/v1/action_pb.ts";
import { Run_State } from "../../gen/signalbox/v1/run_pb.ts";
import { CreateRunRequestSchema } from "../../gen/signalbox/v1/run_service_pb.ts";
import { followRun, type RunFrame, toRunFrame } from "./follow.ts";
import { type NewRun, toNewRun } from "./plan.ts";
import {
  type Action,
  type ActionState,
  type Attempt,
  type Explanation,
  toAction,
  toAttempt,
  toExplanation,
} from "./views/action.ts";
import { type Run, type RunState, toRun } from "./views/run.ts";
import {
  type CallOptions,
  type Calls,
  type ChangeOptions,
  required,
  toWireOptions,
  type WatchOptions,
} from "./wire/calls.ts";
import { coalesceCreateRun } from "./wire/coalesce.ts";
import { listPages, type Pages } from "./wire/pages.ts";
import { newRequestId } from "./wire/request-id.ts";
import { mapWatch } from "./wire/watch.ts";

/** Which runs are wanted; what is said must all hold. A namespace of `-` means all. */
export interface RunQuery extends CallOptions {
  /** In any of these states. */
  readonly states?: readonly Exclude<RunState, "UNSPECIFIED">[];
  /** With all of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Only runs of which a condition waits for its answer. */
  readonly pausedOnly?: boolean;
}

/** What an update changes; what is not said stays. */
export interface RunChange extends ChangeOptions {
  readonly priority?: number;
  readonly setLabels?: Readonly<Record<string, string>>;
  readonly removeLabels?: readonly string[];
}

/** Runs and their actions. */
export interface Runs {
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
  /** Opens an ended run again; with `force`, one that succeeded too, from its beginning. */
  retry(runId: string, options?: ChangeOptions & { readonly force?: boolean }): Promise<Run>;
  /** Changes a run's priority or labels. */
  update(runId: string, change: RunChange): Promise<Run>;
  /** Follows a run: its state first, then every change, until it has ended. Resumes by itself. */
  watch(runId: string, options?: WatchOptions): AsyncGenerator<RunFrame, undefined>;
  /** Waits until a run has ended, however it does. */
  wait(runId: string, options?: Omit<WatchOptions, "cursor">): Promise<Run>;
  /** Lists the actions of a run, by name. */
  actions(
    runId: string,
    query?: CallOptions & { readonly states?: readonly Exclude<ActionState, "UNSPECIFIED">[] },
  ): Pages<Action>;
  action(runId: string, name: string, options?: CallOptions): Promise<Action>;
  /** The attempts of an action, the first one first; the last 1,000 of more. */
  attempts(runId: string, name: string, options?: CallOptions): Promise<Attempt[]>;
  /** Says why an action does not run. */
  explain(runId: string, name: string, options?: CallOptions): Promise<Explanation>;
}

/** The part of the client that is about runs. */
export function makeRuns(calls: Calls): Runs {
  return { ...runCalls(calls), ...changeCalls(calls), ...actionCalls(calls) };
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
    list({ states = [], labels = {}, pausedOnly = false, namespace = calls.namespace, ...options } = {}) {
      const filter = { namespace, states: states.map((state) => Run_State[state]), labels, pausedOnly };
      return listPages(async ({ size, token }) => {
        const request = { filter, pageSize: size, pageToken: token };
        const { runs, nextPageToken } = await raw.runs.listRuns(request, toWireOptions(options));
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

function changeCalls({ raw, namespace }: Calls): Pick<Runs, "cancel" | "retry" | "update"> {
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
    async retry(runId, { force = false, ...options } = {}) {
      const { run } = await raw.runs.retryRun({ ...ofRun(runId, options), force }, toWireOptions(options));
      return toRun(required(run));
    },
    async update(runId, { priority, setLabels = {}, removeLabels = [], ...options }) {
      const request = {
        ...ofRun(runId, options),
        ...(priority === undefined ? {} : { priority }),
        setLabels,
        removeLabels: [...removeLabels],
      };
      const { run } = await raw.runs.updateRun(request, toWireOptions(options));
      return toRun(required(run));
    },
  };
}

function actionCalls({ raw, namespace }: Calls): Pick<Runs, "actions" | "action" | "attempts" | "explain"> {
  const ofAction = (runId: string, name: string, options: CallOptions) => ({
    namespace: options.namespace ?? namespace,
    runId,
    name,
  });
  return {
    actions(runId, { states = [], ...options } = {}) {
      const which = {
        namespace: options.namespace ?? namespace,
        runId,
        states: states.map((state) => Action_State[state]),
      };
      return listPages(async ({ size, token }) => {
        const request = { ...which, pageSize: size, pageToken: token };
        const { actions, nextPageToken } = await raw.runs.listActions(request, toWireOptions(options));
        return { items: actions.map(toAction), nextPageToken, last: nextPageToken === "" };
      });
    },
    async action(runId, name, options = {}) {
      const { action } = await raw.runs.getAction(ofAction(runId, name, options), toWireOptions(options));
      return toAction(required(action));
    },
    async attempts(runId, name, options = {}) {
      const { attempts } = await raw.runs.listAttempts(
        ofAction(runId, name, options),
        toWireOptions(options),
      );
      return attempts.map(toAttempt);
    },
    async explain(runId, name, options = {}) {
      return toExplanation(
        await raw.runs.explainAction(ofAction(runId, name, options), toWireOptions(options)),
      );
    },
  };
}
