import type { Model } from "../linearizable.ts";
import type { Request, Response } from "./lines.ts";

/** A run with one condition, which may wait for a task first, as far as its callers know it. */
export interface ConditionState {
  readonly at:
    | "absent"
    /** Nobody has answered; whether it waits yet is not known. */
    | "open"
    /** Nobody has answered, and it waits. */
    | "paused"
    /** An answer came before it waited: it can take no other. */
    | "kept"
    | "answered"
    /** It took no answer and takes none; its run has ended or is about to. */
    | "cancelled";
  readonly value?: number;
  readonly retryCount: number;
}

const endedStates: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"]);

/** A condition takes one answer at most while it is open, keeps an early one, and its run ends once. */
export const conditionModel: Model<ConditionState, Request, Response> = {
  initial: { at: "absent", retryCount: 0 },
  step(state, request, response) {
    if (state.at === "absent" || request.f === "create") return created(state, request, response);
    if (response?.refused === "RUN_NOT_FOUND") return [];
    switch (request.f) {
      case "signal":
        return signalled(state, request.value, response);
      case "cancel":
        return cancelled(state, response);
      case "retry":
        return retried(state, response);
      case "read-condition":
        return response === undefined ? [state] : conditionRead(state, response);
      case "read-run":
        return response === undefined ? [state] : conditionRunRead(state, response);
    }
  },
};

function created<S extends { readonly at: string }>(
  state: S,
  { f }: Request,
  response: Response | undefined,
): readonly S[] {
  const isThere = state.at !== "absent";
  const fresh = { at: "open", retryCount: 0 } as unknown as S;
  if (f !== "create") return response?.refused === "RUN_NOT_FOUND" ? [state] : [];
  if (response === undefined) return isThere ? [] : [fresh];
  if (response.refused === "RUN_EXISTS") return isThere ? [state] : [];
  return isThere || response.refused !== undefined ? [] : [fresh];
}

function signalled(
  state: ConditionState,
  value: number,
  response: Response | undefined,
): readonly ConditionState[] {
  const { at, retryCount } = state;
  const isUnanswered = at === "open" || at === "paused";
  const isSame = state.value === value;
  const answered: ConditionState = { at: "answered", value, retryCount };
  const kept: ConditionState = { at: "kept", value, retryCount };
  if (response === undefined) return at === "open" ? [answered, kept] : at === "paused" ? [answered] : [];
  if (response.refused === "ALREADY_ANSWERED") {
    return (at === "answered" || at === "kept") && !isSame ? [state] : [];
  }
  if (response.refused !== undefined) {
    return at === "cancelled" && ["ACTION_ENDED", "RUN_ENDED"].includes(response.refused) ? [state] : [];
  }
  if (response.repeated !== true) {
    if (response.kept === true) return at === "open" ? [kept] : [];
    return isUnanswered ? [answered] : [];
  }
  if (!isSame) return [];
  if (response.kept === true) return at === "kept" ? [state] : [];
  return at === "answered" || at === "kept" ? [answered] : [];
}

function cancelled(state: ConditionState, response: Response | undefined): readonly ConditionState[] {
  const { at, value, retryCount } = state;
  const over: ConditionState = { at: "cancelled", retryCount };
  const answered: ConditionState = { at: "answered", ...(value === undefined ? {} : { value }), retryCount };
  if (response === undefined) return at === "answered" || at === "cancelled" ? [] : [over];
  if (response.refused === "RUN_ENDED") {
    if (response.state === "SUCCEEDED") return at === "answered" || at === "kept" ? [answered] : [];
    return at === "cancelled" && response.state === "CANCELLED" ? [state] : [];
  }
  if (response.refused !== undefined) return [];
  return at === "answered" ? [] : [over];
}

function retried(state: ConditionState, response: Response | undefined): readonly ConditionState[] {
  const { at, value, retryCount } = state;
  const again: ConditionState = { at: "open", retryCount: retryCount + 1 };
  if (response === undefined) return at === "cancelled" ? [again] : [];
  if (response.refused === "RUN_NOT_ENDED") return at === "answered" ? [] : [state];
  if (response.refused === "RUN_SUCCEEDED") {
    if (at !== "answered" && at !== "kept") return [];
    return [{ at: "answered", ...(value === undefined ? {} : { value }), retryCount }];
  }
  if (response.refused !== undefined || at !== "cancelled") return [];
  return response.retryCount === again.retryCount ? [again] : [];
}

