import type { CallOptions, Client, ServiceError } from "@grpc/grpc-js";
import { Metadata, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Action_State as ActionState } from "../../gen/signalbox/v1/action_pb.ts";
import { ConditionService } from "../../gen/signalbox/v1/condition_service_pb.ts";
import type { Event } from "../../gen/signalbox/v1/event_pb.ts";
import type { WatchEventsRequest, WatchEventsResponse } from "../../gen/signalbox/v1/event_service_pb.ts";
import { EventService } from "../../gen/signalbox/v1/event_service_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { Run_State as RunState } from "../../gen/signalbox/v1/run_pb.ts";
import { RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import type { AttemptReference } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { WorkerService, Worker_State as WorkerState } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { grpcJsClient } from "../support/grpc-js.ts";
import { describeEvent, pipeline, pipelineFeed } from "../support/pipeline.ts";
import { StartedServer, startTimeoutMs } from "../support/started-server.ts";
import { readStatusDetails } from "../support/status-details.ts";
import { type WorkerFrame, WorkerFrames } from "../support/worker-frames.ts";

let server: StartedServer;

beforeAll(async () => {
  server = await StartedServer.start({ flags: ["--pulse-interval-ms", "500"] });
}, startTimeoutMs);
afterAll(() => server.remove());

/** Clients of every service that the tests use, closed after the test. */
function openClients() {
  const runs = grpcJsClient(RunService, server.address);
  const conditions = grpcJsClient(ConditionService, server.address);
  const events = grpcJsClient(EventService, server.address);
  const workers = grpcJsClient(WorkerService, server.address);
  onTestFinished(() => {
    for (const client of [runs, conditions, events, workers]) client.close();
  });
  return { runs, conditions, events, workers };
}
type Clients = ReturnType<typeof openClients>;

/** A unary method of a grpc-js client, in its longest form. */
type UnaryMethod<Request, Answer> = (
  request: Request,
  metadata: Metadata,
  options: CallOptions,
  answered: (error: ServiceError | null, answer?: Answer) => void,
) => unknown;

/** The answer of a unary call; rejects with grpc-js's own error. */
function answerOf<Request, Answer>(
  client: Client,
  method: UnaryMethod<Request, Answer>,
  request: Request,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    method.call(client, request, new Metadata(), {}, (error, answer) => {
      if (answer === undefined) reject(error ?? new Error("neither an answer nor an error"));
      else resolve(answer);
    });
  });
}

/** The error that a call ends with. */
function failureOf(call: Promise<unknown>): Promise<ServiceError> {
  return call.then(
    () => Promise.reject(new Error("the call succeeded")),
    (error: unknown) => error as ServiceError,
  );
}

/** Opens a worker stream and attaches. */
async function attach(
  { workers }: Clients,
  workerId: string,
  ops: string[],
  running: AttemptReference[] = [],
) {
  const stream = workers.attach();
  onTestFinished(() => stream.cancel());
  const frames = new WorkerFrames();
  stream.on("data", (frame) => frames.push(frame));
  stream.on("error", (error) => frames.end(error));
  stream.on("end", () => frames.end());
  const send = (frame: WorkerFrame) => stream.write({ frame });
  send({ case: "attach", value: { workerId, incarnation: `${workerId}-1`, ops, running } });
  const attached = await frames.next("attached");
  /** Waits for one assignment and takes it on. */
  const take = async () => {
    const { assignments } = await frames.next("assign");
    const [assignment] = assignments;
    if (assignments.length !== 1 || assignment?.attempt === undefined) throw new Error("not one assignment");
    send({ case: "accept", value: { attempts: [assignment.attempt] } });
    return { ...assignment, attempt: assignment.attempt };
  };
  /** Reports that the attempt succeeded and waits until that is recorded or refused. */
  const succeed = async (attempt: AttemptReference, sequence: bigint, lines?: bigint) => {
    const outputs =
      lines === undefined ? {} : { lines: { kind: { case: "intValue", value: lines } as const } };
    const content = { case: "succeeded", value: { outputs } } as const;
    send({ case: "report", value: { reports: [{ attempt, sequence, content }] } });
    for (;;) {
      const { reports } = await frames.next("recorded");
      const recorded = reports.find((one) => one.sequence === sequence);
      if (recorded !== undefined) return recorded;
    }
  };
  return { stream, frames, send, attached, take, succeed };
}

/** Watches the feed of one run from now on; resolves once the stream stands. */
async function watchRunFeed({ events }: Clients, runId: string) {
  const start: WatchEventsRequest["start"] = { case: undefined };
  const stream = events.watchEvents({ filter: { runId }, start });
  onTestFinished(() => stream.cancel());
  const seen: Event[] = [];
  const { promise: stands, resolve: stand } = Promise.withResolvers<WatchEventsResponse>();
  const { promise: runEnded, resolve: end } = Promise.withResolvers<Event[]>();
  stream.on("error", () => {});
  stream.on("data", (frame: WatchEventsResponse) => {
    stand(frame);
    seen.push(...frame.events);
    if (frame.events.some(({ detail }) => detail.case === "runEnded")) end(seen);
  });
  expect(await stands).toMatchObject({ events: [], cursor: expect.stringMatching(/./) });
  return { runEnded };
}

