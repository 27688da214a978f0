import { afterEach, describe, expect, test } from "vitest";
import type { CommandKind, CommandOf, Stamp } from "../../src/core/command.ts";
import type { WebhookPost } from "../../src/core/conditions/outbox.ts";
import { anonymousSubject, termsOf } from "../../src/core/conditions/standing.ts";
import { plainTerms } from "../../src/core/conditions/terms.ts";
import { type RunKey, runKey } from "../../src/core/name.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { PostEnd, PostSender } from "../../src/engine/posts.ts";
import { postsInWorkMax, postsKnownMax, postsPerHostMax, storeRetryDelayMs } from "../../src/limits.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { type Outcome, type Store, StoreUnavailable } from "../../src/store/store.ts";
import { FakeClock, until } from "../support/fake-clock.ts";
import { KeptLog, settings } from "./support.ts";

interface Try {
  readonly post: WebhookPost;
  readonly host: string;
  readonly signal: AbortSignal;
  readonly end: (end: PostEnd) => void;
}

/** Makes no posts: a test says what becomes of each. */
class KeptSender implements PostSender {
  readonly tries: Try[] = [];
  /** What becomes of tries at once; undefined leaves them to the test. */
  answer: PostEnd | undefined;
  isClosed = false;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async hostOf({ run, action: name }: WebhookPost): Promise<string> {
    const action = await this.#store.action(run, name);
    return new URL((action && termsOf(action).webhook?.url) ?? "http://nowhere").host;
  }

  async send(post: WebhookPost, signal: AbortSignal): Promise<PostEnd> {
    const host = await this.hostOf(post);
    const { promise, resolve } = Promise.withResolvers<PostEnd>();
    this.tries.push({ post, host, signal, end: resolve });
    signal.addEventListener("abort", () => resolve({ cause: "aborted", delayMs: undefined }));
    return this.answer ?? promise;
  }

  close(): void {
    this.isClosed = true;
  }

  countTo(host: string): number {
    return this.tries.filter((one) => one.host === host).length;
  }
}

const begun: { readonly engine: Engine; readonly sender: KeptSender }[] = [];
afterEach(async () => {
  for (const { engine, sender } of begun.splice(0)) {
    const stopping = engine.stop();
    for (const one of sender.tries) one.end("taken");
    await stopping;
  }
});

async function begin(store: Store = new MemoryStore(), clock = new FakeClock()) {
  const log = new KeptLog();
  const engine = new Engine({ store, clock, chance: { next: () => 0 }, log, settings });
  await engine.start();
  const sender = new KeptSender(store);
  begun.push({ engine, sender });
  return { engine, store, clock, log, sender };
}

/** Creates a run with a condition for each host, which is its webhook's. */
async function ask(engine: Engine, runId: string, hosts: readonly string[]): Promise<RunKey> {
  const webhook = { payload: undefined, secret: "", linkLifetimeMs: undefined, headers: {} };
  const plan = hosts.map((host, index) => ({
    name: `ask-${index}`,
    dependencies: [],
    labels: {},
    spec: {
      kind: "condition" as const,
      type: "bool" as const,
      prompt: "",
      description: "",
      timeoutMs: undefined,
      defaultValue: undefined,
      terms: { ...plainTerms, webhook: { ...webhook, url: `http://${host}/` } },
    },
  }));
  const outcome = await engine.execute<"createRun">({
    kind: "createRun",
    request: { requestId: "", digest: "" },
    namespace: "default",
    runId,
    newRunId: "",
    labels: {},
    priority: 0,
    timeoutMs: undefined,
    delivery: undefined,
    createdBy: anonymousSubject,
    work: { plan },
  });
  expect(outcome.ok).toBe(true);
  return runKey("default", runId);
}

function answer(engine: Engine, run: RunKey, action: string) {
  const by = {
    subject: "ana",
    groups: [],
    signalledBy: "",
    comment: "",
    channel: "call",
    origin: "",
  } as const;
  const request = { requestId: "", digest: "" };
  const value = { kind: "bool", value: true } as const;
  return engine.execute<"signalCondition">({
    kind: "signalCondition",
    request,
    run,
    action,
    value,
    by,
    instance: 0,
  });
}

function times<T>(count: number, item: T): T[] {
  return Array<T>(count).fill(item);
}

