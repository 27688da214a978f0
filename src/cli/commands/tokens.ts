import { makeToken, readTokensFile, type TokenRow, writeTokensFile } from "../../configuration-tokens.ts";
import type { Command } from "../command.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import { UsageError } from "../input/usage-error.ts";
import { printAge } from "../output/print-duration.ts";
import { beginTable } from "../output/table.ts";

const defaultFile = "./tokens.json";
const fileOption = { value: "FILE", sentence: `the tokens file (${defaultFile})` };

/** `token create`: makes a token for a caller. */
export const tokenCreateCommand: Command = {
  name: "token create",
  arguments: [],
  sentence: "makes a token for a caller and prints it, once; the tokens file keeps its hash",
  notes: ["A server that runs with --tokens-file notices it within a second."],
  options: {
    subject: { value: "NAME", sentence: "whom it stands for, such as ana@example.com" },
    group: { value: "NAME", multiple: true, sentence: "a group that the caller belongs to" },
    file: fileOption,
  },
  examples: ["signalbox token create --subject ci --group deployers"],
  async run({ given, screen }) {
    const subject = given.text("subject") ?? "";
    if (subject === "") throw new UsageError("token create needs --subject: whom the token stands for");
    const path = given.text("file") ?? defaultFile;
    const { token, row } = makeToken({ subject, groups: [...given.texts("group")] }, new Date());
    const rows = read(path);
    orUsageError(() => writeTokensFile(path, [...rows, row]));
    screen.line(screen.json ? JSON.stringify({ token, subject, groups: row.groups }) : token);
  },
};

/** `tokens`: lists the callers of a tokens file. */
export const tokensCommand: Command = {
  name: "tokens",
  arguments: [],
  sentence: "lists whom the tokens of a tokens file stand for",
  options: { file: fileOption },
  async run({ given, screen }) {
    const rows = read(given.text("file") ?? defaultFile);
    if (screen.json) {
      for (const row of rows) screen.line(JSON.stringify(row));
      return;
    }
    const table = beginTable(screen, ["SUBJECT", "GROUPS", "AGE>", "SHA-256"]);
    table.add(
      rows.map(({ subject, groups, createTime, sha256 }) => [
        subject,
        groups.join(", "),
        printAge(new Date(createTime), new Date()),
        sha256.slice(0, 12),
      ]),
    );
    if (rows.length === 0) screen.note("no tokens");
  },
};

/** `token revoke`: removes tokens. */
export const tokenRevokeCommand: Command = {
  name: "token revoke",
  arguments: [],
  sentence: "removes all tokens of a caller, or the one whose hash begins so",
  options: {
    subject: { value: "NAME", sentence: "whose tokens" },
    sha256: { value: "PREFIX", sentence: "the beginning of a token's hash, 8 digits or more" },
    file: fileOption,
  },
  async run({ given, screen }) {
    const path = given.text("file") ?? defaultFile;
    const isMeant = readMeant(given);
    const rows = read(path);
    const kept = rows.filter((row) => !isMeant(row));
    const revokedCount = rows.length - kept.length;
    if (revokedCount === 0) throw new UsageError(`${path} has no such token`);
    orUsageError(() => writeTokensFile(path, kept));
    screen.line(screen.json ? JSON.stringify({ revokedCount }) : `revoked: ${revokedCount}`);
  },
};

function readMeant(given: CommandArguments): (row: TokenRow) => boolean {
  const subject = given.text("subject");
  const prefix = given.text("sha256");
  if ((subject === undefined) === (prefix === undefined)) {
    throw new UsageError("token revoke needs --subject or --sha256, one of them");
  }
  if (prefix !== undefined && !/^[0-9a-f]{8,64}$/.test(prefix)) {
    throw new UsageError(`--sha256 is ${JSON.stringify(prefix)} and must be 8 to 64 hexadecimal digits`);
  }
  return (row) => (prefix === undefined ? row.subject === subject : row.sha256.startsWith(prefix));
}

function read(path: string): readonly TokenRow[] {
  return orUsageError(() => readTokensFile(path));
}

/** What is wrong with a file is for who named it to mend. */
function orUsageError<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
