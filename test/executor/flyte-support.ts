import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  ContainerError_Kind as ContainerErrorKinds,
  ErrorDocumentSchema,
} from "../../gen/flyteidl2/core/execution_pb.ts";
import {
  type Container,
  type ContainerSchema,
  type TaskTemplate,
  TaskTemplateSchema,
} from "../../gen/flyteidl2/core/tasks_pb.ts";
import { OutputsSchema } from "../../gen/flyteidl2/task/common_pb.ts";
import { RunSpecSchema } from "../../gen/flyteidl2/task/run_pb.ts";
import { TaskSpecSchema } from "../../gen/flyteidl2/task/task_definition_pb.ts";
import { type JsValue, Reference } from "../../src/client/js-value.ts";

type ContainerInit = Exclude<MessageInitShape<typeof ContainerSchema>, Container>;
type TemplateInit = Exclude<MessageInitShape<typeof TaskTemplateSchema>, TaskTemplate>;

/** The folder of a server's Flyte services, with its parts. */
export class FlyteFolder {
  readonly path: string;
  readonly runBase: string;

  constructor(path: string, run = "r") {
    this.path = path;
    this.runBase = join(path, "runs", "p--d", run);
    mkdirSync(join(path, "specs"), { recursive: true });
  }

  /** Keeps bytes by their digest. */
  put(bytes: Uint8Array): Reference {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const uri = join(this.path, "specs", sha256);
    writeFileSync(uri, bytes);
    return new Reference({ uri, sha256, sizeBytes: bytes.length });
  }

  /** Keeps the spec of a task whose container is as said. */
  putTask(container: ContainerInit): Reference {
    return this.putTemplate({ target: { case: "container", value: container } });
  }

  /** Keeps the spec of a task with any template. */
  putTemplate(template: TemplateInit): Reference {
    const taskTemplate = create(TaskTemplateSchema, template);
    return this.put(toBinary(TaskSpecSchema, create(TaskSpecSchema, { taskTemplate })));
  }

  /** Keeps the spec of a run. */
  putRun(envs: Readonly<Record<string, string>> = {}, startTime = new Date(Date.UTC(2026, 0, 2))): Reference {
    const values = Object.entries(envs).map(([key, value]) => ({ key, value }));
    const spec = create(RunSpecSchema, { envs: { values }, runStartTime: timestampFromDate(startTime) });
    return this.put(toBinary(RunSpecSchema, spec));
  }

  /** The inputs of an assignment. */
  inputs(spec: Reference, runSpec: Reference | undefined = this.putRun()): Record<string, JsValue> {
    return {
      spec,
      input_uri: join(this.path, "inputs", "inputs.pb"),
      run_output_base: this.runBase,
      task: { org: "acme", name: "interop.double" },
      group: "",
      ...(runSpec !== undefined && { run_spec: runSpec }),
    };
  }

  /** A text that an attempt wrote. */
  read(action: string, attempt: number, name: string): string {
    return readFileSync(join(this.runBase, action, String(attempt), name), "utf8");
  }
}

/** The container of a shell script, whose further arguments are `$1` and so on. */
export function shell(script: string, ...args: string[]): ContainerInit {
  return { image: "none/none:none", command: ["sh", "-c"], args: [script, "sh", ...args] };
}

/** The outputs of a task, as the SDK leaves them, that a shell's `printf` writes. */
export function outputsFile(...names: string[]): string {
  const value = { value: { case: "scalar", value: { value: { case: "noneType", value: {} } } } } as const;
  const literals = names.map((name) => ({ name, value }));
  return toPrintable(toBinary(OutputsSchema, create(OutputsSchema, { literals })));
}

/** An error file of a task, as the SDK leaves it, that a shell's `printf` writes. */
export function errorFile(code: string, message: string, isRecoverable: boolean): string {
  const kind = isRecoverable ? ContainerErrorKinds.RECOVERABLE : ContainerErrorKinds.NON_RECOVERABLE;
  const bytes = toBinary(
    ErrorDocumentSchema,
    create(ErrorDocumentSchema, { error: { code, message, kind } }),
  );
  return toPrintable(bytes);
}

function toPrintable(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
