import { type Emphasis, oneLine, type Screen } from "./screen.ts";

/** One cell; words that say how something stands have an emphasis. */
export type Cell = string | { readonly text: string; readonly emphasis: Emphasis | undefined };

/** A table that is written page by page: columns are aligned within a page and never become narrower. */
export interface Table {
  /**
   * Writes rows, the first time under the headings. A heading that ends in `>` aligns its column to the
   * right.
   */
  add(rows: readonly (readonly Cell[])[]): void;
}

/**
 * 10 characters of the last column are always shown, also where a narrow terminal has to break the line for
 * it.
 */
const roomMin = 10;

/** Begins a table. On a terminal the last column is cut at the edge. */
export function beginTable(screen: Screen, headings: readonly string[]): Table {
  const isRight = headings.map((heading) => heading.endsWith(">"));
  const titles = headings.map((heading) => heading.replace(/>$/, ""));
  const widths = titles.map(widthOf);
  let isFirst = true;
  const write = (row: readonly { text: string; emphasis: Emphasis | undefined }[]) => {
    let used = 0;
    const parts = row.map(({ text, emphasis }, column) => {
      const isLast = column === row.length - 1;
      const fill = " ".repeat(Math.max(0, (widths[column] ?? 0) - widthOf(text)));
      const room =
        isLast && screen.columns !== undefined ? Math.max(roomMin, screen.columns - used) : Infinity;
      used += (widths[column] ?? 0) + 2;
      const styled = screen.emphasize(cut(text, room), emphasis);
      return isRight[column] === true ? fill + styled : isLast ? styled : styled + fill;
    });
    screen.line(parts.join("  ").trimEnd());
  };
  return {
    add(rows) {
      const cells = rows.map((row) => row.map(toCell));
      for (const row of cells) {
        for (const [column, { text }] of row.entries()) {
          widths[column] = Math.max(widths[column] ?? 0, widthOf(text));
        }
      }
      if (isFirst && rows.length > 0) {
        isFirst = false;
        write(titles.map((text) => ({ text, emphasis: "quiet" })));
      }
      cells.forEach(write);
    },
  };
}

/** Named facts below each other, the names aligned; facts without a text are left out. */
export function writeFacts(screen: Screen, facts: readonly (readonly [name: string, fact: Cell])[]): void {
  const told = facts.map(([name, fact]) => ({ name, ...toCell(fact) })).filter(({ text }) => text !== "");
  const width = Math.max(0, ...told.map(({ name }) => name.length));
  for (const { name, text, emphasis } of told) {
    screen.line(`${screen.emphasize(name.padEnd(width), "quiet")}  ${screen.emphasize(text, emphasis)}`);
  }
}

function toCell(cell: Cell): { readonly text: string; readonly emphasis: Emphasis | undefined } {
  return typeof cell === "string"
    ? { text: oneLine(cell), emphasis: undefined }
    : { text: oneLine(cell.text), emphasis: cell.emphasis };
}

const graphemes = new Intl.Segmenter();

function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : Array.from(graphemes.segment(text)).length;
}

function cut(text: string, room: number): string {
  if (widthOf(text) <= room) {
    return text;
  }
  const kept = Array.from(graphemes.segment(text), ({ segment }) => segment).slice(0, room - 1);
  return `${kept.join("")}…`;
}
