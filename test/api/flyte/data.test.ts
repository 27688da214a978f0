import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Inputs, InputsSchema, OutputsSchema } from "../../../gen/flyteidl2/task/common_pb.ts";
import { Blobs } from "../../../src/api/flyte/blobs.ts";
import { actionId, FlyteServer, faultIn, runId, taskSpec } from "../../support/flyte-clients.ts";

let flyte: FlyteServer;
let blobs: Blobs;

beforeAll(async () => {
  flyte = await FlyteServer.start();
  if (flyte.server.flyte === undefined) throw new Error("the server does not serve Flyte's clients");
  blobs = flyte.server.flyte.blobs;
});
afterAll(() => flyte.server.close());

const text = (value: string) => new TextEncoder().encode(value);
const md5Of = (bytes: Uint8Array) => createHash("md5").update(bytes).digest();

function literal(name: string, value: bigint) {
  const primitive = { value: { case: "integer", value } } as const;
  return {
    name,
    value: { value: { case: "scalar", value: { value: { case: "primitive", value: primitive } } } },
  } as const;
}

describe("blobs", () => {
  test("are named by their digest, kept once, and read again", async () => {
    const first = await blobs.put(text("one"));
    const again = await new Blobs(blobs.folder).put(text("one"));
    expect(again).toEqual(first);
    expect(first).toMatchObject({ sizeBytes: 3, sha256: createHash("sha256").update("one").digest("hex") });
    expect(await blobs.read(first.uri)).toEqual(Buffer.from("one"));
    expect(readdirSync(dirname(first.uri)).filter((name) => name.includes("."))).toEqual([]);
  });

  test("that a killed server has not finished are removed after a day, and no others", async () => {
    const { folder } = blobs;
    const [old, young] = [await blobs.newDraft(), await blobs.newDraft()];
    for (const draft of [old, young]) writeFileSync(draft, "half");
    const nowMs = Date.now();
    utimesSync(old, nowMs / 1_000 - 90_000, nowMs / 1_000 - 90_000);
    await new Blobs(folder).removeOldDrafts(nowMs);
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
    rmSync(young);
    await blobs.put(text("whole"));
    expect(readdirSync(dirname(young))).toEqual([]);
  });

  test("are read only inside their folder, wherever a path or a link leads", async () => {
    const outside = `${blobs.folder}-outside`;
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "secret");
    symlinkSync(join(outside, "secret"), join(blobs.folder, "link"));
    const paths = [
      join(outside, "secret"),
      join(blobs.folder, "..", "secret"),
      join(blobs.folder, "link"),
      "",
      "/",
    ];
    for (const path of paths) await expect(blobs.read(path)).rejects.toThrow("is not in the folder");
    await expect(blobs.read(join(blobs.folder, "nothing"))).rejects.toThrow("there is no file");
  });
});

