import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { EventService } from "../../gen/signalbox/v1/event_service_pb.ts";
import { startScriptedServices } from "./scripted-services.ts";

const command = `${import.meta.dirname}/../../bin/signalbox.js`;

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Starts the command as a process of its own, which is ended with the test. */
function start(args: readonly string[], address = "127.0.0.1:1"): Child {
  const environment = { ...process.env, SIGNALBOX_SERVER: address };
  const child = spawn(process.execPath, [command, ...args], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

/** A server whose feed sends a frame each time the one before it is asked to be followed by another. */
async function feed() {
  const more = { send: Promise.withResolvers<void>() };
  const server = await startScriptedServices((router) =>
    router.service(EventService, {
      async *watchEvents() {
        for (let position = 1; ; position += 1) {
          yield { events: [{ eventId: `${position}`.padStart(2, "0") }], cursor: `${position}` };
          await more.send.promise;
          more.send = Promise.withResolvers();
        }
      },
    }),
  );
  onTestFinished(() => server.stop());
  return { server, sendMore: () => more.send.resolve() };
}

async function exitCodeOf(child: Child): Promise<number | null> {
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

describe("the signalbox command in a process", () => {
  test("says its version and ends with 0", async () => {
    const child = start(["--version"]);
    const out = text(child.stdout);
    expect(await exitCodeOf(child)).toBe(0);
    expect(await out).toMatch(/^signalbox \d/);
  });

  test("ends with its exit code, errors on stderr and nothing on stdout", async () => {
    const child = start(["runs", "--patience", "10ms"]);
    const [out, notes] = [text(child.stdout), text(child.stderr)];
    expect(await exitCodeOf(child)).toBe(5);
    expect(await out).toBe("");
    expect(await notes).toContain("no answer from the server at 127.0.0.1:1");
  });

  test("ends with 130 and tells the cursor when it is interrupted", async () => {
    const { server } = await feed();
    const child = start(["events", "--follow"], server.address);
    const notes = text(child.stderr);
    await once(child.stdout, "data");
    child.kill("SIGINT");
    expect(await exitCodeOf(child)).toBe(130);
    expect(await notes).toBe("cursor: 1\n");
  });

  test("ends quietly when nobody reads its output any more", async () => {
    const { server, sendMore } = await feed();
    const child = start(["events", "--follow", "--json"], server.address);
    const notes = text(child.stderr);
    await once(child.stdout, "data");
    child.stdout.destroy();
    const ended = exitCodeOf(child);
    sendMore();
    expect(await ended).toBe(0);
    expect(await notes).toBe("");
  });
});
