import { toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { NewRunSchema } from "../../gen/signalbox/v1/run_pb.ts";
import { type NewRun, output } from "../../src/client/client.ts";
import { toNewRun } from "../../src/client/spec/plan.ts";

const json = (run: NewRun) => toJson(NewRunSchema, toNewRun(run, "team"));

describe("a run to be", () => {
  test.each([
    {
      given: "one task with inputs of every kind",
      run: {
        op: "count",
        input: { path: "a", deep: { from: "x", output: "y" }, size: 3, share: 0.5, not: undefined },
      },
      gives: {
        namespace: "team",
        task: {
          op: "count",
          inputs: {
            path: { value: { stringValue: "a" } },
            deep: { value: { jsonValue: { from: "x", output: "y" } } },
            size: { value: { intValue: "3" } },
            share: { value: { floatValue: 0.5 } },
          },
        },
      },
    },
    {
      given: "everything that a run and a task can be told",
      run: {
        runId: "r1",
        labels: { team: "ml" },
        priority: -5,
        timeoutMs: 90_500,
        op: "train",
        opVersion: 2,
        retry: { maxAttempts: 3, initialBackoffMs: 250, multiplier: 1.5, backoffMsMax: 60_000, jitter: 0.1 },
        timeouts: { queueToStartMs: 1_000, startToEndMs: 2_000, heartbeatMs: 3_000 },
        cancelGraceMs: 0,
      },
      gives: {
        namespace: "team",
        runId: "r1",
        labels: { team: "ml" },
        priority: -5,
        timeout: "90.500s",
        task: {
          op: "train",
          opVersion: 2,
          retry: {
            maxAttempts: 3,
            initialBackoff: "0.250s",
            multiplier: 1.5,
            maxBackoff: "60s",
            jitter: 0.1,
          },
          timeouts: { queueToStart: "1s", startToEnd: "2s", heartbeat: "3s" },
          cancelGrace: "0s",
        },
      },
    },
    {
      given: "a plan with references, conditions and guards",
      run: {
        plan: [
          { name: "count", task: { op: "count" } },
          {
            name: "sum",
            task: { op: "sum", input: { lines: output("count", "lines"), all: output("count") } },
          },
          {
            name: "share",
            condition: { type: "float", prompt: "How much?", timeoutMs: 1_000, defaultValue: 1 },
          },
          {
            name: "publish",
            dependsOn: ["sum", { action: "count", requirement: "ENDED" }, { action: "share", equals: 2 }],
            task: { op: "publish" },
            labels: { last: "yes" },
          },
        ],
      },
      gives: {
        namespace: "team",
        plan: {
          actions: [
            { name: "count", task: { op: "count" } },
            {
              name: "sum",
              task: {
                op: "sum",
                inputs: {
                  lines: { reference: { from: "count", output: "lines" } },
                  all: { reference: { from: "count" } },
                },
              },
            },
            {
              name: "share",
              condition: {
                type: "VALUE_TYPE_FLOAT",
                prompt: "How much?",
                timeout: "1s",
                defaultValue: { floatValue: 1 },
              },
            },
            {
              name: "publish",
              task: { op: "publish" },
              labels: { last: "yes" },
              dependencies: [
                { action: "sum" },
                { action: "count", requirement: "REQUIREMENT_ENDED" },
                { action: "share", requirement: "REQUIREMENT_SUCCEEDED", equals: { floatValue: 2 } },
              ],
            },
          ],
        },
      },
    },
  ] as const)("with $given is the message for it", ({ run, gives }) => {
    expect(json(run)).toEqual(gives);
  });

  test.each([
    {
      given: "an input that no value stands for",
      run: { op: "a", input: { when: new Date(0) } },
      says: "input when is a Date",
    },
    {
      given: "a default value of another type",
      run: { plan: [{ name: "ok", condition: { type: "bool", defaultValue: "yes" } }] },
      says: "ok: the default value is to be a bool",
    },
    {
      given: "a guard of another type than its condition",
      run: {
        plan: [
          { name: "ok", condition: { type: "bool" } },
          { name: "go", task: { op: "go" }, dependsOn: [{ action: "ok", equals: 1 }] },
        ],
      },
      says: "go: ok equals is to be a bool",
    },
  ])("with $given is a TypeError that says where", ({ run, says }) => {
    expect(() => json(run as NewRun)).toThrow(says);
  });
});
