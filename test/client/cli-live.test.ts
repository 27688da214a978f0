import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCli } from "./cli-run.ts";
import { type LiveServer, openLiveServer } from "./live-server.ts";

const folder = mkdtempSync(join(tmpdir(), "signalbox-cli-"));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

/** Runs command lines against a server of this process; each is one text, with quotes left out. */
async function open() {
  const live = await openLiveServer({ deliveries: { allowsInside: true } });
  const cli = (...args: readonly string[]) => runCli([...args, "--server", live.server.url]);
  const json = async (...args: readonly string[]): Promise<unknown> => {
    const { out } = await cli(...args, "--json");
    const lines = out.trimEnd().split("\n");
    return lines.length === 1 ? JSON.parse(lines[0] as string) : lines.map((line) => JSON.parse(line));
  };
  return { ...live, cli, json };
}

/** The columns of each line, as people see them. */
const cells = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().split(/ {2,}/));

const resize = {
  name: "resize",
  versionName: "1.0.0",
  description: "makes it smaller",
  inputs: { width: { type: "int", description: "in pixels" }, height: { type: "int", default: 600 } },
  outputs: { path: { type: "string" } },
  resources: { cpu: 1, ramMb: 512 },
  retry: { maxAttempts: 2 },
};

describe("ops", () => {
  test("are registered from a file, shown, listed and deleted", async () => {
    const { cli, json } = await open();
    const path = file("resize.json", resize);
    expect((await cli("op", "register", path)).out).toBe("resize is registered, version 1\n");
    expect(await json("op", "register", path)).toMatchObject({ name: "resize", version: 1 });
    const shown = cells((await cli("op", "show", "resize")).out);
    expect(shown).toContainEqual(["version", "1 1.0.0"]);
    expect(shown).toContainEqual(["resources", "cpu=1 ramMb=512"]);
    expect(shown).toContainEqual(["input", "width", "int", "required", "in pixels"]);
    expect(shown).toContainEqual(["input", "height", "int", "required", "600"]);
    expect(shown).toContainEqual(["output", "path", "string"]);
    expect(await json("op", "show", "resize", "--version", "1.0.0")).toMatchObject({ version: 1 });
    await cli("op", "register", file("resize-2.json", { ...resize, versionName: "2.0.0" }));
    expect(cells((await cli("ops")).out)[1]?.slice(0, 3)).toEqual(["resize", "2", "2.0.0"]);
    expect(cells((await cli("ops", "--all")).out).slice(1)).toHaveLength(2);
    expect((await cli("ops", "other")).notes).toBe("no ops are registered; a task needs none\n");
    expect((await cli("op", "delete", "resize", "--version", "1")).out).toBe(
      "resize is deleted, versions: 1\n",
    );
    expect(await json("op", "delete", "resize")).toEqual({ versionCount: 1 });
    expect(await cli("op", "show", "resize")).toMatchObject({ code: 4, out: "" });
  });

  test("check inputs, and tell all that is wrong with them at once", async () => {
    const { cli, json } = await open();
    await cli("op", "register", file("resize.json", resize));
    const good = await cli("op", "validate", "resize", "--input", "width=800");
    expect(good).toMatchObject({ code: 0, out: "width: 800\nheight: 600\n" });
    expect(good.notes).toBe("the inputs are valid for resize version 1\n");
    expect(await json("op", "validate", "resize", "--input", "width=800")).toMatchObject({
      inputs: { width: { intValue: "800" }, height: { intValue: "600" } },
    });
    const bad = await cli("op", "validate", "resize", "--input", "width=wide", "--input", "depth=3");
    expect(bad.code).toBe(3);
    expect(bad.notes).toContain("reason: INPUTS_INVALID");
    expect(bad.notes).toContain('inputs["width"]: must be of type int');
    expect(bad.notes).toContain('inputs["depth"]: is no input of the op');
    const bare = await cli("op", "validate", "resize", "--input", "width=800", "--bare");
    expect(bare.code).toBe(3);
    expect(bare.notes).toContain('inputs["height"]: is required');
  });
});

