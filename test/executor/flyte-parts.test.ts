import { expect, test } from "vitest";
import * as names from "../../src/api/flyte/names.ts";
import * as stated from "../../src/api/flyte/stated.ts";
import { fillWord } from "../../src/executor/flyte/command-template.ts";
import * as ours from "../../src/executor/flyte/flyte-task.ts";
import { toMegabytes } from "../../src/executor/flyte/memory-quantity.ts";
import { type RunFacts, RunFactsByRun } from "../../src/executor/flyte/run-facts.ts";
import { toFlyteEndpoint } from "../../src/executor/flyte/task-environment.ts";

const values = {
  input: "/in",
  outputPrefix: "/out",
  rawOutputDataPrefix: "/raw",
  checkpointOutputPrefix: "/checkpoint",
  prevCheckpointPrefix: "",
  runName: "{{.input}}",
  actionName: "a0",
  runStartTime: "2026-01-02T00:00:00.000Z",
};

test.each([
  { word: "{{.input}}", is: "/in" },
  { word: "{{ .input }}:{{.outputPrefix}}", is: "/in:/out" },
  { word: "{{$.input}}", is: "/in" },
  { word: "{{.prevCheckpointPrefix}}", is: "" },
  { word: "{{.runName}}", is: "{{.input}}" },
  { word: "{{.inputs.x}} {{ other }} {.input}", is: "{{.inputs.x}} {{ other }} {.input}" },
  { word: "{{.toString}} {{.constructor}}", is: "{{.toString}} {{.constructor}}" },
])("the word $word of a command becomes $is", ({ word, is }) => {
  expect(fillWord(word, values)).toBe(is);
});

test.each([
  { quantity: "512Mi", mb: 512 },
  { quantity: "1.5Gi", mb: 1536 },
  { quantity: "1G", mb: 954 },
  { quantity: "1e9", mb: 954 },
  { quantity: "2097152", mb: 2 },
  { quantity: "1048576000m", mb: 1 },
  { quantity: "", mb: undefined },
  { quantity: "0", mb: undefined },
  { quantity: "much", mb: undefined },
  { quantity: "1Zi", mb: undefined },
])("the quantity $quantity of memory is $mb MB", ({ quantity, mb }) => {
  expect(toMegabytes(quantity)).toBe(mb);
});

test.each([
  { address: "http://127.0.0.1:7233", authority: "127.0.0.1:7233", isInsecure: true },
  { address: "localhost:7233", authority: "localhost:7233", isInsecure: true },
  { address: "http://[::1]:7233/", authority: "[::1]:7233", isInsecure: true },
  { address: "http://box", authority: "box:80", isInsecure: true },
  { address: "https://box.example.com", authority: "box.example.com:443", isInsecure: false },
])("tasks are told to reach $address at $authority", ({ address, authority, isInsecure }) => {
  expect(toFlyteEndpoint(address)).toEqual({ authority, isInsecure });
});

test("the worker reads the names that the server writes", () => {
  expect(ours.flyteOp).toBe(stated.flyteOp);
  expect(ours.outputUriName).toBe(stated.outputUriName);
  expect(ours.rootAction).toBe(names.rootAction);
  expect(stated.inputNames).toMatchObject(ours.inputNames);
});

test.each(["default", "p", "p--d", "my-project--my-domain"])(
  "the namespace %s means the same project and domain to the worker and to the server",
  (namespace) => {
    expect(ours.toScope(namespace)).toEqual(names.toScope(namespace));
  },
);

test.each(["a0", "a0/x", "a0/x/y", "main"])(
  "the action %s has the same name in Flyte to the worker and to the server",
  (action) => {
    expect(ours.toFlyteName(action)).toBe(names.shortName(action));
  },
);

test("a run is looked up once, again after a failure, and again once it was forgotten", async () => {
  const asked: string[] = [];
  let isAway = true;
  const runs = new RunFactsByRun({
    async createTimeOf({ runId }) {
      asked.push(runId);
      if (isAway) throw new Error("the server is away");
      return new Date(0);
    },
    async inputOf() {
      return undefined;
    },
  });
  const factsOf = (runId: string): Promise<RunFacts> => runs.factsOf({ namespace: "p--d", runId }, undefined);
  await expect(factsOf("r")).rejects.toThrow("the server did not say what the run is: the server is away");
  isAway = false;
  await Promise.all([factsOf("r"), factsOf("r")]);
  expect(await factsOf("r")).toEqual({
    startTime: "1970-01-01T00:00:00.000Z",
    environment: {},
    rawDataPrefix: "",
  });
  expect(asked).toEqual(["r", "r"]);
  for (let index = 0; index < 1_000; index += 1) await factsOf(`other-${index}`);
  await factsOf("r");
  expect(asked.filter((runId) => runId === "r").length).toBe(3);
});