describe("posts", () => {
  test("wait for whoever makes them, and are made then", async () => {
    const { engine, sender } = await begin();
    await ask(engine, "r", ["a"]);
    engine.posts.serve(sender);
    await until("it is tried", () => sender.tries.length === 1);
    sender.tries[0]?.end("taken");
    await until(
      "it is settled",
      async () => (await engine.store.duePosts(engine.nowMs(), 1)).posts.length === 0,
    );
    await ask(engine, "s", ["a"]);
    await until("the next one is tried", () => sender.tries.length === 2);
  });

  test("to one host are few at once, and leave room for those to others", async () => {
    const { engine, sender } = await begin();
    engine.posts.serve(sender);
    await ask(engine, "dead", times(100, "dead"));
    await until("the dead host has its share", () => sender.tries.length === postsPerHostMax);
    await ask(engine, "good", ["good", ...times(20, "better")]);
    await until("the others are tried", () => sender.tries.length === 2 * postsPerHostMax + 1);
    expect([sender.countTo("dead"), sender.countTo("good"), sender.countTo("better")]).toEqual([
      postsPerHostMax,
      1,
      postsPerHostMax,
    ]);
    sender.tries.find(({ host }) => host === "dead")?.end("taken");
    await until("the next one follows", () => sender.countTo("dead") === postsPerHostMax + 1);
  });

  test("are bounded in all", async () => {
    const { engine, sender } = await begin();
    engine.posts.serve(sender);
    const hosts = Array.from({ length: 100 }, (_, index) => `host-${index}`);
    await ask(engine, "r", hosts);
    await until("as many as may are tried", () => sender.tries.length === postsInWorkMax);
    for (const one of [...sender.tries]) one.end("taken");
    await until("the others follow", () => sender.tries.length === hosts.length);
  });

  test("of one condition follow each other", async () => {
    const { engine, sender } = await begin();
    engine.posts.serve(sender);
    const run = await ask(engine, "r", ["a", "a"]);
    await until("both are tried", () => sender.tries.length === 2);
    await answer(engine, run, "ask-0");
    await answer(engine, run, "ask-1");
    const [first] = sender.tries;
    first?.end("taken");
    await until("the end of the first is tried", () => sender.tries.length === 3);
    expect(sender.tries[2]?.post).toMatchObject({ about: "condition_ended", action: first?.post.action });
  });

  test("that are more than may be known are all made once", async () => {
    const { engine, sender } = await begin();
    const count = postsKnownMax + 500;
    await ask(engine, "dead", times(postsPerHostMax, "dead"));
    await ask(
      engine,
      "r",
      Array.from({ length: count }, (_, index) => `host-${index % 50}`),
    );
    engine.posts.serve(sender);
    await until("the dead host has its share", () => sender.countTo("dead") === postsPerHostMax);
    sender.answer = "taken";
    for (const one of [...sender.tries]) if (one.host !== "dead") one.end("taken");
    await until("all are tried", () => sender.tries.length >= count + postsPerHostMax);
    expect(new Set(sender.tries.map(({ post }) => post.key)).size).toBe(sender.tries.length);
  });

  test("that failed come again after a wait that doubles, and at the time that the receiver named", async () => {
    const { engine, clock, sender } = await begin();
    engine.posts.serve(sender);
    await ask(engine, "r", ["a"]);
    const waits: number[] = [];
    for (const delayMs of [undefined, undefined, undefined, 1_234]) {
      await until("it is tried", () => sender.tries.length === waits.length + 1);
      sender.tries.at(-1)?.end({ cause: "no", delayMs });
      await until(
        "it is settled",
        async () => (await engine.store.duePosts(clock.nowMs(), 1)).posts.length === 0,
      );
      const { nextMs = 0 } = await engine.store.duePosts(clock.nowMs(), 1);
      waits.push(nextMs - clock.nowMs());
      await clock.advance(nextMs - clock.nowMs());
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 1_234]);
  });

  test("whose try cannot be settled are tried again", async () => {
    class FullStore extends MemoryStore {
      isFull = true;
      override async transact<K extends CommandKind>(
        command: CommandOf<K>,
        stamp: Stamp,
      ): Promise<Outcome<K>> {
        if (command.kind === "settlePost" && this.isFull) throw new StoreUnavailable("full");
        return super.transact(command, stamp);
      }
    }
    const store = new FullStore();
    const { engine, clock, sender } = await begin(store);
    sender.answer = "taken";
    engine.posts.serve(sender);
    await ask(engine, "r", ["a"]);
    await until("it is tried", () => sender.tries.length === 1);
    await clock.advance(storeRetryDelayMs);
    await until("it is tried again", () => sender.tries.length === 2);
    store.isFull = false;
    await clock.advance(storeRetryDelayMs);
    await until("it is settled", async () => (await store.duePosts(clock.nowMs(), 1)).posts.length === 0);
    expect(sender.tries).toHaveLength(3);
  });

  test("in work when the engine stops get some time; what is cut off is no try, and is made again", async () => {
    const store = new MemoryStore();
    const { engine, clock, sender } = await begin(store);
    engine.posts.serve(sender);
    await ask(engine, "r", ["a", "b"]);
    await until("both are tried", () => sender.tries.length === 2);
    const stopping = engine.stop();
    sender.tries[0]?.end("taken");
    await clock.advance(10_000);
    await stopping;
    expect([sender.tries[1]?.signal.aborted, sender.isClosed]).toEqual([true, true]);
    const { posts } = await store.duePosts(clock.nowMs(), 10);
    expect(posts).toMatchObject([{ key: sender.tries[1]?.post.key, deliveryCount: 0 }]);

    const next = await begin(store, clock);
    next.engine.posts.serve(next.sender);
    await until("it is tried again", () => next.sender.tries.length === 1);
    next.sender.tries[0]?.end("taken");
  });
});
