import type { Labels } from "../run.ts";
import type { Json, Value } from "../value.ts";

/** An answer to suggest. */
export interface Choice {
  readonly value: Value;
  readonly label: string;
  readonly description: string;
}

/** How many answers decide a condition, and who may give them. */
export interface AnswerRule {
  /** How many equal answers decide, at least 1. */
  readonly requiredCount: number;
  /** How many may answer, each once, at least `requiredCount`. */
  readonly voterCount: number;
  /** An answer equal to this decides at once. */
  readonly veto: Value | undefined;
  /** With neither subjects nor groups anybody may answer. */
  readonly subjects: readonly string[];
  readonly groups: readonly string[];
  /** Who created the run may not answer. */
  readonly excludesRequester: boolean;
}

/** A step that is taken while nobody answers. */
export interface Escalation {
  /** From when the condition is PAUSED. */
  readonly afterMs: number;
  /** Names for whoever tells people; nothing is made of them here. */
  readonly notify: readonly string[];
  /** Who may answer from then on too. */
  readonly subjects: readonly string[];
  readonly groups: readonly string[];
  /** Whose turn it is from then on; "" leaves it. */
  readonly assignee: string;
}

/** Who is told by a post. */
export interface ConditionWebhook {
  readonly url: string;
  /** What is posted, with places to fill in; undefined posts the condition. */
  readonly payload: Json | undefined;
  /** What posts are signed with; "" for not at all. */
  readonly secret: string;
  readonly linkLifetimeMs: number | undefined;
  readonly headers: Labels;
}

/** What a condition may ask for beyond a type: most have none of it. */
export interface ConditionTerms {
  /** JSON Schema (2020-12) of the answer. */
  readonly schema: Json | undefined;
  readonly choices: readonly Choice[];
  readonly link: string;
  /** Undefined takes one answer of anybody. */
  readonly rule: AnswerRule | undefined;
  /** Whose turn it is at first. */
  readonly assignee: string;
  /** By `afterMs`. */
  readonly escalations: readonly Escalation[];
  /** A name under which signals find it; "" for none. */
  readonly correlationKey: string;
  /** Signals that came before it was open are dropped. */
  readonly dropsEarly: boolean;
  /** Of siblings with the same group the first that is answered ends the others; "" for none. */
  readonly group: string;
  readonly webhook: ConditionWebhook | undefined;
}

/** The terms of a condition that has stated none. */
export const plainTerms: ConditionTerms = {
  schema: undefined,
  choices: [],
  link: "",
  rule: undefined,
  assignee: "",
  escalations: [],
  correlationKey: "",
  dropsEarly: false,
  group: "",
  webhook: undefined,
};

/** The rule of a condition that has stated none: one answer of anybody. */
export const plainRule: AnswerRule = {
  requiredCount: 1,
  voterCount: 100,
  veto: undefined,
  subjects: [],
  groups: [],
  excludesRequester: false,
};
