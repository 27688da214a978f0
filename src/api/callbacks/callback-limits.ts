/** The bounds of posts about conditions and of answer links, each with its reason. */

/** 10 s for a receiver to answer a post: the same as for a subscription that does not say. */
export const callbackTimeoutMs = 10_000;
/** 1 MiB of what is posted, filled in: more than any receiver of questions takes. */
export const callbackBodyBytesMax = 1024 * 1024;
/** 64 KiB: an answer that people write, or a small document; what is larger is referred to. */
export const answerBodyBytesMax = 64 * 1024;
/** 4,096 characters of comment, as the contract allows. */
export const answerCommentLengthMax = 4_096;
/** 20 links that are invalid from one address in `invalidLinksWindowMs`; more are told to wait. */
export const invalidLinksMax = 20;
/** 60 s, see `invalidLinksMax`. */
export const invalidLinksWindowMs = 60_000;
/** 10,000 addresses whose invalid links are counted, 100 bytes each; past it the oldest are forgotten. */
export const invalidLinkPeersMax = 10_000;
