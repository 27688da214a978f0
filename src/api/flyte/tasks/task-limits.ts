/** 100 versions of an op read from the store at once. */
export const opVersionsPerPage = 100;
/** 128 characters of the name of an op, which has `flyte/` before that of the task. */
export const opNameLengthMax = 128;
/** 2,000 tasks looked at for one page of a filtered list; the page is short then, with a token to go on. */
export const tasksScannedMax = 2_000;
