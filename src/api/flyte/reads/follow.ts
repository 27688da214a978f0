import type { Event, Position } from "../../../core/event.ts";
import type { RunKey } from "../../../core/name.ts";
import type { Engine } from "../../../engine/engine.ts";
import { Stopping } from "../../../engine/execute.ts";
import { CursorExpired } from "../../../engine/feed-pages.ts";
import type { FeedFrame } from "../../../engine/follower.ts";
import { eitherSignal } from "../../carrier/either-signal.ts";

/** What a watch follows, and what ends it. */
export interface Following {
  readonly run?: RunKey | undefined;
  readonly matches: (event: Event) => boolean;
  /** The call's own: its client is gone. */
  readonly signal: AbortSignal;
  /** The server's: it is stopping. */
  readonly stopping: AbortSignal;
}

/**
 * Follows what happens behind a position, until the client is gone, which ends it quietly. A server that
 * stops ends it with Stopping, never quietly: older clients take the end of a stream for the end of a run.
 */
async function* follow(engine: Engine, after: Position, following: Following): AsyncGenerator<FeedFrame> {
  const { run, matches, signal, stopping } = following;
  using ending = eitherSignal(signal, stopping);
  yield* engine.feeds.follow({ after, run, matches, signal: ending.signal });
  if (stopping.aborted && !signal.aborted) throw new Stopping();
}

/**
 * Says when to look again, the first time at once: `undefined` for a look at everything, else a frame of the
 * feed, which has no events if nothing has happened for a while. What is read after a look is at least as new
 * as what it says. If the feed was trimmed where it stands, everything is to be looked at again.
 */
export async function* looks(
  engine: Engine,
  following: Following,
): AsyncGenerator<FeedFrame | undefined, void, undefined> {
  while (!following.signal.aborted) {
    const head = await engine.store.head();
    yield undefined;
    try {
      yield* follow(engine, head, following);
      return;
    } catch (error) {
      if (!(error instanceof CursorExpired)) throw error;
    }
  }
}

/** Whether an event says that something changed that details show. */
export function isChange({ detail }: Event): boolean {
  switch (detail.kind) {
    case "action_progressed":
    case "action_logged":
    case "published":
    case "webhook_posted":
    case "link_refused":
      return false;
    default:
      return true;
  }
}
