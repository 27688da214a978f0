import type { DescMethodStreaming } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { contextOf, overTheWire, reasonOf, type SimulatedServer } from "./simulated-server.ts";

/** 8 messages on their way to a client before its server waits. */
const windowMessages = 8;

/** One who has a stream to the server. */
export interface LinkClient {
  /** A message has arrived. */
  receive(message: never): void;
  /** The stream has ended: with the reason of a refusal, "ended", or "lost" when the network broke it. */
  ended(reason: string): void;
}

/** What a link is made of. */
export interface LinkOptions {
  readonly method: DescMethodStreaming;
  readonly client: LinkClient;
  readonly server: SimulatedServer;
  readonly subject: string;
  readonly onBug: (what: string) => void;
}

/** How a server learns that a client is gone: its requests end as if it had said all, or break. */
export type CutKind = "ended" | "broken";

type Down = { readonly message: unknown } | { readonly end: string };

/**
 * One stream, with both of its directions. Messages arrive in order, one at a time, when the scheduler says
 * so. Either side may believe in it longer than the other: what a direction that is dead still takes is lost.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly name: string;
  readonly #up: unknown[] = [];
  readonly #down: Down[] = [];
  readonly #requests = new RequestQueue();
  readonly #aborted = new AbortController();
  #responses: AsyncIterator<unknown> | undefined;
  #lifeNumber = -1;
  #isPulling = false;
  #clientIsOpen = true;
  #serverIsOpen = false;
  #hasBegun = false;
  #upIsDead = false;
  #downIsDead = false;
  /** Neither direction moves until then, by the scheduler's count of steps. */
  stalledUntilStep = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.name = options.method.name;
  }

  get isOver(): boolean {
    return !this.#clientIsOpen && !this.#serverIsOpen && this.#hasBegun && this.#up.length === 0;
  }

  get clientIsOpen(): boolean {
    return this.#clientIsOpen;
  }

  /** True if a message, or the opening itself, can arrive at the server. */
  get hasUp(): boolean {
    return !this.#hasBegun || this.#up.length > 0;
  }

  /** True if a message, or the end, can arrive at the client. */
  get hasDown(): boolean {
    return this.#down.length > 0 && this.#clientIsOpen;
  }

  /** What a client says. */
  send(message: unknown): void {
    if (this.#clientIsOpen) this.#up.push(message);
  }

  /** The client gives it up by itself; its server learns of it when the scheduler says so. */
  close(): void {
    this.#clientIsOpen = false;
    this.#down.length = 0;
    if (!this.#upIsDead) this.#up.push(goodbye);
    else if (!this.#serverIsOpen) this.#up.length = 0;
  }

  /** As `close`, by a fault: the client is told that it did. */
  giveUp(): void {
    this.close();
    this.#options.client.ended("given up");
  }

  /** Lets the next thing arrive at the server. */
  arriveUp(): string {
    if (!this.#hasBegun) {
      this.#begin();
      return `${this.name} opened`;
    }
    const message = this.#up.shift();
    if (message === goodbye) {
      this.cutServer("ended");
      return `${this.name} closed by its client`;
    }
    if (this.#upIsDead || !this.#serverIsOpen) return `${this.name} up lost`;
    this.#requests.push(overTheWire(this.#options.method.input, message));
    return `${this.name} up ${caseOf(message)}`;
  }

  /** Lets the next thing arrive at the client. */
  arriveDown(): string {
    const next = this.#down.shift();
    this.#pull();
    if (next === undefined) return "nothing";
    if (this.#downIsDead) return `${this.name} down lost`;
    if ("end" in next) {
      this.#clientIsOpen = false;
      this.#options.client.ended(next.end);
      return `${this.name} ended: ${next.end}`;
    }
    this.#options.client.receive(next.message as never);
    return `${this.name} down ${caseOf(next.message)}`;
  }

  /** From here on nothing arrives at the server, and nobody is told. */
  killUp(): void {
    this.#upIsDead = true;
  }

  /** From here on nothing arrives at the client, and nobody is told. */
  killDown(): void {
    this.#downIsDead = true;
  }

  /** The server learns that the client is gone. */
  cutServer(kind: CutKind): void {
    if (!this.#serverIsOpen) return;
    this.#serverIsOpen = false;
    this.#requests.end(
      kind === "broken" ? new ConnectError("the connection was lost", Code.Aborted) : undefined,
    );
    if (kind === "broken") this.#aborted.abort();
    // As a carrier does that has nobody to write to.
    void Promise.resolve(this.#responses?.return?.()).catch(() => {});
    if (kind === "ended") this.#aborted.abort();
  }

  /** The client learns that the stream is broken. What was on its way is lost. */
  cutClient(): void {
    if (!this.#clientIsOpen) return;
    this.#clientIsOpen = false;
    this.#down.length = 0;
    this.#options.client.ended("lost");
  }

  /** The server process is gone. Unless it is noticed, the client goes on in good faith. */
  serverGone(isNoticed: boolean): void {
    if (!this.#hasBegun) return;
    this.#serverIsOpen = false;
    this.#responses = undefined;
    this.#lifeNumber = -1;
    this.#down.length = 0;
    if (isNoticed) this.cutClient();
    else this.#downIsDead = true;
  }

  #begin(): void {
    const { server, method, subject } = this.#options;
    this.#hasBegun = true;
    const handler = server.method(method);
    if (handler === undefined) {
      this.#down.push({ end: "lost" });
      return;
    }
    this.#serverIsOpen = true;
    this.#lifeNumber = server.lifeNumber;
    const context = contextOf(this.#aborted.signal, subject);
    const isBidirectional = method.methodKind === "bidi_streaming";
    const first = isBidirectional ? this.#requests : overTheWire(method.input, this.#up.shift());
    const responses = handler(first, context) as AsyncIterable<unknown>;
    this.#responses = responses[Symbol.asyncIterator]();
    this.#pull();
  }

  /** Takes the next message from the server while the client has room for it. */
  #pull(): void {
    const responses = this.#responses;
    if (this.#isPulling || responses === undefined || this.#down.length >= windowMessages) return;
    this.#isPulling = true;
    const lifeNumber = this.#lifeNumber;
    responses.next().then(
      ({ done, value }) => this.#pulled(lifeNumber, done === true ? { end: "ended" } : { message: value }),
      (error: unknown) => this.#pulled(lifeNumber, { end: this.#reasonOf(error) }),
    );
  }

  #pulled(lifeNumber: number, down: Down): void {
    this.#isPulling = false;
    const { server, method } = this.#options;
    if (lifeNumber !== this.#lifeNumber || server.lifeNumber !== lifeNumber) return;
    if ("end" in down) {
      this.#responses = undefined;
      this.#serverIsOpen = false;
      if (this.#clientIsOpen) this.#down.push(down);
      return;
    }
    if (!this.#clientIsOpen) return;
    this.#down.push({ message: overTheWire(method.output, down.message) });
    this.#pull();
  }

  #reasonOf(error: unknown): string {
    const { code } = ConnectError.from(error);
    const isBug = code === Code.Internal || code === Code.Unknown;
    if (isBug) this.#options.onBug(`${this.name} ended with ${String(error)}`);
    return reasonOf(error);
  }
}

const goodbye = Symbol("goodbye");

function caseOf(message: unknown): string {
  const { frame } = message as { frame?: { case?: string } };
  return frame?.case ?? "message";
}

/** What a server reads of a client's side of a stream. */
class RequestQueue implements AsyncIterable<unknown>, AsyncIterator<unknown> {
  readonly #messages: unknown[] = [];
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this;
  }

  push(message: unknown): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  end(error: Error | undefined): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<unknown>> {
    for (;;) {
      if (this.#messages.length > 0) return { done: false, value: this.#messages.shift() };
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.#end ??= { error: undefined };
    this.#wake?.();
    return { done: true, value: undefined };
  }
}
