import type { CommandArguments } from "./command-arguments.ts";
import { UsageError } from "./usage-error.ts";

/** The time that `--for` or `--until` says; undefined if neither is said. */
export function readTime(given: CommandArguments, nowMs: number = Date.now()): Date | undefined {
  const forMs = given.durationMs("for");
  const until = given.text("until");
  if (forMs !== undefined && until !== undefined) throw new UsageError("say either --for or --until");
  if (forMs !== undefined) return new Date(nowMs + forMs);
  if (until === undefined) return undefined;
  const timeMs = Date.parse(until);
  if (Number.isNaN(timeMs)) {
    throw new UsageError(
      `--until is ${JSON.stringify(until)}, which is no time: say 2026-12-01T09:00 or 2026-12-01T09:00Z`,
    );
  }
  return new Date(timeMs);
}