describe("limits", () => {
  test("are set, listed, shown and deleted", async () => {
    const { cli, json } = await open();
    expect((await cli("limit", "set", "gpu", "--op", "train", "--max", "2")).out).toBe(
      "gpu holds for op train: 2 at once\n",
    );
    expect((await cli("limit", "set", "each", "--label", "team", "--rate", "100/1m")).out).toBe(
      "each holds for each team: 100/1m\n",
    );
    expect(await json("limit", "set", "whole", "--all", "--weight", "3")).toMatchObject({
      wholeNamespace: {},
      shareWeight: 3,
    });
    await cli("limit", "set", "ml", "--label", "team=ml", "--max", "1", "--rate", "5/1500ms");
    expect(cells((await cli("limits")).out).map((row) => row.slice(0, -1))).toEqual([
      ["LIMIT", "OF", "AT ONCE", "RATE", "WEIGHT"],
      ["each", "each team", "any", "100/1m"],
      ["gpu", "op train", "2"],
      ["ml", "team=ml", "1", "5/1.5s"],
      ["whole", "all tasks", "any", "3"],
    ]);
    expect(cells((await cli("limit", "show", "gpu")).out)).toContainEqual(["running", "0"]);
    expect(await json("limit", "show", "gpu")).toMatchObject({ limit: { op: "train" }, uses: [{}] });
    expect((await cli("limit", "delete", "gpu")).out).toBe("gpu is deleted\n");
    expect((await cli("limit", "delete", "gpu")).code).toBe(4);
  });

  test("of each value of a label show who uses how much", async () => {
    const { cli, client, work } = await open();
    const started = Promise.withResolvers<void>();
    await work({
      train: ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
          started.resolve();
        }),
    });
    await cli("limit", "set", "each", "--label", "team", "--max", "2");
    await client.runs.create({ op: "train", labels: { team: "ml" } });
    await started.promise;
    expect(cells((await cli("limit", "show", "each")).out)).toContainEqual(["ml", "1"]);
  });
});

describe("a run", () => {
  test("asks for what the options say, and is found by its op and its age", async () => {
    const { cli, client } = await open();
    const asks = ["--cpu", "1.5", "--ram-mb", "100", "--vram-mb", "8000", "--devices", "2"];
    const goes = ["--worker-label", "zone=a", "--tolerate", "gpu", "--tolerate", "tier=spot"];
    const more = ["--image", "example.com/a:1", "--handler", "a:b", "--topic", "t", "--attribute", "k=v"];
    const { out } = await cli("run", "train", ...asks, ...goes, ...more, "--id", "r1");
    expect(out).toBe("r1\n");
    expect(await client.runs.action("r1", "main")).toMatchObject({
      resources: { cpu: 1.5, ramMb: 100, vramMb: 8_000, deviceCount: 2 },
      placement: {
        workerLabels: { zone: "a" },
        tolerations: [
          { key: "gpu", value: "" },
          { key: "tier", value: "spot" },
        ],
      },
      image: "example.com/a:1",
      handler: "a:b",
    });
    expect((await client.runs.get("r1")).delivery).toEqual({ topic: "t", attributes: { k: "v" } });
    const shown = cells((await cli("action", "r1", "main")).out);
    expect(shown).toContainEqual(["resources", "cpu=1.5 ramMb=100 vramMb=8000 deviceCount=2"]);
    expect(shown).toContainEqual(["placement", "zone=a, taint gpu, taint tier=spot"]);
    expect((await cli("run", "train", "--device", "3", "--id", "r2")).code).toBe(0);
    expect((await client.runs.action("r2", "main")).resources).toEqual({ deviceIndex: 3 });
    expect(cells((await cli("runs", "--op", "train", "--within", "1h")).out).slice(1)).toHaveLength(2);
    expect((await cli("runs", "--op", "other")).notes).toBe("no runs\n");
    expect((await cli("runs", "--image", "example.com/a:1", "--json")).out).toContain('"runId":"r1"');
  });

  test("of a version of its op that is not there does not begin", async () => {
    const { cli } = await open();
    await cli("op", "register", file("bare.json", { name: "train" }));
    expect((await cli("run", "train", "--op-version", "1")).code).toBe(0);
    expect(await cli("run", "train", "--op-version", "9")).toMatchObject({ code: 4, out: "" });
  });

  test("that no worker fits is explained with what is missing", async () => {
    const { cli, work } = await open();
    await work({ train: () => undefined }, { capacity: { cpu: 2, ramMb: 10 }, taints: [{ key: "gpu" }] });
    await cli("run", "train", "--cpu", "8", "--ram-mb", "100", "--id", "r1");
    const { out } = await cli("explain", "r1", "main");
    expect(out).toMatch(/^no worker fits {2,}no attached worker of op train could ever hold it/);
    expect(cells(out).filter(([name]) => name === "not met").length).toBeGreaterThan(1);
  });

  test("is ended by an operator, and opened again with all that it did", async () => {
    const { cli, json } = await open();
    await cli("run", "train", "--id", "r1");
    const ended = await cli("end", "r1", "main", "succeeded", "--output", "url=x", "--output", "size=5");
    expect(ended).toMatchObject({ code: 0, out: "main SUCCEEDED\n" });
    expect(await json("action", "r1", "main")).toMatchObject({
      action: { outputs: { url: { stringValue: "x" }, size: { intValue: "5" } } },
    });
    expect(await cli("retry", "r1")).toMatchObject({ code: 3 });
    expect((await cli("retry", "r1", "--all")).out).toBe("r1 is open again, 0 of 1 actions stay\n");
    expect(
      await json("end", "r1", "main", "FAILED", "--error", "no disk", "--error-type", "Disk"),
    ).toMatchObject({ state: "STATE_FAILED", error: { type: "Disk", message: "no disk" } });
    expect((await cli("end", "r1", "main", "cancelled")).notes).toContain("ACTION_ENDED");
    expect((await cli("retry", "r1", "--force")).code).toBe(0);
    expect((await cli("end", "r1", "main", "cancelled", "--cause", "by ana")).out).toBe("main CANCELLED\n");
    expect((await cli("events", "--run", "r1", "--kind", "action_ended", "--json")).out).toContain("by ana");
  });
});

