/** A signal in somebody's use. */
export interface UsedSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * A signal that is aborted when one of two is; to be disposed of after use, so that the one that lives longer
 * does not remember it.
 */
export function eitherSignal(one: AbortSignal, other: AbortSignal): UsedSignal {
  const ending = new AbortController();
  const end = () => ending.abort();
  const sources = [one, other];
  for (const source of sources) source.addEventListener("abort", end);
  if (one.aborted || other.aborted) end();
  const release = () => {
    for (const source of sources) source.removeEventListener("abort", end);
  };
  return { signal: ending.signal, [Symbol.dispose]: release };
}
