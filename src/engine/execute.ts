import type { CommandKind, CommandOf } from "../core/command.ts";
import type { Outcome } from "../store/store.ts";

/** How the parts of the engine, and what lies above it, ask for a change; see `Engine.execute`. */
export type Execute = <K extends CommandKind>(command: CommandOf<K>) => Promise<Outcome<K>>;

/** The server is going down: nothing was done, and another server, or this one later, can be asked again. */
export class Stopping extends Error {
  constructor() {
    super("the server is stopping");
    this.name = "Stopping";
  }
}
