import { fromValues, type JsValues, toValues } from "../../client/js-value.ts";
import { messageJson } from "../../client/message-json.ts";
import { toOpMessage } from "../../client/parts/ops.ts";
import { type Op, toOp } from "../../client/views/op.ts";
import { required } from "../../client/wire/calls.ts";
import { listPages } from "../../client/wire/pages.ts";
import type { Command } from "../command.ts";
import { readOpFile } from "../input/op-file.ts";
import { readInput } from "../input/read-input.ts";
import { UsageError } from "../input/usage-error.ts";
import { limitOption, writeList } from "../output/list-output.ts";
import { printAge } from "../output/print-duration.ts";
import { printTime } from "../output/print-time.ts";
import { printValue, printValues } from "../output/print-value.ts";
import type { Screen } from "../output/screen.ts";
import { beginTable, writeFacts } from "../output/table.ts";

/** `ops`: lists registered operations. */
export const opsCommand: Command = {
  name: "ops",
  arguments: ["[PREFIX]"],
  sentence: "lists the latest version of each registered op, by name; with a prefix only some",
  options: { all: { sentence: "all versions, the latest first" }, limit: limitOption },
  async run({ given, screen, calls, signal }) {
    const which = {
      namespace: calls.namespace,
      allVersions: given.flag("all"),
      namePrefix: given.argumentIfGiven(0) ?? "",
    };
    const list = listPages(async ({ size, token }) => {
      const request = { ...which, pageSize: size, pageToken: token };
      const { ops, nextPageToken } = await calls.raw.ops.listOps(request, { signal });
      return { items: ops, nextPageToken, last: nextPageToken === "" };
    });
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.op,
      headings: ["OP", "VERSION>", "NAME", "AGE>", "LABELS", "DESCRIPTION"],
      toRow: (message) => {
        const { name, version, versionName, updateTime, labels, description } = toOp(message);
        const age = printAge(updateTime, new Date());
        return [name, String(version), versionName, age, printValues(labels), description];
      },
      nothing: "no ops are registered; a task needs none",
    });
  },
};

/** `op register`: registers an operation from a file. */
export const opRegisterCommand: Command = {
  name: "op register",
  arguments: ["FILE.json"],
  sentence: "registers an op, or a new version of it, from a JSON file (- is standard input)",
  notes: [
    "The file: {name, versionName, description, labels, inputs, allowExtraInputs, outputs, resources, placement,",
    "delivery, image, handler, retry, timeouts}, of which all but the name may be left out.",
    "inputs, outputs: a spec by name: {type, required, default, description, schema}; docs/ops.md says more",
    "resources: {cpu, ramMb, vramMb, deviceCount, deviceIndex}; placement: {workerLabels, tolerations}",
    "delivery: {topic, attributes}",
    "retry: {maxAttempts, initialBackoffMs, multiplier, backoffMsMax, jitter, nonRetryableErrorTypes, manual}",
    "timeouts: {queueToStartMs, startToEndMs, heartbeatMs}",
  ],
  options: {},
  async run({ given, screen, calls, signal }) {
    const op = toOpMessage(readOpFile(given.argument(0)), calls.namespace);
    const answer = required((await calls.raw.ops.registerOp({ op }, { signal })).op);
    if (screen.json) {
      screen.line(messageJson.op(answer));
    } else {
      screen.line(`${answer.name} is registered, version ${answer.version}`);
    }
  },
};

/** `op show`: prints one version of an operation. */
export const opShowCommand: Command = {
  name: "op show",
  arguments: ["OP"],
  sentence: "tells all about an op, its latest version unless said",
  options: { version: { value: "N|NAME", sentence: "a version, by its number or its own name" } },
  async run({ given, screen, calls, signal }) {
    const text = given.text("version") ?? "0";
    const isNumber = /^\d{1,9}$/.test(text);
    const version = isNumber ? { version: Number(text) } : { versionName: text };
    const request = { namespace: calls.namespace, name: given.argument(0), ...version };
    const op = required((await calls.raw.ops.getOp(request, { signal })).op);
    if (screen.json) {
      screen.line(messageJson.op(op));
    } else {
      writeOp(screen, toOp(op));
    }
  },
};

