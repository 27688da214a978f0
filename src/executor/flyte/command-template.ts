/** What the placeholders of a Flyte command stand for in one attempt. */
export interface CommandValues {
  /** The file of its inputs. */
  readonly input: string;
  /** The folder that it writes `outputs.pb` and `error.pb` to. */
  readonly outputPrefix: string;
  /** Where it puts files of its own. */
  readonly rawOutputDataPrefix: string;
  /** Where it puts a checkpoint. */
  readonly checkpointOutputPrefix: string;
  /** The checkpoint of an earlier attempt; empty for none. */
  readonly prevCheckpointPrefix: string;
  readonly runName: string;
  readonly actionName: string;
  /** The same in all attempts of all actions of a run: names of children depend on it. */
  readonly runStartTime: string;
}

const placeholder = /\{\{\s*\$?\.(\w+)\s*\}\}/g;

/**
 * Fills the placeholders (`{{.input}}`, with any spaces) of one word of a command. What they stand for is
 * not looked at again, and a word stays one word. Unknown ones are left as they are: they may be the
 * program's.
 */
export function fillWord(word: string, values: CommandValues): string {
  return word.replace(placeholder, (found, name: string) =>
    Object.hasOwn(values, name) ? values[name as keyof CommandValues] : found,
  );
}
