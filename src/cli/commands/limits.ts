import { messageJson } from "../../client/message-json.ts";
import { type NewLimit, toLimitMessage } from "../../client/parts/limits.ts";
import { type Limit, type LimitScope, toLimit, toLimitUse } from "../../client/views/limit.ts";
import { required } from "../../client/wire/calls.ts";
import { listPages } from "../../client/wire/pages.ts";
import { withoutUndefined } from "../../client/without-undefined.ts";
import type { Command } from "../command.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import { parseDurationMs } from "../input/parse-duration.ts";
import { UsageError } from "../input/usage-error.ts";
import { limitOption, writeList } from "../output/list-output.ts";
import { printAge, printDuration } from "../output/print-duration.ts";
import { printTime } from "../output/print-time.ts";
import { beginTable, writeFacts } from "../output/table.ts";

/** `limits`: lists limits. */
export const limitsCommand: Command = {
  name: "limits",
  arguments: [],
  sentence: "lists the limits on how many tasks run at once and how often they start",
  options: { limit: limitOption },
  async run({ given, screen, calls, signal }) {
    const list = listPages(async ({ size, token }) => {
      const request = { namespace: calls.namespace, pageSize: size, pageToken: token };
      const { limits, nextPageToken } = await calls.raw.limits.listLimits(request, { signal });
      return { items: limits, nextPageToken, last: nextPageToken === "" };
    });
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.limit,
      headings: ["LIMIT", "OF", "AT ONCE>", "RATE>", "WEIGHT>", "AGE>"],
      toRow: (message) => {
        const limit = toLimit(message);
        const { name, scope, updateTime } = limit;
        const age = printAge(updateTime, new Date());
        return [name, printScope(scope), printMost(limit), printRate(limit), printWeight(limit), age];
      },
      nothing: "no limits",
    });
  },
};

/** `limit show`: tells how much of a limit is in use. */
export const limitShowCommand: Command = {
  name: "limit show",
  arguments: ["NAME"],
  sentence: "tells what a limit is and how much of it is in use",
  options: {},
  async run({ given, screen, calls, signal }) {
    const request = { namespace: calls.namespace, name: given.argument(0) };
    const answer = await calls.raw.limits.getLimit(request, { signal });
    if (screen.json) {
      screen.line(messageJson.limitAnswer(answer));
      return;
    }
    const limit = toLimit(required(answer.limit));
    const uses = answer.uses.map(toLimitUse);
    const whole = isPerValue(limit) ? undefined : uses[0];
    writeFacts(screen, [
      ["limit", limit.name],
      ["of", printScope(limit.scope)],
      ["at once", printMost(limit)],
      ["rate", printRate(limit)],
      ["weight", printWeight(limit)],
      ["running", whole === undefined ? "" : String(whole.runningCount)],
      ["next start", printTime(whole?.nextStartTime)],
    ]);
    if (isPerValue(limit) && uses.length > 0) {
      screen.line("");
      beginTable(screen, ["VALUE", "RUNNING>", "NEXT START"]).add(
        uses.map(({ value, runningCount, nextStartTime }) => [
          value,
          String(runningCount),
          printTime(nextStartTime),
        ]),
      );
    }
  },
};

/** `limit set`: makes or changes a limit. */
export const limitSetCommand: Command = {
  name: "limit set",
  arguments: ["NAME"],
  sentence: "makes a limit, or replaces it: how many tasks may run at once, how often one may start",
  notes: [
    "It is of one --op, of tasks with a --label (K=V, or K alone for each value by itself), or --all of them.",
  ],
  options: {
    op: { value: "OP", sentence: "of tasks of this op" },
    label: { value: "K[=V]", sentence: "of tasks with this label, their own or their run's" },
    all: { sentence: "of all tasks of the namespace" },
    max: { value: "N", sentence: "how many may run at once (any number)" },
    rate: { value: "N/DURATION", sentence: "how many may start in that time, such as 100/1m" },
    weight: { value: "N", sentence: "with --all: its weight among namespaces that share workers (1)" },
  },
  examples: [
    "signalbox limit set gpu --op train --max 2",
    "signalbox limit set per-customer --label customer --max 5 --rate 100/1m",
  ],
  async run({ given, screen, calls, signal }) {
    const message = toLimitMessage(readLimit(given), calls.namespace);
    const answer = required((await calls.raw.limits.setLimit({ limit: message }, { signal })).limit);
    if (screen.json) {
      screen.line(messageJson.limit(answer));
      return;
    }
    const limit = toLimit(answer);
    const atOnce = limit.concurrentMax === 0 ? "" : `${limit.concurrentMax} at once`;
    const weight = limit.shareWeight === 0 ? "" : `weight ${limit.shareWeight}`;
    const held = [atOnce, printRate(limit), weight].filter((text) => text !== "");
    screen.line(`${limit.name} holds for ${printScope(limit.scope)}: ${held.join(", ")}`);
  },
};

