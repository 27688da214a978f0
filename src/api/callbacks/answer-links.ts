import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { assert } from "../../core/assert.ts";
import type { Store } from "../../store/store.ts";
import type { Refusal } from "../refusals/row.ts";
import { decodeClaims, encodeClaims, type LinkClaims, nonceBytes } from "./link-claims.ts";

/** The path of all links; a token follows. */
export const answerPath = "/answer/";

/** A link to be made. */
export interface NewLink extends LinkClaims {
  /** Links with the same claims and the same one of these are the same; without one, no two are. */
  readonly nonce?: string;
}

/** What a token turns out to be. */
export type VerifiedLink =
  | { readonly ok: true; readonly claims: LinkClaims }
  | {
      readonly ok: false;
      readonly refusal: Extract<Refusal, { readonly reason: "LINK_INVALID" | "LINK_EXPIRED" }>;
      /** What it says, if anything: true of an expired link, and nobody knows of an invalid one. */
      readonly claims: LinkClaims | undefined;
    };

/** What the key of links is derived for, so that no other use of the store's key can make one. */
const keyPurpose = "signalbox answer link";
const keyBytes = 32;
/** 6,000 characters: the longest names and subject that the contract allows, with room left. */
const tokenLengthMax = 6_000;

/**
 * Makes links that answer one opening of one condition without other credentials, and knows them again.
 *
 * A link is `<publicUrl>/answer/<token>`; the token is what it claims and a signature (HMAC-SHA256) over it,
 * by a key that is derived from the store's. Nothing is kept of a link: that it answers once is the
 * condition's doing, which takes one answer of each voter and asks no more when it has ended.
 */
export class AnswerLinks {
  readonly #key: Buffer;
  #publicUrl: string;

  /** `publicUrl` is "" until it is known where the server listens. */
  constructor({ key, publicUrl }: { readonly key: Uint8Array; readonly publicUrl: string }) {
    this.#key = Buffer.from(hkdfSync("sha256", key, "", keyPurpose, keyBytes));
    this.#publicUrl = publicUrl.replace(/\/+$/, "");
  }

  /** Those of a store. Throws StoreUnavailable. */
  static async of(store: Store, publicUrl: string): Promise<AnswerLinks> {
    return new AnswerLinks({ key: await store.linkKey(), publicUrl });
  }

  /** Where links lead to, unless it was said before. To be called before the first one is made. */
  leadTo(url: string): void {
    if (this.#publicUrl === "") this.#publicUrl = url;
  }

  /** What stands before the path of links where they lead to: "" unless `publicUrl` has a path of its own. */
  get pathPrefix(): string {
    return URL.canParse(this.#publicUrl) ? new URL(this.#publicUrl).pathname.replace(/\/$/, "") : "";
  }

  /** The address of a link. It is a secret: who has it can answer. */
  mint({ nonce, ...claims }: NewLink): string {
    assert(this.#publicUrl !== "", "links are made when it is known where they lead to", {});
    const chance =
      nonce === undefined ? randomBytes(nonceBytes) : createHash("sha256").update(nonce).digest();
    const payload = encodeClaims(claims, chance);
    const signature = this.#sign(payload);
    const token = `${payload.toString("base64url")}.${signature.toString("base64url")}`;
    return `${this.#publicUrl}${answerPath}${token}`;
  }

  /** What a token is at a time. */
  verify(token: string, nowMs: number): VerifiedLink {
    const invalid = { ok: false, refusal: { reason: "LINK_INVALID" } } as const;
    if (token.length > tokenLengthMax) return { ...invalid, claims: undefined };
    const [payloadText = "", signatureText = "", ...rest] = token.split(".");
    const payload = decode(payloadText);
    const claims = payload === undefined ? undefined : decodeClaims(payload);
    const signature = decode(signatureText);
    if (payload === undefined || signature === undefined || rest.length > 0) return { ...invalid, claims };
    const expected = this.#sign(payload);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      return { ...invalid, claims };
    }
    // Signed here, but in a layout that is not known any more.
    if (claims === undefined) return { ...invalid, claims };
    const { expireMs } = claims;
    if (expireMs !== undefined && nowMs >= expireMs) {
      const expireTime = new Date(expireMs).toISOString();
      return { ok: false, refusal: { reason: "LINK_EXPIRED", expireTime }, claims };
    }
    return { ok: true, claims };
  }

  #sign(payload: Buffer): Buffer {
    return createHmac("sha256", this.#key).update(payload).digest();
  }
}

/** Bytes from base64url; undefined for a text that they would not be written as. */
function decode(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}
