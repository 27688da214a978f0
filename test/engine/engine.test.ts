import { describe, expect, test } from "vitest";
import type { Effect } from "../../src/core/answer.ts";
import type { Position } from "../../src/core/event.ts";
import { Engine } from "../../src/engine/engine.ts";
import { Stopping } from "../../src/engine/execute.ts";
import {
  frameItemsMax,
  requestSweepIntervalMs,
  sweptRequestsMax,
  waitingCommandsMax,
} from "../../src/limits.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { FakeClock, settle, until } from "../support/fake-clock.ts";
import { done, eventOf, FakeStore } from "../support/fake-store.ts";
import { assignmentOf, attemptOf, KeptLog, KeptOutlet, keyOf, settings, takingSession } from "./support.ts";

function setUp() {
  const store = new FakeStore();
  const clock = new FakeClock();
  const log = new KeptLog();
  const engine = new Engine({ store: store.asStore(), clock, chance: { next: () => 0.25 }, log, settings });
  const open = (sessionId: string, ops: readonly string[] = ["work"]) => {
    const outlet = new KeptOutlet();
    return { session: engine.sessions.open(takingSession(sessionId, ops), outlet), outlet };
  };
  const pulse = () => engine.execute<"pulse">({ kind: "pulse", sessionId: "s1", leaseMs: 1 });
  /** Executes a command that has these effects. */
  const affect = (...effects: Effect[]) => {
    store.script = () => done({}, { effects });
    return pulse();
  };
  return { store, clock, log, engine, open, pulse, affect };
}

const cancelOf = (sessionId: string, runId: string): Effect => ({
  kind: "cancel",
  sessionId,
  cancelled: { attempt: attemptOf(runId), graceMs: 1, cause: "asked" },
});

