import { describe, expect, test } from "vitest";
import { checkInputs, prepareInputs } from "../../src/core/ops/check-inputs.ts";
import type { InputSpec, SpecType } from "../../src/core/ops/op.ts";
import { isOfType } from "../../src/core/ops/spec-type.ts";
import type { Refusal } from "../../src/core/refusal.ts";
import type { NewAction } from "../../src/core/stated.ts";
import type { Json, Value, Values } from "../../src/core/value.ts";
import { copiedSpecsBytesMax, opSpecsBytesMax } from "../../src/limits.ts";
import {
  aTask,
  bool,
  float,
  int,
  json,
  type TaskParts,
  text,
  theInputs,
  theOutputs,
  theTask,
} from "../support/builders.ts";
import { World } from "../support/world.ts";

const nothing: Value = { kind: "null" };
const bytes: Value = { kind: "bytes", value: "AAEC" };
const reference: Value = { kind: "reference", uri: "s3://b/k", sha256: "", sizeBytes: "9" };

describe("a value", () => {
  const types: readonly SpecType[] = ["string", "int", "float", "bool", "object", "array", "any"];
  test.each<{ value: Value; of: readonly SpecType[] }>([
    { value: text("a"), of: ["string", "any"] },
    { value: int("9007199254740993"), of: ["int", "float", "any"] },
    { value: float(1.5), of: ["float", "any"] },
    { value: float(2), of: ["float", "any"] },
    { value: bool(true), of: ["bool", "any"] },
    { value: bytes, of: ["any"] },
    { value: nothing, of: ["any"] },
    { value: json("a"), of: ["string", "any"] },
    { value: json(3), of: ["int", "float", "any"] },
    { value: json(3.5), of: ["float", "any"] },
    { value: json(2 ** 60), of: ["float", "any"] },
    { value: json(false), of: ["bool", "any"] },
    { value: json({ a: 1 }), of: ["object", "any"] },
    { value: json([1]), of: ["array", "any"] },
    { value: json(null), of: ["any"] },
    { value: reference, of: ["string", "object", "array", "any"] },
  ])("G-042 G-044 $value.kind $value.value is of the types $of and of no others", ({ value, of }) => {
    expect(types.filter((type) => isOfType(value, type))).toEqual(of);
  });
});

/** What is wrong, as `name: what`, by the inputs of an op and of a caller. */
function faultsOf(
  specs: Parameters<typeof theInputs>[0],
  inputs: Values,
  options: { readonly allowExtra?: boolean; readonly prepares?: boolean } = {},
): readonly string[] {
  const theSpecs = theInputs(specs, options);
  const found = options.prepares ? prepareInputs(theSpecs, inputs).violations : checkInputs(theSpecs, inputs);
  return found.map(({ field, description }) => `${field} ${description}`);
}

