import { randomBytes } from "node:crypto";
import { ordersPerViewMax } from "../flyte-limits.ts";
import type { RunView } from "../view/run-view.ts";
import type { ViewRow } from "../view/view-row.ts";
import type { Listed, ListedRun } from "./fields.ts";
import { type ListQuery, printToken } from "./list-request.ts";
import type { Order } from "./order.ts";

/** A page of a list; the token is empty at its end. */
export interface ActionPage {
  readonly rows: readonly ViewRow[];
  readonly token: string;
}

/** Names of actions in an order that was given out. */
interface KeptOrder {
  readonly id: string;
  readonly digest: string;
  readonly version: number;
  readonly names: readonly string[];
}

/**
 * Gives the actions of a run in pages.
 *
 * The first page puts all that meet the filters in order, and this order is kept: the pages after it go on in
 * it, so that each action comes once however the run moves meanwhile, and 50,000 actions are sorted once and
 * not once for each page. They are shown as they are when they come, and passed over if they do not meet the
 * filters any more. If the order was given up, a list goes on behind its last item in the order as it is.
 */
export class ActionPages {
  readonly #orders = new WeakMap<RunView, KeptOrder[]>();
  readonly #nonce = randomBytes(6).toString("base64url");
  #count = 0;

  /** The page that a query asks for. */
  page(view: RunView, run: ListedRun, query: ListQuery): ActionPage {
    const { start, digest, filters, order, limit } = query;
    const kept = start.kind === "behind" ? this.#kept(view, start.order) : undefined;
    const { id, names } = kept ?? this.#ordered(view, run, query);
    let index = kept === undefined ? indexIn(view, run, { start, order, names }) : indexOf(start);
    const rows: ViewRow[] = [];
    for (; index < names.length && rows.length < limit; index += 1) {
      const row = view.tree.row(names[index] ?? "");
      if (row !== undefined && (kept === undefined || filters.action(run, row))) rows.push(row);
    }
    const last = rows.at(-1);
    if (index >= names.length || last === undefined) return { rows, token: "" };
    return {
      rows,
      token: printToken(digest, { order: id, index, place: order.placeOf({ run, row: last }) }),
    };
  }

  #kept(view: RunView, id: string): KeptOrder | undefined {
    const orders = this.#orders.get(view) ?? [];
    const place = orders.findIndex((one) => one.id === id);
    const [kept] = place < 0 ? [] : orders.splice(place, 1);
    if (kept !== undefined) orders.push(kept);
    return kept;
  }

  /** All that meet the filters in order, as they are: made anew unless nothing has changed. */
  #ordered(view: RunView, run: ListedRun, { digest, filters, order }: ListQuery): KeptOrder {
    const orders = this.#orders.get(view) ?? [];
    const same = orders.find((one) => one.digest === digest && one.version === view.version);
    if (same !== undefined) return same;
    const rows = filters.conditionsOnly ? view.tree.conditions() : view.tree.all();
    const items: { place: ReturnType<Order["placeOf"]>; name: string }[] = [];
    for (const row of rows) {
      const item: Listed = { run, row };
      if (!filters.run(run, row) || !filters.action(run, row)) continue;
      items.push({ place: order.placeOf(item), name: row.name });
    }
    items.sort((one, other) => order.compare(one.place, other.place));
    this.#count += 1;
    const id = `${this.#nonce}${this.#count}`;
    const made = { id, digest, version: view.version, names: items.map(({ name }) => name) };
    orders.push(made);
    if (orders.length > ordersPerViewMax) orders.shift();
    this.#orders.set(view, orders);
    return made;
  }
}

function indexOf(start: ListQuery["start"]): number {
  return start.kind === "behind" ? start.index : 0;
}

/** Where a page begins in an order that it was not given from: looked for by halves. */
function indexIn(
  view: RunView,
  run: ListedRun,
  { start, order, names }: Pick<ListQuery, "start" | "order"> & { readonly names: readonly string[] },
): number {
  if (start.kind === "first") return 0;
  if (start.kind === "offset") return start.offset;
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = view.tree.row(names[middle] ?? "");
    const isBehind = row !== undefined && order.compare(order.placeOf({ run, row }), start.place) > 0;
    if (isBehind) high = middle;
    else low = middle + 1;
  }
  return low;
}
