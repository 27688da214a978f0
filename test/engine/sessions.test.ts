import { describe, expect, test } from "vitest";
import { Lanes } from "../../src/engine/lanes.ts";
import { Sessions } from "../../src/engine/sessions.ts";
import { creditMax, outgoingFramesMax, sessionOpenTimeoutMs } from "../../src/limits.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assignmentOf, KeptOutlet, takingSession } from "./support.ts";

function setUp() {
  const clock = new FakeClock();
  const lanes = new Lanes();
  const sessions = new Sessions({ lanes, clock });
  const open = (sessionId: string, ops: readonly string[] = ["work"]) => {
    const outlet = new KeptOutlet();
    return { session: sessions.open(takingSession(sessionId, ops), outlet), outlet };
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

  test("takes from each of its ops in each of its namespaces", () => {
    const { sessions } = setUp();
    const taking = takingSession("s1", ["work", "rest"], { sharedNamespaces: ["team", "lab"] });
    sessions.open(taking, new KeptOutlet());
    const queues = ["default", "team", "lab"].flatMap((one) => [`${one}/work`, `${one}/rest`]);
    expect(queues.map((queue) => sessions.openOn(queue))).toEqual([1, 1, 1, 1, 1, 1]);
    expect(sessions.takersOf("lab/rest", 10)).toMatchObject([
      { sessionId: "s1", namespace: "default", workerId: "s1-worker" },
    ]);
    expect(sessions.takersOf("lab/rest", 0)).toEqual([]);
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
  const nothing = { asked: [], emptyQueues: [], blockedQueues: [] };

  /** Lanes with one queue `a`, and as many takers of it as credits are given. */
  function lanesWith(...credits: readonly number[]) {
    const lanes = new Lanes();
    const takers = credits.map(taker);
    for (const one of takers) lanes.enter(one, ["a"]);
    let callCount = 0;
    lanes.whenTakeable(() => (callCount += 1));
    /** Asks for some, whom nobody gives anything. */
    const askInVain = (countMax: number, news: () => void = () => undefined) => {
      const asked = lanes.pick(countMax);
      news();
      lanes.found({ asked, emptyQueues: [], blockedQueues: ["a"] });
      return asked;
    };
    return { lanes, takers, askInVain, calls: () => callCount };
  }

  test("offer a queue until the store found it empty, and again once something is queued", () => {
    const lanes = new Lanes();
    const one = taker(1);
    lanes.enter(one, ["a", "b"]);
    expect(lanes.pick(10)).toEqual([one]);
    lanes.found({ ...nothing, emptyQueues: ["a", "b"] });
    expect(lanes.isTakeable).toBe(false);
    lanes.mark("b");
    expect(lanes.isTakeable).toBe(true);
  });

  test("keep a queue that was marked while the store was asked", () => {
    const lanes = new Lanes();
    lanes.enter(taker(1), ["a"]);
    lanes.pick(10);
    lanes.mark("a");
    lanes.found({ ...nothing, emptyQueues: ["a"] });
    expect(lanes.isTakeable).toBe(true);
    lanes.pick(10);
    lanes.found({ ...nothing, emptyQueues: ["a"] });
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
    lanes.found({ ...nothing, emptyQueues: ["a"] });
    expect(lanes.isTakeable).toBe(true);
  });

  test("pick nobody without credit, and those first who were served longest ago", () => {
    const { lanes, takers } = lanesWith(1, 0, 1, 1);
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

  test("ask for everybody once about work that nobody can take, and then for nobody", () => {
    const { lanes, takers, askInVain } = lanesWith(...Array.from({ length: 10 }, () => 1));
    const asked = [...askInVain(4), ...askInVain(4), ...askInVain(4)];
    expect(asked).toEqual(takers);
    expect(lanes.isTakeable).toBe(false);
  });

  test.each<{ news: string; tell: (lanes: Lanes) => void; count: number }>([
    { news: "something was queued there", tell: (lanes) => lanes.mark("a"), count: 3 },
    { news: "something was freed", tell: (lanes) => lanes.freed(), count: 3 },
    { news: "anything may have happened", tell: (lanes) => lanes.markAll(), count: 3 },
    { news: "a taker came", tell: (lanes) => lanes.enter(taker(1), ["a"]), count: 1 },
    { news: "something was queued elsewhere", tell: (lanes) => lanes.mark("b"), count: 0 },
  ])("ask $count of 3 blocked takers and a new one again when $news", ({ tell, count }) => {
    const { lanes, askInVain, calls } = lanesWith(1, 1, 1);
    askInVain(10);
    const before = calls();
    tell(lanes);
    expect(lanes.pick(10).length).toBe(count);
    expect(calls() > before).toBe(count > 0);
  });

  test("ask a blocked taker again that ran out of credit and got more, and not one that got more of it", () => {
    const { lanes, takers, askInVain } = lanesWith(1, 1);
    askInVain(10);
    const [one, other] = takers as [{ credit: number }, { credit: number }];
    other.credit = 2;
    lanes.credited(other);
    expect(lanes.isTakeable).toBe(false);
    one.credit = 0;
    lanes.credited(one);
    one.credit = 1;
    lanes.credited(one);
    expect(lanes.pick(10)).toEqual([one]);
  });

  test.each([
    { news: "was queued", tell: (lanes: Lanes) => lanes.mark("a") },
    { news: "was freed", tell: (lanes: Lanes) => lanes.freed() },
  ])("believe no answer that is older than what $news, and ask for the others first", ({ tell }) => {
    const { lanes, takers, askInVain } = lanesWith(1, 1, 1);
    const [one, two, three] = takers;
    expect(askInVain(2, () => tell(lanes))).toEqual([one, two]);
    expect(lanes.pick(10)).toEqual([three, one, two]);
  });

  test("put those asked in vain behind the others while the queue gives something to somebody", () => {
    const { lanes, takers } = lanesWith(1, 1, 2);
    const [one, two, three] = takers as [object, object, { credit: number }];
    const asked = lanes.pick(2);
    lanes.found({ asked, emptyQueues: [], blockedQueues: [] });
    expect(lanes.pick(10)).toEqual([three, one, two]);
  });

  test("forget a blocked taker that leaves, and its queue with the last one", () => {
    const { lanes, takers, askInVain } = lanesWith(1, 1);
    askInVain(10);
    for (const one of takers) lanes.leave(one);
    lanes.freed();
    expect({ isTakeable: lanes.isTakeable, count: lanes.takerCount("a") }).toEqual({
      isTakeable: false,
      count: 0,
    });
  });
});