describe("an upload", () => {
  async function place(bytes: Uint8Array, more: object = {}) {
    return flyte.data.createUploadLocation({
      project: "testing",
      domain: "development",
      filename: "code.tgz",
      contentMd5: md5Of(bytes),
      ...more,
    });
  }

  test("is put to a signed address, and is then where tasks find it", async () => {
    const bytes = text("some code");
    const { signedUrl, nativeUrl } = await place(bytes);
    const headers = { "content-md5": md5Of(bytes).toString("base64") };
    const response = await fetch(signedUrl, { method: "PUT", body: bytes, headers });
    expect(response.status).toBe(200);
    expect(readFileSync(nativeUrl, "utf8")).toBe("some code");
    expect(nativeUrl.startsWith(join(blobs.folder, "uploads", "testing--development"))).toBe(true);
  });

  test("is taken whole and as it was said, or not at all", async () => {
    const bytes = text("some other code");
    const { signedUrl, nativeUrl } = await place(bytes, { contentLength: BigInt(bytes.byteLength) });
    const put = async (url: string, body: Uint8Array, method = "PUT") =>
      (await fetch(url, { method, ...(method === "PUT" ? { body: Buffer.from(body) } : {}) })).status;
    expect(await put(signedUrl, text("some 0ther code"))).toBe(400);
    expect(await put(signedUrl, text("some other code and more"))).toBe(413);
    expect(await put(signedUrl, bytes, "GET")).toBe(405);
    expect(await put(signedUrl.replace(/\/files\/./, "/files/x"), bytes)).toBe(403);
    expect(() => readFileSync(nativeUrl)).toThrow("ENOENT");
    expect(await put(signedUrl, bytes)).toBe(200);
  });

  test.each([
    { fault: "a name that leads elsewhere", more: { filename: "../../secret" } },
    { fault: "a folder that leads elsewhere", more: { filenameRoot: "../.." } },
    { fault: "an MD5 that is none", more: { contentMd5: text("short") } },
    { fault: "a file that is too long", more: { contentLength: 2n ** 40n } },
    { fault: "a project that is none", more: { project: "no/project" } },
  ])("is refused for $fault", async ({ more }) => {
    expect((await faultIn(place(text("x"), more))).code).toBe("InvalidArgument");
  });

  test("to an address that has expired is refused", async () => {
    const { signedUrl } = await place(text("x"), { expiresIn: { nanos: 1_000_000 } });
    await expect.poll(async () => (await fetch(signedUrl, { method: "PUT", body: "x" })).status).toBe(403);
  });
});

describe("the data of an action", () => {
  test("are the inputs that were uploaded and the outputs that its task wrote", async () => {
    const inputs: Inputs = create(InputsSchema, { literals: [literal("number", 20n)] });
    const { offloadedInputData } = await flyte.data.uploadInputs({
      id: { case: "projectId", value: { name: "testing", domain: "whole" } },
      task: { case: "taskSpec", value: taskSpec("main") },
      inputs,
    });
    if (offloadedInputData === undefined) throw new Error("the inputs were not kept");
    const { run } = await flyte.runs.createRun({
      id: { case: "runId", value: runId("whole") },
      task: { case: "taskSpec", value: taskSpec("main") },
      inputWrapper: { case: "offloadedInputData", value: offloadedInputData },
    });
    expect(run?.action?.id).toMatchObject({ name: "a0", run: { project: "testing", name: "whole" } });
    const worker = await flyte.server.attach({ workerId: "w", ops: ["flyte"], namespace: "testing--whole" });
    const { attempt, inputs: given } = await worker.take();
    expect(given["input_uri"]?.kind.value).toBe(offloadedInputData.uri);
    const { value: stated } = given["run_output_base"]?.kind ?? {};
    const base = typeof stated === "string" ? stated : "";
    mkdirSync(join(base, "a0", "1"), { recursive: true });
    const outputs = create(OutputsSchema, { literals: [literal("o0", 40n)] });
    writeFileSync(join(base, "a0", "1", "outputs.pb"), toBinary(OutputsSchema, outputs));
    writeFileSync(join(base, "a0", "1", "report.html"), "<p>done</p>");
    await worker.report(attempt, 1n, { case: "log", value: { message: "one\ntwo" } });
    await worker.report(attempt, 2n, {
      case: "succeeded",
      value: { outputs: { output_uri: { kind: { case: "stringValue", value: join(base, "a0", "1") } } } },
    });

    const data = await flyte.data.getActionData({ actionId: actionId("whole", "a0") });
    expect(data.inputs?.literals).toEqual(inputs.literals);
    expect(data.outputs?.literals).toEqual(outputs.literals);

    const { preSignedUrls } = await flyte.data.createDownloadLink({
      artifactType: 1,
      source: { case: "actionAttemptId", value: { actionId: actionId("whole", "a0"), attempt: 1 } },
    });
    const report = await fetch(preSignedUrls?.signedUrl[0] ?? "");
    expect(await report.text()).toBe("<p>done</p>");
    expect(report.headers.get("content-security-policy")).toContain("sandbox");

    const lines: string[] = [];
    for await (const { logs } of flyte.data.tailLogs({ actionId: actionId("whole", "a0"), attempt: 1 })) {
      lines.push(...logs.flatMap((log) => log.lines.map(({ message }) => message)));
    }
    expect(lines).toEqual(["one", "two"]);
  });

  test("are not those of a file elsewhere", async () => {
    await flyte.runs.createRun({
      id: { case: "runId", value: runId("elsewhere") },
      task: { case: "taskSpec", value: taskSpec("main") },
      inputWrapper: { case: "offloadedInputData", value: { uri: "/etc/hostname" } },
    });
    expect((await faultIn(flyte.data.getActionData({ actionId: actionId("elsewhere", "a0") }))).code).toBe(
      "NotFound",
    );
  });
});

