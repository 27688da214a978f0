import { existsSync, writeFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { ResourcesSchema } from "../../gen/signalbox/v1/resource_pb.ts";
import { assignment, within } from "../client/worker-script.ts";
import {
  cancel,
  foldersOf,
  isRunning,
  nextEvent,
  node,
  openExecutor,
  readStory,
  sh,
  until,
} from "./support.ts";

const isLinux = process.platform === "linux";

/** Says the pid of what the shell variable names, as an event of that type. */
const say = (type: string, variable: string) =>
  `echo '::signalbox {"event":{"type":"${type}","attributes":{"pid":"'$${variable}'"}}}'`;

/** A program with a child that takes no notice of SIGTERM; both say who they are. */
const stubborn = sh(`(trap '' TERM; exec sleep 1000) & ${say("child", "!")}; ${say("self", "$")}; wait`);

/** The pids that a program says. */
async function pids(stream: Parameters<typeof nextEvent>[0], count: number): Promise<number[]> {
  const said: number[] = [];
  while (said.length < count) said.push(Number((await nextEvent(stream)).attributes["pid"]));
  onTestFinished(() => {
    for (const pid of said) if (isRunning(pid)) process.kill(pid, "SIGKILL");
  });
  return said;
}

describe("a cancel", () => {
  test("lets a program end by itself, and its attempt has stopped", async () => {
    const op = sh(`trap 'echo saved; exit 0' TERM; ${say("self", "$")}; while :; do sleep 0.05; done`);
    const { stream } = await openExecutor(op);
    stream.assign(assignment("main"));
    await pids(stream, 1);
    cancel(stream, "main");
    const story = await readStory(stream);
    expect(story.stopped).toBe("the program was asked to end, and ended with exit code 0");
    expect(story.logs.map(({ message }) => message)).toContain("saved");
  });

  test("ends the whole process group once the grace is over, whoever takes no notice of SIGTERM", async () => {
    const { stream, folders } = await openExecutor({ ...stubborn, graceMs: 200 });
    stream.assign(assignment("main"));
    const said = await pids(stream, 2);
    cancel(stream, "main");
    const story = await readStory(stream);
    expect(story.stopped).toBe("the program was asked to end, and was ended by SIGTERM");
    expect(said.map(isRunning)).toEqual([false, false]);
    expect(foldersOf(folders)).toEqual([]);
  });

  test("waits for what the first process started, as long as the grace lasts", async () => {
    const child = `(trap 'sleep 0.3; echo saved; exit 0' TERM; while :; do sleep 0.05; done)`;
    const op = sh(`${child} & ${say("self", "$")}; wait`);
    const { stream } = await openExecutor({ ...op, graceMs: 20_000 });
    stream.assign(assignment("main"));
    await pids(stream, 1);
    cancel(stream, "main");
    expect((await readStory(stream)).logs.map(({ message }) => message)).toContain("saved");
  });

  test("reaches a program that is halted", async () => {
    const { stream } = await openExecutor({ ...sh(`${say("self", "$")}; kill -s STOP $$`), graceMs: 20_000 });
    stream.assign(assignment("main"));
    await pids(stream, 1);
    cancel(stream, "main");
    expect((await readStory(stream)).stopped).toContain("was ended by SIGTERM");
  });

  test("ends what takes no notice of SIGTERM before the server stops waiting, whatever the config says", async () => {
    const { stream } = await openExecutor({ ...stubborn, graceMs: 3_600_000 });
    stream.assign(assignment("main"));
    const said = await pids(stream, 2);
    cancel(stream, "main", 1_000);
    expect((await readStory(stream)).stopped).toContain("was asked to end");
    expect(said.map(isRunning)).toEqual([false, false]);
  });
});

describe("nothing of a program goes on", () => {
  test("after its lease has moved on", async () => {
    const { server, stream } = await openExecutor({ ...stubborn, graceMs: 100 });
    stream.assign(assignment("main"));
    const said = await pids(stream, 2);
    server.cut();
    const second = await server.stream();
    second.attached({ drop: second.attach.running });
    await until(() => !said.some(isRunning), "the end of the group");
  });

  test("after its worker has stopped, which waits for that", async () => {
    const { executor, stream, folders } = await openExecutor({ ...stubborn, graceMs: 100 });
    stream.assign(assignment("main"));
    const said = await pids(stream, 2);
    await within(executor.stop({ graceMs: 0 }), "end of the worker");
    expect([said.map(isRunning), foldersOf(folders)]).toEqual([[false, false], []]);
  });

  test("after its first process has ended well, and what it left behind is killed", async () => {
    const op = sh(`sleep 1000 >/dev/null 2>&1 & ${say("child", "!")}; exit 0`);
    const { stream } = await openExecutor(op);
    stream.assign(assignment("main"));
    const [child = 0] = await pids(stream, 1);
    expect((await readStory(stream)).outputs).toEqual({ exit_code: 0 });
    expect(isRunning(child)).toBe(false);
  });

  test("after its first process has ended, although somebody still holds its output", async () => {
    const { stream } = await openExecutor(sh(`sleep 1000 & ${say("child", "!")}; exit 4`));
    stream.assign(assignment("main"));
    const [child = 0] = await pids(stream, 1);
    expect((await readStory(stream)).failed).toMatchObject({ type: "ExitCode", message: "exit code 4" });
    expect(isRunning(child)).toBe(false);
  });

  test.runIf(isLinux && existsSync("/usr/bin/setsid"))(
    "but what has made itself a session of its own, whose output is not waited for",
    async () => {
      const op = sh(`setsid sh -c 'echo $$ >pid; exec sleep 1000' & while [ ! -s pid ]; do sleep 0.02; done
        read -r pid <pid; ${say("child", "pid")}; exit 0`);
      const { stream } = await openExecutor(op);
      stream.assign(assignment("main"));
      const [child = 0] = await pids(stream, 1);
      expect((await readStory(stream)).outputs).toEqual({ exit_code: 0 });
      expect(isRunning(child)).toBe(true);
    },
  );
});

test("what a first process leaves to others to write is told before the end", async () => {
  const { stream } = await openExecutor(sh("(sleep 0.2; echo late) & exit 0"));
  stream.assign(assignment("main"));
  expect((await readStory(stream)).logs.map(({ message }) => message)).toEqual(["late"]);
});

test("a worker that drains lets its programs end", async () => {
  const { executor, stream, folders } = await openExecutor(
    sh(`${say("self", "$")}; while [ ! -e go ]; do sleep 0.02; done; echo went`),
  );
  stream.assign(assignment("main"));
  const [self = 0] = await pids(stream, 1);
  const drained = executor.drain();
  await stream.next("drain");
  const [folder = ""] = foldersOf(folders);
  writeFileSync(`${folder}/work/go`, "");
  expect((await readStory(stream)).outputs).toEqual({ exit_code: 0 });
  await within(drained, "end of the worker");
  expect(isRunning(self)).toBe(false);
});

describe.runIf(isLinux)("a program whose processes hold more memory than they may", () => {
  const hog = node("const held = []; setInterval(() => held.push(Buffer.alloc(16e6, 1)), 20);");

  test("is killed with all of its group, with the type MemoryExceeded", async () => {
    const { stream } = await openExecutor({ ...hog, memoryMb: 200 });
    stream.assign(assignment("main"));
    const { failed } = await readStory(stream);
    expect(failed).toMatchObject({ type: "MemoryExceeded", nonRetryable: false });
    expect(failed?.message).toMatch(/^its processes held \d+ MB of memory, and at most 200 MB may be$/);
  });

  test("may hold what its task asked for, and no more", async () => {
    const { stream } = await openExecutor(hog);
    stream.assign(assignment("main", { resources: create(ResourcesSchema, { ramMb: 200n }) }));
    expect((await readStory(stream)).failed?.message).toContain("at most 200 MB may be");
  });

  test("are counted together", async () => {
    const part = "const held = Buffer.alloc(150e6, 1); setInterval(() => held, 1000)";
    const op = sh(`"$1" -e "$2" & "$1" -e "$2" & wait`, process.execPath, part);
    const { stream } = await openExecutor({ ...op, memoryMb: 300 });
    stream.assign(assignment("main"));
    expect((await readStory(stream)).failed).toMatchObject({ type: "MemoryExceeded" });
  });

  test("is refused more address space by the system, if that is what the config caps", async () => {
    const op = sh(`dd if=/dev/zero of=/dev/null bs=400M count=1`);
    const { stream } = await openExecutor({ ...op, addressSpaceMb: 200 });
    stream.assign(assignment("main"));
    expect((await readStory(stream)).failed).toMatchObject({ type: "MemoryExceeded" });
  });
});
