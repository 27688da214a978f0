import { describe, expect, test } from "vitest";
import { openWorker, recordUntilEnd } from "./worker-fixture.ts";
import { assignment } from "./worker-script.ts";

/** vitest fails a file in which a rejection is handled by nobody, which in a real worker ends the process. */
describe("a promise of its context that a task does not await", () => {
  test("ends no process when its attempt has ended before", async () => {
    const { stream } = await openWorker((ctx) => {
      void ctx.event({ type: "checkpoint" });
      void ctx.condition("approve", { type: "bool" });
      void ctx.task("child", { op: "other" });
      void ctx.step("once", () => new Promise(() => undefined));
      return 1;
    });
    stream.assign(assignment("a"));
    expect(await recordUntilEnd(stream)).toMatchObject({ case: "succeeded" });
    await new Promise(setImmediate);
  });

  test("ends no process when it is refused by the server or by its bounds", async () => {
    const { stream } = await openWorker(async (ctx) => {
      void ctx.step("broken", () => {
        throw new Error("no luck");
      });
      void ctx.condition("not a name", { type: "bool" });
      for (let count = 0; count < 1_001; count += 1) void ctx.event({ type: "checkpoint" });
      await new Promise(setImmediate);
      return 1;
    });
    stream.assign(assignment("a"));
    expect(await recordUntilEnd(stream)).toMatchObject({ case: "succeeded" });
  });
});

test.each([
  { event: { type: "" }, says: "type" },
  { event: { type: "t", payload: { at: 1n } as never }, says: "the payload" },
  { event: { type: "t", payload: "x".repeat(17 * 1024 * 1024) }, says: "at most" },
])("an event that cannot be sent fails the task that awaits nothing: $says", async ({ event, says }) => {
  const { stream } = await openWorker((ctx) => {
    void ctx.event(event);
    return 1;
  });
  stream.assign(assignment("a"));
  expect(await recordUntilEnd(stream)).toMatchObject({
    case: "failed",
    value: { message: expect.stringContaining(says) },
  });
});
