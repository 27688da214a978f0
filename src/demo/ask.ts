import { createInterface } from "node:readline/promises";

/** A question at the terminal that can be taken back. */
export interface Question {
  /** The answer, or undefined if it was taken back or the terminal was closed. */
  readonly answer: Promise<boolean | undefined>;
  withdraw(): void;
}

/** Asks for y or n at the terminal, again until it is one of them. */
export function ask(question: string): Question {
  const withdrawn = new AbortController();
  return {
    answer: readAnswer(question, withdrawn.signal),
    withdraw: () => withdrawn.abort(),
  };
}

async function readAnswer(question: string, signal: AbortSignal): Promise<boolean | undefined> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new AbortController();
  terminal.once("close", () => closed.abort());
  // While it asks, the terminal hands Ctrl-C to the question instead of making a signal of it.
  terminal.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    for (;;) {
      const text = await terminal.question(question, { signal: AbortSignal.any([signal, closed.signal]) });
      const word = text.trim().toLowerCase();
      if (word === "y" || word === "yes" || word === "true") return true;
      if (word === "n" || word === "no" || word === "false") return false;
    }
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") return undefined;
    throw error;
  } finally {
    terminal.close();
  }
}
