import type { CaseResult } from "./run-case.ts";

/** A part of the proof that is not a load under faults, such as the simulation. */
export interface PartResult {
  readonly name: string;
  /** Figures, by what they count. */
  readonly figures: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

/** What was not run, and why. */
export interface Skipped {
  readonly name: string;
  readonly because: string;
}

/** Everything that a proof has found. */
export interface ProofResults {
  readonly cases: readonly CaseResult[];
  readonly parts: readonly PartResult[];
  readonly skipped: readonly Skipped[];
  readonly tookMs: number;
}

/** Every promise that was broken, with where. */
export function violationsOf({ cases, parts }: ProofResults): readonly string[] {
  return [
    ...cases.flatMap(({ name, seed, judgement }) =>
      judgement.violations.map((violation) => `${name} (seed ${seed}): ${violation}`),
    ),
    ...parts.flatMap(({ name, violations }) => violations.map((violation) => `${name}: ${violation}`)),
  ];
}

/** The figures of a proof as a table in Markdown. */
export function printReport(results: ProofResults): string {
  const { cases, parts, skipped } = results;
  const sum = (count: (result: CaseResult) => number) => cases.reduce((total, one) => total + count(one), 0);
  const seeds = cases.map(({ seed }) => seed);
  const rows: (readonly [string, string | number])[] = [
    ["histories of real processes, each from a seed of its own", cases.length],
    ["seeds", seeds.length === 0 ? "none" : `${Math.min(...seeds)} to ${Math.max(...seeds)}`],
    ...faultRows(cases),
    ["operations: invoke", sum(({ judgement }) => judgement.operations.invoke)],
    ["operations: ok", sum(({ judgement }) => judgement.operations.ok)],
    ["operations: fail (refused)", sum(({ judgement }) => judgement.operations.fail)],
    ["operations: unknown", sum(({ judgement }) => judgement.operations.unknown)],
    ["runs and conditions judged to be linear or not", sum(({ judgement }) => judgement.keyCount)],
    ["runs acknowledged", sum(({ judgement }) => judgement.acknowledgedRunCount)],
    ["events in the feeds", sum(({ judgement }) => judgement.eventCount)],
    ["streams of subscribers, with resumptions", sum(({ judgement }) => judgement.streamCount)],
    ...parts.flatMap(({ name, figures }) =>
      Object.entries(figures).map(([what, count]) => [`${name}: ${what}`, count] as const),
    ),
    ["skipped", skipped.length],
    ["violations: lost, doubled, torn or wrong", violationsOf(results).length],
    ["seconds", Math.round(results.tookMs / 1_000)],
  ];
  const lines = rows.map(([what, count]) => `| ${what} | ${count.toLocaleString("en-US")} |`);
  return ["| what | count |", "|--|--:|", ...lines].join("\n");
}

function faultRows(cases: readonly CaseResult[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { faults } of cases) {
    for (const [kind, count] of faults) counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  const sorted = [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
  return sorted.map(([kind, count]) => [`faults: ${kind}`, count]);
}
