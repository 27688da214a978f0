/**
 * The words nearest to one that is not known: those it begins, else those at most two or a third of it away.
 */
export function nearestWords(unknown: string, known: readonly string[]): string[] {
  const begun = known.filter((word) => unknown.length > 1 && word.startsWith(unknown));
  if (begun.length > 0) {
    return begun.slice(0, 3);
  }
  const allowed = Math.max(Math.min(2, unknown.length - 1), Math.floor(unknown.length / 3));
  const near = known
    .map((word) => ({ word, distance: editDistance(unknown, word) }))
    .filter(({ distance }) => distance <= allowed)
    .sort((a, b) => a.distance - b.distance);
  return near.filter(({ distance }) => distance === near[0]?.distance).map(({ word }) => word);
}

/** ` (did you mean a or b?)`, or nothing if no known word is near. `prefix` stands before each word. */
export function didYouMean(unknown: string, known: readonly string[], prefix = ""): string {
  const words = nearestWords(unknown, known).map((word) => `${prefix}${word}`);
  return words.length === 0 ? "" : ` (did you mean ${words.join(" or ")}?)`;
}

/** How many characters must be put in, left out, replaced, or swapped with their neighbour. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const edits = [
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
        isSwapped ? at(beforeLast, column - 2) + 1 : Infinity,
      ];
      current.push(Math.min(...edits));
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
