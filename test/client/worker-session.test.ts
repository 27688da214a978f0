import { create, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { ActionErrorSchema } from "../../gen/signalbox/v1/action_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { ReportSchema, SucceededSchema } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { toValues } from "../../src/client/js-value.ts";
import { Session } from "../../src/worker/session/session.ts";
import type { SessionNotice, WorkerCommand } from "../../src/worker/session/thread-messages.ts";
import { Arrivals, assignment, scriptStreams } from "./worker-script.ts";

type NoticeOf<K extends SessionNotice["kind"]> = Extract<SessionNotice, { kind: K }>;

/** A session over streams without a network, and what it tells. */
function openSession({ concurrency = 10 } = {}) {
  const { open, stream } = scriptStreams();
  const notices = new Map<SessionNotice["kind"], Arrivals<SessionNotice>>();
  const of = (kind: SessionNotice["kind"]) => {
    const arrivals = notices.get(kind) ?? new Arrivals<SessionNotice>();
    notices.set(kind, arrivals);
    return arrivals;
  };
  const names = { address: "http://127.0.0.1", token: "", namespace: "", workerId: "w", incarnation: "i" };
  const session = new Session({
    identity: { ...names, ops: ["work"], labels: {}, concurrency, taints: [], sharedNamespaces: [] },
    open,
    notify: (notice) => of(notice.kind).add(notice),
  });
  session.start();
  onTestFinished(() => session.apply([{ kind: "leave", cause: "the test is over" }]));
  return {
    stream,
    apply: (...commands: WorkerCommand[]) => session.apply(commands),
    notice: async <K extends SessionNotice["kind"]>(kind: K) =>
      (await of(kind).take(`${kind} notice`)) as NoticeOf<K>,
  };
}

/** A session that is attached and has taken and accepted the attempts, whose tickets are 1, 2, and so on. */
async function openBusySession(...actions: string[]) {
  const session = openSession();
  const stream = await session.stream();
  stream.attached();
  await stream.next("credit");
  stream.assign(...actions.map((action) => assignment(action)));
  const { assignments } = await session.notice("assigned");
  const tickets = assignments.map(({ ticket }) => ticket);
  session.apply({ kind: "accept", tickets });
  await stream.next("accept");
  return { ...session, first: stream, tickets };
}

const heartbeat = (ticket: number, sequence: number): WorkerCommand => ({
  kind: "report",
  ticket,
  sequence,
  content: { case: "heartbeat", value: { $typeName: "signalbox.v1.Heartbeat" } },
  sizeBytes: 2,
});

const success = (ticket: number, sequence: number, outputs: Record<string, unknown> = {}): WorkerCommand => {
  const succeeded = create(SucceededSchema, { outputs: toValues(outputs) });
  const sizeBytes = toBinary(SucceededSchema, succeeded).byteLength;
  return { kind: "report", ticket, sequence, content: { case: "succeeded", value: succeeded }, sizeBytes };
};

const refused = (reason: Reason, message = "no") => ({ reason, code: 9, message, metadata: {} });

function sessionGone(facts: Record<string, string> = {}): ConnectError {
  const info = { reason: "SESSION_GONE", domain: "signalbox", metadata: facts };
  return new ConnectError("the session was superseded", Code.Aborted, undefined, [
    { desc: ErrorInfoSchema, value: info },
  ]);
}

describe("a session that attaches", () => {
  test("says who it is and permits as many assignments as it has places", async () => {
    const session = openSession({ concurrency: 3 });
    const stream = await session.stream();
    expect(stream.attach).toMatchObject({ workerId: "w", incarnation: "i", ops: ["work"], running: [] });
    stream.attached();
    expect(await stream.next("credit")).toMatchObject({ amount: 3 });
    expect(await session.notice("attached")).toMatchObject({ sessionId: "s", pulseIntervalMs: 200 });
  });

  test("says nothing before it is attached", async () => {
    const session = openSession();
    const stream = await session.stream();
    session.apply({ kind: "drain" });
    stream.attached();
    await session.notice("ended");
    expect(stream.count("credit")).toBe(0);
  });

  test("again says which attempts it holds, and permits that many fewer", async () => {
    const { first, stream, apply, tickets } = await openBusySession("a", "b", "c");
    apply(success(tickets[0] ?? 0, 1), { kind: "settle", ticket: tickets[0] ?? 0 });
    await first.next("report");
    first.end();
    const second = await stream();
    expect(second.attach.running.map(({ action }) => action)).toEqual(["a", "b", "c"]);
    second.attached();
    expect(await second.next("credit")).toMatchObject({ amount: 8 });
  });

  test("again says again what started, unless a report of it was recorded", async () => {
    const { first, stream, apply, notice, tickets } = await openBusySession("a", "b");
    apply(heartbeat(tickets[0] ?? 0, 1));
    first.record(await first.report());
    await notice("recorded");
    first.end();
    const second = await stream();
    second.attached();
    expect((await second.next("accept")).attempts.map(({ action }) => action)).toEqual(["b"]);
  });
});

describe("reports", () => {
  test("made in one turn go out in one frame, and so do starts", async () => {
    const session = openSession();
    const stream = await session.stream();
    stream.attached();
    await stream.next("credit");
    const actions = ["a", "b", "c", "d"];
    stream.assign(...actions.map((action) => assignment(action)));
    const tickets = (await session.notice("assigned")).assignments.map(({ ticket }) => ticket);
    session.apply(
      { kind: "accept", tickets: tickets.slice(0, 2) },
      { kind: "accept", tickets: tickets.slice(2) },
    );
    expect((await stream.next("accept")).attempts.map(({ action }) => action)).toEqual(actions);
    session.apply(...tickets.flatMap((ticket) => [heartbeat(ticket, 1), success(ticket, 2)]));
    const { reports } = await stream.next("report");
    expect(reports.map(({ attempt, sequence }) => `${attempt?.action}${sequence}`)).toEqual([
      ...["a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2"],
    ]);
  });

  test("of more than 4 MiB, or more than 1,000, go out in several frames", async () => {
    const actions = ["a", "b", "c", "d", "e", "f"];
    const { first, apply, tickets } = await openBusySession(...actions);
    apply(...tickets.map((ticket) => success(ticket, 1, { text: "x".repeat(1_000_000) })));
    const large = [await first.next("report"), await first.next("report")];
    expect(large.map(({ reports }) => reports.length)).toEqual([4, 2]);
    for (const frame of large) expect(toBinary(ReportSchema, frame).byteLength).toBeLessThan(4 * 1024 * 1024);
    const many = await openBusySession("z");
    many.apply(...Array.from({ length: 1_500 }, (_, index) => heartbeat(many.tickets[0] ?? 0, index + 1)));
    expect((await many.first.next("report")).reports.length).toBe(1_000);
    expect((await many.first.next("report")).reports.length).toBe(500);
  });

  test("not yet recorded are sent again after each attach, in order, and the recorded are not", async () => {
    const { first, stream, apply, notice, tickets } = await openBusySession("a");
    const ticket = tickets[0] ?? 0;
    apply(heartbeat(ticket, 1), heartbeat(ticket, 2));
    first.record(await first.report());
    await notice("recorded");
    first.end();
    const second = await stream();
    apply(success(ticket, 3));
    second.attached();
    const { reports } = await second.next("report");
    expect(reports.map(({ sequence }) => sequence)).toEqual([2n, 3n]);
    second.end();
    const third = await stream();
    third.attached();
    expect((await third.next("report")).reports.map(({ sequence }) => sequence)).toEqual([2n, 3n]);
  });

  test("that are recorded twice are told once", async () => {
    const { first, apply, notice, tickets } = await openBusySession("a");
    const ticket = tickets[0] ?? 0;
    apply(heartbeat(ticket, 1));
    const report = await first.report();
    first.record(report);
    first.record(report);
    expect((await notice("recorded")).reports).toEqual([{ ticket, sequence: 1 }]);
    expect((await notice("recorded")).reports).toEqual([]);
  });

  test("under a lease that has moved on lose the attempt, and what else it reports is left out", async () => {
    const { first, apply, notice, tickets } = await openBusySession("a", "b");
    const [lost = 0, kept = 0] = tickets;
    apply(heartbeat(lost, 1));
    const { attempt, sequence } = await first.report();
    const refusal = refused(Reason.STALE_EPOCH);
    first.send({
      case: "recorded",
      value: { reports: [{ ...(attempt && { attempt }), sequence, refusal }] },
    });
    expect(await notice("lost")).toMatchObject({ ticket: lost });
    apply(success(lost, 2), { kind: "settle", ticket: lost }, success(kept, 1));
    expect((await first.report()).attempt?.action).toBe("b");
    first.end();
  });

  test("of a success that is refused leave the attempt open for a failure", async () => {
    const { first, apply, notice, tickets } = await openBusySession("a");
    const ticket = tickets[0] ?? 0;
    apply(success(ticket, 1), { kind: "settle", ticket });
    const { attempt, sequence } = await first.report();
    const refusal = refused(Reason.LIMIT_REACHED, "too much");
    first.send({
      case: "recorded",
      value: { reports: [{ ...(attempt && { attempt }), sequence, refusal }] },
    });
    expect((await notice("recorded")).reports).toEqual([
      { ticket, sequence: 1, refusal: { reason: "LIMIT_REACHED", message: "too much" } },
    ]);
    const failed = create(ActionErrorSchema, { type: "Refused" });
    apply({ kind: "report", ticket, sequence: 2, content: { case: "failed", value: failed }, sizeBytes: 99 });
    expect(await first.report()).toMatchObject({ sequence: 2n, content: { case: "failed" } });
  });
});

describe("credit", () => {
  test("is given again for each attempt whose task has returned", async () => {
    const { first, apply, tickets } = await openBusySession("a", "b", "c");
    const done = tickets.slice(0, 2);
    apply(...done.flatMap((ticket) => [success(ticket, 1), { kind: "settle", ticket } as const]));
    expect(await first.next("credit")).toMatchObject({ amount: 2 });
  });

  test("is given again for a declined assignment", async () => {
    const session = openSession({ concurrency: 1 });
    const stream = await session.stream();
    stream.attached();
    await stream.next("credit");
    stream.assign(assignment("a"));
    const ticket = (await session.notice("assigned")).assignments[0]?.ticket ?? 0;
    session.apply({ kind: "decline", ticket, cause: "not today" });
    expect(await stream.next("decline")).toMatchObject({ attempt: { action: "a" }, cause: "not today" });
    expect(await stream.next("credit")).toMatchObject({ amount: 1 });
  });

  test("is given for an attempt that waits for a child, and not again when it returns", async () => {
    const { first, apply, tickets } = await openBusySession("a");
    const ticket = tickets[0] ?? 0;
    apply({ kind: "wait", ticket, isWaiting: true });
    expect(await first.next("credit")).toMatchObject({ amount: 1 });
    apply({ kind: "wait", ticket, isWaiting: false }, success(ticket, 1), { kind: "settle", ticket });
    await first.next("report");
    await first.pulses(1);
    expect(first.count("credit")).toBe(0);
  });

  test("is not given for a lost attempt while its task still runs", async () => {
    const { first, apply, notice, tickets } = await openBusySession("a");
    const lost = assignment("a").attempt;
    first.send({
      case: "declined",
      value: { ...(lost && { attempt: lost }), refusal: refused(Reason.STALE_EPOCH) },
    });
    await notice("lost");
    await first.pulses(1);
    expect(first.count("credit")).toBe(0);
    apply({ kind: "settle", ticket: tickets[0] ?? 0 });
    expect(await first.next("credit")).toMatchObject({ amount: 1 });
  });
});

describe("an assignment", () => {
  test("that is held already is not taken twice", async () => {
    const { first, notice } = await openBusySession("a");
    first.assign(assignment("a"), assignment("b"));
    const { assignments } = await notice("assigned");
    expect(assignments.map((taken) => taken.assignment.attempt?.action)).toEqual(["b"]);
  });

  test("under a higher epoch takes the place of the one that is held, which is lost", async () => {
    const { first, notice, apply, tickets } = await openBusySession("a");
    first.assign(assignment("a", { epoch: 2n }));
    expect(await notice("lost")).toMatchObject({ ticket: tickets[0] });
    const { assignments } = await notice("assigned");
    expect(assignments.map((taken) => taken.assignment.attempt?.epoch)).toEqual([2n]);
    apply(heartbeat(tickets[0] ?? 0, 1), heartbeat(assignments[0]?.ticket ?? 0, 1));
    expect((await first.report()).attempt).toMatchObject({ epoch: 2n });
  });

  test("under a lower epoch than is held is declined", async () => {
    const { first, notice } = await openBusySession("a");
    first.assign(assignment("a", { epoch: 3n }));
    await notice("assigned");
    first.assign(assignment("a", { epoch: 2n }));
    expect(await first.next("decline")).toMatchObject({ attempt: { epoch: 2n } });
    expect((await notice("assigned")).assignments).toEqual([]);
  });

  test("under two epochs in one frame is taken under the higher", async () => {
    const { first, notice } = await openBusySession("b");
    first.assign(assignment("a", { epoch: 1n }), assignment("a", { epoch: 2n }));
    const { assignments } = await notice("assigned");
    expect(assignments.map((taken) => taken.assignment.attempt?.epoch)).toEqual([2n]);
  });
});

describe("the drop list", () => {
  test("loses what it names and lets the rest go on", async () => {
    const { first, stream, apply, notice, tickets } = await openBusySession("a", "b");
    const [dropped = 0, kept = 0] = tickets;
    apply(heartbeat(dropped, 1), heartbeat(kept, 1));
    await first.next("report");
    first.end();
    const second = await stream();
    const drop = second.attach.running.filter(({ action }) => action === "a");
    second.attached({ drop });
    expect(await notice("lost")).toMatchObject({ ticket: dropped });
    expect((await second.next("report")).reports.map(({ attempt }) => attempt?.action)).toEqual(["b"]);
    apply({ kind: "settle", ticket: dropped });
    second.end();
    expect((await stream()).attach.running.map(({ action }) => action)).toEqual(["b"]);
  });
});

describe("a stream", () => {
  test("on which the server is silent for three pulse intervals is given up for another", async () => {
    const session = openSession();
    const silent = await session.stream();
    silent.isSilent = true;
    silent.attached({ pulseMs: 20 });
    expect((await session.notice("detached")).cause).toMatch(/silent/);
    expect((await session.stream()).attach.incarnation).toBe("i");
    expect(silent.pulseCount).toBeGreaterThanOrEqual(3);
  });

  test("on which the server pulses is kept", async () => {
    const session = openSession();
    const stream = await session.stream();
    stream.attached({ pulseMs: 40 });
    await stream.pulses(6);
    session.apply({ kind: "drain" });
    await stream.next("leave");
  });

  test("that fails is followed by another", async () => {
    const session = openSession();
    (await session.stream()).fail(new ConnectError("the store cannot be written to", Code.Unavailable));
    expect((await session.notice("detached")).cause).toMatch(/Unavailable: the store/);
    (await session.stream()).attached();
    await session.notice("attached");
  });

  test("whose server says Leave carries frames until its successor is attached", async () => {
    const { first, stream, apply, tickets } = await openBusySession("a");
    const ticket = tickets[0] ?? 0;
    first.send({ case: "leave", value: { cause: "the server stops", reconnectAfter: durationFromMs(1) } });
    const second = await stream();
    apply(heartbeat(ticket, 1));
    expect(await first.report()).toMatchObject({ sequence: 1n });
    second.attached();
    expect(await second.report()).toMatchObject({ sequence: 1n });
    apply(success(ticket, 2));
    expect(await second.report()).toMatchObject({ sequence: 2n });
    expect(first.count("report")).toBe(0);
  });

  test("that ends with SESSION_GONE once its successor is on its way does not stop the worker", async () => {
    const { first, stream, notice } = await openBusySession("a");
    await notice("attached");
    first.send({ case: "leave", value: { cause: "the server stops", reconnectAfter: durationFromMs(1) } });
    const second = await stream();
    first.fail(sessionGone());
    second.attached();
    await notice("attached");
  });

  test("that ends with SESSION_GONE because another process has the name ends the session", async () => {
    const { first, notice } = await openBusySession("a");
    first.fail(sessionGone());
    expect((await notice("ended")).failure).toMatchObject({ kind: "superseded" });
  });

  test.each([
    { cause: "superseded", outcome: "ends the session", ended: true },
    { cause: "lease expired", outcome: "is followed by another", ended: false },
  ])("that ends with SESSION_GONE after a Leave because of: $cause, $outcome", async ({ cause, ended }) => {
    const { first, stream, notice } = await openBusySession("a");
    first.send({ case: "leave", value: { cause } });
    first.fail(sessionGone());
    if (ended) expect((await notice("ended")).failure).toMatchObject({ kind: "superseded" });
    else expect((await stream()).attach.running.length).toBe(1);
  });

  test("that refuses Attach as invalid ends the session", async () => {
    const session = openSession();
    const info = { reason: "INVALID_REQUEST", domain: "signalbox", metadata: {} };
    const details = [{ desc: ErrorInfoSchema, value: info }];
    const stream = await session.stream();
    stream.fail(new ConnectError("attach.labels is too long", Code.InvalidArgument, undefined, details));
    const { failure } = await session.notice("ended");
    expect(failure).toMatchObject({ kind: "refused", message: expect.stringContaining("attach.labels") });
  });
});

describe("a session that drains", () => {
  test("takes nothing more, and leaves when all ends are recorded", async () => {
    const { first, apply, notice, tickets } = await openBusySession("a");
    const ticket = tickets[0] ?? 0;
    apply({ kind: "drain" });
    await first.next("drain");
    first.assign(assignment("b"));
    expect(await first.next("decline")).toMatchObject({
      attempt: { action: "b" },
      cause: "the worker is draining",
    });
    apply(success(ticket, 1), { kind: "settle", ticket });
    const report = await first.report();
    expect(first.count("leave")).toBe(0);
    first.record(report);
    expect(await first.next("leave")).toMatchObject({ cause: "drained" });
    await first.halfClosed;
    expect((await notice("ended")).failure).toBeUndefined();
    expect(first.count("credit")).toBe(0);
  });

  test("and loses its stream attaches again, says Drain again, and finishes", async () => {
    const { first, stream, apply, notice, tickets } = await openBusySession("a");
    const ticket = tickets[0] ?? 0;
    apply({ kind: "drain" });
    await first.next("drain");
    first.end();
    const second = await stream();
    second.attached();
    await second.next("drain");
    apply(success(ticket, 1), { kind: "settle", ticket });
    second.record(await second.report());
    await second.next("leave");
    await notice("ended");
  });

  test("because its server asks for it says so", async () => {
    const session = openSession();
    const stream = await session.stream();
    stream.attached();
    stream.send({ case: "drain", value: {} });
    await session.notice("draining");
    await stream.next("leave");
    await session.notice("ended");
  });

  test("without a stream and with nothing held ends at once", async () => {
    const session = openSession();
    await session.stream();
    session.apply({ kind: "drain" });
    await session.notice("ended");
  });
});

test("a session that leaves sends what waits before its goodbye", async () => {
  const { first, apply, notice, tickets } = await openBusySession("a", "b");
  apply(success(tickets[0] ?? 0, 1), { kind: "leave", cause: "the worker stops" });
  expect((await first.report()).attempt?.action).toBe("a");
  expect(await first.next("leave")).toMatchObject({ cause: "the worker stops" });
  await notice("ended");
});
