import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../../src/client/client.ts";
import { parseConfiguration } from "../../../src/configuration-parse.ts";
import { runCli } from "../../client/cli-run.ts";
import { StartedServer } from "../../support/started-server.ts";

let folder: string;
let file: string;
let token: string;
let server: StartedServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "signalbox-tokens-"));
  file = join(folder, "tokens.json");
  const made = await runCli(["token", "create", "--subject", "ana", "--group", "ops", "--file", file]);
  token = made.out.trim();
  server = await StartedServer.start({ flags: ["--tokens-file", file] });
});

afterAll(async () => {
  await server.remove();
  rmSync(folder, { recursive: true });
});

function call(headers: Record<string, string>, method = "signalbox.v1.RunService/ListRuns") {
  return fetch(`${server.url}/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: "{}",
  });
}

describe("a server with a tokens file", () => {
  test.each([
    { with: "no key", headers: {}, status: 401 },
    { with: "an unknown key", headers: { "x-api-key": "sbx_unknown" }, status: 401 },
    { with: "an unknown token", headers: { authorization: "Bearer sbx_unknown" }, status: 401 },
    { with: "another scheme", headers: { authorization: "Basic c2J4Og==" }, status: 401 },
  ])("G-162 refuses a call with $with as UNAUTHENTICATED", async ({ headers, status }) => {
    const response = await call(headers);
    expect(response.status).toBe(status);
    const { code, details } = (await response.json()) as { code: string; details: { debug?: object }[] };
    expect(code).toBe("unauthenticated");
    expect(details[0]?.debug).toMatchObject({ reason: "UNAUTHENTICATED", domain: "signalbox" });
  });

  test("G-162 takes the key as x-api-key and as a bearer token", async () => {
    expect((await call({ "x-api-key": token })).status).toBe(200);
    expect((await call({ authorization: `Bearer ${token}` })).status).toBe(200);
  });

  test("answers the health check without a token", async () => {
    expect((await call({}, "grpc.health.v1.Health/Check")).status).toBe(200);
  });

  test("takes the token of a client, and refuses its streams without one", async () => {
    await using known = createClient({ address: server.address, token });
    expect(await known.runs.list().all()).toEqual([]);
    await using stranger = createClient({ address: server.address });
    const refused = { reason: "UNAUTHENTICATED", code: "UNAUTHENTICATED" };
    await expect(stranger.runs.list().all()).rejects.toMatchObject(refused);
    await expect(stranger.events.watch().next()).rejects.toMatchObject(refused);
  });

  test("the command takes it from its option and from the environment", async () => {
    const args = ["runs", "--server", server.address];
    expect(await runCli(args)).toMatchObject({ code: 3 });
    expect(await runCli([...args, "--token", token])).toMatchObject({ code: 0 });
    expect(await runCli(args, { environment: { SIGNALBOX_TOKEN: token } })).toMatchObject({ code: 0 });
  });

  test("notices a token that is revoked", async () => {
    const { out } = await runCli(["token", "create", "--subject", "bo", "--file", file]);
    const another = { "x-api-key": out.trim() };
    await expect.poll(async () => (await call(another)).status).toBe(200);
    expect(await runCli(["token", "revoke", "--subject", "bo", "--file", file])).toMatchObject({
      out: "revoked: 1\n",
    });
    await expect.poll(async () => (await call(another)).status, { timeout: 5_000 }).toBe(401);
  });
});

test("a tokens file keeps no token, and nobody but its owner reads it", () => {
  expect(readFileSync(file, "utf8")).not.toContain(token);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each([
  { host: "127.0.0.1", ok: true },
  { host: "127.8.0.1", ok: true },
  { host: "::1", ok: true },
  { host: "localhost", ok: true },
  { host: "0.0.0.0", ok: false },
  { host: "::", ok: false },
  { host: "10.0.0.1", ok: false },
])("without a tokens file, a server on $host starts: $ok", ({ host, ok }) => {
  const parse = (...flags: string[]) => parseConfiguration({ flags, environment: {}, readFile: () => "" });
  expect(parse("--host", host).ok).toBe(ok);
  expect(parse("--host", host, "--tokens-file", "tokens.json").ok).toBe(true);
});
