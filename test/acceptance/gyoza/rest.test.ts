import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../../src/client/client.ts";
import { StartedServer } from "../../support/started-server.ts";
import { TestWorker } from "../../support/test-worker.ts";

let server: StartedServer;

beforeAll(async () => {
  server = await StartedServer.start();
});

afterAll(() => server.remove());

interface Answer {
  readonly status: number;
  readonly body: { readonly [name: string]: unknown };
}

/** One REST call: its status and its body. */
async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

const definition = {
  id: "score",
  version: "1.2.0",
  image: "registry.example/score:1",
  input_specs: {
    text: { type: "string" },
    times: { type: "int", required: false, default: 3 },
  },
  output_specs: { score: { type: "float" } },
  constraints: { cpu: 2, ram_mb: 512, vram_mb: null },
  retry_policy: { max_attempts: 2, backoff_ms: 5 },
  event_delivery: { topic: "scores", attributes: { team: "ml" } },
};

describe("definitions over REST", () => {
  test("G-050 G-051 G-052 G-060 G-065 G-066 are registered, read back, and listed with all versions", async () => {
    const first = await call("POST", "/definitions", definition);
    expect(first).toMatchObject({
      status: 200,
      body: { ...definition, constraints: { cpu: 2, ram_mb: 512 } },
    });
    expect(first.body["createdAt"]).toBe(first.body["updatedAt"]);
    const next = await call("POST", "/definitions", { ...definition, version: "1.3.0" });
    expect(next.body["createdAt"]).toBe(first.body["createdAt"]);
    expect((await call("GET", "/definitions/score")).body).toMatchObject({ version: "1.3.0" });
    expect((await call("GET", "/definitions/score?version=1.2.0")).body).toMatchObject({ version: "1.2.0" });
    const listed = (await call("GET", "/definitions")).body as unknown as { id: string; version: string }[];
    expect(listed.map(({ id, version }) => `${id} ${version}`)).toEqual(["score 1.3.0", "score 1.2.0"]);
  });

  test("are registered by the name in the path, too, which the body may not contradict", async () => {
    const { id: _, ...rest } = { ...definition, version: "2.0.0" };
    expect(await call("PUT", "/definitions/by-path", rest)).toMatchObject({
      status: 200,
      body: { id: "by-path", version: "2.0.0" },
    });
    expect(await call("PUT", "/definitions/by-path", { ...rest, id: "other" })).toMatchObject({
      status: 400,
    });
  });

  test("G-067 an unknown name is 404", async () => {
    expect(await call("GET", "/definitions/none")).toMatchObject({
      status: 404,
      body: { reason: "OP_NOT_FOUND" },
    });
    expect(await call("POST", "/definitions/none/runs", { inputs: {} })).toMatchObject({ status: 404 });
  });

  test("G-029 G-043 say everything that is wrong at once", async () => {
    const wrong = { id: "x", input_specs: { a: { type: "tensor" } }, retry_policy: { max_attempts: 0 } };
    const { status, body } = await call("POST", "/definitions", wrong);
    expect(status).toBe(400);
    expect(body["detail"]).toContain("input_specs.a.type must be one of");
    expect(body["detail"]).toContain("max_attempts must be a whole number of at least 1");
  });
});

