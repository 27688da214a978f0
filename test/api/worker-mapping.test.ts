import type { DescMessage, JsonValue, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { LimitSchema, LimitUseSchema } from "../../gen/signalbox/v1/limit_pb.ts";
import {
  CapacitySchema,
  PlacementSchema,
  ReservedSchema,
  ResourcesSchema,
} from "../../gen/signalbox/v1/resource_pb.ts";
import {
  AssignmentSchema,
  AttachSchema,
  AttemptReferenceSchema,
  WorkerSchema,
} from "../../gen/signalbox/v1/worker_service_pb.ts";
import { Faults } from "../../src/api/mapping/faults.ts";
import { fromAttach } from "../../src/api/mapping/from-proto-attach.ts";
import { fromLimit } from "../../src/api/mapping/from-proto-limit.ts";
import { fromAttemptReference } from "../../src/api/mapping/from-proto-report.ts";
import { fromCapacity, fromPlacement, fromResources } from "../../src/api/mapping/from-proto-resource.ts";
import { toLimit, toLimitUse } from "../../src/api/mapping/to-proto-limit.ts";
import { toCapacity, toPlacement, toReserved, toResources } from "../../src/api/mapping/to-proto-resource.ts";
import { toAssignment, toAttemptReference, toWorker } from "../../src/api/mapping/to-proto-worker.ts";
import { type Limit, newCounter } from "../../src/core/limits/limit.ts";
import { runKey } from "../../src/core/name.ts";
import type { Capacity, Placement, Resources } from "../../src/core/placement/demand.ts";
import type { Session } from "../../src/core/session.ts";
import { queuesPerSessionMax } from "../../src/limits.ts";
import { anAction, newYearMs } from "./rows.ts";

/** The JSON of a message as a peer has it that was sent its bytes. */
function asJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc> | undefined): JsonValue {
  if (message === undefined) return null;
  return toJson(schema, fromBinary(schema, toBinary(schema, message)));
}

/** What was translated, and the faults that were found. */
function withFaults<T>(translate: (faults: Faults) => T): { result: T; faults: string[] } {
  const faults = new Faults();
  const result = translate(faults);
  return { result, faults: faults.violations.map(({ field, description }) => `${field}: ${description}`) };
}

const nothing: Resources = {
  cpuMilli: undefined,
  ramMb: undefined,
  vramMb: undefined,
  deviceCount: undefined,
  deviceIndex: undefined,
};

