import { type Case, pause, withDisk, withoutDiskFaults } from "./case.ts";

/** `kill -9` of the server and of workers, again and again. */
export const kills: Case = {
  name: "kills",
  sentence: "kill -9 of server and workers",
  async injure(world, isOver) {
    while (!isOver()) {
      await pause(world, 200, 1_200);
      const victim = world.random.weighed({ server: 60, worker: 25, both: 15 });
      const place = world.random.below(world.workers.length);
      if (victim !== "worker") {
        world.note("kill -9", "server");
        await world.server.kill();
      }
      if (victim !== "server") {
        world.note("kill -9", "worker");
        await world.workers[place]?.kill();
      }
      if (victim !== "worker") await world.startServer();
      if (victim !== "server") await world.startWorker(place);
    }
  },
};

/** SIGSTOP for longer than a lease, of the server or a worker, then SIGCONT. */
export const stops: Case = {
  name: "stops",
  sentence: "SIGSTOP of server and workers for longer than a lease, then SIGCONT",
  async injure(world, isOver) {
    while (!isOver()) {
      await pause(world, 300, 900);
      const place = world.random.below(world.workers.length);
      const isServer = world.random.percent(40);
      const program = isServer ? world.server : world.workers[place];
      world.note("SIGSTOP", isServer ? "server" : "worker");
      program?.signal("SIGSTOP");
      await pause(world, 2_300, 3_200);
      program?.signal("SIGCONT");
    }
  },
};

/** The power goes: the process is killed, and of what was not synced anything may be gone. */
export const power: Case = {
  name: "power",
  sentence: "loss of power: kill -9, and of what was not synced nothing, a part or any choice survives",
  missing: withoutDiskFaults,
  options: (abilities) => withDisk(abilities, true),
  async injure(world, isOver) {
    while (!isOver()) {
      await pause(world, 200, 1_200);
      await world.server.kill();
      const lost = world.disk?.losePower(world.random) ?? 0;
      world.note("power loss", lost > 0 ? "unsynced writes" : "nothing unsynced");
      await world.startServer();
    }
  },
};
