import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DiskFault } from "../faults/disk.ts";
import type { World } from "../load/world.ts";
import { type Case, pause, withDisk, withoutDiskFaults } from "./case.ts";

/** 15 s for a server under load to come upon a disk that fails, and to end. */
const stopMs = 15_000;
/** What the server says when its disk has failed, and when it cannot start. */
const lostMessage = /the store is lost; stopping/;
const startMessage = /signalbox: cannot start: /;

/** Waits until the server has stopped by itself, and notes it as a bug if it does that in another way. */
async function stopsByItself(world: World, fault: string): Promise<void> {
  try {
    const { code, signal } = await world.server.endedInTime(stopMs);
    if (code !== 1) throw new Error(`ended with ${code ?? signal} instead of 1`);
    if (!lostMessage.test(world.server.log)) throw new Error(`did not say why: ${world.server.log}`);
  } catch (error) {
    world.history.writeBug(`server under ${fault}`, error);
    await world.server.kill();
  }
}

/** Starts the server on a disk that still fails: it must say why it cannot, or come up. */
async function refusesOrStarts(world: World, fault: string): Promise<void> {
  const server = world.spawnServer();
  const hasStarted = await server.said(/^signalbox listens/m).then(
    () => true,
    () => false,
  );
  if (hasStarted) {
    // It has what it needs to listen; it is gone before it acknowledges anything.
    await server.kill();
    return;
  }
  const { code } = await server.ended;
  if (code !== 1 || !startMessage.test(server.log))
    world.history.writeBug(`start under ${fault}`, new Error(`ended with ${code}: ${server.log}`));
}

/** Every way in which the shim lets a disk fail. */
const faults: readonly { readonly name: string; readonly fault: DiskFault }[] = [
  { name: "EIO on fsync", fault: { sync: "EIO" } },
  { name: "EIO on fsync of the database, not of its log", fault: { sync: "EIO", sparesLog: true } },
  { name: "EIO on pwrite", fault: { write: "EIO" } },
  { name: "EIO on half a pwrite", fault: { write: "EIO", isTorn: true } },
  { name: "ENOSPC on pwrite", fault: { write: "ENOSPC", isTorn: true } },
  { name: "ENOSPC on fsync", fault: { sync: "ENOSPC" } },
  { name: "EROFS on pwrite and open", fault: { write: "EROFS", open: "EROFS" } },
];

/** A disk that fails in the middle of the load. */
export const diskFaults: Case = {
  name: "disk-faults",
  sentence:
    "EIO, ENOSPC and EROFS from fsync, pwrite and open, also in the middle of a write; then the power goes",
  missing: withoutDiskFaults,
  options: (abilities) => withDisk(abilities, true),
  async injure(world, isOver) {
    const { disk } = world;
    if (disk === undefined) throw new Error("this world has no disk that fails");
    const order = faults.toSorted(() => world.random.next() - 0.5);
    for (let round = 0; !isOver() || round < order.length; round += 1) {
      const { name, fault } = order[round % order.length] ?? { name: "none", fault: {} };
      await pause(world, 200, 900);
      disk.arm({ ...fault, after: world.random.below(6) });
      world.note(name, "server");
      await stopsByItself(world, name);
      disk.arm(fault);
      if (world.random.percent(30)) await refusesOrStarts(world, name);
      disk.disarm();
      // What a failed sync should have written may be nowhere but in memory.
      disk.losePower(world.random);
      await world.startServer();
    }
  },
};

/** 24 MiB: room for the data of a case, and quickly filled. */
const diskSize = "24m";

function mountPoint(folder: string): string {
  return join(folder, "mounted");
}

function mount(folder: string): () => void {
  const point = mountPoint(folder);
  mkdirSync(point, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskSize}`, "proof", point]);
  return () => {
    execFileSync("umount", ["-l", point]);
  };
}

/** Why nothing can be mounted here; undefined if it can. */
export function whyNoMount(folder: string): string | undefined {
  try {
    mount(folder)();
    return undefined;
  } catch (error) {
    const told = error instanceof Error ? error.message.split("\n").join(" ") : String(error);
    return `a tmpfs cannot be mounted (${told}): it takes root, or CAP_SYS_ADMIN`;
  }
}

/** A real file system that is full. */
export const diskFull: Case = {
  name: "disk-full",
  sentence:
    "a file system that somebody else fills, until the server stops; it is started again when there is room",
  missing: ({ noMount }) => noMount,
  options: () => ({}),
  prepare: mount,
  async injure(world, isOver) {
    const ballast = join(world.data, "..", "ballast");
    for (let round = 0; !isOver() || round < 2; round += 1) {
      await pause(world, 300, 1_200);
      world.note("file system full", "server");
      fill(ballast);
      await stopsByItself(world, "a full file system");
      await refusesOrStarts(world, "a full file system");
      rmSync(ballast, { force: true });
      await world.startServer();
    }
  },
};

/** Takes all the room that is left, to the last page. */
function fill(path: string): void {
  for (const size of [1024 * 1024, 4096]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: "a" });
    } catch {
      // There is no room for a piece of that size.
    }
  }
}

/** A folder that cannot be written to. */
export const readOnly: Case = {
  name: "read-only",
  sentence: "a file system that is read-only when the server starts: it says so, and starts once it is not",
  missing: ({ noMount }) => noMount,
  options: () => ({}),
  prepare: mount,
  async injure(world, isOver) {
    const point = join(world.data, "..");
    for (let round = 0; !isOver() || round < 1; round += 1) {
      await pause(world, 300, 1_500);
      await world.server.kill();
      world.note("read-only file system", "server");
      execFileSync("mount", ["-o", "remount,ro", point]);
      const server = world.spawnServer();
      const { code } = await server.endedInTime(stopMs);
      const says = /cannot start: the folder .* cannot be written to/.test(server.log);
      if (code !== 1 || !says)
        world.history.writeBug("start on a read-only folder", new Error(`ended with ${code}: ${server.log}`));
      execFileSync("mount", ["-o", "remount,rw", point]);
      await world.startServer();
    }
  },
};
