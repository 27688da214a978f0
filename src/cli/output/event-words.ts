import type { Emphasis } from "./screen.ts";

/** What people see of an event: a word, how it stands out, and what else it says. */
export interface EventWords {
  readonly word: string;
  readonly emphasis: Emphasis | undefined;
  readonly text: string;
}

/** Words for an event. */
export function say(word: string, emphasis: Emphasis | undefined, text = ""): EventWords {
  return { word, emphasis, text };
}
