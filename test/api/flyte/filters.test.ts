import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { Filter_Function, Sort_Direction } from "../../../gen/flyteidl2/common/list_pb.ts";
import type { ListedRun } from "../../../src/api/flyte/lists/fields.ts";
import { readFilters } from "../../../src/api/flyte/lists/filter.ts";
import { readListRequest, wholeList } from "../../../src/api/flyte/lists/list-request.ts";
import { readOrder } from "../../../src/api/flyte/lists/order.ts";
import { phases } from "../../../src/api/flyte/phase.ts";
import type { ViewRow } from "../../../src/api/flyte/view/view-row.ts";

const run: ListedRun = {
  project: "shop",
  domain: "dev",
  runName: "r1",
  createdBy: "ana",
  createTimeMs: 1_000,
  labels: { team: "blue", tier: "" },
};

const noon = Date.parse("2026-08-01T12:00:00.250Z");

function row(parts: Partial<ViewRow> = {}): ViewRow {
  return {
    name: "a0/x",
    shortName: "x",
    parent: "a0",
    kind: "task",
    state: "RUNNING",
    phase: phases.RUNNING,
    attempts: 1,
    createTimeMs: noon,
    startTimeMs: noon + 100,
    endTimeMs: undefined,
    updateTimeMs: noon + 100,
    condition: undefined,
    step: "",
    task: {
      org: "",
      project: "shop",
      domain: "dev",
      name: "env.Train",
      version: "v1",
      shortName: "Train",
      functionName: "Train",
      taskType: "python",
      environment: "env",
    },
    group: "",
    error: "",
    labels: { tier: "gold" },
    ...parts,
  };
}

const is = Filter_Function;
const ended = { endTimeMs: noon + 600, phase: phases.SUCCEEDED };

