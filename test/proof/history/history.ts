import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { CallFailedError, RefusedError, UnavailableError } from "../../../src/client/client.ts";
import type { Line, Request, Response, RunKind } from "./lines.ts";

/** Microseconds of the one clock of all histories. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** A call to be recorded. */
export interface RecordedCall {
  readonly process: string;
  readonly kind: RunKind;
  readonly key: string;
  readonly request: Request;
  readonly perform: () => Promise<Response>;
}

/** A history as it is written: in memory, and line by line in a file that is there whatever happens. */
export class History {
  readonly file: string;
  readonly lines: Line[] = [];
  readonly #descriptor: number;
  #nextId = 1;

  constructor(file: string, { name, seed }: { readonly name: string; readonly seed: number }) {
    this.file = file;
    this.#descriptor = openSync(file, "w");
    this.write({ type: "history", name, seed, at: nowUs() });
  }

  write(line: Line): void {
    this.lines.push(line);
    writeSync(this.#descriptor, `${JSON.stringify(line)}\n`);
  }

  /**
   * Makes a call and records it. Resolves with what was told; undefined if that is unknown: the client gave
   * up while the server may still carry it out.
   */
  async record({ process, kind, key, request, perform }: RecordedCall): Promise<Response | undefined> {
    const id = this.#nextId++;
    this.write({ type: "invoke", id, process, at: nowUs(), kind, key, request });
    try {
      const response = await perform();
      this.write({ type: "ok", id, process, at: nowUs(), response });
      return response;
    } catch (error) {
      if (error instanceof RefusedError) {
        const { reason, metadata } = error;
        const state = metadata["state"] === undefined ? {} : { state: metadata["state"] };
        const response = { refused: reason, ...state };
        this.write({ type: "fail", id, process, at: nowUs(), response });
        return response;
      }
      this.write({ type: "unknown", id, process, at: nowUs(), error: String(error) });
      if (!(error instanceof UnavailableError)) this.writeBug(process, error);
      return undefined;
    }
  }

  /** Records what no fault explains. */
  writeBug(process: string, error: unknown): void {
    const code = error instanceof CallFailedError ? ` (${error.code})` : "";
    const text = `${String(error)}${code}`;
    this.write({ type: "bug", at: nowUs(), process, error: text });
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Reads a history that was kept. */
export function readHistory(file: string): readonly Line[] {
  const texts = readFileSync(file, "utf8").split("\n");
  return texts.filter((text) => text !== "").map((text) => JSON.parse(text) as Line);
}
