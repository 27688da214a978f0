import { type Event, RefusedError, type SignalboxClient } from "../client/client.ts";
import { ask, type Question } from "./ask.ts";
import { describeEvent } from "./describe-event.ts";

/** How the run came out: the last line to print, and the demo's exit code. */
export interface DemoEnd {
  readonly line: string;
  readonly exitCode: number;
}

/** What is followed, and how its condition is to be answered. */
export interface FollowOptions {
  readonly runId: string;
  readonly address: string;
  /** Undefined waits for somebody's signal. */
  readonly answer: boolean | undefined;
  readonly signal: AbortSignal;
}

/**
 * Shows what happens in the run, line by line from the feed, sees to its condition, and returns how it ended.
 */
export async function followRun(client: SignalboxClient, options: FollowOptions): Promise<DemoEnd> {
  const { runId, signal } = options;
  let question: Question | undefined;
  let manifest: string | undefined;
  try {
    for await (const { events } of client.events.watch({ runId, from: "beginning", signal })) {
      for (const event of events) {
        const line = describeEvent(event);
        if (line !== undefined) process.stdout.write(`${line}\n`);
        if (event.kind === "CONDITION_PAUSED") question = pose(client, options, event);
        if (event.kind === "CONDITION_ANSWERED") question?.withdraw();
        if (
          event.kind === "ACTION_ENDED" &&
          event.action === "publish" &&
          event.detail.state === "SUCCEEDED"
        ) {
          manifest = event.detail.outputs["manifest"] as string;
        }
        if (event.kind === "RUN_ENDED") return endOf(event, manifest);
      }
    }
  } finally {
    question?.withdraw();
  }
  signal.throwIfAborted();
  throw new Error("the feed ended before the run did");
}

function endOf(event: Extract<Event, { kind: "RUN_ENDED" }>, manifest: string | undefined): DemoEnd {
  if (manifest !== undefined) return { line: `published: ${manifest}`, exitCode: 0 };
  const { state } = event.detail;
  if (state === "SUCCEEDED") return { line: "not published: the answer was false", exitCode: 0 };
  return { line: `not published: the run ended as ${state}`, exitCode: 1 };
}

/**
 * Answers the condition by itself if it was told to; else says how to, and asks whoever sits at the terminal.
 */
function pose(client: SignalboxClient, options: FollowOptions, event: Event): Question | undefined {
  if (options.answer !== undefined) {
    void send(client, options, event.action, options.answer);
    return undefined;
  }
  const server = options.address === "http://127.0.0.1:7233" ? "" : ` --server ${options.address}`;
  process.stdout.write(
    `answer: npx signalbox signal ${options.runId} ${event.action} true${server}   (or false)\n`,
  );
  if (!process.stdin.isTTY) return undefined;
  const question = ask("or right here, y or n: ");
  void question.answer.then((answer) => {
    if (answer !== undefined) void send(client, options, event.action, answer);
  });
  return question;
}

async function send(
  client: SignalboxClient,
  { runId, signal }: FollowOptions,
  condition: string,
  answer: boolean,
): Promise<void> {
  try {
    await client.conditions.signal(runId, condition, answer, { by: "demo" });
  } catch (error) {
    if (signal.aborted) return;
    // Somebody else was quicker, here or before the demo was started again.
    if (error instanceof RefusedError && error.reason === "ALREADY_ANSWERED") return;
    process.stderr.write(
      `demo: the signal was not taken: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
}
