import { hash } from "node:crypto";
import type { ConnectError } from "@connectrpc/connect";
import type { CommandKind } from "../core/command.ts";
import type { Request } from "../core/stated.ts";
import { canonical } from "../core/value.ts";
import type { Outcome } from "../store/store.ts";
import { Faults } from "./mapping/faults.ts";
import { fromNamespace } from "./mapping/from-proto-run.ts";
import { toConnectError } from "./status.ts";

/**
 * What makes a repeat of a request safe: its id and a digest of its content. Without an id nothing is
 * digested.
 */
export function requestOf(requestId: string, content: unknown): Request {
  const digest = requestId === "" ? "" : hash("sha256", canonical(content), "base64url");
  return { requestId, digest };
}

/** Translates a request and ends the call with INVALID_REQUEST, with all that is wrong, if it has faults. */
export function translated<T>(translate: (faults: Faults) => T): T {
  const faults = new Faults();
  const result = translate(faults);
  if (faults.violations.length > 0) {
    throw toConnectError({ reason: "INVALID_REQUEST", violations: faults.violations });
  }
  return result;
}

/** The answer of an accepted command; a refused one ends the call. */
export function answered<K extends CommandKind>(
  outcome: Outcome<K>,
): Extract<Outcome<K>, { readonly ok: true }> {
  if (!outcome.ok) throw toConnectError(outcome.refusal);
  return outcome;
}

/** The namespaces that a filter means: one, or undefined for all of them (`-`). */
export function fromNamespaces(namespace: string): string | undefined {
  return namespace === "-" ? undefined : fromNamespace(namespace);
}

/** The refusal of a request without a message that it must have; the schema says so too. */
export function required(field: string): ConnectError {
  return toConnectError({ reason: "INVALID_REQUEST", violations: [{ field, description: "must be set" }] });
}
