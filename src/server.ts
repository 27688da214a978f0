import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Callbacks } from "./api/callbacks/callbacks.ts";
import { healthService, registerHealth, ServiceHealth } from "./api/carrier/health.ts";
import { registerReflection } from "./api/carrier/reflection.ts";
import { startCarrier } from "./api/carrier/server.ts";
import { Deliveries } from "./api/delivery/deliveries.ts";
import { expressions } from "./api/events/event-filter.ts";
import { Flyte } from "./api/flyte/flyte.ts";
import { flyteServices } from "./api/flyte/flyte-routes.ts";
import { gyozaRest } from "./api/gyoza/rest.ts";
import { authenticate } from "./api/interceptors/authenticate.ts";
import { observeCalls } from "./api/interceptors/observe.ts";
import { validateRequests } from "./api/interceptors/validate.ts";
import { routes, services } from "./api/routes.ts";
import { type Configuration, isLoopback } from "./configuration.ts";
import { TokensFile } from "./configuration-tokens.ts";
import { Engine } from "./engine/engine.ts";
import type { Log } from "./observe/log.ts";
import { EmbeddedStore } from "./store/embedded/embedded-store.ts";
import { MemoryStore } from "./store/memory/memory-store.ts";
import type { Store } from "./store/store.ts";

/** What a server is started with. */
export interface ServerOptions {
  readonly configuration: Configuration;
  readonly log: Log;
  /** Called once if the store can no longer keep its promises; the server must be stopped then. */
  readonly onStoreLost?: (error: Error) => void;
  /** A store of the caller's own, instead of the configured one; the server closes it when it stops. */
  readonly store?: Store;
}

/** A running server. */
export interface Server {
  /** Where it listens, such as `http://127.0.0.1:7233`. */
  readonly url: string;
  /**
   * Stops gently: tells workers and subscribers to come back, waits for calls in progress, closes the store.
   */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * Opens the store, starts the engine and listens. Rejects, with nothing left running, if one of them cannot.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { configuration, log } = options;
  const store = options.store ?? (await openStore(options));
  const engine = new Engine({ store, log, settings: configuration, expressions });
  const sending = { ...configuration, engine, log, allowsInside: allowsInside(configuration) };
  const deliveries = new Deliveries(sending);
  let opened: Flyte | undefined;
  try {
    await engine.start();
    const callbacks = await Callbacks.of(sending);
    const folder = flyteFolder(configuration);
    const flyte = await Flyte.of({ ...configuration, engine, log, folder, targets: deliveries });
    opened = flyte;
    const routesOf = (stopping: AbortSignal) => routes(engine, stopping, {}, deliveries, callbacks.links);
    const health = new ServiceHealth(services);
    const interceptors = [observeCalls(log), ...authentication(options), validateRequests({ services })];
    const { host, port } = configuration;
    const carrier = await startCarrier({
      routes(router, stopping) {
        routesOf(stopping)(router);
        flyte.routes(stopping)(router);
        registerHealth(router, health, stopping);
        registerReflection(router, [...services, ...flyteServices, healthService]);
      },
      host,
      port,
      log,
      plain: (stopping) => {
        const rest = gyozaRest({ routes: routesOf(stopping), interceptors, log });
        const parts = [callbacks.serve, flyte.serve, rest];
        return (request, response) => parts.some((serve) => serve(request, response));
      },
      interceptors,
      origins: configuration.allowedOrigins,
    });
    const { url } = carrier.address;
    callbacks.begin(url);
    log.info({ url, store: configuration.store, data: configuration.data }, "listening");
    return {
      url,
      async stop(timeoutMs) {
        const { cutCount } = await carrier.drain(timeoutMs);
        await flyte.close();
        await engine.stop();
        await deliveries.stop();
        await store.close();
        log.info({ cutCount }, "stopped");
      },
    };
  } catch (error) {
    await opened?.close();
    await engine.stop();
    await deliveries.stop();
    await store.close();
    throw error;
  }
}

/** Asks callers for their tokens, if there is a file of them. Throws if it cannot be read. */
function authentication({ configuration, log }: ServerOptions): readonly ReturnType<typeof authenticate>[] {
  if (configuration.tokensFile === "") return [];
  const path = resolve(configuration.tokensFile);
  const tokens = new TokensFile(path, (error) => {
    log.warn({ err: error, path }, "the tokens file cannot be read; the tokens stay as they were");
  });
  if (!existsSync(path)) log.warn({ path }, "the tokens file is not there: nobody can call until it is");
  return [authenticate((token) => tokens.identify(token))];
}

/** A caller who is on this machine anyway gains nothing by having the server connect to it. */
function allowsInside({ allowPrivateTargets, host }: Configuration): boolean {
  if (allowPrivateTargets !== "auto") return allowPrivateTargets === "always";
  return isLoopback(host);
}

/** Beside the store's files unless it is said; a store that forgets all has a folder that goes with it. */
function flyteFolder({ flyteFolder: folder, store, data }: Configuration): string | undefined {
  if (folder !== "") return resolve(folder);
  return store === "memory" ? undefined : resolve(data, "flyte");
}

async function openStore({ configuration, log, onStoreLost }: ServerOptions): Promise<Store> {
  if (configuration.store === "memory") return new MemoryStore();
  const path = resolve(configuration.data);
  return EmbeddedStore.open({
    path,
    onBroken(error: Error) {
      log.fatal({ error: error.message }, "the store is lost; stopping");
      onStoreLost?.(error);
    },
  });
}
