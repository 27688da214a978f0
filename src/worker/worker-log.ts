/** Where a worker says what happens to its session: facts first, then a sentence. A pino logger is one. */
export interface WorkerLog {
  debug(facts: object, sentence: string): void;
  info(facts: object, sentence: string): void;
  warn(facts: object, sentence: string): void;
  error(facts: object, sentence: string): void;
}

/** The log of a worker that is given none: warnings and errors on standard error, a line each. */
export const standardErrorLog: WorkerLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: (facts, sentence) => console.error(`signalbox worker: ${sentence} ${JSON.stringify(facts)}`),
  error: (facts, sentence) => console.error(`signalbox worker: ${sentence} ${JSON.stringify(facts)}`),
};
