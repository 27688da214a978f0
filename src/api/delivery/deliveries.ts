import type { Engine } from "../../engine/engine.ts";
import type { EngineLog } from "../../engine/log.ts";
import type { DeliveryTargets } from "../subscription-service.ts";
import { NatsSender } from "./nats-sender.ts";
import { TargetGuard } from "./target-guard.ts";
import { WebhookSender } from "./webhook-sender.ts";

/** Where a server may send to. */
export interface DeliveryOptions {
  readonly engine: Engine;
  readonly log: EngineLog;
  /** Whether webhooks may be addresses of the server's own networks. */
  readonly allowsInside: boolean;
  /** Where NATS is; none if there is none. */
  readonly natsServers: readonly string[];
  /** "" for none. */
  readonly natsCredentials: string;
}

/** What a server without outside connections has: tests of the rest. */
export const noTargets: DeliveryTargets = { forbidden: async () => undefined, hasNats: false };

/** What sends the events of subscriptions out of the server, for as long as its engine runs. */
export class Deliveries implements DeliveryTargets {
  readonly hasNats: boolean;
  readonly #guard: TargetGuard;
  readonly #nats: NatsSender | undefined;

  constructor({ engine, log, allowsInside, natsServers, natsCredentials }: DeliveryOptions) {
    this.hasNats = natsServers.length > 0;
    this.#guard = new TargetGuard({ allowsInside });
    engine.subscriptions.serve("webhook", new WebhookSender(this.#guard));
    if (!this.hasNats) return;
    this.#nats = new NatsSender({ servers: natsServers, credentialsFile: natsCredentials, log });
    engine.subscriptions.serve("nats", this.#nats);
  }

  forbidden(url: string): Promise<string | undefined> {
    return this.#guard.forbidden(url);
  }

  /** Closes connections; to be called when the engine has stopped. */
  async stop(): Promise<void> {
    await this.#nats?.stop();
  }
}