function writeOp(screen: Screen, op: Op): void {
  const { workerLabels = {}, tolerations = [] } = op.placement ?? {};
  const { topic = "", attributes = {} } = op.delivery ?? {};
  writeFacts(screen, [
    ["op", op.name],
    ["version", [String(op.version), op.versionName].join(" ").trim()],
    ["description", op.description],
    ["labels", printValues(op.labels)],
    ["resources", printValues({ ...op.resources })],
    ["worker labels", printValues(workerLabels)],
    ["tolerates", tolerations.map(({ key, value }) => (value ? `${key}=${value}` : key)).join(", ")],
    ["image", op.image],
    ["handler", op.handler],
    ["retry", printValues({ ...op.retry } as JsValues)],
    ["timeouts", printValues({ ...op.timeouts })],
    ["topic", [topic, printValues(attributes)].join(" ").trim()],
    ["registered", printTime(op.createTime)],
    ["this version", printTime(op.updateTime)],
    ["other inputs", op.allowExtraInputs ? "taken, too" : ""],
  ]);
  const specs = [
    ...Object.entries(op.inputs).map(([name, spec]) => ["input", name, spec] as const),
    ...Object.entries(op.outputs).map(([name, spec]) => ["output", name, spec] as const),
  ];
  if (specs.length > 0) screen.line("");
  beginTable(screen, ["", "NAME", "TYPE", "GIVEN", "DEFAULT", "DESCRIPTION"]).add(
    specs.map(([side, name, spec]) => {
      const isInput = "required" in spec;
      const given = isInput ? (spec.required === false ? "optional" : "required") : "";
      const value = isInput && spec.default !== undefined ? printValue(spec.default) : "";
      return [side, name, spec.type, given, value, spec.description ?? ""];
    }),
  );
}

/** `op delete`: deletes an operation. */
export const opDeleteCommand: Command = {
  name: "op delete",
  arguments: ["OP"],
  sentence: "deletes an op with all its versions, or one; refused while tasks of it have not ended",
  options: {
    version: { value: "N", sentence: "only this version" },
    force: { sentence: "also while tasks of it have not ended: they keep what they copied" },
  },
  async run({ given, screen, calls, signal }) {
    const version = given.integer("version", { min: 1, max: 2 ** 31 - 1 }) ?? 0;
    const request = { namespace: calls.namespace, name: given.argument(0), version };
    const { versionCount } = await calls.raw.ops.deleteOp(
      { ...request, force: given.flag("force") },
      { signal },
    );
    screen.line(
      screen.json
        ? JSON.stringify({ versionCount })
        : `${request.name} is deleted, versions: ${versionCount}`,
    );
  },
};

/** `op validate`: checks inputs against an operation. */
export const opValidateCommand: Command = {
  name: "op validate",
  arguments: ["OP"],
  sentence: "checks inputs and prints those that a run would start with, defaults filled in",
  options: {
    input: { value: "K=V", multiple: true, sentence: "an input of the op" },
    "input-json": { value: "JSON", sentence: "the inputs of the op as one JSON object" },
    version: { value: "N", sentence: "against this version instead of the latest" },
    bare: { sentence: "check them as they stand: a default does not stand in for a required input" },
  },
  examples: ["signalbox op validate resize --input width=800"],
  async run({ given, screen, calls, signal }) {
    const request = {
      namespace: calls.namespace,
      name: given.argument(0),
      version: given.integer("version", { min: 1, max: 2 ** 31 - 1 }) ?? 0,
      inputs: toInputs(readInput(given)),
    };
    if (given.flag("bare")) {
      await calls.raw.ops.validateInputs(request, { signal });
      screen.note("the inputs are valid");
      return;
    }
    const prepared = await calls.raw.ops.prepareInputs(request, { signal });
    if (screen.json) {
      screen.line(messageJson.preparedInputs(prepared));
      return;
    }
    for (const [name, value] of Object.entries(fromValues(prepared.inputs))) {
      screen.line(`${name}: ${printValue(value)}`);
    }
    screen.note(`the inputs are valid for ${request.name} version ${prepared.version}`);
  },
};

function toInputs(inputs: ReturnType<typeof readInput>) {
  try {
    return toValues(inputs, "the input");
  } catch (error) {
    throw error instanceof TypeError || error instanceof RangeError ? new UsageError(error.message) : error;
  }
}
