import { followEvents } from "../client/follow.ts";
import type { Calls } from "../client/wire/calls.ts";
import type { Findings } from "./findings.ts";
import type { ReadEvent } from "./reading.ts";
import { snapshotRunsMax } from "./verify-limits.ts";

/** Remembers the last runs that the feed created, and looks for them in a snapshot. */
export class SnapshotCheck {
  readonly #runs = new Set<string>();

  /** Takes events of the whole feed. */
  expect(events: readonly ReadEvent[]): void {
    for (const { kind, namespace, runId } of events) {
      if (kind !== "run_created") continue;
      this.#runs.add(`${namespace}/${runId}`);
      if (this.#runs.size <= snapshotRunsMax) continue;
      for (const oldest of this.#runs) {
        this.#runs.delete(oldest);
        break;
      }
    }
  }

  /**
   * Takes a snapshot of all runs: each run that the feed created stands in it, only its last frame has a
   * cursor, and what follows lies behind the head as it was before.
   */
  async check(calls: Calls, findings: Findings, signal: AbortSignal): Promise<number> {
    const { headPosition } = await calls.raw.events.describeFeed({}, { signal });
    const missing = new Set(this.#runs);
    let runCount = 0;
    let isOver = false;
    const frames = followEvents(calls, { namespace: "-" }, { snapshot: "all-runs", signal });
    for await (const { frame, restarted } of frames) {
      if (restarted) runCount = 0;
      if (!frame.snapshot) {
        if (!isOver) findings.add("Resumable", "a snapshot ended without a cursor");
        this.#checkTail(frame.events, headPosition, findings);
        break;
      }
      if (isOver) findings.add("Resumable", "a snapshot went on behind its cursor");
      isOver = frame.cursor !== "";
      runCount += frame.runs.length;
      for (const { namespace, runId } of frame.runs) missing.delete(`${namespace}/${runId}`);
    }
    findings.looked("Reliable", this.#runs.size);
    for (const run of missing) findings.add("Reliable", `run ${run} is in the feed and not in the snapshot`);
    return runCount;
  }

  #checkTail(events: readonly { readonly eventId: string }[], head: bigint, findings: Findings): void {
    for (const { eventId } of events) {
      if (BigInt(`0x${eventId}`) > head) continue;
      findings.add("Resumable", `${eventId} came behind a snapshot that is newer`);
    }
  }
}
