import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ordersPerViewMax, viewIdleMs } from "../../../src/api/flyte/flyte-limits.ts";
import { ActionPages } from "../../../src/api/flyte/lists/action-pages.ts";
import { readListRequest, wholeList } from "../../../src/api/flyte/lists/list-request.ts";
import { toListedRun } from "../../../src/api/flyte/mapping/identifiers.ts";
import { phases } from "../../../src/api/flyte/phase.ts";
import { RunView } from "../../../src/api/flyte/view/run-view.ts";
import { RunViews } from "../../../src/api/flyte/view/run-views.ts";
import type { Action } from "../../../src/core/action.ts";
import { type RunKey, runKey } from "../../../src/core/name.ts";
import { CursorExpired } from "../../../src/engine/feed-pages.ts";
import { type ActionQuery, type FeedQuery, StoreUnavailable } from "../../../src/store/store.ts";
import { bool } from "../../support/builders.ts";
import { settle, until } from "../../support/fake-clock.ts";
import { FlyteBench, namespace } from "./flyte-bench.ts";

let bench: FlyteBench;
beforeEach(async () => {
  bench = await FlyteBench.start();
});
afterEach(async () => {
  await bench.close();
});

const never = new AbortController().signal;
const quiet = { limit: 1_000, quietMs: 60_000, signal: never };

async function opened(key: RunKey): Promise<RunView> {
  const view = new RunView(key, { store: bench.store, feeds: bench.engine.feeds, clock: bench.clock });
  await view.open();
  return view;
}

