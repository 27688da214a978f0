import type { DescEnum, DescMessage, JsonValue, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import {
  create,
  fromBinary,
  fromJson as messageFromJson,
  toJson as messageToJson,
  toBinary,
} from "@bufbuild/protobuf";
import { ValueSchema as JsonSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  Action_KindSchema,
  Action_StateSchema,
  ActionSchema,
  AttemptSchema,
  Dependency_RequirementSchema,
  NewActionSchema,
  TimelineEntry_TypeSchema,
} from "../../gen/signalbox/v1/action_pb.ts";
import { Condition_OutcomeSchema, ConditionSchema } from "../../gen/signalbox/v1/condition_pb.ts";
import { EventKindSchema, EventSchema, LogLevelSchema } from "../../gen/signalbox/v1/event_pb.ts";
import { OpSchema, SpecTypeSchema } from "../../gen/signalbox/v1/op_pb.ts";
import { NewRunSchema, Run_StateSchema, RunSchema } from "../../gen/signalbox/v1/run_pb.ts";
import { ValueSchema, ValueTypeSchema } from "../../gen/signalbox/v1/value_pb.ts";
import { AttemptReportSchema, Worker_StateSchema } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { toCondition } from "../../src/api/mapping/conditions/to-condition.ts";
import * as enums from "../../src/api/mapping/enums.ts";
import { Faults } from "../../src/api/mapping/faults.ts";
import { fromOp } from "../../src/api/mapping/from-proto-op.ts";
import { fromAttemptReport } from "../../src/api/mapping/from-proto-report.ts";
import { fromNewAction, fromNewRun } from "../../src/api/mapping/from-proto-run.ts";
import { fromJson, fromValue } from "../../src/api/mapping/from-proto-value.ts";
import { fromDuration, toDuration, toTimestamp } from "../../src/api/mapping/time.ts";
import { toAction } from "../../src/api/mapping/to-proto-action.ts";
import { currentAttempt, toAttempt } from "../../src/api/mapping/to-proto-attempt.ts";
import { toEvent, toPlacedEvent } from "../../src/api/mapping/to-proto-event.ts";
import { toOp } from "../../src/api/mapping/to-proto-op.ts";
import { toRun } from "../../src/api/mapping/to-proto-run.ts";
import { toJson, toValue } from "../../src/api/mapping/to-proto-value.ts";
import type { GivenAnswer } from "../../src/core/conditions/standing.ts";
import type { Event, EventDetail, EventKind, Position } from "../../src/core/event.ts";
import { demandOf } from "../../src/core/placement/demand-of.ts";
import type { Json, Value } from "../../src/core/value.ts";
import { jsonDepthMax } from "../../src/limits.ts";
import { anOp, theInputs, theOutputs } from "../support/builders.ts";
import { placement, resources } from "../support/placing.ts";
import { anAction, aRun, newYearMs, plainCondition, plainTask } from "./rows.ts";

/** The message as a peer reads it that was sent its bytes. */
function overTheWire<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): MessageShape<Desc> {
  return fromBinary(schema, toBinary(schema, message));
}

/** The message as a peer's JSON has it. */
function asJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonValue {
  return messageToJson(schema, overTheWire(schema, message));
}

/** What was translated, and the faults that were found. */
function withFaults<T>(translate: (faults: Faults) => T): { result: T; faults: string[] } {
  const faults = new Faults();
  const result = translate(faults);
  return { result, faults: faults.violations.map(({ field, description }) => `${field}: ${description}`) };
}

