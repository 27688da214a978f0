import { createHash, randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";

/** One token of a tokens file: whom it stands for, and its SHA-256. The token itself is kept nowhere. */
export interface TokenRow {
  readonly subject: string;
  readonly groups: readonly string[];
  readonly sha256: string;
  readonly createTime: string;
}

/** 1 s between two looks at a tokens file: how long a change of it may take to be noticed. */
const lookIntervalMs = 1_000;
/** 10,000 tokens in a file: more of them want another way to know who calls. */
const tokensMax = 10_000;

/** What a token is known by. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Reads a tokens file. Throws an Error that says what is wrong with it; a missing one has no tokens. */
export function readTokensFile(path: string): readonly TokenRow[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const json = parse(text, path);
  const rows = typeof json === "object" && json !== null ? (json as { tokens?: unknown }).tokens : undefined;
  if (!Array.isArray(rows) || rows.length > tokensMax || !rows.every(isRow)) {
    throw new Error(`${path} is no tokens file: make one with signalbox token create`);
  }
  return rows;
}

/** Writes a tokens file, whole or not at all, readable by its owner alone. */
export function writeTokensFile(path: string, tokens: readonly TokenRow[]): void {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify({ tokens }, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

/** Makes a token for somebody; the answer has it once, the row has its hash. */
export function makeToken(
  { subject, groups }: Pick<TokenRow, "subject" | "groups">,
  now: Date,
): { readonly token: string; readonly row: TokenRow } {
  const token = `sbx_${randomBytes(32).toString("base64url")}`;
  return { token, row: { subject, groups, sha256: hashToken(token), createTime: now.toISOString() } };
}

/**
 * The tokens of a file as they stand: a change of it is noticed within a second. A file that cannot be read
 * any more leaves the tokens as they were, and is told of.
 */
export class TokensFile {
  readonly #path: string;
  readonly #onFault: (error: Error) => void;
  #rowByHash = new Map<string, TokenRow>();
  #version = "";
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /** Reads the file. Throws if it is there and cannot be read. */
  constructor(path: string, onFault: (error: Error) => void) {
    this.#path = path;
    this.#onFault = onFault;
    this.#read();
    this.#lookedAtMs = performance.now();
  }

  /** Whom a token stands for. */
  identify(token: string): TokenRow | undefined {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtMs >= lookIntervalMs) {
      this.#lookedAtMs = nowMs;
      try {
        this.#read();
      } catch (error) {
        this.#onFault(error as Error);
      }
    }
    return this.#rowByHash.get(hashToken(token));
  }

  #read(): void {
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    const version = stat === undefined ? "none" : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
    if (version === this.#version) return;
    this.#rowByHash = new Map(readTokensFile(this.#path).map((row) => [row.sha256, row]));
    this.#version = version;
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} cannot be read as JSON: ${(error as Error).message}`);
  }
}

function isRow(value: unknown): value is TokenRow {
  if (typeof value !== "object" || value === null) return false;
  const { subject, groups, sha256, createTime } = value as Record<string, unknown>;
  return (
    typeof subject === "string" &&
    Array.isArray(groups) &&
    groups.every((group) => typeof group === "string") &&
    typeof sha256 === "string" &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    typeof createTime === "string"
  );
}
