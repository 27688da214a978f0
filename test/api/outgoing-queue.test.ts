import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  AssignmentSchema,
  type AttachResponse,
  type RecordedReport,
  RecordedReportSchema,
} from "../../gen/signalbox/v1/worker_service_pb.ts";
import { OutgoingQueue } from "../../src/api/worker/outgoing-queue.ts";
import { frameBytesMax, frameItemsMax } from "../../src/limits.ts";

const pulse = { case: "pulse", value: { $typeName: "signalbox.v1.Pulse" } } as const;

function recorded(sequence: number): { readonly case: "recorded"; readonly item: RecordedReport } {
  return {
    case: "recorded",
    item: create(RecordedReportSchema, { sequence: BigInt(sequence) }),
  };
}

function assigned(op: string) {
  return { case: "assign", item: create(AssignmentSchema, { op }) } as const;
}

/** What is said of frames: their case and how many things are in them. */
function describeFrames(frames: readonly AttachResponse[]): string[] {
  return frames.map(({ frame }) => {
    if (frame.case === "recorded")
      return `recorded ${frame.value.reports.map(({ sequence }) => sequence).join(",")}`;
    if (frame.case === "assign") return `assign ${frame.value.assignments.map(({ op }) => op).join(",")}`;
    return String(frame.case);
  });
}

async function drain(queue: OutgoingQueue): Promise<AttachResponse[]> {
  return Array.fromAsync(queue.frames());
}

describe("what waits for a worker", () => {
  test("is sent in its order, and things of one kind that follow each other share a frame", async () => {
    const queue = new OutgoingQueue();
    queue.pushItem(recorded(1), 10);
    queue.pushItem(recorded(2), 10);
    queue.push(pulse, 10);
    queue.pushItem(recorded(3), 10);
    queue.pushItem(assigned("a"), 10);
    queue.pushItem(assigned("b"), 10);
    queue.pushItem(recorded(4), 10);
    queue.end();
    expect(describeFrames(await drain(queue))).toEqual([
      "recorded 1,2",
      "pulse",
      "recorded 3",
      "assign a,b",
      "recorded 4",
    ]);
  });

  test(`shares a frame of at most ${frameItemsMax} things`, async () => {
    const queue = new OutgoingQueue();
    for (let sequence = 1; sequence <= frameItemsMax + 1; sequence += 1)
      queue.pushItem(recorded(sequence), 1);
    queue.end();
    const frames = await drain(queue);
    expect(frames.map(({ frame }) => (frame.case === "recorded" ? frame.value.reports.length : 0))).toEqual([
      frameItemsMax,
      1,
    ]);
  });

  test(`shares a frame of at most ${frameBytesMax} bytes, unless one thing alone is larger`, async () => {
    const queue = new OutgoingQueue();
    queue.pushItem(assigned("half"), frameBytesMax / 2);
    queue.pushItem(assigned("other half"), frameBytesMax / 2);
    queue.pushItem(assigned("small"), 1);
    queue.pushItem(assigned("large"), frameBytesMax * 2);
    queue.pushItem(assigned("last"), 1);
    queue.end();
    expect(describeFrames(await drain(queue))).toEqual([
      "assign half,other half",
      "assign small",
      "assign large",
      "assign last",
    ]);
  });

  test.each([
    { bound: "frames", limits: { framesMax: 2, bytesMax: 1_000 }, fits: 2, limit: "outgoingFramesMax" },
    { bound: "bytes", limits: { framesMax: 100, bytesMax: 30 }, fits: 3, limit: "outgoingBytesMax" },
  ])("is bounded in $bound: what goes over is not taken", ({ limits, fits, limit }) => {
    const queue = new OutgoingQueue(limits);
    const taken = Array.from({ length: 5 }, () => queue.push(pulse, 10));
    expect(taken).toEqual(Array.from({ length: 5 }, (_, index) => index < fits));
    expect(queue.reached.limit).toBe(limit);
  });

  test("is bounded in bytes also where it shares a frame", () => {
    const queue = new OutgoingQueue({ framesMax: 1, bytesMax: 25 });
    expect([1, 2, 3].map((sequence) => queue.pushItem(recorded(sequence), 10))).toEqual([true, true, false]);
  });

  test("makes room when it is sent", async () => {
    const queue = new OutgoingQueue({ framesMax: 1, bytesMax: 10 });
    const frames = queue.frames();
    for (let count = 0; count < 5; count += 1) {
      expect(queue.push(pulse, 10)).toBe(true);
      expect((await frames.next()).done).toBe(false);
    }
  });

  test("is sent before the stream ends, with the first end that was asked for", async () => {
    const queue = new OutgoingQueue();
    queue.push(pulse, 1);
    queue.end(new Error("first"));
    queue.end(new Error("second"));
    const frames = queue.frames();
    expect((await frames.next()).value?.frame.case).toBe("pulse");
    await expect(frames.next()).rejects.toThrow("first");
  });

  test("is dropped when the stream is cut, also after an end was asked for", async () => {
    const queue = new OutgoingQueue();
    queue.push(pulse, 1);
    queue.end();
    queue.abort(new Error("cut"));
    await expect(queue.frames().next()).rejects.toThrow("cut");
  });

  test("is nothing after the end: more is taken and forgotten", async () => {
    const queue = new OutgoingQueue({ framesMax: 1, bytesMax: 10 });
    queue.end();
    expect([queue.push(pulse, 10), queue.push(pulse, 10), queue.pushItem(recorded(1), 10)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(await drain(queue)).toEqual([]);
  });

  test("is waited for", async () => {
    const queue = new OutgoingQueue();
    const first = queue.frames().next();
    queue.push(pulse, 1);
    expect((await first).value?.frame.case).toBe("pulse");
  });
});
