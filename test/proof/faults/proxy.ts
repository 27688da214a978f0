import { once } from "node:events";
import { createServer, type Server, Socket } from "node:net";

/** What a proxy does with what passes through it. */
export type ProxyMode =
  | "pass"
  /** Ends what is open, and refuses what comes. */
  | "cut"
  /** Resets what is open (RST), and what comes. */
  | "reset"
  /** Holds everything back, in both directions, and lets it go later. */
  | "stall"
  /** Loses what the caller sends; a connection that lost something stays dead, and is not ended. */
  | "lose requests"
  /** Loses what the server sends, in the same way. */
  | "lose answers"
  /** Everything takes longer, by chance of its own, in order. */
  | "delay";

/** 100 ms at most: how much later something comes through a proxy that delays. */
const delayMsMax = 100;
/** 24 bytes with which every HTTP/2 client begins, and 9 with which every frame does. */
const prefaceLength = 24;
const frameHeadLength = 9;

/** One way between somebody and the server, which can be broken in every way that networks have. */
export class Proxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #idleMs: number | undefined;
  #mode: ProxyMode = "pass";
  /** How many connections it has ended because nothing but pings had passed for too long. */
  idleCutCount = 0;

  private constructor(server: Server, idleMs: number | undefined) {
    this.#server = server;
    this.#idleMs = idleMs;
  }

  /**
   * Listens on a free port of this machine in front of another one. With `idleMs` it ends connections on
   * which no HTTP/2 frame with headers or data has passed for so long, in either direction, as proxies in
   * front of services do: pings and settings do not count.
   */
  static async start(
    targetPort: () => number,
    { idleMs }: { readonly idleMs?: number } = {},
  ): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server, idleMs);
    server.on("connection", (socket) => proxy.#connect(socket, targetPort()));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
  }

  get mode(): ProxyMode {
    return this.#mode;
  }

  /** What it does from here on. */
  setMode(mode: ProxyMode): void {
    this.#mode = mode;
    for (const pair of this.#pairs) pair.setMode(mode);
  }

  /** Ends every connection that has lost something, as a middlebox that forgets it would in time. */
  endDead(): void {
    for (const pair of this.#pairs) if (pair.hasLost) pair.end("reset");
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) pair.end("reset");
    this.#server.close();
    await once(this.#server, "close");
  }

  #connect(socket: Socket, port: number): void {
    if (this.#mode === "cut" || this.#mode === "reset") {
      socket.on("error", () => undefined);
      if (this.#mode === "cut") socket.destroy();
      else socket.resetAndDestroy();
      return;
    }
    const upstream = new Socket();
    const pair: Pair = new Pair(socket, upstream, this.#mode, {
      idleMs: this.#idleMs,
      onIdle: () => {
        this.idleCutCount += 1;
      },
      onEnd: () => this.#pairs.delete(pair),
    });
    this.#pairs.add(pair);
    upstream.connect(port, "127.0.0.1");
  }
}

/** A connection through the proxy: both of its halves. */
class Pair {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #onEnd: () => void;
  readonly #onIdle: () => void;
  readonly #idleMs: number | undefined;
  readonly #waiting = { up: [] as Buffer[], down: [] as Buffer[] };
  /** True while a timer lets go what waits in that direction. */
  readonly #isLate = { up: false, down: false };
  readonly #activity = { up: new Activity(prefaceLength), down: new Activity(0) };
  #mode: ProxyMode;
  #idleTimer: NodeJS.Timeout | undefined;
  #isOver = false;
  hasLost = false;

  constructor(
    near: Socket,
    far: Socket,
    mode: ProxyMode,
    options: { readonly idleMs: number | undefined; readonly onIdle: () => void; readonly onEnd: () => void },
  ) {
    this.#near = near;
    this.#far = far;
    this.#mode = mode;
    this.#onEnd = options.onEnd;
    this.#onIdle = options.onIdle;
    this.#idleMs = options.idleMs;
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.on("data", (bytes) => this.#pass("up", bytes));
    far.on("data", (bytes) => this.#pass("down", bytes));
    for (const socket of [near, far]) {
      socket.on("error", () => this.end("reset"));
      socket.on("close", () => this.end("cut"));
    }
    this.#restartIdle();
  }

  setMode(mode: ProxyMode): void {
    this.#mode = mode;
    if (mode === "cut" || mode === "reset") this.end(mode);
    for (const direction of ["up", "down"] as const) this.#pump(direction);
  }

  end(how: "cut" | "reset"): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#idleTimer);
    for (const socket of [this.#near, this.#far]) {
      if (how === "cut") socket.destroy();
      else socket.resetAndDestroy();
    }
    this.#onEnd();
  }

  #pass(direction: "up" | "down", bytes: Buffer): void {
    const isLost = this.hasLost || this.#mode === (direction === "up" ? "lose requests" : "lose answers");
    if (isLost) {
      this.hasLost = true;
      return;
    }
    if (this.#activity[direction].sees(bytes)) this.#restartIdle();
    this.#waiting[direction].push(bytes);
    this.#pump(direction);
  }

  /** Lets go what waits, in order: at once, later, or when nothing is held back any more. */
  #pump(direction: "up" | "down"): void {
    if (this.#mode === "stall" || this.#isLate[direction]) return;
    if (this.#mode !== "delay") {
      for (const bytes of this.#waiting[direction].splice(0)) this.#write(direction, bytes);
      return;
    }
    // One timer at a time: two could overtake each other.
    this.#isLate[direction] = true;
    setTimeout(() => {
      this.#isLate[direction] = false;
      if (this.#mode === "stall") return;
      for (const bytes of this.#waiting[direction].splice(0)) this.#write(direction, bytes);
    }, Math.random() * delayMsMax);
  }

  #write(direction: "up" | "down", bytes: Buffer): void {
    if (this.#isOver || this.hasLost) return;
    (direction === "up" ? this.#far : this.#near).write(bytes);
  }

  #restartIdle(): void {
    if (this.#idleMs === undefined || this.#isOver) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      this.#onIdle();
      this.end("cut");
    }, this.#idleMs);
  }
}

/** Looks at one direction of an HTTP/2 connection for frames of streams. */
class Activity {
  #skip: number;
  #head = Buffer.alloc(0);

  constructor(skip: number) {
    this.#skip = skip;
  }

  /** True if the next bytes have the head of a frame with data (0) or headers (1). */
  sees(bytes: Buffer): boolean {
    let found = false;
    for (let at = 0; at < bytes.length; ) {
      const skipped = Math.min(this.#skip, bytes.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (at >= bytes.length) break;
      const taken = bytes.subarray(at, at + frameHeadLength - this.#head.length);
      this.#head = Buffer.concat([this.#head, taken]);
      at += taken.length;
      if (this.#head.length < frameHeadLength) break;
      found ||= this.#head.readUInt8(3) <= 1;
      this.#skip = this.#head.readUIntBE(0, 3);
      this.#head = Buffer.alloc(0);
    }
    return found;
  }
}
