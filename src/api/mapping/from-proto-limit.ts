import type { Limit as LimitMessage } from "../../../gen/signalbox/v1/limit_pb.ts";
import type { LimitContent, LimitScope } from "../../core/limits/limit.ts";
import type { Faults } from "./faults.ts";
import { fromDuration } from "./time.ts";

/** What a limit says, without its name. */
export function fromLimit(message: LimitMessage, faults: Faults): LimitContent {
  const { scope, concurrentMax, rate, shareWeight } = message;
  const content = {
    scope: fromScope(scope, faults),
    concurrentMax,
    rate:
      rate === undefined
        ? undefined
        : { count: rate.count, periodMs: faults.within("rate", () => fromPeriod(rate.period, faults)) },
    shareWeight: Math.max(1, shareWeight),
  };
  if (shareWeight > 0 && content.scope.kind !== "namespace") {
    faults.within("share_weight", () => faults.add("must be said with whole_namespace only"));
  }
  return content;
}

function fromScope(scope: LimitMessage["scope"], faults: Faults): LimitScope {
  switch (scope.case) {
    case "op":
      return { kind: "op", op: scope.value };
    case "label":
      return { kind: "label", name: scope.value.name, value: scope.value.value };
    case "wholeNamespace":
      return { kind: "namespace" };
    case undefined:
      faults.within("scope", () => faults.add("must be an op, a label or the whole namespace"));
      return { kind: "namespace" };
  }
}

function fromPeriod(period: NonNullable<LimitMessage["rate"]>["period"], faults: Faults): number {
  if (period !== undefined) return fromDuration(period);
  faults.within("period", () => faults.add("must be set"));
  return 1;
}
