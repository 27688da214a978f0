import { durable } from "../../guarantees/acknowledged.ts";
import { endsOnce, fenced, oneAnswer } from "../../guarantees/actions.ts";
import { feedViolations } from "../../guarantees/feed.ts";
import type { RecordedStream, Reference } from "../../guarantees/record.ts";
import { judgeLinear, type Model, type Operation } from "../linearizable.ts";
import type { FilterName, Line, Request, Response, RunKind } from "./lines.ts";
import { conditionModel, taskModel } from "./models.ts";

/** How many operations of a history ended how. */
export type OperationCounts = Record<"invoke" | "ok" | "fail" | "unknown", number>;

/** What was found in a history. */
export interface Judgement {
  /** Everything that breaks a promise, as `Promise: what broke it`; empty if all of them hold. */
  readonly violations: readonly string[];
  readonly operations: OperationCounts;
  /** Keys whose operations were judged to be linear or not. */
  readonly keyCount: number;
  /** Streams of subscribers, beginnings and resumptions together. */
  readonly streamCount: number;
  readonly eventCount: number;
  readonly acknowledgedRunCount: number;
}

/** Judges a history from its lines alone, in any later process. */
export function judge(lines: readonly Line[]): Judgement {
  const keys = operationsOf(lines);
  const references = referencesOf(lines);
  const subscribers = streamsOf(lines);
  const events = (references.get("all") ?? []).flat();
  const acknowledged = [...keys].filter(([, { history }]) =>
    history.some(({ input, output }) => input.f === "create" && isOk(output)),
  );
  const runs = acknowledged.map(([key]) => `default/${key}`);
  const mustEnd = acknowledged
    .filter(([, { kind }]) => kind !== "condition")
    .map(([key]) => `default/${key}`);
  const isOver = lines.some(({ type }) => type === "over");
  const isTold = lines.some((line) => line.type === "reference" && line.isTold === true);
  const hasFeed = references.size > 0;
  return {
    violations: [
      ...named(
        "NoBug",
        lines.flatMap((line) => (line.type === "bug" ? [`${line.process}: ${line.error}`] : [])),
      ),
      ...[...keys].flatMap(([key, { kind, history }]) => notLinear(key, kind, history)),
      ...[...subscribers].flatMap(([name, { filter, streams }]) =>
        feedViolations({ streams, reference: references.get(filter) ?? [] }).map(
          (text) => `${text} (${name})`,
        ),
      ),
      ...named("Atomic", isTold ? apart(references.get("all") ?? []) : []),
      ...named("EndsOnce", endsOnce(events, isOver ? mustEnd : [])),
      ...named("OneAnswer", oneAnswer(events, answersOf(keys))),
      ...named("Fenced", fenced(events)),
      ...named("Durable", hasFeed ? durable(events, runs) : []),
    ],
    operations: countsOf(lines),
    keyCount: keys.size,
    streamCount: [...subscribers.values()].reduce((sum, { streams }) => sum + streams.length, 0),
    eventCount: events.length,
    acknowledgedRunCount: runs.length,
  };
}

/** Everything that was asked of one run. */
interface KeyHistory {
  readonly kind: RunKind;
  readonly history: Operation<Request, Response>[];
}

function operationsOf(lines: readonly Line[]): ReadonlyMap<string, KeyHistory> {
  const ends = new Map<number, Extract<Line, { readonly type: "ok" | "fail" | "unknown" }>>();
  for (const line of lines) {
    if (line.type === "ok" || line.type === "fail" || line.type === "unknown") ends.set(line.id, line);
  }
  const keys = new Map<string, KeyHistory>();
  for (const line of lines) {
    if (line.type !== "invoke") continue;
    const { kind, key, process, request, at } = line;
    const known = keys.get(key) ?? { kind, history: [] };
    keys.set(key, known);
    const end = ends.get(line.id);
    const output = end?.type === "unknown" ? undefined : end?.response;
    // A read of which nothing is known says nothing.
    if (output === undefined && request.f.startsWith("read")) continue;
    const endedAt = output === undefined ? Infinity : (end?.at ?? Infinity);
    known.history.push({ process, input: request, output, invokedAt: at, endedAt });
  }
  return keys;
}

