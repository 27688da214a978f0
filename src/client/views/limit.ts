import type { Limit as LimitMessage, LimitUse as UseMessage } from "../../../gen/signalbox/v1/limit_pb.ts";
import { fromDuration } from "../spec/duration.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { toDate } from "./name.ts";

/** Which tasks fall under a limit. */
export type LimitScope =
  | { readonly op: string }
  /** Their own label or their run's; without a value there is a limit for each value. */
  | { readonly label: string; readonly value?: string }
  | { readonly wholeNamespace: true };

/** How many tasks of some scope may run at once, and how often one may start. */
export interface Limit {
  readonly namespace: string;
  readonly name: string;
  readonly scope: LimitScope;
  /** 0 means any number. */
  readonly concurrentMax: number;
  readonly rate: { readonly count: number; readonly periodMs: number } | undefined;
  /** For the whole namespace: its weight among the namespaces that share a worker; 0 means 1. */
  readonly shareWeight: number;
  readonly updateTime: Date | undefined;
}

/** How much of a limit is in use. */
export interface LimitUse {
  /** The label's value, for limits that have one for each. */
  readonly value: string;
  readonly runningCount: number;
  /** When the rate lets the next one start, if not at once. */
  readonly nextStartTime: Date | undefined;
}

/** A limit as plain values. */
export function toLimit(limit: LimitMessage): Limit {
  const { namespace, name, rate, concurrentMax, shareWeight } = limit;
  const periodMs = fromDuration(rate?.period);
  return {
    namespace,
    name,
    scope: toScope(limit.scope),
    concurrentMax,
    rate: rate === undefined || periodMs === undefined ? undefined : { count: rate.count, periodMs },
    shareWeight,
    updateTime: toDate(limit.updateTime),
  };
}

/** The use of a limit as plain values. */
export function toLimitUse({ value, runningCount, nextStartTime }: UseMessage): LimitUse {
  return { value, runningCount, nextStartTime: toDate(nextStartTime) };
}

function toScope(scope: LimitMessage["scope"]): LimitScope {
  switch (scope.case) {
    case "op":
      return { op: scope.value };
    case "label": {
      const { name, value } = scope.value;
      return withoutUndefined({ label: name, value });
    }
    default:
      return { wholeNamespace: true };
  }
}
