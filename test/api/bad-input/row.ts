import type { MessageInitShape } from "@bufbuild/protobuf";
import type { NewActionSchema } from "../../../gen/signalbox/v1/action_pb.ts";
import { ValueType } from "../../../gen/signalbox/v1/value_pb.ts";
import { toValue } from "../../../src/api/mapping/to-proto-value.ts";
import { printToken, type TokenKind, tokenScope } from "../../../src/api/token.ts";
import type { TestServer } from "../../support/test-server.ts";

/** One bad request: whose, what is bad about it, how it is made, and what is expected of the refusal. */
export interface Row {
  readonly rpc: string;
  readonly given: string;
  readonly call: (server: TestServer) => Promise<unknown>;
  readonly code: string;
  readonly reason: string;
  /** All facts, but for those that only count violations. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fields?: readonly string[];
  /** For streams of workers, that attach before they go wrong: what they write themselves. */
  readonly attaches?: true;
}

type Case = NonNullable<MessageInitShape<typeof NewActionSchema>["kind"]>;

/** What actions of a plan are: a condition that asks for a bool, and a task that nobody takes. */
export const condition: Case = { case: "condition", value: { type: ValueType.BOOL } };
export const task: Case = { case: "task", value: { op: "nobody" } };

const bool = ValueType.BOOL;
const max = { properties: { max: { minimum: 0 }, note: { type: "string" } } };

/** Conditions that ask for more than a type. */
export const asking: readonly MessageInitShape<typeof NewActionSchema>[] = [
  { name: "one", kind: { case: "condition", value: { type: bool, correlationKey: "twice" } } },
  { name: "two", kind: { case: "condition", value: { type: bool, correlationKey: "twice" } } },
  { name: "shaped", kind: { case: "condition", value: { type: ValueType.JSON, schema: max } } },
  { name: "closed", kind: { case: "condition", value: { type: bool, answerRule: { subjects: ["ana"] } } } },
  { name: "claimed", kind: { case: "condition", value: { type: bool, assignee: "ana" } } },
  { name: "later", dependencies: [{ action: "one" }], kind: condition },
];

/** Answers of two types. */
export const yes = toValue({ kind: "bool", value: true });
export const no = toValue({ kind: "bool", value: false });
export const text = toValue({ kind: "string", value: "yes" });

/** A plan of these actions, as the work of a run. */
export function plan(...actions: readonly MessageInitShape<typeof NewActionSchema>[]) {
  return { case: "plan" as const, value: { actions: [...actions] } };
}

/** Empties a stream, so that its refusal comes. */
export async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

/** A page token that the server would have given for a place. */
export function token({ store }: TestServer, kind: TokenKind, filter: unknown, place: unknown): string {
  return printToken(tokenScope(kind, filter, store.feedId), place);
}

/** What is expected of the refusals that many rows have. */
export const invalid = { code: "InvalidArgument", reason: "INVALID_REQUEST" } as const;
export const inputsInvalid = { code: "InvalidArgument", reason: "INPUTS_INVALID" } as const;
export const tokenInvalid = { code: "InvalidArgument", reason: "TOKEN_INVALID", metadata: {} } as const;
export const filterChanged = { code: "InvalidArgument", reason: "FILTER_CHANGED", metadata: {} } as const;
export const noRun = {
  code: "NotFound",
  reason: "RUN_NOT_FOUND",
  metadata: { namespace: "default", run_id: "none" },
} as const;
export const noAction = {
  code: "NotFound",
  reason: "ACTION_NOT_FOUND",
  metadata: { run_id: "open", action: "none" },
} as const;
export const reused = {
  code: "AlreadyExists",
  reason: "REQUEST_ID_REUSED",
  metadata: { request_id: "used" },
} as const;
export const noWorker = {
  code: "NotFound",
  reason: "WORKER_NOT_FOUND",
  metadata: { worker_id: "none" },
} as const;
