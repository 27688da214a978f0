import { appendFileSync, closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";

/** One event as a receiver got it. */
export interface Received {
  readonly id: string;
  readonly runId: string;
  /** All of it: the same text each time it comes. */
  readonly text: string;
}

/** Notes what a receiver gets, in a file that survives its end however sudden. */
export class ReceivedLog {
  readonly #file: number;

  constructor(path: string) {
    // A line that a sudden end has cut off must not run into the next one.
    if (existsSync(path) && !readFileSync(path, "utf8").endsWith("\n")) appendFileSync(path, "\n");
    this.#file = openSync(path, "a");
  }

  add(received: Received): void {
    writeSync(this.#file, `${JSON.stringify(received)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** What receivers have noted in a file so far, in their order. */
export function readReceived(path: string): readonly Received[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Received];
      } catch {
        return [];
      }
    });
}

/**
 * What a delivery owes its receiver, as sentences about what is wrong: every event at least once, the first
 * time of each in its place within its run, and the same content under the same id.
 */
export function faultsOf(received: readonly Received[], expected: readonly string[]): readonly string[] {
  const faults: string[] = [];
  const textById = new Map<string, string>();
  const lastByRun = new Map<string, string>();
  for (const { id, runId, text } of received) {
    const known = textById.get(id);
    if (known !== undefined) {
      if (known !== text) faults.push(`${id} came with another content`);
      continue;
    }
    textById.set(id, text);
    const last = lastByRun.get(runId) ?? "";
    if (id <= last) faults.push(`${id} of ${runId} came for the first time behind ${last}`);
    lastByRun.set(runId, id);
  }
  for (const id of expected) if (!textById.has(id)) faults.push(`${id} never came`);
  for (const id of textById.keys()) if (!expected.includes(id)) faults.push(`${id} should not have come`);
  return faults;
}
