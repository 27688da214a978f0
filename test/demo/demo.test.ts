import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const script = fileURLToPath(new URL("../../src/demo/demo.ts", import.meta.url));
const files = 60;

let folder: string;
let input: string;
const running = new Set<ChildProcess>();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "signalbox-demo-"));
  input = join(folder, "input");
  mkdirSync(join(input, "deep"), { recursive: true });
  for (let file = 0; file < files; file += 1) {
    const name = join(file % 2 === 0 ? "." : "deep", `file-${file}.txt`);
    writeFileSync(join(input, name), `line ${file}\n`.repeat(file * 500));
  }
});

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
  rmSync(folder, { recursive: true, force: true });
});

/** A demo that runs, and what it prints. */
class Demo {
  readonly lines: string[] = [];
  readonly exit: Promise<unknown[]>;
  readonly #child: ChildProcess;
  #looks: (() => void)[] = [];

  constructor(args: readonly string[]) {
    const all = [script, "--input", input, "--data", join(folder, "data"), "--port", "0", ...args];
    this.#child = spawn(process.execPath, all, { stdio: ["ignore", "pipe", "ignore"] });
    running.add(this.#child);
    this.exit = once(this.#child, "close");
    let rest = "";
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.lines.push(...lines);
      for (const look of this.#looks.splice(0)) look();
    });
  }

  /** Waits for so many lines that match, and gives the last of them. */
  async until(pattern: RegExp, count = 1): Promise<RegExpExecArray> {
    for (;;) {
      const matches = this.lines.map((line) => pattern.exec(line)).filter((match) => match !== null);
      const last = matches[count - 1];
      if (last !== undefined) return last;
      await new Promise<void>((resolve) => this.#looks.push(resolve));
    }
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** What the manifest must say, reckoned without any code of the demo. */
function expectedManifest() {
  return Array.from({ length: files }, (_, file) => {
    const path = file % 2 === 0 ? `file-${file}.txt` : `deep/file-${file}.txt`;
    const content = readFileSync(join(input, path));
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { path, bytes: content.length, lines: file * 500, sha256 };
  }).sort((one, other) => (one.path < other.path ? -1 : 1));
}

describe("the demo", () => {
  test("publishes the manifest of a folder when it is answered true", async () => {
    const demo = new Demo(["--answer", "true"]);
    expect((await demo.exit)[0]).toBe(0);
    const path = /^published: (.+)$/.exec(demo.lines.at(-1) ?? "")?.[1] ?? "";
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(expectedManifest());
  });

  test("publishes nothing and says so when it is answered false", async () => {
    const demo = new Demo(["--answer", "false"]);
    expect((await demo.exit)[0]).toBe(0);
    expect(demo.lines.at(-1)).toBe("not published: the answer was false");
  });

  test("goes on when server and worker are killed, and does nothing twice that had ended", async () => {
    const demo = new Demo(["--answer", "true"]);
    const server = Number((await demo.until(/^server .*pid (\d+)/))[1]);
    const worker = Number((await demo.until(/^worker .*pid (\d+)/))[1]);
    await demo.until(/measure-\d+ +SUCCEEDED/, 5);
    process.kill(server, "SIGKILL");
    await demo.until(/the server died/);
    await demo.until(/measure-\d+ +SUCCEEDED/, 10);
    process.kill(worker, "SIGKILL");
    expect((await demo.exit)[0]).toBe(0);
    const ended = demo.lines.flatMap((line) => /(measure-\d+) +SUCCEEDED/.exec(line)?.[1] ?? []);
    expect(ended.length).toBe(files);
    expect(new Set(ended).size).toBe(files);
    const path = /^published: (.+)$/.exec(demo.lines.at(-1) ?? "")?.[1] ?? "";
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(expectedManifest());
  });

  test("goes on with the same run when it was killed itself and is started again on the same data", async () => {
    const first = new Demo([]);
    const runId = (await first.until(/^run +(demo-\w+): /))[1];
    await first.until(/approve +waits for an answer/);
    first.kill();
    await first.exit;
    const second = new Demo(["--answer", "true"]);
    expect((await second.exit)[0]).toBe(0);
    expect(second.lines).toContain(`run     ${runId} goes on where it was`);
    expect(second.lines.at(-1)).toContain(`published: `);
    expect(second.lines.at(-1)).toContain(`${runId}.json`);
  });

  test.each([
    { given: "an answer that is none", args: ["--answer", "perhaps"] },
    { given: "a folder that is not there", args: ["--input", "/not/there"] },
    { given: "an option that it does not have", args: ["--speed", "9"] },
  ])("refuses $given with exit code 2", async ({ args }) => {
    expect((await new Demo(args).exit)[0]).toBe(2);
  });
});