describe("what a task asks for", () => {
  test.each<{ name: string; core: Partial<Resources>; json: JsonValue }>([
    { name: "nothing", core: {}, json: {} },
    {
      name: "zero of each",
      core: { cpuMilli: 0, ramMb: 0, vramMb: 0 },
      json: { cpu: 0, ramMb: "0", vramMb: "0" },
    },
    { name: "a half of a core", core: { cpuMilli: 500 }, json: { cpu: 0.5 } },
    { name: "the most memory", core: { ramMb: 1_000_000_000 }, json: { ramMb: "1000000000" } },
    { name: "two whole devices", core: { deviceCount: 2 }, json: { deviceCount: 2 } },
    { name: "device 0", core: { deviceIndex: 0, vramMb: 8_000 }, json: { deviceIndex: 0, vramMb: "8000" } },
  ])("is the same both ways: $name", ({ core, json }) => {
    const stated = { ...nothing, ...core };
    const message = toResources(stated);
    expect(asJson(ResourcesSchema, message)).toEqual(json);
    expect(withFaults((faults) => fromResources(message, faults))).toEqual({ result: stated, faults: [] });
  });

  test.each([
    { cpu: 0.001, cpuMilli: 1 },
    { cpu: 0.0004, cpuMilli: 0 },
    { cpu: 0.57, cpuMilli: 570 },
    { cpu: 1.1, cpuMilli: 1_100 },
    { cpu: 100_000, cpuMilli: 100_000_000 },
  ])("in cores, $cpu, is $cpuMilli thousandths", ({ cpu, cpuMilli }) => {
    expect(fromResources(create(ResourcesSchema, { cpu }), new Faults())?.cpuMilli).toBe(cpuMilli);
  });

  test("cannot be one certain device and several", () => {
    const message = create(ResourcesSchema, { deviceIndex: 0, deviceCount: 2 });
    expect(withFaults((faults) => fromResources(message, faults)).faults).toEqual([
      "device_count: must be 1 or not said, together with device_index",
    ]);
  });

  test("is undefined where nothing is said", () => {
    expect(fromResources(undefined, new Faults())).toBeUndefined();
    expect(toResources(undefined)).toBeUndefined();
    expect(fromPlacement(undefined, new Faults())).toBeUndefined();
    expect(toPlacement(undefined)).toBeUndefined();
  });

  test("of labels and taints is the same both ways, and no toleration is there twice", () => {
    const placement: Placement = {
      workerLabels: { gpu: "a100" },
      tolerations: [
        { key: "spot", value: "" },
        { key: "team", value: "ml" },
      ],
    };
    const message = toPlacement(placement);
    expect(asJson(PlacementSchema, message)).toEqual({
      workerLabels: { gpu: "a100" },
      tolerations: [{ key: "spot" }, { key: "team", value: "ml" }],
    });
    expect(withFaults((faults) => fromPlacement(message, faults))).toEqual({ result: placement, faults: [] });
    const twice = create(PlacementSchema, { tolerations: [{ key: "a" }, { key: "b" }, { key: "a" }] });
    expect(withFaults((faults) => fromPlacement(twice, faults)).faults).toEqual([
      "tolerations[2]: must not be there twice",
    ]);
  });
});

describe("what a worker says when it attaches", () => {
  const attach = (said: MessageInitShape<typeof AttachSchema>) =>
    create(AttachSchema, { workerId: "w1", incarnation: "i1", ops: ["a"], ...said });

  test("of what it has is the same both ways", () => {
    const capacity: Capacity = {
      cpuMilli: 8_000,
      ramMb: 0,
      devices: [
        { index: 1, kind: "a100", vramMb: 40_000 },
        { index: 0, kind: "", vramMb: 0 },
      ],
    };
    const message = toCapacity(capacity);
    expect(asJson(CapacitySchema, message)).toEqual({
      cpu: 8,
      ramMb: "0",
      devices: [{ index: 1, kind: "a100", vramMb: "40000" }, {}],
    });
    expect(withFaults((faults) => fromCapacity(message, faults))).toEqual({ result: capacity, faults: [] });
  });

  test("is nothing where it says nothing", () => {
    expect(withFaults((faults) => fromAttach(attach({}), faults))).toEqual({
      result: {
        namespace: "default",
        workerId: "w1",
        incarnation: "i1",
        ops: ["a"],
        labels: {},
        capacity: { cpuMilli: undefined, ramMb: undefined, devices: [] },
        taints: [],
        sharedNamespaces: [],
        running: [],
      },
      faults: [],
    });
  });

  test("of other namespaces leaves out its own, and names attempts there by them", () => {
    const message = attach({
      namespace: "team",
      sharedNamespaces: ["lab", "team"],
      running: [
        { runId: "r1", action: "main", attempt: 1, epoch: 2n },
        { runId: "r2", action: "main", attempt: 1, epoch: 3n, namespace: "lab" },
      ],
    });
    const { result, faults } = withFaults((found) => fromAttach(message, found));
    expect(faults).toEqual([]);
    expect(result.sharedNamespaces).toEqual(["lab"]);
    expect(result.running.map(({ run }) => run)).toEqual(["team/r1", "lab/r2"]);
  });

  test("that is wrong is told all at once", () => {
    const ops = Array.from({ length: 1_000 }, (_, index) => `op${index}`);
    const sharedNamespaces = Array.from({ length: 5 }, (_, index) => `ns${index}`);
    const message = attach({
      ops,
      sharedNamespaces,
      capacity: { devices: [{ index: 0 }, { index: 1 }, { index: 0 }] },
      taints: [
        { key: "spot", value: "1" },
        { key: "spot", value: "1" },
      ],
      running: [{ runId: "r", action: "main", attempt: 1, epoch: 2n ** 60n }],
    });
    expect(withFaults((faults) => fromAttach(message, faults)).faults).toEqual([
      "capacity.devices[2].index: must be that of one device only, 0 is there twice",
      "taints[1]: must not be there twice",
      `shared_namespaces: times the ops must be at most ${queuesPerSessionMax} queues, own namespace included; they are 6000`,
      `running[0].epoch: must be at most ${Number.MAX_SAFE_INTEGER}, it is ${2n ** 60n}`,
    ]);
  });
});

