import type { Pages } from "../../client/client.ts";
import type { CommandOption } from "../command.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import type { Screen } from "./screen.ts";
import { beginTable, type Cell } from "./table.ts";

/** 100 rows: what a person reads, and what one page of the server has. */
const rowsShown = 100;
const rowsMax = 1_000_000;
/** 1,000 rows are asked for at once, as many as a page can have. */
const pageSizeMax = 1_000;

/** The option with which a list is made longer or shorter. */
export const limitOption = {
  value: "N",
  sentence: `how many to print at most (${rowsShown}); 0 prints all`,
} as const satisfies CommandOption;

/** A list of messages and how people see it. */
export interface ListOutput<M> {
  readonly screen: Screen;
  readonly given: CommandArguments;
  readonly list: Pages<M>;
  /** A message as one line of JSON. */
  readonly toJson: (message: M) => string;
  readonly headings: readonly string[];
  readonly toRow: (message: M) => readonly Cell[];
  /** What to say if there is nothing. */
  readonly nothing: string;
}

/** Writes a list: a table, or with `--json` a message a line. It says so if there is more than it prints. */
export async function writeList<M>(output: ListOutput<M>): Promise<void> {
  const { screen, given, list, toJson, headings, toRow, nothing } = output;
  const limit = given.integer("limit", { min: 0, max: rowsMax }) ?? rowsShown;
  const table = beginTable(screen, headings);
  let left = limit === 0 ? Infinity : limit;
  for await (const page of list.pages({ size: Math.min(left, pageSizeMax) })) {
    const messages = page.items.slice(0, left);
    left -= messages.length;
    if (screen.json) {
      for (const message of messages) {
        screen.line(toJson(message));
      }
    } else {
      table.add(messages.map(toRow));
    }
    await screen.flushed();
    if (left === 0 && (!page.last || page.items.length > messages.length)) {
      screen.note(`there are more than ${limit}: say --limit 0 for all`);
    }
    if (left === 0) {
      return;
    }
  }
  if (left === (limit === 0 ? Infinity : limit)) {
    screen.note(nothing);
  }
}
