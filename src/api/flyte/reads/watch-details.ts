import { type DescMessage, equals, type MessageShape } from "@bufbuild/protobuf";
import {
  type ActionDetails,
  ActionDetailsSchema,
  type RunDetails,
  RunDetailsSchema,
} from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import type { Event } from "../../../core/event.ts";
import type { NamedAction } from "../find-action.ts";
import { heartbeatMs } from "../flyte-limits.ts";
import type { NamedRun } from "../mapping/identifiers.ts";
import { rootAction } from "../names.ts";
import { isTerminal, type Phase } from "../phase.ts";
import type { Details, Found, ReadParts } from "./details.ts";
import { isChange, looks } from "./follow.ts";

/** What a watch of one thing needs. */
interface Watched<D extends DescMessage> {
  readonly schema: D;
  readonly matches: (event: Event) => boolean;
  readonly read: () => Promise<MessageShape<D>>;
  /** True for what is the last that is sent. */
  readonly isLast: (details: MessageShape<D>) => boolean;
  readonly signal: AbortSignal;
}

/**
 * All about an action: at once, whenever it changes, and, so that nobody takes the stream for dead, again
 * when nothing has happened for a while. Clients know repeats: theirs retry streams by themselves. It ends
 * when the action does, also if that is a condition, and otherwise only with an error.
 *
 * Each look reads the action as it is: a client that is slow is sent fewer, never older ones.
 */
export async function* watchAction(
  parts: ReadParts,
  details: Details,
  { named, signal }: { readonly named: NamedAction; readonly signal: AbortSignal },
): AsyncGenerator<ActionDetails> {
  const found = await details.find(named);
  yield* watch(parts, found, {
    schema: ActionDetailsSchema,
    matches: matcherOf(found),
    read: async () => details.ofAction(named, await again(parts, details, { named, found })),
    isLast: ({ status }) => isTerminal((status?.phase ?? 0) as Phase),
    signal,
  });
}

/** As `watchAction`, for all about a run. It does not end by itself: a run that ended may be opened again. */
export async function* watchRun(
  parts: ReadParts,
  details: Details,
  { named, signal }: { readonly named: NamedRun; readonly signal: AbortSignal },
): AsyncGenerator<RunDetails> {
  const root = { ...named, name: rootAction };
  const found = await details.find(root);
  const isOfRoot = matcherOf(found);
  yield* watch(parts, found, {
    schema: RunDetailsSchema,
    matches: (event) => isOfRoot(event) || (event.action === "" && isChange(event)),
    read: async () => details.ofRun(named, await again(parts, details, { named: root, found })),
    isLast: () => false,
    signal,
  });
}

function matcherOf({ action }: Found): (event: Event) => boolean {
  const name = action?.name ?? "";
  return (event) => event.action === name && isChange(event);
}

/** What was found, as it is: its name is known by then. */
async function again(
  { engine }: ReadParts,
  details: Details,
  { named, found }: { readonly named: NamedAction; readonly found: Found },
): Promise<Found> {
  if (found.action === undefined) return details.find(named);
  const { key } = found.run;
  const [run, action] = await Promise.all([
    engine.store.run(key),
    engine.store.action(key, found.action.name),
  ]);
  return { run: run ?? found.run, action: action ?? found.action };
}

async function* watch<D extends DescMessage>(
  { engine, stopping }: ReadParts,
  { run: { key } }: Found,
  { schema, matches, read, isLast, signal }: Watched<D>,
): AsyncGenerator<MessageShape<D>> {
  let last: MessageShape<D> | undefined;
  let sentMs = 0;
  for await (const look of looks(engine, { run: key, matches, signal, stopping })) {
    const isMark = look !== undefined && look.events.length === 0;
    const isSilent = engine.nowMs() - sentMs >= heartbeatMs;
    if (isMark && !isSilent) continue;
    const details = await read();
    if (last !== undefined && !isSilent && equals(schema, last, details)) continue;
    last = details;
    sentMs = engine.nowMs();
    yield details;
    if (isLast(details)) return;
  }
}
