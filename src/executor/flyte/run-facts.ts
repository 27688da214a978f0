import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type RunSpec, RunSpecSchema } from "../../../gen/flyteidl2/task/run_pb.ts";
import { Reference, type TaskContext } from "../../worker/worker.ts";
import { ProgramFailed } from "../attempt-failure.ts";
import { runsKnownMax } from "../executor-limits.ts";
import { inputNames, rootAction } from "./flyte-task.ts";
import { readReferred } from "./plain-file.ts";

/** What all tasks of a run are told. */
export interface RunFacts {
  /** When the run began, as RFC 3339 has it; it never changes. */
  readonly startTime: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What the places of the files of its tasks begin with; empty if it is not said. */
  readonly rawDataPrefix: string;
}

/** What asks the server about runs. */
export interface RunLookup {
  /** When a run was created. */
  createTimeOf(run: RunReference): Promise<Date | undefined>;
  /** An input of an action, if it is a value. */
  inputOf(run: RunReference, action: string, input: string): Promise<unknown>;
}

/** Which run. */
export type RunReference = Pick<TaskContext, "namespace" | "runId">;

/** Knows the facts of runs; of the 1,000 that were asked for last each is looked up once. */
export class RunFactsByRun {
  readonly #lookup: RunLookup;
  readonly #known = new Map<string, Promise<RunFacts>>();

  constructor(lookup: RunLookup) {
    this.#lookup = lookup;
  }

  /** The facts of a run, whose RunSpec an assignment may have said. Throws what may be tried again. */
  async factsOf(run: RunReference, runSpec: Reference | undefined): Promise<RunFacts> {
    const key = `${run.namespace}/${run.runId}`;
    const known = this.#known.get(key) ?? this.#read(run, runSpec);
    // The one that was asked for last is the last to be forgotten.
    this.#known.delete(key);
    this.#known.set(key, known);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= runsKnownMax) break;
      this.#known.delete(oldest);
    }
    try {
      return await known;
    } catch (error) {
      if (this.#known.get(key) === known) this.#known.delete(key);
      throw error;
    }
  }

  async #read(run: RunReference, stated: Reference | undefined): Promise<RunFacts> {
    const runSpec = stated ?? (await this.#ask(() => this.#runSpecOf(run)));
    const spec = runSpec && (await readReferred(RunSpecSchema, runSpec));
    const startTime = spec?.runStartTime
      ? timestampDate(spec.runStartTime)
      : await this.#ask(() => this.#lookup.createTimeOf(run));
    return {
      startTime: (startTime ?? new Date(0)).toISOString(),
      environment: environmentOf(spec),
      rawDataPrefix: spec?.rawDataStorage?.rawDataPrefix ?? "",
    };
  }

  async #runSpecOf(run: RunReference): Promise<Reference | undefined> {
    const value = await this.#lookup.inputOf(run, rootAction, inputNames.runSpec);
    return value instanceof Reference ? value : undefined;
  }

  async #ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    try {
      return await question();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ProgramFailed("RunUnknown", `the server did not say what the run is: ${message}`);
    }
  }
}

function environmentOf(spec: RunSpec | undefined): Record<string, string> {
  const pairs = spec?.envs?.values ?? [];
  return Object.fromEntries(pairs.filter(({ key }) => key !== "").map(({ key, value }) => [key, value]));
}
