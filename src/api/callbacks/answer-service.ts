import { answerOf } from "../../core/conditions/answers/take-answer.ts";
import { anonymousSubject, standingOf } from "../../core/conditions/standing.ts";
import { runIdOf } from "../../core/name.ts";
import type { Engine } from "../../engine/engine.ts";
import type { EngineLog } from "../../engine/log.ts";
import { type PlainService, peerOf } from "../carrier/adapter.ts";
import type { HttpRequest, HttpResponse } from "../carrier/port.ts";
import type { Refusal } from "../refusals/row.ts";
import { refusalOf } from "../status.ts";
import {
  answerOfForm,
  answerOfJson,
  BodyRefused,
  bodyKindOf,
  type PostedAnswer,
  readBody,
  type StatedAnswer,
} from "./answer-body.ts";
import { type AnswerLinks, answerPath } from "./answer-links.ts";
import type { Question } from "./answer-pages.ts";
import {
  plainReply,
  questionReply,
  type Reply,
  recordedReply,
  refusedReply,
  rejectedReply,
  sendReply,
} from "./answer-reply.ts";
import { invalidLinksWindowMs } from "./callback-limits.ts";
import { InvalidLinks } from "./invalid-links.ts";
import type { LinkClaims } from "./link-claims.ts";

/** What links are answered from. */
export interface AnswerServiceOptions {
  readonly engine: Engine;
  readonly links: AnswerLinks;
  readonly log: EngineLog;
}

/** One request to a link. */
interface Visit {
  readonly request: HttpRequest;
  readonly token: string;
  /** The address and port it came from. */
  readonly peer: string;
}

/**
 * Serves `/answer/<token>`: GET shows what is asked, as a form or as JSON, and answers nothing, however often
 * it is fetched; POST answers. What is refused is recorded with the condition, as `link_refused`, unless it
 * only asks for another value; tokens stand in no log.
 */
export class AnswerService {
  readonly #options: AnswerServiceOptions;
  readonly #invalid = new InvalidLinks();

  constructor(options: AnswerServiceOptions) {
    this.#options = options;
  }

  /** Serves a request that is for a link. */
  readonly serve: PlainService = (request, response) => {
    const [path = ""] = (request.url ?? "").split("?", 1);
    const token = this.#tokenIn(path);
    if (token === undefined) return false;
    void this.#serve({ request, token, peer: peerOf(request) }, response);
    return true;
  };

