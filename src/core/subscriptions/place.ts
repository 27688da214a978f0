import type { PositionRange, Subscription } from "./subscription.ts";

/** What a subscription has dealt with: everything up to `through`, and the ranges of `ahead` beyond. */
export type Place = Pick<Subscription, "through" | "ahead">;

/** The same positions as ranges in order that neither overlap nor touch. */
export function merged(ranges: readonly PositionRange[]): readonly PositionRange[] {
  const sorted = [...ranges].sort(([one], [other]) => one - other);
  const result: [first: number, last: number][] = [];
  for (const [first, last] of sorted) {
    const previous = result.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else result.push([first, last]);
  }
  return result;
}

/** The place with more dealt with. Nothing that was dealt with before is open afterwards. */
export function withDealt({ through, ahead }: Place, ranges: readonly PositionRange[]): Place {
  const [first, ...rest] = merged([[0, through], ...ahead, ...ranges]);
  return { through: first?.[1] ?? through, ahead: rest };
}

/** The place with some positions open again. */
export function withOpen({ through, ahead }: Place, positions: readonly number[]): Place {
  const opened = [...positions].sort((one, other) => one - other);
  const dealt: [first: number, last: number][] = [];
  let next = 0;
  for (const [first, last] of [[0, through], ...ahead] as PositionRange[]) {
    let from = first;
    while (next < opened.length && (opened[next] as number) < from) next += 1;
    while (next < opened.length && (opened[next] as number) <= last) {
      const position = opened[next] as number;
      if (position > from) dealt.push([from, position - 1]);
      from = position + 1;
      next += 1;
    }
    if (from <= last) dealt.push([from, last]);
  }
  const [first, ...rest] = dealt;
  return { through: first?.[1] ?? 0, ahead: rest };
}

/** What is open below the last position that is dealt with, in order. */
export function openRanges({ through, ahead }: Place): readonly PositionRange[] {
  let last = through;
  return ahead.map((range) => {
    const open: PositionRange = [last + 1, range[0] - 1];
    last = range[1];
    return open;
  });
}

/** The last position that is dealt with: everything behind it is open. */
export function lastDealt({ through, ahead }: Place): number {
  return ahead.at(-1)?.[1] ?? through;
}

/** How many positions are open up to a head. */
export function openCount({ through, ahead }: Place, head: number): number {
  let count = head - through;
  for (const [first, last] of ahead) count -= last - first + 1;
  return Math.max(count, 0);
}
