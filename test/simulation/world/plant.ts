import type { Engine } from "../../../src/engine/engine.ts";
import type { DiskOptions } from "./disk.ts";

/** A bug to be planted in a simulation: in the rules, in the store, or in the engine. */
export interface Plant {
  readonly disk?: Omit<DiskOptions, "onJudged">;
  /** Called with each engine before it starts. */
  readonly engine?: (engine: Engine) => void;
}
