/** Where the engine writes what an operator should know: facts first, then a sentence. Pino's loggers fit. */
export interface EngineLog {
  debug(facts: object, sentence: string): void;
  info(facts: object, sentence: string): void;
  warn(facts: object, sentence: string): void;
  error(facts: object, sentence: string): void;
}
