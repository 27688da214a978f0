/** Bounds of what Flyte's clients state of actions: those of the contract, which they do not come through. */

/** 128 characters of the name of an action, a run or a label. */
export const nameLengthMax = 128;
/** 256 characters of the value of a label. */
export const labelValueLengthMax = 256;
/** 64 labels. */
export const labelsMax = 64;
/** 16,384 characters of a prompt, and of a description. */
export const promptLengthMax = 16_384;
/** 366 days: the longest timeout. */
export const timeoutMsMax = 31_622_400_000;
/** 100 attempts of a task. */
export const attemptsMax = 100;
/** 4,096 characters of an address of a file: more than a file system takes. */
export const uriLengthMax = 4_096;
/** 4,096 characters of a cause. */
export const causeLengthMax = 4_096;
/** 3 tries of a command that a new lease of its parent came before. */
export const triesMax = 3;
