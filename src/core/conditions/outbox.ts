import type { RunKey } from "../name.ts";

/**
 * A post that a condition's webhook is to get: written with what it tells of, kept until it was taken or
 * given up.
 */
export interface WebhookPost {
  /** Names it among all: run, action, instance, what it is about and the step, joined; see `postKey`. */
  readonly key: string;
  readonly run: RunKey;
  readonly action: string;
  readonly instance: number;
  readonly about: "condition_paused" | "condition_escalated" | "condition_ended";
  /** The escalation it is about, from 1; 0 for none. */
  readonly step: number;
  readonly createTimeMs: number;
  /** When it is to be tried next. */
  readonly dueMs: number;
  readonly deliveryCount: number;
  /** What the last try said. */
  readonly cause: string;
}

/** The key of a post. */
export function postKey({
  run,
  action,
  instance,
  about,
  step,
}: Pick<WebhookPost, "run" | "action" | "instance" | "about" | "step">): string {
  return `${run} ${action} ${instance} ${about} ${step}`;
}
