/**
 * Every bound of the rules and the engine, named, with the reason for its value. Bounds on the shape of a
 * message stand in the proto files, bounds of the carrier in `api/carrier-limits.ts`, those of decisions in
 * `core/conditions/condition-limits.ts`.
 */

/**
 * 1 MiB: outputs of one action in all. They are copied into inputs, events and pages; larger things are
 * referred to.
 */
export const outputSizeBytesMax = 1024 * 1024;
/**
 * 3 MiB: resolved inputs of one assignment: with labels and names it fits the 4 MiB that gRPC clients take.
 */
export const inputSizeBytesMax = 3 * 1024 * 1024;
/** 8 levels of actions: what deeper trees want is a run of its own. It also bounds the length of a name. */
export const depthMax = 8;
/** 10,000 actions of a run that have not ended: cancelling it ends them all in a single transaction. */
export const liveActionsPerRunMax = 10_000;
/** 100,000 actions in one run, with those that have ended: what running tasks add over time. */
export const actionsPerRunMax = 100_000;
/** 20 cycles of a plan named in a refusal: who wrote the plan finds the pattern by then. */
export const cyclesNamedMax = 20;
/** 20 names of a cycle in a refusal, for the same reason. */
export const cycleLengthNamedMax = 20;
/** 100 kept signals in a run: an answer that comes early is an exception, a thousand are a mistake. */
export const keptSignalsPerRunMax = 100;
/**
 * 1 MiB: the labels of a run and the attributes of its delivery times its actions. Each event repeats them,
 * and one transaction may have an event for each action; it must fit the 4 MiB that gRPC clients take.
 */
export const labelBytesOverActionsMax = 1024 * 1024;
/** 1 MiB: the prompts of all conditions that one command creates, for the same reason. */
export const promptBytesMax = 1024 * 1024;
/** 1 MiB: the outputs that one command of reports carries; more of them become further commands. */
export const reportedBytesMax = 1024 * 1024;
/** 2 MiB: what the events of one PublishEvents say in all; they are one transaction, and so one frame. */
export const publishedBytesMax = 2 * 1024 * 1024;
/**
 * 100 characters of the cause of a run's cancel are repeated for each of its actions; the run has all of it.
 */
export const repeatedCauseLengthMax = 100;
/** 64 labels on a run, the same as the contract allows when it is created. */
export const labelsMax = 64;
/** 24 hours: how long a request id protects a repeat; longer than any client should retry. */
export const requestKeptMs = 24 * 60 * 60 * 1000;
/** 500 request ids forgotten in one transaction, so that sweeping never holds up others. */
export const sweptRequestsMax = 500;
/** 500 transactions of the feed removed in one transaction, so that trimming never holds up others. */
export const trimmedTransactionsMax = 500;
/** 60 s that an event is kept, however many there are: who reads a snapshot goes on from before it. */
export const feedKeptMsMin = 60_000;
/**
 * 4 times as long as others are events kept that a subscription has not dealt with, unless it is said how
 * long: a consumer that is down for longer than the retention finds everything when it comes back.
 */
export const subscribedRetentionFactor = 4;
/** 100 earlier epochs of a feed are known by name; cursors from before are those of an unknown feed. */
export const feedAncestorsMax = 100;
/**
 * 1,048,576 epochs of each action are passed over at least when a store is put back to an earlier state: no
 * action had so many leases since, so that none is given twice.
 */
export const epochsPerRestore = 2 ** 20;
/** 256 assignments in one transaction: a few milliseconds of the store's time. */
export const assignmentsPerCommandMax = 256;
/** 64 sessions served by one assigning transaction; the rest come with the next one. */
export const sessionsPerAssignMax = 64;
/** 1 ms: the least wait before blocked work is asked for again at a time, which may be past by then. */
export const blockedDelayMsMin = 1;
/**
 * 5,000 queues that a session takes from, its ops times its namespaces: each is looked at for every credit.
 */
