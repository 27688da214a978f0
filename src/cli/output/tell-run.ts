import { type Action, type Event, hasRunEnded, type Run } from "../../client/client.ts";
import { followRun, toRunFrame } from "../../client/follow.ts";
import { messageJson, type RunFrameMessage } from "../../client/message-json.ts";
import { toRun } from "../../client/views/run.ts";
import type { CommandContext } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { describeEvent, printError } from "./describe-event.ts";
import { printDuration } from "./print-duration.ts";
import { printTime } from "./print-time.ts";
import { oneLine, type Screen } from "./screen.ts";
import { emphasisOf } from "./state-cell.ts";

/** 20 actions of a snapshot are told; what is behind them shows when it changes. */
const snapshotActionsTold = 20;

/** How a run is followed on a screen. */
export interface FollowedRun {
  readonly runId: string;
  /** Writes a line about what happens. */
  readonly write: (line: string) => void;
  /** True to write every frame as JSON to the result instead. */
  readonly frames: boolean;
}

/** Follows a run until it has ended and tells what happens, a line each. Returns its last frame. */
export async function tellRun(
  { calls, screen, signal }: CommandContext,
  { runId, write, frames }: FollowedRun,
): Promise<RunFrameMessage | undefined> {
  let last: RunFrameMessage | undefined;
  let isTold = false;
  for await (const resumed of followRun(calls, runId, { signal })) {
    last = resumed.frame;
    if (frames) {
      screen.line(messageJson.runFrame(resumed.frame));
    } else {
      const { snapshot, run, actions, events } = toRunFrame(resumed);
      if (snapshot && run !== undefined && !isTold) {
        isTold = true;
        if (!hasRunEnded(run.state)) {
          write(describeRun(screen, run));
        }
        const toTell = actions.filter(
          ({ state }) => state === "RUNNING" || state === "PAUSED" || state === "ASSIGNED",
        );
        for (const action of toTell.slice(0, snapshotActionsTold)) {
          write(describeAction(screen, action));
        }
      }
      for (const event of events.filter(({ kind }) => kind !== "RUN_ENDED")) {
        write(describeLine(screen, event));
      }
    }
    await screen.flushed();
  }
  return last;
}

/** Writes how a run ended and returns the exit code for it. */
export function tellEnd(
  screen: Screen,
  { frame, write }: { readonly frame: RunFrameMessage | undefined; readonly write: (line: string) => void },
): ExitCode {
  if (frame?.run === undefined) {
    screen.note("the server ended the watch without saying how the run ended");
    return exitCodes.unavailable;
  }
  const run = toRun(frame.run);
  write(describeEnd(screen, run));
  return exitCodeOfRun(run);
}

function exitCodeOfRun({ state }: Run): ExitCode {
  return state === "SUCCEEDED" ? exitCodes.ok : exitCodes.runNotSucceeded;
}

/** `r1 SUCCEEDED after 4.2s`, with the error if there is one. */
function describeEnd(screen: Screen, run: Run): string {
  const { runId, state, createTime, endTime, error } = run;
  const took =
    createTime === undefined || endTime === undefined
      ? ""
      : ` after ${printDuration(endTime.getTime() - createTime.getTime())}`;
  const why = error === undefined ? "" : `: ${oneLine(printError(error))}`;
  return `${runId} ${screen.emphasize(state, emphasisOf(state))}${took}${why}`;
}

function describeRun(screen: Screen, run: Run): string {
  const state = screen.emphasize(run.state, emphasisOf(run.state));
  return `${run.runId} ${state}, ${run.endedActionCount} of ${run.actionCount} actions ended`;
}

function describeAction(screen: Screen, { name, state, runId, condition, workerId }: Action): string {
  const more =
    condition === undefined
      ? ` on ${workerId}`
      : ` ${question(runId, name, condition.type, condition.prompt)}`;
  return `${name}  ${screen.emphasize(state.toLowerCase(), emphasisOf(state))}${more}`;
}

function describeLine(screen: Screen, event: Event): string {
  const { word, emphasis, text } = describeEvent(event);
  const shown =
    event.kind === "CONDITION_PAUSED"
      ? question(event.runId, event.action, event.detail.type, event.detail.prompt)
      : oneLine(text);
  const parts = [
    screen.emphasize(printTime(event.createTime), "quiet"),
    event.action,
    screen.emphasize(word, emphasis),
    shown,
  ];
  return parts.filter((part) => part !== "").join("  ");
}

function question(runId: string, name: string, type: string | undefined, prompt: string): string {
  const value = type === "bool" ? "true|false" : `<${type}>`;
  return `${oneLine(prompt)} (answer with: signalbox signal ${runId} ${name} ${value})`.trim();
}
