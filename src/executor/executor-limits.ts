/** Every bound of the executor, named, with the reason for its value. */

/** 5,000 attempts at once, as the SDK has it. */
export const concurrencyMax = 5_000;
/** 10 attempts at once unless said, as the SDK has it. */
export const concurrencyDefault = 10;
/** 1,000 ops of one worker, as the contract has it. */
export const opsMax = 1_000;
/** 1,000 arguments of a program: more belong into its inputs. */
export const argumentsMax = 1_000;
/** 128 KiB less its end: one argument, as Linux has it. What is longer is read from the inputs file. */
export const argumentBytesMax = 128 * 1024 - 1;
/** 5 s from SIGTERM to SIGKILL unless said: half of what the server allows a cancelled attempt by default. */
export const graceMsDefault = 5_000;
/** 1 hour of grace, the longest that the contract allows. */
export const graceMsMax = 3_600_000;
/** Four fifths of the server's grace: the rest is for saying that the attempt has stopped. */
export const serverGraceShare = 0.8;
/** 10 s for what runs to finish when the worker is asked to stop, unless said. */
export const stopGraceMsDefault = 10_000;
/** 1 s for what a program leaves behind to close its pipes, such as a `tee`, before it is killed. */
export const leftoversMs = 1_000;
/** 2 s for the kernel to take away what was killed; what is stuck in it longer is given up on, and logged. */
export const killedMs = 2_000;
/** 20 ms between two looks at whether a process group is gone. */
export const groupLookMs = 20;
/** 50 ms: how old a look at all processes may be that many groups share. */
export const processTableMs = 50;
/** 250 ms between two looks at the memory of what runs: one look reads a file for each process there is. */
export const memoryLookMs = 250;
/** 4 MiB of an outputs file: outputs of 1 MiB as JSON, with every character escaped, stay under it. */
export const outputsFileBytesMax = 4 * 1024 * 1024;

/** 64 KiB of a line that is a log line: four times what is kept of it, since a character is up to 4 bytes. */
export const lineBytesMax = 64 * 1024;
/** 1.25 MiB of a line that is a directive: an event's payload of 1 MiB, and what is around it. */
export const directiveBytesMax = 1.25 * 1024 * 1024;
/** 16,384 characters of a log line, as the contract has it. */
export const logLengthMax = 16_384;
/** 50 log events a second in the long run: each is written to the feed durably and kept there. */
export const logsPerSecond = 50;
/** 200 log events at once: what programs print as they start is not held back. */
export const logsAtOnceMax = 200;
/** 8,192 characters of lines that are joined in one log event, when they come faster than that. */
export const joinedLengthMax = 8_192;
/** 64 Ki characters of lines held back; lines that come while so much is held are dropped and counted. */
export const heldLengthMax = 64 * 1024;
/** 64 log events held back, for the same reason; a program that has ended says them all at once. */
export const heldLogsMax = 64;
/** 256 KiB read of one stream in a reading interval: 5 MiB a second; then the program waits on its pipe. */
export const readBytesPerInterval = 256 * 1024;
/** 50 ms: the interval of reading. */
export const readIntervalMs = 50;
/** 100 events of a program that wait to be recorded; then its pipe is not read until some are. */
export const waitingEventsMax = 100;
/** 4 MiB of events that wait to be recorded, for the same reason: large ones cost more memory. */
export const waitingEventBytesMax = 4 * 1024 * 1024;
/** 16 KiB of the end of standard error, kept for the error of a program that fails. */
export const errorTailLength = 16 * 1024;
/** 10 last lines of standard error in an error's message; more of them stand in its stack. */
export const errorLinesMax = 10;
/** 2,000 characters of those lines in an error's message. */
export const errorLinesLengthMax = 2_000;

/** 30 s for a `docker` command that asks the engine for something, beyond any grace it was given. */
export const dockerCommandMs = 30_000;
/** 2 s for the docker client to end after its container has. */
export const dockerClientMs = 2_000;

/** 100 attempts of Flyte tasks at once unless said: one that waits for its children keeps its place. */
export const flyteConcurrencyDefault = 100;
/** 16 MiB of the spec of a Flyte task or run, as the server has it. */
export const specBytesMax = 16 * 1024 * 1024;
/** 4 MiB of the error file of a Flyte task: the message in it is cut to far less. */
export const errorFileBytesMax = 4 * 1024 * 1024;
/** 32 MiB of the outputs of a task that are read to see that they are complete: what the server gives out. */
export const taskOutputsBytesMax = 32 * 1024 * 1024;
/** 1,000 runs whose facts are remembered, some KiB each: the tasks of a run come one after the other. */
export const runsKnownMax = 1_000;
/**
 * 2 s of its grace in which a task of Flyte that is cancelled may end by itself: what it waits for is aborted
 * at the same time, and its code is to see that as the SDK's own error.
 */
export const flyteUnwindMs = 2_000;