describe("a view", () => {
  test("has the actions of a run by name, by parent and by kind, with the phases below each", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, await bench.flyteTask("x"), bench.condition("c1", "approve"));
    const x = await bench.begin(run, "a0/x");
    await bench.add(x, bench.condition("c2", "really"));
    const view = await opened(run);
    const { tree } = view;
    expect([...tree.all()].map(({ name }) => name)).toEqual(["a0", "a0/c1", "a0/x", "a0/x/c2"]);
    expect(tree.named("c2")).toMatchObject({
      name: "a0/x/c2",
      parent: "x",
      kind: "condition",
      phase: phases.PAUSED,
      condition: { displayName: "really", type: "bool" },
    });
    expect(tree.named("x")?.task).toMatchObject({ shortName: "fn_x", version: "v1" });
    expect(tree.childrenOf("a0").map(({ shortName }) => shortName)).toEqual(["c1", "x"]);
    expect([...tree.conditions()].map(({ shortName }) => shortName)).toEqual(["c1", "c2"]);
    expect(tree.countsOf("a0")?.[phases.PAUSED]).toBe(2);
    expect(tree.countsOf("a0/x")?.[phases.PAUSED]).toBe(1);
    view.close();
  });

  test("has, after catching up, all that was acknowledged before, whatever other runs do", async () => {
    const run = await bench.run("r1");
    const view = await opened(run);
    for (let number = 0; number < 20; number += 1) {
      await bench.ask(run, bench.condition(`c${number}`, "approve"));
      await bench.create(`other${number}`, [bench.condition("c", "c")]);
      await view.catchUp();
      expect(view.tree.named(`c${number}`)?.phase).toBe(phases.PAUSED);
    }
    await bench.create("last", [bench.condition("c", "c")]);
    const head = await bench.store.head();
    await view.waitFor(head);
    expect(view.tree.size).toBe(21);
    view.close();
  });

  test("tells each reader of each change, and of none twice", async () => {
    const run = await bench.run("r1");
    const view = await opened(run);
    const [quick, slow] = [view.watch(), view.watch()];
    await bench.ask(run, bench.condition("c1", "approve"), bench.condition("c2", "approve"));
    expect(await quick.next(quiet)).toEqual(["a0/c1", "a0/c2"]);
    await bench.signal(run, "a0/c1", bool(true));
    expect(await quick.next(quiet)).toEqual(["a0/c1"]);
    expect(view.tree.named("c1")?.phase).toBe(phases.SUCCEEDED);
    expect(await slow.next(quiet)).toEqual(["a0/c1", "a0/c2"]);
    await bench.report(run, "a0", { kind: "progress", percent: 10, message: "" });
    await bench.report(run, "a0", { kind: "log", level: "info", message: "hello" });
    await view.catchUp();
    await settle();
    expect([quick.waitingCount, slow.waitingCount]).toEqual([0, 0]);
    view.unwatch(slow);
    await bench.signal(run, "a0/c2", bool(true));
    expect(await quick.next(quiet)).toEqual(["a0/c2"]);
    expect(slow.waitingCount).toBe(0);
    view.close();
    await expect(quick.next(quiet)).rejects.toMatchObject({ code: Code.Unavailable });
  });

  test("tells who asks for the children of one action of no others", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, await bench.flyteTask("x"));
    const x = await bench.begin(run, "a0/x");
    const view = await opened(run);
    const [ofRoot, ofX] = [view.watch("a0"), view.watch("a0/x")];
    await bench.add(x, bench.condition("c1", "approve"));
    await bench.ask(run, bench.condition("c2", "approve"));
    await view.catchUp();
    expect([await ofRoot.next(quiet), await ofX.next(quiet)]).toEqual([["a0/c2"], ["a0/x/c1"]]);
    view.unwatch(ofX);
    view.close();
    await expect(ofRoot.next(quiet)).rejects.toMatchObject({ code: Code.Unavailable });
    expect([ofRoot.waitingCount, ofX.waitingCount]).toEqual([0, 0]);
  });

  test("loses nothing of thousands of changes to a reader who is slow, and holds each action once", async () => {
    const run = await bench.run("r1");
    const view = await opened(run);
    const watch = view.watch();
    const count = 1_000;
    const conditions = Array.from({ length: count }, (_, index) => bench.condition(`c${index}`, "go"));
    await bench.ask(run, ...conditions);
    const signalled = conditions.map(({ name }) => bench.signal(run, `a0/${name}`, bool(true)));
    await Promise.all(signalled);
    await view.catchUp();
    expect(watch.waitingCount).toBeLessThanOrEqual(count + 1);
    const told = new Set<string>();
    while (watch.waitingCount > 0) {
      for (const name of await watch.next({ ...quiet, limit: 7 })) told.add(name);
    }
    expect(told.size).toBe(count);
    expect(view.tree.countsOf("a0")?.[phases.SUCCEEDED]).toBe(count);
    expect(view.tree.countsOf("a0")?.[phases.PAUSED]).toBe(0);
    view.close();
  });

  test("reads everything again when what comes next was removed from the feed", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, bench.condition("c1", "approve"));
    let isFirst = true;
    const trimmed = new AbortController();
    const feeds: Pick<typeof bench.engine.feeds, "follow"> = {
      follow: async function* (options) {
        if (!isFirst) {
          yield* bench.engine.feeds.follow(options);
          return;
        }
        isFirst = false;
        await new Promise((resolve) => trimmed.signal.addEventListener("abort", resolve));
        throw new CursorExpired(1n as CursorExpired["oldest"]);
      },
    };
    const view = new RunView(run, { store: bench.store, feeds, clock: bench.clock });
    await view.open();
    const watch = view.watch();
    await bench.signal(run, "a0/c1", bool(true));
    await bench.ask(run, bench.condition("c2", "approve"));
    trimmed.abort();
    expect(await watch.next(quiet)).toEqual(["a0/c1", "a0/c2"]);
    await bench.signal(run, "a0/c2", bool(false));
    expect(await watch.next(quiet)).toEqual(["a0/c2"]);
    view.close();
  });

  test("ends with what went wrong, and its readers are told", async () => {
    const run = await bench.run("r1");
    let fails = false;
    const store = {
      head: () => bench.store.head(),
      run: (key: RunKey) => bench.store.run(key),
      listActions: (query: ActionQuery) => bench.store.listActions(query),
      readFeed: (query: FeedQuery) => bench.store.readFeed(query),
      action: async (key: RunKey, name: string) => {
        if (fails) throw new StoreUnavailable("the disk is gone");
        return bench.store.action(key, name);
      },
    };
    const view = new RunView(run, { store, feeds: bench.engine.feeds, clock: bench.clock });
    await view.open();
    const watch = view.watch();
    fails = true;
    await bench.ask(run, bench.condition("c1", "approve"));
    await expect(watch.next(quiet)).rejects.toThrow("the disk is gone");
    expect(view.isClosed).toBe(true);
    await expect(view.catchUp()).rejects.toThrow("the disk is gone");
  });

  test("of a run that does not exist is NOT_FOUND", async () => {
    await expect(opened(runKey(namespace, "none"))).rejects.toMatchObject({ code: Code.NotFound });
  });
});

