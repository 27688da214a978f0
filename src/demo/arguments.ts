import { parseArgs } from "node:util";

/** What the demo is told on its command line. */
export interface DemoArguments {
  /** The folder whose files the pipeline is about. */
  readonly input: string;
  /** Where server, worker and the run's number keep what they need to go on. */
  readonly data: string;
  /** The answer to give by itself, or undefined to wait for somebody's. */
  readonly answer: boolean | undefined;
  /** The port of the server; 0 takes any free one. */
  readonly port: number | undefined;
}

/** What the demo can be told, for `--help` and beside every mistake. */
export const usage = `usage: npm run demo -- [--input DIR] [--answer true|false] [--data DIR] [--port N]

  --input DIR     the folder whose files are measured (default: proto)
  --answer VALUE  answers the condition by itself, for scripts
  --data DIR      where its data is kept (default: data/demo); a run that was interrupted goes on from there
  --port N        the server's port (default: 7233, or a free one if that is taken)
`;

/** The arguments, or everything that is wrong with them. */
export function readArguments(
  args: readonly string[],
): { readonly demo: DemoArguments } | { readonly mistakes: readonly string[] } {
  const { values, positionals, tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: {
      input: { type: "string" },
      data: { type: "string" },
      answer: { type: "string" },
      port: { type: "string" },
    },
  });
  const known = new Set(["input", "data", "answer", "port"]);
  const mistakes = positionals.map((word) => `${word} is not an option`);
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    if (!known.has(token.name)) mistakes.push(`${token.rawName} is not an option`);
    else if (token.value === undefined || token.value === "") mistakes.push(`${token.rawName} needs a value`);
  }
  const { answer, port } = values;
  if (typeof answer === "string" && answer !== "true" && answer !== "false") {
    mistakes.push(`--answer ${answer} is neither true nor false`);
  }
  if (typeof port === "string" && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) {
    mistakes.push(`--port ${port} is not a number from 0 to 65535`);
  }
  if (mistakes.length > 0) return { mistakes };
  return {
    demo: {
      input: textOr(values["input"], "proto"),
      data: textOr(values["data"], "data/demo"),
      answer: answer === undefined ? undefined : answer === "true",
      port: typeof port === "string" ? Number(port) : undefined,
    },
  };
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
