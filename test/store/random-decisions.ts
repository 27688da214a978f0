import type { Command, CommandOf } from "../../src/core/command.ts";
import type { Answerer } from "../../src/core/conditions/standing.ts";
import type { ConditionTerms } from "../../src/core/conditions/terms.ts";
import type { RunKey } from "../../src/core/name.ts";
import type { Replays } from "../../src/core/stated.ts";
import type { Value } from "../../src/core/value.ts";
import type { Store } from "../../src/store/store.ts";
import { answerRule, bool, by, int, terms } from "../support/builders.ts";
import type { Random } from "../support/random.ts";
import { anyCondition } from "./queries.ts";

const people = ["ana", "bo", "rita"];
const keys = ["order-1", "order-1", "order-1", "order/2"];

/** Commands about conditions by chance, and what conditions and those who answer them are said to be. */
export class RandomDecisions {
  readonly #random: Random;
  readonly #store: Store;

  constructor(random: Random, store: Store) {
    this.#random = random;
    this.#store = store;
  }

  person(): string {
    return this.#random.pick(people);
  }

  answerer(): Answerer {
    const random = this.#random;
    return by(this.person(), {
      groups: random.percent(50) ? ["board"] : [],
      signalledBy: random.percent(50) ? "chance" : "",
      channel: random.percent(10) ? "link" : "call",
    });
  }

  /** What a condition asks for beyond its type: mostly nothing. */
  terms(): ConditionTerms | undefined {
    const random = this.#random;
    if (random.percent(30)) return undefined;
    return terms({
      choices: random.percent(20) ? [{ value: bool(true), label: "yes", description: "" }] : [],
      rule: random.percent(60)
        ? answerRule({
            requiredCount: random.percent(70) ? 2 : 1,
            voterCount: 3,
            veto: random.percent(30) ? bool(false) : undefined,
            subjects: random.percent(40) ? ["ana", "bo"] : [],
            groups: random.percent(30) ? ["board"] : [],
            excludesRequester: random.percent(10),
          })
        : undefined,
      assignee: random.percent(40) ? this.person() : "",
      escalations: random.percent(30)
        ? [{ afterMs: 1_000, notify: ["chat"], subjects: ["rita"], groups: [], assignee: "rita" }]
        : [],
      correlationKey: random.percent(65) ? random.pick(keys) : "",
      dropsEarly: random.percent(20),
      group: random.percent(15) ? "first" : "",
      webhook: random.percent(30)
        ? {
            url: "https://example.com",
            payload: undefined,
            secret: "s",
            linkLifetimeMs: undefined,
            headers: {},
          }
        : undefined,
    });
  }

  replays(): Replays {
    const random = this.#random;
    const replay = random.pick(["reuse", "askAgain", "requireBoth"] as const);
    return {
      all: random.percent(50) ? replay : undefined,
      byCondition: random.percent(20) ? { a: "requireBoth" } : {},
    };
  }

  /** An answer of the right type, most often to an open condition. */
  async signalOpen(request: CommandOf<"signalCondition">["request"], run: RunKey): Promise<Command> {
    const random = this.#random;
    const place = await this.#place(run);
    const spec = (await this.#store.action(place.run, place.action))?.spec;
    const isInt = spec?.kind === "condition" && spec.type === "int";
    const value = isInt ? int(random.below(2)) : bool(random.percent(70));
    const instance = random.percent(10) ? 1 + random.below(2) : 0;
    return { kind: "signalCondition", request, ...place, value, by: this.answerer(), instance };
  }

  /** A signal for whatever has a correlation key. */
  signalByKey(request: CommandOf<"signalByKey">["request"], namespace: string, value: Value): Command {
    const random = this.#random;
    return {
      kind: "signalByKey",
      request,
      namespace,
      correlationKey: random.pick(keys),
      value,
      by: this.answerer(),
      keepForMs: random.percent(70) ? 500 + random.below(20_000) : undefined,
    };
  }

  /** What somebody does with a condition, most often with an open one. */
  async changeCondition(
    request: CommandOf<"changeCondition">["request"],
    run: RunKey,
    nowMs: number,
  ): Promise<Command> {
    const random = this.#random;
    const place = await this.#place(run);
    const force = random.percent(40);
    const change = random.pick<CommandOf<"changeCondition">["change"]>([
      { kind: "claim", force },
      { kind: "claim", force },
      { kind: "release", force },
      { kind: "delegate", to: this.person() },
      { kind: "snooze", endMs: random.percent(80) ? nowMs + random.below(20_000) : undefined },
      { kind: "extend", deadlineMs: random.percent(80) ? nowMs + random.below(20_000) : undefined },
    ]);
    return { kind: "changeCondition", request, ...place, by: this.answerer(), change };
  }

  async noteLinkRefusal(run: RunKey): Promise<Command> {
    return { kind: "noteLinkRefusal", ...(await this.#place(run)), cause: "EXPIRED", origin: "::1" };
  }

  /** What became of a post, most often of one that is due. */
  async settlePost(nowMs: number): Promise<Command> {
    const random = this.#random;
    const { posts } = await this.#store.duePosts(nowMs + 10_000, 5);
    const key = posts.length > 0 && random.percent(90) ? random.pick(posts).key : "no such post";
    const retryMs = random.percent(60) ? nowMs + random.below(5_000) : undefined;
    const end = random.percent(40) ? "taken" : { cause: "it said 500", retryMs };
    return { kind: "settlePost", post: { key }, end };
  }

  async #place(run: RunKey): Promise<{ readonly run: RunKey; readonly action: string }> {
    const random = this.#random;
    const query = { ...anyCondition, includeSnoozed: true, includeEnded: random.percent(10) };
    const { items } = await this.#store.listConditions(query);
    const waiting = await this.#store.listActions({ run, states: ["PENDING"], after: undefined, limit: 5 });
    const conditions = waiting.items.filter(({ spec }) => spec.kind === "condition");
    if (conditions.length > 0 && random.percent(50)) return { run, action: random.pick(conditions).name };
    if (items.length === 0 || random.percent(5)) return { run, action: "a" };
    const { action } = random.pick(items);
    return { run: action.run, action: action.name };
  }
}
