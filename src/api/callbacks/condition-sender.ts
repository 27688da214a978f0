import type { WebhookPost } from "../../core/conditions/outbox.ts";
import { termsOf } from "../../core/conditions/standing.ts";
import type { Engine } from "../../engine/engine.ts";
import type { PostEnd, PostSender } from "../../engine/posts.ts";
import { postsPerHostMax } from "../../limits.ts";
import { withSurroundings } from "../conditions/find-condition.ts";
import { Poster } from "../delivery/post.ts";
import { describeFailure, failureOf } from "../delivery/post-outcome.ts";
import { AddressForbidden, type TargetGuard } from "../delivery/target-guard.ts";
import type { AnswerLinks } from "./answer-links.ts";
import { callbackTimeoutMs } from "./callback-limits.ts";
import { causeAgainst, contentOf, type PostContent } from "./condition-post.ts";
import { PayloadTooLarge } from "./payload.ts";

/** What a sender needs. */
export interface ConditionSenderOptions {
  readonly engine: Pick<Engine, "store" | "nowMs">;
  readonly links: AnswerLinks;
  readonly guard: TargetGuard;
}

/**
 * Posts about conditions to their webhooks. It reads the condition when it posts: what it tells is how the
 * condition stands by then, and what has nothing left to ask is not posted at all.
 *
 * 2xx takes a post. 410, an address that is forbidden and a content that is too large give it up at once.
 * Anything else, and no answer in `callbackTimeoutMs`, is a try that failed.
 */
export class ConditionSender implements PostSender {
  readonly #options: ConditionSenderOptions;
  readonly #poster: Poster;

  constructor(options: ConditionSenderOptions) {
    this.#options = options;
    this.#poster = new Poster(options.guard, { socketsMax: postsPerHostMax });
  }

  async hostOf({ run, action: name }: WebhookPost): Promise<string> {
    const action = await this.#options.engine.store.action(run, name);
    const url = action === undefined ? undefined : termsOf(action).webhook?.url;
    return url !== undefined && URL.canParse(url) ? new URL(url).host : "";
  }

  async send(post: WebhookPost, signal: AbortSignal): Promise<PostEnd> {
    const { store } = this.#options.engine;
    const action = await store.action(post.run, post.action);
    const against = causeAgainst(post, action);
    if (action === undefined || against !== undefined) return givenUp(against ?? "");
    const row = await withSurroundings(store, action);
    try {
      const { engine, links } = this.#options;
      return await this.#post(contentOf(post, row, { links, nowMs: engine.nowMs() }), signal);
    } catch (error) {
      if (error instanceof PayloadTooLarge) return givenUp(`PAYLOAD_TOO_LARGE: ${error.message}`);
      throw error;
    }
  }

  close(): void {
    this.#poster.close();
  }

  async #post(content: PostContent, signal: AbortSignal): Promise<PostEnd> {
    try {
      const answer = await this.#poster.post({ ...content, timeoutMs: callbackTimeoutMs, signal });
      return failureOf(answer) ?? "taken";
    } catch (error) {
      if (error instanceof AddressForbidden) return givenUp(`${error.code}: ${error.message}`);
      return { cause: describeFailure(error), delayMs: undefined };
    }
  }
}

function givenUp(cause: string): PostEnd {
  return { cause, delayMs: undefined, isFinal: true };
}