describe("inputs checked by an op", () => {
  const three: Partial<InputSpec> = { type: "int", defaultValue: int(3) };
  const optional: Partial<InputSpec> = { type: "int", required: false };

  test.each([
    {
      id: "G-041",
      given: "what is required",
      specs: { n: "int" as const },
      inputs: { n: int(1) },
      faults: [],
    },
    {
      id: "G-041",
      given: "nothing where something is required",
      specs: { n: "int" as const },
      inputs: {},
      faults: ['inputs["n"] is required, and not given'],
    },
    {
      id: "G-045",
      given: "a null where something is required",
      specs: { n: "int" as const, j: "any" as const },
      inputs: { n: nothing, j: json(null) },
      faults: ['inputs["n"] is required, and null', 'inputs["j"] is required, and null'],
    },
    {
      id: "G-045",
      given: "a null for an optional one",
      specs: { n: optional },
      inputs: { n: nothing },
      faults: [],
    },
    { id: "G-031", given: "nothing for an optional one", specs: { n: optional }, inputs: {}, faults: [] },
    {
      id: "G-042",
      given: "another type",
      specs: { n: "int" as const, s: "string" as const },
      inputs: { n: text("1"), s: bool(true) },
      faults: [
        'inputs["n"] must be of type int, and is a string',
        'inputs["s"] must be of type string, and is a bool',
      ],
    },
    {
      id: "G-044",
      given: "an int for a float",
      specs: { x: "float" as const },
      inputs: { x: int(1) },
      faults: [],
    },
    {
      id: "G-044",
      given: "true for numbers",
      specs: { n: "int" as const, x: "float" as const },
      inputs: { n: bool(true), x: json(true) },
      faults: [
        'inputs["n"] must be of type int, and is a bool',
        'inputs["x"] must be of type float, and is a JSON boolean',
      ],
    },
    {
      id: "G-046",
      given: "nothing for one that is required and has a default",
      specs: { n: three },
      inputs: {},
      faults: ['inputs["n"] is required, and not given'],
    },
    {
      id: "G-047",
      given: "a name that is not known",
      specs: { n: "int" as const },
      inputs: { n: int(1), m: int(2) },
      faults: ['inputs["m"] is no input of the op, which takes n'],
    },
    { id: "G-049", given: "anything where there are no specs", specs: {}, inputs: { n: int(1) }, faults: [] },
  ])(
    "G-031 G-041 G-042 G-044 G-045 G-046 G-047 G-049 ($id) with $given: $faults",
    ({ specs, inputs, faults }) => {
      expect(faultsOf(specs, inputs as Values)).toEqual(faults);
    },
  );

  test("G-046 a default stands in for what is required once they are prepared", () => {
    expect(faultsOf({ n: three }, {}, { prepares: true })).toEqual([]);
    expect(faultsOf({ n: three }, { n: nothing }, { prepares: true })).toEqual([
      'inputs["n"] is required, and null',
    ]);
  });

  test("G-047 names that are not known are taken where the op says so", () => {
    expect(faultsOf({ n: "int" }, { n: int(1), m: text("x") }, { allowExtra: true })).toEqual([]);
  });

  test("G-040 all that is wrong is told at once, each fault under its own path", () => {
    const schema = { properties: { rows: { items: { type: "integer" } } }, required: ["id"] };
    const specs = { a: "int" as const, b: "bool" as const, o: { type: "object" as const, schema } };
    const inputs = { a: text(""), o: json({ rows: [1, "x"] }), 'q"': int(1) };
    expect(faultsOf(specs, inputs)).toEqual([
      'inputs["a"] must be of type int, and is a string',
      'inputs["o"] must have a member id',
      'inputs["o"]/rows/1 must be an integer, and is a string',
      'inputs["q\\""] is no input of the op, which takes a, b, o',
      'inputs["b"] is required, and not given',
    ]);
  });

  test("a schema looks at the plain JSON form of a value, of numbers too, and not behind a reference", () => {
    const positive = { type: "int" as const, schema: { type: "integer", exclusiveMinimum: 0 } };
    const object = { type: "object" as const, schema: { required: ["id"] } };
    expect(faultsOf({ n: positive }, { n: int("9007199254740993") })).toEqual([]);
    expect(faultsOf({ n: positive }, { n: int(0) })).toEqual(['inputs["n"] must be above 0']);
    expect(faultsOf({ o: object }, { o: reference })).toEqual([]);
  });

  test("G-048 prepared are new ones with the defaults of what is missing; the caller's are as they were", () => {
    const specs = theInputs({ n: three, m: { ...three, required: false }, o: optional });
    const inputs = Object.freeze({ n: int(1) });
    const prepared = prepareInputs(specs, inputs);
    expect(prepared).toEqual({ inputs: { n: int(1), m: int(3) }, violations: [] });
    expect(prepared.inputs).not.toBe(inputs);
    expect(inputs).toEqual({ n: int(1) });
    expect(prepareInputs(specs, { n: int(1), m: nothing }).inputs).toEqual({ n: int(1), m: nothing });
  });
});