describe("views", () => {
  const keys = (views: RunViews) => ["r1", "r2", "r3"].filter((name) => views.existing(keyOf(name)));
  const keyOf = (name: string) => runKey(namespace, name);
  const three = async (bounds: ConstructorParameters<typeof RunViews>[1] = {}) => {
    for (const name of ["r1", "r2", "r3"]) await bench.create(name, [bench.condition("c", "c")]);
    return new RunViews({ store: bench.store, feeds: bench.engine.feeds, clock: bench.clock }, bounds);
  };

  test("are shared by all readers of a run, and given up when nobody used them for a while", async () => {
    const views = await three();
    const one = await views.use(keyOf("r1"));
    const other = await views.use(keyOf("r1"));
    expect(one.view).toBe(other.view);
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    await bench.clock.advance(2 * viewIdleMs);
    expect(keys(views)).toEqual(["r1"]);
    other[Symbol.dispose]();
    await bench.clock.advance(viewIdleMs - 1);
    expect(keys(views)).toEqual(["r1"]);
    await bench.clock.advance(viewIdleMs);
    expect([keys(views), other.view.isClosed]).toEqual([[], true]);
  });

  test("that nobody uses make room for others, the longest unused first", async () => {
    const views = await three({ idleRowsMax: 2 });
    for (const name of ["r1", "r2", "r1", "r3"]) (await views.use(keyOf(name)))[Symbol.dispose]();
    expect(keys(views)).toEqual(["r1", "r3"]);
    views.close();
  });

  test("are refused with RESOURCE_EXHAUSTED while as many as may be are in use", async () => {
    const views = await three({ viewsMax: 2 });
    const used = [await views.use(keyOf("r1")), await views.use(keyOf("r2"))];
    await expect(views.use(keyOf("r3"))).rejects.toMatchObject({ code: Code.ResourceExhausted });
    used[0]?.[Symbol.dispose]();
    using third = await views.use(keyOf("r3"));
    expect([keys(views), third.view.tree.size]).toEqual([["r2", "r3"], 1]);
    views.close();
  });

  test("are made anew where one has ended, and leave none behind that could not be made", async () => {
    const views = await three();
    await expect(views.use(keyOf("none"))).rejects.toMatchObject({ code: Code.NotFound });
    expect(views.size).toBe(0);
    const first = await views.use(keyOf("r1"));
    first.view.close();
    using second = await views.use(keyOf("r1"));
    expect(second.view).not.toBe(first.view);
    first[Symbol.dispose]();
    expect(keys(views)).toEqual(["r1"]);
    views.close();
  });
});

