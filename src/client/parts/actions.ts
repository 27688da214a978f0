import { Action_State } from "../../../gen/signalbox/v1/action_pb.ts";
import { type JsValue, toValues } from "../js-value.ts";
import { type Action, type ActionState, type Attempt, toAction, toAttempt } from "../views/action.ts";
import { type Explanation, toExplanation } from "../views/explanation.ts";
import { type TimelineEntry, toTimelineEntry } from "../views/timeline.ts";
import { type CallOptions, type Calls, type ChangeOptions, required, toWireOptions } from "../wire/calls.ts";
import { listPages, type Pages } from "../wire/pages.ts";

/** How an operator ends an action. */
export type ActionEnd =
  | { readonly state: "SUCCEEDED"; readonly outputs?: Readonly<Record<string, JsValue>> }
  | { readonly state: "FAILED"; readonly error: { readonly type: string; readonly message: string } }
  | { readonly state: "CANCELLED" };

/** The actions of runs; they stand beside the calls of runs themselves. */
export interface Actions {
  /** Lists the actions of a run, by name. */
  actions(
    runId: string,
    query?: CallOptions & { readonly states?: readonly Exclude<ActionState, "UNSPECIFIED">[] },
  ): Pages<Action>;
  action(runId: string, name: string, options?: CallOptions): Promise<Action>;
  /** The attempts of an action, the first one first; the last 1,000 of more. */
  attempts(runId: string, name: string, options?: CallOptions): Promise<Attempt[]>;
  /** The timeline of one attempt, the current or last one unless said. */
  timeline(
    runId: string,
    name: string,
    options?: CallOptions & { readonly attempt?: number },
  ): Pages<TimelineEntry>;
  /** Says why an action does not run. */
  explain(runId: string, name: string, options?: CallOptions): Promise<Explanation>;
  /** Ends an action by the word of an operator, whatever its worker does. */
  endAction(
    runId: string,
    name: string,
    end: ActionEnd & { readonly cause?: string },
    options?: ChangeOptions,
  ): Promise<Action>;
}

/** The part of the client that is about actions. */
export function makeActions({ raw, namespace }: Calls): Actions {
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
      const request = ofAction(runId, name, options);
      return (await raw.runs.listAttempts(request, toWireOptions(options))).attempts.map(toAttempt);
    },
    timeline: (runId, name, { attempt = 0, ...options } = {}) =>
      listPages(async ({ size, token }) => {
        const request = { ...ofAction(runId, name, options), attempt, pageSize: size, pageToken: token };
        const { entries, nextPageToken } = await raw.runs.listTimeline(request, toWireOptions(options));
        return { items: entries.map(toTimelineEntry), nextPageToken, last: nextPageToken === "" };
      }),
    async explain(runId, name, options = {}) {
      const request = ofAction(runId, name, options);
      return toExplanation(await raw.runs.explainAction(request, toWireOptions(options)));
    },
    async endAction(runId, name, { cause = "", ...end }, { requestId = "", ...options } = {}) {
      const request = { ...ofAction(runId, name, options), ...toEnd(end), cause, requestId };
      const { action } = await raw.runs.endAction(request, toWireOptions(options));
      return toAction(required(action));
    },
  };
}

/** What a request says about an end. Throws a TypeError or RangeError for what no value stands for. */
export function toEnd(end: ActionEnd) {
  const state = Action_State[end.state];
  if (end.state === "FAILED") return { state, error: { ...end.error } };
  if (end.state === "CANCELLED") return { state };
  return { state, outputs: toValues(end.outputs ?? {}, "the output") };
}
