import type { Engine } from "../../engine/engine.ts";
import type { EngineLog } from "../../engine/log.ts";
import type { PlainService } from "../carrier/adapter.ts";
import { TargetGuard } from "../delivery/target-guard.ts";
import { AnswerLinks } from "./answer-links.ts";
import { AnswerService } from "./answer-service.ts";
import { ConditionSender } from "./condition-sender.ts";

/** How conditions reach people, and how those answer. */
export interface CallbacksOptions {
  readonly engine: Engine;
  readonly log: EngineLog;
  /** Whether webhooks may be addresses of the server's own networks. */
  readonly allowsInside: boolean;
  /** Where links lead to; "" for where the server listens. */
  readonly publicUrl: string;
}

/** Posts about conditions, the links in them, and what those lead to, for as long as an engine runs. */
export class Callbacks {
  readonly links: AnswerLinks;
  /** Serves the links. */
  readonly serve: PlainService;
  readonly #engine: Engine;
  readonly #sender: ConditionSender;

  private constructor(links: AnswerLinks, { engine, log, allowsInside }: CallbacksOptions) {
    this.links = links;
    this.serve = new AnswerService({ engine, links, log }).serve;
    this.#engine = engine;
    this.#sender = new ConditionSender({ engine, links, guard: new TargetGuard({ allowsInside }) });
  }

  /** Those of an engine. Posts nothing yet. Throws StoreUnavailable. */
  static async of(options: CallbacksOptions): Promise<Callbacks> {
    return new Callbacks(await AnswerLinks.of(options.engine.store, options.publicUrl), options);
  }

  /** Begins to post, when it is known where the server listens. */
  begin(url: string): void {
    this.links.leadTo(url);
    this.#engine.posts.serve(this.#sender);
  }
}
