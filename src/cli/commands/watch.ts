import type { Command } from "../command.ts";
import { tellEnd, tellRun } from "../output/tell-run.ts";

/** `watch`: follows a run until it has ended. */
export const watchCommand: Command = {
  name: "watch",
  arguments: ["RUN"],
  sentence: "follows a run and tells what happens, until it has ended; 0 if it succeeded, else 1",
  notes: ["With --json it prints the frames of WatchRun. It survives restarts of the server."],
  options: {},
  async run(context) {
    const { given, screen } = context;
    const write = (line: string) => screen.line(line);
    const frame = await tellRun(context, { runId: given.argument(0), write, frames: screen.json });
    return tellEnd(screen, { frame, write: screen.json ? () => undefined : write });
  },
};
