import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Action_State } from "../../gen/signalbox/v1/action_pb.ts";
import { Run_State } from "../../gen/signalbox/v1/run_pb.ts";
import type { WatchRunResponse } from "../../gen/signalbox/v1/run_service_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { toValue } from "../../src/api/mapping/to-proto-value.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

let namespaceCount = 0;
/** A namespace that no other test uses. */
function newNamespace(): string {
  namespaceCount += 1;
  return `ns${namespaceCount}`;
}

const yes = toValue({ kind: "bool", value: true });

/** Creates run `r` of so many conditions, each waiting for its signal. */
async function ask(namespace: string, count: number): Promise<void> {
  const actions = Array.from({ length: count }, (_, index) => ({
    name: `c${String(index).padStart(4, "0")}`,
    kind: { case: "condition" as const, value: { type: ValueType.BOOL } },
  }));
  await server.runs.createRun({ run: { namespace, runId: "r", work: { case: "plan", value: { actions } } } });
}

async function answer(namespace: string, name: string): Promise<void> {
  await server.conditions.signalCondition({ namespace, runId: "r", name, value: yes });
}

function watch(namespace: string, cursor = ""): AsyncIterable<WatchRunResponse> {
  return server.runs.watchRun({ namespace, runId: "r", cursor });
}

/** Frames up to the first one with events, which is the last of them. */
async function untilEvents(frames: AsyncIterator<WatchRunResponse>): Promise<WatchRunResponse[]> {
  const seen: WatchRunResponse[] = [];
  for (;;) {
    const taken = await frames.next();
    if (taken.done === true) throw new Error("the stream has ended");
    seen.push(taken.value);
    if (taken.value.events.length > 0) return seen;
  }
}

function eventsOf(frames: readonly WatchRunResponse[]): string[] {
  return frames.flatMap(({ events }) => events.map(({ eventId }) => eventId));
}

