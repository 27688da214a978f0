import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SpecType, SpecTypeSchema } from "../../../gen/signalbox/v1/op_pb.ts";
import { toValue } from "../../../src/api/mapping/to-proto-value.ts";
import { refusalIn } from "../../support/test-server.ts";
import { Wire } from "./wire.ts";

let wire: Wire;

beforeAll(async () => {
  wire = await Wire.start();
});

afterAll(() => wire.remove());

const three = toValue({ kind: "int", value: "3" });
const text = toValue({ kind: "string", value: "x" });
const nothing = toValue({ kind: "null" });

/** A definition in JSON, with everything that gyoza's has. */
const definition = {
  name: "score",
  versionName: "1.2.0",
  image: "registry.example/score:1",
  inputs: {
    text: { type: "SPEC_TYPE_STRING", required: true },
    times: { type: "SPEC_TYPE_INT", required: false, defaultValue: { intValue: "3" } },
  },
  outputs: { score: { type: "SPEC_TYPE_FLOAT" }, label: { type: "SPEC_TYPE_STRING" } },
  resources: { cpu: 2, ramMb: "512", vramMb: "0" },
  retry: { maxAttempts: 3, initialBackoff: "0.250s", multiplier: 1 },
  delivery: { topic: "scores", attributes: { team: "ml" } },
};

