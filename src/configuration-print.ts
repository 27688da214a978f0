import { options } from "./configuration.ts";
import { boundsOf, environmentNameOf, flagOf, type Option } from "./configuration-option.ts";

/**
 * The options as `--help` shows them: each flag with its sentence, then what it may be and what it is by
 * default.
 */
export function printHelp(): string {
  const rows = options.flatMap((option) => [
    `  ${flagOf(option.key)} VALUE`,
    `      ${option.sentence}`,
    `      ${boundsOf(option)}; default ${describeDefault(option)}; or ${environmentNameOf(option.key)}`,
  ]);
  return [
    "Options:",
    ...rows,
    "  --config FILE",
    "      A JSON file with these options under their camel-case names, such as leaseMs.",
    "      Flags win over the environment, the environment over the file; or SIGNALBOX_CONFIG",
    "",
  ].join("\n");
}

/** The options as a Markdown table, for the documentation. */
export function printMarkdown(): string {
  const rows = options.map((option) =>
    [
      `\`${flagOf(option.key)}\``,
      `\`${environmentNameOf(option.key)}\``,
      `\`${option.key}\``,
      `\`${describeDefault(option)}\``,
      boundsOf(option),
      option.sentence,
    ].join(" | "),
  );
  return [
    "| Flag | Environment | File key | Default | May be | Decides |",
    "|--|--|--|--|--|--|",
    ...rows.map((row) => `| ${row} |`),
    "",
  ].join("\n");
}

function describeDefault(option: Option): string {
  if (option.type === "list") {
    return option.default.length === 0 ? "none" : option.default.join(",");
  }
  return String(option.default);
}
