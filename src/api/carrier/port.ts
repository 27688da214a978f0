import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import type { Log } from "../../observe/log.ts";
import type { CarrierLimits } from "../carrier-limits.ts";
import { sniff } from "./sniff.ts";

/** A request of either HTTP version. */
export type HttpRequest = http.IncomingMessage | http2.Http2ServerRequest;

/** The answer to a request of either HTTP version. */
export type HttpResponse = http.ServerResponse | http2.Http2ServerResponse;

/** Where a port listens. The port number is the real one, also when any free one was asked for. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`, as clients want it. */
  readonly url: string;
}

/** How to open a port. */
export interface PortOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly limits: CarrierLimits;
  readonly log: Log;
  /** Called for each request; must not throw. */
  readonly onRequest: (request: HttpRequest, response: HttpResponse) => void;
}

/**
 * One clear-text port that serves HTTP/1.1 and HTTP/2, telling them apart by the first bytes of each
 * connection.
 *
 * ```
 *              ┌─ sniff ─▶ HTTP/2 session ──┐
 *  connection ─┤                            ├─▶ onRequest
 *              └─ sniff ─▶ HTTP/1.1 parser ─┘
 * ```
 */
export class Port {
  readonly address: Address;
  readonly #parts: Parts;
  readonly #closed: Promise<void>;

  /** Use {@link openPort}. */
  constructor(parts: Parts, host: string) {
    const { port } = parts.listener.address() as AddressInfo;
    this.address = { host, port, url: `http://${host.includes(":") ? `[${host}]` : host}:${port}` };
    this.#parts = parts;
    this.#closed = new Promise((resolve) => {
      parts.listener.once("close", () => {
        parts.http1Server.close();
        resolve();
      });
    });
  }

  /** How many connections are open. */
  get connectionCount(): number {
    return this.#parts.sockets.size;
  }

  /**
   * Takes no new connection, tells every HTTP/2 peer to go away (GOAWAY), and closes what is idle. Calls in
   * progress go on; an HTTP/2 connection closes after its last one.
   */
  refuseNew(): void {
    const { listener, http1Server, sessions, undecided } = this.#parts;
    listener.close();
    for (const socket of undecided) {
      socket.destroy();
    }
    for (const session of sessions) {
      session.close();
    }
    http1Server.closeIdleConnections();
  }

  /** Closes HTTP/1.1 connections that wait between two requests. */
  closeIdle(): void {
    this.#parts.http1Server.closeIdleConnections();
  }

  /** Cuts every connection and resolves when all are gone and the port is free. */
  async destroy(): Promise<void> {
    const { listener, sessions, sockets } = this.#parts;
    listener.close();
    for (const session of sessions) {
      session.destroy();
    }
    for (const socket of sockets) {
      socket.destroy();
    }
    await this.#closed;
  }

  /** Resolves when {@link refuseNew} was called and the last connection is gone. */
  async whenClosed(): Promise<void> {
    await this.#closed;
  }
}

interface Parts {
  readonly listener: ReturnType<typeof createServer>;
  readonly http1Server: http.Server;
  readonly sockets: ReadonlySet<Socket>;
  readonly undecided: ReadonlySet<Socket>;
  readonly sessions: ReadonlySet<http2.ServerHttp2Session>;
}

/** Listens and resolves when connections are taken; rejects when the address cannot be had. */
export async function openPort({ host, port, limits, log, onRequest }: PortOptions): Promise<Port> {
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  const sessions = new Set<http2.ServerHttp2Session>();
  const http1Server = openHttp1(limits, onRequest);
  const http2Server = openHttp2(limits, onRequest);

  http2Server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.setLocalWindowSize(limits.connectionWindowBytes);
    keepAlive(session, limits, log);
  });
  http2Server.on("sessionError", (error) => log.debug({ err: error }, "an HTTP/2 connection failed"));

  // Half-open connections are allowed for HTTP/1.1 clients that close their side after the request and still
  // read.
  const listener = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    undecided.add(socket);
    // A reset is a normal end of a connection; without a listener it would end the process.
    socket.on("error", (error) => log.trace({ err: error }, "a connection broke"));
    socket.once("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
    });
    sniff(socket, limits.firstBytesTimeoutMs, (opening) => {
      undecided.delete(socket);
      // An HTTP/2 session cannot use a connection whose other side is closed, so it ends with its peer.
      socket.allowHalfOpen = opening === "http1";
      (opening === "http1" ? http1Server : http2Server).emit("connection", socket);
    });
  });
  listener.maxConnections = limits.connectionsMax;
  listener.on("drop", () =>
    log.warn({ connectionsMax: limits.connectionsMax }, "a connection was one too many"),
  );

  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ host, port }, () => {
      listener.off("error", reject);
      resolve();
    });
  });
  listener.on("error", (error) => log.error({ err: error }, "the port failed to take a connection"));
  return new Port({ listener, http1Server, sockets, undecided, sessions }, host);
}

function openHttp1(limits: CarrierLimits, onRequest: PortOptions["onRequest"]): http.Server {
  const server = http.createServer(
    {
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.lateRequestCheckMs,
      keepAliveTimeout: limits.idleConnectionMs,
      maxHeaderSize: limits.headerBytesMax,
    },
    onRequest,
  );
  // A server that is handed its connections keeps no record of them, and so enforces none of the timeouts
  // above, until it believes that it listens. "a request whose headers never end is answered 408" fails
  // without this.
  server.emit("listening");
  return server;
}

function openHttp2(limits: CarrierLimits, onRequest: PortOptions["onRequest"]): http2.Http2Server {
  return http2.createServer(
    {
      maxSessionMemory: limits.connectionMemoryMib,
      settings: {
        maxConcurrentStreams: limits.streamsPerConnectionMax,
        initialWindowSize: limits.streamWindowBytes,
        maxHeaderListSize: limits.headerBytesMax,
      },
    },
    onRequest,
  );
}

/**
 * Pings a peer at intervals and destroys its session when an answer stays out, which aborts the calls on it.
 */
function keepAlive(session: http2.ServerHttp2Session, limits: CarrierLimits, log: Log): void {
  let overdue: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    if (overdue !== undefined || session.closed || session.destroyed) {
      return;
    }
    overdue = setTimeout(() => {
      log.debug(
        { timeoutMs: limits.pingTimeoutMs },
        "an HTTP/2 peer did not answer a ping; its connection is closed",
      );
      session.destroy();
    }, limits.pingTimeoutMs);
    session.ping(() => {
      clearTimeout(overdue);
      overdue = undefined;
    });
  }, limits.pingIntervalMs);
  session.once("close", () => {
    clearInterval(timer);
    clearTimeout(overdue);
  });
}
