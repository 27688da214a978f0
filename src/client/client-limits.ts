/**
 * Every bound of the client SDK, named, with the reason for its value. Those with an option are its default.
 */

/**
 * 10 s for one try of a call: a server that is well answers in milliseconds, and a lost answer is asked for
 * again.
 */
export const attemptTimeoutMs = 10_000;
/** 30 s of tries for one call: longer than a server takes to start again, shorter than people wait. */
export const retryForMs = 30_000;
/**
 * 10 minutes without a frame before a watch that was cut gives up: longer than an upgrade of a server takes.
 */
export const resumeForMs = 600_000;
/** 100 ms: the first wait between tries, so that a server that has just started is not met by all at once. */
export const initialBackoffMs = 100;
/** 5 s: the longest wait between tries, so that clients are back soon after their server. */
export const backoffMsMax = 5_000;
/**
 * 15 s for the first frame of a watch, which a server sends at once; a stream without one is opened again.
 */
export const firstFrameTimeoutMs = 15_000;
/** 10 s between pings of a connection on which nothing comes, so that a peer that vanished is noticed. */
export const pingIntervalMs = 10_000;
/** 10 s for the answer to a ping. */
export const pingTimeoutMs = 10_000;
/** 1,000 runs in one message, as the contract has it. */
export const runsPerBatchMax = 1_000;
/** 4 MiB of runs in one message: what servers and proxies take by default. */
export const batchBytesMax = 4 * 1024 * 1024;
/**
 * 64 MiB in one answer or frame: more than a server makes of one transaction or page, and no more than is
 * safe to hold.
 */
export const answerBytesMax = 64 * 1024 * 1024;
/** 5 s between two signs of life of a consumer: what proxies take for a dead stream is longer. */
export const beatIntervalMs = 5_000;
/** 100 events are in flight to a consumer that does not say, as the contract has it. */
export const inFlightDefault = 100;
/** 1,000 acknowledgements in one frame, as the contract has it. */
export const acksPerFrameMax = 1_000;
/**
 * 30 s for the answer to an acknowledgement: it takes a server one write, and a delivery that it does not
 * know any more has none.
 */
export const ackAnswerTimeoutMs = 30_000;
