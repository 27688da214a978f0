import type { EventFrame, SignalboxClient } from "../../src/client/client.ts";
import { durable, fencedReports, type RecordedReport } from "../guarantees/acknowledged.ts";
import { endsOnce, fenced, oneAnswer } from "../guarantees/actions.ts";
import { feedViolations } from "../guarantees/feed.ts";
import type { RecordedEvent, RecordedFrame, RecordedStream } from "../guarantees/record.ts";
import type { Acknowledged } from "./load.ts";

/** 12 places of the record, and 12 of its bookmarks, from which the feed is read again. */
const resumptions = 12;

/** Everything that is held against the promises after a load. */
export interface History {
  /** What the subscriber was given from the beginning, over all its resumptions. */
  readonly frames: readonly EventFrame[];
  readonly acknowledged: Acknowledged;
  readonly reports: readonly RecordedReport[];
  /** True if every run that was acknowledged must have ended. */
  readonly isOver: boolean;
}

/**
 * Reads the feed afresh from a server that is still there, and names every promise that the history broke,
 * with how: `Promise: what broke it`.
 */
export async function violationsOf(client: SignalboxClient, history: History): Promise<readonly string[]> {
  const { frames, acknowledged, reports, isOver } = history;
  const fresh = await readToHead(client, {});
  const record = frames.map(asRecorded);
  const bookmarks = record.filter(({ events }) => events.length === 0);
  const streams: RecordedStream[] = [{ start: "beginning", frames: record }];
  for (const { cursor } of [...spread(record, resumptions), ...spread(bookmarks, resumptions)]) {
    streams.push({ start: { cursor }, frames: await readToHead(client, { cursor }), isQuiet: true });
  }
  const reference = fresh.map(({ events }) => events).filter((events) => events.length > 0);
  const events = reference.flat();
  const runs = acknowledged.runIds.map((runId) => `default/${runId}`);
  const accepted = [...acknowledged.answerByRun].map(([runId, answer]) => ({
    namespace: "default",
    runId,
    action: "approve",
    value: String(answer),
  }));
  return [
    ...(record.length === 0 ? [] : feedViolations({ streams, reference })),
    ...named("EndsOnce", endsOnce(events, isOver ? runs : [])),
    ...named("OneAnswer", oneAnswer(events, accepted)),
    ...named("Fenced", fenced(events)),
    ...named("Fenced", fencedReports(reports)),
    ...named("Durable", durable(events, runs)),
  ];
}

function named(promise: string, violations: readonly string[]): readonly string[] {
  return violations.map((violation) => `${promise}: ${violation}`);
}

/** The feed from its beginning, or from a cursor, until a frame says that nothing lies behind it. */
async function readToHead(
  client: SignalboxClient,
  { cursor }: { readonly cursor?: string },
): Promise<readonly RecordedFrame[]> {
  const start = cursor === undefined ? { from: "beginning" as const } : { cursor };
  const frames: RecordedFrame[] = [];
  for await (const frame of client.events.watch(start)) {
    frames.push(asRecorded(frame));
    if (frame.atHead) break;
  }
  return frames;
}

function asRecorded({ events, cursor, atHead }: EventFrame): RecordedFrame {
  return { cursor, atHead, events: events.map(asRecordedEvent) };
}

function asRecordedEvent(event: EventFrame["events"][number]): RecordedEvent {
  const { eventId, namespace, runId, action, attempt } = event;
  const kind = event.kind.toLowerCase();
  const { epoch, state, value, outputs } = event.detail as Readonly<{
    epoch?: bigint;
    state?: string;
    value?: unknown;
    outputs?: Readonly<Record<string, unknown>>;
  }>;
  const given = kind === "action_ended" ? outputs?.["value"] : value;
  return {
    eventId,
    namespace,
    runId,
    action,
    attempt,
    kind,
    ...(epoch === undefined ? {} : { epoch: Number(epoch) }),
    ...(state === undefined ? {} : { state }),
    ...(given === undefined ? {} : { value: typeof given === "string" ? given : JSON.stringify(given) }),
  };
}

function spread<T>(items: readonly T[], count: number): readonly T[] {
  const step = Math.max(1, Math.floor(items.length / count));
  return items.filter((_, index) => index % step === 0).slice(0, count);
}
