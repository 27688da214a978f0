/** Every bound of the conformance kit, named, with the reason for its value. */

/** 4 attempts at once is what a worker under test is asked to take. */
export const concurrency = 4;
/** 200 ms between pulses: a run of the kit is to take less than a minute. */
export const pulseIntervalMs = 200;
/** 1 s: five pulses, as short leases are in earnest. */
export const leaseMs = 1_000;
/** 20 s for the first stream: the program may have to be compiled, and the machine be busy. */
export const startPatienceMs = 20_000;
/** 8 s for anything else that has to come: a worker's own waits are at most 2 s. */
export const patienceMs = 8_000;
/** 45 s for one scenario in all. */
export const scenarioTimeoutMs = 45_000;
/** 500 ms: what crosses a frame on the wire may still come for so long. */
export const crossingMs = 500;
/** 20 ms: two clocks and a timer that fires early may differ by so much. */
export const clockToleranceMs = 20;
/** 700 ms without a byte: when the idle proxy of the kit closes a connection. Three pulses and a half. */
export const idleProxyMs = 700;
/** 5 s: for how long waits between tries are watched. */
export const backoffWindowMs = 5_000;
/** 500 ms from SIGTERM to SIGKILL for a worker whose scenario is over. */
export const endGraceMs = 500;
/** 64 KiB of what a worker prints are kept, the last of it. */
export const outputKeptBytesMax = 64 * 1024;
/** 12 lines of what a worker printed are shown with a failure. */
export const outputLinesShownMax = 12;
/** 400 lines of what was said are kept of a scenario, the last of it. */
export const transcriptLinesMax = 400;
/** 4 MiB in one frame: what gRPC clients take unless they are told otherwise. */
export const frameBytesMax = 4 * 1024 * 1024;
/** 4 scenarios at once: they mostly wait. */
export const parallelDefault = 4;
