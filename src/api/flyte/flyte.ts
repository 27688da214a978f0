import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectRouter } from "@connectrpc/connect";
import { type Clock, systemClock } from "../../engine/clock.ts";
import type { Engine } from "../../engine/engine.ts";
import type { EngineLog } from "../../engine/log.ts";
import type { PlainService } from "../carrier/adapter.ts";
import { noTargets } from "../delivery/deliveries.ts";
import type { DeliveryTargets } from "../subscription-service.ts";
import { Blobs } from "./blobs.ts";
import { Transfers } from "./data/transfers.ts";
import { flyteRoutes } from "./flyte-routes.ts";
import { RunViews } from "./view/run-views.ts";

/** What the facade is made from. */
export interface FlyteOptions {
  readonly engine: Engine;
  readonly log: EngineLog;
  readonly clock?: Clock;
  /** Where its files are; undefined for a folder of its own, which goes when it is closed. */
  readonly folder: string | undefined;
  /** Where clients reach the server; "" for where they call it. */
  readonly publicUrl: string;
  /** Says which addresses the server may not post to; without it all may be. */
  readonly targets?: Pick<DeliveryTargets, "forbidden">;
}

/** Everything that makes a server one of Flyte's, to Flyte's clients: their services, and files over HTTP. */
export class Flyte {
  readonly blobs: Blobs;
  readonly #views: RunViews;
  readonly #transfers: Transfers;
  readonly #options: FlyteOptions;
  readonly #isTemporary: boolean;

  private constructor(options: FlyteOptions, blobs: Blobs, key: Uint8Array) {
    const { engine, log, clock = systemClock, folder, publicUrl } = options;
    this.#options = options;
    this.blobs = blobs;
    this.#isTemporary = folder === undefined;
    this.#views = new RunViews({ store: engine.store, feeds: engine.feeds, clock });
    this.#transfers = new Transfers({ blobs, key, clock, log, publicUrl });
  }

  /** That of an engine. Throws StoreUnavailable, and what the file system says. */
  static async of(options: FlyteOptions): Promise<Flyte> {
    const key = await options.engine.store.linkKey();
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "signalbox-flyte-")));
    const blobs = new Blobs(folder);
    await blobs.removeOldDrafts((options.clock ?? systemClock).nowMs());
    return new Flyte(options, blobs, key);
  }

  /** Registers its services. Streams end when `stopping` is aborted. */
  routes(stopping: AbortSignal): (router: ConnectRouter) => void {
    const { engine, log, clock = systemClock, targets = noTargets } = this.#options;
    return flyteRoutes({
      engine,
      log,
      clock,
      stopping,
      views: this.#views,
      blobs: this.blobs,
      transfers: this.#transfers,
      targets,
    });
  }

  /** Serves uploads and downloads. */
  get serve(): PlainService {
    return this.#transfers.serve;
  }

  /** Gives its views up, and its folder if that is its own. To be called when nothing is served any more. */
  async close(): Promise<void> {
    this.#views.close();
    if (this.#isTemporary) await rm(this.blobs.folder, { recursive: true, force: true });
  }
}
