import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestServer } from "../support/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

describe("an op", () => {
  test("has a version for each content that was registered", async () => {
    const register = async (description: string) => {
      const { op } = await server.ops.registerOp({ op: { name: "count", description } });
      return op?.version;
    };
    expect(await register("counts lines")).toBe(1);
    expect(await register("counts lines")).toBe(1);
    expect(await register("counts words")).toBe(2);
    const { op: latest } = await server.ops.getOp({ name: "count" });
    expect(latest).toMatchObject({ namespace: "default", version: 2, description: "counts words" });
    const { op: first } = await server.ops.getOp({ name: "count", version: 1 });
    expect(first).toMatchObject({ version: 1, description: "counts lines" });
  });

  test("gives its tasks the policy that they do not state", async () => {
    await server.ops.registerOp({ op: { name: "flaky", retry: { maxAttempts: 2, initialBackoff: {} } } });
    const worker = await server.attach({ ops: ["flaky"] });
    await server.runs.createRun({ run: { runId: "flaky", work: { case: "task", value: { op: "flaky" } } } });
    const { attempt, opVersion } = await worker.take();
    expect(opVersion).toBe(1);
    await worker.report(attempt, 1n, { case: "failed", value: { type: "E", message: "no" } });
    const second = await worker.take();
    expect(second.attempt?.attempt).toBe(2);
    worker.send({ case: "leave", value: {} });
    await worker.ended;
  });

  test("is listed in its latest version, by name, a page at a time", async () => {
    const namespace = "listed";
    for (const name of ["c", "a", "b", "a"]) {
      await server.ops.registerOp({ op: { namespace, name, description: name + Math.random() } });
    }
    const first = await server.ops.listOps({ namespace, pageSize: 2 });
    expect(first.ops.map(({ name, version }) => `${name} ${version}`)).toEqual(["a 2", "b 1"]);
    const second = await server.ops.listOps({ namespace, pageSize: 2, pageToken: first.nextPageToken });
    expect(second.ops.map(({ name }) => name)).toEqual(["c"]);
    expect(second.nextPageToken).toBe("");
  });
});
