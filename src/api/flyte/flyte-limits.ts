/** Bounds of the Flyte facade, named, with the reason for their values. */

/** 63 characters of a namespace, which project and domain share with the two hyphens between them. */
export const namespaceLengthMax = 63;
/** 50 items in a page of a list that does not say: what Flyte's own server gives. */
export const listLimitDefault = 50;
/** 200 items in a page of a list: what Flyte's own server allows. */
export const listLimitMax = 200;
/** 50 filters in one list: each item is held against all of them. */
export const filtersMax = 50;
/** 1,000 values of one filter: more than a command line can say. */
export const filterValuesMax = 1_000;
/** 10 keys to sort by: each of them may be looked at for each comparison. */
export const sortKeysMax = 10;
/** 4,096 characters of a page token: those that are given have far fewer. */
export const tokenLengthMax = 4_096;
/**
 * 8 orders of a run's actions kept for those who go from page to page: for 50,000 actions each costs 400 KB.
 * A list whose order was given up goes on from its last item, under the order as it is then.
 */
export const ordersPerViewMax = 8;
/** 1,000 actions read from the store at once to build a view. */
export const viewPageRows = 1_000;
/** 200 changed actions read at once to keep a view: enough to hide the way to the store. */
export const viewReadsMax = 200;
/** 5,000 changed actions that a view has not read yet: the feed is read on when they are fewer. */
export const viewBehindMax = 5_000;
/** 1,000 views at once that somebody looks at: each follows the feed. More callers are told to come back. */
export const viewsMax = 1_000;
/** 400,000 actions in all views that nobody looks at, some 200 MB; the longest unused goes first. */
export const idleViewRowsMax = 400_000;
/** 60 s that a view is kept up with its run when nobody looks at it: pages and polls come quicker. */
export const viewIdleMs = 60_000;
/** 10 s for a view to come to what was committed before a list was asked for. */
export const viewWaitMs = 10_000;
/** 500 characters of an error in the row of an action; details have all of it. */
export const errorSummaryLengthMax = 500;
/** 1,000 changed actions in one message of a watch. */
export const watchedActionsMax = 1_000;
/** 5,000 runs looked at for one page of a filtered list; the page is short then, with a token to go on. */
export const runsScannedMax = 5_000;
/** 5,000 runs that are sorted by anything but their creation: all that meet the filters must be known. */
export const runsSortedMax = 5_000;
/** 20,000 runs looked at to find those that are sorted, for the same reason. */
export const runsSortScanMax = 20_000;
/** 100 runs in the first message of a watch of runs. */
export const watchedRunsMax = 100;
/** 1,000 runs whose last state a watch remembers, some KB each, so that it is not sent twice. */
export const runsRememberedMax = 1_000;
/** 100 runs, or attempts of runs, read from the store at once. */
export const runReadsMax = 100;
/** 15 s without a change until a stream repeats itself: proxies and clients give up silent streams later. */
export const heartbeatMs = 15_000;
/** 16 MiB of one task's spec or of a run's: what is larger was not written by the facade. */
export const specBytesMax = 16 * 1024 * 1024;
/** 64 task specs kept in memory: the runs that people look at share few. */
export const specsKeptMax = 64;
