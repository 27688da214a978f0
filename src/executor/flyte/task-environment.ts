import type { TaskContext } from "../../worker/worker.ts";
import type { FlyteSettings } from "./flyte-settings.ts";
import { toScope } from "./flyte-task.ts";

/** Where tasks find the Flyte services of the server. */
export interface FlyteEndpoint {
  /** `host:port`. */
  readonly authority: string;
  /** True for clear text. */
  readonly isInsecure: boolean;
}

/** What the environment of one attempt is made of; of a name that several say the last one counts. */
export interface EnvironmentParts {
  readonly settings: FlyteSettings;
  /** What the container of the task says. */
  readonly ofContainer: Readonly<Record<string, string>>;
  /** What the run says. */
  readonly ofRun: Readonly<Record<string, string>>;
  readonly endpoint: FlyteEndpoint;
  readonly context: Pick<TaskContext, "runId" | "namespace" | "attempt">;
  readonly org: string;
  readonly runBase: string;
  /** Flyte's name of the action. */
  readonly action: string;
}

/** The SDK refuses to run a task without an organization, and nobody looks at which it is. */
const anyOrg = "signalbox";

/** The variables that Flyte's SDK looks for in a task, with those of the task and of the run. */
export function taskEnvironment(parts: EnvironmentParts): Record<string, string> {
  const { settings, ofContainer, ofRun, endpoint, context, org, runBase, action } = parts;
  const { project, domain } = toScope(context.namespace);
  const { venv, docker, searchPath } = settings;
  return {
    ...settings.environment,
    ...ofContainer,
    ...ofRun,
    ACTION_NAME: action,
    RUN_NAME: context.runId,
    FLYTE_ATTEMPT_NUMBER: String(context.attempt - 1),
    FLYTE_INTERNAL_EXECUTION_PROJECT: project,
    FLYTE_INTERNAL_EXECUTION_DOMAIN: domain,
    FSSPEC_FILE_AUTO_MKDIR: "1",
    _U_RUN_BASE: runBase,
    _U_ORG_NAME: org === "" ? anyOrg : org,
    _U_EP_OVERRIDE: endpoint.authority,
    _U_USE_ACTIONS: "1",
    ...(endpoint.isInsecure && { _U_INSECURE: "true" }),
    // An image has a search path of its own; here the program is to find what belongs to it.
    ...(docker === undefined && { PATH: searchPath }),
    ...(docker === undefined && venv !== undefined && { VIRTUAL_ENV: venv }),
  };
}

/** The endpoint that the address of a server stands for. */
export function toFlyteEndpoint(address: string): FlyteEndpoint {
  const url = new URL(/^https?:\/\//.test(address) ? address : `http://${address}`);
  const isInsecure = url.protocol === "http:";
  const port = url.port === "" ? (isInsecure ? "80" : "443") : url.port;
  return { authority: `${url.hostname}:${port}`, isInsecure };
}