describe("WatchRun", () => {
  test("begins with the state and ends when the run has ended", async () => {
    const namespace = newNamespace();
    await ask(namespace, 2);
    const frames = watch(namespace)[Symbol.asyncIterator]();
    const { value: first } = (await frames.next()) as { value: WatchRunResponse };
    expect(first).toMatchObject({ snapshot: true, ended: false, events: [] });
    expect(first.run).toMatchObject({ state: Run_State.RUNNING, pausedConditionCount: 2 });
    expect(first.actions.map(({ name }) => name)).toEqual(["c0000", "c0001"]);
    await answer(namespace, "c0000");
    const changed = (await untilEvents(frames)).at(-1);
    expect(changed?.events.map(({ detail }) => detail.case)).toEqual(["conditionAnswered", "actionEnded"]);
    expect(changed?.actions).toMatchObject([{ name: "c0000", state: Action_State.SUCCEEDED }]);
    expect(changed).toMatchObject({ snapshot: false, ended: false });
    await answer(namespace, "c0001");
    const last = (await untilEvents(frames)).at(-1);
    expect(last?.events.map(({ detail }) => detail.case)).toEqual([
      "conditionAnswered",
      "actionEnded",
      "runEnded",
    ]);
    expect(last).toMatchObject({ ended: true, run: { state: Run_State.SUCCEEDED } });
    expect((await frames.next()).done).toBe(true);
  });

  test("sends a large state in pages, of which the last one has the cursor", async () => {
    const namespace = newNamespace();
    await ask(namespace, 2_500);
    const pages: WatchRunResponse[] = [];
    for await (const frame of watch(namespace)) {
      pages.push(frame);
      if (frame.cursor !== "") break;
    }
    expect(pages.every(({ snapshot }) => snapshot)).toBe(true);
    expect(pages.length).toBeGreaterThan(1);
    const names = pages.flatMap(({ actions }) => actions.map(({ name }) => name));
    expect(names).toHaveLength(2_500);
    expect(new Set(names).size).toBe(2_500);
    expect(pages.slice(0, -1).map(({ cursor }) => cursor)).toEqual(pages.slice(0, -1).map(() => ""));
  });

  test("of an ended run sends its state and ends", async () => {
    const namespace = newNamespace();
    await ask(namespace, 1);
    await server.runs.cancelRun({ namespace, runId: "r" });
    const frames = await Array.fromAsync(watch(namespace));
    expect(frames.map(({ snapshot, ended }) => ({ snapshot, ended }))).toEqual([
      { snapshot: true, ended: false },
      { snapshot: false, ended: true },
    ]);
    expect(frames.at(-1)?.run?.state).toBe(Run_State.CANCELLED);
  });

  test("goes on behind any of its cursors with exactly what follows, also after the end", async () => {
    const namespace = newNamespace();
    await ask(namespace, 3);
    const reading = Array.fromAsync(watch(namespace));
    for (const name of ["c0000", "c0001", "c0002"]) await answer(namespace, name);
    const frames = await reading;
    const whole = eventsOf(frames);
    expect(frames.at(-1)?.ended).toBe(true);
    for (const [index, { cursor }] of frames.entries()) {
      const rest = await Array.fromAsync(watch(namespace, cursor));
      expect(eventsOf(rest)).toEqual(eventsOf(frames.slice(index + 1)));
      expect(rest.at(-1)).toMatchObject({ ended: true, run: { state: Run_State.SUCCEEDED } });
      expect(rest.slice(0, -1).every(({ ended }) => !ended)).toBe(true);
    }
    expect(whole.toSorted()).toEqual(whole);
  });

  test("of a run that was opened again goes on to its last end", async () => {
    const namespace = newNamespace();
    await ask(namespace, 1);
    const { value: state } = (await watch(namespace)[Symbol.asyncIterator]().next()) as {
      value: WatchRunResponse;
    };
    for (let count = 0; count < 3; count += 1) {
      await server.runs.cancelRun({ namespace, runId: "r" });
      await server.runs.retryRun({ namespace, runId: "r" });
    }
    await server.runs.cancelRun({ namespace, runId: "r" });
    const frames = await Array.fromAsync(watch(namespace, state.cursor));
    const ends = frames.flatMap(({ events }) => events.filter(({ detail }) => detail.case === "runEnded"));
    expect(ends).toHaveLength(4);
    expect(frames.map(({ ended }) => ended).indexOf(true)).toBe(frames.length - 1);
  });

  test("tells the run and the actions at least as new as their events", async () => {
    const namespace = newNamespace();
    await ask(namespace, 5);
    const { value: state } = (await watch(namespace)[Symbol.asyncIterator]().next()) as {
      value: WatchRunResponse;
    };
    for (let index = 0; index < 5; index += 1) await answer(namespace, `c000${index}`);
    for await (const { events, actions } of watch(namespace, state.cursor)) {
      for (const event of events.filter(({ detail }) => detail.case === "actionEnded")) {
        const action = actions.find(({ name }) => name === event.action);
        expect(action?.state).toBe(Action_State.SUCCEEDED);
      }
    }
  });

  test("tells nothing of other runs", async () => {
    const namespace = newNamespace();
    await ask(namespace, 1);
    await ask(newNamespace(), 1);
    const reading = Array.fromAsync(watch(namespace));
    await server.runs.createRun({
      run: { namespace, runId: "r2", work: { case: "task", value: { op: "x" } } },
    });
    await answer(namespace, "c0000");
    const frames = await reading;
    const events = frames.flatMap((frame) => frame.events);
    expect(new Set(events.map((event) => `${event.namespace}/${event.runId}`))).toEqual(
      new Set([`${namespace}/r`]),
    );
  });

  test("ends quietly when its client goes away", async () => {
    const namespace = newNamespace();
    await ask(namespace, 1);
    const frames = watch(namespace)[Symbol.asyncIterator]();
    await frames.next();
    await frames.return?.();
    // The next call on the same connection is served.
    expect((await server.runs.getRun({ namespace, runId: "r" })).run?.runId).toBe("r");
  });

  test("with a cursor of another run is FILTER_CHANGED", async () => {
    const [one, other] = [newNamespace(), newNamespace()];
    await ask(one, 1);
    await ask(other, 1);
    const { value } = (await watch(one)[Symbol.asyncIterator]().next()) as { value: WatchRunResponse };
    const refused = Array.fromAsync(watch(other, value.cursor));
    expect(await refusalIn(refused)).toMatchObject({ reason: "FILTER_CHANGED" });
  });
});
