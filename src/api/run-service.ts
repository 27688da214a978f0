import type { ServiceImpl } from "@connectrpc/connect";
import type { TimelineEntry } from "../../gen/signalbox/v1/action_pb.ts";
import type { ListTimelineRequest, RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import type { Action } from "../core/action.ts";
import { isHeld } from "../core/action.ts";
import { type RunKey, runKey } from "../core/name.ts";
import type { Engine } from "../engine/engine.ts";
import type { Store } from "../store/store.ts";
import { callerKey } from "./callers/caller.ts";
import { noTargets } from "./delivery/deliveries.ts";
import { explainAction } from "./explain.ts";
import { actionStates } from "./mapping/enums.ts";
import { fromActionEnd } from "./mapping/from-proto-action-end.ts";
import { fromNamespace, fromReplays } from "./mapping/from-proto-run.ts";
import { toAction } from "./mapping/to-proto-action.ts";
import { currentAttempt, toAttempt } from "./mapping/to-proto-attempt.ts";
import { toRun } from "./mapping/to-proto-run.ts";
import { toTimelineEntry } from "./mapping/to-proto-timeline.ts";
import { actionSizeBytes, defaultPageSize, isNamePlace, listPage, placeIn } from "./pages.ts";
import { findAction, findRun } from "./reads.ts";
import { answered, requestOf, translated } from "./requests.ts";
import { type CreatingParts, createOneOfMany, createRun } from "./runs/create-runs.ts";
import { listRuns } from "./runs/list-runs.ts";
import { toConnectError } from "./status.ts";
import { isTimelinePlace, readTimeline } from "./timeline.ts";
import { printToken, tokenScope } from "./token.ts";
import { watchRun } from "./watch-run.ts";

type Methods = ServiceImpl<typeof RunService>;
type ActionMethod =
  | "listActions"
  | "getAction"
  | "listAttempts"
  | "explainAction"
  | "listTimeline"
  | "endAction";

/** Runs and their actions, as their contract says. */
export function runService(
  engine: Engine,
  stopping: AbortSignal,
  targets: CreatingParts["targets"] = noTargets,
): Methods {
  return { ...runMethods({ engine, targets }, stopping), ...actionMethods(engine) };
}

function runMethods(parts: CreatingParts, stopping: AbortSignal): Omit<Methods, ActionMethod> {
  const { engine } = parts;
  const { store } = engine;
  return {
    async createRun(request, { values }) {
      const outcome = await createRun(parts, request, values.get(callerKey).subject);
      if (!outcome.ok) throw toConnectError(outcome.refusal);
      return { run: toRun(outcome.answer.run) };
    },

    async batchCreateRuns({ requests }, { values }) {
      const { subject } = values.get(callerKey);
      const results = requests.map((request) => createOneOfMany(parts, request, subject));
      return { results: await Promise.all(results) };
    },

    async getRun({ namespace, runId }) {
      return { run: toRun(await findRun(store, keyOf(namespace, runId))) };
    },

    async listRuns(request) {
      const { runs, nextPageToken, hasMore } = await listRuns(store, request);
      return { runs: runs.map(toRun), nextPageToken, hasMore };
    },

    watchRun: ({ namespace, runId, cursor }, { signal }) =>
      watchRun(engine, { run: keyOf(namespace, runId), cursor, signal, stopping }),

    async cancelRun({ namespace, runId, requestId, cause }) {
      const stated = { run: keyOf(namespace, runId), cause };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "cancelRun", request, ...stated }));
      return { run: toRun(answer.run) };
    },

    async retryRun({ namespace, runId, requestId, force, all, ...replays }) {
      const stated = { run: keyOf(namespace, runId), force, all, replays: fromReplays(replays) };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "retryRun", request, ...stated }));
      return { run: toRun(answer.run) };
    },

    async rerunRun({ namespace, runId, newRunId, requestId, again, labels, priority, ...replays }, context) {
      const of = { run: keyOf(namespace, runId), runId: newRunId, again, labels, priority };
      const stated = { ...of, replays: fromReplays(replays) };
      const request = requestOf(requestId, stated);
      const createdBy = context.values.get(callerKey).subject;
      const command = {
        kind: "rerunRun",
        request,
        createdBy,
        newRunId: engine.newRunId(),
        ...stated,
      } as const;
      const { run, recoveredCount } = answered(await engine.execute(command)).answer;
      return { run: toRun(run), recoveredCount };
    },

    async updateRun({ namespace, runId, requestId, priority, setLabels, removeLabels }) {
      const stated = { run: keyOf(namespace, runId), priority, setLabels, removeLabels };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "updateRun", request, ...stated }));
      return { run: toRun(answer.run) };
    },
  };
}

