import { describe, expect, test } from "vitest";
import { Lanes } from "../../src/engine/lanes.ts";
import { Sessions } from "../../src/engine/sessions.ts";
import { creditMax, outgoingFramesMax, sessionOpenTimeoutMs } from "../../src/limits.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assignmentOf, KeptOutlet } from "./support.ts";

function setUp() {
  const clock = new FakeClock();
  const lanes = new Lanes();
  const sessions = new Sessions({ lanes, clock });
  const open = (sessionId: string, ops: readonly string[] = ["work"]) => {
    const outlet = new KeptOutlet();
    return { session: sessions.open(sessionId, "default", `${sessionId}-worker`, ops, outlet), outlet };
  };
  return { clock, lanes, sessions, open };
}

describe("a session", () => {
  test("is sent what it is told while it is open, and nothing after", () => {
    const { sessions, open } = setUp();
    const { session, outlet } = open("s1");
    sessions.tell("s1", { kind: "cancel", cancelled: [] });
    sessions.tell("s2", { kind: "drain" });
    session.close();
    sessions.tell("s1", { kind: "drain" });
    expect(outlet.sent).toEqual([{ kind: "cancel", cancelled: [] }]);
    expect(sessions.creditOf("s1")).toBeUndefined();
  });

  test("is sent what came between its attach and its stream, in order", () => {
    const { sessions, open, clock } = setUp();
    sessions.expect("s1");
    sessions.tell("s1", { kind: "cancel", cancelled: [] });
    sessions.tell("s1", { kind: "drain" });
    const { outlet } = open("s1");
    expect(outlet.sent.map(({ kind }) => kind)).toEqual(["cancel", "drain"]);
    expect(clock.timerCount).toBe(0);
  });

  test("whose stream never came is forgotten with what came for it", async () => {
    const { sessions, open, clock } = setUp();
    sessions.expect("s1");
    sessions.tell("s1", { kind: "cancel", cancelled: [] });
    await clock.advance(sessionOpenTimeoutMs);
    expect(open("s1").outlet.sent).toEqual([]);
  });

  test("for which too much came before its stream is gone", () => {
    const { sessions, open } = setUp();
    sessions.expect("s1");
    for (let count = 0; count <= outgoingFramesMax; count += 1) {
      sessions.tell("s1", { kind: "cancel", cancelled: [] });
    }
    const { outlet } = open("s1");
    expect(outlet.sent.length).toBe(outgoingFramesMax);
    expect(outlet.sent.at(-1)?.kind).toBe("gone");
    expect(sessions.openCount).toBe(0);
  });

  test("that does not read ends as TOO_SLOW and is offered nothing more", () => {
    const { sessions, open } = setUp();
    const { session, outlet } = open("s1");
    session.addCredit(1);
    outlet.isFull = true;
    expect(sessions.assign(session, [assignmentOf("r1")])).toBe(true);
    expect(outlet.endCause).toBe("TOO_SLOW");
    expect({ open: sessions.openCount, takers: sessions.openOn("default/work") }).toEqual({
      open: 0,
      takers: 0,
    });
  });

  test("that is gone is told so, and nothing after it", () => {
    const { sessions, open } = setUp();
    const { outlet } = open("s1");
    sessions.tell("s1", { kind: "gone", cause: "superseded" });
    sessions.tell("s1", { kind: "drain" });
    expect(outlet.sent).toEqual([{ kind: "gone", cause: "superseded" }]);
  });

  test("is counted on each of its queues until it drains", () => {
    const { sessions, open } = setUp();
    open("s1", ["work", "rest"]);
    open("s2", ["work", "work"]);
    expect(sessions.openOn("default/work")).toBe(2);
    expect(sessions.openOn("default/rest")).toBe(1);
    expect(sessions.openOn("other/work")).toBe(0);
    sessions.tell("s1", { kind: "drain" });
    sessions.retire("s2");
    expect(sessions.openOn("default/work")).toBe(0);
    expect(sessions.openCount).toBe(2);
  });

  test("may permit up to the bound, and is refused one more", () => {
    const { sessions, open } = setUp();
    const { session } = open("s1");
    expect(session.addCredit(creditMax - 1)).toBeUndefined();
    expect(session.addCredit(2)).toEqual({ reason: "LIMIT_REACHED", limit: "creditMax", maximum: creditMax });
    expect(session.addCredit(1)).toBeUndefined();
    expect(sessions.creditOf("s1")).toBe(creditMax);
  });

  test("pays one credit for each assignment, also while it drains", () => {
    const { sessions, open } = setUp();
    const { session, outlet } = open("s1");
    session.addCredit(3);
    sessions.tell("s1", { kind: "drain" });
    expect(sessions.assign(session, [assignmentOf("r1"), assignmentOf("r2")])).toBe(true);
    expect(session.credit).toBe(1);
    expect(outlet.assignments.length).toBe(2);
    session.close();
    expect(sessions.assign(session, [assignmentOf("r3")])).toBe(false);
  });

  test("that opens while the server stops is told to leave as all others are", () => {
    const { sessions, open, clock } = setUp();
    const before = open("s1");
    sessions.expect("s2");
    sessions.leaveAll("stopping", 1_000);
    sessions.expect("s3");
    const leave = { kind: "leave", cause: "stopping", reconnectAfterMs: 1_000 };
    expect(before.outlet.sent).toEqual([leave]);
    expect(open("s2").outlet.sent).toEqual([leave]);
    expect({ timers: clock.timerCount, takers: sessions.openOn("default/work") }).toEqual({
      timers: 0,
      takers: 0,
    });
  });
});