describe("a run", () => {
  const stated = (id: Parameters<typeof flyte.runs.createRun>[0]["id"]) => ({
    ...(id === undefined ? {} : { id }),
    task: { case: "taskSpec", value: taskSpec("main") } as const,
    inputWrapper: { case: "inputs", value: {} } as const,
  });

  test("without a name gets one of its own", async () => {
    const id = { case: "projectId", value: { name: "testing", domain: "unnamed" } } as const;
    const { run } = await flyte.runs.createRun(stated(id));
    expect(run?.action?.id?.run?.name).toMatch(/^r[0-9a-z]{19}$/);
  });

  test("of a name that is taken is refused, but the same request again is answered again", async () => {
    const request = stated({ case: "runId", value: runId("taken") });
    const headers = { "x-request-id": "id-1" };
    await flyte.runs.createRun(request, { headers });
    const again = await flyte.runs.createRun(request, { headers });
    expect(again.run?.action?.id?.run?.name).toBe("taken");
    expect((await faultIn(flyte.runs.createRun(request))).code).toBe("AlreadyExists");
  });
});

describe("a deployed task", () => {
  const id = (version: string) => ({ project: "testing", domain: "deployed", name: "env.main", version });

  test("is found by version, listed in its latest, and begins runs", async () => {
    for (const version of ["v1", "v2", "v3"]) {
      await flyte.tasks.deployTask({ taskId: id(version), spec: taskSpec(`main_${version}`) });
    }
    const { details } = await flyte.tasks.getTaskDetails({ taskId: id("v1") });
    expect(details?.spec?.shortName).toBe("main_v1");
    expect(details?.taskId).toMatchObject(id("v1"));
    const project = { name: "testing", domain: "deployed" };
    const { tasks } = await flyte.tasks.listTasks({
      request: { limit: 10, filters: [{ field: "name", values: ["env.main"] }] },
      scopeBy: { case: "projectId", value: project },
    });
    expect(tasks.map(({ taskId }) => taskId?.version)).toEqual(["v3"]);
    const { run } = await flyte.runs.createRun({
      id: { case: "projectId", value: project },
      task: { case: "taskId", value: id("v2") },
      inputWrapper: { case: "inputs", value: {} },
    });
    const spec = run?.action?.metadata?.spec;
    expect(spec?.case === "task" ? spec.value.id?.version : "").toBe("v2");
  });

  test("is deployed once, and never becomes another one", async () => {
    await flyte.tasks.deployTask({ taskId: id("w1"), spec: taskSpec("main") });
    await flyte.tasks.deployTask({ taskId: id("w1"), spec: taskSpec("main") });
    const other = flyte.tasks.deployTask({ taskId: id("w1"), spec: taskSpec("other") });
    expect((await faultIn(other)).code).toBe("AlreadyExists");
    expect((await faultIn(flyte.tasks.getTaskDetails({ taskId: id("w9") }))).code).toBe("NotFound");
  });
});