describe("an op that is registered", () => {
  const violationsOf = (done: object) => {
    const { refusal } = done as { refusal?: Extract<Refusal, { violations: unknown }> };
    return refusal?.violations.map(({ field }) => field);
  };

  test.each<{ id: string; given: string; spec: Partial<InputSpec>; field: string | undefined }>([
    {
      id: "G-032",
      given: "a default of its type",
      spec: { type: "int", defaultValue: int(1) },
      field: undefined,
    },
    {
      id: "G-032",
      given: "a default of another type",
      spec: { type: "int", defaultValue: text("1") },
      field: 'op.inputs["n"].default_value',
    },
    {
      id: "G-032",
      given: "a null as default of what is required",
      spec: { defaultValue: nothing },
      field: 'op.inputs["n"].default_value',
    },
    {
      id: "G-032",
      given: "a null as default of what is optional",
      spec: { defaultValue: nothing, required: false },
      field: undefined,
    },
    {
      id: "G-032",
      given: "a default that its schema does not take",
      spec: { defaultValue: json([1]), schema: { items: { type: "string" } } },
      field: 'op.inputs["n"].default_value/0',
    },
    {
      id: "G-030",
      given: "a schema that is none",
      spec: { schema: { type: "number?" } },
      field: 'op.inputs["n"].schema/type',
    },
  ])("G-030 G-032 ($id) with $given has the fault $field", ({ spec, field }) => {
    const done = new World().register({ inputs: theInputs({ n: spec }) });
    expect(violationsOf(done)).toEqual(field === undefined ? undefined : [field]);
  });

  test("tells all that is wrong with its specs at once, and is not registered", () => {
    const world = new World();
    const done = world.register({
      inputs: theInputs({ a: { type: "bool", defaultValue: int(1) }, b: { schema: { $ref: "x.json" } } }),
      outputs: theOutputs({ c: { schema: { pattern: "(" } } }),
    });
    expect(violationsOf(done)).toEqual([
      'op.inputs["a"].default_value',
      'op.inputs["b"].schema/$ref',
      'op.outputs["c"].schema/pattern',
    ]);
    expect(world.events()).toEqual([]);
  });

  test("has a bound for its specs in all", () => {
    const schema: Json = { title: "x".repeat(60_000) };
    const names = Array.from({ length: Math.ceil(opSpecsBytesMax / 60_000) }, (_, index) => `n${index}`);
    const inputs = theInputs(Object.fromEntries(names.map((name) => [name, { schema }])));
    expect(violationsOf(new World().register({ inputs }))).toEqual(["op"]);
  });
});

describe("a task of a registered op", () => {
  const inputs = theInputs({ n: "int", m: { type: "int", defaultValue: int(3) }, o: { required: false } });

  function create(parts: TaskParts, world = new World()) {
    world.register({ inputs });
    return { world, done: world.create({ task: theTask(parts) }) };
  }

  test("G-046 G-048 starts with the defaults of what its caller leaves out", () => {
    const stated = { n: int(1) };
    const { world } = create({ inputs: stated });
    world.attach();
    expect(world.assign()[0]?.inputs).toEqual({ n: int(1), m: int(3) });
    expect(world.action().spec).toMatchObject({ inputs: { m: { value: int(3) } } });
    expect(stated).toEqual({ n: int(1) });
  });

  test("G-045 starts with the null that its caller says, not with the default instead of it", () => {
    const world = new World();
    const three = { type: "int", required: false, defaultValue: int(3) } as const;
    world.register({ inputs: theInputs({ n: three }) });
    world.create({ task: theTask({ inputs: { n: nothing } }) });
    world.attach();
    expect(world.assign()[0]?.inputs).toEqual({ n: nothing });
  });

  test("G-040 G-041 G-042 with inputs that do not fit is refused with all that is wrong", () => {
    const { world, done } = create({ inputs: { m: text("x"), q: int(1) } });
    expect(done).toMatchObject({
      refusal: {
        reason: "INPUTS_INVALID",
        op: "work",
        version: 1,
        violations: [
          { field: 'run.task.inputs["m"]' },
          { field: 'run.task.inputs["q"]' },
          { field: 'run.task.inputs["n"]' },
        ],
      },
    });
    expect(world.eventsOf("run_created")).toEqual([]);
  });

  test("G-040 in a plan is checked with all others at once, each under its place", () => {
    const world = new World();
    world.register({ inputs });
    world.register({ inputs: theInputs({ s: "string" }) }, "other");
    const plan = [
      aTask("a", { inputs: { n: int(1) } }),
      aTask("b", { inputs: { n: text("1") } }),
      aTask("free", { op: "free", inputs: { x: int(1) } }),
      aTask("c", { op: "other", inputs: { s: "from a.x", t: "from a.x" } }),
    ];
    expect(world.create({ plan })).toMatchObject({
      refusal: {
        reason: "INPUTS_INVALID",
        op: "work",
        violations: [
          { field: 'run.plan.actions[1].task.inputs["n"]' },
          { field: 'run.plan.actions[3].task.inputs["t"]' },
        ],
      },
    });
  });

  test("G-040 as a child is checked when it is new, and found again whatever its op says by then", () => {
    const world = new World();
    world.register({ inputs }, "child");
    world.create({ task: theTask({ retry: { maxAttempts: 2, initialBackoffMs: 0 } }) });
    world.attach("w", { ops: ["work", "child"] });
    world.start();
    const good = aTask("c", { op: "child", inputs: { n: int(1) } });
    const bad: NewAction = aTask("d", { op: "child" });
    expect(world.add("main", good, bad)).toMatchObject({
      refusal: {
        reason: "INPUTS_INVALID",
        violations: [{ field: 'add_actions.actions[1].task.inputs["n"]' }],
      },
    });
    expect(world.add("main", good)).toMatchObject({ ok: true });
    world.register({ inputs: theInputs({ other: "bool" }) }, "child");
    expect(world.add("main", good)).toMatchObject({ ok: true });
    expect(world.action("main/c").spec).toMatchObject({ opVersion: 1 });
  });

  test("G-049 of an op that nobody registered is not checked", () => {
    const world = new World();
    expect(world.create({ task: theTask({ inputs: { any: nothing } }) })).toMatchObject({ ok: true });
    expect(world.action().spec).toMatchObject({ inputSpecs: undefined, outputSpecs: undefined });
  });

  test("is refused once the tasks of a run would copy too much from their ops", () => {
    const world = new World();
    world.register({ outputs: theOutputs({ o: { schema: { title: "x".repeat(60_000) } } }) });
    const plan = Array.from({ length: Math.ceil(copiedSpecsBytesMax / 60_000) }, (_, i) => aTask(`t${i}`));
    expect(world.create({ plan })).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "copiedSpecsBytesMax", maximum: copiedSpecsBytesMax },
    });
    expect(world.create({ plan: plan.slice(1) })).toMatchObject({ ok: true });
  });
});

