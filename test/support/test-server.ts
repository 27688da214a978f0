import type { DescService } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { ConditionService } from "../../gen/signalbox/v1/condition_service_pb.ts";
import { EventService } from "../../gen/signalbox/v1/event_service_pb.ts";
import { LimitService } from "../../gen/signalbox/v1/limit_service_pb.ts";
import { OpService } from "../../gen/signalbox/v1/op_service_pb.ts";
import { RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import { SubscriptionService } from "../../gen/signalbox/v1/subscription_service_pb.ts";
import { WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { Callbacks } from "../../src/api/callbacks/callbacks.ts";
import type { Caller } from "../../src/api/callers/caller.ts";
import { type Carrier, startCarrier } from "../../src/api/carrier/server.ts";
import { Deliveries, noTargets } from "../../src/api/delivery/deliveries.ts";
import { expressions } from "../../src/api/events/event-filter.ts";
import { Flyte } from "../../src/api/flyte/flyte.ts";
import { authenticate } from "../../src/api/interceptors/authenticate.ts";
import { observeCalls } from "../../src/api/interceptors/observe.ts";
import { validateRequests } from "../../src/api/interceptors/validate.ts";
import { routes } from "../../src/api/routes.ts";
import { type Clock, systemClock } from "../../src/engine/clock.ts";
import { Engine, type EngineSettings } from "../../src/engine/engine.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { keptLog } from "./carrier.ts";
import { TestWorker } from "./test-worker.ts";

/** One for all servers of a test file: its rules are compiled once. */
const validate = validateRequests();

/** What a test may say about its server. */
export interface TestServerOptions {
  readonly store?: Store;
  readonly settings?: Partial<EngineSettings>;
  readonly limits?: Parameters<typeof routes>[2];
  /** Sends events out, which it does not unless said. */
  readonly deliveries?: { readonly allowsInside: boolean; readonly natsServers?: readonly string[] };
  readonly clock?: Clock;
  /** Where answer links lead; where it listens unless said. */
  readonly publicUrl?: string;
  /** Serves Flyte's clients too, from this folder or from one of its own. */
  readonly flyte?: { readonly folder?: string };
  /** Who stands behind which token; nobody is asked for one unless said. */
  readonly callers?: Readonly<Record<string, Caller>>;
}

/** A server in this process, on a free port, over a store in memory, with a client for each service. */
export class TestServer {
  readonly store: Store;
  readonly engine: Engine;
  readonly carrier: Carrier;
  /** Only if it serves Flyte's clients. */
  readonly flyte: Flyte | undefined;
  readonly runs: Client<typeof RunService>;
  readonly conditions: Client<typeof ConditionService>;
  readonly events: Client<typeof EventService>;
  readonly ops: Client<typeof OpService>;
  readonly limits: Client<typeof LimitService>;
  readonly workers: Client<typeof WorkerService>;
  readonly subscriptions: Client<typeof SubscriptionService>;
  readonly #lines: readonly Record<string, unknown>[];

  private constructor(parts: {
    readonly store: Store;
    readonly engine: Engine;
    readonly carrier: Carrier;
    readonly flyte: Flyte | undefined;
    readonly lines: readonly Record<string, unknown>[];
  }) {
    this.flyte = parts.flyte;
    this.store = parts.store;
    this.engine = parts.engine;
    this.carrier = parts.carrier;
    this.#lines = parts.lines;
    this.runs = this.client(RunService);
    this.conditions = this.client(ConditionService);
    this.events = this.client(EventService);
    this.ops = this.client(OpService);
    this.limits = this.client(LimitService);
    this.workers = this.client(WorkerService);
    this.subscriptions = this.client(SubscriptionService);
  }

  /** Starts one; whoever does closes it. */
  static async start({
    store = new MemoryStore(),
    settings,
    limits,
    deliveries,
    clock = systemClock,
    publicUrl = "",
    flyte: flyteOptions,
    callers,
  }: TestServerOptions = {}): Promise<TestServer> {
    const { log, lines } = keptLog();
    const engine = new Engine({
      store,
      clock,
      log,
      expressions,
      settings: {
        leaseMs: 15_000,
        pulseIntervalMs: 5_000,
        acceptTimeoutMs: 10_000,
        bookmarkIntervalMs: 5_000,
        ...settings,
      },
    });
    const targets =
      deliveries === undefined
        ? noTargets
        : new Deliveries({ engine, log, natsServers: [], natsCredentials: "", ...deliveries });
    await engine.start();
    const allowsInside = deliveries?.allowsInside ?? false;
    const callbacks = await Callbacks.of({ engine, log, allowsInside, publicUrl });
    const flyte =
      flyteOptions === undefined
        ? undefined
        : await Flyte.of({ engine, log, clock, publicUrl, targets, folder: flyteOptions.folder });
    const carrier = await startCarrier({
      routes: (router, stopping) => {
        routes(engine, stopping, limits, targets, callbacks.links)(router);
        flyte?.routes(stopping)(router);
      },
      plain: () => (request, response) =>
        callbacks.serve(request, response) || flyte?.serve(request, response) === true,
      host: "127.0.0.1",
      port: 0,
      log,
      interceptors: [
        observeCalls(log),
        ...(callers === undefined ? [] : [authenticate((token) => callers[token])]),
        validate,
      ],
    });
    callbacks.begin(carrier.address.url);
    return new TestServer({ store, engine, carrier, flyte, lines });
  }

  /** Where it listens, as `http://127.0.0.1:PORT`. */
  get url(): string {
    return this.carrier.address.url;
  }

  /** All that it logged, as text. */
  get logged(): string {
    return JSON.stringify(this.#lines);
  }

  /** What it logged as an error: nothing, unless it has a bug. */
  get errors(): readonly Record<string, unknown>[] {
    return this.#lines.filter(({ level }) => level === "error" || level === "fatal");
  }

  /** A client of its own, with a connection of its own. */
  client<S extends DescService>(service: S, token = ""): Client<S> {
    const interceptors: Interceptor[] = [
      (next) => (request) => {
        if (token !== "") request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ];
    return createClient(service, createGrpcTransport({ baseUrl: this.url, interceptors }));
  }

  /** Attaches a worker and waits until it is told so. */
  async attach(identity: Parameters<typeof TestWorker.attach>[1] = {}): Promise<TestWorker> {
    return TestWorker.attach(this.url, identity);
  }

  /** Stops as a server does: streams are told, calls in progress end, the store is closed. */
  async stop(): Promise<number> {
    const { cutCount } = await this.carrier.drain(5_000);
    await this.flyte?.close();
    await this.engine.stop();
    await this.store.close();
    return cutCount;
  }

  /** Cuts everything. */
  async close(): Promise<void> {
    await this.carrier.close();
    await this.flyte?.close();
    await this.engine.stop();
    await this.store.close();
  }
}

/** A refusal as a client sees it. */
export interface SeenRefusal {
  readonly code: string;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields that are named as wrong. */
  readonly fields: readonly string[];
}

/**
 * The refusal that a call ends with; fails if it ends well, or with anything that is not coded as a refusal.
 */
export async function refusalIn(call: Promise<unknown>): Promise<SeenRefusal> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (outcome === undefined) throw new Error("the call was not refused");
  return describeRefusal(outcome.error);
}

/** A refusal out of what a stream or call threw. */
export function describeRefusal(thrown: unknown): SeenRefusal {
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info === undefined) throw new Error("this is no refusal", { cause: error });
  const fields = error
    .findDetails(BadRequestSchema)
    .flatMap((bad) => bad.fieldViolations.map(({ field }) => field));
  return { code: Code[error.code] ?? "", reason: info.reason, metadata: { ...info.metadata }, fields };
}