const models: Readonly<Record<string, Model<unknown, Request, Response>>> = {
  condition: conditionModel,
  task: taskModel,
};

function notLinear(
  key: string,
  kind: RunKind,
  history: readonly Operation<Request, Response>[],
): readonly string[] {
  const model = models[kind];
  if (model === undefined) return [];
  const found = judgeLinear(model, history);
  if (found.verdict === "linear") return [];
  if (found.verdict === "too large") return [`Linear: ${key} has too many operations to be judged`];
  const fitting = found.deepest.map((index) => describe(history[index]));
  const rest = history.filter((_, index) => !found.deepest.includes(index)).map(describe);
  return [`Linear: ${key}: after ${fitting.join(" · ") || "nothing"} nothing explains ${rest.join(" · ")}`];
}

function describe(operation: Operation<Request, Response> | undefined): string {
  if (operation === undefined) return "?";
  const { process, input, output, invokedAt, endedAt } = operation;
  const asked = input.f === "signal" ? `signal ${input.value}` : input.f;
  const told = output === undefined ? "unknown" : JSON.stringify(output);
  return `[${process} ${invokedAt}-${endedAt} ${asked} → ${told}]`;
}

function isOk(output: Response | undefined): boolean {
  return output !== undefined && output.refused === undefined;
}

/** The answers that were taken by conditions, not merely kept. */
function answersOf(keys: ReadonlyMap<string, KeyHistory>) {
  return [...keys].flatMap(([runId, { kind, history }]) =>
    history.flatMap(({ input, output }) => {
      if (input.f !== "signal" || !isOk(output) || output?.kept === true) return [];
      const value = kind === "plan" ? String(input.value === 1) : String(input.value);
      return [{ namespace: "default", runId, action: "approve", value }];
    }),
  );
}

/** What is done at once and the feed tells apart: a run without its actions, an answer without its end. */
function apart(reference: Reference): readonly string[] {
  return reference.flatMap((events) =>
    events.flatMap(({ eventId, runId, action, kind }) => {
      const has = (other: string) =>
        events.some(
          (event) => event.kind === other && event.runId === runId && event.action.startsWith(action),
        );
      if (kind === "run_created" && !has("action_created"))
        return [`${eventId}: ${runId} came without actions`];
      const isEnd = kind === "condition_answered" && !has("action_ended");
      return isEnd ? [`${eventId}: ${runId}/${action} was answered and did not end with that`] : [];
    }),
  );
}

function referencesOf(lines: readonly Line[]): ReadonlyMap<FilterName, Reference> {
  return new Map(
    lines.flatMap((line) => (line.type === "reference" ? [[line.filter, line.transactions] as const] : [])),
  );
}

function streamsOf(lines: readonly Line[]) {
  type Open = { -readonly [K in keyof RecordedStream]: RecordedStream[K] } & {
    frames: RecordedStream["frames"][number][];
  };
  const subscribers = new Map<string, { readonly filter: FilterName; readonly streams: Open[] }>();
  for (const line of lines) {
    if (line.type === "stream") {
      const known = subscribers.get(line.subscriber) ?? { filter: line.filter, streams: [] };
      known.streams.push({ start: line.start, frames: [] });
      subscribers.set(line.subscriber, known);
    }
    const last = "subscriber" in line ? subscribers.get(line.subscriber)?.streams.at(-1) : undefined;
    if (line.type === "frame") last?.frames.push(line.frame);
    if (line.type === "quiet" && last !== undefined) last.isQuiet = true;
  }
  return subscribers;
}

function countsOf(lines: readonly Line[]): OperationCounts {
  const counts: OperationCounts = { invoke: 0, ok: 0, fail: 0, unknown: 0 };
  for (const { type } of lines) if (type in counts) counts[type as keyof OperationCounts] += 1;
  return counts;
}

function named(promise: string, violations: readonly string[]): readonly string[] {
  return violations.map((violation) => `${promise}: ${violation}`);
}