describe("a filter", () => {
  test.each([
    { field: "project", by: is.EQUAL, values: ["shop"], meets: true },
    { field: "domain", by: is.EQUAL, values: ["prod"], meets: false },
    { field: "run_name", by: is.CONTAINS, values: ["r"], meets: true },
    { field: "name", by: is.EQUAL, values: ["x"], meets: true },
    { field: "parent_name", by: is.EQUAL, values: ["a0"], meets: true },
    { field: "parent_name", by: is.NOT_EQUAL, values: ["a0"], meets: false },
    { field: "phase", by: is.EQUAL, values: ["4"], meets: true },
    { field: "phase", by: is.EQUAL, values: ["1", "0"], meets: false },
    { field: "phase", by: is.EQUAL, values: ["1", "0"], parts: { phase: phases.RECOVERED }, meets: true },
    { field: "phase", by: is.VALUE_IN, values: ["1", "4"], meets: true },
    { field: "phase", by: is.VALUE_IN, values: ["4"], meets: true },
    { field: "phase", by: is.VALUE_IN, values: [], meets: false },
    { field: "phase", by: is.VALUE_NOT_IN, values: ["5", "6"], meets: true },
    { field: "phase", by: is.VALUE_NOT_IN, values: ["4"], meets: false },
    { field: "phase", by: is.GREATER_THAN, values: ["3"], meets: true },
    { field: "phase", by: is.LESS_THAN, values: ["4"], meets: false },
    { field: "phase", by: is.LESS_THAN_OR_EQUAL, values: ["4"], meets: true },
    { field: "action_type", by: is.EQUAL, values: ["1"], meets: true },
    { field: "action_type", by: is.EQUAL, values: ["3"], meets: false },
    { field: "action_type", by: is.EQUAL, values: ["3"], parts: { kind: "condition" }, meets: true },
    { field: "action_type", by: is.EQUAL, values: ["2"], parts: { kind: "trace" }, meets: true },
    { field: "run_source", by: is.NOT_EXISTS, values: [], meets: true },
    { field: "created_by", by: is.EQUAL, values: ["ana"], meets: true },
    { field: "created_by_subject", by: is.NOT_EQUAL, values: ["ana"], meets: false },
    { field: "trigger_name", by: is.EXISTS, values: [], meets: false },
    { field: "trigger_task_name", by: is.NOT_EXISTS, values: [], meets: true },
    { field: "trigger_revision", by: is.EQUAL, values: ["1"], meets: false },
    { field: "trigger_type", by: is.NOT_EQUAL, values: ["cron"], meets: true },
    { field: "task_project", by: is.EQUAL, values: ["shop"], meets: true },
    { field: "task_domain", by: is.EQUAL, values: ["dev"], meets: true },
    { field: "task_name", by: is.ENDS_WITH, values: ["Train"], meets: true },
    { field: "task_name", by: is.NOT_ENDS_WITH, values: ["Train"], meets: false },
    { field: "task_name", by: is.CONTAINS, values: ["train"], meets: false },
    { field: "task_name", by: is.CONTAINS_CASE_INSENSITIVE, values: ["tRAIN"], meets: true },
    { field: "task_name", by: is.CONTAINS, values: ["%"], meets: false },
    { field: "task_version", by: is.VALUE_IN, values: ["v0", "v1"], meets: true },
    { field: "task_version", by: is.EQUAL, values: ["v1"], parts: { task: undefined }, meets: false },
    { field: "function_name", by: is.GREATER_THAN_OR_EQUAL, values: ["Train"], meets: true },
    {
      field: "created_at",
      by: is.GREATER_THAN_OR_EQUAL,
      values: ["2026-08-01T12:00:00.250000+00:00"],
      meets: true,
    },
    {
      field: "created_at",
      by: is.GREATER_THAN_OR_EQUAL,
      values: ["2026-08-01T12:00:00.250001+00:00"],
      meets: false,
    },
    { field: "created_at", by: is.LESS_THAN, values: ["2026-08-01T14:00:00.250+02:00"], meets: false },
    { field: "created_at", by: is.LESS_THAN_OR_EQUAL, values: ["2026-08-01T14:00:00.250+0200"], meets: true },
    { field: "created_at", by: is.LESS_THAN, values: ["2026-08-02"], meets: true },
    { field: "updated_at", by: is.GREATER_THAN, values: ["2026-08-01 12:00:00.25"], meets: true },
    { field: "started_at", by: is.EXISTS, values: [], meets: true },
    { field: "ended_at", by: is.NOT_EXISTS, values: [], meets: true },
    { field: "ended_at", by: is.EXISTS, values: [], parts: ended, meets: true },
    { field: "duration_ms", by: is.GREATER_THAN, values: ["499"], parts: ended, meets: true },
    { field: "duration_ms", by: is.GREATER_THAN, values: ["0"], meets: false },
    { field: "labels.team", by: is.EQUAL, values: ["blue"], meets: true },
    { field: "labels.team", by: is.EXISTS, values: [], meets: true },
    { field: "labels.tier", by: is.EQUAL, values: ["gold"], meets: true },
    { field: "labels.none", by: is.EXISTS, values: [], meets: false },
    { field: "labels.none", by: is.NOT_EXISTS, values: [], meets: true },
    { field: "labels.toString", by: is.EXISTS, values: [], meets: false },
  ] as const)("on $field by function $by with $values: $meets", ({ field, by, values, meets, ...more }) => {
    const filters = readFilters([{ function: by, field, values }]);
    const item = row("parts" in more ? more.parts : {});
    expect(filters.run(run, item) && filters.action(run, item)).toBe(meets);
  });

  test("beside another one leaves what meets both", () => {
    const running = { function: is.EQUAL, field: "phase", values: ["4"] };
    const meets = (name: string) => {
      const filters = readFilters([running, { function: is.EQUAL, field: "name", values: [name] }]);
      return filters.run(run, row()) && filters.action(run, row());
    };
    expect([meets("x"), meets("y")]).toEqual([true, false]);
  });

  test.each([
    { field: "colour", by: is.EQUAL, values: ["red"], says: "invalid filter field: colour" },
    { field: "labels.", by: is.EXISTS, values: [], says: "invalid filter field" },
    { field: "constructor", by: is.EXISTS, values: [], says: "invalid filter field" },
    { field: "phase", by: is.EQUAL, values: [], says: "must have one value" },
    { field: "phase", by: is.EQUAL, values: ["RUNNING"], says: "must have a number" },
    { field: "phase", by: is.CONTAINS, values: ["4"], says: "it is no text" },
    { field: "task_name", by: is.EQUAL, values: ["a", "b"], says: "must have one value" },
    { field: "created_at", by: is.GREATER_THAN, values: ["yesterday"], says: "must have a time" },
    { field: "created_at", by: is.GREATER_THAN, values: ["2026-13-01"], says: "must have a time" },
    { field: "phase", by: 99 as never, values: ["4"], says: "is not known" },
  ])("on $field by function $by with $values is INVALID_ARGUMENT", ({ field, by, values, says }) => {
    const read = () => readFilters([{ function: by, field, values }]);
    expect(read).toThrow(says);
    expect(read).toThrow(expect.objectContaining({ code: Code.InvalidArgument }));
  });

  test("on creation and labels tells the store where to look", () => {
    const at = (by: Filter_Function, value: string) => ({
      function: by,
      field: "created_at",
      values: [value],
    });
    const filters = readFilters([
      at(is.GREATER_THAN_OR_EQUAL, "1970-01-01T00:00:01.000500Z"),
      at(is.GREATER_THAN, "1970-01-01T00:00:00Z"),
      at(is.LESS_THAN, "1970-01-01T00:00:02Z"),
      { function: is.EQUAL, field: "labels.team", values: ["blue"] },
      { function: is.EXISTS, field: "labels.tier", values: [] },
    ]);
    expect(filters).toMatchObject({ createdFromMs: 1_001, createdUntilMs: 1_999, labels: { team: "blue" } });
  });
});

