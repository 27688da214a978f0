/**
 * Compares `proto/` with that of a git revision and reports every change that would break a client.
 *
 * The older tree is taken out of git into a temporary folder, with today's `.proto-deps` beside it, because a
 * git revision does not hold that folder. A revision without `proto/` has nothing to compare with: that is
 * said, and passes. Before version 1.0.0 a breaking change passes if a new line of the changelog announces it
 * with **Breaking**.
 *
 * Usage: node scripts/proto-breaking.ts [REVISION]. By default the revision is SIGNALBOX_BASE if that is set,
 * else where this branch left `origin/main` or `main`; on that branch itself, the commit before.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** What a git command prints, or undefined if it fails. */
function git(...args: string[]): string | undefined {
  const done = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

function findBase(): string | undefined {
  const named = process.argv[2] ?? process.env["SIGNALBOX_BASE"];
  if (named !== undefined && named !== "") {
    const commit = git("rev-parse", "--verify", "--quiet", `${named}^{commit}`);
    if (commit === undefined) throw new Error(`${named} is not a revision of this repository`);
    return commit;
  }
  const head = git("rev-parse", "--verify", "--quiet", "HEAD");
  for (const branch of ["origin/main", "main"]) {
    const base = git("merge-base", "HEAD", branch);
    if (base !== undefined && base !== head) return base;
  }
  // On the main branch with changes not yet committed, HEAD is what is released; without any, it is the
  // commit before.
  const isDirty = git("status", "--porcelain", "--", "proto") !== "";
  return isDirty ? head : git("rev-parse", "--verify", "--quiet", "HEAD^");
}

function isBeforeFirstRelease(): boolean {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return version.startsWith("0.");
}

/** Whether the changelog got a line about a breaking change since a revision. */
function isAnnounced(revision: string): boolean {
  return /^\+.*\*\*Breaking\b/m.test(git("diff", revision, "--", "CHANGELOG.md") ?? "");
}

const base = findBase();
if (base === undefined || git("cat-file", "-e", `${base}:proto/signalbox`) === undefined) {
  console.log(`NOTHING TO COMPARE WITH: ${base ?? "this repository"} has no earlier proto/signalbox`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-base-"));
  try {
    const archive = execFileSync("git", ["archive", base, "proto"], {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024,
    });
    execFileSync("tar", ["-x", "-C", folder], { input: archive });
    cpSync(join(root, ".proto-deps"), join(folder, ".proto-deps"), { recursive: true });
    // Today's rules and modules judge both trees.
    copyFileSync(join(root, "buf.yaml"), join(folder, "buf.yaml"));
    const done = spawnSync(join(root, "node_modules/.bin/buf"), ["breaking", "--against", folder], {
      cwd: root,
      stdio: "inherit",
    });
    if (done.status === 0) {
      console.log(`proto/ breaks nothing that was in ${base.slice(0, 12)}`);
    } else if (isBeforeFirstRelease() && isAnnounced(base)) {
      console.log(
        `BREAKING, as the changelog says: proto/ differs from ${base.slice(0, 12)} as listed above`,
      );
    } else {
      console.error(
        "proto/ breaks clients. Before version 1.0.0 a changelog line that begins with **Breaking**",
      );
      console.error("makes that allowed; after it, nothing does.");
      process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
