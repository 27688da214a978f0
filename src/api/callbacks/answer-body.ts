import type { Readable } from "node:stream";
import type { ConditionSpec } from "../../core/action.ts";
import { termsOf } from "../../core/conditions/standing.ts";
import type { Violation } from "../../core/refusal.ts";
import type { Value } from "../../core/value.ts";
import type { HttpRequest } from "../carrier/port.ts";
import { type ReadValue, valueOfJson, valueOfText } from "./answer-value.ts";
import { answerBodyBytesMax, answerCommentLengthMax } from "./callback-limits.ts";

/** What somebody posted to a link: which answer, and why. */
export interface PostedAnswer {
  readonly value: Value;
  readonly comment: string;
}

/** What was posted as it stands, to show it again. */
export interface StatedAnswer {
  readonly value: string;
  readonly choice: string;
  readonly comment: string;
}

/** What was posted, or what is wrong with it. */
export type ReadAnswer =
  | { readonly ok: true; readonly answer: PostedAnswer; readonly stated?: StatedAnswer }
  | { readonly ok: false; readonly violations: readonly Violation[]; readonly stated?: StatedAnswer };

/** A body that is not read, with the HTTP status that says why. */
export class BodyRefused extends Error {
  readonly status: 400 | 413 | 415;

  constructor(status: 400 | 413 | 415, message: string) {
    super(message);
    this.name = "BodyRefused";
    this.status = status;
  }
}

/** How a body is written; undefined for a content type that is not known here. */
export function bodyKindOf({ headers }: HttpRequest): "form" | "json" | undefined {
  const type = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/x-www-form-urlencoded") return "form";
  return type === "application/json" || /^application\/[\w.-]+\+json$/.test(type) ? "json" : undefined;
}

/** The text of a body. Throws BodyRefused, with the rest unread, if it is too long. */
export async function readBody(request: HttpRequest): Promise<string> {
  const tooLong = new BodyRefused(413, `the body is longer than ${answerBodyBytesMax} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > answerBodyBytesMax) throw tooLong;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  // The connection is needed for the answer, also when the body is not read to its end.
  for await (const chunk of (request as Readable).iterator({ destroyOnReturn: false })) {
    sizeBytes += (chunk as Buffer).length;
    if (sizeBytes > answerBodyBytesMax) throw tooLong;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The answer in a form: `value`, or `choice` with the number of one that was suggested, and `comment`. */
export function answerOfForm(text: string, spec: ConditionSpec): ReadAnswer {
  const fields = new URLSearchParams(text);
  const stated = {
    value: fields.get("value") ?? "",
    choice: fields.get("choice") ?? "",
    comment: fields.get("comment") ?? "",
  };
  const chosen = /^\d{1,3}$/.test(stated.choice)
    ? termsOf({ spec }).choices[Number(stated.choice)]
    : undefined;
  const isOther = stated.choice === "" || stated.choice === "other";
  if (chosen === undefined && !isOther)
    return refused({ field: "choice", description: "is none of the choices" });
  if (chosen === undefined && !fields.has("value"))
    return refused({ field: "value", description: "must be set" });
  const value: ReadValue =
    chosen === undefined ? valueOfText(stated.value, spec) : { ok: true, value: chosen.value };
  return { ...joined(value, stated.comment.replaceAll("\r\n", "\n")), stated };
}

/** The answer in a JSON object: `value` and `comment`. Throws BodyRefused for a text that is none. */
export function answerOfJson(text: string, spec: ConditionSpec): ReadAnswer {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new BodyRefused(400, `the body is no JSON: ${(error as Error).message}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new BodyRefused(400, "the body must be a JSON object with `value`");
  }
  const body = json as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(body).filter((name) => name !== "value" && name !== "comment");
  if (unknown.length > 0) {
    const [field = ""] = unknown;
    return refused({ field: field.slice(0, 100), description: "is not known; there are value and comment" });
  }
  if (!Object.hasOwn(body, "value")) return refused({ field: "value", description: "must be set" });
  const { comment = "" } = body;
  if (typeof comment !== "string") return refused({ field: "comment", description: "must be a text" });
  return joined(valueOfJson(body["value"], spec), comment);
}

function joined(value: ReadValue, comment: string): ReadAnswer {
  const violations: Violation[] = [];
  if (!value.ok) violations.push(value.violation);
  if (comment.length > answerCommentLengthMax) {
    const description = `must have at most ${answerCommentLengthMax} characters`;
    violations.push({ field: "comment", description });
  }
  if (value.ok && violations.length === 0) return { ok: true, answer: { value: value.value, comment } };
  return { ok: false, violations };
}

function refused(violation: Violation): ReadAnswer {
  return { ok: false, violations: [violation] };
}
