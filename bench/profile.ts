import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The part of a V8 CPU profile that is looked at. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Where the time of one thread went. */
interface Spent {
  readonly title: string;
  readonly us: number;
}

const linesPerThread = 25;

/**
 * Prints, for each thread of each process, where its time went: by file and function, without what it called.
 */
export function printProfiles(folder: string): void {
  for (const part of readdirSync(folder)) {
    for (const file of readdirSync(join(folder, part)).sort()) {
      if (file.endsWith(".cpuprofile")) printProfile(`${part}: ${file}`, join(folder, part, file));
    }
  }
}

function printProfile(title: string, path: string): void {
  const profile = JSON.parse(readFileSync(path, "utf8")) as Profile;
  const { byFunction, byPackage, busyUs, totalUs } = spend(profile);
  process.stdout.write(
    `\n${title}: busy ${(busyUs / 1_000_000).toFixed(1)} of ${(totalUs / 1_000_000).toFixed(1)} s\n`,
  );
  for (const spent of [byPackage, byFunction]) {
    for (const { title: where, us } of spent.slice(0, linesPerThread)) {
      process.stdout.write(`  ${((100 * us) / busyUs).toFixed(1).padStart(5)} %  ${where}\n`);
    }
    process.stdout.write("\n");
  }
}

function spend({ nodes, samples, timeDeltas }: Profile) {
  const usById = new Map<number, number>();
  samples.forEach((id, index) => {
    usById.set(id, (usById.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  });
  const byFunction = new Map<string, number>();
  const byPackage = new Map<string, number>();
  let busyUs = 0;
  let totalUs = 0;
  for (const { id, callFrame } of nodes) {
    const us = usById.get(id) ?? 0;
    totalUs += us;
    if (callFrame.functionName === "(idle)") continue;
    busyUs += us;
    const place = placeOf(callFrame.url);
    add(byFunction, `${callFrame.functionName || "(anonymous)"} ${place}:${callFrame.lineNumber + 1}`, us);
    add(byPackage, place === "" ? callFrame.functionName : packageOf(place), us);
  }
  return { byFunction: sorted(byFunction), byPackage: sorted(byPackage), busyUs, totalUs };
}

function add(usByTitle: Map<string, number>, title: string, us: number): void {
  usByTitle.set(title, (usByTitle.get(title) ?? 0) + us);
}

function sorted(usByTitle: ReadonlyMap<string, number>): readonly Spent[] {
  return [...usByTitle].map(([title, us]) => ({ title, us })).sort((one, other) => other.us - one.us);
}

/** A module's place, from its package or the folder of the sources on. */
function placeOf(url: string): string {
  const packaged = /node_modules\/(.*)$/.exec(url)?.[1];
  return packaged ?? /\/((?:src|gen|bench)\/.*)$/.exec(url)?.[1] ?? url;
}

function packageOf(place: string): string {
  if (place.startsWith("@")) return place.split("/").slice(0, 2).join("/");
  return place.split("/").slice(0, 3).join("/");
}
