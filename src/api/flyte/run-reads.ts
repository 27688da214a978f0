import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { Filter_Function } from "../../../gen/flyteidl2/common/list_pb.ts";
import {
  GetActionDataURIsResponseSchema,
  GetActionDetailsResponseSchema,
  GetActionLogContextResponseSchema,
  GetRunDetailsResponseSchema,
  ListActionsResponseSchema,
  type ListRunsRequest,
  ListRunsResponseSchema,
  type RunService,
  WatchActionDetailsResponseSchema,
  WatchRunDetailsResponseSchema,
  type WatchRunsRequest,
} from "../../../gen/flyteidl2/workflow/run_service_pb.ts";
import { toTimestamp } from "../mapping/time.ts";
import { notFound } from "./faults.ts";
import { ActionPages } from "./lists/action-pages.ts";
import type { StatedFilter } from "./lists/filter.ts";
import { readListRequest, wholeList } from "./lists/list-request.ts";
import { listRuns } from "./lists/run-pages.ts";
import { fromActionId, fromRunId, toListedRun } from "./mapping/identifiers.ts";
import { toAction, toRun } from "./mapping/to-action.ts";
import { attemptsOf, outputsFile, toLogContext } from "./mapping/to-attempts.ts";
import { rootAction, type Scope, toNamespace } from "./names.ts";
import { Details, type ReadParts } from "./reads/details.ts";
import { watchActions } from "./reads/watch-actions.ts";
import { watchAction, watchRun } from "./reads/watch-details.ts";
import { watchRuns } from "./reads/watch-runs.ts";
import { inputNames, textOf } from "./stated.ts";

/** The methods of RunService that change nothing. */
export type RunReads = Pick<
  ServiceImpl<typeof RunService>,
  | "listActions"
  | "getActionDetails"
  | "watchActionDetails"
  | "getRunDetails"
  | "watchRunDetails"
  | "listRuns"
  | "watchRuns"
  | "watchActions"
  | "getActionDataURIs"
  | "getActionLogContext"
>;

/** What RunService tells. Reads see all that was acknowledged before they were asked for. */
export function runReads(parts: ReadParts): RunReads {
  const details = new Details(parts);
  return { ...lists(parts), ...allAbout(parts, details), ...traces(parts, details) };
}

function lists(parts: ReadParts): Pick<RunReads, "listActions" | "listRuns" | "watchRuns" | "watchActions"> {
  const { engine, views } = parts;
  const pages = new ActionPages();
  return {
    async listActions({ runId, request }) {
      const run = fromRunId(runId);
      const query = readListRequest(request ?? wholeList, { actionsOf: run.key });
      using used = await views.use(run.key);
      const { view } = used;
      await view.catchUp();
      const { rows, token } = pages.page(view, toListedRun(view.run), query);
      const actions = rows.map((row) => toAction(run, row, view.run));
      return create(ListActionsResponseSchema, { actions, token });
    },

    async listRuns({ request, scopeBy, pausedActionsOnly: pausedOnly }) {
      const { org, namespace, filters, isNone } = scopeOf(scopeBy);
      const stated = request ?? wholeList;
      const scope = { runsOf: namespace, pausedOnly };
      const query = readListRequest({ ...stated, filters: [...stated.filters, ...filters] }, scope);
      if (isNone) return create(ListRunsResponseSchema);
      const page = await listRuns(engine.store, { namespace, pausedOnly }, query);
      const runs = page.runs.map(({ run, row }) => toRun({ org, key: run.key }, row, run));
      return create(ListRunsResponseSchema, { runs, token: page.token });
    },

    watchRuns({ target }, { signal }) {
      const { org, namespace, filters } = scopeOf(target);
      const query = readListRequest({ ...wholeList, filters }, { runsOf: namespace });
      return watchRuns(parts, { org, namespace, query, signal });
    },

    watchActions({ runId, filter }, { signal }) {
      return watchActions(parts, { run: fromRunId(runId), filters: filter, signal });
    },
  };
}

