import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Where each kind of connection is led. */
export interface FrontTargets {
  readonly http1Port: number;
  readonly http2Port: number;
}

interface Pair {
  readonly worker: Socket;
  readonly server: Socket;
  isSilent: boolean;
}

/** What every HTTP/2 client sends first begins so, and no HTTP/1.1 request does. */
const prefaceStart = "PRI * HTTP/2.0";

/**
 * The network between the worker and the lying server: it hands on bytes and does with connections what
 * networks and proxies do. It listens on a free port of this machine, and tells HTTP/1.1 from HTTP/2 by the
 * first bytes.
 */
export class Front {
  /** Bytes in each write towards the worker; 0 hands on whatever comes as it comes. For new connections. */
  pieceBytes = 0;
  /** Closes a connection on which no byte goes either way for so long; 0 never does. For new connections. */
  idleMs = 0;
  /** When each connection was asked for, by `performance.now`. */
  readonly askedAtMs: number[] = [];
  /** How many connections were closed for idleness. */
  idleClosedCount = 0;
  readonly #server: Server;
  readonly #targets: FrontTargets;
  readonly #pairs = new Set<Pair>();
  readonly #sockets = new Set<Socket>();
  #refuses = false;

  private constructor(server: Server, targets: FrontTargets) {
    this.#server = server;
    this.#targets = targets;
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** Listens. */
  static async open(targets: FrontTargets): Promise<Front> {
    const server = createServer({ noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Front(server, targets);
  }

  /** `http://host:port`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts every connection with a reset. */
  cut(): void {
    for (const { worker, server } of this.#pairs) {
      reset(worker);
      server.destroy();
    }
  }

  /** Swallows from here on what goes over the connections that there are, both ways, and closes none. */
  silence(): void {
    for (const pair of this.#pairs) pair.isSilent = true;
  }

  /** Resets every new connection as soon as it is there. */
  refuse(): void {
    this.#refuses = true;
  }

  /** Takes new connections again. */
  accept(): void {
    this.#refuses = false;
  }

  /** Cuts everything and listens no more. */
  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(worker: Socket): void {
    this.askedAtMs.push(performance.now());
    worker.on("error", () => undefined);
    if (this.#refuses) {
      reset(worker);
      return;
    }
    this.#sockets.add(worker);
    worker.once("close", () => this.#sockets.delete(worker));
    const read = (first: Buffer) => {
      worker.pause();
      const start = first.toString("latin1", 0, prefaceStart.length);
      const isHttp2 = prefaceStart.startsWith(start);
      const { http1Port, http2Port } = this.#targets;
      const server = connect({ port: isHttp2 ? http2Port : http1Port, host: "127.0.0.1", noDelay: true });
      server.write(first);
      this.#join({ worker, server, isSilent: false });
    };
    worker.once("data", read);
  }

  #join(pair: Pair): void {
    const { worker, server } = pair;
    const { idleMs, pieceBytes } = this;
    this.#pairs.add(pair);
    let idle: NodeJS.Timeout | undefined;
    const touch = () => {
      if (idleMs === 0) return;
      clearTimeout(idle);
      idle = setTimeout(() => {
        this.idleClosedCount += 1;
        end();
      }, idleMs);
    };
    const end = () => {
      clearTimeout(idle);
      this.#pairs.delete(pair);
      worker.destroy();
      server.destroy();
    };
    const toWorker = pieceBytes === 0 ? undefined : new Pieces(worker, pieceBytes);
    touch();
    server.on("error", () => undefined);
    server.on("data", (bytes: Buffer) => {
      touch();
      if (pair.isSilent) return;
      if (toWorker === undefined) worker.write(bytes);
      else toWorker.add(bytes);
    });
    worker.on("data", (bytes: Buffer) => {
      touch();
      if (!pair.isSilent) server.write(bytes);
    });
    // A silent network does not tell either side that the other is gone.
    server.on("close", () => {
      if (!pair.isSilent) end();
    });
    worker.on("close", end);
    worker.resume();
  }
}

/** Cuts a connection with a reset. Node would keep one for ever whose end is on its way when it is reset. */
function reset(socket: Socket): void {
  if (socket.writableEnded || socket.readableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** Writes bytes to a socket in small pieces, each in a turn of the event loop of its own. */
class Pieces {
  readonly #socket: Socket;
  readonly #sizeBytes: number;
  #waiting: Buffer = Buffer.alloc(0);
  #isWriting = false;

  constructor(socket: Socket, sizeBytes: number) {
    this.#socket = socket;
    this.#sizeBytes = sizeBytes;
  }

  add(bytes: Buffer): void {
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    if (!this.#isWriting) this.#write();
  }

  #write(): void {
    this.#isWriting = this.#waiting.length > 0 && !this.#socket.destroyed;
    if (!this.#isWriting) return;
    this.#socket.write(this.#waiting.subarray(0, this.#sizeBytes));
    this.#waiting = this.#waiting.subarray(this.#sizeBytes);
    setImmediate(() => this.#write());
  }
}
