import { setTimeout as delay } from "node:timers/promises";
import { createClient, RefusedError } from "../../../src/client/client.ts";
import { Proxy } from "../faults/proxy.ts";
import { Scene } from "./scene.ts";
import { reportStale } from "./stale-reporter.ts";

/** A bug, a scene in which it shows, and the promises that it breaks. */
export interface Plant {
  readonly bug: string;
  readonly scene: string;
  /** Any of them says that it was caught. */
  readonly breaks: readonly string[];
}

/** The scenes, by what happens in them; each says what it found broken. */
export const scenes: Readonly<Record<string, (scene: Scene) => Promise<readonly string[]>>> = {
  async "a worker reports under a lease that it has lost"(scene) {
    scene.reports.push(await reportStale(scene.client, scene.url));
    return await scene.judge();
  },
  async "the server is killed right after an answer"(scene) {
    await scene.ask("one", { f: "create" });
    await scene.ask("two", { f: "create" });
    await scene.ask("two", { f: "signal", value: 1 });
    await scene.ask("three", { f: "create" });
    await scene.restart();
    for (const key of ["one", "two", "three"]) await scene.ask(key, { f: "read-run" });
    return await scene.judge();
  },
  async "a condition is answered twice"(scene) {
    await scene.ask("run", { f: "create" });
    await scene.ask("run", { f: "signal", value: 1 });
    await scene.ask("run", { f: "signal", value: 2 });
    await scene.ask("run", { f: "read-condition" });
    return await scene.judge();
  },
  async "a condition is answered before it waits"(scene) {
    const run = {
      runId: "run",
      plan: [
        { name: "gate", task: { op: "nobody.runs.this" } },
        { name: "approve", condition: { type: "int" as const }, dependsOn: ["gate"] },
      ],
    };
    await scene.create(run);
    await scene.ask("run", { f: "signal", value: 1 });
    await scene.client.runs.endAction("run", "gate", { state: "SUCCEEDED" });
    await scene.ask("run", { f: "read-condition" });
    return await scene.judge();
  },
  async "a run is cancelled twice and opened again"(scene) {
    await scene.ask("run", { f: "create" });
    await scene.ask("run", { f: "cancel" });
    await scene.ask("run", { f: "read-run" });
    await scene.ask("run", { f: "retry" });
    await scene.ask("run", { f: "signal", value: 1 });
    await scene.ask("run", { f: "cancel" });
    await scene.ask("run", { f: "read-run" });
    return await scene.judge();
  },
  async "runs end by themselves"(scene) {
    const plan = [{ name: "approve", condition: { type: "int" as const } }];
    await scene.create({ runId: "run", plan }, "plan");
    await scene.client.conditions.signal("run", "approve", 1, { type: "int" });
    return await scene.judge({ mustEnd: true });
  },
  async "an answer is lost on its way and asked for again"(scene) {
    const proxy = await Proxy.start(() => scene.port);
    const client = createClient({ address: proxy.url, timeoutMs: 300, retry: { forMs: 20_000 } });
    await scene.askBy(client, "warm", { f: "create" });
    proxy.setMode("lose answers");
    const asked = scene.askBy(client, "run", { f: "create" });
    await delay(600);
    proxy.setMode("pass");
    proxy.endDead();
    await asked;
    client.close();
    await proxy.close();
    return await scene.judge();
  },
  async "a subscriber comes and goes"(scene) {
    await scene.publish("first");
    await scene.publish("second");
    let cursor = await scene.follow("hopper", { until: 3 });
    cursor = await scene.follow("hopper", { cursor, until: 3 });
    cursor = await scene.follow("hopper", { cursor, until: "head" });
    await scene.publish("third");
    await scene.publish("fourth");
    await scene.follow("hopper", { cursor, until: 6 });
    return await scene.judge();
  },
  async "a subscriber comes with the cursor of another server"(scene) {
    const other = await Scene.start(scene.bug);
    try {
      for (const type of ["a", "b", "c"]) await other.publish(type);
      const cursor = await other.follow("stranger", { until: 3 });
      for (const type of ["first", "second"]) await scene.publish(type);
      try {
        await scene.follow("stranger", { cursor, until: 3 });
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        scene.forgetLastStream();
      }
      return await scene.judge();
    } finally {
      await other.remove();
    }
  },
};

/** Scenes that need a disk whose power can be cut. */
export const scenesWithPower: typeof scenes = {
  async "the power goes right after an answer"(scene) {
    for (const key of ["one", "two", "three"]) await scene.ask(key, { f: "create" });
    await scene.restart();
    for (const key of ["one", "two", "three"]) await scene.ask(key, { f: "read-run" });
    return await scene.judge();
  },
};

/** Every bug that is planted. */
export const plants: readonly Plant[] = [
  {
    bug: "skip the fence",
    scene: "a worker reports under a lease that it has lost",
    breaks: ["Fenced"],
  },
  {
    bug: "answer before the commit",
    scene: "the server is killed right after an answer",
    breaks: ["Durable", "Linear"],
  },
  {
    bug: "commit without a sync",
    scene: "the power goes right after an answer",
    breaks: ["Durable", "Linear"],
  },
  { bug: "take a second answer", scene: "a condition is answered twice", breaks: ["Linear", "OneAnswer"] },
  { bug: "lose early signals", scene: "a condition is answered before it waits", breaks: ["Linear"] },
  { bug: "cancel what has ended", scene: "a run is cancelled twice and opened again", breaks: ["Linear"] },
  { bug: "read from a stale copy", scene: "a run is cancelled twice and opened again", breaks: ["Linear"] },
  { bug: "lose an event", scene: "runs end by themselves", breaks: ["EndsOnce"] },
  {
    bug: "forget request ids",
    scene: "an answer is lost on its way and asked for again",
    breaks: ["Linear"],
  },
  { bug: "drop an event on resume", scene: "a subscriber comes and goes", breaks: ["Reliable"] },
  { bug: "send events twice on resume", scene: "a subscriber comes and goes", breaks: ["Unique"] },
  { bug: "split transactions", scene: "a subscriber comes and goes", breaks: ["Atomic"] },
  { bug: "move bookmarks too far", scene: "a subscriber comes and goes", breaks: ["Reliable"] },
  { bug: "leave the first bookmark out", scene: "a subscriber comes and goes", breaks: ["Bookmarkable"] },
  {
    bug: "serve the cursor of another feed",
    scene: "a subscriber comes with the cursor of another server",
    breaks: ["Resumable"],
  },
];

/** Lets a bug, or `none`, play its scene; answers everything that was found broken. */
export async function play(
  bug: string,
  scene: string,
  library: string | undefined,
): Promise<readonly string[]> {
  const script = scenes[scene] ?? scenesWithPower[scene];
  if (script === undefined) throw new Error(`there is no scene ${scene}`);
  const stage = await Scene.start(bug, scene in scenesWithPower ? { library } : {});
  try {
    return await script(stage);
  } finally {
    await stage.remove();
  }
}
