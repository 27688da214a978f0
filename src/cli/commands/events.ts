import { type EventSnapshot, followEvents } from "../../client/follow.ts";
import { type EventMessage, messageJson, type RunMessage } from "../../client/message-json.ts";
import { eventKindNumbers, eventKinds, toEvent } from "../../client/views/event.ts";
import { type Run, toRun } from "../../client/views/run.ts";
import type { Command, CommandContext } from "../command.ts";
import { UsageError } from "../input/usage-error.ts";
import { describeEvent } from "../output/describe-event.ts";
import { printTime } from "../output/print-time.ts";
import type { Screen } from "../output/screen.ts";
import { stateCell } from "../output/state-cell.ts";
import { beginTable, type Cell } from "../output/table.ts";

/** 1,000,000 events: more than anybody wants on a screen, and still a bound. */
const eventsMax = 1_000_000;

/** `events`: tells or follows the feed. */
export const eventsCommand: Command = {
  name: "events",
  arguments: [],
  sentence: "tells what has happened, in order; with --follow also what happens, without end",
  notes: [
    "A cursor says where the feed was left: it is printed on stderr at the end, and is in every frame.",
    "With --follow it survives restarts of the server: no event is left out, none comes twice.",
  ],
  options: {
    follow: { short: "f", sentence: "go on with what happens" },
    run: { value: "RUN", sentence: "only of this run" },
    kind: {
      value: "KIND",
      multiple: true,
      sentence: "only of this kind, such as run_ended or action_logged",
    },
    label: { value: "K=V", multiple: true, sentence: "only of runs with this label" },
    topic: { value: "TOPIC", multiple: true, sentence: "only with a delivery to this topic; * means any" },
    where: { value: "EXPRESSION", sentence: "only those of which this is true, in CEL: event.attempt > 1" },
    snapshot: {
      value: "WHICH",
      sentence: "with --follow: first the runs as they stand, live-runs or all-runs",
    },
    from: { value: "WHERE", sentence: "beginning, now or a cursor (beginning; with --follow: now)" },
    frames: { sentence: "with --json: print whole frames, each with the cursor behind it" },
    limit: { value: "N", sentence: "stop after at least so many events" },
  },
  examples: ["signalbox events --run RUN", "signalbox events --follow --kind run_ended --json --frames"],
  async run(context) {
    const { given, calls } = context;
    const filter = {
      namespace: calls.namespace,
      runId: given.text("run") ?? "",
      kinds: given.choices("kind", eventKinds).map((kind) => eventKindNumbers[kind]),
      labels: given.pairs("label"),
      topics: [...given.texts("topic")],
      expression: given.text("where") ?? "",
    };
    const from = given.text("from") ?? (given.flag("follow") ? "now" : "beginning");
    if (from === "") {
      throw new UsageError("--from is empty and must be beginning, now or a cursor");
    }
    const snapshot = readSnapshot(given, from);
    await (given.flag("follow") ? follow : tell)(context, { filter, from, snapshot });
  },
};

interface What {
  readonly filter: Parameters<typeof followEvents>[1];
  readonly from: string;
  readonly snapshot: EventSnapshot | undefined;
}

const snapshots = ["live-runs", "all-runs"] as const;

function readSnapshot(given: CommandContext["given"], from: string): EventSnapshot | undefined {
  const text = given.text("snapshot");
  if (text === undefined) return undefined;
  const snapshot = snapshots.find((one) => one === text);
  if (snapshot === undefined) {
    throw new UsageError(`--snapshot is ${JSON.stringify(text)} and must be one of ${snapshots.join(", ")}`);
  }
  if (!given.flag("follow") || from !== "now") {
    throw new UsageError(
      "--snapshot goes with --follow and without --from: what follows begins where it ends",
    );
  }
  return snapshot;
}

async function follow(
  { given, screen, calls, signal }: CommandContext,
  { filter, from, snapshot }: What,
): Promise<void> {
  const start = from === "now" || from === "beginning" ? ({ from, snapshot } as const) : { cursor: from };
  const writeEvents = openEvents(screen);
  let left = readLimit(given);
  let last = "";
  try {
    for await (const { frame } of followEvents(calls, filter, { ...start, signal })) {
      last = frame.cursor;
      if (screen.json && (given.flag("frames") || frame.snapshot)) {
        screen.line(messageJson.eventFrame(frame));
      } else {
        writeEvents.runs(frame.runs);
        writeEvents.events(frame.events);
      }
      await screen.flushed();
      left -= frame.events.length;
      if (left <= 0) {
        return;
      }
    }
  } finally {
    if (last !== "" && !screen.json) {
      screen.note(`cursor: ${last}`);
    }
  }
}

async function tell({ given, screen, calls, signal }: CommandContext, { filter, from }: What): Promise<void> {
  const writeEvents = openEvents(screen);
  let left = readLimit(given);
  let pageToken = from === "beginning" ? "" : from;
  if (from === "now") {
    throw new UsageError("nothing has happened yet from now on: say --follow, or --from beginning");
  }
  for (;;) {
    const pageSize = Math.min(left, 1_000);
    const page = await calls.raw.events.listEvents({ filter, pageSize, pageToken }, { signal });
    pageToken = page.nextPageToken;
    if (given.flag("frames") && screen.json) {
      screen.line(messageJson.eventPage(page));
    } else {
      writeEvents.events(page.events);
    }
    await screen.flushed();
    left -= page.events.length;
    if (page.atHead || left <= 0) {
      break;
    }
  }
  if (!screen.json) {
    screen.note(`cursor: ${pageToken}`);
  }
}

function readLimit(given: CommandContext["given"]): number {
  return given.integer("limit", { min: 1, max: eventsMax }) ?? Infinity;
}

interface Writing {
  readonly events: (events: readonly EventMessage[]) => void;
  readonly runs: (runs: readonly RunMessage[]) => void;
}

/** What writes events, and runs as they stand: as JSON, or in a table of when, where, what, and what more. */
function openEvents(screen: Screen): Writing {
  if (screen.json) {
    return {
      events: (events) => {
        for (const event of events) {
          screen.line(messageJson.event(event));
        }
      },
      runs: () => undefined,
    };
  }
  const table = beginTable(screen, ["TIME", "RUN", "ACTION", "WHAT", "DETAIL"]);
  return {
    events: (events) => table.add(events.map(toRow)),
    runs: (runs) => table.add(runs.map(toRun).map(toRunRow)),
  };
}

function toRunRow({ createTime, runId, state }: Run): Cell[] {
  return [printTime(createTime), runId, "", stateCell(state), "as it stands"];
}

function toRow(message: EventMessage): Cell[] {
  const event = toEvent(message);
  const { word, emphasis, text } = describeEvent(event);
  return [printTime(event.createTime), event.runId, event.action, { text: word, emphasis }, text];
}
