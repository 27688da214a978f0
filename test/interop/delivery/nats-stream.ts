import { jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { connect, type NatsConnection, nanos } from "@nats-io/transport-node";
import type { Received } from "./received.ts";

/** A message as the stream has it. */
export interface StoredMessage extends Received {
  readonly subject: string;
  readonly contentType: string | undefined;
}

/** A stream of JetStream that takes what a test has published, in files. */
export class NatsStream {
  readonly #connection: NatsConnection;
  readonly #name = "signalbox";

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  /** Makes the stream. Its window is so short that what comes twice after a restart is seen twice. */
  static async create(port: number): Promise<NatsStream> {
    const servers = `127.0.0.1:${port}`;
    const stream = new NatsStream(
      await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 100 }),
    );
    const manager = await jetstreamManager(stream.#connection);
    await manager.streams.add({
      name: stream.#name,
      subjects: ["signalbox.>"],
      storage: StorageType.File,
      duplicate_window: nanos(100),
    });
    return stream;
  }

  /** How many messages it has; undefined while NATS is down. */
  async count(): Promise<number | undefined> {
    try {
      const manager = await jetstreamManager(this.#connection, { timeout: 1_000 });
      return (await manager.streams.info(this.#name)).state.messages;
    } catch {
      return undefined;
    }
  }

  /** All of it, in order. */
  async read(): Promise<readonly StoredMessage[]> {
    const total = (await this.count()) ?? 0;
    const received: StoredMessage[] = [];
    const consumer = await jetstream(this.#connection).consumers.get(this.#name);
    const messages = await consumer.consume();
    for await (const message of messages) {
      const text = message.string();
      const { data } = JSON.parse(text) as { data: { runId: string } };
      const { subject, headers } = message;
      const id = headers?.get("Nats-Msg-Id") ?? "";
      received.push({ id, runId: data.runId, text, subject, contentType: headers?.get("content-type") });
      if (received.length >= total) break;
    }
    return received;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
