import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Reason, ReasonSchema } from "../../gen/signalbox/v1/reason_pb.ts";
import { type Refusal, refusalRows } from "../../src/api/refusals.ts";
import { refusalOf, toConnectError, toRefusalMessage, toThrown } from "../../src/api/status.ts";
import { Stopping } from "../../src/engine/execute.ts";
import { StoreUnavailable } from "../../src/store/store.ts";

/** One refusal of each reason, with the code and the facts that callers get. */
const refusals: { readonly [Name in Refusal["reason"]]: Row } = {
  INVALID_REQUEST: {
    refusal: { reason: "INVALID_REQUEST", violations: [{ field: "run.labels", description: "is wrong" }] },
    code: "InvalidArgument",
    metadata: { violation_count: "1" },
  },
  RUN_NOT_FOUND: {
    refusal: { reason: "RUN_NOT_FOUND", namespace: "team", runId: "r1" },
    code: "NotFound",
    metadata: { namespace: "team", run_id: "r1" },
  },
  RUN_EXISTS: {
    refusal: { reason: "RUN_EXISTS", runId: "r1" },
    code: "AlreadyExists",
    metadata: { run_id: "r1" },
  },
  RUN_ENDED: {
    refusal: { reason: "RUN_ENDED", runId: "r1", state: "FAILED" },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", state: "FAILED" },
  },
  RUN_NOT_ENDED: {
    refusal: { reason: "RUN_NOT_ENDED", runId: "r1", state: "RUNNING" },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", state: "RUNNING" },
  },
  RUN_SUCCEEDED: {
    refusal: { reason: "RUN_SUCCEEDED", runId: "r1" },
    code: "FailedPrecondition",
    metadata: { run_id: "r1" },
  },
  ACTION_NOT_FOUND: {
    refusal: { reason: "ACTION_NOT_FOUND", runId: "r1", action: "a/b" },
    code: "NotFound",
    metadata: { run_id: "r1", action: "a/b" },
  },
  ACTION_ENDED: {
    refusal: { reason: "ACTION_ENDED", runId: "r1", action: "a", state: "TIMED_OUT" },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", action: "a", state: "TIMED_OUT" },
  },
  ACTION_NOT_CONDITION: {
    refusal: { reason: "ACTION_NOT_CONDITION", runId: "r1", action: "a", kind: "task" },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", action: "a", kind: "task" },
  },
  ALREADY_ANSWERED: {
    refusal: { reason: "ALREADY_ANSWERED", runId: "r1", action: "a" },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", action: "a" },
  },
  SIGNAL_TYPE_MISMATCH: {
    refusal: { reason: "SIGNAL_TYPE_MISMATCH", expected: "bool", actual: "string" },
    code: "InvalidArgument",
    metadata: { expected: "bool", actual: "string" },
  },
  ANSWER_INVALID: {
    refusal: {
      reason: "ANSWER_INVALID",
      runId: "r1",
      action: "a",
      violations: [{ field: "value/max", description: "must be at least 0" }],
    },
    code: "InvalidArgument",
    metadata: { run_id: "r1", action: "a", violation_count: "1" },
  },
  NOT_ALLOWED: {
    refusal: { reason: "NOT_ALLOWED", runId: "r1", action: "a", subject: "ana", rule: "only leads may" },
    code: "PermissionDenied",
    metadata: { run_id: "r1", action: "a", subject: "ana", rule: "only leads may" },
  },
  INSTANCE_CHANGED: {
    refusal: { reason: "INSTANCE_CHANGED", runId: "r1", action: "a", instance: 1, currentInstance: 2 },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", action: "a", instance: "1", current_instance: "2" },
  },
  CORRELATION_NOT_FOUND: {
    refusal: { reason: "CORRELATION_NOT_FOUND", correlationKey: "o-1" },
    code: "NotFound",
    metadata: { correlation_key: "o-1" },
  },
  CORRELATION_AMBIGUOUS: {
    refusal: { reason: "CORRELATION_AMBIGUOUS", correlationKey: "o-1", conditions: ["r1/a", "r2/a"] },
    code: "FailedPrecondition",
    metadata: { correlation_key: "o-1", conditions: "r1/a, r2/a" },
  },
  ALREADY_CLAIMED: {
    refusal: { reason: "ALREADY_CLAIMED", runId: "r1", action: "a", assignee: "ana" },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", action: "a", assignee: "ana" },
  },
  CONDITION_NOT_OPEN: {
    refusal: { reason: "CONDITION_NOT_OPEN", runId: "r1", action: "a", state: "PENDING" },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", action: "a", state: "PENDING" },
  },
  LINK_INVALID: { refusal: { reason: "LINK_INVALID" }, code: "PermissionDenied", metadata: {} },
  LINK_EXPIRED: {
    refusal: { reason: "LINK_EXPIRED", expireTime: "1970-01-01T00:00:00.000Z" },
    code: "FailedPrecondition",
    metadata: { expire_time: "1970-01-01T00:00:00.000Z" },
  },
  LINK_USED: {
    refusal: { reason: "LINK_USED", runId: "r1", action: "a" },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", action: "a" },
  },
  OP_NOT_FOUND: {
    refusal: { reason: "OP_NOT_FOUND", op: "count", version: 3 },
    code: "NotFound",
    metadata: { op: "count", version: "3" },
  },
  REQUEST_ID_REUSED: {
    refusal: { reason: "REQUEST_ID_REUSED", requestId: "q1" },
    code: "AlreadyExists",
    metadata: { request_id: "q1" },
  },
  LIMIT_REACHED: {
    refusal: { reason: "LIMIT_REACHED", limit: "depthMax", maximum: 8 },
    code: "ResourceExhausted",
    metadata: { limit: "depthMax", maximum: "8" },
  },
  STALE_EPOCH: {
    refusal: { reason: "STALE_EPOCH", runId: "r1", action: "a", epoch: 3, currentEpoch: 4 },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", action: "a", epoch: "3", current_epoch: "4" },
  },
  SESSION_GONE: {
    refusal: { reason: "SESSION_GONE", sessionId: "s1" },
    code: "FailedPrecondition",
    metadata: { session_id: "s1" },
  },
  WORKER_NOT_FOUND: {
    refusal: { reason: "WORKER_NOT_FOUND", workerId: "w1" },
    code: "NotFound",
    metadata: { worker_id: "w1" },
  },
  ACTION_EXISTS: {
    refusal: { reason: "ACTION_EXISTS", runId: "r1", action: "a" },
    code: "AlreadyExists",
    metadata: { run_id: "r1", action: "a" },
  },
  OP_IN_USE: {
    refusal: { reason: "OP_IN_USE", op: "count", version: 2, runId: "r1", action: "main" },
    code: "FailedPrecondition",
    metadata: { op: "count", version: "2", run_id: "r1", action: "main" },
  },
  INPUTS_INVALID: {
    refusal: {
      reason: "INPUTS_INVALID",
      op: "count",
      version: 2,
      violations: [{ field: 'inputs["n"]', description: "is required, and not given" }],
    },
    code: "InvalidArgument",
    metadata: { op: "count", version: "2", violation_count: "1" },
  },
  ATTEMPTS_EXHAUSTED: {
    refusal: { reason: "ATTEMPTS_EXHAUSTED", runId: "r1", action: "a", attempts: 4, maxAttempts: 3 },
    code: "FailedPrecondition",
    metadata: { run_id: "r1", action: "a", attempts: "4", max_attempts: "3" },
  },
  ATTEMPT_NOT_FOUND: {
    refusal: { reason: "ATTEMPT_NOT_FOUND", runId: "r1", action: "a", attempt: 7 },
    code: "NotFound",
    metadata: { run_id: "r1", action: "a", attempt: "7" },
  },
  LIMIT_NOT_FOUND: {
    refusal: { reason: "LIMIT_NOT_FOUND", limit: "gpu" },
    code: "NotFound",
    metadata: { limit: "gpu" },
  },
  SUBSCRIPTION_NOT_FOUND: {
    refusal: { reason: "SUBSCRIPTION_NOT_FOUND", subscription: "billing" },
    code: "NotFound",
    metadata: { subscription: "billing" },
  },
  SUBSCRIPTION_EXISTS: {
    refusal: { reason: "SUBSCRIPTION_EXISTS", subscription: "billing" },
    code: "AlreadyExists",
    metadata: { subscription: "billing" },
  },
  SUBSCRIPTION_NOT_PULLED: {
    refusal: { reason: "SUBSCRIPTION_NOT_PULLED", subscription: "billing", target: "webhook" },
    code: "FailedPrecondition",
    metadata: { subscription: "billing", target: "webhook" },
  },
  OPEN_EXPECTED: {
    refusal: { reason: "OPEN_EXPECTED", found: "acknowledge" },
    code: "InvalidArgument",
    metadata: { found: "acknowledge" },
  },
  ADDRESS_FORBIDDEN: {
    refusal: { reason: "ADDRESS_FORBIDDEN", address: "127.0.0.1" },
    code: "InvalidArgument",
    metadata: { address: "127.0.0.1" },
  },
  NATS_NOT_CONFIGURED: {
    refusal: { reason: "NATS_NOT_CONFIGURED" },
    code: "FailedPrecondition",
    metadata: {},
  },
  UNAUTHENTICATED: { refusal: { reason: "UNAUTHENTICATED" }, code: "Unauthenticated", metadata: {} },
  TOKEN_INVALID: { refusal: { reason: "TOKEN_INVALID" }, code: "InvalidArgument", metadata: {} },
  FILTER_CHANGED: { refusal: { reason: "FILTER_CHANGED" }, code: "InvalidArgument", metadata: {} },
  FILTER_INVALID: {
    refusal: { reason: "FILTER_INVALID", expression: "event.foo", fault: "at 6: Event has no field foo" },
    code: "InvalidArgument",
    metadata: { expression: "event.foo", fault: "at 6: Event has no field foo" },
  },
  CURSOR_EXPIRED: {
    refusal: { reason: "CURSOR_EXPIRED", oldestCursor: "AQab", feedEpoch: "feed", resumeCursor: "AQcd" },
    code: "OutOfRange",
    metadata: { oldest_cursor: "AQab", feed_epoch: "feed", resume_cursor: "AQcd" },
  },
  ATTACH_EXPECTED: {
    refusal: { reason: "ATTACH_EXPECTED", found: "credit" },
    code: "InvalidArgument",
    metadata: { found: "credit" },
  },
  STOPPING: { refusal: { reason: "STOPPING" }, code: "Unavailable", metadata: {}, waitingHelps: true },
  STORE_UNAVAILABLE: {
    refusal: { reason: "STORE_UNAVAILABLE" },
    code: "Unavailable",
    metadata: {},
    waitingHelps: true,
  },
  TOO_SLOW: {
    refusal: { reason: "TOO_SLOW", limit: "outgoingFramesMax", maximum: 1000 },
    code: "ResourceExhausted",
    metadata: { limit: "outgoingFramesMax", maximum: "1000" },
  },
};

