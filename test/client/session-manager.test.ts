import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { keepSessions } from "../../src/client/wire/session-manager.ts";

test("a connection that is closed just when its server says goodbye ends no process", async () => {
  const failures: unknown[] = [];
  const note = (error: unknown) => failures.push(error);
  process.on("uncaughtException", note);
  const server = createServer();
  const opened = new Promise<ServerHttp2Session>((resolve) => server.once("session", resolve));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sessions = keepSessions(`http://127.0.0.1:${port}`);
  try {
    expect(await sessions.connect()).toBe("idle");
    const session = await opened;
    const isClosed = new Promise((resolve) => session.once("close", resolve));
    session.on("error", () => {});
    // What the manager does when a GOAWAY comes, and the caller's close before the socket is gone.
    const { conn } = Reflect.get(sessions, "s") as { conn: { destroy(error: Error): void } };
    conn.destroy(new Error("received GOAWAY without any open streams"));
    sessions.abort();
    await isClosed;
    await new Promise((resolve) => setImmediate(resolve));
    expect(failures).toEqual([]);
  } finally {
    process.off("uncaughtException", note);
    server.close();
  }
});
