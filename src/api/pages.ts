import type { Action } from "../core/action.ts";
import type { Op } from "../core/ops/op.ts";
import type { Run } from "../core/run.ts";
import { sizeBytes, textSizeBytes, valuesSizeBytes } from "../core/value.ts";
import { pageBytesMax, pageStepRows } from "../limits.ts";
import type { ConditionPlace, OpPlace, Page, RunPlace } from "../store/store.ts";
import { toConnectError } from "./status.ts";
import type { TokenScope } from "./token.ts";
import { printToken, readToken } from "./token.ts";

/** How many items a page has that does not say. */
export const defaultPageSize = 100;

/** What a list RPC says to have one page made. */
export interface PageOptions<Item, Place> {
  readonly scope: TokenScope;
  readonly pageSize: number;
  readonly pageToken: string;
  readonly read: (after: Place | undefined, limit: number) => Promise<Page<Item, Place>>;
  readonly placeOf: (item: Item) => Place;
  readonly isPlace: (place: unknown) => place is Place;
  readonly sizeOf: (item: Item) => number;
}

/** A page as a list RPC answers it. */
export interface ListedPage<Item> {
  readonly items: readonly Item[];
  /** Empty if there is no further page. */
  readonly nextPageToken: string;
}

/** Reads the page that a request asks for. Ends the call with TOKEN_INVALID or FILTER_CHANGED. */
export async function listPage<Item, Place>(options: PageOptions<Item, Place>): Promise<ListedPage<Item>> {
  const { scope, pageSize } = options;
  const limit = pageSize === 0 ? defaultPageSize : pageSize;
  const { items, next } = await collectPage({ ...options, after: placeIn(options), limit });
  return { items, nextPageToken: next === undefined ? "" : printToken(scope, next) };
}

/** The place that a page token names, undefined without one. Ends the call as `listPage` does. */
export function placeIn<Place>({
  scope,
  pageToken,
  isPlace,
}: Pick<PageOptions<unknown, Place>, "scope" | "pageToken" | "isPlace">): Place | undefined {
  if (pageToken === "") return undefined;
  const read = readToken(scope, pageToken, isPlace);
  if (read.ok) return read.place;
  throw toConnectError({ reason: read.cause === "FILTER_CHANGED" ? "FILTER_CHANGED" : "TOKEN_INVALID" });
}

/** True for a place in a list that is ordered by name. */
export function isNamePlace(place: unknown): place is string {
  return typeof place === "string";
}

/** True for a place in the list of runs. */
export function isRunPlace(place: unknown): place is RunPlace {
  return hasTypes(place, { timeMs: "number", run: "string" });
}

/** True for a place in the list of ops. */
export function isOpPlace(place: unknown): place is OpPlace {
  return hasTypes(place, { name: "string", version: "number" });
}

/** True for a place in the list of conditions. */
export function isConditionPlace(place: unknown): place is ConditionPlace {
  return hasTypes(place, { timeMs: "number", run: "string", name: "string" });
}

function hasTypes(place: unknown, types: Readonly<Record<string, "number" | "string">>): boolean {
  if (typeof place !== "object" || place === null) return false;
  const members = new Map<string, unknown>(Object.entries(place));
  return Object.entries(types).every(([name, type]) => typeof members.get(name) === type);
}

/** Where a page begins, and how it is read. */
export interface CollectOptions<Item, Place>
  extends Pick<PageOptions<Item, Place>, "read" | "placeOf" | "sizeOf"> {
  readonly after: Place | undefined;
  readonly limit: number;
}

/**
 * Reads up to `limit` items, but no more than `pageBytesMax` of them unless the first one alone is larger. A
 * few rows are read at a time, so that a page of large rows never takes much more memory than it sends.
 */
export async function collectPage<Item, Place>(
  options: CollectOptions<Item, Place>,
): Promise<Page<Item, Place>> {
  const { after, limit, read, placeOf, sizeOf } = options;
  const items: Item[] = [];
  let place = after;
  let bytes = 0;
  for (;;) {
    const step = Math.min(limit - items.length, pageStepRows);
    const page = await read(place, step);
    for (const item of page.items) {
      bytes += sizeOf(item);
      const last = items.at(-1);
      if (last !== undefined && bytes > pageBytesMax) return { items, next: placeOf(last) };
      items.push(item);
    }
    // A short page with more behind it has looked at as many rows as it may.
    const isOver = page.next === undefined || items.length >= limit || page.items.length < step;
    if (isOver) return { items, next: page.next };
    place = page.next;
  }
}

/** About how many bytes a run takes in a page. */
export function runSizeBytes(run: Run): number {
  return 400 + textOf(run.error) + (run.outputs === undefined ? 0 : valuesSizeBytes(run.outputs));
}

/** About how many bytes an op takes in a page: as JSON, and a little for what that leaves out. */
export function opSizeBytes(op: Op): number {
  return 200 + textSizeBytes(JSON.stringify(op));
}

/** About how many bytes an action takes in a page. */
export function actionSizeBytes({ spec, outputs, error, standing }: Action): number {
  let bytes = 800 + textOf(error) + (outputs === undefined ? 0 : valuesSizeBytes(outputs));
  for (const dependency of spec.dependencies) bytes += dependency.action.length + 16;
  if (spec.kind === "condition") {
    bytes += spec.prompt.length + spec.description.length;
    if (spec.terms !== undefined) bytes += textSizeBytes(JSON.stringify(spec.terms));
    if (standing !== undefined) bytes += textSizeBytes(JSON.stringify(standing));
  }
  if (spec.kind !== "task") return bytes;
  for (const [name, input] of Object.entries(spec.inputs)) {
    bytes += name.length + ("value" in input ? sizeBytes(input.value) : 64);
  }
  return bytes;
}

function textOf(error: { readonly message: string; readonly stack: string } | undefined): number {
  return error === undefined ? 0 : error.message.length + error.stack.length;
}