  /** A proxy in front may leave the path of the public address as it is. */
  #tokenIn(path: string): string | undefined {
    const { pathPrefix } = this.#options.links;
    const rest =
      pathPrefix !== "" && path.startsWith(`${pathPrefix}/`) ? path.slice(pathPrefix.length) : path;
    return rest.startsWith(answerPath) ? rest.slice(answerPath.length) : undefined;
  }

  async #serve(visit: Visit, response: HttpResponse): Promise<void> {
    const { log } = this.#options;
    const { request, peer } = visit;
    let reply: Reply;
    try {
      reply = await this.#reply(visit);
    } catch (error) {
      reply = this.#failed(error);
    }
    log.debug(
      { method: request.method, path: `${answerPath}...`, status: reply.status, peer },
      "answer link",
    );
    sendReply(request, response, reply);
  }

  #failed(error: unknown): Reply {
    const { log } = this.#options;
    if (error instanceof BodyRefused) {
      const { status, message } = error;
      return plainReply(status, "INVALID_REQUEST", { title: "The answer was not understood", message });
    }
    const refusal = refusalOf(error);
    if (refusal !== undefined) return { ...refusedReply(refusal), headers: { "retry-after": "1" } };
    log.error({ err: error }, "an answer link could not be served");
    const message = "internal error; the answer may not be recorded";
    return plainReply(500, "INTERNAL", { title: "Something went wrong", message });
  }

  async #reply(visit: Visit): Promise<Reply> {
    const { engine, links } = this.#options;
    const { request, token } = visit;
    const method = request.method ?? "";
    if (method !== "GET" && method !== "HEAD" && method !== "POST") {
      const message = `${method} is no method of a link`;
      const reply = plainReply(405, "INVALID_REQUEST", { title: "This cannot be done", message });
      return { ...reply, headers: { allow: "GET, HEAD, POST" } };
    }
    const verified = links.verify(token, engine.nowMs());
    if (!verified.ok) {
      const { refusal, claims } = verified;
      const isInvalid = refusal.reason === "LINK_INVALID";
      return isInvalid ? this.#invalidLink(visit, claims) : this.#refused(visit, refusal, claims);
    }
    const { claims } = verified;
    const question = await this.#questionOf(claims);
    if (question === undefined) return this.#refused(visit, usedUp(claims), claims);
    if (method !== "POST") return questionReply(question);
    const kind = bodyKindOf(request);
    if (kind === undefined) {
      const message = "the content type must be application/json or application/x-www-form-urlencoded";
      throw new BodyRefused(415, message);
    }
    const text = await readBody(request);
    const read = kind === "json" ? answerOfJson(text, question.spec) : answerOfForm(text, question.spec);
    const { stated } = read;
    if (!read.ok) {
      const refusal = { reason: "INVALID_REQUEST", violations: read.violations } as const;
      return rejectedReply(question, refusal, stated);
    }
    return this.#answer(visit, { claims, question, answer: read.answer, stated });
  }

  /** The condition while a link can still answer it. */
  async #questionOf({ run, action: name, instance, subject }: LinkClaims): Promise<Question | undefined> {
    const action = await this.#options.engine.store.action(run, name);
    if (action?.spec.kind !== "condition" || action.state !== "PAUSED") return undefined;
    if (standingOf(action).instance !== instance) return undefined;
    const hasAnswered = answerOf(action, answererOf(subject)) !== undefined;
    return hasAnswered ? undefined : { action, spec: action.spec };
  }

  async #answer(
    visit: Visit,
    given: {
      readonly claims: LinkClaims;
      readonly question: Question;
      readonly answer: PostedAnswer;
      readonly stated: StatedAnswer | undefined;
    },
  ): Promise<Reply> {
    const { claims, question, answer } = given;
    const { run, action, instance, subject } = claims;
    const outcome = await this.#options.engine.execute<"signalCondition">({
      kind: "signalCondition",
      request: { requestId: "", digest: "" },
      run,
      action,
      instance,
      value: answer.value,
      by: { ...answererOf(subject), comment: answer.comment, origin: visit.peer },
    });
    if (!outcome.ok) {
      const { refusal } = outcome;
      if ("violations" in refusal || refusal.reason === "SIGNAL_TYPE_MISMATCH") {
        return rejectedReply(question, refusal, given.stated);
      }
      return this.#refused(visit, isOver(refusal) ? usedUp(claims) : refusal, claims);
    }
    // Somebody was quicker with the same answer, perhaps with this very link.
    if (outcome.answer.repeated) return this.#refused(visit, usedUp(claims), claims);
    return recordedReply(question, answer, { isDecided: outcome.answer.action?.endTimeMs !== undefined });
  }

  /** A link that was changed or is none: what it says is only believed so far as the condition exists. */
  async #invalidLink(visit: Visit, claims: LinkClaims | undefined): Promise<Reply> {
    const { engine } = this.#options;
    const refusal = { reason: "LINK_INVALID" } as const;
    const nowMs = engine.nowMs();
    if (!this.#invalid.count(visit.request.socket.remoteAddress ?? "", nowMs)) {
      const message = "too many invalid links come from here; try again later";
      const reply = plainReply(429, "LINK_INVALID", { title: "This link is not valid", message });
      return { ...reply, headers: { "retry-after": String(invalidLinksWindowMs / 1_000) } };
    }
    await this.#note(visit, refusal, claims);
    return refusedReply(refusal);
  }

  /** To look at a link is not to use it: only who posts is recorded. */
  async #refused(visit: Visit, refusal: Refusal, claims: LinkClaims | undefined): Promise<Reply> {
    if (visit.request.method === "POST") await this.#note(visit, refusal, claims);
    return refusedReply(refusal);
  }

  /** Records a refusal, if the condition exists; whatever comes of it, the visitor is refused. */
  async #note({ peer }: Visit, { reason }: Refusal, claims: LinkClaims | undefined): Promise<void> {
    const { engine, log } = this.#options;
    const facts = { reason, peer, run: claims?.run, action: claims?.action };
    log.info(facts, "an answer link was refused");
    if (claims === undefined) return;
    const { run, action } = claims;
    try {
      if ((await engine.store.action(run, action)) === undefined) return;
      await engine.execute<"noteLinkRefusal">({
        kind: "noteLinkRefusal",
        run,
        action,
        cause: reason,
        origin: peer,
      });
    } catch (error) {
      log.warn({ ...facts, err: error }, "the refusal of an answer link could not be recorded");
    }
  }
}

/** Who answers by a link. */
function answererOf(subject: string) {
  return {
    subject: subject === "" ? anonymousSubject : subject,
    groups: [],
    signalledBy: "",
    comment: "",
    channel: "link" as const,
    origin: "",
  };
}

/** True for refusals which say that the condition asks no more, or not this. */
function isOver({ reason }: Refusal): boolean {
  return (
    reason === "ALREADY_ANSWERED" ||
    reason === "ACTION_ENDED" ||
    reason === "RUN_ENDED" ||
    reason === "RUN_NOT_FOUND" ||
    reason === "ACTION_NOT_FOUND" ||
    reason === "ACTION_NOT_CONDITION" ||
    reason === "INSTANCE_CHANGED" ||
    reason === "CONDITION_NOT_OPEN"
  );
}

function usedUp({ run, action }: LinkClaims): Refusal {
  return { reason: "LINK_USED", runId: runIdOf(run), action };
}
