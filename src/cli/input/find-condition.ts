import { type Condition, RefusedError } from "../../client/client.ts";
import { toCondition } from "../../client/views/condition.ts";
import { required } from "../../client/wire/calls.ts";
import type { CommandContext } from "../command.ts";
import { UsageError } from "./usage-error.ts";

/** 1,000 conditions of one run are looked at for one whose path ends as asked. */
const conditionsSearchedMax = 1_000;

/**
 * The condition of that very name, else the only one, open or ended, whose path ends in it; undefined if
 * there is none.
 */
export async function findCondition(
  { calls, signal }: CommandContext,
  runId: string,
  name: string,
): Promise<Condition | undefined> {
  const { namespace } = calls;
  const { conditions } = calls.raw;
  try {
    const { condition } = await conditions.getCondition({ namespace, runId, name }, { signal });
    return toCondition(required(condition));
  } catch (error) {
    if (!(error instanceof RefusedError && error.reason === "ACTION_NOT_FOUND")) {
      throw error;
    }
  }
  for (const includeEnded of [false, true]) {
    const ending = await findEnding(calls, {
      filter: { namespace, runId, includeEnded, includeSnoozed: true },
      name,
      signal,
    });
    if (ending.length === 1) {
      return ending[0];
    }
    if (ending.length > 1) {
      const which = ending.slice(0, 10).map((condition) => `  ${condition.name}`);
      throw new UsageError(
        `${ending.length} conditions of ${runId} end in ${name}; say which:\n${which.join("\n")}`,
      );
    }
  }
  return undefined;
}

interface Search {
  readonly filter: {
    readonly namespace: string;
    readonly runId: string;
    readonly includeEnded: boolean;
    readonly includeSnoozed: boolean;
  };
  readonly name: string;
  readonly signal: AbortSignal;
}

/** The conditions of a run whose last part is the name. */
async function findEnding(
  { raw }: CommandContext["calls"],
  { filter, name, signal }: Search,
): Promise<Condition[]> {
  const ending: Condition[] = [];
  for (let pageToken = "", seen = 0; ; ) {
    const request = { filter, pageSize: conditionsSearchedMax, pageToken };
    const page = await raw.conditions.listConditions(request, { signal });
    ending.push(
      ...page.conditions.map(toCondition).filter((condition) => condition.name.endsWith(`/${name}`)),
    );
    seen += page.conditions.length;
    pageToken = page.nextPageToken;
    if (pageToken === "" || seen >= conditionsSearchedMax) {
      return ending;
    }
  }
}