describe("runs over REST", () => {
  test("G-040 G-041 G-042 inputs that do not fit are 400, all of them told", async () => {
    const { status, body } = await call("POST", "/definitions/score/runs", {
      inputs: { times: "x", other: 1 },
    });
    expect({ status, reason: body["reason"] }).toEqual({ status: 400, reason: "INPUTS_INVALID" });
    expect(body["facts"]).toMatchObject({ violation_count: "3" });
  });

  test("G-071 G-074 G-080 G-081 G-100 a run is created, executed and read as gyoza reads it", async () => {
    const created = await call("POST", "/definitions/score/runs", { inputs: { text: "hi" }, priority: 5 });
    expect(created).toMatchObject({
      status: 201,
      body: {
        state: "PENDING",
        priority: 5,
        image: definition.image,
        op_definition: "score",
        inputs: { text: "hi", times: 3 },
        current_attempt: 1,
        constraints: { cpu: 2, ram_mb: 512, vram_mb: null, gpu_id: null },
        retry_policy: { max_attempts: 2, backoff_ms: 5 },
        event_delivery: { topic: "scores", attributes: { team: "ml" } },
      },
    });
    const id = created.body["id"] as string;
    const worker = await TestWorker.attach(server.url, {
      ops: ["score"],
      capacity: { cpu: 4, ramMb: 1_024n },
    });
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "progress", value: { percent: 40 } });
    expect((await call("GET", `/runs/${id}`)).body).toMatchObject({ state: "RUNNING", progress: 40 });
    const outputs = { score: { kind: { case: "floatValue" as const, value: 0.5 } } };
    await worker.report(attempt, 2n, { case: "succeeded", value: { outputs } });
    const { body } = await call("GET", `/runs/${id}`);
    expect(body).toMatchObject({ state: "COMPLETED", progress: 100, outputs: { score: 0.5 } });
    expect(body["execution_summary"]).toMatchObject({ worker_id: "w1", error_message: null, gpu_id: null });
    const events = body["events"] as { id: number; type: string; msg: unknown; state: string }[];
    expect(events.map(({ id: index, type, state }) => [index, type, state])).toEqual([
      [0, "ASSIGNED", "ASSIGNED"],
      [1, "STARTED", "RUNNING"],
      [2, "PROGRESS", "RUNNING"],
      [3, "COMPLETED", "COMPLETED"],
    ]);
    expect(events[2]?.msg).toBe(40);
    expect((await call("GET", `/runs/${id}/attempts`)).body).toMatchObject([
      { id: `${id}_att_1`, op_run_id: id, attempt: 1, state: "COMPLETED", inputs: { text: "hi", times: 3 } },
    ]);
    worker.cancel();
  });

  test("G-049 G-096 an ad-hoc run names an image, and no definition", async () => {
    const created = await call("POST", "/runs", {
      image: "registry.example/any:2",
      inputs: { free: [1, 2] },
    });
    expect(created).toMatchObject({
      status: 201,
      body: { image: "registry.example/any:2", op_definition: null, priority: 0, inputs: { free: [1, 2] } },
    });
    expect(await call("POST", "/runs", { inputs: {} })).toMatchObject({ status: 400 });
  });

  test("G-102 G-133 a priority below 0 is 400, and a legal one is taken in any state", async () => {
    const { body } = await call("POST", "/runs", { image: "i" });
    const id = body["id"] as string;
    expect(await call("PATCH", `/runs/${id}`, { priority: -1 })).toMatchObject({ status: 400 });
    expect((await call("PATCH", `/runs/${id}`, { priority: 9 })).body).toMatchObject({ priority: 9 });
    await call("POST", `/runs/${id}/cancel`, {});
    expect((await call("PATCH", `/runs/${id}`, { priority: 2 })).body).toMatchObject({
      priority: 2,
      state: "CANCELLED",
    });
  });

  test("G-132 a client's word moves a run, and an invalid move is 400", async () => {
    const { body } = await call("POST", "/runs", { image: "i" });
    const id = body["id"] as string;
    const done = await call("PATCH", `/runs/${id}`, { state: "COMPLETED", outputs: { x: 1 } });
    expect(done).toMatchObject({ status: 200, body: { state: "COMPLETED", outputs: { x: 1 } } });
    expect(await call("PATCH", `/runs/${id}`, { state: "FAILED" })).toMatchObject({ status: 400 });
    expect(await call("PATCH", `/runs/${id}`, { state: "DANCING" })).toMatchObject({ status: 400 });
  });

  test("G-137 G-138 G-139 a retry takes force when the attempts are used up", async () => {
    const { body } = await call("POST", "/runs", { image: "i" });
    const id = body["id"] as string;
    expect(await call("POST", `/runs/${id}/retry`)).toMatchObject({ status: 400 });
    await call("POST", `/runs/${id}/cancel`, {});
    expect((await call("POST", `/runs/${id}/retry`, {})).body).toMatchObject({ state: "PENDING" });
  });

  test("G-124 a client adds INFO and ERROR, and nothing that is its worker's to say", async () => {
    const { body } = await call("POST", "/runs", { image: "i" });
    const path = `/runs/${body["id"] as string}/events`;
    const added = { event_type: "INFO", msg: "from outside", payload: { a: 1 } };
    expect(await call("POST", path, added)).toMatchObject({ status: 201 });
    expect(await call("POST", path, { event_type: "COMPLETED" })).toMatchObject({ status: 400 });
    await using client = createClient({ address: server.address });
    const [event] = await client.events.list({ runId: body["id"] as string, kinds: ["PUBLISHED"] }).all();
    expect(event?.detail).toMatchObject({ type: "gyoza.info", payload: { msg: "from outside", a: 1 } });
  });

  test("G-161 are listed the newest first, in pages to either side, by state, image and time", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 25; index += 1) {
      const { body } = await call("POST", "/runs", { image: "listed" });
      ids.unshift(body["id"] as string);
    }
    const list = async (query: string) => {
      const { body } = await call("GET", `/runs?image=listed&${query}`);
      const { data, has_more: hasMore } = body as unknown as { data: { id: string }[]; has_more: boolean };
      return { ids: data.map(({ id }) => id), hasMore };
    };
    expect(await list("")).toEqual({ ids: ids.slice(0, 10), hasMore: true });
    expect(await list(`limit=10&starting_after=${ids[9]}`)).toEqual({
      ids: ids.slice(10, 20),
      hasMore: true,
    });
    expect(await list(`limit=10&starting_after=${ids[19]}`)).toEqual({ ids: ids.slice(20), hasMore: false });
    expect(await list(`limit=5&ending_before=${ids[10]}`)).toEqual({ ids: ids.slice(5, 10), hasMore: true });
    await call("POST", `/runs/${ids[3]}/cancel`, {});
    expect(await list("state=CANCELLED")).toEqual({ ids: [ids[3]], hasMore: false });
    expect(await list("status=CANCELLED")).toEqual({ ids: [ids[3]], hasMore: false });
    const now = Math.floor(Date.now() / 1_000);
    expect((await list(`created[gte]=${now - 3_600}&limit=100`)).ids).toEqual(ids);
    expect((await list(`created[gt]=${now + 3_600}`)).ids).toEqual([]);
    expect((await list(`created[lte]=${now + 3_600}&limit=1`)).ids).toEqual(ids.slice(0, 1));
    expect((await list(`created[lt]=${now - 3_600}`)).ids).toEqual([]);
  });

  test.each([
    "limit=0",
    "limit=101",
    "limit=x",
    "state=NONE",
    "created[gte]=x",
    "starting_after=a&ending_before=b",
  ])("G-161 a list by %s is 400", async (query) => {
    expect(await call("GET", `/runs?${query}`)).toMatchObject({ status: 400 });
  });

  test("a path that is served, with another method, is 405; a body that is no JSON is 400", async () => {
    expect(await call("DELETE", "/runs")).toMatchObject({ status: 405 });
    const response = await fetch(`${server.url}/runs`, { method: "POST", body: "{" });
    expect(response.status).toBe(400);
  });
});
