import type { Effect } from "../../core/answer.ts";
import type { Refusal } from "../../core/refusal.ts";
import type { FeedIdentity } from "./meta.ts";

/** What the thread is started with. */
export interface ThreadStart {
  readonly folder: string;
  /** The module that exports `decide`. */
  readonly rules: string;
}

/** What the main thread says: a batch of commands to commit, each a JSON text, or that it was the last. */
export type ToThread =
  | { readonly kind: "batch"; readonly commands: readonly string[] }
  | { readonly kind: "close" };

/** What the thread says. After `broken` it commits nothing more. */
export type FromThread =
  | { readonly kind: "opened"; readonly feed: FeedIdentity; readonly head: number }
  /** `replies` is a list of Reply as JSON, which crosses the border at less cost than objects do. */
  | { readonly kind: "committed"; readonly replies: string; readonly head: number }
  | { readonly kind: "broken"; readonly message: string };

/** What became of one command; a bug rejected it and nothing of it was written. */
export type Reply =
  | { readonly answer: unknown; readonly effects: readonly Effect[]; readonly position?: number | undefined }
  | { readonly refusal: Refusal }
  | { readonly bug: BugReport };

/** An error of the rules, as plain data. */
export interface BugReport {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly facts: Readonly<Record<string, string>>;
}
