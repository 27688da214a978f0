import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  TailLogsRequest,
  TailLogsResponseSchema,
} from "../../../../gen/flyteidl2/dataproxy/dataproxy_service_pb.ts";
import { LogLineOriginator } from "../../../../gen/flyteidl2/logs/dataplane/payload_pb.ts";
import { type Action, hasEnded } from "../../../core/action.ts";
import type { Event, Position } from "../../../core/event.ts";
import { namespaceOf } from "../../../core/name.ts";
import { Stopping } from "../../../engine/execute.ts";
import { CursorExpired } from "../../../engine/feed-pages.ts";
import { eitherSignal } from "../../carrier/either-signal.ts";
import { toTimestamp } from "../../mapping/time.ts";
import { findAction } from "../find-action.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { fromActionId } from "../mapping/identifiers.ts";
import { logLinesMax } from "./data-limits.ts";

type Lines = MessageInitShape<typeof TailLogsResponseSchema>;

/**
 * The log of an attempt, or of all of them: what its worker has said, then what it says, until the attempt
 * has ended. What was removed from the feed is not in it any more.
 */
export async function* tailLogs(
  parts: FlyteParts,
  { actionId, attempt }: TailLogsRequest,
  signal: AbortSignal,
): AsyncGenerator<Lines> {
  const { engine, stopping } = parts;
  const named = fromActionId(actionId);
  const action = await findAction(parts, named);
  using either = eitherSignal(signal, stopping);
  const live = either.signal;
  const matches = (event: Event) => isOf(event, action.name, attempt) && tells(event);
  for (let after: "beginning" | Position = "beginning"; ; ) {
    try {
      for await (const frame of engine.feeds.follow({ after, run: named.key, matches, signal: live })) {
        yield* toLines(
          action,
          frame.events.map(({ event }) => event),
        );
        const isOver = frame.events.some(({ event }) => event.detail.kind === "action_ended");
        if (isOver || (frame.atHead && (await hasAttemptEnded(parts, action, attempt)))) return;
      }
      return;
    } catch (error) {
      if (error instanceof Stopping || live.aborted) return;
      if (!(error instanceof CursorExpired)) throw error;
      after = error.oldest;
    }
  }
}

function isOf(event: Event, action: string, attempt: number): boolean {
  return event.action === action && (attempt === 0 || event.attempt === attempt || event.attempt === 0);
}

function tells({ detail: { kind } }: Event): boolean {
  return kind === "action_logged" || kind === "action_ended" || kind === "attempt_failed";
}

async function hasAttemptEnded(
  { engine }: FlyteParts,
  { run, name }: Action,
  attempt: number,
): Promise<boolean> {
  const action = await engine.store.action(run, name);
  return action === undefined || hasEnded(action) || (attempt !== 0 && action.attempt > attempt);
}

function* toLines(action: Action, events: readonly Event[]): Generator<Lines> {
  const lines = events.flatMap(({ detail, timeMs }) => {
    if (detail.kind !== "action_logged") return [];
    return detail.message.split("\n").map((message) => ({
      timestamp: toTimestamp(timeMs),
      message,
      originator: LogLineOriginator.USER,
      shortPodName: "",
    }));
  });
  const container = {
    clusterName: "",
    kubernetesNamespace: namespaceOf(action.run),
    kubernetesPodName: action.workerId ?? "",
    kubernetesContainerName: "main",
  };
  for (let index = 0; index < lines.length; index += logLinesMax) {
    const part = lines.slice(index, index + logLinesMax);
    yield { logs: [{ lines: part, container }] };
  }
}
