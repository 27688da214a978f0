/** 512 MiB in one upload: code and inputs; what is larger is written by tasks where they are. */
export const uploadBytesMax = 512 * 1024 * 1024;
/** 1 hour that a place for an upload or a download can be used, unless the caller says less. */
export const linkLifetimeMs = 3_600_000;
/** 24 hours: the longest that callers may say. */
export const linkLifetimeMsMax = 86_400_000;
/** 6,000 characters of a signed place: longer ones were not made here. */
export const placeLengthMax = 6_000;
/** 255 bytes of one part of a path, which is what file systems take. */
export const pathPartBytesMax = 255;
/** 1,024 bytes of the path of an upload. */
export const pathBytesMax = 1_024;
/** 500 lines of a log in one message. */
export const logLinesMax = 500;