export const queuesPerSessionMax = 5_000;
/** 100 deadlines fired before the engine looks again, so that other commands come in between. */
export const deadlinesPerRoundMax = 100;
/** 1 s: the wait before an action that a worker gave back is queued again, so that it does not spin. */
export const returnedDelayMs = 1_000;
/** 10 s: how long a running attempt has after a cancel, if its task does not say. */
export const cancelGraceMs = 10_000;
/** 1 s: the first wait between attempts, if the policy does not say. */
export const initialBackoffMs = 1_000;
/** 5 minutes: the longest wait between attempts, if the policy does not say. */
export const backoffMsMax = 300_000;
/**
 * 10,000 open credits of a session: what a worker with very small tasks may want; each costs memory there.
 */
export const creditMax = 10_000;
/** 1,000 frames waiting for a worker: past that it has stopped reading and the stream ends with TOO_SLOW. */
export const outgoingFramesMax = 1_000;
/** 64 MiB in all frames waiting for a worker, for the same reason. */
export const outgoingBytesMax = 64 * 1024 * 1024;
/** 256 frames of one worker in work at once: the reader waits then, and with it the worker. */
export const incomingFramesMax = 256;
/** 5 s: how long a worker stream may stay without its first frame. */
export const attachTimeoutMs = 5_000;
/** 500 events or 1 MiB read from the store for a feed at once: what a subscriber costs in memory. */
export const feedBatchEventsMax = 500;
/** See `feedBatchEventsMax`. */
export const feedBatchBytesMax = 1024 * 1024;
/** 2,000 rows looked at for one page of a filtered list; the page is short then, with a token to go on. */
export const rowsPerPageScanMax = 2_000;
/** 10,000 commands waiting for the store: beyond it callers are told to come back (STORE_UNAVAILABLE). */
export const waitingCommandsMax = 10_000;
/**
 * 1,000 commands or 4 MiB in one group commit: long enough to pay for the fsync, short enough to stay quick.
 */
export const commandsPerCommitMax = 1_000;
/** See `commandsPerCommitMax`. A larger command is committed by itself. */
export const bytesPerCommitMax = 4 * 1024 * 1024;
/** 100 commands are worth a batch that goes ahead of the answer to the one before; fewer wait for it. */
export const commandsAheadMin = 100;
/** 256 MiB of commands waiting for the store, for the same reason as `waitingCommandsMax`. */
export const waitingBytesMax = 256 * 1024 * 1024;
/** 10,000 rows of a kind, twice: what the embedded store keeps in memory of what it wrote or read last. */
export const cachedRowsMax = 10_000;
/** 16 KiB: a row with more text than this is read again when it is needed, so that the cache stays small. */
export const cachedRowBytesMax = 16 * 1024;
/**
 * 1,000 actions of a run whose names and dependencies are kept in memory; larger runs are asked for by SQL.
 */
export const cachedShapeActionsMax = 1_000;
/** 4 KiB of an action's spec are written with its state; more has a row of its own that is written once. */
export const inlineSpecBytesMax = 4 * 1024;
/** 1,000 attempts kept in the list of one action; a policy allows 100, RetryRun adds more. */
export const attemptsListedMax = 1_000;
/** 1 MiB: one value on the wire, as the contract says; what is larger is referred to. */
export const valueSizeBytesMax = 1024 * 1024;
/**
 * 30 levels of JSON: each costs up to 3 nested messages, and most protobuf runtimes read no more than 100.
 */
export const jsonDepthMax = 30;
/**
 * 2 MiB in one page or snapshot frame: with one item of 1 MiB more it stays under the 4 MiB that clients
 * accept.
 */
export const pageBytesMax = 2 * 1024 * 1024;
/** 100 rows read from the store at a time for a page, so that large rows cost the memory of few of them. */
export const pageStepRows = 100;
/** 1,000 items in one frame to a worker, which is what the contract allows. */
export const frameItemsMax = 1_000;
/**
 * 2 MiB, estimated, in one frame of several items to a worker: well under the 4 MiB that gRPC clients accept.
 */
export const frameBytesMax = 2 * 1024 * 1024;
/**
 * 3 MiB, estimated, in the answer to a call for several children: as many new ones as a call of 2 MiB brings,
 * and under the 4 MiB that gRPC clients accept. Those that have ended with large outputs are asked for alone.
 */
