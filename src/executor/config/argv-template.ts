import type { JsValue, JsValues } from "../../worker/worker.ts";
import { toJsonText } from "../json-values.ts";

/** One part of an argument: a text, or what stands for something of the attempt. */
export type ArgumentPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly name: PlaceholderName }
  | { readonly kind: "input"; readonly name: string };

/** The arguments of a program, each of one or more parts. */
export type ArgvTemplate = readonly (readonly ArgumentPart[])[];

/** The placeholders besides `{input.NAME}`. */
export const placeholderNames = [
  "run_id",
  "action",
  "attempt",
  "attempt_id",
  "namespace",
  "op",
  "inputs_file",
  "outputs_file",
  "folder",
  "device_indexes",
] as const;

/** One of the placeholders besides `{input.NAME}`. */
export type PlaceholderName = (typeof placeholderNames)[number];

/** What the placeholders stand for in one attempt. */
export interface PlaceholderValues {
  readonly values: Readonly<Record<PlaceholderName, string>>;
  readonly inputs: JsValues;
}

/** Thrown when an argument asks for an input that the attempt does not have. */
export class InputMissing extends Error {
  override readonly name = "InputMissing";
}

/**
 * Reads one argument of a template; `{{` and `}}` are braces. What is wrong is told to `mistake`. Nothing is
 * split, joined or expanded: one argument of the template is one argument of the program.
 */
export function parseArgument(text: string, mistake: (what: string) => void): readonly ArgumentPart[] {
  const parts: ArgumentPart[] = [];
  let rest = 0;
  const pushText = (added: string) => {
    if (added !== "") parts.push({ kind: "text", text: added });
  };
  for (const match of text.matchAll(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g)) {
    pushText(text.slice(rest, match.index));
    rest = match.index + match[0].length;
    const [found, name] = match;
    if (found === "{{" || found === "}}") {
      pushText(found.slice(1));
    } else if (name === undefined) {
      mistake(`has a brace that stands alone in ${JSON.stringify(text)}; ${braceHint}`);
    } else {
      const part = readPlaceholder(name);
      if (part === undefined) mistake(`has an unknown placeholder {${name}}; ${known}`);
      else parts.push(part);
    }
  }
  pushText(text.slice(rest));
  return parts.length === 0 ? [{ kind: "text", text: "" }] : parts;
}

/** The arguments of one attempt. Throws InputMissing for an input that is not there. */
export function fillArgv(template: ArgvTemplate, { values, inputs }: PlaceholderValues): string[] {
  return template.map((parts) =>
    parts
      .map((part) => {
        switch (part.kind) {
          case "text":
            return part.text;
          case "value":
            return values[part.name];
          case "input":
            return toArgument(part.name, inputs);
        }
      })
      .join(""),
  );
}

/** True for an argument in which something stands that the attempt's inputs say. */
export function hasInput(parts: readonly ArgumentPart[]): boolean {
  return parts.some(({ kind }) => kind === "input");
}

const braceHint = "a brace itself is written {{ or }}";
const known = `there are ${placeholderNames.map((name) => `{${name}}`).join(", ")} and {input.NAME}; ${braceHint}`;

function readPlaceholder(name: string): ArgumentPart | undefined {
  if (name.startsWith("input.") && name.length > "input.".length) {
    return { kind: "input", name: name.slice("input.".length) };
  }
  const value = placeholderNames.find((one) => one === name);
  return value && { kind: "value", name: value };
}

/** A text as it is, and anything else as JSON. */
function toArgument(name: string, inputs: JsValues): string {
  const value: JsValue | undefined = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
  if (value === undefined) {
    throw new InputMissing(`the program is given the input ${name} as an argument, and there is none`);
  }
  return typeof value === "string" ? value : toJsonText(value);
}
