import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  WatchForUpdatesRequest,
  WatchForUpdatesResponseSchema,
} from "../../../../gen/flyteidl2/actions/actions_service_pb.ts";
import type { Action } from "../../../core/action.ts";
import { Stopping } from "../../../engine/execute.ts";
import { eitherSignal } from "../../carrier/either-signal.ts";
import { invalid } from "../faults.ts";
import { findAction, type NamedAction } from "../find-action.ts";
import { heartbeatMs, viewReadsMax } from "../flyte-limits.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { fromActionId } from "../mapping/identifiers.ts";
import { toActionUpdate } from "./action-update.ts";
import { opensAgain } from "./enqueue.ts";

type Word = MessageInitShape<typeof WatchForUpdatesResponseSchema>;

/**
 * What becomes of the children of an action: those that are there, a sentinel, then each that changes, and
 * the sentinel again whenever nothing has happened for a while. It ends when the server stops; callers come
 * back and hear all of it again. A child that changes often while its reader is slow is told of as it is at
 * last.
 */
export async function* watchUpdates(
  parts: Pick<FlyteParts, "engine" | "views" | "stopping">,
  { filter }: WatchForUpdatesRequest,
  signal: AbortSignal,
): AsyncGenerator<Word> {
  if (filter.case !== "parentActionId") throw invalid("parent_action_id must be set");
  const named = fromActionId(filter.value);
  using either = eitherSignal(signal, parts.stopping);
  const live = either.signal;
  using used = await parts.views.use(named.key);
  const { view } = used;
  const parent = await findAction(parts, named);
  const watch = view.watch(parent.name);
  try {
    await view.catchUp();
    const there = view.tree.childrenOf(parent.name).map(({ name }) => name);
    for (let index = 0; index < there.length; index += viewReadsMax) {
      if (live.aborted) return;
      yield* tell(parts, { named, parent, names: there.slice(index, index + viewReadsMax) });
    }
    yield sentinel;
    for (;;) {
      const names = await watch.next({ limit: viewReadsMax, quietMs: heartbeatMs, signal: live });
      if (live.aborted) return;
      if (names.length === 0) yield sentinel;
      yield* tell(parts, { named, parent, names });
    }
  } catch (error) {
    if (error instanceof Stopping || live.aborted) return;
    throw error;
  } finally {
    view.unwatch(watch);
  }
}

const sentinel: Word = { message: { case: "controlMessage", value: { sentinel: true } } };

interface Told {
  readonly named: NamedAction;
  readonly parent: Action;
  readonly names: readonly string[];
}

async function* tell(
  { engine }: Pick<FlyteParts, "engine">,
  { named, parent, names }: Told,
): AsyncGenerator<Word> {
  const children = await Promise.all(names.map((name) => engine.store.action(named.key, name)));
  for (const child of children) {
    if (child === undefined || opensAgain(child, parent.attempt)) continue;
    const value = toActionUpdate(named, child);
    if (value !== undefined) yield { message: { case: "actionUpdate", value } };
  }
}
