import { limitsPerNamespaceMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf } from "../name.ts";
import { refuse } from "../refusal.ts";
import { answer, repeated } from "../runs/requests.ts";
import { canonical } from "../value.ts";
import { type Counter, counterKey, type Limit, newCounter } from "./limit.ts";
import { limitsOf } from "./limits-of.ts";
import { convertedMs } from "./rate.ts";
import { letGoMs, setDue } from "./unpark.ts";

/**
 * Makes a limit, or changes the one of its name. What is held already counts and is not stopped. A lower
 * number lets fewer in once it is undercut, a higher one lets in what waits, and starts that were taken of a
 * rate stay taken. Equal content changes nothing.
 */
export function setLimit(draft: Draft, command: CommandOf<"setLimit">): Decision<"setLimit"> {
  const { namespace, name, content } = command;
  const scope = { namespace, kind: command.kind, request: command.request };
  const repeat = repeated(draft, scope);
  if (repeat !== undefined) return repeat;
  const limits = draft.limits(namespace);
  const before = limits.find((limit) => limit.name === name);
  if (before === undefined && limits.length >= limitsPerNamespaceMax) {
    return refuse({
      reason: "LIMIT_REACHED",
      limit: "limitsPerNamespaceMax",
      maximum: limitsPerNamespaceMax,
    });
  }
  const limit: Limit = { ...content, namespace, name, updateTimeMs: draft.nowMs };
  if (before !== undefined && canonical({ ...before, updateTimeMs: draft.nowMs }) === canonical(limit)) {
    return answer(draft, scope, { limit: before });
  }
  draft.setLimit(limit);
  if (before !== undefined && canonical(before.scope) === canonical(limit.scope))
    adjust(draft, before, limit);
  else recount(draft, limit);
  draft.emitFor(namespace, { kind: "limit_set", limit: name, concurrentMax: limit.concurrentMax });
  draft.affect({ kind: "freed" });
  return answer(draft, scope, { limit });
}

/** Deletes a limit; what waited for it is let out. */
export function deleteLimit(draft: Draft, command: CommandOf<"deleteLimit">): Decision<"deleteLimit"> {
  const { namespace, name } = command;
  const scope = { namespace, kind: command.kind, request: command.request };
  const repeat = repeated(draft, scope);
  if (repeat !== undefined) return repeat;
  const limit = draft.limits(namespace).find((one) => one.name === name);
  if (limit === undefined) return refuse({ reason: "LIMIT_NOT_FOUND", limit: name });
  draft.removeLimit(limit);
  for (const held of heldIn(draft, namespace)) moveHolder(draft, held, limit, undefined);
  for (const counter of draft.before.countersOf(namespace, name)) {
    put(draft, { ...counter, heldCount: 0, fullTimeMs: 0 }, { letsGo: true });
  }
  draft.emitFor(namespace, { kind: "limit_deleted", limit: name });
  draft.affect({ kind: "freed" });
  return answer(draft, scope, {});
}

/** Other numbers for the same tasks. */
function adjust(draft: Draft, before: Limit, after: Limit): void {
  const hasSameRate = canonical(before.rate ?? null) === canonical(after.rate ?? null);
  for (const counter of draft.before.countersOf(after.namespace, after.name)) {
    const { fullTimeMs: knownMs } = counter;
    const fullTimeMs = hasSameRate ? knownMs : convertedMs(knownMs, { before, after }, draft.nowMs);
    put(draft, { ...counter, fullTimeMs }, { letsGo: false });
  }
}

/** The limit is about other tasks than before, if there was one: all that is held is counted by it anew. */
function recount(draft: Draft, limit: Limit): void {
  const countByKey = new Map<string, number>();
  for (const held of heldIn(draft, limit.namespace)) {
    const key = limitsOf(held, draft.runOf(held).labels, [limit])[0]?.key;
    if (key !== undefined) countByKey.set(key, (countByKey.get(key) ?? 0) + 1);
    moveHolder(draft, held, limit, key);
  }
  for (const counter of draft.before.countersOf(limit.namespace, limit.name)) {
    const heldCount = countByKey.get(counter.key) ?? 0;
    countByKey.delete(counter.key);
    put(draft, { ...counter, heldCount, fullTimeMs: 0 }, { letsGo: true });
  }
  for (const [key, heldCount] of countByKey) draft.setCounter({ ...newCounter(key), heldCount });
}

/** Writes a counter whose limit has changed; what is parked on it is looked at soon, in bounded lots. */
function put(draft: Draft, counter: Counter, { letsGo }: { readonly letsGo: boolean }): void {
  if (draft.before.parked(counter.key, 1).length > 0) {
    const isLettingGo = letsGo || counter.dueMs === letGoMs;
    setDue(draft, { ...counter, dueMs: isLettingGo ? letGoMs : draft.nowMs });
  } else if (counter.heldCount > 0) draft.setCounter({ ...counter, dueMs: undefined });
  else if (counter.fullTimeMs > draft.nowMs) {
    setDue(draft, { ...counter, dueMs: Math.ceil(counter.fullTimeMs) });
  } else draft.removeCounter(counter.key);
}

function heldIn(draft: Draft, namespace: string): readonly Action[] {
  return draft
    .sessions()
    .flatMap((session) => draft.heldBy(session.id))
    .filter((held) => namespaceOf(held.run) === namespace);
}

/** Its place in this limit is in this counter from here on, or in none. */
function moveHolder(draft: Draft, held: Action, limit: Limit, key: string | undefined): void {
  const prefix = counterKey(limit.namespace, limit.name, "");
  const others = held.holds.filter((one) => !one.startsWith(prefix));
  const holds = key === undefined ? others : [...others, key];
  if (canonical(holds) !== canonical(held.holds)) draft.setAction({ ...held, holds });
}
