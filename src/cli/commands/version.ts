import { readFileSync } from "node:fs";
import type { Command } from "../command.ts";

/** `version`: says the version, without a server. */
export const versionCommand: Command = {
  name: "version",
  arguments: [],
  sentence: "says the version of this command",
  options: {},
  async run({ screen }) {
    const version = readVersion();
    screen.line(screen.json ? JSON.stringify({ version }) : `signalbox ${version}`);
  },
};

/**
 * The version in the package's own package.json, which lies at the same place in a checkout and in `dist/`.
 */
function readVersion(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
