import type { ConnectRouter, Interceptor } from "@connectrpc/connect";
import { createConnectRouter } from "@connectrpc/connect";
import { compressionGzip } from "@connectrpc/connect-node";
import type { Log } from "../../observe/log.ts";
import type { CarrierLimits } from "../carrier-limits.ts";
import { carrierLimits } from "../carrier-limits.ts";
import { shareAbortReason } from "./abort-reason.ts";
import { createAdapter, type PlainService } from "./adapter.ts";
import { Calls } from "./calls.ts";
import type { Address, Port } from "./port.ts";
import { openPort } from "./port.ts";

/** What a carrier serves, and where. */
export interface CarrierOptions {
  /**
   * Registers the services. `stopping` is aborted when a drain begins: a stream that may last ends by itself
   * then, with its last frames; calls that are short need not look at it.
   */
  readonly routes: (router: ConnectRouter, stopping: AbortSignal) => void;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly log: Log;
  /** Around every call, the first one outermost. */
  readonly interceptors?: readonly Interceptor[];
  /** The web origins whose pages may call, `*` for all; none unless given. */
  readonly origins?: readonly string[];
  /** Serves paths that name no method, such as the REST calls of other systems. */
  readonly plain?: (stopping: AbortSignal) => PlainService;
  /** Smaller bounds, for tests. */
  readonly limits?: Partial<CarrierLimits>;
}

/** A running server: gRPC, gRPC-Web and Connect on one clear-text port, over HTTP/1.1 and HTTP/2. */
export interface Carrier {
  readonly address: Address;
  /** How many calls are in progress. */
  readonly callCount: number;
  /**
   * Stops gently: takes no new connection or call, sends GOAWAY, aborts `stopping`, waits for the calls in
   * progress for at most `timeoutMs`, then cuts what is left. Returns how many calls were cut. A second drain
   * joins the first.
   */
  drain(timeoutMs: number): Promise<Drained>;
  /** Cuts everything and frees the port. */
  close(): Promise<void>;
}

/** How a drain ended. */
export interface Drained {
  /** Calls that were still in progress at the deadline. */
  readonly cutCount: number;
}

/** Starts serving; resolves when the port takes connections and rejects when the address cannot be had. */
export async function startCarrier(options: CarrierOptions): Promise<Carrier> {
  const { host, port: portNumber, log, origins = [] } = options;
  const limits: CarrierLimits = { ...carrierLimits, ...options.limits };
  shareAbortReason();
  const stopping = new AbortController();
  const calls = new Calls();
  const router = createRouter(options, limits, stopping.signal);
  const plain = options.plain?.(stopping.signal);
  const onRequest = createAdapter({ router, calls, log, origins, plain });
  const port = await openPort({ host, port: portNumber, limits, log, onRequest });
  const lateCheck = setInterval(
    () => calls.cutLate(performance.now(), limits.requestTimeoutMs),
    limits.lateRequestCheckMs,
  ).unref();

  let drained: Promise<Drained> | undefined;

  async function close(): Promise<void> {
    stopping.abort();
    clearInterval(lateCheck);
    await port.destroy();
  }

  async function drainAndClose(timeoutMs: number): Promise<Drained> {
    try {
      return await drain({ port, calls, stopping, limits, log, timeoutMs });
    } finally {
      await close();
    }
  }

  return {
    address: port.address,
    get callCount() {
      return calls.count;
    },
    drain(timeoutMs) {
      drained ??= drainAndClose(timeoutMs);
      return drained;
    },
    close,
  };
}

function createRouter(options: CarrierOptions, limits: CarrierLimits, stopping: AbortSignal): ConnectRouter {
  const router = createConnectRouter({
    interceptors: [...(options.interceptors ?? [])],
    readMaxBytes: limits.messageBytesMax,
    // Compressed requests are read. No answer is compressed: it made streams five times slower.
    acceptCompression: [compressionGzip],
    compressMinBytes: Number.MAX_SAFE_INTEGER,
    // A misspelt field is told, not dropped.
    jsonOptions: { ignoreUnknownFields: false },
  });
  options.routes(router, stopping);
  return router;
}

interface DrainParts {
  readonly port: Port;
  readonly calls: Calls;
  readonly stopping: AbortController;
  readonly limits: CarrierLimits;
  readonly log: Log;
  readonly timeoutMs: number;
}

async function drain({ port, calls, stopping, limits, log, timeoutMs }: DrainParts): Promise<Drained> {
  log.info({ calls: calls.count, connections: port.connectionCount, timeoutMs }, "draining");
  stopping.abort();
  port.refuseNew();
  await within(calls.none(), timeoutMs);
  const cutCount = calls.count;
  if (cutCount > 0) {
    log.warn({ cutCount, timeoutMs }, "calls were still in progress at the end of the drain and are cut");
    return { cutCount };
  }
  port.closeIdle();
  await within(port.whenClosed(), limits.closeGraceMs);
  return { cutCount: 0 };
}

/** Waits for what may come, but no longer than `timeoutMs`. */
async function within(awaited: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([awaited, late]).finally(() => clearTimeout(timer));
}
