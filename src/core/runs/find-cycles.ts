/**
 * The cycles in a graph, given as what each node waits for: each as a list of nodes of which each waits for
 * the one before it, and the first for the last. No node stands in two of them, and there are at most
 * `limit`.
 *
 * Nodes that wait for nothing are taken away until none is left (Kahn); what remains waits for a cycle, and
 * walking back from it finds one. That one is taken away as a whole, and so on.
 */
export function findCycles(
  waitsFor: readonly ReadonlySet<number>[],
  limit: number,
): readonly (readonly number[])[] {
  const dependents = waitsFor.map(() => [] as number[]);
  waitsFor.forEach((sources, node) => {
    for (const source of sources) dependents[source]?.push(node);
  });
  const openCounts = waitsFor.map((sources) => sources.size);
  const isTaken = waitsFor.map(() => false);
  const take = (nodes: readonly number[]) => {
    const free = [...nodes];
    for (let node = free.pop(); node !== undefined; node = free.pop()) {
      if (isTaken[node]) continue;
      isTaken[node] = true;
      for (const dependent of dependents[node] ?? []) {
        const openCount = (openCounts[dependent] ?? 0) - 1;
        openCounts[dependent] = openCount;
        if (openCount === 0) free.push(dependent);
      }
    }
  };
  take(waitsFor.flatMap((sources, node) => (sources.size === 0 ? [node] : [])));
  const cycles: (readonly number[])[] = [];
  for (let node = 0; node < waitsFor.length && cycles.length < limit; node++) {
    if (isTaken[node]) continue;
    const cycle = cycleBehind(node, waitsFor, isTaken);
    cycles.push(cycle);
    take(cycle);
  }
  return cycles;
}

/** A cycle that a node waits for, by what is not taken yet: there each node waits for another one. */
function cycleBehind(
  start: number,
  waitsFor: readonly ReadonlySet<number>[],
  isTaken: readonly boolean[],
): readonly number[] {
  const path: number[] = [];
  const placeByNode = new Map<number, number>();
  for (let node = start; ; ) {
    const place = placeByNode.get(node);
    if (place !== undefined) return path.slice(place).reverse();
    placeByNode.set(node, path.length);
    path.push(node);
    node = [...(waitsFor[node] ?? [])].find((source) => !isTaken[source]) ?? start;
  }
}