describe("a definition", () => {
  test("G-009 G-010 G-014 G-028 G-033 G-034 G-035 G-037 G-038 G-039 G-065 is the same in JSON as it was stated", async () => {
    const { op } = (await wire.json("OpService/RegisterOp", { op: definition })) as { op: object };
    expect(op).toMatchObject({ ...definition, namespace: "default", version: 1 });
    // Its times are camelCase as all else is, in JSON; gyoza's are so among fields in snake_case.
    expect(op).toMatchObject({
      createTime: expect.any(String) as string,
      updateTime: expect.any(String) as string,
    });
    expect(await wire.json("OpService/GetOp", { name: "score" })).toEqual({ op });
    const { createTime: _, updateTime: __, version: ___, ...stated } = op as Record<string, unknown>;
    expect(await wire.json("OpService/RegisterOp", { op: stated })).toEqual({ op });
  });

  test("G-050 G-051 G-052 G-053 G-054 G-055 G-056 G-057 G-060 says only its name, and has defaults for the rest", async () => {
    const { op } = await wire.ops.registerOp({ op: { name: "bare" } });
    expect(op).toMatchObject({
      name: "bare",
      version: 1,
      versionName: "",
      image: "",
      inputs: {},
      outputs: {},
    });
    expect([op?.resources, op?.retry, op?.timeouts, op?.delivery, op?.placement]).toEqual(
      Array(5).fill(undefined),
    );
    const { run } = await wire.runs.createRun({ run: { work: { case: "task", value: { op: "bare" } } } });
    const { action } = await wire.runs.getAction({ runId: run?.runId ?? "", name: "main" });
    expect(action?.retry).toMatchObject({ maxAttempts: 1, manual: false });
  });

  test("G-005 G-006 G-007 G-008 G-011 keeps what is not asked for apart from 0", async () => {
    const said = { cpu: 0, vramMb: 0n, deviceIndex: 0 };
    const { op } = await wire.ops.registerOp({ op: { name: "zero", resources: said } });
    const { $typeName: _, ...resources } = op?.resources ?? { $typeName: undefined };
    expect(resources).toEqual(said);
    const { run } = await wire.runs.createRun({ run: { work: { case: "task", value: { op: "zero" } } } });
    const { action } = await wire.runs.getAction({ runId: run?.runId ?? "", name: "main" });
    expect(action?.resources).toMatchObject(said);
    expect(action?.resources).not.toHaveProperty("ramMb");
  });

  test("G-030 G-036 G-043 has inputs and outputs of these types, and of no others", async () => {
    const names = SpecTypeSchema.values.map(({ name }) => name.replace("SPEC_TYPE_", "").toLowerCase());
    expect(names).toEqual(["unspecified", "string", "int", "float", "bool", "object", "array", "any"]);
    const unsaid = { type: SpecType.UNSPECIFIED };
    const op = { name: "x", inputs: { a: unsaid, b: { type: 99 as SpecType } }, outputs: { c: unsaid } };
    const refusal = await refusalIn(wire.ops.registerOp({ op }));
    expect(refusal.reason).toBe("INVALID_REQUEST");
    expect(refusal.fields).toEqual(['op.inputs["a"].type', 'op.inputs["b"].type', 'op.outputs["c"].type']);
  });

  test("G-031 G-032 requires its inputs unless it says otherwise, and has no default unless it says one", async () => {
    const { op } = await wire.ops.registerOp({
      op: { name: "plain", inputs: { n: { type: SpecType.INT } } },
    });
    expect(op?.inputs["n"]).toMatchObject({ required: true });
    expect(op?.inputs["n"]?.defaultValue).toBeUndefined();
  });

  test("G-026 G-027 G-029 has a policy within bounds that counts attempts and waits the same time before each", async () => {
    const stated = { maxAttempts: 2, initialBackoff: {}, multiplier: 1 };
    const { op } = await wire.ops.registerOp({ op: { name: "policy", retry: stated } });
    expect(op?.retry).toMatchObject({
      maxAttempts: 2,
      initialBackoff: { seconds: 0n, nanos: 0 },
      multiplier: 1,
    });
    const bad = { maxAttempts: -1, initialBackoff: { seconds: -1n } };
    const refusal = await refusalIn(wire.ops.registerOp({ op: { name: "policy", retry: bad } }));
    expect([refusal.code, ...refusal.fields]).toEqual([
      "InvalidArgument",
      "op.retry.max_attempts",
      "op.retry.initial_backoff",
    ]);
  });

  test("G-058 G-059 G-066 has a new version for other content, at a time of its own; the first time stays", async () => {
    const first = await wire.ops.registerOp({ op: { name: "twice", image: "i:1", versionName: "1.0.0" } });
    expect(first.op?.createTime).toEqual(first.op?.updateTime);
    expect(
      (await wire.ops.registerOp({ op: { name: "twice", image: "i:1", versionName: "1.0.0" } })).op,
    ).toEqual(first.op);
    const second = await wire.ops.registerOp({ op: { name: "twice", image: "i:2", versionName: "1.0.1" } });
    expect(second.op).toMatchObject({ version: 2, createTime: first.op?.createTime });
    expect((await wire.ops.getOp({ name: "twice" })).op).toEqual(second.op);
    expect((await wire.ops.getOp({ name: "twice", version: 1 })).op).toEqual(first.op);
    expect((await wire.ops.getOp({ name: "twice", versionName: "1.0.0" })).op).toEqual(first.op);
    const listed = async (allVersions: boolean) => {
      const { ops } = await wire.ops.listOps({ namePrefix: "twi", allVersions });
      return ops.map(({ name, version }) => `${name} ${version}`);
    };
    expect(await listed(false)).toEqual(["twice 2"]);
    expect(await listed(true)).toEqual(["twice 2", "twice 1"]);
  });

  test("G-051 names the latest version that bears its name, and bears one by semantic versioning", async () => {
    const op = { name: "named", versionName: "2.0.0-rc.1+b7" };
    await wire.ops.registerOp({ op });
    await wire.ops.registerOp({ op: { ...op, description: "again" } });
    const found = await wire.ops.getOp({ name: "named", versionName: op.versionName });
    expect(found.op).toMatchObject({ version: 2, description: "again" });
    const refusal = await refusalIn(wire.ops.registerOp({ op: { name: "named", versionName: "v2" } }));
    expect(refusal.fields).toEqual(["op.version_name"]);
  });

  test("G-063 is updated in what is said, as a further version, and keeps the rest", async () => {
    const inputs = { n: { type: SpecType.INT } };
    const stated = { name: "change", image: "i:1", handler: "m:f", inputs, retry: { maxAttempts: 2 } };
    const first = await wire.ops.registerOp({ op: stated });
    const { op } = await wire.ops.updateOp({ op: { name: "change", image: "i:2" } });
    expect(op).toMatchObject({ version: 2, image: "i:2", handler: "m:f", createTime: first.op?.createTime });
    expect(op).toMatchObject({ inputs: first.op?.inputs, retry: first.op?.retry });
    expect((await wire.ops.updateOp({ op: { name: "change", image: "i:2" } })).op).toEqual(op);
  });

  test("G-064 is updated in its delivery too, and cleared where a mask says so; its name stays", async () => {
    const delivery = { topic: "t", attributes: {} };
    await wire.ops.registerOp({
      op: { name: "masked", image: "i", retry: { maxAttempts: 2 }, description: "d" },
    });
    const { op } = await wire.ops.updateOp({
      op: { name: "masked", delivery, allowExtraInputs: true },
      updateMask: { paths: ["delivery", "retry", "image", "allow_extra_inputs"] },
    });
    expect(op).toMatchObject({ version: 2, image: "", description: "d", delivery, allowExtraInputs: true });
    expect(op?.retry).toBeUndefined();
    const renamed = wire.ops.updateOp({ op: { name: "masked" }, updateMask: { paths: ["name"] } });
    expect((await refusalIn(renamed)).fields).toEqual(["update_mask.paths[0]"]);
    const all = await wire.ops.updateOp({ op: { name: "masked" }, updateMask: { paths: ["*"] } });
    expect(all.op).toMatchObject({ version: 3, description: "", allowExtraInputs: false });
  });

  test("G-067 of an unknown name or version is not found", async () => {
    for (const asked of [
      { name: "none" },
      { name: "score", version: 99 },
      { name: "score", versionName: "9.9.9" },
    ]) {
      expect(await refusalIn(wire.ops.getOp(asked))).toMatchObject({
        code: "NotFound",
        reason: "OP_NOT_FOUND",
      });
    }
    const run = { work: { case: "task" as const, value: { op: "score", opVersion: 99 } } };
    expect(await refusalIn(wire.runs.createRun({ run }))).toMatchObject({ reason: "OP_NOT_FOUND" });
  });

  test("is deleted with all its versions or one of them, not while its tasks live, and goes on counting", async () => {
    const work = { case: "task" as const, value: { op: "gone" } };
    for (const image of ["i:1", "i:2", "i:3"]) await wire.ops.registerOp({ op: { name: "gone", image } });
    expect(await wire.ops.deleteOp({ name: "gone", version: 3 })).toMatchObject({ versionCount: 1 });
    expect((await wire.ops.getOp({ name: "gone" })).op).toMatchObject({ version: 2 });
    const { run } = await wire.runs.createRun({ run: { work } });
    expect(await wire.ops.deleteOp({ name: "gone", version: 1 })).toMatchObject({ versionCount: 1 });
    expect(await refusalIn(wire.ops.deleteOp({ name: "gone" }))).toMatchObject({
      reason: "OP_IN_USE",
      metadata: { op: "gone", run_id: run?.runId, action: "main" },
    });
    expect(await wire.ops.deleteOp({ name: "gone", force: true })).toMatchObject({ versionCount: 1 });
    expect(await refusalIn(wire.ops.getOp({ name: "gone" }))).toMatchObject({ reason: "OP_NOT_FOUND" });
    expect((await wire.runs.getRun({ runId: run?.runId ?? "" })).run).toMatchObject({
      image: "i:2",
      opVersion: 2,
    });
    expect((await wire.ops.registerOp({ op: { name: "gone" } })).op).toMatchObject({ version: 4 });
  });
});

