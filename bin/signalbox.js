#!/usr/bin/env node
/**
 * Starts the `signalbox` command: from its TypeScript sources in a checkout, from `dist/` in the published
 * package.
 *
 * It is plain JavaScript that old versions of Node understand, so that a Node that is too old leads to a
 * sentence instead of a syntax error, or to a newer Node if one lies in `node_modules/.bin` beside this
 * package.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const minimum = [24, 15];

/** @param {string} version */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > minimum[0] || (major === minimum[0] && minor >= minimum[1]);
}

/**
 * The first Node beside this package that is new enough: in a checkout, or in the project that installed it.
 */
function findNewerNode() {
  for (const relative of ["../node_modules/.bin/node", "../../.bin/node"]) {
    const path = fileURLToPath(new URL(relative, import.meta.url));
    if (!existsSync(path)) continue;
    const asked = spawnSync(path, ["-p", "process.versions.node"], { encoding: "utf8" });
    if (asked.status === 0 && isNewEnough(asked.stdout.trim())) return path;
  }
  return undefined;
}

/**
 * Runs this very file under another Node and ends as it ends.
 * @param {string} node
 */
function continueUnder(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("exit", (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (isNewEnough(process.versions.node)) {
  const source = new URL("../src/cli/signalbox.ts", import.meta.url);
  const built = new URL("../dist/src/cli/signalbox.js", import.meta.url);
  // The command runs when it is imported, or exports `main(args)`, which says the exit code.
  const command = await import((existsSync(source) ? source : built).href);
  if (typeof command.main === "function") {
    const exitCode = await command.main(process.argv.slice(2));
    if (typeof exitCode === "number") process.exitCode = exitCode;
  }
} else {
  const newer = findNewerNode();
  if (newer === undefined) {
    console.error(
      `signalbox needs Node ${minimum.join(".")} or newer, and this is Node ${process.versions.node}.`,
    );
    process.exitCode = 1;
  } else {
    continueUnder(newer);
  }
}