describe("the engine", () => {
  test("stamps commands with time and chance, and passes them on in the order of the calls", async () => {
    const { engine, store, clock } = setUp();
    const stamps: unknown[] = [];
    store.script = (_, stamp) => {
      stamps.push(stamp);
      return done();
    };
    const kinds = ["detach", "drain", "detach", "leave"] as const;
    await Promise.all(
      kinds.map((kind) =>
        engine.execute({ kind, sessionId: "s1", ...(kind === "leave" && { cause: "" }) } as never),
      ),
    );
    expect(store.commands.map(({ kind }) => kind)).toEqual(kinds);
    expect(stamps).toEqual(kinds.map(() => ({ nowMs: clock.nowMs(), chance: 0.25 })));
  });

  test("assigns what a run queues right behind it, before it is known to be committed, and once", async () => {
    const { engine, store, open } = setUp();
    const nothing = { assignments: [], emptyQueues: ["default/work"], closedSessions: [] };
    store.script = () => done(nothing);
    const { session, outlet } = open("s1");
    session.addCredit(1);
    await settle();
    const created = Promise.withResolvers<void>();
    store.script = async (command) => {
      if (command.kind === "createRun") {
        await created.promise;
        return done({}, { effects: [{ kind: "queued", queue: "default/work" }] });
      }
      await created.promise;
      const assignments = [{ sessionId: "s1", assignment: assignmentOf("r1") }];
      return done({ ...nothing, assignments });
    };
    store.commands.length = 0;
    const work = { task: { kind: "task", op: "work" } };
    const creating = engine.execute({ kind: "createRun", namespace: "default", work } as never);
    await settle();
    expect(store.commands.map(({ kind }) => kind)).toEqual(["createRun", "assign"]);
    created.resolve();
    await creating;
    await until("the assignment", () => outlet.assignments.length === 1);
    await settle();
    expect(store.commands.map(({ kind }) => kind)).toEqual(["createRun", "assign"]);
  });

  test("boots the leases when it starts, and looks at once for what is due", async () => {
    const { engine, store, clock } = setUp();
    store.dues.push({ due: { kind: "session", sessionId: "s1" }, atMs: clock.nowMs() - 1 });
    store.script = (command) => {
      if (command.kind === "fire") store.dues = [];
      return done(command.kind === "boot" ? { sessionCount: 1 } : {});
    };
    await engine.start();
    await settle();
    expect(store.commands).toEqual([
      { kind: "boot", leaseMs: settings.leaseMs },
      { kind: "fire", due: { kind: "session", sessionId: "s1" } },
    ]);
    await engine.stop();
  });

  test("does what follows from a command once, and nothing after a refusal", async () => {
    const { engine, store, open, affect, pulse } = setUp();
    const { outlet } = open("s1");
    const child = { run: keyOf("r1"), name: "main/a" } as never;
    await affect(
      { kind: "childEnded", sessionId: "s1", parent: attemptOf("r1"), child },
      { kind: "childEnded", sessionId: "elsewhere", parent: attemptOf("r1"), child },
      { kind: "drain", sessionId: "s1" },
      { kind: "gone", sessionId: "s1", cause: "lease expired" },
    );
    expect(outlet.sent).toEqual([
      { kind: "childEnded", parent: attemptOf("r1"), child },
      { kind: "drain" },
      { kind: "gone", cause: "lease expired" },
    ]);
    store.script = () => ({ ok: false, refusal: { reason: "SESSION_GONE", sessionId: "s1" } });
    expect(await pulse()).toEqual({ ok: false, refusal: { reason: "SESSION_GONE", sessionId: "s1" } });
    expect(engine.sessions.openCount).toBe(0);
  });

  test("puts the attempts that a command cancels into as few frames as may be", async () => {
    const { open, affect } = setUp();
    const one = open("s1");
    const other = open("s2");
    const effects = Array.from({ length: frameItemsMax + 1 }, (_, index) => cancelOf("s1", `r${index}`));
    await affect(...effects, cancelOf("s2", "other"));
    expect(one.outlet.of("cancel").map(({ cancelled }) => cancelled.length)).toEqual([frameItemsMax, 1]);
    expect(other.outlet.of("cancel").map(({ cancelled }) => cancelled.length)).toEqual([1]);
  });

  test("loses nothing for a session between its attach and its stream", async () => {
    const { engine, store, open } = setUp();
    store.script = (command) =>
      command.kind === "attach"
        ? done({ session: { id: command.newSessionId } })
        : done({}, { effects: [cancelOf("s1", "r1")] });
    const attach = { kind: "attach", newSessionId: "s1" } as never;
    await Promise.all([engine.execute<"attach">(attach), engine.execute({ kind: "sweepRequests" })]);
    expect(open("s1").outlet.of("cancel").length).toBe(1);
  });

  test("offers nothing to a worker that drains by itself", async () => {
    const { engine, open } = setUp();
    open("s1");
    await engine.execute<"drain">({ kind: "drain", sessionId: "s1" });
    expect(engine.sessions.openOn("default/work")).toBe(0);
  });

  test("lets a command stand whose consequences fail, and says so", async () => {
    const { engine, log, affect } = setUp();
    const send = () => {
      throw new Error("broken outlet");
    };
    engine.sessions.open(takingSession("s1", []), { send, end: () => undefined });
    expect((await affect({ kind: "drain", sessionId: "s1" })).ok).toBe(true);
    expect(log.sentences("error")).toEqual(["what follows from a command failed"]);
  });

  test("wakes followers with what a command committed", async () => {
    const { engine, store } = setUp();
    store.script = () => done({}, { position: store.append(eventOf("r1", 7)) });
    const frames = engine.feeds.follow({
      after: "now",
      matches: () => true,
      signal: new AbortController().signal,
    });
    await frames.next();
    const pending = frames.next();
    await engine.execute({ kind: "sweepRequests" });
    expect((await pending).value).toMatchObject({ through: 1n, atHead: true });
    await frames.return();
  });

  test("looks everywhere after a failure, since what was committed may have gone unheard", async () => {
    const { engine, store, clock, open, pulse } = setUp();
    store.script = () => done({ assignments: [], emptyQueues: ["default/work"], closedSessions: [] });
    await engine.start();
    open("s1").session.addCredit(1);
    const frames = engine.feeds.follow({
      after: "now",
      matches: () => true,
      signal: new AbortController().signal,
    });
    await frames.next();
    const pending = frames.next();
    await settle();
    const before = { assigns: store.commands.length, looks: store.dueLookCount };
    const script = store.script;
    store.script = (command, stamp) => {
      if (command.kind !== "pulse") return script(command, stamp);
      store.append(eventOf("r1", 1));
      throw new StoreUnavailable("the answer was lost");
    };
    await expect(pulse()).rejects.toThrow(StoreUnavailable);
    await clock.advance(0);
    expect((await pending).value).toMatchObject({ through: 1n });
    expect(store.commands.slice(before.assigns).map(({ kind }) => kind)).toEqual(["pulse", "assign"]);
    expect(store.dueLookCount).toBe(before.looks + 1);
    await engine.stop();
  });

  test("takes no more commands than may wait, but always its own", async () => {
    const { engine, store, pulse } = setUp();
    const gate = Promise.withResolvers<void>();
    store.script = async () => {
      await gate.promise;
      return done();
    };
    const waiting = Array.from({ length: waitingCommandsMax }, () => pulse());
    await expect(pulse()).rejects.toThrow(StoreUnavailable);
    const starting = engine.start();
    gate.resolve();
    await Promise.all([...waiting, starting]);
    expect(store.commands.length).toBe(waitingCommandsMax + 1);
    await engine.stop();
  });

  test("sweeps request ids in portions until few are left, then again after the interval", async () => {
    const { engine, store, clock } = setUp();
    let left = 2 * sweptRequestsMax + 3;
    store.script = (command) => {
      if (command.kind !== "sweepRequests") return done();
      const count = Math.min(left, sweptRequestsMax);
      left -= count;
      return done({ count });
    };
    const sweepCount = () => store.commands.filter(({ kind }) => kind === "sweepRequests").length;
    await engine.start();
    await clock.advance(requestSweepIntervalMs - 1);
    expect(sweepCount()).toBe(0);
    await clock.advance(1);
    expect({ left, sweeps: sweepCount() }).toEqual({ left: 0, sweeps: 3 });
    await clock.advance(requestSweepIntervalMs);
    expect(sweepCount()).toBe(4);
    await engine.stop();
  });

  test("makes ids that sort as they were made", () => {
    const { engine } = setUp();
    const ids = Array.from({ length: 10 }, () => engine.newRunId());
    expect([...ids].sort()).toEqual(ids);
    expect(engine.newSessionId()).toMatch(/^s/);
  });
});

