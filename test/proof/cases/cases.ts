import type { Case } from "./case.ts";
import { diskFaults, diskFull, readOnly } from "./disk.ts";
import { idle, idleCut, network } from "./network.ts";
import { kills, power, stops } from "./processes.ts";

/** Every kind of faults, in the order in which they take their turns. */
export const cases: readonly Case[] = [
  kills,
  network,
  power,
  diskFaults,
  stops,
  idle,
  idleCut,
  diskFull,
  readOnly,
];
