import type { EventFrame, SignalboxClient } from "../../src/client/client.ts";
import { durable, endsOnce, fenced, oneAnswer, type RecordedReport } from "../guarantees/actions.ts";
import { feedViolations } from "../guarantees/feed.ts";
import type { RecordedEvent, RecordedFrame, Violation } from "../guarantees/record.ts";
import type { Acknowledged } from "./load.ts";

/** 12 places of the record from which the feed is read again. */
const resumptions = 12;

/** Everything that is held against the promises after a load. */
export interface History {
  readonly frames: readonly EventFrame[];
  readonly acknowledged: Acknowledged;
  readonly reports: readonly RecordedReport[];
}

/** Reads the feed afresh from a server that is still there, and names every promise that the history broke. */
export async function violationsOf(client: SignalboxClient, history: History): Promise<readonly Violation[]> {
  const reference = await readToHead(client, {});
  const record = history.frames.map(asRecorded);
  const bookmarks = record.filter(({ events }) => events.length === 0);
  const places = [...spread(record, resumptions), ...spread(bookmarks, resumptions)];
  const resumed = [];
  for (const from of places) {
    const frames = await readToHead(client, { cursor: from.cursor });
    resumed.push({ from, events: frames.flatMap(({ events }) => events) });
  }
  const events = reference.flatMap((frame) => frame.events);
  return [
    ...feedViolations({ reference, record, resumed }),
    ...endsOnce(events, { isComplete: true }),
    ...oneAnswer(events),
    ...fenced(events, history.reports),
    ...durable(events, history.acknowledged),
  ];
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
  const { eventId, namespace, runId, action, attempt, kind } = event;
  const detail = event.detail as { epoch?: bigint; state?: string; value?: unknown };
  const epoch = detail.epoch === undefined ? undefined : Number(detail.epoch);
  return {
    eventId,
    namespace,
    runId,
    action,
    attempt,
    kind,
    epoch,
    state: detail.state,
    value: detail.value,
  };
}

function spread<T>(items: readonly T[], count: number): readonly T[] {
  const step = Math.max(1, Math.floor(items.length / count));
  return items.filter((_, index) => index % step === 0).slice(0, count);
}
