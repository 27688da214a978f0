import type { CommandOptions } from "../command.ts";
import type { CommandArguments } from "./command-arguments.ts";
import { UsageError } from "./usage-error.ts";

/** The options that say how a worker runs tasks of Flyte; with a config file they stand there. */
export const flyteOptions = {
  flyte: { sentence: "run the tasks of Flyte, as the server says: their containers' commands, here" },
  "flyte-venv": {
    value: "FOLDER",
    sentence: "the virtual environment whose programs they are (what is on PATH)",
  },
} as const satisfies CommandOptions;

/** The options that say whose tasks of Flyte a worker takes. */
export const flyteScopeOptions = {
  "flyte-project": {
    value: "NAME",
    multiple: true,
    sentence: "whose tasks of Flyte it takes, in place of --namespace",
  },
  "flyte-domain": { value: "NAME", multiple: true, sentence: "the domains of those projects (development)" },
} as const satisfies CommandOptions;

/** Options of programs that mean nothing to tasks of Flyte. */
const notForFlyte = ["op", "inputs", "require-outputs"] as const;

const domainDefault = "development";
const namePattern = /^[a-z0-9](?:-?[a-z0-9])*$/;

/**
 * How tasks of Flyte are run, as the field `flyte` of a config has it; undefined if they are not. `program`
 * is what else the options say of programs.
 */
export function readFlyteOptions(
  given: CommandArguments,
  program: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  const venv = given.text("flyte-venv");
  if (!given.flag("flyte")) {
    if (venv === undefined) return undefined;
    throw new UsageError("--flyte-venv goes with --flyte");
  }
  const wrong = notForFlyte.find((name) => given.text(name) !== undefined || given.flag(name));
  if (wrong !== undefined || given.allArguments().length > 0) {
    const what = wrong === undefined ? "a program" : `--${wrong}`;
    throw new UsageError(`${what} does not go with --flyte, whose tasks say what they run`);
  }
  return { ...program, ...(venv !== undefined && { venv }) };
}

/** The namespaces that `--flyte-project` and `--flyte-domain` name; none if they are not said. */
export function readFlyteNamespaces(given: CommandArguments): readonly string[] {
  const projects = given.texts("flyte-project");
  const stated = given.texts("flyte-domain");
  if (projects.length === 0) {
    if (stated.length === 0) return [];
    throw new UsageError("--flyte-domain goes with --flyte-project");
  }
  if (given.text("namespace") !== undefined) {
    throw new UsageError("--namespace and --flyte-project both say whose tasks the worker takes");
  }
  const domains = stated.length === 0 ? [domainDefault] : stated;
  const wrong = [...projects, ...domains].find((name) => !namePattern.test(name));
  if (wrong !== undefined) {
    throw new UsageError(`${JSON.stringify(wrong)} is no project or domain: a-z, 0-9 and single hyphens`);
  }
  return projects.flatMap((project) => domains.map((domain) => `${project}--${domain}`));
}