function createRun({ runs }: Clients, runId: string) {
  return answerOf(runs, runs.createRun, { run: pipeline(runId) });
}

describe("a worker of grpc-js", () => {
  test("executes a plan around a condition, and the feed tells all of it in order", async () => {
    const clients = openClients();
    const runId = "grpc-js-plan";
    const feed = await watchRunFeed(clients, runId);
    const worker = await attach(clients, "grpc-js-worker", [`count-${runId}`, `publish-${runId}`]);
    expect(worker.attached).toMatchObject({ sessionId: expect.stringMatching(/./), keep: [], drop: [] });
    worker.send({ case: "credit", value: { amount: 1 } });
    await createRun(clients, runId);

    const count = await worker.take();
    expect(count).toMatchObject({ op: `count-${runId}`, runLabels: { suite: "interop" } });
    expect(count.inputs["path"]?.kind).toEqual({ case: "stringValue", value: "a.txt" });
    const { attempt } = count;
    const progress = { case: "progress", value: { percent: 50, message: "half" } } as const;
    worker.send({ case: "report", value: { reports: [{ attempt, sequence: 1n, content: progress }] } });
    const recorded = await worker.succeed(attempt, 2n, 42n);
    expect(recorded.refusal).toBeUndefined();
    worker.send({ case: "pulse", value: {} });
    await worker.frames.next("pulse");

    const filter = { filter: { runId } };
    const inbox = await answerOf(clients.conditions, clients.conditions.listConditions, filter);
    expect(inbox.conditions.map(({ name }) => name)).toEqual(["approve"]);
    const value = { kind: { case: "boolValue", value: true } } as const;
    const signal = { runId, name: "approve", value, signalledBy: "grpc-js" };
    const signalled = await answerOf(clients.conditions, clients.conditions.signalCondition, signal);
    expect(signalled).toMatchObject({ kept: false, repeated: false, condition: { signalledBy: "grpc-js" } });

    worker.send({ case: "credit", value: { amount: 1 } });
    const publish = await worker.take();
    expect(publish.inputs["lines"]?.kind).toEqual({ case: "intValue", value: 42n });
    expect(publish.inputs["approved"]?.kind).toEqual({ case: "boolValue", value: true });
    await worker.succeed(publish.attempt, 1n);

    const told = await feed.runEnded;
    expect(told.map(describeEvent)).toEqual(pipelineFeed);
    const ids = told.map(({ eventId }) => eventId);
    expect(ids).toEqual([...new Set(ids)].sort());
    const { run } = await answerOf(clients.runs, clients.runs.getRun, { runId });
    expect(run).toMatchObject({ state: RunState.SUCCEEDED, actionCount: 3, endedActionCount: 3 });

    worker.send({ case: "drain", value: {} });
    worker.send({ case: "leave", value: { cause: "all is done" } });
    expect(await worker.frames.ended).toBeUndefined();
    const gone = answerOf(clients.workers, clients.workers.getWorker, { workerId: "grpc-js-worker" });
    expect(await failureOf(gone)).toMatchObject({ code: status.NOT_FOUND });
  });

  test("that disappears without Leave and attaches again keeps its work", async () => {
    const clients = openClients();
    const runId = "grpc-js-keep";
    const ops = [`count-${runId}`];
    const before = await attach(clients, "grpc-js-keeper", ops);
    before.send({ case: "credit", value: { amount: 1 } });
    await createRun(clients, runId);
    const { attempt } = await before.take();
    before.stream.cancel();
    expect(await before.frames.ended).toMatchObject({ code: status.CANCELLED });

    const after = await attach(clients, "grpc-js-keeper", ops, [attempt]);
    expect(after.attached).toMatchObject({ keep: [attempt], drop: [] });
    expect(await after.succeed(attempt, 1n)).toMatchObject({ attempt, sequence: 1n });
    const { action } = await answerOf(clients.runs, clients.runs.getAction, { runId, name: "count" });
    expect(action).toMatchObject({ state: ActionState.SUCCEEDED, attempt: 1 });
  });

  test("whose server is killed and started again keeps its work", async () => {
    const clients = openClients();
    const runId = "grpc-js-kill";
    const ops = [`count-${runId}`];
    const before = await attach(clients, "grpc-js-survivor", ops);
    before.send({ case: "credit", value: { amount: 1 } });
    await createRun(clients, runId);
    const { attempt } = await before.take();
    await server.restart();
    expect(await before.frames.ended).toMatchObject({ code: status.UNAVAILABLE });

    const later = openClients();
    const after = await attach(later, "grpc-js-survivor", ops, [attempt]);
    expect(after.attached).toMatchObject({ keep: [attempt], drop: [] });
    expect((await after.succeed(attempt, 1n)).refusal).toBeUndefined();
    const { attempts } = await answerOf(later.runs, later.runs.listAttempts, { runId, name: "count" });
    expect(attempts).toMatchObject([{ number: 1, state: ActionState.SUCCEEDED }]);
  });

  test("whose server is asked to stop is told to come back, and watches end with UNAVAILABLE", async () => {
    const clients = openClients();
    const worker = await attach(clients, "grpc-js-sent-away", ["nothing"]);
    const watch = clients.events.watchEvents({});
    const watchEnded = new Promise<ServiceError>((resolve) => watch.on("error", resolve).resume());
    await new Promise((resolve) => watch.once("data", resolve));
    expect(await server.stop()).toBe(0);
    const leave = await worker.frames.next("leave");
    expect(leave.reconnectAfter).toMatchObject({ seconds: expect.any(BigInt) });
    expect(await worker.frames.ended).toBeUndefined();
    const ended = await watchEnded;
    expect(ended.code).toBe(status.UNAVAILABLE);
    const details = readStatusDetails(ended.metadata.get("grpc-status-details-bin")[0]);
    expect(details.find(ErrorInfoSchema)).toMatchObject([{ reason: "STOPPING" }]);
    await server.restart();
  });

  test("that reports under an old epoch is refused in Recorded, and its stream goes on", async () => {
    const clients = openClients();
    const runId = "grpc-js-epoch";
    const worker = await attach(clients, "grpc-js-late", [`count-${runId}`]);
    worker.send({ case: "credit", value: { amount: 1 } });
    await createRun(clients, runId);
    const { attempt } = await worker.take();
    const refused = await worker.succeed({ ...attempt, epoch: attempt.epoch + 1n }, 1n);
    expect(refused.refusal).toMatchObject({
      reason: Reason.STALE_EPOCH,
      code: status.FAILED_PRECONDITION,
      metadata: { run_id: runId, action: "count", current_epoch: String(attempt.epoch) },
    });
    expect((await worker.succeed(attempt, 2n)).refusal).toBeUndefined();
    const answer = await answerOf(clients.workers, clients.workers.getWorker, { workerId: "grpc-js-late" });
    expect(answer.worker).toMatchObject({ state: WorkerState.ATTACHED, runningCount: 0 });
  });

  test("that does not attach first ends with ATTACH_EXPECTED", async () => {
    const { workers } = openClients();
    const stream = workers.attach();
    const failed = new Promise<ServiceError>((resolve) => stream.on("error", resolve).resume());
    stream.write({ frame: { case: "pulse", value: {} } });
    const details = readStatusDetails((await failed).metadata.get("grpc-status-details-bin")[0]);
    expect(details.find(ErrorInfoSchema)).toMatchObject([{ reason: "ATTACH_EXPECTED", domain: "signalbox" }]);
  });
});

