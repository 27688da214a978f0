import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { buildDiskFaults } from "../faults/disk.ts";
import { plants, play, scenes, scenesWithPower } from "./plants.ts";

const folder = mkdtempSync(join(tmpdir(), "signalbox-planted-"));
const built = buildDiskFaults(folder);
const library = "library" in built ? built.library : undefined;
if ("missing" in built) process.stderr.write(`!!! SKIPPED tests with loss of power: ${built.missing}\n`);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the checkers", () => {
  test.each(Object.keys(scenes))("find nothing broken in a server without a bug when %s", async (scene) => {
    expect(await play("none", scene, undefined)).toEqual([]);
  });

  test.each(plants.filter(({ scene }) => scene in scenes))("find $bug when $scene", async (plant) => {
    const found = await play(plant.bug, plant.scene, undefined);
    const broken = found.map((violation) => violation.split(":")[0]);
    for (const promise of plant.breaks) expect(broken).toContain(promise);
  });
});

describe.skipIf(library === undefined)("with a disk that loses what was not synced, the checkers", () => {
  const withPower = Object.keys(scenesWithPower);

  test.each(withPower)("find nothing broken in a server without a bug when %s", async (scene) => {
    expect(await play("none", scene, library)).toEqual([]);
  });

  test.each(plants.filter(({ scene }) => scene in scenesWithPower))(
    "find $bug when $scene",
    async (plant) => {
      const found = await play(plant.bug, plant.scene, library);
      const broken = found.map((violation) => violation.split(":")[0]);
      for (const promise of plant.breaks) expect(broken).toContain(promise);
    },
  );
});
