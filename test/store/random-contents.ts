import type { Command, CommandOf } from "../../src/core/command.ts";
import type { LimitContent, LimitScope } from "../../src/core/limits/limit.ts";
import type { OpContent } from "../../src/core/ops/op.ts";
import type { Capacity, Placement, Resources, Taint } from "../../src/core/placement/demand.ts";
import type { Delivery } from "../../src/core/run.ts";
import type { SubscriptionContent } from "../../src/core/subscriptions/subscription.ts";
import { anOp, theInputs } from "../support/builders.ts";
import type { Random } from "../support/random.ts";

/** What ops, limits, subscriptions and workers are said to be, by chance. */
export class RandomContents {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  op(number: number): OpContent {
    const random = this.#random;
    const isChecked = random.percent(30);
    return anOp({
      description: `number ${random.percent(30) ? "same" : number}`,
      retry: random.percent(50) ? { maxAttempts: 3, initialBackoffMs: 200, jitter: 0.5 } : undefined,
      versionName: random.percent(40) ? `1.${random.below(3)}` : "",
      inputs: isChecked
        ? theInputs(
            { text: "string", number: { type: "int", required: random.percent(20) } },
            { allowExtra: true },
          )
        : { specs: {}, allowExtra: true },
      outputs: random.percent(15) ? { value: { type: "bool", description: "", schema: undefined } } : {},
      resources: random.percent(20) ? this.resources() : undefined,
      delivery: random.percent(20) ? this.delivery() : undefined,
      image: random.percent(40) ? `image:${random.below(2)}` : "",
    });
  }

  opChange(number: number): CommandOf<"updateOp">["set"] {
    const { description, image } = this.op(number);
    return this.#random.percent(70) ? { description } : { image };
  }

  /** What a task asks for; now and then more than any worker has. */
  resources(): Resources {
    const random = this.#random;
    const isOnDevice = random.percent(40);
    return {
      cpuMilli: random.percent(70) ? 500 * (1 + random.below(4)) : undefined,
      ramMb: random.percent(30) ? 100 : undefined,
      vramMb: isOnDevice && random.percent(60) ? 1_000 * (1 + random.below(3)) : undefined,
      deviceCount: isOnDevice && random.percent(70) ? 1 + random.below(2) : undefined,
      deviceIndex: undefined,
    };
  }

  placement(): Placement {
    const random = this.#random;
    return {
      workerLabels: random.percent(50) ? { site: random.pick(["x", "y"]) } : {},
      tolerations: random.percent(60) ? [{ key: "gpu", value: "" }] : [],
    };
  }

  delivery(): Delivery {
    return { topic: this.#random.pick(["t", "u"]), attributes: this.#random.percent(50) ? { a: "b" } : {} };
  }

  capacity(): Capacity {
    const random = this.#random;
    const device = (index: number) => ({ index, kind: "gpu", vramMb: 2_000 });
    return {
      cpuMilli: random.percent(70) ? 2_000 : undefined,
      ramMb: random.percent(50) ? 300 : undefined,
      devices: random.percent(50) ? [device(0), device(1)] : [],
    };
  }

  taints(): readonly Taint[] {
    return this.#random.percent(20) ? [{ key: "gpu", value: "big" }] : [];
  }

  /** A command about a limit. */
  limit(kind: "setLimit" | "deleteLimit", place: Place): Command {
    const name = this.#random.pick(["slow", "narrow", "all"]);
    return kind === "setLimit"
      ? { kind, ...place, name, content: this.#limitContent() }
      : { kind, ...place, name };
  }

  /** A command about a subscription. */
  subscription(
    kind: "createSubscription" | "deleteSubscription" | "releaseDeadLetters",
    place: Place,
  ): Command {
    const random = this.#random;
    const name = random.pick(subscriptionNames);
    switch (kind) {
      case "createSubscription":
        return { kind, ...place, name, content: this.#subscriptionContent(), through: random.below(50) };
      case "deleteSubscription":
        return { kind, ...place, name };
      case "releaseDeadLetters": {
        const positions = random.percent(30) ? [] : [random.below(100), random.below(100)];
        return { kind, ...place, name, positions, forget: random.percent(50) };
      }
    }
  }

  /** What was dealt with of a subscription, and what was set aside. */
  move(
    namespace: string,
    createTimeMsOf: (name: string) => number | undefined,
  ): CommandOf<"moveSubscription"> {
    const random = this.#random;
    const name = random.pick(subscriptionNames);
    const first = random.below(100);
    const letter = {
      namespace,
      subscription: name,
      position: random.below(100),
      deliveryCount: 3,
      cause: "refused",
      timeMs: 0,
    };
    return {
      kind: "moveSubscription",
      namespace,
      name,
      createTimeMs: createTimeMsOf(name) ?? 0,
      dealtWith: [[first, first + random.below(20)]],
      deadLetters: random.percent(40) ? [letter] : [],
    };
  }

  #limitContent(): LimitContent {
    const random = this.#random;
    return {
      scope: random.pick<LimitScope>([
        { kind: "op", op: "work" },
        { kind: "label", name: "team", value: undefined },
        { kind: "label", name: "team", value: undefined },
        { kind: "label", name: "team", value: "a" },
        { kind: "namespace" },
      ]),
      concurrentMax: random.pick([0, 1, 1, 1, 2]),
      rate: random.percent(30) ? { count: 1 + random.below(3), periodMs: 700 } : undefined,
      shareWeight: 1 + random.below(3),
    };
  }

  #subscriptionContent(): SubscriptionContent {
    const random = this.#random;
    const url = "https://example.com";
    return {
      filter: { namespace: "-", runId: "", kinds: [], labels: {}, topics: random.percent(50) ? ["t"] : [] },
      target: random.percent(50) ? { kind: "pull" } : { kind: "webhook", url, secret: "s", timeoutMs: 100 },
      ackTimeoutMs: 100,
      deliveriesMax: 3,
      inFlightMax: 10,
      initialBackoffMs: 10,
      maxBackoffMs: 100,
    };
  }
}

/** The names of subscriptions that commands by chance are about. */
export const subscriptionNames = ["hook", "pull"];

/** What a command about a name says beside it. */
interface Place {
  readonly namespace: string;
  readonly request: { readonly requestId: string; readonly digest: string };
}
