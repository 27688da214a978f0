import type { Change } from "../../src/core/change.ts";
import type { Outcome, Page, Store } from "../../src/store/store.ts";
import { type Question, type Script, type ScriptAnswer, scripted } from "../support/scripted-rules.ts";

/** A store under test, and what a test says to it in one line. */
export class Subject {
  #store: Store | undefined;

  get store(): Store {
    if (this.#store === undefined) throw new Error("the store of a test is open only while the test runs");
    return this.#store;
  }

  set store(store: Store) {
    this.#store = store;
  }

  say(script: Script): Promise<Outcome<"publishEvents">> {
    return this.store.transact<"publishEvents">(scripted(script), { nowMs: 0, chance: 0 });
  }

  /** Makes a change; its outcome. */
  change(change: Partial<Change>): Promise<Outcome<"publishEvents">> {
    return this.say({ change });
  }

  /** What the rules are told when they ask, each answer as JSON has it. */
  async ask(...asks: readonly Question[]): Promise<readonly unknown[]> {
    const outcome = await this.say({ asks });
    if (!outcome.ok) throw new Error(outcome.refusal.reason);
    return plain((outcome.answer as ScriptAnswer).asked);
  }
}

/** Everything of a list, page by page. */
export async function readPages<T, Key>(
  list: (after: Key | undefined) => Promise<Page<T, Key>>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let after: Key | undefined;
  do {
    const page = await list(after);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}

/** A value as JSON has it: without what is undefined, and positions as text. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part))) as T;
}