describe("inputs", () => {
  const inputs = {
    text: { type: SpecType.STRING },
    times: { type: SpecType.INT, defaultValue: three },
    rows: { type: SpecType.ARRAY, required: false, schema: { items: { type: "integer" } } },
  };

  beforeAll(async () => {
    await wire.ops.registerOp({ op: { name: "checked", inputs } });
  });

  test("G-040 G-041 G-042 G-061 are validated: all that is wrong at once, with paths", async () => {
    const rows = toValue({ kind: "json", value: [1, "2"] });
    const bad = wire.ops.validateInputs({ name: "checked", inputs: { times: text, rows, more: three } });
    expect(await refusalIn(bad)).toMatchObject({
      code: "InvalidArgument",
      reason: "INPUTS_INVALID",
      fields: ['inputs["times"]', 'inputs["rows"]/1', 'inputs["more"]', 'inputs["text"]'],
    });
    const good = { text, times: three, rows: nothing };
    expect(await wire.ops.validateInputs({ name: "checked", inputs: good })).toMatchObject({});
  });

  test("G-045 G-046 G-048 G-062 are prepared: with defaults, which bare validation does not fill in", async () => {
    const given = { text };
    const prepared = await wire.ops.prepareInputs({ name: "checked", inputs: given });
    expect(prepared).toMatchObject({ version: 1, inputs: { text, times: three } });
    expect(Object.keys(given)).toEqual(["text"]);
    expect(await refusalIn(wire.ops.validateInputs({ name: "checked", inputs: given }))).toMatchObject({
      fields: ['inputs["times"]'],
    });
    expect(await refusalIn(wire.ops.prepareInputs({ name: "checked", inputs: {} }))).toMatchObject({
      reason: "INPUTS_INVALID",
      fields: ['inputs["text"]'],
    });
  });

  test("G-040 of runs in a batch are checked each by itself", async () => {
    const requests = [{ text }, {}].map((stated) => ({
      run: {
        work: {
          case: "task" as const,
          value: {
            op: "checked",
            inputs: Object.fromEntries(
              Object.entries(stated).map(([name, value]) => [
                name,
                { source: { case: "value" as const, value } },
              ]),
            ),
          },
        },
      },
    }));
    const { results } = await wire.runs.batchCreateRuns({ requests });
    expect(results.map(({ result }) => result.case)).toEqual(["run", "refusal"]);
    expect(results[1]?.result.value).toMatchObject({
      metadata: { op: "checked", version: "1", violation_count: "1" },
      message: expect.stringContaining('run.task.inputs["text"]') as string,
    });
  });
});
