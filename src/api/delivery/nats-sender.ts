import { readFileSync } from "node:fs";
import { JetStreamApiError, type JetStreamClient, jetstream } from "@nats-io/jetstream";
import {
  connect,
  credsAuthenticator,
  errors,
  headers,
  type NatsConnection,
  type NodeConnectionOptions,
} from "@nats-io/transport-node";
import type { Subscription } from "../../core/subscriptions/subscription.ts";
import type { EngineLog } from "../../engine/log.ts";
import type {
  Consumer,
  Consuming,
  EventInFlight,
  Rejection,
  Sender,
  Sending,
} from "../../engine/subscriptions/consumer.ts";
import { toEventId } from "../mapping/to-proto-event.ts";
import { cloudEventOf, cloudEventType } from "./cloud-event.ts";
import { natsPublicationsMax, natsReconnectDelayMs, natsTimeoutMs } from "./nats-limits.ts";
import { subjectOf } from "./nats-subject.ts";

/** Where NATS is. */
export interface NatsOptions {
  /** Such as `nats://127.0.0.1:4222`; user and password, or a token, may stand in the first of them. */
  readonly servers: readonly string[];
  /** A file of credentials, "" for none. */
  readonly credentialsFile: string;
  readonly log: EngineLog;
}

/**
 * Publishes the events of NATS subscriptions over one connection, which it opens with the first of them.
 * While the connection is down there is nobody to take events: they wait in the feed.
 */
export class NatsSender implements Sender {
  readonly #options: NatsOptions;
  readonly #publishings = new Set<Publishing>();
  #connection: NatsConnection | undefined;
  #client: JetStreamClient | undefined;
  #isConnecting = false;
  #hasStopped = false;

  constructor(options: NatsOptions) {
    this.#options = options;
  }

  begin(subscription: Subscription, open: (consumer: Consumer) => Consuming): Sending {
    const publishing = new Publishing(subscription, open);
    this.#publishings.add(publishing);
    if (this.#client !== undefined) publishing.begin(this.#client);
    else void this.#connect();
    return {
      end: () => {
        this.#publishings.delete(publishing);
      },
    };
  }

  /** Closes the connection. To be called when the engine has stopped. */
  async stop(): Promise<void> {
    this.#hasStopped = true;
    await this.#connection?.close();
  }

  /** Connects, and again whenever the connection is closed for good. */
  async #connect(): Promise<void> {
    if (this.#isConnecting || this.#hasStopped) return;
    this.#isConnecting = true;
    const { log, servers } = this.#options;
    while (!this.#hasStopped) {
      try {
        const connection = await connect(this.#connectionOptions());
        this.#connection = connection;
        if (this.#hasStopped) await connection.close();
        log.info({ server: connection.getServer() }, "connected to NATS");
        this.#connected(connection);
        await this.#watch(connection);
      } catch (error) {
        log.warn({ servers: servers.map(withoutSecrets), err: error }, "NATS cannot be connected to");
        await new Promise((resolve) => setTimeout(resolve, natsReconnectDelayMs).unref());
      }
    }
  }

  #connectionOptions(): NodeConnectionOptions {
    const { servers, credentialsFile } = this.#options;
    const [first] = servers;
    const { username = "", password = "" } = first !== undefined && URL.canParse(first) ? new URL(first) : {};
    const isSecure = servers.some((server) => server.startsWith("tls:"));
    return {
      name: "signalbox",
      servers: servers.map((server) => server.replace(/^[a-z]+:\/\/([^@/]*@)?/, "")),
      maxReconnectAttempts: -1,
      reconnectTimeWait: natsReconnectDelayMs,
      timeout: natsTimeoutMs,
      ignoreAuthErrorAbort: true,
      ...(isSecure ? { tls: {} } : {}),
      ...(credentialsFile === "" ? {} : { authenticator: credsAuthenticator(readFileSync(credentialsFile)) }),
      ...(username === "" ? {} : credentialsOf(decodeURIComponent(username), decodeURIComponent(password))),
    };
  }

  async #watch(connection: NatsConnection): Promise<void> {
    const { log } = this.#options;
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        log.warn({ server: status.server }, "the connection to NATS was lost");
        this.#client = undefined;
        for (const publishing of this.#publishings) publishing.pause();
      } else if (status.type === "reconnect") {
        log.info({ server: status.server }, "connected to NATS again");
        this.#connected(connection);
      }
    }
    this.#client = undefined;
    for (const publishing of this.#publishings) publishing.pause();
  }

  #connected(connection: NatsConnection): void {
    this.#client = jetstream(connection, { timeout: natsTimeoutMs });
    for (const publishing of this.#publishings) publishing.begin(this.#client);
  }
}

/**
 * Publishes the events of one subscription, one of a run at a time and `natsPublicationsMax` in all. An event
 * is delivered when a stream has it; its id is the message's, so that a stream drops what comes twice within
 * its window.
 */
class Publishing implements Consumer {
  readonly inFlightMax = natsPublicationsMax;
  readonly isPipelined = false;
  readonly #template: string;
  readonly #open: (consumer: Consumer) => Consuming;
  readonly #inWork = new Set<Promise<void>>();
  #client: JetStreamClient | undefined;
  #consuming: Consuming | undefined;