function allAbout(
  parts: ReadParts,
  details: Details,
): Pick<RunReads, "getActionDetails" | "watchActionDetails" | "getRunDetails" | "watchRunDetails"> {
  return {
    async getActionDetails({ actionId }) {
      const named = fromActionId(actionId);
      const found = await details.ofAction(named, await details.find(named));
      return create(GetActionDetailsResponseSchema, { details: found });
    },

    async *watchActionDetails({ actionId }, { signal }) {
      for await (const told of watchAction(parts, details, { named: fromActionId(actionId), signal })) {
        yield create(WatchActionDetailsResponseSchema, { details: told });
      }
    },

    async getRunDetails({ runId }) {
      const named = fromRunId(runId);
      const found = await details.find({ ...named, name: rootAction });
      return create(GetRunDetailsResponseSchema, { details: await details.ofRun(named, found) });
    },

    async *watchRunDetails({ runId }, { signal }) {
      for await (const told of watchRun(parts, details, { named: fromRunId(runId), signal })) {
        yield create(WatchRunDetailsResponseSchema, { details: told });
      }
    },
  };
}

/** Where an action leaves what it reads and writes. */
function traces(
  { engine }: ReadParts,
  details: Details,
): Pick<RunReads, "getActionDataURIs" | "getActionLogContext"> {
  return {
    async getActionDataURIs({ actionId }) {
      const named = fromActionId(actionId);
      const { action } = await details.find(named);
      const isTask = action?.spec.kind === "task";
      const inputsUri = isTask ? textOf(action.spec, inputNames.inputUri) : "";
      const outputsUri = outputsFile(action?.outputs);
      return create(GetActionDataURIsResponseSchema, { inputsUri, outputsUri });
    },

    async getActionLogContext({ actionId, attempt: number }) {
      const named = fromActionId(actionId);
      const { run, action } = await details.find(named);
      const isTask = action?.spec.kind === "task";
      const all = isTask ? attemptsOf(action, await engine.store.listAttempts(run.key, action.name)) : [];
      const attempt = number === 0 ? all.at(-1) : all.find((one) => one.number === number);
      const logContext = attempt === undefined ? undefined : toLogContext(attempt);
      if (attempt === undefined || logContext === undefined) {
        throw notFound(`action ${named.name} of run ${named.key} has no log of attempt ${number}`);
      }
      const times = {
        startTime: toTimestamp(attempt.startTimeMs),
        endTime: toTimestamp(attempt.endTimeMs),
      };
      return create(GetActionLogContextResponseSchema, { logContext, ...times });
    },
  };
}

/** Where runs are looked for, and what else they must meet. */
interface RunsOf {
  readonly org: string;
  readonly namespace: string | undefined;
  readonly filters: readonly StatedFilter[];
  /** True if no run can meet it: nothing starts runs by itself here. */
  readonly isNone: boolean;
}

function scopeOf(stated: ListRunsRequest["scopeBy"] | WatchRunsRequest["target"]): RunsOf {
  const { org = "", organization = org } = (typeof stated.value === "object" ? stated.value : {}) as {
    readonly org?: string;
    readonly organization?: string;
  };
  const equal = (field: string, value: string): StatedFilter => {
    return { function: Filter_Function.EQUAL, field, values: [value] };
  };
  const within = (scope: Scope, ...filters: StatedFilter[]): RunsOf => {
    return { org: organization, namespace: toNamespace(scope), filters, isNone: false };
  };
  switch (stated.case) {
    case "projectId":
      return within({ project: stated.value.name, domain: stated.value.domain });
    case "triggerName":
      return { ...within(stated.value), isNone: true };
    case "taskName":
      return within(stated.value, equal("task_name", stated.value.name));
    case "taskId": {
      const { name, version } = stated.value;
      return within(stated.value, equal("task_name", name), equal("task_version", version));
    }
    case "org":
      return { org: stated.value, namespace: undefined, filters: [], isNone: false };
    default:
      return { org: organization, namespace: undefined, filters: [], isNone: false };
  }
}
