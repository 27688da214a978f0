import { Sort_Direction } from "../../../../gen/flyteidl2/common/list_pb.ts";
import { invalid } from "../faults.ts";
import { sortKeysMax } from "../flyte-limits.ts";
import { isTerminal } from "../phase.ts";
import { type Field, fieldNames, fieldOf, type Listed } from "./fields.ts";

/** A key to sort by, as a request states it. */
export interface StatedSort {
  readonly key: string;
  readonly direction: Sort_Direction;
}

/** What an item is sorted by: it can be written in a token and stands for the item's place. */
export type Place = readonly (string | number | null)[];

/** An order of items. No two items have the same place. */
export interface Order {
  readonly placeOf: (item: Listed) => Place;
  readonly compare: (one: Place, other: Place) => number;
}

interface Key {
  readonly field: Field;
  readonly isDescending: boolean;
}

/**
 * The order that a request asks for; ties go by run and name. What an item does not have comes last, or first
 * where the greatest comes first. Without a key, open conditions come first, and then the newest: who looks
 * for a condition by its name takes the first, and must not be given an answered one while another waits.
 */
export function readOrder(keys: readonly StatedSort[]): Order {
  if (keys.length === 0) return defaultOrder;
  if (keys.length > sortKeysMax) throw invalid(`sort keys must be at most ${sortKeysMax}`);
  const read = keys.map(({ key, direction }): Key => {
    const field = fieldOf(key);
    if (field !== undefined) return { field, isDescending: direction === Sort_Direction.DESCENDING };
    throw invalid(`invalid sort field: ${key}; there are ${fieldNames.join(", ")}`);
  });
  const descending = [...read.map(({ isDescending }) => isDescending), false, false];
  return {
    placeOf: ({ run, row }) => [
      ...read.map(({ field }) => field.read(run, row) ?? null),
      run.runName,
      row.name,
    ],
    compare: (one, other) => comparePlaces(one, other, descending),
  };
}

const defaultDescending = [false, true, true, true];

/** Open conditions first, then the newest. */
export const defaultOrder: Order = {
  placeOf: ({ run, row }) => {
    const isOpenCondition = row.kind === "condition" && !isTerminal(row.phase);
    return [isOpenCondition ? 0 : 1, row.createTimeMs, run.runName, row.name];
  },
  compare: (one, other) => comparePlaces(one, other, defaultDescending),
};

function comparePlaces(one: Place, other: Place, descending: readonly boolean[]): number {
  for (const [index, isDescending] of descending.entries()) {
    const order = compareParts(one[index] ?? null, other[index] ?? null);
    if (order !== 0) return isDescending ? -order : order;
  }
  return 0;
}

function compareParts(one: string | number | null, other: string | number | null): number {
  if (one === other) return 0;
  if (one === null) return 1;
  if (other === null) return -1;
  return one > other ? 1 : -1;
}
