import type { NewOp } from "../../client/client.ts";
import { messageJson } from "../../client/message-json.ts";
import { toRetry, toTimeouts } from "../../client/plan.ts";
import { toOp } from "../../client/views/op.ts";
import { required } from "../../client/wire/calls.ts";
import { listPages } from "../../client/wire/pages.ts";
import type { Command } from "../command.ts";
import { retryFields, timeoutFields } from "../input/plan-file.ts";
import { JsonCheck, readJsonFile } from "../input/read-json-file.ts";
import { limitOption, writeList } from "../output/list-output.ts";
import { printAge } from "../output/print-duration.ts";
import { printValues } from "../output/print-value.ts";

/** `ops`: lists registered operations. */
export const opsCommand: Command = {
  name: "ops",
  arguments: [],
  sentence: "lists the latest version of each registered op, by name",
  options: { limit: limitOption },
  async run({ given, screen, calls, signal }) {
    const list = listPages(async ({ size, token }) => {
      const request = { namespace: calls.namespace, pageSize: size, pageToken: token };
      const { ops, nextPageToken } = await calls.raw.ops.listOps(request, { signal });
      return { items: ops, nextPageToken, last: nextPageToken === "" };
    });
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.op,
      headings: ["OP", "VERSION>", "AGE>", "LABELS", "DESCRIPTION"],
      toRow: (message) => {
        const { name, version, createTime, labels, description } = toOp(message);
        return [name, String(version), printAge(createTime, new Date()), printValues(labels), description];
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
    "The file: {name, description, labels, retry, timeouts}, of which all but the name may be left out.",
    "retry: {maxAttempts, initialBackoffMs, multiplier, backoffMsMax, jitter, nonRetryableErrorTypes}",
    "timeouts: {queueToStartMs, startToEndMs, heartbeatMs}",
  ],
  options: {},
  async run({ given, screen, calls, signal }) {
    const { name, description = "", labels = {}, retry, timeouts } = readOpFile(given.argument(0));
    const op = {
      namespace: calls.namespace,
      name,
      description,
      labels,
      ...(retry === undefined ? {} : { retry: toRetry(retry) }),
      ...(timeouts === undefined ? {} : { timeouts: toTimeouts(timeouts) }),
    };
    const answer = required((await calls.raw.ops.registerOp({ op }, { signal })).op);
    if (screen.json) {
      screen.line(messageJson.op(answer));
    } else {
      screen.line(`${answer.name} version ${answer.version}`);
    }
  },
};

function readOpFile(path: string): NewOp {
  const check = new JsonCheck();
  const op = check.object(readJsonFile(path), "the op", {
    "name!": "text",
    description: "text",
    labels: "labels",
    retry: "object",
    timeouts: "object",
  });
  if (op?.["retry"] !== undefined) {
    check.object(op["retry"], "retry", retryFields);
  }
  if (op?.["timeouts"] !== undefined) {
    check.object(op["timeouts"], "timeouts", timeoutFields);
  }
  check.finish(path);
  return op as unknown as NewOp;
}
