import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Abilities } from "./cases/case.ts";
import { cases } from "./cases/cases.ts";
import { whyNoMount } from "./cases/disk.ts";
import { buildDiskFaults } from "./faults/disk.ts";
import { readHistory } from "./history/history.ts";
import { judge } from "./history/judge.ts";
import { parts } from "./parts.ts";
import { type PartResult, printReport, type Skipped, violationsOf } from "./report.ts";
import { type CaseResult, runCase } from "./run-case.ts";

const help = `node test/proof/proof.ts: real processes under faults, judged offline.

  --seconds N   how long it may take, about; 120 unless said
  --seed N      the seed of the first history, the others follow; by chance unless said
  --only NAME   only this one, any number of times, of:
                ${[...cases, ...parts].map(({ name }) => name).join(", ")}
  --keep        keep every history, not only those that break a promise
  --judge FILE  judge a history that was kept, and do nothing else

The exit status is 1 if any promise was broken; with CI=true in the environment also if anything was skipped
but for want of the right to mount.
`;

/** 8 s for a world to start and to come to rest, beside the time in which it is injured. */
const restMs = 8_000;
/** A quarter more than the time that was given: what the first round of cases may take on a slow machine. */
const graceShare = 0.25;
/** 2 to 10 s of faults in a history: enough of them to meet, few enough that many histories fit. */
const faultsMs = { min: 2_000, max: 10_000 };

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function judgeFile(file: string): number {
  const { violations, operations, keyCount } = judge(readHistory(file));
  for (const violation of violations) say(violation);
  say(`${JSON.stringify({ ...operations, keyCount })}: ${violations.length} violations`);
  return violations.length === 0 ? 0 : 1;
}

async function prove(options: {
  readonly seconds: number;
  readonly seed: number;
  readonly only: readonly string[];
  readonly keeps: boolean;
}): Promise<number> {
  const { seconds, seed, only, keeps } = options;
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "signalbox-proof-"));
  const abilities: Abilities = { diskFaults: buildDiskFaults(folder), noMount: whyNoMount(folder) };
  const isWanted = ({ name }: { readonly name: string }) => only.length === 0 || only.includes(name);
  const skipped: Skipped[] = [];
  const skip = (name: string, because: string): void => {
    skipped.push({ name, because });
    say(`!!! SKIPPED ${name}: ${because}`);
  };
  say(`seed ${seed}; files in ${folder}`);

  const partResults: PartResult[] = [];
  const wantedParts = parts.filter(isWanted);
  const partsMs = wantedParts.reduce((sum, part) => sum + part.seconds(seconds) * 1_000, 0);
  // The cases have what the parts leave, and half of the time at least.
  const casesEndAt = startedAt + Math.max(seconds * 500, seconds * 1_000 - partsMs);

  const able = cases.filter(isWanted).filter((proofCase) => {
    const missing = proofCase.missing?.(abilities);
    if (missing !== undefined) skip(proofCase.name, missing);
    return missing === undefined;
  });
  const fixedMs = able.reduce((sum, { forMs }) => sum + (forMs ?? 0) + restMs, 0);
  const freeCount = able.filter(({ forMs }) => forMs === undefined).length;
  const shareMs = (casesEndAt - performance.now() - fixedMs) / Math.max(1, freeCount);
  const forMs = Math.round(Math.min(faultsMs.max, Math.max(faultsMs.min, shareMs)));
  const results: CaseResult[] = [];
  for (let index = 0; able.length > 0; index += 1) {
    const proofCase = able[index % able.length];
    if (proofCase === undefined) break;
    const neededMs = Math.max(forMs, proofCase.forMs ?? 0) + restMs;
    const isFirstRound = index < able.length;
    // The first round goes on a little beyond the time; what it does not come to is said.
    const latest = isFirstRound ? casesEndAt + seconds * 1_000 * graceShare : casesEndAt - neededMs;
    if (performance.now() > latest) {
      if (isFirstRound) for (const { name } of able.slice(index)) skip(name, `no time in ${seconds} s`);
      break;
    }
    const run = { seed: seed + index, folder, abilities, forMs, keeps };
    let result: CaseResult;
    try {
      result = await runCase(proofCase, run);
    } catch (error) {
      partResults.push({
        name: proofCase.name,
        figures: {},
        violations: [`it cannot run: ${String(error)}`],
      });
      say(`${proofCase.name} cannot run: ${String(error)}`);
      continue;
    }
    results.push(result);
    const { operations, violations, keyCount } = result.judgement;
    const faults = [...result.faults].map(([kind, count]) => `${count} × ${kind}`).join(", ");
    say(`${result.name} (seed ${result.seed}, ${Math.round(result.tookMs / 1_000)} s): ${faults}`);
    say(
      `    ${operations.invoke} operations, ${operations.unknown} unknown, on ${keyCount} runs: ` +
        `${violations.length} violations`,
    );
    for (const violation of violations.slice(0, 20)) say(`    ${violation.slice(0, 2_000)}`);
    if (result.keptFile !== undefined) say(`    kept: ${result.keptFile}`);
  }

  for (const part of wantedParts) {
    const partSeconds = part.seconds(seconds);
    const result = await part.run({ seconds: partSeconds, seed, abilities });
    if ("skipped" in result) skip(part.name, result.skipped);
    else {
      partResults.push({ name: part.name, ...result });
      say(`${part.name}: ${JSON.stringify(result.figures)}, ${result.violations.length} violations`);
      for (const violation of result.violations) say(`    ${violation}`);
    }
  }

  const tookMs = performance.now() - startedAt;
  const all = { cases: results, parts: partResults, skipped, tookMs };
  const violations = violationsOf(all);
  if (!keeps && violations.length === 0) rmSync(folder, { recursive: true, force: true });
  say(`\n${printReport(all)}\n`);
  for (const { name, because } of skipped) say(`!!! SKIPPED ${name}: ${because}`);
  for (const violation of violations.slice(0, 5)) say(`VIOLATION ${violation.slice(0, 300)}`);
  say(violations.length === 0 ? "nothing lost, nothing twice" : `${violations.length} VIOLATIONS`);
  // Where changes are judged everything must run, but for what takes rights that not every machine gives.
  const isIncomplete =
    process.env["CI"] === "true" && skipped.some(({ because }) => because !== abilities.noMount);
  if (isIncomplete) say("INCOMPLETE: in CI nothing may be skipped");
  return violations.length === 0 && !isIncomplete ? 0 : 1;
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    seed: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    keep: { type: "boolean", default: false },
    judge: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const { seconds, seed = `${Math.floor(Math.random() * 1_000_000)}`, only, keep } = values;
if (values.help) say(help);
else if (values.judge !== undefined) process.exitCode = judgeFile(values.judge);
else {
  process.exitCode = await prove({ seconds: Number(seconds), seed: Number(seed), only, keeps: keep });
}
