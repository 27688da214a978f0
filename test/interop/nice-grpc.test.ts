import { PassThrough } from "node:stream";
import type { CallOptions, ClientError, Metadata } from "nice-grpc";
import { createChannel, createClient, Status } from "nice-grpc";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { ConditionService } from "../../gen/signalbox/v1/condition_service_pb.ts";
import type { Event } from "../../gen/signalbox/v1/event_pb.ts";
import { EventService } from "../../gen/signalbox/v1/event_service_pb.ts";
import { Run_State as RunState } from "../../gen/signalbox/v1/run_pb.ts";
import { RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import type { Assignment, AttemptReference } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { grpcJsDefinition } from "../support/grpc-js.ts";
import { describeEvent, pipeline, pipelineFeed } from "../support/pipeline.ts";
import { StartedServer, startTimeoutMs } from "../support/started-server.ts";
import { readStatusDetails } from "../support/status-details.ts";
import { type WorkerFrame, WorkerFrames } from "../support/worker-frames.ts";

let server: StartedServer;

beforeAll(async () => {
  server = await StartedServer.start();
}, startTimeoutMs);
afterAll(() => server.remove());

/** Clients of every service that the tests use, on one channel that is closed after the test. */
function openClients() {
  const channel = createChannel(server.address);
  onTestFinished(() => channel.close());
  return {
    runs: createClient(grpcJsDefinition(RunService), channel),
    conditions: createClient(grpcJsDefinition(ConditionService), channel),
    events: createClient(grpcJsDefinition(EventService), channel),
    workers: createClient(grpcJsDefinition(WorkerService), channel),
  };
}
type Clients = ReturnType<typeof openClients>;

/** Opens a worker stream, attaches and permits one assignment. */
async function attach({ workers }: Clients, runId: string, running: AttemptReference[] = []) {
  const aborter = new AbortController();
  onTestFinished(() => aborter.abort());
  const requests = new PassThrough({ objectMode: true });
  const send = (frame: WorkerFrame) => requests.write({ frame });
  const frames = new WorkerFrames();
  void (async () => {
    try {
      for await (const frame of workers.attach(requests, { signal: aborter.signal })) frames.push(frame);
      frames.end();
    } catch (error) {
      frames.end(error);
    }
  })();
  const ops = [`count-${runId}`, `publish-${runId}`];
  send({ case: "attach", value: { workerId: `worker-${runId}`, incarnation: "one", ops, running } });
  const attached = await frames.next("attached");
  send({ case: "credit", value: { amount: 1 } });
  return { aborter, frames, send, attached };
}
type Worker = Awaited<ReturnType<typeof attach>>;

/** Waits for one assignment and takes it on. */
async function take({ frames, send }: Worker): Promise<Assignment & { attempt: AttemptReference }> {
  const [assignment] = (await frames.next("assign")).assignments;
  if (assignment?.attempt === undefined) throw new Error("no assignment");
  send({ case: "accept", value: { attempts: [assignment.attempt] } });
  return { ...assignment, attempt: assignment.attempt };
}

/** The reports of an attempt that is half done, and then done. */
function reportsOf(attempt: AttemptReference): Extract<WorkerFrame, { case: "report" }> {
  const half = { percent: 50, message: "half" };
  const outputs = { lines: { kind: { case: "intValue", value: -9_007_199_254_740_993n } as const } };
  return {
    case: "report",
    value: {
      reports: [
        { attempt, sequence: 1n, content: { case: "progress", value: half } },
        { attempt, sequence: 2n, content: { case: "succeeded", value: { outputs } } },
      ],
    },
  };
}

const yes = { kind: { case: "boolValue", value: true } } as const;

/** The error and the trailers of a call that fails. */
async function failureOf(call: (options: CallOptions) => Promise<unknown>) {
  let trailer: Metadata | undefined;
  const onTrailer = (metadata: Metadata) => {
    trailer = metadata;
  };
  const error = await call({ onTrailer }).then(
    () => Promise.reject(new Error("the call succeeded")),
    (thrown: unknown) => thrown as ClientError,
  );
  return { error, details: readStatusDetails(trailer?.get("grpc-status-details-bin")) };
}

describe("nice-grpc", () => {
  test("works a plan around a condition, and its watch resumes by cursor without gap or repeat", async () => {
    const clients = openClients();
    const runId = "nice-plan";
    const worker = await attach(clients, runId);
    await clients.runs.createRun({ run: pipeline(runId), requestId: "nice-plan-1" });
    const count = await take(worker);
    worker.send(reportsOf(count.attempt));
    const { reports } = await worker.frames.next("recorded");
    expect(reports.every(({ refusal }) => refusal === undefined)).toBe(true);

    const seen: Event[] = [];
    let cursor = "";
    for await (const frame of clients.events.watchEvents({
      filter: { runId },
      start: { case: "beginning", value: {} },
    })) {
      seen.push(...frame.events);
      cursor = frame.cursor;
      if (seen.some(({ detail }) => detail.case === "conditionPaused")) break;
    }
    await clients.conditions.signalCondition({ runId, name: "approve", value: yes });
    worker.send({ case: "credit", value: { amount: 1 } });
    const publish = await take(worker);
    expect(publish.inputs["lines"]?.kind).toEqual({ case: "intValue", value: -9_007_199_254_740_993n });
    const { attempt } = publish;
    const done = { attempt, sequence: 1n, content: { case: "succeeded", value: {} } } as const;
    worker.send({ case: "report", value: { reports: [done] } });
    const resumed = clients.events.watchEvents({
      filter: { runId },
      start: { case: "cursor", value: cursor },
    });
    for await (const { events } of resumed) {
      seen.push(...events);
      if (events.some(({ detail }) => detail.case === "runEnded")) break;
    }
    expect(seen.map(describeEvent)).toEqual(pipelineFeed);
    expect((await clients.runs.getRun({ runId })).run?.state).toBe(RunState.SUCCEEDED);
  });

  test("attaches a worker again that went without Leave, and the worker keeps its work", async () => {
    const clients = openClients();
    const runId = "nice-keep";
    const before = await attach(clients, runId);
    await clients.runs.createRun({ run: pipeline(runId) });
    const { attempt } = await take(before);
    before.aborter.abort();
    expect(await before.frames.ended).toMatchObject({ name: "AbortError" });
    const after = await attach(clients, runId, [attempt]);
    expect(after.attached).toMatchObject({ keep: [attempt], drop: [] });
    after.send(reportsOf(attempt));
    const { reports } = await after.frames.next("recorded");
    expect(reports.find(({ refusal }) => refusal !== undefined)).toBeUndefined();
  });

  test("follows a run to its end, where the stream ends by itself", async () => {
    const { runs } = openClients();
    const runId = "nice-watch";
    await runs.createRun({ run: pipeline(runId) });
    const states = new Set<RunState>();
    let isCancelled = false;
    let ended = false;
    for await (const frame of runs.watchRun({ runId })) {
      if (frame.run !== undefined) states.add(frame.run.state);
      // With the first cursor the snapshot is complete.
      if (frame.cursor !== "" && !isCancelled) {
        isCancelled = true;
        await runs.cancelRun({ runId, cause: "enough seen" });
      }
      ended = frame.ended;
    }
    expect(ended).toBe(true);
    expect([...states]).toEqual([RunState.QUEUED, RunState.CANCELLED]);
  });

  test("gets the facts of a refusal in its trailers", async () => {
    const { conditions, runs } = openClients();
    const runId = "nice-refusal";
    await runs.createRun({ run: pipeline(runId) });
    const { error, details } = await failureOf((options) =>
      conditions.signalCondition({ runId, name: "count", value: yes }, options),
    );
    expect(error.code).toBe(Status.FAILED_PRECONDITION);
    expect(details.find(ErrorInfoSchema)).toMatchObject([
      { reason: "ACTION_NOT_CONDITION", metadata: { run_id: runId, action: "count", kind: "task" } },
    ]);
  });

  test("gets every wrong field of a request in its trailers", async () => {
    const { runs } = openClients();
    const run = { ...pipeline("nice-wrong"), priority: 1_001, labels: { "no spaces": "" } };
    const { error, details } = await failureOf((options) => runs.createRun({ run }, options));
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
    const fields = details.find(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
    expect(fields.map(({ field }) => field).sort()).toEqual(['run.labels["no spaces"]', "run.priority"]);
  });

  test("cancels a watch by its signal, and the channel goes on", async () => {
    const { events, runs } = openClients();
    const aborter = new AbortController();
    const watching = (async () => {
      for await (const _ of events.watchEvents({}, { signal: aborter.signal })) aborter.abort();
    })();
    await expect(watching).rejects.toMatchObject({ name: "AbortError" });
    await expect(runs.listRuns({})).resolves.toMatchObject({ $typeName: "signalbox.v1.ListRunsResponse" });
  });
});
