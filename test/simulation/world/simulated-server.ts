import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { ConnectError, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { callerKey } from "../../../src/api/callers/caller.ts";
import { routes } from "../../../src/api/routes.ts";
import type { Chance } from "../../../src/engine/clock.ts";
import { Engine, type EngineSettings } from "../../../src/engine/engine.ts";
import type { EngineLog } from "../../../src/engine/log.ts";
import type { Disk, OpenDisk } from "./disk.ts";
import type { ProcessClock, SimulatedClock } from "./simulated-clock.ts";

/** A method of the contract, whatever its kind. */
export type Method = (request: unknown, context: HandlerContext) => unknown;

/** Settings under which leases, accepts and bookmarks run out often enough to be met. */
export const settings: EngineSettings = {
  leaseMs: 15_000,
  pulseIntervalMs: 5_000,
  acceptTimeoutMs: 10_000,
  bookmarkIntervalMs: 4_000,
};

/** What a server is made of. */
export interface SimulatedServerOptions {
  readonly disk: Disk;
  readonly clock: SimulatedClock;
  readonly chance: Chance;
  readonly log: EngineLog;
  /** A planted bug: called with each engine before it starts. */
  readonly plant?: (engine: Engine) => void;
}

/** One life of the server: from its start to its kill or stop. */
interface Life {
  readonly engine: Engine;
  readonly open: OpenDisk;
  readonly clock: ProcessClock;
  readonly stopping: AbortController;
  readonly methods: ReadonlyMap<string, Method>;
}

/**
 * The server as a process that can be started, stopped and killed: the real engine and the real handlers of
 * the contract over a disk that outlives it.
 *
 * DOWN ──start──▶ STARTING ──boot is durable──▶ UP ──stop──▶ STOPPING ──▶ DOWN; a kill leads to DOWN.
 */
export class SimulatedServer {
  readonly #options: SimulatedServerOptions;
  #life: Life | undefined;
  #state: "DOWN" | "STARTING" | "UP" | "STOPPING" = "DOWN";
  /** Grows with each start: what belongs to an earlier life is not answered. */
  #lifeNumber = 0;

  constructor(options: SimulatedServerOptions) {
    this.#options = options;
  }

  get state(): "DOWN" | "STARTING" | "UP" | "STOPPING" {
    return this.#state;
  }

  get lifeNumber(): number {
    return this.#lifeNumber;
  }

  /** The engine that is at work; undefined while the server is down. */
  get engine(): Engine | undefined {
    return this.#life?.engine;
  }

  /** The store as this process has it open. */
  get disk(): OpenDisk | undefined {
    return this.#life?.open;
  }

  /** Starts it over what has survived. It serves once that is recorded. */
  start(): void {
    const { disk, clock: time, chance, log, plant } = this.#options;
    const open = disk.open();
    const clock = time.forProcess();
    const engine = new Engine({ store: open.store, clock, chance, log, settings });
    plant?.(engine);
    const stopping = new AbortController();
    const life = { engine, open, clock, stopping, methods: methodsOf(engine, stopping.signal) };
    this.#life = life;
    this.#state = "STARTING";
    this.#lifeNumber += 1;
    engine.start().then(
      () => this.#turn(life, "STARTING", "UP"),
      () => this.#end(life),
    );
  }

  /** Kills it: everything that it has not made durable is gone. Its disk is told by the caller. */
  kill(): void {
    if (this.#life !== undefined) this.#end(this.#life);
  }

  /** Stops it as an operator does: calls and streams are told, what is on its way is answered. */
  stop(): void {
    const life = this.#life;
    if (life === undefined || this.#state !== "UP") return;
    this.#state = "STOPPING";
    life.stopping.abort();
    life.engine.stop().then(
      () => this.#end(life),
      () => this.#end(life),
    );
  }

  /** The handler of a method (`signalbox.v1.RunService/CreateRun`); undefined while nobody is let in. */
  method(method: DescMethod): Method | undefined {
    const serves = this.#state === "UP" || this.#state === "STOPPING";
    return serves ? this.#life?.methods.get(nameOf(method)) : undefined;
  }

  #turn(life: Life, from: string, to: "UP"): void {
    if (this.#life === life && this.#state === from) this.#state = to;
  }

  #end(life: Life): void {
    life.open.leave();
    life.clock.drop();
    if (this.#life !== life) return;
    this.#life = undefined;
    this.#state = "DOWN";
  }
}

function methodsOf(engine: Engine, stopping: AbortSignal): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  const router = {
    service(service: DescService, implementation: Record<string, Method>) {
      for (const method of service.methods) {
        const handler = implementation[method.localName];
        if (handler !== undefined) methods.set(nameOf(method), handler);
      }
      return router;
    },
  };
  routes(engine, stopping)(router as never);
  return methods;
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** What a handler is told about a call beside its request. */
export function contextOf(signal: AbortSignal, subject: string): HandlerContext {
  const values = createContextValues().set(callerKey, { subject, groups: [`${subject}s`] });
  return { signal, values, requestHeader: new Headers(), responseHeader: new Headers() } as HandlerContext;
}

/** A message as it is after a way over the wire: nothing of it is shared with who sent it. */
export function overTheWire<Desc extends DescMessage>(schema: Desc, message: unknown): MessageShape<Desc> {
  return fromBinary(schema, toBinary(schema, create(schema, message as never)));
}

/** Why a call was refused: the reason of its refusal, or the code of an error without one. */
export function reasonOf(error: unknown): string {
  const connectError = ConnectError.from(error);
  return connectError.findDetails(ErrorInfoSchema)[0]?.reason ?? `code ${connectError.code}`;
}
