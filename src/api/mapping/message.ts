import type { Message } from "@bufbuild/protobuf";

/** Every field of a message, none left out: where one may be missing, undefined says so. */
export type Whole<M extends Message> = {
  [Name in Exclude<keyof M, "$unknown">]: object extends Pick<M, Name> ? M[Name] | undefined : M[Name];
};

/**
 * A message from all of its fields. The compiler refuses to leave one out, so that a field that is added to
 * the contract is noticed wherever it must be mapped. Costs nothing: it is the same object.
 */
export function message<M extends Message>(fields: Whole<M>): M {
  return fields as unknown as M;
}
