import type { DescService } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import type { HealthCheckResponse } from "../../../gen/grpc/health/v1/health_pb.ts";
import {
  Health,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../gen/grpc/health/v1/health_pb.ts";

/** The service itself, for reflection. */
export const healthService: DescService = Health;

/** The name that stands for the whole server. */
const wholeServer = "";

/** Which services answer calls. All do from the beginning; a server that drains serves none any more. */
export class ServiceHealth {
  readonly #servingByName = new Map<string, boolean>();
  #wake = Promise.withResolvers<void>();

  constructor(services: readonly DescService[]) {
    for (const name of [wholeServer, ...services.map(({ typeName }) => typeName)]) {
      this.#servingByName.set(name, true);
    }
  }

  /** The names that can be asked about, the whole server's included. */
  get names(): readonly string[] {
    return [...this.#servingByName.keys()];
  }

  /**
   * Whether the service, or with "" the whole server, answers calls; undefined for a service that is not
   * here.
   */
  isServing(name: string): boolean | undefined {
    return this.#servingByName.get(name);
  }

  /** Says that all services answer calls, or none; watchers are told at once. */
  setServing(serving: boolean): void {
    for (const name of this.#servingByName.keys()) {
      this.#servingByName.set(name, serving);
    }
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers();
    resolve();
  }

  /** Resolves at the next change after this call. */
  changed(): Promise<void> {
    return this.#wake.promise;
  }
}

/**
 * Serves grpc.health.v1 over `health`. When `stopping` is aborted all services go to NOT_SERVING and watches
 * end.
 */
export function registerHealth(router: ConnectRouter, health: ServiceHealth, stopping: AbortSignal): void {
  stopping.addEventListener("abort", () => health.setServing(false), { once: true });
  router.service(Health, {
    check({ service }) {
      const serving = health.isServing(service);
      if (serving === undefined) {
        throw new ConnectError(`service ${service} is not served here`, Code.NotFound);
      }
      return respond(serving);
    },
    list() {
      return {
        statuses: Object.fromEntries(health.names.map((name) => [name, respond(health.isServing(name))])),
      };
    },
    watch: ({ service }, { signal }) => watch(health, service, { signal, stopping }),
  });
}

interface Ends {
  readonly signal: AbortSignal;
  readonly stopping: AbortSignal;
}

async function* watch(health: ServiceHealth, service: string, { signal, stopping }: Ends) {
  const gone = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  let told: boolean | undefined | null = null;
  while (!signal.aborted) {
    const changed = health.changed();
    const serving = health.isServing(service);
    if (serving !== told) {
      told = serving;
      yield respond(serving);
    }
    if (stopping.aborted) {
      throw new ConnectError("the server is stopping; watch another one", Code.Unavailable);
    }
    await Promise.race([changed, gone]);
  }
}

function respond(serving: boolean | undefined): HealthCheckResponse {
  const served = serving === true ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  return create(HealthCheckResponseSchema, {
    status: serving === undefined ? ServingStatus.SERVICE_UNKNOWN : served,
  });
}
