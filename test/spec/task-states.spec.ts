import { describe } from "vitest";
import { aTask } from "../support/builders.ts";
import { tell } from "../support/story.ts";

describe("a task", () => {
  tell([
    {
      title: "goes from the queue to its worker and ends with its outputs, and so does its run",
      script: `
        at 0s                       -> main QUEUED attempt 0 epoch 0, run QUEUED
        at 1s  w attaches
               w takes              -> main ASSIGNED attempt 1 epoch 1 due 11s, run QUEUED
        at 2s  w accepts main       -> main RUNNING due never, run RUNNING
        at 3s  main succeeds with 5 -> main SUCCEEDED value 5, run SUCCEEDED value 5
      `,
    },
    {
      title: "waits as PENDING until what it depends on has succeeded, and is QUEUED then",
      plan: [aTask("a"), aTask("b", { after: ["a"] })],
      script: `
        at 0s               -> a QUEUED, b PENDING waits 1
        at 1s  w attaches
               w starts     -> a RUNNING, b PENDING
               a succeeds   -> a SUCCEEDED, b QUEUED waits 0, run RUNNING
               w starts     -> b RUNNING
               b succeeds   -> b SUCCEEDED, run SUCCEEDED
      `,
    },
    {
      title: "that fails without a policy ends as FAILED, and so does its run",
      script: `
        at 0s  w attaches
               w starts
               main fails as Broken  -> main FAILED attempt 1 error Broken, run FAILED error Broken
      `,
    },
    {
      title: "that a worker declines is queued again a second later and has spent no attempt",
      script: `
        at 0s  w attaches
               w takes          -> main ASSIGNED attempt 1 epoch 1
               w declines main  -> main PENDING attempt 0 due 1s
        at 1s                   -> main QUEUED attempt 0
               w takes          -> main ASSIGNED attempt 1 epoch 2
      `,
    },
    {
      title: "that nobody accepts in time is queued again a second later and has spent no attempt",
      script: `
        at 0s  w attaches
               w takes   -> main ASSIGNED attempt 1 epoch 1 due 10s
        at 10s           -> main PENDING attempt 0 due 11s
        at 11s           -> main QUEUED attempt 0
               w starts  -> main RUNNING attempt 1 epoch 2
      `,
    },
    {
      title: "that was given back keeps the number of attempts that failed before",
      task: { retry: { maxAttempts: 2, initialBackoffMs: 0 } },
      script: `
        at 0s  w attaches
               w starts
               main fails        -> main PENDING attempt 1
        at 0s                    -> main QUEUED
               w takes           -> main ASSIGNED attempt 2 epoch 2
               w declines main   -> main PENDING attempt 1
        at 1s  w starts          -> main RUNNING attempt 2 epoch 3
               main fails        -> main FAILED attempt 2
      `,
    },
    {
      title: "starts with its first report if its accept was lost",
      script: `
        at 0s  w attaches
               w takes     -> main ASSIGNED
               main beats  -> main RUNNING, run RUNNING
      `,
    },
    {
      title: "starts when it adds a child if its accept was lost",
      script: `
        at 0s  w attaches
               w takes      -> main ASSIGNED
               main adds b  -> main RUNNING due never, main/b QUEUED
      `,
    },
    {
      title: "is accepted twice without harm",
      script: `
        at 0s  w attaches
               w takes
        at 1s  w accepts main  -> main RUNNING
        at 2s  w accepts main  -> main RUNNING attempt 1 epoch 1
      `,
    },
    {
      title: "that a worker declines after it has started has failed, and spent its attempt",
      script: `
        at 0s  w attaches
               w starts
               w declines main  -> main FAILED attempt 1 error Declined
      `,
    },
  ]);
});

describe("a task that is cancelled", () => {
  tell([
    {
      title: "while it waits or is queued ends at once",
      plan: [aTask("a"), aTask("b", { after: ["a"] })],
      script: `
        at 0s  ann cancels -> a CANCELLED error Cancelled due never, b CANCELLED
                            -> run CANCELLED error Cancelled
      `,
    },
    {
      title: "while it runs ends when its worker says that it stopped",
      script: `
        at 0s  w attaches
               w starts
        at 1s  ann cancels  -> main RUNNING due 11s, run RUNNING
        at 2s  main stops   -> main CANCELLED error Cancelled, run CANCELLED
      `,
    },
    {
      title: "while it runs ends without its worker when its grace is over",
      task: { cancelGraceMs: 3000 },
      script: `
        at 0s  w attaches
               w starts
        at 1s  ann cancels   -> main RUNNING due 4s
        at 4s                -> main CANCELLED error Cancelled, run CANCELLED
        at 5s  main succeeds -> refused ACTION_ENDED, main CANCELLED
      `,
    },
    {
      title: "while it runs may still succeed within its grace",
      script: `
        at 0s  w attaches
               w starts
        at 1s  ann cancels           -> main RUNNING
        at 2s  main succeeds with 5  -> main SUCCEEDED value 5, run SUCCEEDED
      `,
    },
    {
      title: "while it runs has no further attempt, whatever its policy",
      task: { retry: { maxAttempts: 5 } },
      script: `
        at 0s  w attaches
               w starts
        at 1s  ann cancels           -> main RUNNING
        at 2s  main fails as Broken  -> main CANCELLED error Broken, run CANCELLED
      `,
    },
    {
      title: "while it is assigned has until its time to accept is over, however long its grace",
      task: { cancelGraceMs: 3_600_000 },
      script: `
        at 0s  w attaches
               w takes
        at 1s  ann cancels  -> main ASSIGNED due 10s
        at 10s              -> main CANCELLED error Cancelled, run CANCELLED
      `,
    },
    {
      title: "while it is assigned ends when its worker declines it",
      script: `
        at 0s  w attaches
               w takes
        at 1s  ann cancels      -> main ASSIGNED
               w declines main  -> main CANCELLED, run CANCELLED
      `,
    },
    {
      title: "while it waits for its next attempt ends at once",
      task: { retry: { maxAttempts: 2 } },
      script: `
        at 0s  w attaches
               w starts
               main fails    -> main PENDING due 1s
               ann cancels   -> main CANCELLED attempt 1 due never, run CANCELLED
        at 9s                -> main CANCELLED
      `,
    },
    {
      title: "twice has the grace of the first time",
      script: `
        at 0s  w attaches
               w starts
        at 1s  ann cancels  -> main RUNNING due 11s
        at 5s  ann cancels  -> main RUNNING due 11s
      `,
    },
  ]);
});
