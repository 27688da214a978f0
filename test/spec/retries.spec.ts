import { describe, expect, test } from "vitest";
import { backoffMs, defaultRetry, mayRetry } from "../../src/core/actions/retry.ts";
import { theTask } from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { theRun, World } from "../support/world.ts";

describe("the wait before the next attempt", () => {
  const plain = { ...defaultRetry, initialBackoffMs: 100, multiplier: 2, maxBackoffMs: 1000 };
  test.each([
    { policy: plain, attempts: 1, chance: 0, waitMs: 100 },
    { policy: plain, attempts: 2, chance: 0, waitMs: 200 },
    { policy: plain, attempts: 4, chance: 0, waitMs: 800 },
    { policy: plain, attempts: 5, chance: 0, waitMs: 1000 },
    { policy: plain, attempts: 99, chance: 0, waitMs: 1000 },
    { policy: { ...plain, multiplier: 1 }, attempts: 9, chance: 0.9, waitMs: 100 },
    { policy: { ...plain, multiplier: 100 }, attempts: 100, chance: 0, waitMs: 1000 },
    { policy: { ...plain, initialBackoffMs: 0 }, attempts: 3, chance: 0.5, waitMs: 0 },
    { policy: { ...plain, jitter: 0.5 }, attempts: 1, chance: 0, waitMs: 50 },
    { policy: { ...plain, jitter: 0.5 }, attempts: 1, chance: 0.5, waitMs: 100 },
    { policy: { ...plain, jitter: 0.5 }, attempts: 1, chance: 0.75, waitMs: 125 },
    { policy: { ...plain, jitter: 1 }, attempts: 5, chance: 0, waitMs: 0 },
    { policy: { ...plain, jitter: 1 }, attempts: 5, chance: 0.999, waitMs: 1998 },
    { policy: defaultRetry, attempts: 1, chance: 0.3, waitMs: 1000 },
  ])(
    "is $waitMs ms after $attempts attempts by the chance $chance",
    ({ policy, attempts, chance, waitMs }) => {
      expect(backoffMs(policy, attempts, chance)).toBe(waitMs);
    },
  );
});

describe("a further attempt", () => {
  const policy = { ...defaultRetry, maxAttempts: 3, nonRetryableErrorTypes: ["BadInput"] };
  const error = { type: "Broken", message: "", stack: "", nonRetryable: false };
  test.each([
    { given: "after the first", attempts: 1, error, may: true },
    { given: "after the last but one", attempts: 2, error, may: true },
    { given: "after the last", attempts: 3, error, may: false },
    {
      given: "after an error of a listed type",
      attempts: 1,
      error: { ...error, type: "BadInput" },
      may: false,
    },
    {
      given: "after an error that says so",
      attempts: 1,
      error: { ...error, nonRetryable: true },
      may: false,
    },
  ])("$given may follow: $may", ({ attempts, error, may }) => {
    expect(mayRetry(policy, attempts, error)).toBe(may);
  });
});

describe("a task with a policy", () => {
  const retry = {
    maxAttempts: 3,
    initialBackoffMs: 1000,
    multiplier: 3,
    nonRetryableErrorTypes: ["BadInput"],
  };
  tell([
    {
      title: "waits longer after each attempt and fails after the last",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts    -> main RUNNING attempt 1 epoch 1
               main fails  -> main PENDING attempt 1 due 1s error Broken
        at 1s              -> main QUEUED attempt 1
               w starts    -> main RUNNING attempt 2 epoch 2 error undefined
               main fails  -> main PENDING attempt 2 due 4s
        at 4s  w starts    -> main RUNNING attempt 3 epoch 3
               main fails  -> main FAILED attempt 3 due never, run FAILED
      `,
    },
    {
      title: "has its wait moved by chance",
      task: { retry: { ...retry, jitter: 0.2 } },
      chance: 0.25,
      script: `
        at 0s  w attaches
               w starts
               main fails  -> main PENDING due 0.9s
      `,
    },
    {
      title: "is queued again at once by a wait of 0 s",
      task: { retry: { maxAttempts: 2, initialBackoffMs: 0 } },
      script: `
        at 0s  w attaches
               w starts
               main fails  -> main PENDING due 0s
        at 0s              -> main QUEUED
      `,
    },
    {
      title: "fails at once by an error of a type that is not retried",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main fails as BadInput -> main FAILED attempt 1 error BadInput
      `,
    },
    {
      title: "fails at once by an error that makes no further attempt worth while",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main fails for good -> main FAILED attempt 1
      `,
    },
    {
      title: "succeeds with its second attempt, and its error is gone",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main fails            -> main PENDING error Broken
        at 1s  w starts
               main succeeds with 7  -> main SUCCEEDED attempt 2 value 7 error undefined, run SUCCEEDED
      `,
    },
    {
      title: "that is forced open by RetryRun has all its attempts again, under further numbers",
      task: { retry: { maxAttempts: 2, initialBackoffMs: 1000 } },
      script: `
        at 0s  w attaches
               w starts
               main fails
        at 1s  w starts
               main fails   -> main FAILED attempt 2 epoch 2, run FAILED
               ann retries  -> refused ATTEMPTS_EXHAUSTED
               ann forces   -> main QUEUED attempt 2, run QUEUED
               w starts     -> main RUNNING attempt 3 epoch 3
               main fails   -> main PENDING attempt 3 due 2s
        at 2s  w starts     -> main RUNNING attempt 4
               main fails   -> main FAILED attempt 4
      `,
    },
  ]);

  test("leaves a record of every attempt that has ended, and of none that was given back", () => {
    const world = new World();
    world.create({ task: theTask({ retry }) });
    world.attach();
    world.start();
    world.report(world.reference(), { kind: "progress", percent: 40, message: "nearly" });
    world.at(5).fail("main");
    world.at(1005).assign();
    world.decline(world.reference());
    world.at(9000).start();
    world.succeed("main");
    expect(world.attempts()).toMatchObject([
      { run: theRun, action: "main", number: 1, state: "FAILED", epoch: 1, workerId: "w", endTimeMs: 5 },
      { number: 2, state: "SUCCEEDED", epoch: 3, startTimeMs: 9000, endTimeMs: 9000, error: undefined },
    ]);
    expect(world.attempts()[0]).toMatchObject({
      progressPercent: 40,
      progressMessage: "nearly",
      error: { type: "Broken" },
    });
  });

  test("says in the feed which attempt failed and when the next one is due", () => {
    const world = new World();
    world.create({ task: theTask({ retry }) });
    world.attach();
    world.start();
    world.fail("main");
    expect(world.eventsOf("attempt_failed")).toMatchObject([
      { attempt: 1, detail: { state: "FAILED", retryTimeMs: 1000 } },
    ]);
  });
});
