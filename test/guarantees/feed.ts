export {
  atomic,
  bookmarkable,
  type CursorReader,
  type FeedRecord,
  feedPromises,
  feedViolations,
  ordered,
  reliable,
  resumable,
  unique,
} from "../../src/verify/feed.ts";
