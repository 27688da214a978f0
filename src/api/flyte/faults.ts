import { Code, ConnectError } from "@connectrpc/connect";

/**
 * Ends of calls as Flyte's clients know them: they go by the code alone, and try again what is UNAVAILABLE,
 * RESOURCE_EXHAUSTED or INTERNAL.
 */

/** What was asked for can never be done: INVALID_ARGUMENT. */
export function invalid(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}

/** There is no such thing: NOT_FOUND. */
export function notFound(message: string): ConnectError {
  return new ConnectError(message, Code.NotFound);
}

/** Trying again helps: UNAVAILABLE. */
export function unavailable(message: string): ConnectError {
  return new ConnectError(message, Code.Unavailable);
}

/** Too many do this at the moment: RESOURCE_EXHAUSTED. */
export function exhausted(message: string): ConnectError {
  return new ConnectError(message, Code.ResourceExhausted);
}

/** Things are not as they would have to be, and may be so later: FAILED_PRECONDITION. */
export function failedPrecondition(message: string): ConnectError {
  return new ConnectError(message, Code.FailedPrecondition);
}

/** It is there already: ALREADY_EXISTS. */
export function alreadyExists(message: string): ConnectError {
  return new ConnectError(message, Code.AlreadyExists);
}

/** What it belongs to is being ended, and nothing is begun there any more: ABORTED. */
export function aborted(message: string): ConnectError {
  return new ConnectError(message, Code.Aborted);
}
