import { createHash } from "node:crypto";
import type { Sort, Sort_Direction } from "../../../../gen/flyteidl2/common/list_pb.ts";
import { canonical } from "../../../core/value.ts";
import { invalid } from "../faults.ts";
import { listLimitDefault, listLimitMax, tokenLengthMax } from "../flyte-limits.ts";
import { type Filters, readFilters, type StatedFilter } from "./filter.ts";
import { type Order, type Place, readOrder } from "./order.ts";

/** Which part of a list a request asks for, as it states it; left out means what is usual. */
export interface StatedList {
  readonly limit: number;
  readonly token: string;
  readonly filters: readonly StatedFilter[];
  readonly sortBy?: Pick<Sort, "key" | "direction"> | undefined;
  readonly sortByFields: readonly { readonly key: string; readonly direction: Sort_Direction }[];
}

/** Where a page begins: behind an item of an order that may still be kept, or at an offset. */
export type Start =
  | { readonly kind: "first" }
  | { readonly kind: "offset"; readonly offset: number }
  | { readonly kind: "behind"; readonly order: string; readonly index: number; readonly place: Place };

/** Which part of a list a request asks for. */
export interface ListQuery {
  readonly limit: number;
  readonly filters: Filters;
  readonly stated: readonly StatedFilter[];
  readonly order: Order;
  readonly sortKeys: readonly { readonly key: string; readonly direction: Sort_Direction }[];
  readonly start: Start;
  /** The same for the same filters and order in the same list, and for no others. */
  readonly digest: string;
}

/** A request for a list without any wish. */
export const wholeList: StatedList = { limit: 0, token: "", filters: [], sortByFields: [] };

/**
 * What a request for a list means; `scope` is what else the list depends on. Ends the call with
 * INVALID_ARGUMENT for a limit, a token, a filter or a key that is none.
 */
export function readListRequest(stated: StatedList = wholeList, scope: unknown): ListQuery {
  const { limit, token, filters } = stated;
  if (limit > listLimitMax) throw invalid(`limit must be at most ${listLimitMax}`);
  const { sortBy, sortByFields } = stated;
  const isOldKey = sortByFields.length === 0 && sortBy !== undefined && sortBy.key !== "";
  const sortKeys = (isOldKey ? [sortBy] : sortByFields).map(({ key, direction }) => ({ key, direction }));
  const plain = filters.map(({ function: is, field, values }) => ({ function: is, field, values }));
  const content = canonical({ scope, filters: plain, sortKeys });
  const digest = createHash("sha256").update(content).digest("base64url").slice(0, 12);
  return {
    limit: limit === 0 ? listLimitDefault : limit,
    filters: readFilters(filters),
    stated: filters,
    order: readOrder(sortKeys),
    sortKeys,
    start: readToken(token, digest),
    digest,
  };
}

/** The token that goes on behind an item. */
export function printToken(
  digest: string,
  { order, index, place }: Omit<Extract<Start, { readonly kind: "behind" }>, "kind">,
): string {
  return Buffer.from(JSON.stringify([digest, order, index, place])).toString("base64url");
}

function readToken(token: string, digest: string): Start {
  if (token === "") return { kind: "first" };
  if (/^\d{1,9}$/.test(token)) return { kind: "offset", offset: Number(token) };
  if (token.length > tokenLengthMax) throw invalid("token is too long to be one");
  const parts = parse(Buffer.from(token, "base64url").toString());
  if (!Array.isArray(parts)) throw invalid("invalid token");
  const [ofDigest, order, index, place] = parts as unknown[];
  const isToken = typeof order === "string" && Number.isSafeInteger(index) && isPlace(place);
  if (!isToken) throw invalid("invalid token");
  if (ofDigest !== digest) throw invalid("the token is of a list with another filter or order");
  return { kind: "behind", order, index: Math.max(0, index as number), place };
}

function isPlace(place: unknown): place is Place {
  if (!Array.isArray(place)) return false;
  return place.every((part) => part === null || typeof part === "string" || typeof part === "number");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
