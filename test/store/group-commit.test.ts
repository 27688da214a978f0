import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  bytesPerCommitMax,
  commandsAheadMin,
  commandsPerCommitMax,
  waitingBytesMax,
  waitingCommandsMax,
} from "../../src/limits.ts";
import { GroupCommit } from "../../src/store/embedded/group-commit.ts";
import type { Reply } from "../../src/store/embedded/messages.ts";
import { StoreUnavailable } from "../../src/store/store.ts";

/** A group commit whose batches a test sees and answers. */
function aGroupCommit() {
  const batches: (readonly string[])[] = [];
  const commits = new GroupCommit((batch) => batches.push(batch));
  let answeredCount = 0;
  /** Answers the first batch that is under way: to each command the position that stands in its text. */
  const answer = (): void => {
    const batch = batches[answeredCount] ?? [];
    answeredCount += 1;
    commits.answered(batch.map((text): Reply => ({ answer: text, effects: [], position: Number(text) })));
  };
  return { commits, batches, answer };
}

const broken = new StoreUnavailable("broken");

describe("commands", () => {
  test("that come in one turn go together, and those that come meanwhile go as the next batch", async () => {
    const { commits, batches, answer } = aGroupCommit();
    const first = [commits.submit("1"), commits.submit("2")];
    await setImmediate();
    expect(batches).toEqual([["1", "2"]]);
    const second = ["3", "4", "5"].map((text) => commits.submit(text));
    await setImmediate();
    expect(batches).toHaveLength(1);
    answer();
    expect(batches).toEqual([
      ["1", "2"],
      ["3", "4", "5"],
    ]);
    expect(await Promise.all(first)).toMatchObject([{ position: 1 }, { position: 2 }]);
    answer();
    expect(await Promise.all(second)).toMatchObject([{ position: 3 }, { position: 4 }, { position: 5 }]);
  });

  test(`go ahead of the answer to the batch before if ${commandsAheadMin} wait, in one batch`, async () => {
    const { commits, batches, answer } = aGroupCommit();
    const said = [commits.submit("0")];
    await setImmediate();
    const submitSome = async (count: number) => {
      for (let left = count; left > 0; left -= 1) said.push(commits.submit(String(said.length)));
      await setImmediate();
    };
    await submitSome(commandsAheadMin - 1);
    expect(batches).toHaveLength(1);
    await submitSome(1);
    await submitSome(commandsAheadMin + 1);
    expect(batches.map(({ length }) => length)).toEqual([1, commandsAheadMin]);
    answer();
    expect(batches.map(({ length }) => length)).toEqual([1, commandsAheadMin, commandsAheadMin + 1]);
    answer();
    answer();
    const outcomes = await Promise.all(said);
    expect(outcomes).toMatchObject(said.map((_, position) => ({ position })));
  });

  test(`go at most ${commandsPerCommitMax} to a batch`, async () => {
    const { commits, batches, answer } = aGroupCommit();
    const said = Array.from({ length: commandsPerCommitMax + 5 }, (_, index) =>
      commits.submit(String(index)),
    );
    await setImmediate();
    answer();
    answer();
    expect(batches.map(({ length }) => length)).toEqual([commandsPerCommitMax, 5]);
    expect(await Promise.all(said)).toHaveLength(commandsPerCommitMax + 5);
  });

  test(`go at most ${bytesPerCommitMax} bytes to a batch, a larger one by itself`, async () => {
    const { commits, batches, answer } = aGroupCommit();
    const half = "1".repeat(bytesPerCommitMax / 2);
    const said = [half, half, "2", half + half + half, "3"].map((text) => commits.submit(text));
    await setImmediate();
    for (let count = 0; count < 4; count += 1) answer();
    expect(batches.map((batch) => batch.length)).toEqual([2, 1, 1, 1]);
    expect(await Promise.all(said)).toHaveLength(5);
  });

  test.each([
    { bound: `${waitingCommandsMax} commands`, count: waitingCommandsMax, text: "1" },
    { bound: `${waitingBytesMax} bytes`, count: 16, text: "1".repeat(waitingBytesMax / 16) },
  ])("beyond $bound that wait are rejected, and the others are not", async ({ count, text }) => {
    const { commits, batches, answer } = aGroupCommit();
    const said = Array.from({ length: count }, () => commits.submit(text));
    await expect(commits.submit("1")).rejects.toThrow(StoreUnavailable);
    await setImmediate();
    for (let answered = 0; answered < batches.length; answered += 1) answer();
    expect(await Promise.all(said)).toHaveLength(count);
    const later = commits.submit("7");
    await setImmediate();
    answer();
    expect(await later).toMatchObject({ position: 7 });
  });

  test("are rejected when the store breaks: those under way, those that wait, and those that come", async () => {
    const { commits, batches } = aGroupCommit();
    const said = [commits.submit("1")];
    await setImmediate();
    said.push(commits.submit("2"));
    commits.breakOff(broken);
    said.push(commits.submit("3"));
    const outcomes = await Promise.allSettled(said);
    expect(outcomes).toEqual(Array(3).fill({ status: "rejected", reason: broken }));
    await setImmediate();
    expect(batches).toEqual([["1"]]);
  });

  test("that were taken get their outcome before the drain ends; later ones are rejected", async () => {
    const { commits, answer } = aGroupCommit();
    const taken = commits.submit("1");
    let isDrained = false;
    const drained = commits.drain(broken).then(() => {
      isDrained = true;
    });
    await expect(commits.submit("2")).rejects.toBe(broken);
    await setImmediate();
    expect(isDrained).toBe(false);
    answer();
    expect(await taken).toMatchObject({ position: 1 });
    await drained;
  });
});
