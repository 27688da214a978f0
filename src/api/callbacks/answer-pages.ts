import type { Action, ConditionSpec } from "../../core/action.ts";
import { standingOf, termsOf } from "../../core/conditions/standing.ts";
import type { Choice } from "../../core/conditions/terms.ts";
import { runIdOf } from "../../core/name.ts";
import type { Violation } from "../../core/refusal.ts";
import type { Value } from "../../core/value.ts";
import type { PostedAnswer, StatedAnswer } from "./answer-body.ts";
import { answerCommentLengthMax } from "./callback-limits.ts";
import { type Html, html, page } from "./html.ts";

/** A condition, and what it asks. */
export interface Question {
  readonly action: Action;
  readonly spec: ConditionSpec;
}

/** What is shown again of an answer that was not taken, and why it was not. */
export interface Rejected {
  readonly violations: readonly Violation[];
  readonly stated: StatedAnswer | undefined;
}

/** The question with a form that answers it. */
export function questionPage(question: Question, rejected?: Rejected): string {
  const { action, spec } = question;
  const faults = rejected === undefined ? undefined : faultsOf(rejected.violations);
  return page(
    titleOf(question),
    html`<h1>A run waits for your answer</h1>
${faults}
${promptOf(spec)}
${spec.description === "" ? undefined : html`<p class="description">${spec.description}</p>`}
${linkOf(spec)}
<form method="post" accept-charset="utf-8">
${fieldsOf(spec, rejected?.stated)}
</form>
${factsOf(action)}`,
  );
}

/** What was recorded. */
export function recordedPage(question: Question, answer: PostedAnswer, isDecided: boolean): string {
  const { action, spec } = question;
  return page(
    "Your answer is recorded",
    html`<h1>Your answer is recorded</h1>
${promptOf(spec)}
<p>Answer:</p>
<pre>${shownValue(answer.value)}</pre>
${answer.comment === "" ? undefined : html`<p>Comment:</p><pre>${answer.comment}</pre>`}
<p>${isDecided ? "The run goes on." : "The run waits for further answers."} This link is used up.</p>
${factsOf(action)}`,
  );
}

/** Why a link does not answer anything. */
export function refusedPage(title: string, message: string): string {
  return page(title, html`<h1>${title}</h1><p class="fault" role="alert">${message}</p>`);
}

/** A value as people read it; a suggested one is known by it. */
export function shownValue(value: Value): string {
  switch (value.kind) {
    case "null":
      return "null";
    case "json":
      return JSON.stringify(value.value, undefined, 2);
    case "reference":
      return value.uri;
    default:
      return String(value.value);
  }
}

function titleOf({ spec, action }: Question): string {
  const [line = ""] = spec.prompt.split("\n", 1);
  return line === "" ? action.name : line.slice(0, 100);
}

function promptOf({ prompt }: ConditionSpec): Html | undefined {
  return prompt === "" ? undefined : html`<p class="prompt">${prompt}</p>`;
}

function linkOf(spec: ConditionSpec): Html | undefined {
  const { link } = termsOf({ spec });
  if (!/^https?:\/\//.test(link)) return undefined;
  return html`<p><a href="${link}" rel="noopener noreferrer" target="_blank">${link}</a></p>`;
}

function factsOf(action: Action): Html {
  const { deadlineMs } = standingOf(action);
  const deadline = deadlineMs === undefined ? undefined : new Date(deadlineMs).toISOString();
  return html`<p class="facts">Run ${runIdOf(action.run)}, condition ${action.name}${
    deadline === undefined
      ? undefined
      : html`, to be answered by <time datetime="${deadline}">${deadline}</time>`
  }</p>`;
}

function faultsOf(violations: readonly Violation[]): Html {
  return html`<div class="fault" role="alert"><p>The answer was not taken:</p>
<ul>${violations.map(({ field, description }) => html`<li>${field} ${description}</li>`)}</ul></div>`;
}

function fieldsOf(spec: ConditionSpec, stated: StatedAnswer | undefined): Html {
  const { choices } = termsOf({ spec });
  const comment = html`<label for="comment">Comment (optional)</label>
<textarea id="comment" name="comment" rows="2" maxlength="${answerCommentLengthMax}">${newline}${
    stated?.comment
  }</textarea>`;
  // No field here takes a line: pressing Enter in one would press the first button.
  if (spec.type === "bool") {
    return html`${comment}
<p>${boolButton(true, choices)}${boolButton(false, choices)}</p>`;
  }
  const field = fieldOf(spec, stated);
  const answer = choices.length === 0 ? field : html`${choicesOf(choices, stated)}${field}`;
  return html`${answer}${comment}
<p><button type="submit">Send answer</button></p>`;
}

/** The first line end in a text area is dropped by browsers, which may be one of what was stated. */
const newline = "\n";

function boolButton(value: boolean, choices: readonly Choice[]): Html {
  const choice = choices.find((one) => one.value.kind === "bool" && one.value.value === value);
  const said = choice === undefined || choice.label === "" ? (value ? "Yes" : "No") : choice.label;
  const meaning =
    choice === undefined || choice.description === "" ? undefined : html` ${choice.description}`;
  return html`<button type="submit" name="value" value="${String(value)}">${said}</button>${meaning}`;
}

function choicesOf(choices: readonly Choice[], stated: StatedAnswer | undefined): Html {
  const checked = (choice: string) => (stated?.choice === choice ? html` checked` : undefined);
  const radios = choices.map(({ value, label, description }, index) => {
    const said = label === "" ? shownValue(value) : label;
    const meaning = description === "" ? undefined : html`<br><span class="facts">${description}</span>`;
    return html`<label><input type="radio" name="choice" value="${index}" required${checked(String(index))}>
${said}${meaning}</label>
`;
  });
  return html`<fieldset><legend>Answer</legend>
${radios}<label><input type="radio" name="choice" value="other" required${checked("other")}>
Another answer, as written below</label></fieldset>`;
}

function fieldOf(spec: ConditionSpec, stated: StatedAnswer | undefined): Html {
  const { choices, schema } = termsOf({ spec });
  const isAlone = choices.length === 0;
  const label = html`<label for="value">${isAlone ? "Answer" : "Another answer"}</label>`;
  const shape =
    schema === undefined
      ? undefined
      : html`<details${isAlone ? html` open` : undefined}><summary>What it must keep (JSON Schema)</summary>
<pre>${JSON.stringify(schema, undefined, 2)}</pre></details>`;
  const required = isAlone ? html` required` : undefined;
  switch (spec.type) {
    case "int":
      return html`${label}<input type="text" id="value" name="value" inputmode="numeric" maxlength="20"
pattern="\\s*[+\\-]?[0-9]{1,19}\\s*" title="a whole number" value="${stated?.value}"${required}>${shape}`;
    case "float":
      return html`${label}<input type="text" id="value" name="value" inputmode="decimal" maxlength="100"
title="a number" value="${stated?.value}"${required}>${shape}`;
    case "json":
      return html`${label}<textarea id="value" name="value" rows="10" spellcheck="false"${required}>${newline}${
        stated?.value
      }</textarea>${shape}`;
    case "bool":
    case "string":
      // An empty text is an answer.
      return html`${label}<textarea id="value" name="value" rows="3">${newline}${stated?.value}</textarea>${shape}`;
  }
}
