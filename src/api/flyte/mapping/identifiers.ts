import { create } from "@bufbuild/protobuf";
import {
  type ActionIdentifier,
  ActionIdentifierSchema,
  type RunIdentifier,
  RunIdentifierSchema,
} from "../../../../gen/flyteidl2/common/identifier_pb.ts";
import {
  type EnrichedIdentity,
  EnrichedIdentitySchema,
} from "../../../../gen/flyteidl2/common/identity_pb.ts";
import { anonymousSubject } from "../../../core/conditions/standing.ts";
import { namespaceOf, type RunKey, runIdOf } from "../../../core/name.ts";
import type { Run } from "../../../core/run.ts";
import { invalid } from "../faults.ts";
import type { ListedRun } from "../lists/fields.ts";
import { shortName, toRunKey, toScope } from "../names.ts";

/** A run that a caller named: its key, and the organisation as they said it, which answers repeat. */
export interface NamedRun {
  readonly org: string;
  readonly key: RunKey;
}

/** The run that a request names; ends the call with INVALID_ARGUMENT if it names none. */
export function fromRunId(id: RunIdentifier | undefined): NamedRun {
  if (id === undefined) throw invalid("run_id must be set");
  return { org: id.org, key: toRunKey(id) };
}

/** The action that a request names by Flyte's name; ends the call with INVALID_ARGUMENT if it names none. */
export function fromActionId(id: ActionIdentifier | undefined): NamedRun & { readonly name: string } {
  if (id?.run === undefined) throw invalid("action_id must be set, with its run");
  if (id.name === "") throw invalid("action_id must have a name");
  return { ...fromRunId(id.run), name: id.name };
}

/** A run's identifier. */
export function toRunId({ org, key }: NamedRun): RunIdentifier {
  const { project, domain } = toScope(namespaceOf(key));
  return create(RunIdentifierSchema, { org, project, domain, name: runIdOf(key) });
}

/** An action's identifier, by its whole name. */
export function toActionId(run: NamedRun, action: string): ActionIdentifier {
  return create(ActionIdentifierSchema, { run: toRunId(run), name: shortName(action) });
}

/** A person by the subject that the server knows them by; undefined for nobody. */
export function toIdentity(subject: string): EnrichedIdentity | undefined {
  if (subject === "" || subject === anonymousSubject) return undefined;
  const spec = subject.includes("@") ? { email: subject } : {};
  return create(EnrichedIdentitySchema, {
    principal: { case: "user", value: { id: { subject }, spec: { userHandle: subject, ...spec } } },
  });
}

/** What lists ask of a run. */
export function toListedRun({ key, createdBy, createTimeMs, labels }: Run): ListedRun {
  const { project, domain } = toScope(namespaceOf(key));
  const by = createdBy === anonymousSubject ? "" : createdBy;
  return { project, domain, runName: runIdOf(key), createdBy: by, createTimeMs, labels };
}