describe("the lanes", () => {
  const taker = (credit: number) => ({ credit });

  test("offer a queue until the store found it empty, and again once something is queued", () => {
    const lanes = new Lanes();
    const one = taker(1);
    lanes.enter(one, ["a", "b"]);
    expect(lanes.pick(10)).toEqual([one]);
    lanes.foundEmpty(["a", "b"]);
    expect(lanes.isTakeable).toBe(false);
    lanes.mark("b");
    expect(lanes.isTakeable).toBe(true);
  });

  test("keep a queue that was marked while the store was asked", () => {
    const lanes = new Lanes();
    lanes.enter(taker(1), ["a"]);
    lanes.pick(10);
    lanes.mark("a");
    lanes.foundEmpty(["a"]);
    expect(lanes.isTakeable).toBe(true);
    lanes.pick(10);
    lanes.foundEmpty(["a"]);
    expect(lanes.isTakeable).toBe(false);
  });

  test("know nothing of a queue that nobody took from for a while", () => {
    const lanes = new Lanes();
    const one = taker(1);
    lanes.enter(one, ["a"]);
    lanes.pick(10);
    lanes.leave(one);
    lanes.mark("a");
    lanes.enter(taker(1), ["a"]);
    lanes.foundEmpty(["a"]);
    expect(lanes.isTakeable).toBe(true);
  });

  test("pick nobody without credit, and those first who were served longest ago", () => {
    const lanes = new Lanes();
    const takers = [taker(1), taker(0), taker(1), taker(1)];
    for (const one of takers) lanes.enter(one, ["a"]);
    const [first, without, second, third] = takers;
    expect(lanes.pick(2)).toEqual([first, second]);
    lanes.served(first as object & { credit: number });
    expect(lanes.pick(10)).toEqual([second, third, first]);
    expect(lanes.pick(10)).not.toContain(without);
  });

  test("take turns between queues when not everybody can be picked at once", () => {
    const lanes = new Lanes();
    const many = Array.from({ length: 5 }, () => taker(1));
    const few = [taker(1)];
    for (const one of many) lanes.enter(one, ["a"]);
    for (const one of few) lanes.enter(one, ["b"]);
    const picked = [...lanes.pick(3), ...lanes.pick(3)];
    expect(picked).toContain(few[0]);
  });
});
