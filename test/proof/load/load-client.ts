import { setTimeout as delay } from "node:timers/promises";
import { output, type SignalboxClient } from "../../../src/client/client.ts";
import type { Random } from "../../support/random.ts";
import type { History } from "../history/history.ts";
import type { Request, Response, RunKind } from "../history/lines.ts";

/** A run of the load that may still be asked about. */
interface Key {
  readonly kind: RunKind;
  readonly key: string;
  /** How many operations it may still have, so that its history stays small enough to be judged. */
  left: number;
}

/** 24 operations on a run beside its creation: enough for every order of a few clients. */
const operationsPerKey = 24;
/** 8 runs of a kind that all clients ask about at the same time, so that they meet. */
const sharedKeysMax = 8;

/** The runs that the clients of one load share, and every one that there ever was. */
export class Keys {
  readonly all: { readonly kind: RunKind; readonly key: string }[] = [];
  readonly #shared: Record<RunKind, Key[]> = { condition: [], task: [], plan: [] };

  /** A new run. Asked about from now on, though nobody may have created it yet. */
  add(kind: RunKind): string {
    const key = `${kind}-${this.all.length}`;
    this.all.push({ kind, key });
    const shared = this.#shared[kind];
    shared.push({ kind, key, left: operationsPerKey });
    if (shared.length > sharedKeysMax) shared.shift();
    return key;
  }

  /** One to ask about; undefined if there is none. */
  pick(kind: RunKind, random: Random): string | undefined {
    const shared = this.#shared[kind];
    const place = random.below(shared.length);
    const found = shared[place];
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left === 0) shared.splice(place, 1);
    return found.key;
  }
}

/** One client of a load: asks one thing after the other, of runs that others ask about at the same time. */
export class LoadClient {
  readonly #client: SignalboxClient;
  readonly #history: History;
  readonly #name: string;
  readonly #random: Random;
  readonly #keys: Keys;
  /** Who does not know what became of a call is another process from there on, as Jepsen has it. */
  #incarnation = 0;

  constructor(parts: {
    readonly client: SignalboxClient;
    readonly history: History;
    readonly name: string;
    readonly random: Random;
    readonly keys: Keys;
  }) {
    this.#client = parts.client;
    this.#history = parts.history;
    this.#name = parts.name;
    this.#random = parts.random;
    this.#keys = parts.keys;
  }

  /** Asks until it is told to stop, with a short pause between two things. */
  async work(stopped: AbortSignal, mayAsk: () => boolean): Promise<void> {
    while (!stopped.aborted) {
      if (mayAsk()) await this.#askSomething();
      await delay(2 + this.#random.below(20));
    }
  }

  /** Reads everything that there is to know about a run. */
  async read(kind: RunKind, key: string): Promise<void> {
    await this.ask(kind, key, { f: "read-run" });
    if (kind === "condition") await this.ask(kind, key, { f: "read-condition" });
  }

  async #askSomething(): Promise<void> {
    const random = this.#random;
    const kind = random.weighed({ condition: 60, task: 40 });
    const shares = { create: 14, "read-run": 24, cancel: 8, retry: 10 };
    const f =
      kind === "condition"
        ? random.weighed({ ...shares, signal: 26, "read-condition": 18 })
        : random.weighed(shares);
    const key = f === "create" ? this.#keys.add(kind) : this.#keys.pick(kind, random);
    if (key === undefined) return;
    const request: Request = f === "signal" ? { f, value: random.below(3) } : { f };
    const response = await this.ask(kind, key, request);
    // Who was told nothing waits before it asks again, as people do.
    if (response === undefined) await delay(150);
  }

  /** Makes one call and records it. */
  async ask(kind: RunKind, key: string, request: Request): Promise<Response | undefined> {
    const response = await this.#history.record({
      process: `${this.#name}/${this.#incarnation}`,
      kind,
      key,
      request,
      perform: () => this.#perform(kind, key, request),
    });
    if (response === undefined) this.#incarnation += 1;
    return response;
  }

  async #perform(kind: RunKind, key: string, request: Request): Promise<Response> {
    const { runs, conditions } = this.#client;
    switch (request.f) {
      case "create": {
        const { state, retryCount } = await runs.create(this.#newRun(kind, key));
        return { state, retryCount };
      }
      case "signal": {
        const options = { type: kind === "plan" ? "bool" : "int" } as const;
        const value = kind === "plan" ? request.value === 1 : request.value;
        const { kept, repeated } = await conditions.signal(key, "approve", value, options);
        return { kept, repeated };
      }
      case "cancel": {
        const { state, cancelRequested } = await runs.cancel(key);
        return { state, cancelRequested };
      }
      case "retry": {
        const { state, retryCount } = await runs.retry(key);
        return { state, retryCount };
      }
      case "read-run": {
        const { state, retryCount, cancelRequested } = await runs.get(key);
        return { state, retryCount, cancelRequested };
      }
      case "read-condition": {
        const { state, outputs } = await runs.action(key, "approve");
        const answer = outputs["value"];
        return answer === undefined ? { state } : { state, answer: Number(answer) };
      }
    }
  }

  #newRun(kind: RunKind, runId: string) {
    const random = this.#random;
    const number = Number(runId.split("-")[1]);
    const retry = { maxAttempts: 50, initialBackoffMs: 10 };
    if (kind === "task") {
      const input = { ms: random.below(300), failures: random.percent(25) ? 1 : 0 };
      return {
        runId,
        op: "proof.task",
        input,
        retry: { ...retry, maxAttempts: random.percent(20) ? 1 : 50 },
      };
    }
    if (kind === "condition") {
      const waits = random.percent(60);
      const gate = { name: "gate", task: { op: "proof.gate", input: { ms: random.below(200) }, retry } };
      const approve = { name: "approve", condition: { type: "int" as const } };
      return { runId, plan: waits ? [gate, { ...approve, dependsOn: ["gate"] }] : [approve] };
    }
    return {
      runId,
      plan: [
        { name: "first", task: { op: "proof.first", input: { number }, retry } },
        { name: "second", task: { op: "proof.second", input: { from: output("first", "number") }, retry } },
        { name: "approve", condition: { type: "bool" as const }, dependsOn: ["first"] },
        {
          name: "last",
          task: { op: "proof.last", input: { from: output("second", "number") }, retry },
          dependsOn: [{ action: "approve", equals: true }],
        },
      ],
    };
  }
}