interface Row {
  readonly refusal: Refusal;
  readonly code: keyof typeof Code;
  readonly metadata: Readonly<Record<string, string>>;
  readonly waitingHelps?: boolean;
}

describe("a refusal", () => {
  test.each(Object.values(refusals))("$refusal.reason ends a call with $code and its facts", (row) => {
    const { refusal, code, metadata, waitingHelps = false } = row;
    const error = toConnectError(refusal);
    expect(Code[error.code]).toBe(code);
    const [info, ...others] = error.findDetails(ErrorInfoSchema);
    expect(others).toEqual([]);
    expect(info).toMatchObject({ reason: refusal.reason, domain: "signalbox" });
    expect(info?.metadata).toMatchObject(metadata);
    expect(error.findDetails(RetryInfoSchema)).toHaveLength(waitingHelps ? 1 : 0);
  });

  test.each(Object.values(refusals))("$refusal.reason is the same inside an answer", (row) => {
    const { refusal, code, metadata } = row;
    const told = toRefusalMessage(refusal);
    expect(told.reason).toBe(Reason[refusal.reason]);
    expect(told.code).toBe(Code[code]);
    expect(told.metadata).toEqual(metadata);
  });

  test.each(Object.values(refusals))(
    "$refusal.reason says in words what happened, in the house style",
    (row) => {
      const { message, metadata } = toRefusalMessage(row.refusal);
      expect(message).toMatch(/^[a-z].*[^.]$/);
      expect(message).not.toMatch(/undefined|null|\[object/);
      // Everything that varies in the message is also in the metadata, for programs.
      const told = Object.values(metadata).filter((fact) => message.includes(fact));
      const isList = ["INVALID_REQUEST", "INPUTS_INVALID"].includes(row.refusal.reason);
      expect(isList || told.length === Object.values(metadata).length).toBe(true);
    },
  );

  test("has a row for each reason of the contract", () => {
    const reasons = ReasonSchema.values
      .map(({ localName }) => localName)
      .filter((name) => name !== "UNSPECIFIED");
    expect(Object.keys(refusalRows).toSorted()).toEqual(reasons.toSorted());
  });

  test("of a bad request names every field that is wrong", () => {
    const violations = [
      { field: "run.plan.actions[0].name", description: "the name a is taken" },
      { field: "", description: "the request contradicts itself" },
    ];
    const refusal: Refusal = { reason: "INVALID_REQUEST", violations };
    const [details] = toConnectError(refusal).findDetails(BadRequestSchema);
    expect(details?.fieldViolations.map(({ field, description }) => ({ field, description }))).toEqual(
      violations,
    );
    expect(toRefusalMessage(refusal).message).toBe(
      "run.plan.actions[0].name: the name a is taken; the request contradicts itself",
    );
  });

  test("never says more than the contract bounds, whatever the facts are", () => {
    const long = "x".repeat(100_000);
    const told = toRefusalMessage({ reason: "REQUEST_ID_REUSED", requestId: long });
    expect(told.message.length).toBeLessThanOrEqual(16_384);
    expect(told.metadata["request_id"]?.length).toBeLessThanOrEqual(4_096);
    const violations = Array.from({ length: 1_000 }, () => ({ field: long, description: long }));
    expect(toRefusalMessage({ reason: "INVALID_REQUEST", violations }).message.length).toBeLessThanOrEqual(
      16_384,
    );
  });
});

describe("a failure", () => {
  test.each([
    { name: "of the store", error: new StoreUnavailable("disk full"), reason: "STORE_UNAVAILABLE" },
    { name: "of a stopping server", error: new Stopping(), reason: "STOPPING" },
  ])("$name is told as $reason, and its cause is kept for the log", ({ error, reason }) => {
    expect(refusalOf(error)).toEqual({ reason });
    const thrown = toThrown(error);
    expect(thrown).toBeInstanceOf(ConnectError);
    expect(ConnectError.from(thrown).findDetails(ErrorInfoSchema)[0]?.reason).toBe(reason);
    expect(ConnectError.from(thrown).cause).toBe(error);
    expect(thrown.message).not.toContain("disk full");
  });

  test("of another kind stays what it is", () => {
    const bug = new TypeError("x is not a function");
    expect(refusalOf(bug)).toBeUndefined();
    expect(toThrown(bug)).toBe(bug);
  });
});
