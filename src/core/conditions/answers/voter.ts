import { type Answerer, anonymousSubject } from "../standing.ts";

/** What an answer says of whoever gives it. */
export type Signer = Pick<Answerer, "subject" | "signalledBy"> & { readonly channel: string };

/** True for a caller whose name the server does not know. */
export function isAnonymous({ subject }: Pick<Answerer, "subject">): boolean {
  return subject === "" || subject === anonymousSubject;
}

/**
 * The one name under which somebody has one answer: the caller's, or where the server knows none, the one
 * that a call says itself. Links that were made for nobody in particular all share one name: two of them are
 * not two voters.
 */
export function voterOf(signer: Signer): string {
  if (!isAnonymous(signer)) return signer.subject;
  return signer.channel === "call" && signer.signalledBy !== "" ? signer.signalledBy : anonymousSubject;
}

/** Whom an action names as the one who answered: as they said themselves, else the caller's name if known. */
export function signedBy(signer: Signer): string {
  if (signer.signalledBy !== "" || isAnonymous(signer)) return signer.signalledBy;
  return signer.subject;
}
