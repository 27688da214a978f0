import { UsageError } from "./usage-error.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a duration such as `90s`, `1h30m` or `250ms` in milliseconds. `what` names it in the error. */
export function parseDurationMs(text: string, what: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new UsageError(
      `${what} is ${JSON.stringify(text)}, which is no duration: say 90s, 5m, 1h30m or 250ms`,
    );
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ""] ?? 0), 0);
}
