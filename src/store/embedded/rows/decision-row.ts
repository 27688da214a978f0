import type { WebhookPost } from "../../../core/conditions/outbox.ts";
import { type Answerer, anonymousSubject } from "../../../core/conditions/standing.ts";
import type { KeptSignal, KeyedSignal } from "../../../core/loaded.ts";
import type { RunKey } from "../../../core/name.ts";
import type { Value } from "../../../core/value.ts";
import type { Column, Nullable } from "./columns.ts";
import { parsed, parsedOrUndefined } from "./columns.ts";

/** A row of `kept_signals`. */
export interface KeptSignalRow {
  readonly run: string;
  readonly action: string;
  readonly value: string;
  readonly signalled_by: string;
  readonly time_ms: number;
  /** NULL in rows of versions that did not ask who calls. */
  readonly answerer: Nullable<string>;
}

/** All of a kept signal. */
export const keptSignalColumns: readonly Column<KeptSignal>[] = [
  ["run", (signal) => signal.run],
  ["action", (signal) => signal.action],
  ["value", (signal) => signal.value],
  ["signalled_by", (signal) => signal.by.signalledBy],
  ["time_ms", (signal) => signal.timeMs],
  ["answerer", (signal) => signal.by],
];

/** The kept signal that a row says. */
export function keptSignalOfRow(row: KeptSignalRow): KeptSignal {
  return {
    run: row.run as RunKey,
    action: row.action,
    value: parsed<Value>(row.value),
    by: parsedOrUndefined<Answerer>(row.answerer) ?? anonymous(row.signalled_by),
    timeMs: row.time_ms,
  };
}

function anonymous(signalledBy: string): Answerer {
  return { subject: anonymousSubject, groups: [], signalledBy, comment: "", channel: "call", origin: "" };
}

/** A row of `keyed_signals`. */
export interface KeyedSignalRow {
  readonly namespace: string;
  readonly correlation_key: string;
  readonly value: string;
  readonly answerer: string;
  readonly time_ms: number;
  readonly expire_ms: number;
}

/** All of a signal that is kept for a correlation key. */
export const keyedSignalColumns: readonly Column<KeyedSignal>[] = [
  ["namespace", (signal) => signal.namespace],
  ["correlation_key", (signal) => signal.correlationKey],
  ["value", (signal) => signal.value],
  ["answerer", (signal) => signal.by],
  ["time_ms", (signal) => signal.timeMs],
  ["expire_ms", (signal) => signal.expireMs],
];

/** The signal that a row says. */
export function keyedSignalOfRow(row: KeyedSignalRow): KeyedSignal {
  return {
    namespace: row.namespace,
    correlationKey: row.correlation_key,
    value: parsed<Value>(row.value),
    by: parsed<Answerer>(row.answerer),
    timeMs: row.time_ms,
    expireMs: row.expire_ms,
  };
}

/** A row of `posts`. */
export interface PostRow {
  readonly key: string;
  readonly run: string;
  readonly action: string;
  readonly instance: number;
  readonly about: string;
  readonly step: number;
  readonly create_ms: number;
  readonly due_ms: number;
  readonly delivery_count: number;
  readonly cause: string;
}

/** All of a post. */
export const postColumns: readonly Column<WebhookPost>[] = [
  ["key", (post) => post.key],
  ["run", (post) => post.run],
  ["action", (post) => post.action],
  ["instance", (post) => post.instance],
  ["about", (post) => post.about],
  ["step", (post) => post.step],
  ["create_ms", (post) => post.createTimeMs],
  ["due_ms", (post) => post.dueMs],
  ["delivery_count", (post) => post.deliveryCount],
  ["cause", (post) => post.cause],
];

/** The post that a row says. */
export function postOfRow(row: PostRow): WebhookPost {
  return {
    key: row.key,
    run: row.run as RunKey,
    action: row.action,
    instance: row.instance,
    about: row.about as WebhookPost["about"],
    step: row.step,
    createTimeMs: row.create_ms,
    dueMs: row.due_ms,
    deliveryCount: row.delivery_count,
    cause: row.cause,
  };
}