describe("a reference to an attempt", () => {
  test.each([
    { session: "team", run: "team", namespace: "" },
    { session: "team", run: "lab", namespace: "lab" },
    { session: "lab", run: "default", namespace: "default" },
  ])("of namespace $run on a session of $session says '$namespace'", ({ session, run, namespace }) => {
    const reference = { run: runKey(run, "r1"), action: "a/b", attempt: 2, epoch: 9 };
    const message = toAttemptReference(reference, session);
    expect(message.namespace).toBe(namespace);
    const read = fromBinary(AttemptReferenceSchema, toBinary(AttemptReferenceSchema, message));
    expect(fromAttemptReference(read, session, new Faults())).toEqual(reference);
  });
});

describe("what workers are told", () => {
  test("of an assignment is its inputs, times, and what it was given", () => {
    const assignment = toAssignment(
      {
        attempt: { run: runKey("team", "r1"), action: "main", attempt: 1, epoch: 9 },
        op: "count",
        opVersion: 0,
        inputs: { path: { kind: "string", value: "a" } },
        runLabels: { env: "prod" },
        startToEndMs: 1_500,
        heartbeatMs: undefined,
        image: "img:1",
        handler: "pkg.run",
        resources: { ...nothing, cpuMilli: 250, vramMb: 8_000 },
        deviceIndexes: [0, 3],
      },
      "default",
    );
    expect(asJson(AssignmentSchema, assignment)).toEqual({
      attempt: { runId: "r1", action: "main", attempt: 1, epoch: "9", namespace: "team" },
      op: "count",
      inputs: { path: { stringValue: "a" } },
      runLabels: { env: "prod" },
      startToEndTimeout: "1.500s",
      image: "img:1",
      handler: "pkg.run",
      resources: { cpu: 0.25, vramMb: "8000" },
      deviceIndexes: [0, 3],
    });
  });

  test("of a session is a worker, with its use", () => {
    const session: Session = {
      id: "s1",
      namespace: "team",
      workerId: "w1",
      incarnation: "i1",
      ops: ["a", "b"],
      labels: { gpu: "1" },
      capacity: { cpuMilli: 4_000, ramMb: undefined, devices: [{ index: 0, kind: "t4", vramMb: 16_000 }] },
      taints: [{ key: "spot", value: "1" }],
      sharedNamespaces: ["lab"],
      reserved: {
        cpuMilli: 1_500,
        ramMb: 0,
        devices: [{ index: 0, vramMb: 8_000, actionCount: 1, whole: false }],
      },
      state: "DRAINING",
      isDraining: true,
      attachTimeMs: newYearMs,
      leaseEndMs: newYearMs + 15_000,
    };
    const held = [
      anAction({ run: runKey("team", "r1"), state: "RUNNING", attempt: 1, epoch: 4 }),
      anAction({ run: runKey("lab", "r2"), state: "ASSIGNED", attempt: 2, epoch: 5 }),
    ];
    expect(asJson(WorkerSchema, toWorker(session, { heldCount: 3, credit: 4, held }))).toEqual({
      workerId: "w1",
      namespace: "team",
      state: "STATE_DRAINING",
      ops: ["a", "b"],
      labels: { gpu: "1" },
      sessionId: "s1",
      attachTime: "2025-01-01T00:00:00Z",
      leaseTime: "2025-01-01T00:00:15Z",
      runningCount: 3,
      credit: 4,
      capacity: { cpu: 4, devices: [{ kind: "t4", vramMb: "16000" }] },
      reserved: { cpu: 1.5, devices: [{ vramMb: "8000", actionCount: 1 }] },
      taints: [{ key: "spot", value: "1" }],
      sharedNamespaces: ["lab"],
      running: [
        { runId: "r1", action: "main", attempt: 1, epoch: "4" },
        { runId: "r2", action: "main", attempt: 2, epoch: "5", namespace: "lab" },
      ],
    });
  });

  test("of a whole device is that nobody shares it", () => {
    const devices = [{ index: 2, vramMb: 0, actionCount: 1, whole: true }];
    expect(asJson(ReservedSchema, toReserved({ cpuMilli: 0, ramMb: 7, devices }))).toEqual({
      ramMb: "7",
      devices: [{ index: 2, actionCount: 1, whole: true }],
    });
  });
});

