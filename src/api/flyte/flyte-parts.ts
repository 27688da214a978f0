import type { Clock } from "../../engine/clock.ts";
import type { Engine } from "../../engine/engine.ts";
import type { EngineLog } from "../../engine/log.ts";
import type { DeliveryTargets } from "../subscription-service.ts";
import type { Blobs } from "./blobs.ts";
import type { Transfers } from "./data/transfers.ts";
import type { RunViews } from "./view/run-views.ts";

/** What the services of the facade are made of: one of each for a server. */
export interface FlyteParts {
  readonly engine: Engine;
  readonly views: RunViews;
  readonly blobs: Blobs;
  readonly transfers: Transfers;
  /** Says which addresses the server may not post to. */
  readonly targets: Pick<DeliveryTargets, "forbidden">;
  readonly clock: Clock;
  readonly log: EngineLog;
  /** Streams end by themselves when it is aborted. */
  readonly stopping: AbortSignal;
}
