import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { StartedServer } from "../support/started-server.ts";
import { violationsOf } from "./history.ts";
import { Load } from "./load.ts";
import { reportStale } from "./stale-reporter.ts";

const script = fileURLToPath(new URL("./planted/planted-server.ts", import.meta.url));
const servers: StartedServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.remove();
});

/** A server with a bug in it, or the real one for "none". */
async function start(bug: string): Promise<StartedServer> {
  const flags = ["--lease-ms", "5000", "--pulse-interval-ms", "1000"];
  const planted = bug === "none" ? {} : { script, environment: { SIGNALBOX_TEST_PLANT: bug } };
  const server = await StartedServer.start({ flags, ...planted });
  servers.push(server);
  return server;
}

/** What a worker that lost its lease can do. */
async function staleReport(server: StartedServer): Promise<readonly string[]> {
  const load = new Load(server.url);
  const reports = [await reportStale(load.client, server.url)];
  await load.settle();
  const violations = await violationsOf(load.client, {
    frames: [],
    acknowledged: load.acknowledged,
    reports,
    isOver: true,
  });
  await load.finish();
  return violations;
}

/** What is left of acknowledged runs when the server is killed right after the last answer. */
async function killAfterAnswer(server: StartedServer): Promise<readonly string[]> {
  const load = new Load(server.url);
  await load.client.runs.create({ runId: "before", op: "nobody.runs.this" });
  const { runId } = await load.client.runs.create({ runId: "acknowledged", op: "nobody.runs.this" });
  await server.restart();
  const acknowledged = { ...load.acknowledged, runIds: [runId] };
  const violations = await violationsOf(load.client, {
    frames: [],
    acknowledged,
    reports: [],
    isOver: false,
  });
  await load.finish();
  return violations;
}

/** What a subscriber is given that resumes at a server that was killed. */
async function resume(server: StartedServer): Promise<readonly string[]> {
  const load = new Load(server.url);
  await load.publishAndSee(5);
  await server.restart();
  await load.publishAndSee(5);
  await load.settle();
  const { frames, acknowledged } = load;
  const violations = await violationsOf(load.client, { frames, acknowledged, reports: [], isOver: false });
  await load.finish();
  return violations;
}

describe("the checkers", () => {
  test.each([
    { bug: "none", scenario: staleReport, catches: [] },
    { bug: "skip the fence", scenario: staleReport, catches: ["Fenced"] },
    { bug: "none", scenario: killAfterAnswer, catches: [] },
    { bug: "answer before the commit", scenario: killAfterAnswer, catches: ["Durable"] },
    { bug: "none", scenario: resume, catches: [] },
    { bug: "drop one event on resume", scenario: resume, catches: ["Reliable", "Resumable"] },
  ])("find what bug $bug does to $scenario.name", async ({ bug, scenario, catches }) => {
    const broken = new Set((await scenario(await start(bug))).map((violation) => violation.split(":")[0]));
    if (catches.length === 0) expect([...broken]).toEqual([]);
    for (const promise of catches) expect([...broken]).toContain(promise);
  });
});
