import { SimpleType } from "../../../../gen/flyteidl2/core/types_pb.ts";
import {
  type ConditionAction,
  ConditionPromptType,
} from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import { type ConditionWebhook, plainTerms } from "../../../core/conditions/terms.ts";
import type { NewAction } from "../../../core/stated.ts";
import type { ValueType } from "../../../core/value.ts";
import { webhookFaults } from "../../callbacks/webhook-faults.ts";
import { Faults } from "../../mapping/faults.ts";
import { fromDuration } from "../../mapping/time.ts";
import { invalid } from "../faults.ts";
import { labelNames } from "../stated.ts";
import { labelValueLengthMax, promptLengthMax, timeoutMsMax } from "./action-limits.ts";

const valueTypes: Partial<Readonly<Record<SimpleType, ValueType>>> = {
  [SimpleType.BOOLEAN]: "bool",
  [SimpleType.INTEGER]: "int",
  [SimpleType.FLOAT]: "float",
  [SimpleType.STRING]: "string",
};

const promptTypes: Partial<Readonly<Record<ConditionPromptType, string>>> = {
  [ConditionPromptType.TEXT]: "TEXT",
  [ConditionPromptType.MARKDOWN]: "MARKDOWN",
};

/**
 * A condition of Flyte as one of ours, under its name among its siblings. Ends the call with INVALID_ARGUMENT
 * for a type that is none of four, and for what goes over a bound.
 */
export function newCondition(name: string, group: string, stated: ConditionAction): NewAction {
  const { prompt, description, promptType, webhook } = stated;
  checkLength("condition.name", stated.name, labelValueLengthMax);
  checkLength("condition.prompt", prompt, promptLengthMax);
  checkLength("condition.description", description, promptLengthMax);
  const kind = promptTypes[promptType];
  return {
    name,
    spec: {
      kind: "condition",
      type: valueTypeOf(stated),
      prompt,
      description,
      timeoutMs: timeoutOf(stated),
      defaultValue: undefined,
      terms: webhook === undefined ? undefined : { ...plainTerms, webhook: webhookOf(webhook) },
    },
    dependencies: [],
    labels: {
      ...(stated.name === "" ? {} : { [labelNames.condition]: stated.name }),
      ...(kind === undefined ? {} : { [labelNames.promptType]: kind }),
      ...(group === "" ? {} : { [labelNames.group]: group }),
    },
  };
}

function valueTypeOf({ type }: ConditionAction): ValueType {
  const declared = type?.type.case === "simple" ? valueTypes[type.type.value] : undefined;
  if (declared === undefined) {
    throw invalid("condition.type must be simple: BOOLEAN, INTEGER, FLOAT or STRING");
  }
  return declared;
}

/** Undefined for none: one of 0 or less is no timeout. */
function timeoutOf({ timeout }: ConditionAction): number | undefined {
  const timeoutMs = fromDuration(timeout) ?? 0;
  if (timeoutMs > timeoutMsMax) throw invalid(`condition.timeout must be at most ${timeoutMsMax / 1000} s`);
  return timeoutMs > 0 ? timeoutMs : undefined;
}

function webhookOf({ url, payload }: NonNullable<ConditionAction["webhook"]>): ConditionWebhook {
  const webhook = { url, payload, secret: "", linkLifetimeMs: undefined, headers: {} };
  const faults = new Faults();
  faults.within("condition.webhook", () => webhookFaults(webhook, faults));
  const [fault] = faults.violations;
  if (fault !== undefined) throw invalid(`${fault.field}: ${fault.description}`);
  return webhook;
}

function checkLength(field: string, text: string, lengthMax: number): void {
  if (text.length > lengthMax) throw invalid(`${field} must have at most ${lengthMax} characters`);
}
