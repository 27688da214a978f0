import type { RetryPolicy, Timeouts } from "../action.ts";
import type { Placement, Resources } from "../placement/demand.ts";
import type { Delivery, Labels } from "../run.ts";
import type { Json, Value } from "../value.ts";

/** The type of an input or output. */
export type SpecType = "string" | "int" | "float" | "bool" | "object" | "array" | "any";

/** What one input must be. */
export interface InputSpec {
  readonly type: SpecType;
  readonly required: boolean;
  readonly defaultValue: Value | undefined;
  readonly description: string;
  /** JSON Schema 2020-12 of its plain JSON form. */
  readonly schema: Json | undefined;
}

/** What one output must be. */
export interface OutputSpec {
  readonly type: SpecType;
  readonly description: string;
  readonly schema: Json | undefined;
}

/** Input specs by name, and whether others may be given too. */
export interface InputSpecs {
  readonly specs: Readonly<Record<string, InputSpec>>;
  readonly allowExtra: boolean;
}

/** What a caller states to register an op. `undefined` leaves Signalbox's own default. */
export interface OpContent {
  readonly description: string;
  readonly labels: Labels;
  readonly retry: Partial<RetryPolicy> | undefined;
  readonly timeouts: Timeouts | undefined;
  /** A semantic version of the caller's own, "" for none. */
  readonly versionName: string;
  readonly inputs: InputSpecs;
  readonly outputs: Readonly<Record<string, OutputSpec>>;
  readonly resources: Resources | undefined;
  readonly placement: Placement | undefined;
  readonly delivery: Delivery | undefined;
  readonly image: string;
  readonly handler: string;
}

/** What an update changes: what is undefined stays, of the inputs also each of their two parts. */
export type OpChange = Partial<Omit<OpContent, "inputs">> & { readonly inputs?: Partial<InputSpecs> };

/** One version of an op. */
export interface Op extends OpContent {
  readonly namespace: string;
  readonly name: string;
  readonly version: number;
  /** When its first version was registered. */
  readonly createTimeMs: number;
  /** When this version was made. */
  readonly updateTimeMs: number;
}
