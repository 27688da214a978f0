/** Every bound of the worker SDK, named, with the reason for its value. */

/**
 * 5,000 attempts at once: with as many ended and not yet recorded they fit the inventory of one Attach frame.
 */
export const concurrencyMax = 5_000;
/** 10,000 attempts in an inventory, as the contract has it. No credit is given that could lead past it. */
export const inventoryMax = 10_000;
/** 1,000 accepts, reports or children in one frame, as the contract has it. */
export const framePartsMax = 1_000;
/** 4 MiB in one frame, less what the frame itself takes: servers take messages of 4 MiB by default. */
export const frameBytesMax = 4 * 1024 * 1024 - 64 * 1024;
/** 1 MiB: the outputs of one attempt or step in all. What is larger is kept elsewhere and referred to. */
export const outputSizeBytesMax = 1024 * 1024;
/** 1,000 outputs of one attempt or step, as the contract has it. */
export const outputsMax = 1_000;
/** 128 characters of an output's name or an error's type, as the contract has it. */
export const nameLengthMax = 128;
/** 16,384 characters of a log line or an error's message; what is longer is cut. */
export const messageLengthMax = 16_384;
/** 4,096 characters of a progress message or a cause; what is longer is cut. */
export const causeLengthMax = 4_096;
/** 65,536 characters of a stack; what is longer is cut. */
export const stackLengthMax = 65_536;
/** 256 KiB: what an error within the bounds above takes on the wire at most. */
export const errorBytesMax = 256 * 1024;
/** 5 causes of an error told in its stack, since causes may form a ring. */
export const causesMax = 5;
/**
 * 1,000 log lines of an attempt not yet recorded: a task that logs faster loses lines, and a later line says
 * how many.
 */
export const waitingLogsMax = 1_000;
/** 4 MiB of log lines of an attempt not yet recorded, for the same reason: long ones cost more memory. */
export const waitingLogBytesMax = 4 * 1024 * 1024;
/** 1,000 events of an attempt not yet recorded: a task that publishes faster has to await them. */
export const waitingEventsMax = 1_000;
/**
 * 100 ms: the first wait before attaching again, so that a restarted server is not met by all its workers at
 * once.
 */
export const reconnectDelayMsMin = 100;
/** 2 s: the longest wait before attaching again; well under the usual lease. */
export const reconnectDelayMsMax = 2_000;
/** 5 s: a stream that stood for so long was a good one, and the next wait is the first one again. */
export const stableStreamMs = 5_000;
/** 10 s: how long a server may take to answer Attach. */
export const attachedTimeoutMs = 10_000;
/** 24 days: the longest wait that a timer takes. What a server says beyond that is as good as for ever. */
export const timerMsMax = 2 ** 31 - 1;
/** 5 s: how often a worker pulses if the server does not say. */
export const pulseIntervalMsDefault = 5_000;
/** 3 pulse intervals without any frame: the stream is dead, whatever the connection says. */
export const silentPulsesMax = 3;
/** 2 s: how long a worker waits for the server to take its goodbye. */
export const leaveTimeoutMs = 2_000;
/** 10 s: how long `stop` lets attempts finish unless it is told otherwise. */
export const stopGraceMs = 10_000;
/** 30 s between HTTP/2 pings, which notice a dead connection below the stream. */
export const pingIntervalMs = 30_000;
/** 10 ms: the shortest interval of heartbeats, however short the timeout. */
export const heartbeatIntervalMsMin = 10;
/** 10 ms: how long the word that a task has started waits; the end of a short task says it too. */
export const startDelayMs = 10;
