/** What every option has, whatever its type. */
interface OptionCommon {
  /** Its name in the configuration file, in camel case; flag and environment name follow from it. */
  readonly key: string;
  /** What it decides, in one sentence. */
  readonly sentence: string;
}

/** An option whose value is a whole number between two bounds, both allowed. */
export interface IntegerOption extends OptionCommon {
  readonly type: "integer";
  readonly unit?: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** An option whose value is text that is not empty. */
export interface TextOption extends OptionCommon {
  readonly type: "text";
  readonly default: string;
  readonly lengthMax: number;
}

/** An option whose value is one of a few words. */
export interface ChoiceOption extends OptionCommon {
  readonly type: "choice";
  readonly default: string;
  readonly choices: readonly string[];
}

/** An option whose value is a list of texts: separated by commas, or a JSON array in the file. */
export interface ListOption extends OptionCommon {
  readonly type: "list";
  readonly default: readonly string[];
  readonly itemsMax: number;
  readonly lengthMax: number;
}

/** One row of the table of options. */
export type Option = IntegerOption | TextOption | ChoiceOption | ListOption;

/** The option as a command line flag: `leaseMs` is `--lease-ms`. */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
}

/** The option as an environment variable: `leaseMs` is `SIGNALBOX_LEASE_MS`. */
export function environmentNameOf(key: string): string {
  return `SIGNALBOX_${key.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`;
}

/** What a value of the option may be, in words: its type, bounds and unit. */
export function boundsOf(option: Option): string {
  switch (option.type) {
    case "integer":
      return `a whole number from ${option.min} to ${option.max} ${option.unit ?? ""}`.trimEnd();
    case "text":
      return `text of 1 to ${option.lengthMax} characters`;
    case "choice":
      return `one of ${option.choices.join(", ")}`;
    case "list":
      return `a list of at most ${option.itemsMax} texts of 1 to ${option.lengthMax} characters`;
  }
}
