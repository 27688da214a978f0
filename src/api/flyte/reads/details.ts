import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { type RunSpec, RunSpecSchema } from "../../../../gen/flyteidl2/task/run_pb.ts";
import { type TaskSpec, TaskSpecSchema } from "../../../../gen/flyteidl2/task/task_definition_pb.ts";
import type { ActionDetails, RunDetails } from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import type { Action } from "../../../core/action.ts";
import type { Run } from "../../../core/run.ts";
import { findAction, findRun, type NamedAction } from "../find-action.ts";
import { specsKeptMax } from "../flyte-limits.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import type { NamedRun } from "../mapping/identifiers.ts";
import { toActionDetails, toRunAsAction } from "../mapping/to-action-details.ts";
import { rootAction } from "../names.ts";
import { inputNames, referenceOf } from "../stated.ts";

/** What details are read from. */
export type ReadParts = Pick<FlyteParts, "engine" | "views" | "blobs" | "log" | "stopping">;

/** An action that was found; undefined stands for a run that was not made through Flyte. */
export interface Found {
  readonly run: Run;
  readonly action: Action | undefined;
}

/** Reads all about actions. Specs of tasks, which many share and which never change, are kept for a while. */
export class Details {
  readonly #parts: ReadParts;
  readonly #specs = new Map<string, Promise<TaskSpec | undefined>>();

  constructor(parts: ReadParts) {
    this.#parts = parts;
  }

  /** The action that a request names, as it stands. Ends the call with NOT_FOUND if there is none. */
  async find(named: NamedAction): Promise<Found> {
    const { store } = this.#parts.engine;
    const run = await findRun(this.#parts, named);
    if (named.name !== rootAction) {
      // Most actions stand right below the first one.
      return { run, action: await findAction(this.#parts, named, rootAction) };
    }
    return { run, action: await store.action(run.key, rootAction) };
  }

  /** All about an action. */
  async ofAction(named: NamedRun, { run, action }: Found): Promise<ActionDetails> {
    if (action === undefined) return toRunAsAction(named, run);
    const { store } = this.#parts.engine;
    const isTask = action.spec.kind === "task";
    const [attempts, taskSpec] = await Promise.all([
      isTask ? store.listAttempts(run.key, action.name) : [],
      isTask ? this.#taskSpec(action) : undefined,
    ]);
    return toActionDetails(named, { run, action, attempts, taskSpec });
  }

  /** All about a run, by its first action. */
  async ofRun(named: NamedRun, found: Found): Promise<RunDetails> {
    const [action, runSpec] = await Promise.all([
      this.ofAction(named, found),
      this.#read<typeof RunSpecSchema>(RunSpecSchema, found.action, inputNames.runSpec),
    ]);
    const labels = { $typeName: "flyteidl2.task.Labels", values: { ...found.run.labels } } as const;
    const spec: RunSpec = runSpec ?? fromBinary(RunSpecSchema, new Uint8Array());
    return { $typeName: "flyteidl2.workflow.RunDetails", runSpec: { ...spec, labels }, action };
  }

  #taskSpec(action: Action): Promise<TaskSpec | undefined> {
    const uri = action.spec.kind === "task" ? referenceOf(action.spec, inputNames.spec) : undefined;
    if (uri === undefined) return Promise.resolve(undefined);
    const reading = this.#specs.get(uri) ?? this.#read(TaskSpecSchema, action, inputNames.spec);
    this.#specs.delete(uri);
    this.#specs.set(uri, reading);
    for (const oldest of this.#specs.keys()) {
      if (this.#specs.size <= specsKeptMax) break;
      this.#specs.delete(oldest);
    }
    return reading;
  }

  /** What an input refers to; undefined if there is none, or it cannot be read: the rest is worth showing. */
  async #read<D extends DescMessage>(
    schema: D,
    action: Action | undefined,
    input: string,
  ): Promise<MessageShape<D> | undefined> {
    const uri = action?.spec.kind === "task" ? referenceOf(action.spec, input) : undefined;
    if (uri === undefined) return undefined;
    try {
      return fromBinary(schema, await this.#parts.blobs.read(uri));
    } catch (error) {
      this.#specs.delete(uri);
      this.#parts.log.warn({ err: error, run: action?.run, action: action?.name }, "a spec cannot be read");
      return undefined;
    }
  }
}
