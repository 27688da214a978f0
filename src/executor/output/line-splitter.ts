import { directiveBytesMax, lineBytesMax } from "../executor-limits.ts";
import { directiveMark } from "./directive.ts";

/** A line of a program's output, without its end. */
export interface OutputLine {
  readonly text: string;
  /** How many of its bytes are left out, since it was too long. */
  readonly cutBytes: number;
}

const lineFeed = 10;
const carriageReturn = 13;
const mark = Buffer.from(directiveMark);
/** 1 KiB: most lines are shorter. */
const roomBytesMin = 1024;

/**
 * Splits what a program writes into lines, which end with `\n`, `\r\n`, or the `\r` of a progress bar. Empty
 * lines are left out. Of a line that is too long the beginning is kept, so that no more than that is ever
 * held: 64 KiB, or 1.25 MiB of a directive.
 */
export class LineSplitter {
  #line = Buffer.allocUnsafe(roomBytesMin);
  #keptBytes = 0;
  #cutBytes = 0;

  /** The lines that end in the next piece of output. */
  push(chunk: Buffer): OutputLine[] {
    const lines: OutputLine[] = [];
    let start = 0;
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index];
      if (byte === lineFeed || byte === carriageReturn) {
        this.#keep(chunk.subarray(start, index));
        start = index + 1;
        lines.push(...this.end());
      }
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The line that has begun, if one has: nothing more comes. */
  end(): OutputLine[] {
    if (this.#keptBytes === 0) {
      return [];
    }
    const line = { text: this.#line.toString("utf8", 0, this.#keptBytes), cutBytes: this.#cutBytes };
    if (this.#line.length > lineBytesMax) this.#line = Buffer.allocUnsafe(roomBytesMin);
    this.#keptBytes = 0;
    this.#cutBytes = 0;
    return [line];
  }

  #keep(part: Buffer): void {
    // Up to the mark everything is kept, so that there is always enough of a line to see which kind it is.
    const begun = Math.min(part.length, Math.max(0, mark.length - this.#keptBytes));
    this.#append(part.subarray(0, begun));
    const rest = part.subarray(begun);
    const isDirective = this.#line.subarray(0, Math.min(this.#keptBytes, mark.length)).equals(mark);
    const kept = rest.subarray(0, (isDirective ? directiveBytesMax : lineBytesMax) - this.#keptBytes);
    this.#append(kept);
    this.#cutBytes += rest.length - kept.length;
  }

  #append(part: Buffer): void {
    const wantedBytes = this.#keptBytes + part.length;
    if (wantedBytes > this.#line.length) {
      const grown = Buffer.allocUnsafe(Math.max(wantedBytes, 2 * this.#line.length));
      this.#line.copy(grown, 0, 0, this.#keptBytes);
      this.#line = grown;
    }
    part.copy(this.#line, this.#keptBytes);
    this.#keptBytes = wantedBytes;
  }
}