function conditionRead(state: ConditionState, { state: seen, answer, refused }: Response) {
  const { at, value, retryCount } = state;
  if (refused !== undefined) return [];
  switch (seen) {
    case "PENDING":
      return at === "open" || at === "kept" ? [state] : [];
    case "PAUSED":
      return at === "open" || at === "paused" ? [{ at: "paused", retryCount } as const] : [];
    case "SUCCEEDED":
      if (answer === undefined || answer !== value) return [];
      return at === "answered" || at === "kept" ? [{ at: "answered", value, retryCount } as const] : [];
    case "CANCELLED":
      return at === "cancelled" ? [state] : [];
    default:
      return [];
  }
}

function conditionRunRead(state: ConditionState, response: Response): readonly ConditionState[] {
  const { at, value, retryCount } = state;
  if (response.refused !== undefined || response.retryCount !== retryCount) return [];
  if (response.state === "SUCCEEDED") {
    if (at !== "answered" && at !== "kept") return [];
    return [{ at: "answered", ...(value === undefined ? {} : { value }), retryCount }];
  }
  if (response.cancelRequested === true) return at === "cancelled" ? [state] : [];
  if (endedStates.has(response.state ?? "")) return [];
  return at === "answered" || at === "cancelled" ? [] : [state];
}

/** A run of one task, as far as its callers know it: its worker may end it at any moment. */
export interface TaskState {
  readonly at:
    | "absent"
    /** Not known to have ended. */
    | "open"
    /** Somebody has asked for its end, and it is not known to have come. */
    | "cancelling"
    | "ended";
  /** How it ended. */
  readonly end?: string;
  readonly retryCount: number;
}

/** A run of one task ends once, stays what it ended as until it is opened again, and that is counted. */
export const taskModel: Model<TaskState, Request, Response> = {
  initial: { at: "absent", retryCount: 0 },
  step(state, request, response) {
    if (state.at === "absent" || request.f === "create") return created(state, request, response);
    if (response?.refused === "RUN_NOT_FOUND") return [];
    switch (request.f) {
      case "cancel":
        return taskCancelled(state, response);
      case "retry":
        return taskRetried(state, response);
      case "read-run":
        return response === undefined ? [state] : taskRead(state, response);
      case "signal":
      case "read-condition":
        return [];
    }
  },
};

/** The state in which it has ended like this; none if it cannot have. */
function endedAs(state: TaskState, end: string): readonly TaskState[] {
  if (state.at === "ended") return state.end === end ? [state] : [];
  if (state.at === "open" && end !== "SUCCEEDED" && end !== "FAILED") return [];
  return [{ at: "ended", end, retryCount: state.retryCount }];
}

function taskCancelled(state: TaskState, response: Response | undefined): readonly TaskState[] {
  const cancelling: TaskState = { at: "cancelling", retryCount: state.retryCount };
  if (response === undefined) return state.at === "open" ? [cancelling] : [];
  if (response.refused === "RUN_ENDED") return endedAs(state, response.state ?? "");
  if (response.refused !== undefined || state.at === "ended") return [];
  return endedStates.has(response.state ?? "") ? endedAs(cancelling, response.state ?? "") : [cancelling];
}

function taskRetried(state: TaskState, response: Response | undefined): readonly TaskState[] {
  const again: TaskState = { at: "open", retryCount: state.retryCount + 1 };
  if (response === undefined) return state.end === "SUCCEEDED" ? [] : [again];
  if (response.refused === "RUN_NOT_ENDED") return state.at === "ended" ? [] : [state];
  if (response.refused === "RUN_SUCCEEDED") return endedAs(state, "SUCCEEDED");
  if (response.refused === "ATTEMPTS_EXHAUSTED") return state.end === "SUCCEEDED" ? [] : [state];
  if (response.refused !== undefined || state.end === "SUCCEEDED") return [];
  return response.retryCount === again.retryCount ? [again] : [];
}

function taskRead(state: TaskState, response: Response): readonly TaskState[] {
  if (response.refused !== undefined || response.retryCount !== state.retryCount) return [];
  if (endedStates.has(response.state ?? "")) return endedAs(state, response.state ?? "");
  const isAsked = response.cancelRequested === true;
  return state.at === (isAsked ? "cancelling" : "open") ? [state] : [];
}
