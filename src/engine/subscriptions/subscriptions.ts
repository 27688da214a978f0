import type { Subscription, SubscriptionTarget } from "../../core/subscriptions/subscription.ts";
import { canonical } from "../../core/value.ts";
import { consumersPerSubscriptionMax, pageStepRows } from "../../limits.ts";
import { Stopping } from "../execute.ts";
import { ActiveSubscription, type SubscriptionSources } from "./active-subscription.ts";
import type { Consumer, Consuming, DeliveryStatus, EndCause, Sender, Sending } from "./consumer.ts";

/** What a consumer comes to: it consumes, or why it does not. */
export type OpenOutcome =
  | { readonly ok: true; readonly consuming: Consuming; readonly subscription: Subscription }
  | { readonly ok: false; readonly cause: "NOT_FOUND" | "NOT_PULLED" | "FULL" };

/** One that is at work, with whoever sends for it. */
interface Entry {
  readonly active: ActiveSubscription;
  sending: Sending | undefined;
  /** The store did not take its place any more. */
  isLost: boolean;
}

/**
 * All subscriptions of the store, each at work as long as it exists. Who deals with their events comes from
 * outside: consumers of pulled ones with `open`, senders for the others with `serve`.
 */
export class Subscriptions {
  readonly #sources: SubscriptionSources;
  readonly #entries = new Map<string, Entry>();
  readonly #senders = new Map<SubscriptionTarget["kind"], Sender>();
  /** Looks at one name take effect one after the other. */
  readonly #looking = new Map<string, Promise<void>>();
  #hasStopped = false;

  constructor(sources: SubscriptionSources) {
    this.#sources = sources;
  }

  /** Sets all that there are to work. Throws StoreUnavailable. */
  async start(): Promise<void> {
    let after: string | undefined;
    do {
      const page = await this.#sources.store.listSubscriptions({
        namespace: undefined,
        after,
        limit: pageStepRows,
      });
      for (const subscription of page.items) this.#activate(subscription);
      after = page.next;
    } while (after !== undefined);
  }

  /** Has a sender deal with all subscriptions of a kind, those that are there and those that come. */
  serve(kind: "webhook" | "nats", sender: Sender): void {
    this.#senders.set(kind, sender);
    for (const entry of this.#entries.values()) this.#beginSending(entry);
  }

  /** A subscription came, went or changed: looks at it in the store. */
  look(namespace: string, name: string): void {
    void this.#looked(namespace, name);
  }

  /** Makes somebody a consumer of a pulled subscription. Throws Stopping and StoreUnavailable. */
  async open(namespace: string, name: string, consumer: Consumer): Promise<OpenOutcome> {
    const key = keyOf(namespace, name);
    await this.#looking.get(key);
    if (!this.#entries.has(key)) await this.#looked(namespace, name, { throws: true });
    if (this.#hasStopped) throw new Stopping();
    const entry = this.#entries.get(key);
    if (entry === undefined) return { ok: false, cause: "NOT_FOUND" };
    const { active } = entry;
    if (active.subscription.target.kind !== "pull") return { ok: false, cause: "NOT_PULLED" };
    if (active.status.consumerCount >= consumersPerSubscriptionMax) return { ok: false, cause: "FULL" };
    return { ok: true, consuming: active.open(consumer), subscription: active.subscription };
  }

  /** Where one stands here; undefined if it is not at work. */
  status(namespace: string, name: string): DeliveryStatus | undefined {
    return this.#entries.get(keyOf(namespace, name))?.active.status;
  }

  /** Ends all of them: what is on its way may arrive, and what was acknowledged is made durable. */
  async stop(): Promise<void> {
    this.#hasStopped = true;
    await Promise.all([...this.#entries.keys()].map((key) => this.#end(key, "STOPPING")));
  }

  #looked(namespace: string, name: string, { throws = false } = {}): Promise<void> {
    const key = keyOf(namespace, name);
    const look = async () => {
      try {
        await this.#lookNow(namespace, name);
      } catch (error) {
        this.#sources.log.warn({ namespace, name, err: error }, "a subscription could not be looked at");
        if (throws) throw error;
      }
    };
    const looked = (this.#looking.get(key) ?? Promise.resolve()).catch(() => {}).then(look);
    this.#looking.set(key, looked);
    const done = () => {
      if (this.#looking.get(key) === looked) this.#looking.delete(key);
    };
    looked.then(done, done);
    return looked;
  }

  async #lookNow(namespace: string, name: string): Promise<void> {
    if (this.#hasStopped) return;
    const found = await this.#sources.store.subscription(namespace, name);
    const key = keyOf(namespace, name);
    const entry = this.#entries.get(key);
    if (
      entry !== undefined &&
      (found === undefined || entry.isLost || !isSame(entry.active.subscription, found))
    ) {
      await this.#end(key, found === undefined ? "DELETED" : "STOPPING");
    } else if (entry !== undefined) {
      entry.active.look();
      return;
    }
    if (found !== undefined && !this.#hasStopped) this.#activate(found);
  }

  #activate(subscription: Subscription): void {
    const { namespace, name } = subscription;
    const key = keyOf(namespace, name);
    if (this.#entries.has(key)) return;
    const active = new ActiveSubscription(subscription, this.#sources, () => {
      entry.isLost = true;
      this.look(namespace, name);
    });
    const entry: Entry = { active, sending: undefined, isLost: false };
    this.#entries.set(key, entry);
    this.#beginSending(entry);
    active.start();
  }

  #beginSending(entry: Entry): void {
    const { active } = entry;
    const sender = this.#senders.get(active.subscription.target.kind);
    entry.sending ??= sender?.begin(active.subscription, (consumer) => active.open(consumer));
  }

  async #end(key: string, cause: EndCause): Promise<void> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    entry.sending?.end();
    await entry.active.end(cause);
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** True if both are the same subscription, whatever its place. */
function isSame(one: Subscription, other: Subscription): boolean {
  return one.createTimeMs === other.createTimeMs && contentOf(one) === contentOf(other);
}

function contentOf({ filter, target }: Subscription): string {
  return canonical({ filter, target });
}