describe("an error that grpc-js gets", () => {
  test("of a refusal carries ErrorInfo with the facts", async () => {
    const { runs } = openClients();
    const failed = await failureOf(answerOf(runs, runs.getRun, { runId: "no-such-run" }));
    expect(failed.code).toBe(status.NOT_FOUND);
    const details = readStatusDetails(failed.metadata.get("grpc-status-details-bin")[0]);
    expect(details).toMatchObject({ code: status.NOT_FOUND, message: failed.details });
    expect(details.find(ErrorInfoSchema)).toMatchObject([
      {
        reason: "RUN_NOT_FOUND",
        domain: "signalbox",
        metadata: { namespace: "default", run_id: "no-such-run" },
      },
    ]);
  });

  test("of a wrong request carries BadRequest with every field", async () => {
    const { runs } = openClients();
    const wrong = { namespace: "Not A Namespace", runId: "" };
    const failed = await failureOf(answerOf(runs, runs.getRun, wrong));
    expect(failed.code).toBe(status.INVALID_ARGUMENT);
    const details = readStatusDetails(failed.metadata.get("grpc-status-details-bin")[0]);
    expect(details.find(ErrorInfoSchema)).toMatchObject([{ reason: "INVALID_REQUEST" }]);
    const fields = details.find(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
    expect(new Set(fields.map(({ field }) => field))).toEqual(new Set(["namespace", "run_id"]));
  });
});

describe("a watch that grpc-js", () => {
  function endOfWatch({ events }: Clients, deadline?: Date) {
    const options = deadline === undefined ? {} : { deadline };
    const stream = events.watchEvents({ filter: { runId: "quiet" } }, new Metadata(), options);
    const failed = new Promise<ServiceError>((resolve) => stream.on("error", resolve));
    const first = new Promise((resolve) => stream.once("data", resolve));
    return { stream, failed, first };
  }

  test("gives a deadline ends with DEADLINE_EXCEEDED", async () => {
    const clients = openClients();
    const { failed, first } = endOfWatch(clients, new Date(Date.now() + 1_000));
    await first;
    expect(await failed).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  test("cancels ends with CANCELLED, and the server goes on", async () => {
    const clients = openClients();
    const { stream, failed, first } = endOfWatch(clients);
    await first;
    stream.cancel();
    expect(await failed).toMatchObject({ code: status.CANCELLED });
    const { runs } = await answerOf(clients.runs, clients.runs.listRuns, { pageSize: 1 });
    expect(runs.length).toBeLessThanOrEqual(1);
  });
});
