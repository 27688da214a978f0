import type { Position } from "../../../src/core/event.ts";
import type { FeedPage, FeedQuery, Store } from "../../../src/store/store.ts";

/**
 * A store with a planted bug: the first event behind a place that a reader resumes from is left out. A reader that
 * began at the beginning, or reads on page by page, notices nothing.
 */
export function droppingStore(store: Store): Store {
  const places = new Set<bigint>();
  const readFeed = async (query: FeedQuery): Promise<FeedPage> => {
    const page = await store.readFeed(query);
    const isResumed = query.after > 0n && !places.has(query.after);
    places.add(page.through);
    const [first, ...others] = page.transactions;
    if (!isResumed || first === undefined) return page;
    const rest = first.events.slice(1);
    if (rest.length === 0) return { ...page, transactions: others };
    return { ...page, transactions: [{ first: (first.first + 1n) as Position, events: rest }, ...others] };
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === "readFeed") return readFeed;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
