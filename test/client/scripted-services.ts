import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

/** A server on a free port whose services a test writes itself, and whose connections it can cut. */
export interface ScriptedServices {
  readonly address: string;
  /** Cuts every connection without a word, as a crash does. */
  readonly cut: () => void;
  /** Says goodbye with a GOAWAY frame, as a proxy or a draining server does. */
  readonly sayGoodbye: () => void;
  /** Stops listening and cuts every connection. */
  readonly stop: () => Promise<void>;
  /** Listens again where it did before. */
  readonly start: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** Starts a scripted server. */
export async function startScriptedServices(
  routes: (router: ConnectRouter) => void,
): Promise<ScriptedServices> {
  const sessions = new Set<http2.ServerHttp2Session>();
  const adapter = connectNodeAdapter({ routes });
  const open = async (port: number) => {
    const server = http2.createServer(adapter);
    server.on("session", (session) => {
      sessions.add(session);
      session.on("close", () => sessions.delete(session));
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  let server = await open(0);
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const session of sessions) {
      session.destroy();
    }
  };
  const stop = async () => {
    if (server.listening) {
      const closed = once(server, "close");
      server.close();
      cut();
      await closed;
    }
  };
  return {
    address: `127.0.0.1:${port}`,
    cut,
    sayGoodbye: () => {
      for (const session of sessions) {
        session.goaway();
      }
    },
    stop,
    async start() {
      server = await open(port);
    },
    [Symbol.asyncDispose]: stop,
  };
}