describe("a value", () => {
  test.each<{ name: string; value: Value; json: JsonValue }>([
    { name: "null", value: { kind: "null" }, json: { nullValue: null } },
    { name: "true", value: { kind: "bool", value: true }, json: { boolValue: true } },
    { name: "false", value: { kind: "bool", value: false }, json: { boolValue: false } },
    { name: "zero", value: { kind: "int", value: "0" }, json: { intValue: "0" } },
    {
      name: "the largest int64",
      value: { kind: "int", value: "9223372036854775807" },
      json: { intValue: "9223372036854775807" },
    },
    {
      name: "the smallest int64",
      value: { kind: "int", value: "-9223372036854775808" },
      json: { intValue: "-9223372036854775808" },
    },
    { name: "a float", value: { kind: "float", value: 0.1 }, json: { floatValue: 0.1 } },
    { name: "not a number", value: { kind: "float", value: "NaN" }, json: { floatValue: "NaN" } },
    { name: "infinity", value: { kind: "float", value: "Infinity" }, json: { floatValue: "Infinity" } },
    {
      name: "the other infinity",
      value: { kind: "float", value: "-Infinity" },
      json: { floatValue: "-Infinity" },
    },
    { name: "no text", value: { kind: "string", value: "" }, json: { stringValue: "" } },
    { name: "a text", value: { kind: "string", value: "zwölf 🚦" }, json: { stringValue: "zwölf 🚦" } },
    { name: "no bytes", value: { kind: "bytes", value: "" }, json: { bytesValue: "" } },
    { name: "bytes", value: { kind: "bytes", value: "AP+A" }, json: { bytesValue: "AP+A" } },
    {
      name: "JSON",
      value: { kind: "json", value: { a: [1, null, true, "x"], b: {} } },
      json: { jsonValue: { a: [1, null, true, "x"], b: {} } },
    },
    { name: "JSON null", value: { kind: "json", value: null }, json: { jsonValue: null } },
    {
      name: "a reference",
      value: { kind: "reference", uri: "s3://b/k", sha256: "a".repeat(64), sizeBytes: "12345678901234" },
      json: { reference: { uri: "s3://b/k", sha256: "a".repeat(64), sizeBytes: "12345678901234" } },
    },
  ])("$name is the same after the wire, and in JSON as the contract says", ({ value, json }) => {
    const message = overTheWire(ValueSchema, toValue(value));
    expect(withFaults((faults) => fromValue(message, faults))).toEqual({ result: value, faults: [] });
    expect(messageToJson(ValueSchema, message)).toEqual(json);
    const parsed = messageFromJson(ValueSchema, json);
    expect(withFaults((faults) => fromValue(parsed, faults)).result).toEqual(value);
  });

  test("that is any JSON is the same after the wire", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (any) => {
        // As JSON has it: negative zero is zero there.
        const json = JSON.parse(JSON.stringify(any)) as Json;
        const message = overTheWire(JsonSchema, toJson(json));
        expect(withFaults((faults) => fromJson(message, faults))).toEqual({ result: json, faults: [] });
      }),
    );
  });

  test("keeps a member that is named __proto__ as a member", () => {
    const json = JSON.parse('{"__proto__": {"polluted": true}}') as Json;
    const { result } = withFaults((faults) => fromJson(overTheWire(JsonSchema, toJson(json)), faults));
    expect(JSON.stringify(result)).toBe('{"__proto__":{"polluted":true}}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  const nested = (depth: number): Json => (depth === 1 ? 1 : [nested(depth - 1)]);

  test.each<{ name: string; value: MessageInitShape<typeof ValueSchema>; fault: string }>([
    { name: "without a kind", value: {}, fault: ": must have a kind" },
    {
      name: "of JSON without a kind",
      value: { kind: { case: "jsonValue", value: create(JsonSchema) } },
      fault: "json_value: must not hold a value without a kind",
    },
    {
      name: "of JSON with NaN",
      value: { kind: { case: "jsonValue", value: toJson([Number.NaN]) } },
      fault: "json_value: must not hold NaN or an infinity",
    },
    {
      name: "of JSON that is too deep",
      value: { kind: { case: "jsonValue", value: toJson(nested(jsonDepthMax + 1)) } },
      fault: `json_value: must not be nested deeper than ${jsonDepthMax} levels`,
    },
    {
      name: "of JSON that is too large",
      value: { kind: { case: "jsonValue", value: toJson(["x".repeat(1024 * 1024)]) } },
      fault: "json_value: must take at most 1048576 bytes; refer to what is larger",
    },
  ])("$name is a fault", ({ value, fault }) => {
    const message = create(ValueSchema, value);
    expect(withFaults((faults) => fromValue(message, faults)).faults).toEqual([fault]);
  });

  test("of JSON may be as deep as the bound says, and peers can read it", () => {
    const value: Value = { kind: "json", value: nested(jsonDepthMax) };
    const outputs = { value: toValue(value) };
    const action = overTheWire(ActionSchema, create(ActionSchema, { outputs }));
    const read = action.outputs["value"];
    expect(read === undefined ? undefined : withFaults((faults) => fromValue(read, faults)).result).toEqual(
      value,
    );
  });
});

describe("a time", () => {
  test.each([
    { ms: 0, seconds: 0n, nanos: 0 },
    { ms: 1, seconds: 0n, nanos: 1_000_000 },
    { ms: 1_500, seconds: 1n, nanos: 500_000_000 },
    { ms: newYearMs + 999, seconds: 1_735_689_600n, nanos: 999_000_000 },
  ])("of $ms ms is $seconds s and $nanos ns", ({ ms, seconds, nanos }) => {
    expect(toTimestamp(ms)).toMatchObject({ seconds, nanos });
    expect(toDuration(ms)).toMatchObject({ seconds, nanos });
    expect(fromDuration(toDuration(ms))).toBe(ms);
  });

  test.each([
    { seconds: 0n, nanos: 1, ms: 1 },
    { seconds: 0n, nanos: 999_999, ms: 1 },
    { seconds: 2n, nanos: 1_000_001, ms: 2_002 },
    { seconds: 31_622_400n, nanos: 0, ms: 31_622_400_000 },
  ])("of $seconds s and $nanos ns is rounded up to $ms ms", ({ seconds, nanos, ms }) => {
    expect(fromDuration({ $typeName: "google.protobuf.Duration", seconds, nanos })).toBe(ms);
  });

  test("that is not said stays unsaid", () => {
    expect([toTimestamp(undefined), toDuration(undefined), fromDuration(undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("an enum", () => {
  test.each<{ desc: DescEnum; map: enums.EnumMap<string, number>; word?: (name: string) => string }>([
    { desc: Action_StateSchema, map: enums.actionStates },
    { desc: Run_StateSchema, map: enums.runStates },
    { desc: Worker_StateSchema, map: enums.sessionStates },
    { desc: Condition_OutcomeSchema, map: enums.outcomes },
    { desc: Action_KindSchema, map: enums.actionKinds, word: (name) => name.toLowerCase() },
    { desc: Dependency_RequirementSchema, map: enums.requirements, word: (name) => name.toLowerCase() },
    { desc: ValueTypeSchema, map: enums.valueTypes, word: (name) => name.toLowerCase() },
    { desc: SpecTypeSchema, map: enums.specTypes, word: (name) => name.toLowerCase() },
    { desc: TimelineEntry_TypeSchema, map: enums.timelineTypes },
    { desc: LogLevelSchema, map: enums.logLevels, word: (name) => name.toLowerCase() },
    { desc: EventKindSchema, map: enums.eventKinds, word: (name) => name.toLowerCase() },
  ])("$desc.typeName has one word for each of its values and no others", ({ desc, map, word }) => {
    const values = desc.values.filter(({ number }) => number !== 0);
    for (const { localName, number } of values) {
      const expected = word === undefined ? localName : word(localName);
      expect(map.word(number)).toBe(expected);
      expect(map.of[expected]).toBe(number);
    }
    expect(Object.keys(map.of)).toHaveLength(values.length);
    expect([map.word(0), map.word(999)]).toEqual([undefined, undefined]);
  });
});

/** What a task that asks nothing of its worker is translated to. */
const asksForNothing = { resources: undefined, placement: undefined, image: "", handler: "" };

describe("a new run", () => {
  test("is translated with everything that it says", () => {
    const message = create(NewRunSchema, {
      namespace: "team",
      runId: "nightly",
      labels: { env: "prod" },
      priority: 7,
      timeout: { seconds: 60n },
      work: {
        case: "task",
        value: {
          op: "count",
          opVersion: 3,
          inputs: { path: { source: { case: "value", value: toValue({ kind: "string", value: "a" }) } } },
          retry: {
            maxAttempts: 5,
            initialBackoff: {},
            multiplier: 1.5,
            maxBackoff: { seconds: 9n },
            jitter: 0.1,
            nonRetryableErrorTypes: ["Fatal"],
          },
          timeouts: { queueToStart: { seconds: 1n }, heartbeat: { nanos: 1 } },
          cancelGrace: { seconds: 0n },
          resources: { cpu: 0.25, ramMb: 512n, vramMb: 0n, deviceCount: 2 },
          placement: { workerLabels: { zone: "a" }, tolerations: [{ key: "spot" }] },
          image: "registry/count:1",
          handler: "count:main",
        },
      },
      delivery: { topic: "runs.count", attributes: { team: "x" } },
    });
    expect(withFaults((faults) => fromNewRun(overTheWire(NewRunSchema, message), faults))).toEqual({
      faults: [],
      result: {
        namespace: "team",
        runId: "nightly",
        labels: { env: "prod" },
        priority: 7,
        timeoutMs: 60_000,
        delivery: { topic: "runs.count", attributes: { team: "x" } },
        work: {
          task: {
            kind: "task",
            op: "count",
            opVersion: 3,
            inputs: { path: { value: { kind: "string", value: "a" } } },
            retry: {
              maxAttempts: 5,
              initialBackoffMs: 0,
              multiplier: 1.5,
              maxBackoffMs: 9_000,
              jitter: 0.1,
              nonRetryableErrorTypes: ["Fatal"],
            },
            timeouts: { queueToStartMs: 1_000, startToEndMs: undefined, heartbeatMs: 1 },
            cancelGraceMs: 0,
            resources: resources({ cpu: 0.25, ramMb: 512, vramMb: 0, deviceCount: 2 }),
            placement: placement({ workerLabels: { zone: "a" }, tolerations: [{ key: "spot", value: "" }] }),
            image: "registry/count:1",
            handler: "count:main",
          },
        },
      },
    });
  });

  test("leaves to its op what it does not say", () => {
    const message = create(NewRunSchema, { work: { case: "task", value: { op: "count", retry: {} } } });
    expect(withFaults((faults) => fromNewRun(message, faults)).result).toEqual({
      namespace: "default",
      runId: "",
      labels: {},
      priority: 0,
      timeoutMs: undefined,
      delivery: undefined,
      work: {
        task: {
          kind: "task",
          op: "count",
          opVersion: 0,
          inputs: {},
          retry: {},
          timeouts: undefined,
          cancelGraceMs: undefined,
          ...asksForNothing,
        },
      },
    });
  });

  test("tells all of its faults, each with its place", () => {
    const deep = toJson([Number.POSITIVE_INFINITY]);
    const faulty = {
      source: { case: "value" as const, value: { kind: { case: "jsonValue" as const, value: deep } } },
    };
    const message = create(NewRunSchema, {
      work: {
        case: "plan",
        value: {
          actions: [
            { name: "a" },
            { name: "b", kind: { case: "task", value: { op: "x", inputs: { "the input": faulty, y: {} } } } },
            { name: "c", kind: { case: "condition", value: { defaultValue: {} } } },
            {
              name: "d",
              kind: { case: "trace", value: {} },
              dependencies: [{ action: "a", equals: {} }],
            },
          ],
        },
      },
    });
    expect(withFaults((faults) => fromNewRun(message, faults)).faults).toEqual([
      "plan.actions[0]: must be a task, a condition or a trace",
      'plan.actions[1].task.inputs["the input"].value.json_value: must not hold NaN or an infinity',
      'plan.actions[1].task.inputs["y"]: must be a value or a reference',
      "plan.actions[2].condition.type: must be a type of value",
      "plan.actions[2].condition.default_value: must have a kind",
      "plan.actions[3].dependencies[0].equals: must have a kind",
    ]);
  });

  test("must not name an input __proto__", () => {
    const inputs = JSON.parse('{"__proto__": {"value": {"boolValue": true}}}') as JsonValue;
    const message = messageFromJson(NewRunSchema, { task: { op: "x", inputs } });
    const { result, faults } = withFaults((all) => fromNewRun(message, all));
    expect(faults).toEqual(['task.inputs["__proto__"]: must not be named __proto__']);
    expect(result.work).toMatchObject({ task: { inputs: {} } });
  });
});

describe("a new action", () => {
  test.each<{ name: string; message: MessageInitShape<typeof NewActionSchema>; gives: object }>([
    {
      name: "a condition",
      message: {
        name: "approve",
        kind: {
          case: "condition",
          value: {
            type: 1,
            prompt: "go?",
            description: "read this",
            timeout: { seconds: 5n },
            defaultValue: toValue({ kind: "bool", value: false }),
          },
        },
        labels: { a: "b" },
      },
      gives: {
        name: "approve",
        spec: {
          kind: "condition",
          type: "bool",
          prompt: "go?",
          description: "read this",
          timeoutMs: 5_000,
          defaultValue: { kind: "bool", value: false },
        },
        dependencies: [],
        labels: { a: "b" },
      },
    },
    {
      name: "a trace",
      message: { name: "step", kind: { case: "trace", value: { description: "does it" } } },
      gives: { name: "step", spec: { kind: "trace", description: "does it" }, dependencies: [], labels: {} },
    },
    {
      name: "a task that depends on others",
      message: {
        name: "write",
        kind: {
          case: "task",
          value: {
            op: "w",
            inputs: { n: { source: { case: "reference", value: { from: "count", output: "lines" } } } },
          },
        },
        dependencies: [
          { action: "a" },
          { action: "b", requirement: 1, equals: toValue({ kind: "int", value: "1" }) },
          { action: "c", requirement: 2 },
        ],
      },
      gives: {
        name: "write",
        spec: {
          kind: "task",
          op: "w",
          opVersion: 0,
          inputs: { n: { reference: { from: "count", output: "lines" } } },
          retry: undefined,
          timeouts: undefined,
          cancelGraceMs: undefined,
          ...asksForNothing,
        },
        dependencies: [
          { action: "a", requirement: "succeeded", equals: undefined },
          { action: "b", requirement: "succeeded", equals: { kind: "int", value: "1" } },
          { action: "c", requirement: "ended", equals: undefined },
        ],
        labels: {},
      },
    },
  ])("that is $name is translated", ({ message, gives }) => {
    const sent = overTheWire(NewActionSchema, create(NewActionSchema, message));
    expect(withFaults((faults) => fromNewAction(sent, faults))).toEqual({ result: gives, faults: [] });
  });
});

describe("a report", () => {
  const attempt = { runId: "r1", action: "main", attempt: 2, epoch: 7n };

  test.each<{ content: NonNullable<MessageInitShape<typeof AttemptReportSchema>["content"]>; gives: object }>(
    [
      {
        content: { case: "progress", value: { percent: 50, message: "half" } },
        gives: { kind: "progress", percent: 50, message: "half" },
      },
      {
        content: { case: "log", value: { level: 3, message: "hm" } },
        gives: { kind: "log", level: "warn", message: "hm" },
      },
      {
        content: { case: "log", value: { message: "hm" } },
        gives: { kind: "log", level: "info", message: "hm" },
      },
      {
        content: {
          case: "event",
          value: { source: "s", type: "t", attributes: { a: "b" }, payload: toJson([1]) },
        },
        gives: { kind: "event", published: { source: "s", type: "t", attributes: { a: "b" }, payload: [1] } },
      },
      { content: { case: "heartbeat", value: {} }, gives: { kind: "heartbeat" } },
      {
        content: { case: "succeeded", value: { outputs: { n: toValue({ kind: "int", value: "3" }) } } },
        gives: { kind: "succeeded", outputs: { n: { kind: "int", value: "3" } } },
      },
      {
        content: { case: "failed", value: { type: "E", message: "m", stack: "s", nonRetryable: true } },
        gives: { kind: "failed", error: { type: "E", message: "m", stack: "s", nonRetryable: true } },
      },
      { content: { case: "stopped", value: { message: "ok" } }, gives: { kind: "stopped", message: "ok" } },
      {
        content: { case: "traceEnded", value: { name: "step", error: { type: "E" } } },
        gives: {
          kind: "trace_ended",
          name: "step",
          outputs: {},
          error: { type: "E", message: "", stack: "", nonRetryable: false },
        },
      },
    ],
  )("of $content.case is translated", ({ content, gives }) => {
    const message = create(AttemptReportSchema, { attempt, sequence: 4n, content });
    const sent = overTheWire(AttemptReportSchema, message);
    expect(withFaults((faults) => fromAttemptReport(sent, "team", faults))).toEqual({
      faults: [],
      result: {
        attempt: { run: "team/r1", action: "main", attempt: 2, epoch: 7 },
        sequence: 4,
        content: gives,
      },
    });
  });

  test("with numbers that nobody can have given out has a fault for each", () => {
    const tooLarge = 2n ** 53n;
    const message = create(AttemptReportSchema, {
      attempt: { ...attempt, epoch: tooLarge },
      sequence: 2n ** 64n - 1n,
      content: { case: "heartbeat", value: {} },
    });
    expect(withFaults((faults) => fromAttemptReport(message, "default", faults)).faults).toEqual([
      "attempt.epoch: must be at most 9007199254740991, it is 9007199254740992",
      "sequence: must be at most 9007199254740991, it is 18446744073709551615",
    ]);
  });

  test("without an attempt or a content has a fault for each", () => {
    const message = create(AttemptReportSchema, { sequence: 1n });
    expect(withFaults((faults) => fromAttemptReport(message, "default", faults)).faults).toEqual([
      "attempt: must be set",
      ": must have a content",
    ]);
  });
});

describe("a row", () => {
  const at = (offsetMs: number) => newYearMs + offsetMs;

  test("of a run is told as the contract says", () => {
    const run = aRun({
      labels: { env: "prod" },
      priority: -3,
      state: "FAILED",
      startTimeMs: at(1),
      endTimeMs: at(2_000),
      deadlineMs: at(60_000),
      actionCount: 3,
      endedActionCount: 2,
      pausedConditionCount: 1,
      error: { type: "E", message: "m", stack: "", nonRetryable: false },
      outputs: { n: { kind: "int", value: "1" } },
      cancelRequested: true,
      retryCount: 2,
      op: "count",
      opVersion: 3,
      image: "registry/count:1",
      delivery: { topic: "runs.count", attributes: { team: "x" } },
      updateTimeMs: at(2_000),
      rerunOf: "r0",
    });
    expect(asJson(RunSchema, toRun(run))).toEqual({
      namespace: "default",
      runId: "r1",
      labels: { env: "prod" },
      priority: -3,
      state: "STATE_FAILED",
      createTime: "2025-01-01T00:00:00Z",
      startTime: "2025-01-01T00:00:00.001Z",
      endTime: "2025-01-01T00:00:02Z",
      deadlineTime: "2025-01-01T00:01:00Z",
      actionCount: 3,
      endedActionCount: 2,
      pausedConditionCount: 1,
      error: { type: "E", message: "m" },
      outputs: { n: { intValue: "1" } },
      cancelRequested: true,
      retryCount: 2,
      op: "count",
      opVersion: 3,
      image: "registry/count:1",
      delivery: { topic: "runs.count", attributes: { team: "x" } },
      updateTime: "2025-01-01T00:00:02Z",
      createdBy: "rita",
      rerunOf: "r0",
    });
  });

  test("of a task is told with what it depends on, each of its inputs' sources once", () => {
    const action = anAction({
      name: "top/write",
      parent: "top",
      state: "PENDING",
      spec: {
        ...plainTask,
        opVersion: 2,
        dependencies: [{ action: "a", requirement: "ended", equals: undefined }],
        inputs: {
          x: { reference: { from: "a", output: "n" } },
          y: { reference: { from: "b", output: "" } },
          z: { reference: { from: "b", output: "m" } },
          v: { value: { kind: "bool", value: true } },
        },
        labels: { l: "1" },
        demand: demandOf(resources({ vramMb: 0 }), placement({ workerLabels: { zone: "a" } })),
        image: "registry/count:1",
        handler: "count:main",
        timeouts: { queueToStartMs: 1_000, startToEndMs: undefined, heartbeatMs: undefined },
      },
      deviceIndexes: [0, 3],
      attempt: 1,
      waitingCount: 2,
      workerId: "w1",
      queueTimeMs: at(5),
      retryTimeMs: at(1_000),
      cancelTimeMs: at(3),
      progressPercent: 12.5,
      progressMessage: "p",
    });
    expect(asJson(ActionSchema, toAction(action))).toEqual({
      namespace: "default",
      runId: "r1",
      name: "top/write",
      parent: "top",
      kind: "KIND_TASK",
      state: "STATE_PENDING",
      op: "count",
      opVersion: 2,
      attempt: 1,
      workerId: "w1",
      createTime: "2025-01-01T00:00:00Z",
      queueTime: "2025-01-01T00:00:00.005Z",
      retryTime: "2025-01-01T00:00:01Z",
      progressPercent: 12.5,
      progressMessage: "p",
      cancelRequested: true,
      waitingCount: 2,
      dependencies: [
        { action: "a", requirement: "REQUIREMENT_ENDED" },
        { action: "b", requirement: "REQUIREMENT_SUCCEEDED" },
      ],
      labels: { l: "1" },
      inputs: {
        x: { reference: { from: "a", output: "n" } },
        y: { reference: { from: "b" } },
        z: { reference: { from: "b", output: "m" } },
        v: { value: { boolValue: true } },
      },
      resources: { vramMb: "0" },
      placement: { workerLabels: { zone: "a" } },
      image: "registry/count:1",
      handler: "count:main",
      deviceIndexes: [0, 3],
      retry: { maxAttempts: 1, initialBackoff: "1s", multiplier: 2, maxBackoff: "300s" },
      timeouts: { queueToStart: "1s" },
    });
  });

  test("of a condition is told with its deadline and its answer", () => {
    const action = anAction({
      name: "approve",
      spec: { ...plainCondition, timeoutMs: 60_000, defaultValue: { kind: "bool", value: false } },
      state: "SUCCEEDED",
      queueTimeMs: at(1_000),
      endTimeMs: at(2_000),
      outputs: { value: { kind: "bool", value: true } },
      outcome: "ANSWERED",
      signalledBy: "ada",
    });
    const condition = toCondition(action, { runLabels: { env: "prod" }, requester: "rita", op: "ship" });
    const told = {
      namespace: "default",
      runId: "r1",
      name: "approve",
      spec: {
        type: "VALUE_TYPE_BOOL",
        prompt: "publish?",
        timeout: "60s",
        defaultValue: { boolValue: false },
      },
      pauseTime: "2025-01-01T00:00:01Z",
      deadlineTime: "2025-01-01T00:01:01Z",
      endTime: "2025-01-01T00:00:02Z",
      outcome: "OUTCOME_ANSWERED",
      answer: { boolValue: true },
      signalledBy: "ada",
      instance: 1,
    };
    expect(condition === undefined ? undefined : asJson(ConditionSchema, condition)).toEqual({
      ...told,
      runLabels: { env: "prod" },
      requester: "rita",
      op: "ship",
    });
    expect(asJson(ActionSchema, toAction(action))).toMatchObject({
      kind: "KIND_CONDITION",
      state: "STATE_SUCCEEDED",
      condition: told,
    });
  });

  test("of a task is no condition", () => {
    expect(toCondition(anAction(), { runLabels: {}, requester: "", op: "" })).toBeUndefined();
  });

  test("of a held action is its current attempt", () => {
    const inputs = { n: { value: { kind: "int" as const, value: "7" } } };
    const demand = demandOf(resources({ cpu: 0.5 }), undefined);
    const spec = { ...plainTask, inputs, demand };
    const times = { startTimeMs: at(1), deviceIndexes: [0] };
    const action = anAction({ spec, state: "RUNNING", attempt: 2, epoch: 5, workerId: "w1", ...times });
    expect(asJson(AttemptSchema, toAttempt(currentAttempt(action), spec, at(1_501)))).toEqual({
      attemptId: "r1_att_2",
      number: 2,
      state: "STATE_RUNNING",
      workerId: "w1",
      startTime: "2025-01-01T00:00:00.001Z",
      inputs: { n: { intValue: "7" } },
      resources: { cpu: 0.5 },
      epoch: "5",
      summary: { duration: "1.500s", workerId: "w1", deviceIndexes: [0] },
    });
  });

  test("of an op says what was registered, and can be registered again as it was told", () => {
    const schema = { type: "integer", minimum: 0, $defs: { a: { const: null } } };
    const content = anOp({
      description: "counts",
      labels: { a: "b" },
      retry: { maxAttempts: 3, initialBackoffMs: 0, jitter: 0.5, manual: true },
      timeouts: { queueToStartMs: undefined, startToEndMs: 90_500, heartbeatMs: undefined },
      versionName: "1.2.0",
      inputs: theInputs(
        { n: { type: "int", schema, defaultValue: { kind: "int", value: "3" } }, any: { required: false } },
        { allowExtra: true },
      ),
      outputs: theOutputs({ total: { type: "float", description: "the sum", schema } }),
      resources: resources({ cpu: 1.5, deviceIndex: 0 }),
      placement: placement({ workerLabels: { zone: "a" }, tolerations: [{ key: "spot", value: "" }] }),
      delivery: { topic: "runs.count", attributes: { team: "x" } },
      image: "registry/count:1",
      handler: "count:main",
    });
    const version = { version: 4, createTimeMs: newYearMs, updateTimeMs: at(1_000) };
    const op = toOp({ namespace: "team", name: "count", ...version, ...content });
    expect(asJson(OpSchema, op)).toEqual({
      namespace: "team",
      name: "count",
      version: 4,
      description: "counts",
      labels: { a: "b" },
      retry: { maxAttempts: 3, initialBackoff: "0s", jitter: 0.5, manual: true },
      timeouts: { startToEnd: "90.500s" },
      createTime: "2025-01-01T00:00:00Z",
      updateTime: "2025-01-01T00:00:01Z",
      versionName: "1.2.0",
      inputs: {
        n: { type: "SPEC_TYPE_INT", required: true, defaultValue: { intValue: "3" }, schema },
        any: { type: "SPEC_TYPE_ANY", required: false },
      },
      allowExtraInputs: true,
      outputs: { total: { type: "SPEC_TYPE_FLOAT", description: "the sum", schema } },
      resources: { cpu: 1.5, deviceIndex: 0 },
      placement: { workerLabels: { zone: "a" }, tolerations: [{ key: "spot" }] },
      delivery: { topic: "runs.count", attributes: { team: "x" } },
      image: "registry/count:1",
      handler: "count:main",
    });
    const faults = new Faults();
    expect(fromOp(overTheWire(OpSchema, op), faults)).toEqual(content);
    expect(faults.violations).toEqual([]);
  });
});

describe("an event", () => {
  const error = { type: "E", message: "m", stack: "", nonRetryable: false };
  const yes: Value = { kind: "bool", value: true };
  const anAnswer: GivenAnswer = {
    value: yes,
    subject: "ana",
    signalledBy: "ada",
    comment: "fine",
    channel: "link",
    origin: "127.0.0.1:1",
    timeMs: newYearMs,
    instance: 1,
    runId: "r0",
  };
  const anAnswerJson = {
    value: { boolValue: true },
    subject: "ana",
    signalledBy: "ada",
    comment: "fine",
    channel: "CHANNEL_LINK",
    origin: "127.0.0.1:1",
    createTime: "2025-01-01T00:00:00Z",
    instance: 1,
    runId: "r0",
  };
  const details: {
    readonly [K in EventKind]: { detail: Extract<EventDetail, { kind: K }>; json: JsonValue };
  } = {
    run_created: {
      detail: { kind: "run_created", priority: 1, actionCount: 2, createdBy: "ana", rerunOf: "r0" },
      json: { priority: 1, actionCount: 2, createdBy: "ana", rerunOf: "r0" },
    },
    run_updated: {
      detail: { kind: "run_updated", priority: 1, labels: { a: "b" } },
      json: { priority: 1, labels: { a: "b" } },
    },
    run_started: { detail: { kind: "run_started" }, json: {} },
    run_cancel_requested: { detail: { kind: "run_cancel_requested", cause: "c" }, json: { cause: "c" } },
    run_retried: { detail: { kind: "run_retried", retryCount: 1 }, json: { retryCount: 1 } },
    run_ended: {
      detail: { kind: "run_ended", state: "FAILED", error, outputs: { n: yes } },
      json: {
        state: "STATE_FAILED",
        error: { type: "E", message: "m" },
        outputs: { n: { boolValue: true } },
      },
    },
    action_created: {
      detail: {
        kind: "action_created",
        actionKind: "task",
        state: "RECOVERED",
        parent: "p",
        op: "o",
        recoveredFrom: "r0",
      },
      json: { kind: "KIND_TASK", state: "STATE_RECOVERED", parent: "p", op: "o", recoveredFrom: "r0" },
    },
    action_queued: { detail: { kind: "action_queued" }, json: {} },
    action_assigned: {
      detail: { kind: "action_assigned", workerId: "w", epoch: 3, deviceIndexes: [0, 2] },
      json: { workerId: "w", epoch: "3", deviceIndexes: [0, 2] },
    },
    action_started: {
      detail: { kind: "action_started", workerId: "w", epoch: 3 },
      json: { workerId: "w", epoch: "3" },
    },
    action_progressed: {
      detail: { kind: "action_progressed", percent: 5, message: "m" },
      json: { percent: 5, message: "m" },
    },
    action_logged: {
      detail: { kind: "action_logged", level: "error", message: "m" },
      json: { level: "LOG_LEVEL_ERROR", message: "m" },
    },
    attempt_failed: {
      detail: { kind: "attempt_failed", state: "TIMED_OUT", error, retryTimeMs: newYearMs },
      json: {
        state: "STATE_TIMED_OUT",
        error: { type: "E", message: "m" },
        retryTime: "2025-01-01T00:00:00Z",
      },
    },
    action_returned: { detail: { kind: "action_returned", cause: "c" }, json: { cause: "c" } },
    action_cancel_requested: {
      detail: { kind: "action_cancel_requested", cause: "c" },
      json: { cause: "c" },
    },
    action_ended: {
      detail: {
        kind: "action_ended",
        state: "SUCCEEDED",
        outputs: { n: yes },
        error: undefined,
        epoch: 4,
        cause: "by hand",
      },
      json: { state: "STATE_SUCCEEDED", outputs: { n: { boolValue: true } }, epoch: "4", cause: "by hand" },
    },
    action_reopened: {
      detail: { kind: "action_reopened", state: "PENDING" },
      json: { state: "STATE_PENDING" },
    },
    condition_paused: {
      detail: {
        kind: "condition_paused",
        type: "int",
        prompt: "p",
        deadlineMs: newYearMs,
        instance: 2,
        assignee: "ana",
        correlationKey: "o-1",
      },
      json: {
        type: "VALUE_TYPE_INT",
        prompt: "p",
        deadlineTime: "2025-01-01T00:00:00Z",
        instance: 2,
        assignee: "ana",
        correlationKey: "o-1",
      },
    },
    condition_answered: {
      detail: {
        kind: "condition_answered",
        value: yes,
        signalledBy: "ada",
        defaulted: true,
        answer: anAnswer,
      },
      json: { value: { boolValue: true }, signalledBy: "ada", defaulted: true, answer: anAnswerJson },
    },
    answer_given: {
      detail: { kind: "answer_given", answer: anAnswer, answerCount: 1, requiredCount: 2 },
      json: { answer: anAnswerJson, answerCount: 1, requiredCount: 2 },
    },
    condition_changed: {
      detail: {
        kind: "condition_changed",
        change: "snoozed",
        subject: "ana",
        assignee: "bob",
        snoozeEndMs: newYearMs,
        deadlineMs: newYearMs,
      },
      json: {
        kind: "KIND_SNOOZED",
        subject: "ana",
        assignee: "bob",
        snoozeEndTime: "2025-01-01T00:00:00Z",
        deadlineTime: "2025-01-01T00:00:00Z",
      },
    },
    condition_escalated: {
      detail: { kind: "condition_escalated", step: 1, notify: ["leads"], assignee: "bob" },
      json: { step: 1, notify: ["leads"], assignee: "bob" },
    },
    webhook_posted: {
      detail: { kind: "webhook_posted", about: "condition_paused", deliveryCount: 2, cause: "503" },
      json: { about: "condition_paused", deliveryCount: 2, cause: "503" },
    },
    link_refused: {
      detail: { kind: "link_refused", cause: "LINK_EXPIRED", origin: "127.0.0.1:1" },
      json: { cause: "LINK_EXPIRED", origin: "127.0.0.1:1" },
    },
    signal_kept: {
      detail: {
        kind: "signal_kept",
        value: yes,
        signalledBy: "ada",
        subject: "ana",
        correlationKey: "o-1",
        expireMs: newYearMs,
      },
      json: {
        value: { boolValue: true },
        signalledBy: "ada",
        subject: "ana",
        correlationKey: "o-1",
        expireTime: "2025-01-01T00:00:00Z",
      },
    },
    signal_dropped: {
      detail: { kind: "signal_dropped", cause: "EXPIRED", correlationKey: "o-1" },
      json: { cause: "EXPIRED", correlationKey: "o-1" },
    },
    worker_attached: {
      detail: { kind: "worker_attached", workerId: "w", sessionId: "s", ops: ["o"], keptCount: 1 },
      json: { workerId: "w", sessionId: "s", ops: ["o"], keptCount: 1 },
    },
    worker_draining: { detail: { kind: "worker_draining", workerId: "w" }, json: { workerId: "w" } },
    worker_left: {
      detail: { kind: "worker_left", workerId: "w", sessionId: "s", cause: "left" },
      json: { workerId: "w", sessionId: "s", cause: "left" },
    },
    op_registered: { detail: { kind: "op_registered", op: "o", version: 2 }, json: { op: "o", version: 2 } },
    op_deleted: { detail: { kind: "op_deleted", op: "o", version: 2 }, json: { op: "o", version: 2 } },
    limit_set: {
      detail: { kind: "limit_set", limit: "l", concurrentMax: 2 },
      json: { limit: "l", concurrentMax: 2 },
    },
    limit_deleted: { detail: { kind: "limit_deleted", limit: "l" }, json: { limit: "l" } },
    subscription_created: {
      detail: { kind: "subscription_created", subscription: "s" },
      json: { subscription: "s" },
    },
    subscription_deleted: {
      detail: { kind: "subscription_deleted", subscription: "s" },
      json: { subscription: "s" },
    },
    event_dead_lettered: {
      detail: { kind: "event_dead_lettered", subscription: "s", position: 31, deliveryCount: 4, cause: "c" },
      json: { subscription: "s", eventId: "000000000000001f", deliveryCount: 4, cause: "c" },
    },
    published: {
      detail: { kind: "published", source: "s", type: "t", attributes: { a: "b" }, payload: { x: 1 } },
      json: { source: "s", type: "t", attributes: { a: "b" }, payload: { x: 1 } },
    },
  };

  function eventOf(detail: EventDetail): Event {
    return {
      timeMs: newYearMs,
      namespace: "team",
      runId: "r1",
      action: "a/b",
      attempt: 2,
      runLabels: { env: "prod" },
      delivery: { topic: "t.a", attributes: { k: "v" } },
      detail,
    };
  }

  test.each(Object.values(details))(
    "of kind $detail.kind is told under the field of its name",
    ({ detail, json }) => {
      const message = overTheWire(EventSchema, toEvent(255n as Position, eventOf(detail)));
      const field = EventSchema.fields.find(({ localName }) => localName === message.detail.case);
      expect(field?.name).toBe(detail.kind);
      // A filter names a kind by the number of its field.
      expect(enums.eventKinds.of[detail.kind]).toBe(field?.number);
      expect(messageToJson(EventSchema, message)).toEqual({
        eventId: "00000000000000ff",
        createTime: "2025-01-01T00:00:00Z",
        namespace: "team",
        runId: "r1",
        action: "a/b",
        attempt: 2,
        runLabels: { env: "prod" },
        delivery: { topic: "t.a", attributes: { k: "v" } },
        [field?.jsonName ?? ""]: json,
      });
    },
  );

  test("ids sort as their positions do", () => {
    const positions = [1n, 9n, 10n, 255n, 256n, 2n ** 63n];
    const ids = positions.map(
      (position) => toEvent(position as Position, eventOf({ kind: "run_started" })).eventId,
    );
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids.map(({ length }) => length))).toEqual(new Set([16]));
  });

  test("that many follow is translated once", () => {
    const placed = { position: 1n as Position, event: eventOf({ kind: "run_started" }) };
    expect(toPlacedEvent(placed)).toBe(toPlacedEvent(placed));
  });
});