/** `limit delete`: deletes a limit. */
export const limitDeleteCommand: Command = {
  name: "limit delete",
  arguments: ["NAME"],
  sentence: "deletes a limit: what waited for it may be assigned",
  options: {},
  async run({ given, screen, calls, signal }) {
    const request = { namespace: calls.namespace, name: given.argument(0) };
    await calls.raw.limits.deleteLimit(request, { signal });
    if (!screen.json) screen.line(`${request.name} is deleted`);
  },
};

function readLimit(given: CommandArguments): NewLimit {
  const scope = readScope(given);
  const concurrentMax = given.integer("max", { min: 1, max: 1_000_000 });
  const shareWeight = given.integer("weight", { min: 1, max: 1_000 });
  const rate = readRate(given.text("rate"));
  if (concurrentMax === undefined && rate === undefined && shareWeight === undefined) {
    throw new UsageError("limit set needs something to hold: --max, --rate or --weight");
  }
  if (shareWeight !== undefined && !("wholeNamespace" in scope)) {
    throw new UsageError("--weight is for a limit of --all tasks of a namespace");
  }
  return withoutUndefined({ name: given.argument(0), scope, concurrentMax, shareWeight, rate });
}

function readScope(given: CommandArguments): LimitScope {
  const op = given.text("op");
  const label = given.text("label");
  const scopes: LimitScope[] = [];
  if (op !== undefined) scopes.push({ op });
  if (label !== undefined) {
    const at = label.indexOf("=");
    scopes.push(at < 0 ? { label } : { label: label.slice(0, at), value: label.slice(at + 1) });
  }
  if (given.flag("all")) scopes.push({ wholeNamespace: true });
  const [scope, another] = scopes;
  if (scope === undefined || another !== undefined) {
    throw new UsageError("limit set needs one of --op OP, --label K[=V] and --all");
  }
  return scope;
}

function readRate(text: string | undefined): NewLimit["rate"] {
  if (text === undefined) return undefined;
  const [, count, period] = /^([1-9]\d{0,6})\/(.+)$/.exec(text) ?? [];
  if (count === undefined || period === undefined) {
    throw new UsageError(`--rate is ${JSON.stringify(text)} and must be N/DURATION, such as 100/1m`);
  }
  return { count: Number(count), periodMs: parseDurationMs(period, "--rate") };
}

function isPerValue({ scope }: Limit): boolean {
  return "label" in scope && scope.value === undefined;
}

function printScope(scope: LimitScope): string {
  if ("op" in scope) return `op ${scope.op}`;
  if ("wholeNamespace" in scope) return "all tasks";
  return scope.value === undefined ? `each ${scope.label}` : `${scope.label}=${scope.value}`;
}

function printMost({ concurrentMax }: Limit): string {
  return concurrentMax === 0 ? "any" : String(concurrentMax);
}

function printRate({ rate }: Limit): string {
  // A minute is `1m` here, as --rate takes it.
  const period = printDuration(rate?.periodMs ?? 0).replace(/(?<=[a-z])00[a-z]$|\.0(?=s$)/, "");
  return rate === undefined ? "" : `${rate.count}/${period}`;
}

function printWeight({ shareWeight }: Limit): string {
  return shareWeight === 0 ? "" : String(shareWeight);
}