describe("an order", () => {
  const rows = [
    row({ name: "a0", shortName: "a0", createTimeMs: 1 }),
    row({ name: "a0/new", createTimeMs: 3 }),
    row({ name: "a0/old", createTimeMs: 2, endTimeMs: 9, phase: phases.SUCCEEDED }),
    row({ name: "a0/open", kind: "condition", phase: phases.PAUSED, createTimeMs: 2 }),
    row({ name: "a0/shut", kind: "condition", phase: phases.SUCCEEDED, createTimeMs: 4, endTimeMs: 5 }),
  ];
  const ascending = Sort_Direction.ASCENDING;
  const descending = Sort_Direction.DESCENDING;

  test.each([
    { keys: [], gives: ["a0/open", "a0/shut", "a0/new", "a0/old", "a0"] },
    { keys: [["created_at", ascending]], gives: ["a0", "a0/old", "a0/open", "a0/new", "a0/shut"] },
    { keys: [["created_at", descending]], gives: ["a0/shut", "a0/new", "a0/old", "a0/open", "a0"] },
    { keys: [["ended_at", ascending]], gives: ["a0/shut", "a0/old", "a0", "a0/new", "a0/open"] },
    { keys: [["ended_at", descending]], gives: ["a0", "a0/new", "a0/open", "a0/old", "a0/shut"] },
    {
      keys: [
        ["phase", descending],
        ["created_at", descending],
      ],
      gives: ["a0/open", "a0/shut", "a0/old", "a0/new", "a0"],
    },
  ] as const)("by $keys", ({ keys, gives }) => {
    const order = readOrder(keys.map(([key, direction]) => ({ key, direction })));
    const places = rows.map((one) => ({ place: order.placeOf({ run, row: one }), name: one.name }));
    places.sort((one, other) => order.compare(one.place, other.place));
    expect(places.map(({ name }) => name)).toEqual(gives);
  });

  test("by a field that is none is INVALID_ARGUMENT", () => {
    expect(() => readOrder([{ key: "size", direction: ascending }])).toThrow("invalid sort field: size");
  });
});

describe("a request for a list", () => {
  test.each([
    { limit: 0, gives: 50 },
    { limit: 1, gives: 1 },
    { limit: 200, gives: 200 },
  ])("for $limit items gets $gives", ({ limit, gives }) => {
    expect(readListRequest({ ...wholeList, limit }, "x").limit).toBe(gives);
  });

  test.each([
    { stated: { limit: 201 }, says: "limit must be at most 200" },
    { stated: { token: "?" }, says: "invalid token" },
    { stated: { token: "-1" }, says: "invalid token" },
    { stated: { token: "x".repeat(5_000) }, says: "too long" },
    { stated: { token: Buffer.from('["other","",0,[]]').toString("base64url") }, says: "another filter" },
    { stated: { token: Buffer.from('["other",1,0,[]]').toString("base64url") }, says: "invalid token" },
  ])("with $stated is INVALID_ARGUMENT", ({ stated, says }) => {
    expect(() => readListRequest({ ...wholeList, ...stated }, "x")).toThrow(says);
  });

  test("may begin at an offset, and goes by its only key unless it has several", () => {
    const direction = Sort_Direction.ASCENDING;
    const sortBy = { key: "created_at", direction };
    expect(readListRequest({ ...wholeList, token: "40", sortBy }, "x")).toMatchObject({
      start: { kind: "offset", offset: 40 },
      sortKeys: [sortBy],
    });
    const sortByFields = [{ key: "name", direction }];
    expect(readListRequest({ ...wholeList, sortBy, sortByFields }, "x").sortKeys).toEqual(sortByFields);
  });
});
