import { afterAll, beforeAll, expect, test } from "vitest";
import type { RecordedReport } from "../guarantees/acknowledged.ts";
import { StartedServer } from "../support/started-server.ts";
import { violationsOf } from "./history.ts";
import { Load } from "./load.ts";
import { reportStale } from "./stale-reporter.ts";

const kills = 20;
const runsMin = 200;
/** 40 to 140 events between kills: from the middle of one run to several whole ones. */
const eventsBetweenKills = { min: 40, spread: 100 };

let server: StartedServer;

beforeAll(async () => {
  server = await StartedServer.start({ flags: ["--lease-ms", "5000", "--pulse-interval-ms", "1000"] });
});

afterAll(async () => {
  await server.remove();
});

test("a server that is killed twenty times under load keeps every promise", async () => {
  const load = new Load(server.url);
  const reports: RecordedReport[] = [];
  const killing = (async () => {
    for (let kill = 0; kill < kills; kill += 1) {
      const { min, spread } = eventsBetweenKills;
      await load.untilEvents(load.eventCount + min + Math.floor(Math.random() * spread));
      await server.restart();
    }
  })();
  await load.createRuns(runsMin, killing);
  await killing;
  for (let round = 0; round < 3; round += 1) reports.push(await reportStale(load.client, server.url));
  await load.settle();
  const { frames, acknowledged } = load;
  const violations = await violationsOf(load.client, { frames, acknowledged, reports, isOver: true });
  await load.finish();
  expect(violations).toEqual([]);
  expect(acknowledged.runIds.length).toBeGreaterThanOrEqual(runsMin);
  expect(acknowledged.answerByRun.size).toBe(acknowledged.runIds.length);
  expect(reports.every(({ wasTaken }) => !wasTaken)).toBe(true);
});
