import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ConditionFilterSchema,
  WatchConditionsResponse,
} from "../../gen/signalbox/v1/condition_service_pb.ts";
import {
  type EventFilterSchema,
  WatchEventsRequest_Snapshot as Snapshot,
  type WatchEventsResponse,
} from "../../gen/signalbox/v1/event_service_pb.ts";
import type { WatchRunResponse } from "../../gen/signalbox/v1/run_service_pb.ts";
import { type Action, toAction } from "./views/action.ts";
import { type Condition, toCondition } from "./views/condition.ts";
import { type Event, toEvent } from "./views/event.ts";
import { type Run, toRun } from "./views/run.ts";
import { type Calls, toResumeOptions, type WatchOptions } from "./wire/calls.ts";
import { type Resumed, resume } from "./wire/watch.ts";
import { withoutUndefined } from "./without-undefined.ts";

/** What every frame of a watch has. */
interface Frame {
  /** Where to resume: behind this frame. Empty until a snapshot is complete. */
  readonly cursor: string;
  /** The events of one transaction that match; empty in a snapshot or a bookmark. */
  readonly events: readonly Event[];
}

/** What a watch that begins with a snapshot has beside that. */
interface SnapshotFrame extends Frame {
  /** True if the frame belongs to the snapshot with which the watch begins. */
  readonly snapshot: boolean;
  /** True if a snapshot that was cut begins again: forget what its earlier frames said. */
  readonly restarted: boolean;
}

/** One frame of a watched run. */
export interface RunFrame extends SnapshotFrame {
  /** The run as it stands; undefined in a bookmark. */
  readonly run: Run | undefined;
  /** In the snapshot a page of its actions, later those that changed, as they stand. */
  readonly actions: readonly Action[];
  /** True in the last frame: the run has ended and all its events were delivered. */
  readonly ended: boolean;
}

/** One frame of watched conditions. */
export interface ConditionFrame extends SnapshotFrame {
  /** In the snapshot a page of the open ones, later those that changed, as they stand. */
  readonly conditions: readonly Condition[];
  /**
   * Those that a change of assignee, deadline or who may answer took out of what was asked for, as they
   * stand. May name one that was never told of.
   */
  readonly gone: readonly Condition[];
  /** True if nothing committed lay behind the frame when it was made. */
  readonly atHead: boolean;
}

/** One frame of the feed. */
export interface EventFrame extends SnapshotFrame {
  /** In the snapshot the runs that match as they stand, the newest first. */
  readonly runs: readonly Run[];
  /** True if nothing committed lay behind the frame when it was made. */
  readonly atHead: boolean;
}

/** Where a watch of the feed begins. */
export type EventStart = "now" | "beginning";

/** Which runs come before the events, as they stand: those that have not ended, or all. */
export type EventSnapshot = "live-runs" | "all-runs";

/** What a watch of the feed is told beside its filter. */
export interface EventWatchOptions extends WatchOptions {
  readonly from?: EventStart | undefined;
  readonly snapshot?: EventSnapshot | undefined;
}

const snapshots = { "live-runs": Snapshot.LIVE_RUNS, "all-runs": Snapshot.ALL_RUNS } as const;

/** Follows a run over its messages, across cuts. */
export function followRun(
  calls: Calls,
  runId: string,
  options: WatchOptions,
): AsyncGenerator<Resumed<WatchRunResponse>, undefined> {
  const namespace = options.namespace ?? calls.namespace;
  return resume(
    {
      open: (cursor = "", signal) => calls.raw.runs.watchRun({ namespace, runId, cursor }, { signal }),
      cursorOf: ({ cursor }) => cursor,
      isBookmark: ({ run, actions, events, ended }) =>
        !ended && run === undefined && actions.length + events.length === 0,
      isLast: ({ ended }) => ended,
    },
    toResumeOptions(calls, options),
  );
}

/** Follows conditions over their messages, across cuts. */
export function followConditions(
  calls: Calls,
  filter: MessageInitShape<typeof ConditionFilterSchema>,
  options: WatchOptions,
): AsyncGenerator<Resumed<WatchConditionsResponse>, undefined> {
  return resume(
    {
      open: (cursor = "", signal) => calls.raw.conditions.watchConditions({ filter, cursor }, { signal }),
      cursorOf: ({ cursor }) => cursor,
      isBookmark: ({ snapshot, conditions, gone, events }) =>
        !snapshot && conditions.length + gone.length + events.length === 0,
    },
    toResumeOptions(calls, options),
  );
}

/** Follows the feed over its messages, across cuts. A cursor goes before `from` and `snapshot`. */
export function followEvents(
  calls: Calls,
  filter: MessageInitShape<typeof EventFilterSchema>,
  { from = "now", snapshot, ...options }: EventWatchOptions,
): AsyncGenerator<Resumed<WatchEventsResponse>, undefined> {
  return resume(
    {
      open: (cursor, signal) => {
        const request =
          cursor === undefined
            ? { start: { case: from, value: {} }, snapshot: snapshot && snapshots[snapshot] }
            : { start: { case: "cursor" as const, value: cursor } };
        return calls.raw.events.watchEvents(withoutUndefined({ filter, ...request }), { signal });
      },
      cursorOf: ({ cursor }) => cursor,
      isBookmark: ({ snapshot: isSnapshot, events }) => !isSnapshot && events.length === 0,
    },
    toResumeOptions(calls, options),
  );
}

/** A frame of a watched run as plain values. */
export function toRunFrame({ frame, restarted }: Resumed<WatchRunResponse>): RunFrame {
  const { run, actions, events, snapshot, cursor, ended } = frame;
  return {
    run: run === undefined ? undefined : toRun(run),
    actions: actions.map(toAction),
    events: events.map(toEvent),
    snapshot,
    restarted,
    cursor,
    ended,
  };
}

/** A frame of watched conditions as plain values. */
export function toConditionFrame({ frame, restarted }: Resumed<WatchConditionsResponse>): ConditionFrame {
  const { conditions, gone, events, snapshot, cursor, atHead } = frame;
  return {
    conditions: conditions.map(toCondition),
    gone: gone.map(toCondition),
    events: events.map(toEvent),
    snapshot,
    restarted,
    cursor,
    atHead,
  };
}

/** A frame of the feed as plain values. */
export function toEventFrame({ frame, restarted }: Resumed<WatchEventsResponse>): EventFrame {
  const { events, runs, snapshot, cursor, atHead } = frame;
  return { events: events.map(toEvent), runs: runs.map(toRun), snapshot, restarted, cursor, atHead };
}
