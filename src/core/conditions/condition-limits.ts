/**
 * The bounds of what conditions ask for, and of what people do with them, with the reason for each value.
 */

/**
 * 10,000 signals of a namespace kept for correlation keys: each waits for a condition that may never come,
 * and for 30 days at the longest.
 */
export const keyedSignalsMax = 10_000;
/** 10 conditions named in the refusal of a correlation key that several have. */
export const correlatedNamedMax = 10;
/**
 * 256 KiB: an answer. It stands in the condition, in its outputs and in three events, and one frame to those
 * who follow the run has all of these.
 */
export const answerBytesMax = 256 * 1024;
/** 16 KiB: an answer of a condition that takes several, up to 100 of which stand in one row. */
export const quorumAnswerBytesMax = 16 * 1024;
/** 20 answers of earlier openings of a condition, to look at beside the one that it asks for now. */
export const earlierAnswersMax = 20;
/** 256 KiB: those answers in all, the last one whatever it takes. */
export const earlierAnswersBytesMax = 256 * 1024;
/** 20 times that the right to answer a condition is handed on: beyond, nobody knows whose turn it is. */
export const delegationsMax = 20;
/** 20 steps that are taken while nobody answers a condition, as the contract has it. */
export const escalationsMax = 20;
/** 100 vain uses of a condition's answer links that are told of: who has a link may try it in a loop. */
export const linkRefusalsMax = 100;
/** 1,000 characters of why a post to a webhook failed: its event and its row repeat them. */
export const postCauseLengthMax = 1_000;
/** 366 days: the longest time to set a deadline, or the end of a snooze, to; as long as timeouts may be. */
export const conditionWaitMsMax = 366 * 24 * 60 * 60 * 1000;
/**
 * 128 KiB: what a condition asks for beyond its type, its prompt and its description. A page of conditions
 * repeats it for each, and so does each frame of those who follow them.
 */
export const termsBytesMax = 128 * 1024;
