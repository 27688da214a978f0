import type { ProxyMode } from "../faults/proxy.ts";
import { type Case, pause } from "./case.ts";

const modes: readonly Exclude<ProxyMode, "pass">[] = [
  "cut",
  "reset",
  "stall",
  "lose requests",
  "lose answers",
  "delay",
];

/** Ways between server, workers, clients and subscribers that break in every way, several at once. */
export const network: Case = {
  name: "network",
  sentence: "a proxy on every way to the server that cuts, resets, stalls, delays, or loses one direction",
  async injure(world, isOver) {
    while (!isOver()) {
      const broken = world.proxies.filter(() => world.random.percent(35));
      for (const proxy of broken) {
        const mode = world.random.pick(modes);
        world.note(`proxy: ${mode}`);
        proxy.setMode(mode);
      }
      await pause(world, 200, 2_500);
      for (const proxy of broken) {
        proxy.setMode("pass");
        // Some middleboxes forget a connection and say nothing: its ends must find out by themselves.
        if (world.random.percent(60)) proxy.endDead();
      }
      await pause(world, 100, 600);
    }
  },
};

/** A proxy that ends idle streams, with pulses and bookmarks that keep them. */
export const idle: Case = {
  name: "idle",
  sentence:
    "a proxy that closes streams without data for 5 s, with pulses and bookmarks every 2 s: none closes",
  forMs: 14_000,
  options: () => ({
    idleMs: 5_000,
    flags: ["--pulse-interval-ms", "2000", "--bookmark-interval-ms", "2000"],
  }),
  async injure(world, isOver) {
    world.isQuiet = true;
    while (!isOver()) await pause(world, 100, 200);
    world.isQuiet = false;
    const cutCount = world.streamProxies.reduce((sum, proxy) => sum + proxy.idleCutCount, 0);
    for (const _ of world.streamProxies) world.note("proxy: idle limit of 5 s, stream kept");
    if (cutCount > 0)
      world.history.writeBug("idle", new Error(`${cutCount} streams carried nothing for 5 s`));
    await pause(world, 500, 1_000);
  },
};

/** A proxy that ends idle streams sooner than anything is sent on them: everybody resumes. */
export const idleCut: Case = {
  name: "idle-cut",
  sentence:
    "a proxy that closes streams without data for 1 s, with pulses and bookmarks every 5 s: they resume",
  options: () => ({ idleMs: 1_000, flags: ["--bookmark-interval-ms", "5000"] }),
  async injure(world, isOver) {
    while (!isOver()) {
      world.isQuiet = true;
      await pause(world, 1_200, 2_200);
      world.isQuiet = false;
      await pause(world, 300, 600);
    }
    for (const { idleCutCount } of world.proxies) {
      for (let cut = 0; cut < idleCutCount; cut += 1) world.note("proxy: closed as idle");
    }
  },
};
