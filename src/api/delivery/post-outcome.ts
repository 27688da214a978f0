import type { PostAnswer } from "./post.ts";

/** Why a post was not taken. */
export interface PostFailure {
  readonly cause: string;
  /** When to try again, if the receiver said so. */
  readonly delayMs: number | undefined;
  /** The receiver never wants it. */
  readonly isFinal?: true;
}

/** Why an answer is none that takes a post; undefined if it is. */
export function failureOf({ status, retryAfterMs, text }: PostAnswer): PostFailure | undefined {
  if (status >= 200 && status < 300) return undefined;
  const said = text === "" ? "" : `: ${text}`;
  if (status === 410)
    return { delayMs: undefined, cause: `the receiver is gone (410)${said}`, isFinal: true };
  if (status >= 300 && status < 400) {
    return { delayMs: retryAfterMs, cause: `redirects are not followed (${status})${said}` };
  }
  return { delayMs: retryAfterMs, cause: `the receiver answered ${status}${said}` };
}

/** Why no answer came. Several addresses may have been tried, each with an error of its own. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== "") return error.message;
  if (!(error instanceof AggregateError)) return error.name;
  return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join("; ");
}