describe("an input that refers to an output", () => {
  const schema = { minimum: 10 };
  const inputs = theInputs({ n: { type: "int", schema }, s: { type: "string", required: false } });

  function resolved(value: Value): World {
    const world = new World();
    world.register({ inputs }, "sum");
    const b = aTask("b", { op: "sum", inputs: { n: "from a.x", s: text("s") } });
    world.create({ plan: [aTask("a"), b] });
    world.attach("w", { ops: ["work", "sum"] });
    world.start();
    world.succeed("a", { x: value });
    return world;
  }

  test("G-042 is checked when it is resolved", () => {
    const world = resolved(int(10));
    expect(world.action("b").state).toBe("QUEUED");
    expect(world.action("b").spec).toMatchObject({ inputSpecs: { specs: { n: { type: "int" } } } });
    expect(Object.keys((world.action("b").spec as { inputSpecs: typeof inputs }).inputSpecs.specs)).toEqual([
      "n",
    ]);
  });

  test.each([
    {
      given: "another type",
      value: text("10"),
      message: 'inputs["n"]: must be of type int, and is a string',
    },
    { given: "what its schema does not take", value: int(9), message: 'inputs["n"]: must be at least 10' },
    { given: "a null", value: nothing, message: 'inputs["n"]: is required, and null' },
  ])("G-042 with $given fails its action as InputInvalid", ({ value, message }) => {
    const world = resolved(value);
    expect(world.action("b")).toMatchObject({
      state: "FAILED",
      attempt: 0,
      error: { type: "InputInvalid", message },
    });
    expect(world.run().state).toBe("FAILED");
  });
});

describe("outputs", () => {
  const outputs = theOutputs({ score: { type: "float", schema: { maximum: 1 } } });

  function succeeded(values: Values, parts: TaskParts = {}): World {
    const world = new World();
    world.register({ outputs });
    world.create({ task: theTask(parts) });
    world.attach();
    world.start();
    world.succeed("main", values);
    return world;
  }

  test("G-036 that fit are taken, and others beside them", () => {
    const world = succeeded({ score: float(0.5), more: text("x") });
    expect(world.run()).toMatchObject({
      state: "SUCCEEDED",
      outputs: { score: float(0.5), more: text("x") },
    });
  });

  test.each([
    { given: "one missing", values: {}, message: 'outputs["score"]: is missing' },
    {
      given: "another type",
      values: { score: text("1") },
      message: 'outputs["score"]: must be of type float, and is a string',
    },
    {
      given: "what the schema does not take",
      values: { score: float(2) },
      message: 'outputs["score"]: must be at most 1',
    },
    {
      given: "null",
      values: { score: nothing },
      message: 'outputs["score"]: must be of type float, and is null',
    },
  ])("G-036 with $given fail the attempt as OutputInvalid", ({ values, message }) => {
    const error = { type: "OutputInvalid", message };
    expect(succeeded(values).action()).toMatchObject({ state: "FAILED", outputs: undefined, error });
  });

  test("that do not fit are tried again as the policy says", () => {
    const world = succeeded({}, { retry: { maxAttempts: 2, initialBackoffMs: 0 } });
    expect(world.action()).toMatchObject({ state: "PENDING", attempt: 1 });
    world.at(0).start();
    world.succeed("main", { score: int(1) });
    expect(world.action()).toMatchObject({ state: "SUCCEEDED", attempt: 2, outputs: { score: int(1) } });
  });
});
