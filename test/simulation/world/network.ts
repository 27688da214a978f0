import type { DescMethodStreaming, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Link, type LinkClient } from "./link.ts";
import type { SimulatedClock } from "./simulated-clock.ts";
import { contextOf, overTheWire, reasonOf, type SimulatedServer } from "./simulated-server.ts";

/** How long a client waits for an answer before it asks again, or gives up. */
const patienceMs = 3_000;
/** 6 tries of one call: after that its client does not know what became of it. */
const triesMax = 6;

/** What a call came to, as its client knows it. */
export type CallResult<Method extends DescMethodUnary = DescMethodUnary> =
  | { readonly kind: "ok"; readonly answer: MessageShape<Method["output"]> }
  /** Not certain: another copy of the request may still arrive, and find things otherwise. */
  | { readonly kind: "refused"; readonly reason: string; readonly isCertain: boolean }
  | { readonly kind: "unknown" };

/** A call that a client makes. It is tried again, with the same content, until it is answered. */
interface Call {
  readonly method: DescMethodUnary;
  readonly request: unknown;
  readonly subject: string;
  tries: number;
  /** How many messages of it were on their way in all. */
  copies: number;
  isOver: boolean;
  readonly done: (result: CallResult) => void;
}

/** Something on its way. */
interface Mail {
  readonly kind: "request" | "reply";
  readonly call: Call;
  readonly deliver: () => void;
}

/** What can go wrong with one message. */
export type MailFate = "delivered" | "lost" | "doubled";

/** What a network is made of. */
export interface NetworkOptions {
  readonly server: SimulatedServer;
  readonly clock: SimulatedClock;
  /** An answer that no server should give. */
  readonly onBug: (what: string) => void;
}

/**
 * Everything between clients and the server. Calls have no order among each other: any message that is on its
 * way may be the next to arrive, arrive twice, or never. Within a stream order holds.
 */
export class Network {
  readonly #options: NetworkOptions;
  #mail: Mail[] = [];
  readonly #links = new Set<Link>();

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** How many messages of calls are on their way. */
  get mailCount(): number {
    return this.#mail.length;
  }

  /** The streams that have not ended on both sides. */
  get links(): readonly Link[] {
    return [...this.#links];
  }

  /** Makes a call; `done` is told once what became of it. */
  call<Method extends DescMethodUnary>(
    method: Method,
    request: unknown,
    { subject = "client", done }: { subject?: string; done: (result: CallResult<Method>) => void },
  ): void {
    const call: Call = {
      method,
      request,
      subject,
      tries: 0,
      copies: 0,
      isOver: false,
      done: done as Call["done"],
    };
    this.#try(call);
  }

  /** Opens a stream. */
  open(method: DescMethodStreaming, client: LinkClient, subject = "client"): Link {
    const link = new Link({
      method,
      client,
      server: this.#options.server,
      subject,
      onBug: this.#options.onBug,
    });
    this.#links.add(link);
    return link;
  }

  /** Lets one of the messages of calls arrive, or what else becomes of it. */
  deliverMail(index: number, fate: MailFate): string {
    const [mail] = this.#mail.splice(index, 1);
    if (mail === undefined) return "nothing";
    if (fate === "doubled") {
      mail.call.copies += 1;
      this.#mail.push(mail);
    }
    if (fate !== "lost") mail.deliver();
    return `${mail.kind} ${mail.call.method.name} ${fate}`;
  }

  /** What kind of message is at an index. */
  kindOfMail(index: number): "request" | "reply" {
    return this.#mail[index]?.kind ?? "request";
  }

  /** Forgets streams that are over on both sides. */
  tidy(): void {
    for (const link of this.#links) if (link.isOver) this.#links.delete(link);
  }

  /** The server's machine is gone: what it was to answer is not answered, and its streams are broken. */
  serverGone(isNoticed: (link: Link) => boolean): void {
    for (const link of this.#links) link.serverGone(isNoticed(link));
  }

  #try(call: Call): void {
    if (call.isOver) return;
    if (call.tries >= triesMax) {
      this.#finish(call, { kind: "unknown" });
      return;
    }
    call.tries += 1;
    call.copies += 1;
    const tries = call.tries;
    this.#mail.push({ kind: "request", call, deliver: () => this.#arrive(call) });
    this.#options.clock.after(patienceMs * tries, () => {
      if (call.tries === tries) this.#try(call);
    });
  }

  #arrive(call: Call): void {
    const { server } = this.#options;
    const handler = server.method(call.method);
    // Nobody answers: the client asks again when its patience is over.
    if (handler === undefined) return;
    const { lifeNumber } = server;
    const { method } = call;
    const context = contextOf(new AbortController().signal, call.subject);
    const answered = async () => handler(overTheWire(method.input, call.request), context);
    answered().then(
      (answer) => {
        const received = overTheWire(method.output, answer);
        this.#reply(call, lifeNumber, () => this.#finish(call, { kind: "ok", answer: received }));
      },
      (error: unknown) => this.#reply(call, lifeNumber, () => this.#refused(call, error)),
    );
  }

  /** A server that has died since answers nothing. */
  #reply(call: Call, lifeNumber: number, deliver: () => void): void {
    const { server } = this.#options;
    if (server.lifeNumber !== lifeNumber || server.engine === undefined) return;
    this.#mail.push({ kind: "reply", call, deliver });
  }

  #refused(call: Call, error: unknown): void {
    const { code } = ConnectError.from(error);
    // It may or may not have taken effect, or it has not: asking again with the same content is safe.
    if (code === Code.Unavailable || code === Code.Aborted) return;
    const reason = reasonOf(error);
    if (code === Code.Internal || code === Code.Unknown) {
      this.#options.onBug(`${call.method.name} ended with ${reason}: ${(error as Error).message}`);
    }
    this.#finish(call, { kind: "refused", reason, isCertain: call.copies === 1 });
  }

  #finish(call: Call, result: CallResult): void {
    if (call.isOver) return;
    call.isOver = true;
    call.done(result);
  }
}