describe("an engine that stops", () => {
  test("tells sessions to leave, ends followers, and waits for commands on their way", async () => {
    const { engine, store, clock, open, pulse } = setUp();
    await engine.start();
    const { outlet } = open("s1");
    const frames = engine.feeds.follow({
      after: "now",
      matches: () => true,
      signal: new AbortController().signal,
    });
    await frames.next();
    const next = frames.next();
    await until("it waits", () => engine.feeds.waitingCount === 1);
    const gate = Promise.withResolvers<void>();
    store.script = async () => {
      await gate.promise;
      return done(
        {},
        {
          effects: [
            { kind: "due", atMs: 1 },
            { kind: "queued", queue: "default/work" },
          ],
        },
      );
    };
    const running = pulse();
    let hasStopped = false;
    const stopping = engine.stop().then(() => (hasStopped = true));
    await expect(next).rejects.toThrow(Stopping);
    await expect(pulse()).rejects.toThrow(Stopping);
    expect(outlet.sent).toMatchObject([{ kind: "leave" }]);
    await settle();
    expect(hasStopped).toBe(false);
    gate.resolve();
    expect((await running).ok).toBe(true);
    await stopping;
    await settle();
    expect(clock.timerCount).toBe(0);
  });

  test("may stop before it started, and more than once", async () => {
    const { engine, clock } = setUp();
    await Promise.all([engine.stop(), engine.stop()]);
    await expect(engine.start()).rejects.toThrow(Stopping);
    expect(clock.timerCount).toBe(0);
  });

  test("leaves no timer if it stops while it starts or sweeps", async () => {
    const { engine, clock, store } = setUp();
    await engine.start();
    const gate = Promise.withResolvers<void>();
    store.script = async () => {
      await gate.promise;
      return done({ count: 0 });
    };
    await clock.advance(requestSweepIntervalMs);
    const stopping = engine.stop();
    gate.resolve();
    await stopping;
    await settle();
    expect(clock.timerCount).toBe(0);
  });

  test("has a head that is at least as far as what is committed", async () => {
    const { engine, store } = setUp();
    const position: Position = store.append(eventOf("r1", 1));
    await engine.start();
    const frames = engine.feeds.follow({
      after: "now",
      matches: () => true,
      signal: new AbortController().signal,
    });
    expect((await frames.next()).value).toEqual({ events: [], through: position, atHead: true });
    await engine.stop();
  });
});
