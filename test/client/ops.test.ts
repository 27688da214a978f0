import { describe, expect, test } from "vitest";
import { type NewOp, RefusedError } from "../../src/client/client.ts";
import { openLiveServer, thrownBy } from "./live-server.ts";

const whole: NewOp = {
  name: "resize",
  versionName: "1.2.0",
  description: "makes it smaller",
  labels: { team: "images" },
  inputs: {
    width: { type: "int", description: "in pixels", schema: { minimum: 1 } },
    quality: { type: "float", default: 0.5 },
    tags: { type: "array", required: false },
    note: { type: "any", required: false },
  },
  allowExtraInputs: true,
  outputs: { path: { type: "string", schema: { minLength: 1 } }, more: { type: "object" } },
  resources: { cpu: 1.5, ramMb: 512, vramMb: 4_000, deviceCount: 2 },
  placement: { workerLabels: { zone: "a" }, tolerations: [{ key: "gpu", value: "" }] },
  delivery: { topic: "images", attributes: { kind: "resize" } },
  image: "example.com/resize:1",
  handler: "images:resize",
  retry: { maxAttempts: 3, initialBackoffMs: 250, multiplier: 1.5, jitter: 0.1, manual: true },
  timeouts: { queueToStartMs: 1_000, startToEndMs: 60_000, heartbeatMs: 5_500 },
};

async function refusalOf(call: Promise<unknown>): Promise<RefusedError> {
  const error = await thrownBy(call);
  if (!(error instanceof RefusedError)) throw error;
  return error;
}

describe("an op", () => {
  test("is read as it was registered, with everything that it says", async () => {
    const { client } = await openLiveServer();
    const registered = await client.ops.register(whole);
    const { inputs = {}, ...rest } = whole;
    expect(registered).toMatchObject({ ...rest, namespace: "default", version: 1 });
    expect(registered.inputs).toEqual({
      ...inputs,
      width: { ...inputs["width"], required: true },
      quality: { ...inputs["quality"], required: true },
    });
    expect(await client.ops.get("resize")).toEqual(registered);
  });

  test("of no more than a name has nothing that was not said", async () => {
    const { client } = await openLiveServer();
    expect(await client.ops.register({ name: "bare" })).toMatchObject({
      description: "",
      labels: {},
      inputs: {},
      outputs: {},
      allowExtraInputs: false,
      resources: undefined,
      placement: undefined,
      retry: undefined,
      timeouts: undefined,
    });
  });

  test("has a version for each content, found by its number and by its own name", async () => {
    const { client } = await openLiveServer();
    const versions = [
      await client.ops.register({ name: "a", versionName: "1.0.0" }),
      await client.ops.register({ name: "a", versionName: "1.0.0" }),
      await client.ops.register({ name: "a", versionName: "2.0.0" }),
    ];
    expect(versions.map(({ version }) => version)).toEqual([1, 1, 2]);
    expect((await client.ops.get("a", { versionName: "1.0.0" })).version).toBe(1);
    expect((await client.ops.get("a", { version: 2 })).versionName).toBe("2.0.0");
    expect((await client.ops.get("a")).version).toBe(2);
    await client.ops.register({ name: "b" });
    const names = async (query: object) =>
      (await client.ops.list(query).all()).map(({ name, version }) => `${name}${version}`);
    expect(await names({})).toEqual(["a2", "b1"]);
    expect(await names({ allVersions: true })).toEqual(["a2", "a1", "b1"]);
    expect(await names({ namePrefix: "b" })).toEqual(["b1"]);
  });

  test("registered twice under one request id is registered once", async () => {
    const { client } = await openLiveServer();
    const options = { requestId: "one" };
    await client.ops.register({ name: "a", description: "x" }, options);
    expect((await client.ops.register({ name: "a", description: "x" }, options)).version).toBe(1);
    const refused = await refusalOf(client.ops.register({ name: "a", description: "y" }, options));
    expect(refused.reason).toBe("REQUEST_ID_REUSED");
  });

  test("that is updated keeps what is not said, and what is cleared becomes empty", async () => {
    const { client } = await openLiveServer();
    await client.ops.register(whole);
    const change = { name: "resize", description: "makes it larger", image: undefined } as unknown as NewOp;
    const clear = ["retry", "versionName", "allowExtraInputs", "delivery"] as const;
    const updated = await client.ops.update(change, { clear });
    expect(updated).toMatchObject({
      version: 2,
      description: "makes it larger",
      image: whole.image,
      labels: whole.labels,
      resources: whole.resources,
      versionName: "",
      allowExtraInputs: false,
      retry: undefined,
      delivery: undefined,
    });
  });

  test("is cleared of what is both said and cleared", async () => {
    const { client } = await openLiveServer();
    await client.ops.register(whole);
    const updated = await client.ops.update({ name: "resize", handler: "x" }, { clear: ["handler"] });
    expect(updated).toMatchObject({ version: 2, handler: "" });
  });

  test("is deleted with all its versions or one of them, forced while tasks of it run", async () => {
    const { client } = await openLiveServer();
    await client.ops.register({ name: "a" });
    await client.ops.register({ name: "a", description: "2" });
    await client.ops.delete("a", { version: 1 });
    expect((await refusalOf(client.ops.get("a", { version: 1 }))).reason).toBe("OP_NOT_FOUND");
    await client.runs.create({ op: "a" });
    expect((await refusalOf(client.ops.delete("a"))).reason).toBe("OP_IN_USE");
    await client.ops.delete("a", { force: true });
    expect((await refusalOf(client.ops.get("a"))).reason).toBe("OP_NOT_FOUND");
  });
});

