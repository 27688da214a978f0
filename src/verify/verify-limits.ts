/** 1,000 events that are held at once while a feed is verified: what the verdict costs in memory. */
export const windowEventsMax = 1_000;
/** 2,000 frames of one window: bookmarks among them. */
export const windowFramesMax = 2_000;
/** 3 places of each window from which it is read again. */
export const resumptionsPerWindow = 3;
/** 2 transactions of each window that are asked for by themselves. */
export const lonePagesPerWindow = 2;
/** 10,000 runs that a snapshot is held against, the last ones that the feed created. */
export const snapshotRunsMax = 10_000;
/** 20 violations of one promise that are told; all of them are counted. */
export const violationsToldMax = 20;
/** 1,000 events that one digest of a filtered feed covers. */
export const digestedEventsMax = 1_000;
