import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { TaskContext } from "../../worker/worker.ts";
import {
  errorLinesLengthMax,
  errorLinesMax,
  errorTailLength,
  readBytesPerInterval,
  readIntervalMs,
  waitingEventBytesMax,
  waitingEventsMax,
} from "../executor-limits.ts";
import { type Directive, directiveMark, readDirective, type SaidError } from "./directive.ts";
import { LineSplitter, type OutputLine } from "./line-splitter.ts";
import { LogPacer } from "./log-pacer.ts";

type Stream = "stdout" | "stderr";

/** Lines of standard error that say what kind of line they are. */
const errorLine = /^\W*(error|fatal|critical|panic|traceback|exception)\b/i;

/**
 * What a program writes, as reports of its attempt: directives as what they say, all other lines as log
 * events.
 *
 * The program's pipes are read no faster than 5 MiB a second each, and not while many of its events wait to
 * be recorded: then the program waits on its pipe. Nothing is held without a bound.
 */
export class AttemptOutput {
  readonly #context: TaskContext;
  readonly #logs: LogPacer;
  #events: Promise<void>[] = [];
  #eventBytes = 0;
  #errorTail = "";
  #saidError: SaidError | undefined;
  /** How many streams are not read at the moment, although there may be more to read. */
  #heldUpCount = 0;

  constructor(context: TaskContext) {
    this.#context = context;
    this.#logs = new LogPacer((level, text) => context.log(level, text));
  }

  /** The last error that the program said it has failed with. */
  get saidError(): SaidError | undefined {
    return this.#saidError;
  }

  /** The end of what it wrote to standard error: at most 16 Ki characters. */
  get errorTail(): string {
    return this.#errorTail.trimEnd();
  }

  /** The last lines of that, for a message: at most 10 of them, and 2,000 characters. */
  get lastErrorLines(): string {
    const lines = this.errorTail.split("\n").slice(-errorLinesMax).join("\n");
    return lines.slice(-errorLinesLengthMax).toWellFormed();
  }

  /** True while there may be something to read that has to wait for the time or for the server. */
  get isHeldUp(): boolean {
    return this.#heldUpCount > 0;
  }

  /** Reads a stream to its end, or until it is destroyed. Never rejects. */
  async read(stream: Readable, name: Stream): Promise<void> {
    const splitter = new LineSplitter();
    const window = { endsAt: 0, bytes: 0 };
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        this.#heldUpCount += 1;
        for (const line of splitter.push(chunk)) {
          this.#take(line, name);
          if (this.#isFull) await this.#eventsRecorded();
        }
        await pace(window, chunk.length);
        this.#heldUpCount -= 1;
      }
    } catch {
      // A stream that is destroyed has nothing more to say.
    }
    for (const line of splitter.end()) this.#take(line, name);
  }

  /** Lets everything through that is held back, and waits for the events: the program has ended. */
  async end(): Promise<void> {
    this.#logs.end();
    await Promise.all(this.#events);
  }

  #take(line: OutputLine, stream: Stream): void {
    const { text, cutBytes } = line;
    if (stream === "stdout" && text.startsWith(directiveMark)) {
      this.#direct(text.slice(directiveMark.length), cutBytes);
    } else if (stream === "stdout") {
      this.#logs.line("info", text, cutBytes);
    } else {
      this.#errorTail = `${this.#errorTail}${text}\n`.slice(-errorTailLength);
      this.#logs.line(errorLine.test(text) ? "error" : "warn", text, cutBytes);
    }
  }

  #direct(text: string, cutBytes: number): void {
    const read = cutBytes > 0 ? ({ ok: false, mistake: "it is too long" } as const) : readDirective(text);
    if (read.ok) {
      this.#obey(read.directive, text.length);
    } else {
      this.#complain(`a directive was left out: ${read.mistake}: ${text.slice(0, 200).toWellFormed()}`);
    }
  }

  #obey(directive: Directive, length: number): void {
    switch (directive.kind) {
      case "progress":
        return this.#context.progress(directive.percent, directive.message);
      case "log":
        return this.#logs.line(directive.level, directive.message);
      case "heartbeat":
        return this.#context.heartbeat();
      case "error":
        this.#saidError = directive.error;
        return;
      case "event": {
        // A waiting event takes a copy of its text, and the same again as a message.
        const sizeBytes = 4 * length;
        // What the contract refuses is thrown at once, and told like what the server refuses.
        const recorded = Promise.resolve()
          .then(() => this.#context.event(directive.event))
          .catch((error: unknown) => this.#eventRefused(error))
          .then(() => {
            this.#eventBytes -= sizeBytes;
            this.#events = this.#events.filter((one) => one !== recorded);
          });
        this.#eventBytes += sizeBytes;
        this.#events.push(recorded);
        return;
      }
    }
  }

  /** Waits until there is room for further events. */
  async #eventsRecorded(): Promise<void> {
    while (this.#isFull) await Promise.race(this.#events);
  }

  get #isFull(): boolean {
    return this.#events.length >= waitingEventsMax || this.#eventBytes >= waitingEventBytesMax;
  }

  #eventRefused(error: unknown): void {
    if (!this.#context.signal.aborted) {
      this.#complain(`an event was left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #complain(text: string): void {
    this.#logs.line("warn", text);
  }
}

/** Waits for the end of the interval once enough was read in it. */
async function pace(window: { endsAt: number; bytes: number }, readBytes: number): Promise<void> {
  const now = performance.now();
  if (now >= window.endsAt) {
    window.endsAt = now + readIntervalMs;
    window.bytes = 0;
  }
  window.bytes += readBytes;
  if (window.bytes >= readBytesPerInterval) await delay(window.endsAt - now);
}