export const childrenBytesMax = 3 * 1024 * 1024;
/** 100 attempts that GetWorker names of those that a worker holds, as the contract allows. */
export const heldListedMax = 100;
/** 100 values of a limit's label that GetLimit shows the use of, as the contract allows. */
export const limitUsesMax = 100;
/** 10 actions that ExplainAction names of those that take up a limit, as the contract allows. */
export const holdersListedMax = 10;
/** 100 demands that ExplainAction names which no worker meets, as the contract allows. */
export const unmetListedMax = 100;
/** 1,000 workers of an op that ExplainAction looks at; what holds for so many tells enough of the others. */
export const workersExplainedMax = 1_000;
/** 1 s: when a worker is to attach again after a server that stops has sent it away. */
export const reconnectAfterMs = 1_000;
/** 1 s: when to try again what was refused because the server stops or its store cannot be used. */
export const retryAfterMs = 1_000;
/** 100 actions named as what another one waits for, as the contract allows. */
export const waitsForMax = 100;
/** 1,000 queued actions counted before one; past that the exact place tells nobody anything. */
export const queuePlaceMax = 1_000;
/**
 * 200 shapes of demand of one op in which what comes before an action is counted, for the same reason; a look
 * into each costs as much as reading a few rows.
 */
export const queueShapesCountedMax = 200;
/** 10,000 held actions looked at for those that hold a place in one counter: some milliseconds of reading. */
export const holdersScanMax = 10_000;
/** 64 KiB of frames written to a subscriber in one piece, or one frame: what a slow one holds back. */
export const feedChunkBytes = 64 * 1024;
/** 4 encoded frames kept of a transaction, one for each filter: whoever comes with another pays for it. */
export const sharedFrameScopesMax = 4;
/** 1,000 runs in one frame of a snapshot before the feed, and no more than a page has bytes. */
export const runsPerFrameMax = 1_000;
/** 500 parts in the expression of a filter: about 100 tests, and every event pays for them. */
export const expressionNodesMax = 500;
/** 2 loops in each other in an expression: with three, a few hundred items are millions of turns. */
export const expressionLoopDepthMax = 2;
/** 32 brackets open at once in an expression; the parser takes longer than it should for many. */
export const expressionBracketDepthMax = 32;
/** 50,000 steps to see whether an expression wants an event: a few milliseconds; then it does not. */
export const expressionStepsMax = 50_000;
/** 16 pages of the feed kept for readers who come to the same place a little later: 16 MiB, whoever reads. */
export const sharedFeedPagesMax = 16;
/** 60 s: the longest the engine goes without a look at what is due, whatever it was told. */
export const deadlineLookMsMax = 60_000;
/**
 * 60 s between two looks for request ids that have served their time, which are kept for a day, and for
 * events that need not be kept.
 */
export const requestSweepIntervalMs = 60_000;
/** 1 s: the wait before the engine tries again by itself what the store could not do. */
export const storeRetryDelayMs = 1_000;
/**
 * 5 s for a session that was opened in the store to get its stream here; what came for it is forgotten then.
 */
export const sessionOpenTimeoutMs = 5_000;
/** 200 subscriptions in all: each of them looks at every event. */
export const subscriptionsMax = 200;
/**
 * 10,000 events that one subscription sets aside. Past it nothing more is: what cannot be delivered is tried
 * on, and holds up what comes behind it.
 */