  constructor({ target }: Subscription, open: (consumer: Consumer) => Consuming) {
    this.#template = target.kind === "nats" ? target.subject : "";
    this.#open = open;
  }

  /** There is a connection. */
  begin(client: JetStreamClient): void {
    this.#client = client;
    this.#consuming ??= this.#open(this);
  }

  /** There is none: what is in flight goes back, which is no fault of its own. */
  pause(): void {
    this.#client = undefined;
    const consuming = this.#consuming;
    this.#consuming = undefined;
    consuming?.close({ isUncounted: true });
  }

  deliver(deliveries: readonly EventInFlight[]): boolean {
    for (const delivery of deliveries) {
      const publishing = this.#publish(delivery).finally(() => this.#inWork.delete(publishing));
      this.#inWork.add(publishing);
    }
    return true;
  }

  async end(): Promise<void> {
    await Promise.all(this.#inWork);
  }

  async #publish({ placed }: EventInFlight): Promise<void> {
    const position = Number(placed.position);
    // It may be handed its first events before it knows whom to tell; and to make a text of one may fail.
    await Promise.resolve();
    const consuming = this.#consuming;
    const client = this.#client;
    // Without a connection it has gone back already.
    if (client === undefined) return;
    try {
      const said = headers();
      said.set("content-type", cloudEventType);
      const msgID = toEventId(placed.position);
      const subject = subjectOf(this.#template, placed.event);
      await client.publish(subject, cloudEventOf(placed), { msgID, headers: said, retries: 0 });
      consuming?.acknowledge([position]).catch(() => {});
    } catch (error) {
      consuming?.reject([position], rejectionOf(error));
    }
  }
}

/** Why an event was not published; one that is larger than NATS takes never will be. */
function rejectionOf(error: unknown): Rejection {
  const text = error instanceof Error ? error.message : String(error);
  // What the client makes of a subject that nobody answers for.
  const isNobody = error instanceof Error && error.name === "JetStreamNotEnabled";
  if (isNobody || error instanceof errors.NoRespondersError) {
    return {
      delayMs: undefined,
      cause: "no stream of JetStream takes the subject, or there is no JetStream",
    };
  }
  const isTooLarge =
    text.includes("max_payload") || (error instanceof JetStreamApiError && error.code === 10054);
  return { delayMs: undefined, cause: text, isFinal: isTooLarge };
}

function credentialsOf(user: string, pass: string): Partial<NodeConnectionOptions> {
  return pass === "" ? { token: user } : { user, pass };
}

function withoutSecrets(server: string): string {
  return server.replace(/\/\/[^@/]*@/, "//");
}
