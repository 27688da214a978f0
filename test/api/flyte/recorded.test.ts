import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createRegistry, fromBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { WatchForUpdatesResponseSchema } from "../../../gen/flyteidl2/actions/actions_service_pb.ts";
import { flyteServices } from "../../../src/api/flyte/flyte-routes.ts";
import { runKey } from "../../../src/core/name.ts";
import { FlyteServer } from "../../support/flyte-clients.ts";

const folder = fileURLToPath(new URL("../../acceptance/flyte/recorded/", import.meta.url));

/** A call as an SDK made it. */
interface Recorded {
  readonly file: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function recordedBy(version: string): readonly Recorded[] {
  return readdirSync(`${folder}${version}`)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({ file, ...JSON.parse(readFileSync(`${folder}${version}/${file}`, "utf8")) }));
}

/** What fetch sets by itself, or refuses to. */
const ownHeaders = ["content-length", "transfer-encoding", "connection", "accept-encoding"];

let flyte: FlyteServer | undefined;
afterEach(async () => {
  await flyte?.server.close();
  flyte = undefined;
});

/** The answer to a recorded call; of a stream, once it has begun. */
async function replay(server: FlyteServer, call: Recorded, signal?: AbortSignal): Promise<Response> {
  const headers = Object.entries(call.headers).filter(([name]) => !ownHeaders.includes(name));
  return fetch(`${server.server.url}${call.path}`, {
    method: call.method,
    headers: Object.fromEntries(headers),
    body: Buffer.from(call.body, "base64"),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The updates in a stream up to its sentinel. */
async function updatesIn(response: Response): Promise<readonly { name: string; phase: number }[]> {
  const updates = [];
  let rest = Buffer.alloc(0);
  for await (const chunk of response.body ?? []) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const length = rest.readUInt32BE(1);
      const { message } = fromBinary(WatchForUpdatesResponseSchema, rest.subarray(5, 5 + length));
      rest = rest.subarray(5 + length);
      if (message.case === "controlMessage") return updates;
      if (message.case !== "actionUpdate") throw new Error("a word is empty");
      updates.push({ name: message.value.actionId?.name ?? "", phase: message.value.phase as number });
    }
  }
  throw new Error("the stream ended before its sentinel");
}

const registry = createRegistry(...flyteServices);
const isServed = ({ path }: Recorded) => registry.getService(path.split("/")[1] ?? "") !== undefined;

describe.each(readdirSync(folder))("what the SDK %s sends", (version) => {
  const calls = recordedBy(version);
  const labelled = (prefix: string) => calls.filter(({ file }) => file.startsWith(prefix));

  test("is understood, every call of it", async () => {
    flyte = await FlyteServer.start();
    const faults: string[] = [];
    for (const call of calls.filter(isServed)) {
      const ending = new AbortController();
      const response = await replay(flyte, call, ending.signal);
      const isStream = response.headers.get("content-type")?.startsWith("application/connect+") === true;
      const code = response.ok || isStream ? "" : ((await response.json()) as { code: string }).code;
      if (["unimplemented", "internal", "unknown", "unavailable"].includes(code) || response.status === 415) {
        faults.push(`${call.file}: ${response.status} ${code}`);
      }
      ending.abort();
    }
    expect(faults).toEqual([]);
    expect(flyte.server.errors).toEqual([]);
  });

  test("makes conditions that its signals answer and its watch tells of", async () => {
    flyte = await FlyteServer.start();
    for (const call of [...labelled("conditions-UploadInputs"), ...labelled("conditions-CreateRun")]) {
      expect((await replay(flyte, call)).status).toBe(200);
    }
    const identity = { workerId: "w1", ops: ["flyte"], namespace: "testing--development" };
    await (await flyte.server.attach(identity)).take();
    for (const call of labelled("conditions-Enqueue")) {
      expect((await replay(flyte, call)).status).toBe(200);
      expect((await replay(flyte, call)).status).toBe(200);
    }
    const [wrong] = labelled("signal-wrong-type-SignalEvent");
    const refused = wrong === undefined ? undefined : await (await replay(flyte, wrong)).json();
    expect(refused).toMatchObject({ code: "invalid_argument" });
    for (const call of [...labelled("signal-int-SignalEvent"), ...labelled("signal-SignalEvent-1")]) {
      expect((await replay(flyte, call)).status).toBe(200);
    }
    const run = runKey("testing--development", "conditions");
    const { items } = await flyte.server.store.listActions({ run, states: [], after: undefined, limit: 10 });
    expect(
      items.flatMap(({ spec, outputs }) => (spec.kind === "condition" ? [[spec.type, outputs]] : [])),
    ).toEqual(
      expect.arrayContaining([
        ["bool", { value: { kind: "bool", value: true } }],
        ["int", { value: { kind: "int", value: "7" } }],
        ["float", undefined],
      ]),
    );
    const ending = new AbortController();
    const [watch] = labelled("conditions-WatchForUpdates");
    if (watch === undefined) throw new Error("the watch was not recorded");
    const updates = await updatesIn(await replay(flyte, watch, ending.signal));
    ending.abort();
    expect(updates.map(({ phase }) => phase)).toEqual([5, 5]);
  });
});
