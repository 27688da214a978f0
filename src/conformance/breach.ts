/** A worker under test broke the contract; the message says how, in words for whoever writes the worker. */
export class Breach extends Error {
  override readonly name = "Breach";
}

/** The promise, or a breach that says what did not come within its time. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, missing: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Breach(`${missing} within ${timeoutMs} ms`)), timeoutMs);
  // What nobody waits for any more keeps no process alive.
  timer.unref();
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