describe("inputs", () => {
  const op: NewOp = {
    name: "resize",
    inputs: {
      width: { type: "int" },
      height: { type: "int", default: 600 },
      mode: { type: "string", required: false },
      data: { type: "object", required: false, schema: { required: ["a"] } },
    },
  };

  test("are prepared with the defaults of what is missing", async () => {
    const { client } = await openLiveServer();
    await client.ops.register(op);
    expect(await client.ops.prepare("resize", { width: 800 })).toEqual({ width: 800, height: 600 });
    expect(await client.ops.prepare("resize", { width: 1n, height: 2 })).toEqual({ width: 1, height: 2 });
  });

  test.each([
    { by: "validate", missing: ["height"] },
    { by: "prepare", missing: [] },
  ] as const)("are told all that is wrong with them at once by $by", async ({ by, missing }) => {
    const { client } = await openLiveServer();
    await client.ops.register(op);
    const refused = await refusalOf(client.ops[by]("resize", { width: "wide", mode: 5, data: {}, extra: 1 }));
    expect(refused).toMatchObject({ reason: "INPUTS_INVALID", code: "INVALID_ARGUMENT" });
    const wrong = refused.violations.map(({ field }) => /"(\w+)"/.exec(field)?.[1]);
    expect(new Set(wrong)).toEqual(new Set(["width", "mode", "data", "extra", ...missing]));
    expect(refused.violations.every(({ description }) => description !== "")).toBe(true);
  });

  test("that stand as they must are valid, against an older version too", async () => {
    const { client } = await openLiveServer();
    await client.ops.register(op);
    await client.ops.register({ name: "resize", inputs: { other: { type: "bool" } } });
    await client.ops.validate("resize", { width: 1, height: 2 }, { version: 1 });
    await client.ops.validate("resize", { other: true });
    expect((await refusalOf(client.ops.validate("gone", {}))).reason).toBe("OP_NOT_FOUND");
  });

  test("that no value stands for are never sent", async () => {
    const { client } = await openLiveServer();
    const wrong = { width: () => 1 } as unknown as Record<string, number>;
    expect(await thrownBy(client.ops.validate("resize", wrong))).toBeInstanceOf(TypeError);
  });
});

test.each([
  { resources: { ramMb: 0.5 }, says: "ramMb is 0.5 and must be a whole number" },
  { resources: { deviceCount: Number.NaN }, says: "deviceCount is NaN and must be a whole number" },
])("resources $resources are a mistake that is told at once", async ({ resources, says }) => {
  const { client } = await openLiveServer();
  const error = await thrownBy(client.runs.create({ op: "a", resources }));
  expect(error).toMatchObject({ name: "RangeError", message: says });
});