describe("a run of 50,000 actions", () => {
  const count = 50_000;

  /** A view of a run of so many, and how often its actions were read. */
  async function crowd() {
    const run = await bench.run("r1");
    await bench.ask(run, bench.condition("c", "approve"));
    const [root, condition] = (await Promise.all(
      ["a0", "a0/c"].map((name) => bench.store.action(run, name)),
    )) as [Action, Action];
    const nameOf = (index: number) => `a0/c${String(index).padStart(5, "0")}`;
    const reads = { pages: 0, actions: 0, feeds: 0 };
    const store = {
      head: () => bench.store.head(),
      run: (key: RunKey) => bench.store.run(key),
      readFeed: (query: FeedQuery) => {
        reads.feeds += 1;
        return bench.store.readFeed(query);
      },
      action: (key: RunKey, name: string) => {
        reads.actions += 1;
        return bench.store.action(key, name);
      },
      listActions: async ({ after, limit }: ActionQuery) => {
        reads.pages += 1;
        const first = after === undefined ? -1 : Number(after.slice(4)) + 1;
        const items: Action[] = first < 0 ? [root] : [];
        for (let index = Math.max(0, first); index < count && items.length < limit; index += 1) {
          // Map tasks are created together: their times do not tell them apart.
          items.push({
            ...condition,
            name: nameOf(index),
            createTimeMs: condition.createTimeMs + (index % 7),
          });
        }
        const last = items.at(-1)?.name;
        return { items, next: last === nameOf(count - 1) ? undefined : last };
      },
    };
    const view = new RunView(run, { store, feeds: bench.engine.feeds, clock: bench.clock });
    await view.open();
    return { run, view, reads, nameOf };
  }

  test("is listed in pages, each action once, and sorted once for all of them", async () => {
    const { view, reads } = await crowd();
    expect([view.tree.size, reads.pages]).toEqual([count + 1, 51]);
    const pages = new ActionPages();
    const seen = new Set<string>();
    let [token, pageCount, all] = ["", 0, 0];
    let compared = 0;
    do {
      const query = readListRequest({ ...wholeList, limit: 200, token }, "r1");
      const { order } = query;
      const counting = {
        ...order,
        compare: (...places: Parameters<typeof order.compare>) => {
          compared += 1;
          return order.compare(...places);
        },
      };
      const page = pages.page(view, toListedRun(view.run), { ...query, order: counting });
      for (const { name } of page.rows) seen.add(name);
      all += page.rows.length;
      pageCount += 1;
      token = page.token;
    } while (token !== "");
    expect([seen.size, all, pageCount]).toEqual([count + 1, count + 1, Math.ceil((count + 1) / 200)]);
    expect(compared).toBeLessThan(count * 20);
    view.close();
  });

  test("is listed to its end in an order that was given up meanwhile", async () => {
    const { view } = await crowd();
    const pages = new ActionPages();
    const run = toListedRun(view.run);
    const first = pages.page(view, run, readListRequest({ ...wholeList, limit: 200 }, "r1"));
    for (let number = 0; number <= ordersPerViewMax; number += 1) {
      const filters = [{ function: 0 as const, field: "name", values: [`n${number}`] }];
      pages.page(view, run, readListRequest({ ...wholeList, filters }, "r1"));
    }
    const next = { ...wholeList, limit: 200, token: first.token };
    const second = pages.page(view, run, readListRequest(next, "r1"));
    const names = new Set([...first.rows, ...second.rows].map(({ name }) => name));
    expect(names.size).toBe(400);
    const atOffset = pages.page(view, run, readListRequest({ ...next, token: "200" }, "r1"));
    expect(atOffset.rows).toEqual(second.rows);
    view.close();
  });

  test("costs a change of one action the reading of that action", async () => {
    const { run, view, reads } = await crowd();
    const watch = view.watch();
    const before = { ...reads };
    await bench.signal(run, "a0/c", bool(true));
    expect(await watch.next(quiet)).toEqual(["a0/c"]);
    expect(reads.actions - before.actions).toBe(1);
    expect(reads.pages).toBe(before.pages);
    await until("it is caught up", async () => view.through === (await bench.store.head()));
    view.close();
  });
});
