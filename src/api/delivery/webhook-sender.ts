import type { Subscription } from "../../core/subscriptions/subscription.ts";
import type {
  Consumer,
  Consuming,
  EndCause,
  EventInFlight,
  Sender,
  Sending,
} from "../../engine/subscriptions/consumer.ts";
import { webhookPostsMax } from "../../limits.ts";
import { toEventId } from "../mapping/to-proto-event.ts";
import { cloudEventOf, cloudEventType } from "./cloud-event.ts";
import { Poster } from "./post.ts";
import { describeFailure, failureOf } from "./post-outcome.ts";
import type { TargetGuard } from "./target-guard.ts";
import { signatureHeaders } from "./webhook-content.ts";

/** Posts the events of webhook subscriptions, each with connections of its own. */
export class WebhookSender implements Sender {
  readonly #guard: TargetGuard;

  constructor(guard: TargetGuard) {
    this.#guard = guard;
  }

  begin(subscription: Subscription, open: (consumer: Consumer) => Consuming): Sending {
    const posting = new Posting(subscription, this.#guard);
    posting.consuming = open(posting);
    // It is ended as a consumer.
    return { end: () => {} };
  }
}

/**
 * Posts the events of one subscription, one of a run at a time and `webhookPostsMax` in all.
 *
 * 2xx means delivered. 410 says that the receiver never wants it: it is set aside at once. Anything else,
 * also a redirect, and no answer in time, is a try that failed; `retry-after` says when the next one is.
 */
class Posting implements Consumer {
  readonly inFlightMax = webhookPostsMax;
  readonly isPipelined = false;
  consuming: Consuming | undefined;
  readonly #url: string;
  readonly #secret: string;
  readonly #timeoutMs: number;
  readonly #poster: Poster;
  readonly #ending = new AbortController();
  readonly #inWork = new Set<Promise<void>>();

  constructor({ target }: Subscription, guard: TargetGuard) {
    const webhook = target.kind === "webhook" ? target : { url: "", secret: "", timeoutMs: 0 };
    this.#url = webhook.url;
    this.#secret = webhook.secret;
    this.#timeoutMs = webhook.timeoutMs;
    this.#poster = new Poster(guard, { socketsMax: webhookPostsMax });
  }

  deliver(deliveries: readonly EventInFlight[]): boolean {
    for (const delivery of deliveries) {
      const posting = this.#post(delivery).finally(() => this.#inWork.delete(posting));
      this.#inWork.add(posting);
    }
    return true;
  }

  async end(cause: EndCause): Promise<void> {
    if (cause === "DELETED") this.#ending.abort();
    await Promise.all(this.#inWork);
    this.#ending.abort();
    this.#poster.close();
  }

  async #post({ placed }: EventInFlight): Promise<void> {
    const position = Number(placed.position);
    // It may be handed its first events before it knows whom to tell; and to make a text of one may fail.
    await Promise.resolve();
    try {
      const body = cloudEventOf(placed);
      const answer = await this.#poster.post({
        url: this.#url,
        headers: {
          "content-type": cloudEventType,
          "user-agent": "signalbox",
          ...signatureHeaders(this.#secret, toEventId(placed.position), Date.now(), body),
        },
        body,
        timeoutMs: this.#timeoutMs,
        signal: this.#ending.signal,
      });
      const rejection = failureOf(answer);
      if (rejection === undefined) this.consuming?.acknowledge([position]).catch(() => {});
      else this.consuming?.reject([position], rejection);
    } catch (error) {
      this.consuming?.reject([position], { delayMs: undefined, cause: describeFailure(error) });
    }
  }
}