/** A server with one run of a task that has said something and ended. */
async function withEndedRun(): Promise<Awaited<ReturnType<typeof open>>> {
  const opened = await open();
  const { client, work } = opened;
  const task: Parameters<LiveServer["work"]>[0][string] = (ctx) => {
    ctx.progress(40, "so far");
    if (ctx.attempt === 1) throw new Error("no luck");
  };
  await work({ train: task }, { workerId: "w1", capacity: { cpu: 2 } });
  const retry = { maxAttempts: 2, initialBackoffMs: 0 };
  await client.runs.create({ runId: "r1", op: "train", retry });
  await client.runs.wait("r1");
  return opened;
}

test("timeline tells what happened to an attempt", async () => {
  const { cli, json } = await withEndedRun();
  const last = cells((await cli("timeline", "r1")).out);
  expect(last[0]).toEqual(["#", "TIME", "WHAT", "STATE", "MESSAGE"]);
  expect(last.slice(1, 3).map((row) => row.slice(2, 4))).toEqual([
    ["retried", "PENDING"],
    ["assigned", "ASSIGNED"],
  ]);
  expect(last.at(-1)?.slice(2, 4)).toEqual(["completed", "SUCCEEDED"]);
  expect(last.map((row) => row.at(-1))).toContain("40 %");
  const first = (await json("timeline", "r1", "main", "--attempt", "1")) as { type: string }[];
  expect(first.map(({ type }) => type)).toContain("TYPE_FAILED");
  expect((await cli("timeline", "r1", "--attempt", "9")).code).toBe(4);
  expect((await cli("timeline", "r1", "--limit", "1")).notes).toContain("there are more than 1");
});