export const deadLettersMax = 10_000;
/** 1,000 dead letters released at once, as the contract allows. */
export const deadLettersPerReleaseMax = 1_000;
/** 1,000 characters of why an event could not be delivered are kept with it. */
export const deadLetterCauseLengthMax = 1_000;
/** 1,000 events read ahead for a subscription beyond those in flight, so that one slow run stops no other. */
export const subscriptionLookAheadMax = 1_000;
/** 16 MiB of events held for a subscription, in flight or read ahead; one transaction more at the most. */
export const subscriptionBytesMax = 16 * 1024 * 1024;
/** 5 s: how long the place of a subscription may lag behind events that it does not want. */
export const subscriptionPlaceIntervalMs = 5_000;
/** 2 s for posts and publications on their way when the server stops; what is cut off then comes again. */
export const deliveryStopGraceMs = 2_000;
/** 16 posts of one webhook at once: enough to hide its latency, few enough not to be an attack. */
export const webhookPostsMax = 16;
/** 100 limits in a namespace: each assignment looks at all of them. */
export const limitsPerNamespaceMax = 100;
/** 1,000 lines (tasks of one op that ask for the same) looked at by one assigning transaction, in turn. */
export const linesPerAssignMax = 1_000;
/**
 * 256 tasks that one assigning transaction takes out of the queue for nobody: parked on full limits, or not
 * able to start; the rest are met by the next one.
 */
export const asidePerAssignMax = 256;
/** 100 tasks let out of a limit in one transaction; the counter is due again at once for the rest. */
export const unparkedPerCommandMax = 100;
/** 1 s until a limit with free places is asked again by what is parked on it: who it let out may not run. */
export const parkedLookMs = 1_000;
/** 2 tasks of a line are read at first, and four times as many each time: most lines give one or none. */
export const lineReadFirst = 2;
/**
 * 30 s: how long later and smaller tasks may take what a waiting one misses. After it one worker is kept free
 * for that one, after twice that time another one, and so on.
 */
export const passedOverMsMax = 30_000;
/** 4 tasks that workers are kept free for in one assigning transaction: each is a look at all workers. */
export const keptFreeTasksMax = 4;
/** 1 s until work is asked for again that is held back by workers which are kept free. */
export const heldBackLookMs = 1_000;
/** 50,000 events of a run looked at for one page of a timeline; the page is short then, with a token. */
export const timelineEventsScanMax = 50_000;
/** 100 consumers of one subscription at once: what more of them would share is not worth their streams. */
export const consumersPerSubscriptionMax = 100;
/**
 * 64 KiB of JSON Schema for one input or output: it describes a value of at most 1 MiB, and is read again
 * with its op.
 */
export const schemaBytesMax = 64 * 1024;
/**
 * 24 levels of a JSON Schema: each costs up to 3 nested messages beside those around it, and most protobuf
 * runtimes read no more than 100.
 */
export const schemaDepthMax = 24;
/**
 * 500,000 steps that one command may spend on checking values by JSON Schema: at the worst some tenths of a
 * second of the store's time. What takes more is refused.
 */
export const schemaStepsMax = 500_000;
/** 500 schemas entered within each other for one value: more is a chain of references that nobody wrote. */
export const schemaNestingMax = 500;
/** 20 faults told of one value: who wrote it finds the pattern by then. */
export const faultsPerValueMax = 20;
/** 1,000 characters in a pattern of a JSON Schema; people cannot read longer ones either. */
export const patternLengthMax = 1_000;
/** 2,000 states of a pattern with its repetitions written out: what each character of a text may cost. */
export const patternStatesMax = 2_000;
/** 256 KiB of input and output specs of one op: it stands in pages, and tasks copy what they need of it. */
export const opSpecsBytesMax = 256 * 1024;
/** 16 MiB of specs that the tasks of one command copy from their ops: one transaction writes them all. */
export const copiedSpecsBytesMax = 16 * 1024 * 1024;
/** 64 KiB of the answer to a post are read; its connection is closed if it says more. */
export const postAnswerBytesMax = 64 * 1024;
/** 64 posts about conditions at once, from all runs: each is a connection. */
export const postsInWorkMax = 64;
/** 8 of them to one host, so that one which does not answer leaves room for the others. */
export const postsPerHostMax = 8;
/** 2,000 posts that are due are known at once, so that those to one dead host hide no others: 1 MiB. */
export const postsKnownMax = 2_000;
/** 20 tries of a post, over about a day: as many as a subscription makes unless it says otherwise. */
export const postTriesMax = 20;
/** 5 s to the second try; each further wait is twice as long. */
export const postBackoffMs = 5_000;
/** 2 h 30 min between two tries at the most: with `postTriesMax` the last one is 23 h after the first. */
export const postBackoffMsMax = 9_000_000;
