import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type WatchForUpdatesRequest,
  WatchForUpdatesRequestSchema,
} from "../../../gen/flyteidl2/actions/actions_service_pb.ts";
import { watchUpdates } from "../../../src/api/flyte/actions/watch-updates.ts";
import { heartbeatMs } from "../../../src/api/flyte/flyte-limits.ts";
import { settle } from "../../support/fake-clock.ts";
import { FlyteBench } from "./flyte-bench.ts";

let bench: FlyteBench;
beforeEach(async () => {
  bench = await FlyteBench.start();
});
afterEach(() => bench.close());

const yes = { kind: "bool", value: true } as const;

/** A watch of an action's children in the hands of a test, word by word. */
function watch(run: string, parent = "a0") {
  const ending = new AbortController();
  const request: WatchForUpdatesRequest = create(WatchForUpdatesRequestSchema, {
    filter: { case: "parentActionId", value: bench.actionId(run, parent) },
  });
  const words = watchUpdates(bench.parts, request, ending.signal);
  return {
    /** The name and phase that come next, the sentinel, or the end. */
    async next(): Promise<string> {
      const { value: word, done } = await words.next();
      if (done) return "the end";
      const { message } = word;
      if (message?.case !== "actionUpdate") return "sentinel";
      const { actionId, phase } = message.value;
      return `${actionId?.name} ${phase}`;
    },
    async end(): Promise<void> {
      ending.abort();
      await words.return(undefined);
    },
  };
}

describe("a watch for updates", () => {
  test("says the sentinel again whenever nothing has happened for a while, and nothing else", async () => {
    await bench.run("r1");
    const { next, end } = watch("r1");
    expect(await next()).toBe("sentinel");
    for (let beat = 0; beat < 3; beat += 1) {
      const quiet = next();
      await settle();
      await bench.clock.advance(heartbeatMs);
      expect(await quiet).toBe("sentinel");
    }
    await end();
  });

  test("tells the children of its parent alone, not those below them", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, await bench.flyteTask("t1"));
    const t1 = await bench.begin(run, "a0/t1");
    const { next, end } = watch("r1");
    expect(await next()).toBe("t1 4");
    expect(await next()).toBe("sentinel");
    await bench.add(t1, bench.condition("below", "approve"));
    await bench.signal(run, "a0/t1/below", yes);
    await bench.ask(run, bench.condition("mine", "approve"));
    await bench.signal(run, "a0/mine", yes);
    expect(await next()).toBe("mine 5");
    await end();
  });

  test("of a slow reader holds each child once, and shows it as it is at last", async () => {
    const run = await bench.run("r1");
    const { next, end } = watch("r1");
    expect(await next()).toBe("sentinel");
    const names = Array.from({ length: 500 }, (_, index) => `c${index}`);
    await bench.ask(run, ...names.map((name) => bench.condition(name, "approve")));
    await Promise.all(names.map((name) => bench.signal(run, `a0/${name}`, yes)));
    await settle();
    const told: string[] = [];
    while (told.length < names.length) told.push(await next());
    expect(told.toSorted()).toEqual(names.map((name) => `${name} 5`).toSorted());
    await end();
  });

  test("ends with its reader, and with a server that stops, without an error", async () => {
    await bench.run("r1");
    for (const stop of [(ending: () => Promise<void>) => ending(), () => bench.stopping.abort()]) {
      const { next, end } = watch("r1");
      expect(await next()).toBe("sentinel");
      const last = next();
      await settle();
      await stop(end);
      expect(await last).toBe("the end");
    }
  });
});
