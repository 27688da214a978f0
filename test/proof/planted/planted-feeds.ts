import type { Position } from "../../../src/core/event.ts";
import { Feeds } from "../../../src/engine/feeds.ts";
import type { FeedFrame, FollowOptions } from "../../../src/engine/follower.ts";

/** What a bug makes of the frames of one follower. */
type Mangle = (frames: AsyncIterable<FeedFrame>, options: FollowOptions) => AsyncGenerator<FeedFrame>;

/** Bugs in the feeds of a process, by their names. */
export const feedBugs: Readonly<Record<string, Mangle>> = {
  /** Who goes on from a position misses the first event behind it. */
  async *"drop an event on resume"(frames, options) {
    let isToDrop = isResumed(options);
    for await (const frame of frames) {
      const isMeant = isToDrop && frame.events.length > 0;
      if (isMeant) isToDrop = false;
      yield isMeant ? { ...frame, events: frame.events.slice(1) } : frame;
    }
  },
  /** Who goes on from a position is given the first transaction behind it twice. */
  async *"send events twice on resume"(frames, options) {
    let isToDouble = isResumed(options);
    for await (const frame of frames) {
      yield frame;
      if (!isToDouble || frame.events.length === 0) continue;
      isToDouble = false;
      yield frame;
    }
  },
  /** The events of a transaction come in frames of their own. */
  async *"split transactions"(frames) {
    for await (const frame of frames) {
      if (frame.events.length < 2) yield frame;
      else for (const event of frame.events) yield { ...frame, events: [event] };
    }
  },
  /** A bookmark says that it stands behind events that were not looked at. */
  async *"move bookmarks too far"(frames) {
    for await (const frame of frames) {
      const isBookmark = frame.events.length === 0;
      yield isBookmark ? { ...frame, through: (frame.through + 3n) as Position } : frame;
    }
  },
  /** A stream says nothing before there is an event. */
  async *"leave the first bookmark out"(frames) {
    let isFirst = true;
    for await (const frame of frames) {
      if (!isFirst || frame.events.length > 0) yield frame;
      isFirst = false;
    }
  },
};

/** Plants a bug in the feeds of this process. */
export function plantInFeeds(mangle: Mangle): void {
  const rightly = Feeds.prototype.follow;
  Feeds.prototype.follow = function follow(this: Feeds, options: FollowOptions): AsyncGenerator<FeedFrame> {
    return mangle(rightly.call(this, options), options);
  };
}

function isResumed({ after }: FollowOptions): boolean {
  return typeof after === "bigint" && after > 0n;
}
