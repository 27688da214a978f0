import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { Proxy, type ProxyMode } from "./proxy.ts";

const pieces = 3_000;
/** Ends no connection and loses nothing, whatever follows what. */
const gentle: readonly ProxyMode[] = ["delay", "stall", "pass", "delay", "pass", "stall"];

test("what passes a proxy that delays and holds back is whole and in order, in both directions", async () => {
  const echo = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  const address = echo.address();
  const proxy = await Proxy.start(() => (typeof address === "object" ? (address?.port ?? 0) : 0));
  const socket = connect(Number(new URL(proxy.url).port), "127.0.0.1");
  onTestFinished(async () => {
    socket.destroy();
    await proxy.close();
    echo.close();
  });
  const sent = Array.from({ length: pieces }, (_, index) => `${index} `).join("");
  let received = "";
  const isWhole = Promise.withResolvers<void>();
  socket.setNoDelay(true).setEncoding("utf8");
  socket.on("data", (text: string) => {
    received += text;
    if (received.length >= sent.length) isWhole.resolve();
  });
  for (let index = 0; index < pieces; index += 1) {
    socket.write(`${index} `);
    if (index % 50 === 0) proxy.setMode(gentle[(index / 50) % gentle.length] ?? "pass");
    await nextTurn();
  }
  proxy.setMode("pass");
  await isWhole.promise;
  expect(received).toBe(sent);
});