test("evict says how many attempts the worker held", async () => {
  const { cli, json, work } = await withEndedRun();
  await work({ train: () => undefined }, { workerId: "w2" });
  const [, ...rows] = cells((await cli("workers")).out);
  expect(rows.map((row) => row.slice(0, 2))).toEqual([
    ["w1", "ATTACHED"],
    ["w2", "ATTACHED"],
  ]);
  expect(rows[0]).toContain("0/2");
  expect((await cli("evict", "w1", "--cause", "its disk is full")).out).toBe(
    "w1 is evicted, attempts that it held: 0\n",
  );
  expect(await json("evict", "w2")).toEqual({ releasedCount: 0 });
  expect((await cli("evict", "nobody")).code).toBe(4);
});

describe("subscriptions", () => {
  test("are created, consumed, shown and deleted", async () => {
    const { cli, json, client } = await open();
    const created = await cli("subscription", "create", "audit", "--kind", "run_created", "--beginning");
    expect(created).toMatchObject({ code: 0, out: "audit\n" });
    for (const runId of ["r1", "r2", "r3"]) await client.runs.create({ runId, op: "nobody" });
    const consumed = await cli("subscription", "consume", "audit", "--count", "2");
    expect(consumed.code).toBe(0);
    expect(cells(consumed.out).map((row) => row.slice(1, 3))).toEqual([
      ["r1", "run created"],
      ["r2", "run created"],
    ]);
    expect(await json("subscription", "consume", "audit", "--count", "1")).toMatchObject({ runId: "r3" });
    expect((await cli("subscriptions")).out).toMatch(/^SUBSCRIPTION .*\naudit +0 consumers/);
    expect(await json("subscriptions")).toMatchObject({ name: "audit", pull: {} });
    const shown = cells((await cli("subscription", "show", "audit")).out);
    expect(shown).toContainEqual(["kinds", "run_created"]);
    expect(shown).toContainEqual(["acknowledged", "3 since the server started"]);
    expect((await cli("subscription", "delete", "audit")).out).toBe("audit is deleted\n");
    expect((await cli("subscription", "consume", "audit")).code).toBe(4);
  });

  test("to webhooks tell their secret once, and what they do not take is set aside", async () => {
    const { cli, json, client } = await open();
    const webhook = ["--webhook", "http://127.0.0.1:9/", "--max-deliveries", "1", "--backoff", "1ms"];
    const times = ["--post-timeout", "1s", "--max-backoff", "10ms", "--max-in-flight", "5"];
    const args = ["subscription", "create", "hook", "--kind", "run_created", ...webhook, ...times];
    const created = await cli(...args);
    expect(created.out).toMatch(/^hook\nsecret: whsec_.+\n$/);
    expect(created.notes).toBe("the secret is not shown again\n");
    const deadLettered = client.events.watch({ kinds: ["EVENT_DEAD_LETTERED"], from: "beginning" });
    await client.runs.create({ op: "nobody" });
    for await (const { events } of deadLettered) if (events.length > 0) break;
    expect((await cli("dead-letters", "hook")).out).toMatch(
      /^EVENT .*\n\S+ +1 +\d+s {2}connect ECONNREFUSED/,
    );
    expect((await cli("subscription", "consume", "hook")).code).toBe(3);
    expect(await json("dead-letters", "hook", "--forget")).toEqual({ releasedCount: 1 });
    expect((await cli("dead-letters", "hook")).notes).toBe("nothing is set aside\n");
    expect((await cli("dead-letters", "hook", "--release")).out).toBe("released: 0\n");
  });

  test("with a secret of one's own do not print it", async () => {
    const { cli } = await open();
    const own = ["--webhook", "http://127.0.0.1:9/", "--secret", "mine"];
    expect((await cli("subscription", "create", "hook", ...own)).out).toBe("hook\n");
  });

  test("that are deleted end their consumers, which say so", async () => {
    const { client, server } = await open();
    await client.subscriptions.create({ name: "audit", filter: { kinds: ["RUN_CREATED"] } });
    await client.runs.create({ op: "nobody" });
    const args = ["subscription", "consume", "audit", "--server", server.url];
    let deleted: Promise<void> | undefined;
    const ran = await runCli(args, {
      onOut() {
        deleted ??= client.subscriptions.delete("audit");
      },
    });
    await deleted;
    expect(ran).toMatchObject({ code: 0, notes: "audit is deleted\n" });
  });
});
