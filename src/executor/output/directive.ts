import type { JsonValue } from "@bufbuild/protobuf";
import type { TaskEvent, TaskLogLevel } from "../../worker/worker.ts";
import { isObject } from "../config/config-check.ts";

/** What a line of standard output begins with if it is a directive and no log line. */
export const directiveMark = "::signalbox ";

/** What a program says about itself with a line of its output. */
export type Directive =
  | { readonly kind: "progress"; readonly percent: number; readonly message: string }
  | { readonly kind: "event"; readonly event: TaskEvent }
  | { readonly kind: "log"; readonly level: TaskLogLevel; readonly message: string }
  | { readonly kind: "heartbeat" }
  | { readonly kind: "error"; readonly error: SaidError };

/** The error that a program says it has failed with. */
export interface SaidError {
  readonly type: string;
  readonly message: string;
  readonly isForGood: boolean;
}

/** A directive, or why a line is none. */
export type ReadDirective =
  | { readonly ok: true; readonly directive: Directive }
  | { readonly ok: false; readonly mistake: string };

const levels: readonly TaskLogLevel[] = ["debug", "info", "warn", "error"];

type Json = Readonly<Record<string, unknown>>;

/** Reads what stands behind the mark of a directive: one JSON object with one field that says what it is. */
export function readDirective(text: string): ReadDirective {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return mistaken("it is no JSON");
  }
  if (!isObject(parsed)) {
    return mistaken("it is no JSON object");
  }
  const kinds = (Object.keys(readers) as Kind[]).filter((kind) => kind in parsed);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    return mistaken(`it has one of ${Object.keys(readers).join(", ")}`);
  }
  const { fields, read } = readers[kind];
  const unknown = Object.keys(parsed).find((name) => name !== kind && !fields.includes(name));
  if (unknown !== undefined) {
    return mistaken(`${kind} has no field ${unknown}`);
  }
  const directive = read(parsed);
  return typeof directive === "string" ? mistaken(directive) : { ok: true, directive };
}

type Kind = Directive["kind"];

/** For each kind, what may stand beside it, and how it is read; a text says what is wrong. */
const readers: Readonly<
  Record<Kind, { readonly fields: readonly string[]; readonly read: (json: Json) => Directive | string }>
> = {
  progress: { fields: ["message"], read: readProgress },
  event: { fields: [], read: ({ event }) => readEvent(event) },
  log: { fields: ["level"], read: readLog },
  heartbeat: {
    fields: [],
    read: ({ heartbeat }) => (heartbeat === true ? { kind: "heartbeat" } : "heartbeat is true"),
  },
  error: { fields: [], read: ({ error }) => readError(error) },
};

function readProgress({ progress, message = "" }: Json): Directive | string {
  if (typeof progress !== "number" || progress < 0 || progress > 100) {
    return "progress is a number from 0 to 100";
  }
  return typeof message === "string" ? { kind: "progress", percent: progress, message } : "message is a text";
}

function readLog({ log, level = "info" }: Json): Directive | string {
  const known = levels.find((one) => one === level);
  if (known === undefined) {
    return `level is one of ${levels.join(", ")}`;
  }
  return typeof log === "string" ? { kind: "log", level: known, message: log } : "log is a text";
}

function readEvent(event: unknown): Directive | string {
  const { type, source, attributes = {}, payload, ...others } = isObject(event) ? event : {};
  const [unknown] = Object.keys(others);
  if (typeof type !== "string" || type === "") {
    return "event is an object with a type";
  }
  if (unknown !== undefined) {
    return `event has no field ${unknown}`;
  }
  if (source !== undefined && typeof source !== "string") {
    return "the source of an event is a text";
  }
  if (!isObject(attributes) || !Object.values(attributes).every((value) => typeof value === "string")) {
    return "the attributes of an event are an object of texts";
  }
  const said = { type, attributes: attributes as Record<string, string> };
  return {
    kind: "event",
    event: {
      ...said,
      ...(source !== undefined && { source }),
      ...(payload !== undefined && { payload: payload as JsonValue }),
    },
  };
}

function readError(error: unknown): Directive | string {
  const {
    type = "Error",
    message = "",
    non_retryable: isForGood = false,
    ...others
  } = isObject(error) ? error : { type: 0 };
  const [unknown] = Object.keys(others);
  if (
    typeof type !== "string" ||
    type === "" ||
    typeof message !== "string" ||
    typeof isForGood !== "boolean"
  ) {
    return "error is an object with type and message, texts, and non_retryable, true or false";
  }
  return unknown === undefined
    ? { kind: "error", error: { type, message, isForGood } }
    : `error has no field ${unknown}`;
}

function mistaken(mistake: string): ReadDirective {
  return { ok: false, mistake };
}
