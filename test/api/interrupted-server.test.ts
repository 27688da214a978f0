import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StartedServer } from "../support/started-server.ts";

let server: StartedServer;
let socket: Socket;

beforeEach(async () => {
  server = await StartedServer.start({ flags: ["--drain-timeout-ms", "1000"] });
});

afterEach(async () => {
  socket.destroy();
  await server.remove();
});

test("a server that is interrupted twice, as by Ctrl-C under npm, still stops in order", async () => {
  // A call whose body does not come holds up the drain, so that the second signal falls into it.
  socket = connect(Number(server.address.split(":")[1]), "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    "POST /signalbox.v1.RunService/ListRuns HTTP/1.1\r\nhost: signalbox\r\ncontent-type: application/json\r\n" +
      "expect: 100-continue\r\ncontent-length: 2\r\n\r\n",
  );
  await once(socket, "data");
  process.kill(server.pid, "SIGINT");
  await vi.waitFor(() => expect(server.log).toContain('"draining"'), { timeout: 5_000, interval: 10 });
  process.kill(server.pid, "SIGINT");
  expect(await server.stop()).toBe(0);
  expect(server.log).toContain('"stopped"');
});
