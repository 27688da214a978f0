/** 5 s for NATS to say that it has an event. */
export const natsTimeoutMs = 5_000;
/** 1 s between two tries to connect to NATS. */
export const natsReconnectDelayMs = 1_000;
/** 256 publications of one subscription at once without an answer of NATS. */
export const natsPublicationsMax = 256;