function actionMethods(engine: Engine): Pick<Methods, ActionMethod> {
  const { store } = engine;
  return {
    async listActions(request) {
      const { key } = await findRun(store, keyOf(request.namespace, request.runId));
      const states = request.states.flatMap((state) => actionStates.word(state) ?? []).sort();
      const { items, nextPageToken } = await listPage<Action, string>({
        ...request,
        scope: tokenScope("actions", { run: key, states }, store.feedId),
        read: (after, limit) => store.listActions({ run: key, states, after, limit }),
        placeOf: (action) => action.name,
        isPlace: isNamePlace,
        sizeOf: actionSizeBytes,
      });
      return { actions: items.map(toAction), nextPageToken };
    },

    async getAction({ namespace, runId, name }) {
      return { action: toAction(await findAction(store, keyOf(namespace, runId), name)) };
    },

    async listAttempts({ namespace, runId, name }) {
      // The action first: an attempt that ends in between is then among the ended ones, at the latest.
      const action = await findAction(store, keyOf(namespace, runId), name);
      const ended = await store.listAttempts(action.run, action.name);
      const isCurrent = isHeld(action) && ended.every(({ number }) => number !== action.attempt);
      const attempts = [...ended, ...(isCurrent ? [currentAttempt(action)] : [])];
      const spec = action.spec.kind === "task" ? action.spec : undefined;
      return { attempts: attempts.map((attempt) => toAttempt(attempt, spec, engine.nowMs())) };
    },

    async listTimeline(request) {
      const action = await findAction(store, keyOf(request.namespace, request.runId), request.name);
      const attempt = request.attempt === 0 ? action.attempt : request.attempt;
      if (action.spec.kind !== "task" || attempt < 1 || attempt > action.attempt) {
        const { runId } = request;
        throw toConnectError({ reason: "ATTEMPT_NOT_FOUND", runId, action: action.name, attempt });
      }
      return listTimeline(store, request, { action, attempt });
    },

    async endAction({ namespace, runId, name, requestId, cause, ...said }) {
      const end = translated((faults) => fromActionEnd(said, faults));
      const stated = { run: keyOf(namespace, runId), action: name, end, cause };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "endAction", request, ...stated }));
      return { action: toAction(answer.action) };
    },

    async explainAction({ namespace, runId, name }) {
      return explainAction(engine, await findAction(store, keyOf(namespace, runId), name));
    },
  };
}

async function listTimeline(
  store: Store,
  request: ListTimelineRequest,
  of: { readonly action: Action; readonly attempt: number },
): Promise<{ entries: TimelineEntry[]; nextPageToken: string }> {
  const filter = { run: of.action.run, action: of.action.name, attempt: of.attempt };
  const scope = tokenScope("timeline", filter, store.feedId);
  const after = placeIn({ scope, pageToken: request.pageToken, isPlace: isTimelinePlace });
  const limit = request.pageSize === 0 ? defaultPageSize : request.pageSize;
  const { entries, next } = await readTimeline(store, { ...of, after, limit });
  return {
    entries: entries.map(toTimelineEntry),
    nextPageToken: next === undefined ? "" : printToken(scope, next),
  };
}

function keyOf(namespace: string, runId: string): RunKey {
  return runKey(fromNamespace(namespace), runId);
}