describe("a limit", () => {
  const limit: Limit = {
    namespace: "team",
    name: "gpu",
    scope: { kind: "namespace" },
    concurrentMax: 0,
    rate: undefined,
    shareWeight: 1,
    updateTimeMs: newYearMs,
  };
  const common = { namespace: "team", name: "gpu", updateTime: "2025-01-01T00:00:00Z" };

  test.each<{ name: string; said: Partial<Limit>; json: Record<string, JsonValue> }>([
    { name: "the whole namespace", said: { shareWeight: 7 }, json: { wholeNamespace: {}, shareWeight: 7 } },
    {
      name: "an op",
      said: { scope: { kind: "op", op: "train" }, concurrentMax: 3 },
      json: { op: "train", concurrentMax: 3 },
    },
    {
      name: "one value of a label",
      said: { scope: { kind: "label", name: "user", value: "" } },
      json: { label: { name: "user", value: "" } },
    },
    {
      name: "each value of a label, by rate",
      said: {
        scope: { kind: "label", name: "user", value: undefined },
        rate: { count: 10, periodMs: 1_500 },
      },
      json: { label: { name: "user" }, rate: { count: 10, period: "1.500s" } },
    },
  ])("for $name is the same both ways", ({ said, json }) => {
    const stated = { ...limit, ...said };
    const message = toLimit(stated);
    expect(asJson(LimitSchema, message)).toEqual({
      ...common,
      ...(stated.scope.kind === "namespace" ? { shareWeight: 1 } : {}),
      ...json,
    });
    const { namespace: _, name: __, updateTimeMs: ___, ...content } = stated;
    expect(withFaults((faults) => fromLimit(message, faults))).toEqual({ result: content, faults: [] });
  });

  test("that is wrong is told all at once", () => {
    const message = create(LimitSchema, { name: "x", rate: { count: 1 }, shareWeight: 1 });
    const op = create(LimitSchema, { name: "x", scope: { case: "op", value: "a" }, shareWeight: 2 });
    expect(withFaults((faults) => fromLimit(message, faults)).faults).toEqual([
      "scope: must be an op, a label or the whole namespace",
      "rate.period: must be set",
    ]);
    expect(withFaults((faults) => fromLimit(op, faults)).faults).toEqual([
      "share_weight: must be said with whole_namespace only",
    ]);
  });

  test("says how much of it is in use", () => {
    const counter = { ...newCounter("team/user/ada"), heldCount: 2 };
    expect(asJson(LimitUseSchema, toLimitUse(counter, undefined))).toEqual({ value: "ada", runningCount: 2 });
    expect(asJson(LimitUseSchema, toLimitUse(counter, newYearMs))).toEqual({
      value: "ada",
      runningCount: 2,
      nextStartTime: "2025-01-01T00:00:00Z",
    });
  });
});
