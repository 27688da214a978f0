import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { placeLengthMax } from "./data-limits.ts";

/** What a signed place is for: it can be put to or got from, once it is known what and until when. */
export interface Place {
  readonly use: "put" | "get";
  /** The path of the file in the folder of the facade, with slashes. */
  readonly path: string;
  readonly expireMs: number;
  /** The longest file that may be put there. */
  readonly sizeBytesMax: number;
  /** Of what is put, in base64; "" for anything. */
  readonly md5: string;
}

/** What the key of places is derived for, so that no other use of the store's key can make one. */
const keyPurpose = "signalbox flyte transfer";
const keyBytes = 32;

/** Signs places and knows them again: who has the text of one needs no other right to use it. */
export class PlaceSigner {
  readonly #key: Buffer;

  constructor(key: Uint8Array) {
    this.#key = Buffer.from(hkdfSync("sha256", key, "", keyPurpose, keyBytes));
  }

  /** The place as a text for an address. */
  print(place: Place): string {
    const { use, path, expireMs, sizeBytesMax, md5 } = place;
    const claims = Buffer.from(JSON.stringify([use, path, expireMs, sizeBytesMax, md5]));
    return `${claims.toString("base64url")}.${this.#sign(claims).toString("base64url")}`;
  }

  /** The place that a text means; undefined for one that was not signed here. */
  read(text: string): Place | undefined {
    if (text.length > placeLengthMax) return undefined;
    const [claimsText = "", signatureText = ""] = text.split(".");
    const claims = Buffer.from(claimsText, "base64url");
    const signature = Buffer.from(signatureText, "base64url");
    const expected = this.#sign(claims);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;
    // Its signature says that it was written by `print`.
    const [use, path, expireMs, sizeBytesMax, md5] = JSON.parse(claims.toString()) as [
      Place["use"],
      string,
      number,
      number,
      string,
    ];
    return { use, path, expireMs, sizeBytesMax, md5 };
  }

  #sign(claims: Buffer): Buffer {
    return createHmac("sha256", this.#key).update(claims).digest();
  }
}
