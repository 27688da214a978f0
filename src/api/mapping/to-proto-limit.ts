import type {
  Limit as LimitMessage,
  LimitUse as LimitUseMessage,
} from "../../../gen/signalbox/v1/limit_pb.ts";
import type { Counter, Limit, LimitScope } from "../../core/limits/limit.ts";
import { message } from "./message.ts";
import { toDuration, toTimestamp } from "./time.ts";

/** A limit as it stands. */
export function toLimit(limit: Limit): LimitMessage {
  const { rate, scope } = limit;
  return message<LimitMessage>({
    $typeName: "signalbox.v1.Limit",
    namespace: limit.namespace,
    name: limit.name,
    scope: toScope(scope),
    concurrentMax: limit.concurrentMax,
    rate:
      rate === undefined
        ? undefined
        : { $typeName: "signalbox.v1.Rate", count: rate.count, period: toDuration(rate.periodMs) },
    shareWeight: scope.kind === "namespace" ? limit.shareWeight : 0,
    updateTime: toTimestamp(limit.updateTimeMs),
  });
}

/** How much of a limit is in use; the time is when its rate lets the next one start, if not at once. */
export function toLimitUse(
  { value, heldCount }: Counter,
  nextStartTimeMs: number | undefined,
): LimitUseMessage {
  return message<LimitUseMessage>({
    $typeName: "signalbox.v1.LimitUse",
    value,
    runningCount: heldCount,
    nextStartTime: toTimestamp(nextStartTimeMs),
  });
}

function toScope(scope: LimitScope): LimitMessage["scope"] {
  switch (scope.kind) {
    case "op":
      return { case: "op", value: scope.op };
    case "label": {
      const value = scope.value === undefined ? {} : { value: scope.value };
      return { case: "label", value: { $typeName: "signalbox.v1.LabelScope", name: scope.name, ...value } };
    }
    case "namespace":
      return { case: "wholeNamespace", value: { $typeName: "google.protobuf.Empty" } };
  }
}
